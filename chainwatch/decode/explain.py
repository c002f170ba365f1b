"""One Execution for a person: what was called, what was said, what moved, who gained and who lost.

`explain` is what `chainwatch decode` prints; its result is plain data and prints as JSON as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chainwatch.decode.balances import ledger
from chainwatch.decode.calls import quantity
from chainwatch.decode.decoder import Decoder, why_malformed
from chainwatch.decode.pools import price_path
from chainwatch.decode.registry import BROKEN, DecodedCall, Registry
from chainwatch.types import Address, CallFrame, Event, Execution, Frame, Hash, HexData, Log, MalformedLog

PANICS: Mapping[int, str] = {
    0x00: "generic", 0x01: "assertion failed", 0x11: "arithmetic over- or underflow", 0x12: "division by zero",
    0x21: "not a member of the enumeration", 0x22: "storage byte array wrongly encoded", 0x31: "pop of an empty array",
    0x32: "array index out of bounds", 0x41: "too much memory", 0x51: "call of an uninitialised function",
}  # fmt: skip
"""Solidity's panic codes (docs.soliditylang.org, "Panic via assert and Error via require")."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the call tree. `name` is the function, or its selector where it is unknown; `failed` says why the
    frame itself failed, `reverted` that what it did was undone."""

    index: int
    parent: int
    depth: int
    kind: str
    sender: Address
    to: Address
    acting_as: Address
    value: int
    name: str
    protocol: str | None = None
    arguments: Mapping[str, Any] = {}
    reverted: bool = False
    failed: str | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One log: its event and arguments, and the Events it means. `name` is None where nobody knows it. Logs of which
    several have one index, or none, are numbered by their place."""

    log_index: int
    address: Address
    name: str | None
    protocol: str | None = None
    arguments: Mapping[str, Any] = {}
    means: tuple[Event, ...] = ()
    topics: tuple[str, ...] = ()
    data: HexData = "0x"
    malformed: str | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `changes` are net gains (positive) and losses in base units by account and token, `cluster` those of
    the sender together with what it created, `with_target` these and the contract it called: an attacker's own, or
    somebody's who served it. Wrapped coins count as the coin, gas is not counted. `prices` are each pool's in order."""

    chain_id: int
    tx_hash: Hash
    block_number: int | None
    sender: Address
    target: Address | None
    value: int
    succeeded: bool
    call: DecodedCall | None
    calls: tuple[Call, ...]
    logs: tuple[Said, ...]
    events: tuple[Event, ...]
    created: tuple[Address, ...]
    changes: Mapping[Address, Mapping[Address, int]]
    cluster: Mapping[Address, int]
    with_target: Mapping[Address, int]
    prices: Mapping[str, tuple[float, ...]]
    unknown_logs: int
    malformed: tuple[MalformedLog, ...]
    degraded: tuple[str, ...]


def explain(execution: Execution, registry: Registry) -> Explanation:
    """What `execution` is about. Never raises for what a node or a contract wrote."""
    execution = _numbered(execution)
    facts = Decoder(registry).facts(execution)
    transaction = execution.transaction
    net = ledger(facts.events)
    changes = {account: net.net((account,)) for account in net.changes}
    meant: dict[int, tuple[Event, ...]] = {}
    for event in facts.events:
        if event.log_index is not None:
            meant[event.log_index] = (*meant.get(event.log_index, ()), event)
    side = {transaction.from_, *facts.created}
    return Explanation(
        chain_id=execution.chain_id,
        tx_hash=transaction.hash,
        block_number=execution.block.number if execution.block else None,
        sender=transaction.from_,
        target=transaction.to,
        value=_number(transaction.value),
        succeeded=execution.succeeded,
        call=registry.decode_call(transaction.input, transaction.to) if transaction.to else None,
        calls=tuple(_calls(facts.frames, execution.trace, registry)),
        logs=tuple(_said(log, meant, registry) for log in execution.logs or ()),
        events=facts.events,
        created=tuple(sorted(facts.created)),
        changes={account: change for account, change in changes.items() if change},
        cluster=net.net(side),
        with_target=net.net({*side, transaction.to} if transaction.to else side),
        prices={
            f"{pool} {pair}".strip(): tuple(point.price for point in points)
            for (pool, pair), points in price_path(facts.events).items()
        },
        unknown_logs=facts.unknown_logs,
        malformed=facts.malformed,
        degraded=facts.degraded,
    )


def reason(output: HexData | None, error: str | None, registry: Registry) -> str | None:
    """Why a frame failed: what its return data says, else the node's own word. None where it did not fail."""
    if error is None:
        return None
    if not output or len(output) < 10:
        return error
    decoded = registry.decode_error(output)
    if decoded is None:
        return f"{error}: {output}"
    values = list(decoded.arguments.values())
    if decoded.signature == "Error(string)":
        return str(values[0])
    if decoded.signature == "Panic(uint256)":
        return f"panic 0x{values[0]:02x}: {PANICS.get(values[0], 'unknown code')}"
    return f"{decoded.name}({', '.join(map(str, values))})"


def _number(text: str) -> int:
    try:
        return quantity(text)
    except ValueError:
        return 0


def _calls(frames: tuple[Frame, ...], trace: CallFrame | None, registry: Registry) -> Iterator[Call]:
    if trace is None:
        return
    for frame, raw in zip(frames, _in_order(trace), strict=False):
        decoded = registry.decode_call(frame.input, frame.acting_as) if frame.selector else None
        yield Call(
            index=frame.index,
            parent=frame.parent,
            depth=frame.depth,
            kind=frame.kind,
            sender=frame.sender,
            to=frame.to,
            acting_as=frame.acting_as,
            value=frame.value,
            name=decoded.name if decoded else frame.selector,
            protocol=decoded.protocol if decoded else None,
            arguments=decoded.arguments if decoded else {},
            reverted=frame.reverted,
            failed=reason(raw.output, raw.error, registry),
        )


def _in_order(root: CallFrame) -> Iterator[CallFrame]:
    stack = [root]
    while stack:
        call = stack.pop()
        yield call
        stack.extend(reversed(call.calls or ()))


def _numbered(execution: Execution) -> Execution:
    """`execution` with an index of its own for each log: what an Event is of is told by it."""
    logs = execution.logs or []
    if len(set(map(_index, logs))) == len(logs):
        return execution
    numbered = [msgspec.structs.replace(log, log_index=hex(place)) for place, log in enumerate(logs)]
    return msgspec.structs.replace(execution, logs=numbered)


def _index(log: Log) -> int:
    try:
        return int(log.log_index, 16)
    except ValueError:
        return -1


def _said(log: Log, meant: Mapping[int, tuple[Event, ...]], registry: Registry) -> Said:
    index = _index(log)
    common: dict[str, Any] = {
        "log_index": index, "address": log.address, "topics": tuple(log.topics), "data": log.data,
        "means": meant.get(index, ()),
    }  # fmt: skip
    try:
        decoded = registry.decode(log)
    except BROKEN as error:
        return Said(**common, name=None, malformed=why_malformed(error))
    if decoded is None:
        return Said(**common, name=None)
    return Said(**common, name=decoded.name, protocol=decoded.protocol, arguments=decoded.arguments)
