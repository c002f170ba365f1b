"""For tests of your own detectors: builders in which every field has a default, and an Execution from a Recording.

from chainwatch.testing import address, call, executed, findings

def test_it_is_found():
    tree = call(address(1), address(2), "0x12345678", call(address(2), address(3), value=10**18))
    assert findings(MyDetector(), executed(tree))

def test_a_real_one():
    assert findings(MyDetector(), from_recording("attack.jsonl.gz", "0x…"))
"""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import Detector, View, Words
from chainwatch.errors import BadInput
from chainwatch.sources.recordings import read_recording
from chainwatch.types import (
    Address,
    Block,
    BlockRef,
    CallFrame,
    Evidence,
    Execution,
    Facts,
    Finding,
    Hash,
    HexData,
    ProbeReading,
    Stage,
    Transaction,
)


def address(n: int) -> Address:
    """A distinct address."""
    return f"0x{n:040x}"


def hash_(n: int) -> Hash:
    """A distinct hash."""
    return f"0x{n:064x}"


def ref(number: int, *, branch: int = 0, timestamp: int | None = None) -> BlockRef:
    """Block `number` of a chain, twelve seconds after the one before; `branch` tells forks apart."""
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


def call(
    from_: Address, to: Address, input_: HexData = "0x", *calls: CallFrame, value: int = 0, **fields: Any
) -> CallFrame:
    """A frame of a call tree that makes `calls`; `value` in wei."""
    given = {"type": "CALL", "from_": from_, "to": to, "input": input_, "calls": list(calls), "value": hex(value)}
    return CallFrame(**(given | fields))


def executed(tree: CallFrame, **fields: Any) -> Execution:
    """The Execution of a call tree, without logs unless given."""
    root = transaction(from_=tree.from_, to=tree.to, input=tree.input, value=tree.value or "0x0")
    return execution(**({"transaction": root, "trace": tree, "logs": None} | fields))


def from_recording(path: Path | str, tx_hash: Hash) -> Execution:
    """One transaction of a Recording (docs/recordings.md). Raises BadInput where it is not there."""
    for line in read_recording(Path(path)):
        for found in line.block.executions:
            if found.transaction.hash == tx_hash.lower():
                return found
    raise BadInput(f"{path} does not hold transaction {tx_hash}.", "Name another file, or the whole hash.")


def facts(*events: Any, **fields: Any) -> Facts:
    """Facts that hold `events` in order."""
    ordered = tuple(msgspec.structs.replace(event, order=i) for i, event in enumerate(events))
    return Facts(**({"events": ordered, "frames": (), "created": frozenset()} | fields))


def findings(detector: Detector, subject: Execution, **view: Any) -> list[Finding]:
    """What `detector` says of `subject`, decoded as the bot does; `view` are further fields of the View, for example
    `protected=frozenset({…})` or `profile=…`."""
    stated = view.get("profile")
    named: dict[str, Any] = {}
    if isinstance(stated, Profile):
        named = {"words": Words.of(stated), "protected": stated.protected}
    return list(detector.inspect(subject, View(facts=(_decoder().facts(subject),), **(named | view))))


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


@cache
def _decoder() -> Decoder:
    return Decoder(load_registry())
