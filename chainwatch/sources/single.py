"""One transaction by its hash, from a node: for people who ask about it, not for watching."""

import msgspec

from chainwatch.chain.pool import Pool
from chainwatch.chain.wire import WireBlock, block_of, is_null, parse_receipts, read_transaction
from chainwatch.errors import BadInput, NodeError
from chainwatch.sources.fetch import Fetcher, TraceMode
from chainwatch.types import Execution, Hash


async def fetch_transaction(pool: Pool, chain_id: int, mode: TraceMode, tx_hash: Hash) -> Execution:
    """The mined transaction `tx_hash`, with its logs, and its call tree where the node gives one.

    Raises BadInput where no provider knows it or it is not mined yet, NodeError where they fail.
    """
    raw = await pool.call("eth_getTransactionByHash", [tx_hash], as_=msgspec.Raw, accept=lambda r: not is_null(r))
    if is_null(raw):
        raise BadInput(f"No provider of chain {chain_id} knows transaction {tx_hash}.", "Check its hash and the chain.")
    receipt = await pool.call("eth_getTransactionReceipt", [tx_hash], as_=msgspec.Raw)
    if is_null(receipt):
        raise BadInput(f"Transaction {tx_hash} is not in a block yet.", "Ask again when it is.")
    try:
        transaction = read_transaction(raw)
        receipts, malformed = parse_receipts(b"[" + bytes(receipt) + b"]")
    except ValueError as error:
        raise NodeError(f"Transaction {tx_hash} cannot be read: {error}.", "Check the node.") from error
    block_hash = receipts[0].block_hash or transaction.block_hash or ""
    header = await pool.call("eth_getBlockByHash", [block_hash, False])
    trees = await Fetcher(pool, chain_id, mode).trees([tx_hash], block_hash) if mode != "none" else {}
    wire = WireBlock(
        transactions=[transaction], hash=block_hash, number=receipts[0].block_number,
        parent_hash=(header or {}).get("parentHash"), timestamp=(header or {}).get("timestamp"),
    )  # fmt: skip
    block = block_of(chain_id, wire, receipts, [trees.get(tx_hash)] if mode != "none" else None, malformed)
    return block.executions[0]
