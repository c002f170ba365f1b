"""Builders of test data: every field has a default, so that a test says only what matters to it."""

from typing import Any

import msgspec

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.models import Profile
from chainwatch.types import (
    Block,
    BlockRef,
    Evidence,
    Execution,
    Facts,
    Finding,
    ProbeReading,
    Stage,
    Transaction,
)


def address(n: int) -> str:
    """A distinct address."""
    return f"0x{n:040x}"


def hash_(n: int) -> str:
    """A distinct hash."""
    return f"0x{n:064x}"


def ref(number: int, *, branch: int = 0, timestamp: int | None = None) -> BlockRef:
    """Block `number` of a chain; `branch` tells forks apart."""
    return BlockRef(
        number=number,
        hash=hash_(number * 1_000 + branch),
        parent_hash=hash_((number - 1) * 1_000 + branch),
        timestamp=number * 12 if timestamp is None else timestamp,
    )


def transaction(n: int = 1, **fields: Any) -> Transaction:
    """A call from address 0xa1 to 0xb1."""
    return Transaction(**({"hash": hash_(n), "from_": address(0xA1), "to": address(0xB1)} | fields))


def execution(n: int = 1, **fields: Any) -> Execution:
    """A successful included Execution without logs or call tree."""
    given: dict[str, Any] = {
        "chain_id": 1, "stage": Stage.INCLUDED, "transaction": transaction(n), "block": ref(10), "index": 0,
        "succeeded": True, "logs": [], "trace": None,
    }  # fmt: skip
    return Execution(**(given | fields))


def facts(*events: Any, **fields: Any) -> Facts:
    """Facts that hold `events` in order."""
    ordered = tuple(msgspec.structs.replace(event, order=i) for i, event in enumerate(events))
    return Facts(**({"events": ordered, "frames": (), "created": frozenset()} | fields))


def block(number: int = 10, *executions: Execution, branch: int = 0, timestamp: int | None = None) -> Block:
    """A block of `executions`."""
    return Block(chain_id=1, ref=ref(number, branch=branch, timestamp=timestamp), executions=executions)


def reading(name: str, *values: int, at: BlockRef | None = None, error: str | None = None) -> ProbeReading:
    """What a Probe read."""
    return ProbeReading(name=name, block=at or ref(9), values=values, error=error)


def finding(**fields: Any) -> Finding:
    """A Finding of the family `flash` about transaction 1 that took from 0xb1."""
    given: dict[str, Any] = {
        "detector": "flash", "family": "flash", "kind": "flash_price_manipulation", "confidence": 0.9,
        "likelihood_ratio": 1_000.0, "chain_id": 1, "stage": Stage.INCLUDED, "block": ref(10),
        "tx_hashes": (hash_(1),), "victims": (address(0xB1),), "suspects": (address(0xA1),), "loss": {},
        "loss_usd": None, "evidence": (Evidence(ref="log:1:0x0", what="a log"),), "formula": "f",
        "explanation": "because",
    }  # fmt: skip
    return Finding(**(given | fields))


def profile(**fields: Any) -> Profile:
    """A profile that protects 0xb1."""
    given: dict[str, Any] = {
        "name": "p",
        "chain_id": 1,
        "contracts": [{"name": "market", "address": address(0xB1)}],
    }
    return Profile.model_validate(given | fields)


def pool_over(rpc: Rpc, chain_id: int = 31337) -> Pool:
    """A pool of the one node behind `rpc`; it is not asked who it is, as fake nodes do not know."""
    pool = Pool.over(rpc, chain_id)
    pool.providers[0].trusted()
    return pool
