"""Builders of test data: those that users get, and what only our own tests need."""

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.testing import (
    address,
    block,
    execution,
    facts,
    finding,
    hash_,
    profile,
    reading,
    ref,
    transaction,
)

__all__ = [
    "address",
    "block",
    "execution",
    "facts",
    "finding",
    "hash_",
    "pool_over",
    "profile",
    "reading",
    "ref",
    "transaction",
]


def pool_over(rpc: Rpc, chain_id: int = 31337) -> Pool:
    """A pool of the one node behind `rpc`; it is not asked who it is, as fake nodes do not know."""
    pool = Pool.over(rpc, chain_id)
    pool.providers[0].trusted()
    return pool
