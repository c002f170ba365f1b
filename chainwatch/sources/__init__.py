"""Where Executions come from: live blocks, the mempool, Recordings. All yield the same types.

The block stream is ordered and gap-free and says `Reorg` and `Gap`; the pending stream is lossy and counts
what it shed. Their types differ so that nobody takes one for the other.
"""
