"""From an Execution to its Facts, in one pass over its logs and its call tree."""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from chainwatch.decode import flash
from chainwatch.decode.calls import flatten, quantity
from chainwatch.decode.codegen import Malformed
from chainwatch.decode.flows import Move, native_moves, token_moves
from chainwatch.decode.pools import name_tokens
from chainwatch.decode.positions import Found, positions, swaps
from chainwatch.decode.protocols.weth import settle
from chainwatch.decode.registry import Known, Registry, is_note
from chainwatch.types import (
    NATIVE,
    Address,
    Event,
    Execution,
    Facts,
    FlashLoan,
    Frame,
    Hash,
    Log,
    MalformedLog,
    Swap,
    Transfer,
)

_ASK_THE_REGISTRY: tuple[Known, ...] = ()
_WORD = re.compile("0x[0-9a-fA-F]{64}")
_HEX = re.compile("0x(?:[0-9a-fA-F]{2})*")


class Decoder:
    """Decodes Executions with the events of a Registry. Keeps nothing of them between calls."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def facts(self, execution: Execution) -> Facts:
        """All that `execution` says. Never raises for what a node or a contract wrote."""
        events: list[Event] = []
        malformed = list(execution.malformed)
        degraded: list[Literal["no_logs", "no_trace"]] = []
        unknown = 0
        frames: tuple[Frame, ...] = ()
        created: frozenset[Address] = frozenset()
        if execution.trace is None:
            degraded.append("no_trace")
        else:
            try:
                frames, created = flatten(execution.trace)
            except ValueError as error:  # a quantity in the tree is not hex: the tree is no evidence
                raw = msgspec.json.encode(execution.trace)
                malformed.append(MalformedLog(tx_hash=execution.transaction.hash, reason=f"trace: {error}", raw=raw))
                degraded.append("no_trace")
        if execution.logs is None:
            degraded.append("no_logs")
            _append(events, _from_tree(frames))
        else:
            if not frames:
                _append_own_value(events, execution)
            unknown = self._from_logs(events, execution.logs, malformed, execution.transaction.hash)
            _append(events, _beside_logs(frames, events))
        kinds = set(map(type, events))
        if Transfer in kinds:
            settle(events, has_trace=bool(frames))
        if Swap in kinds:
            name_tokens(events)
        if FlashLoan not in kinds:
            _append(events, _out_and_back(execution, events, created), framed=False)
        return Facts(
            events=tuple(events),
            frames=frames,
            created=created,
            malformed=tuple(malformed),
            unknown_logs=unknown,
            degraded=tuple(degraded),
        )

    def _from_logs(self, events: list[Event], logs: Sequence[Log], malformed: list[MalformedLog], tx_hash: Hash) -> int:
        """Append what `logs` say to `events`; returns how many no decoder knows."""
        by_topic, bound, only = self._registry.by_topic, self._registry.bound, self._registry.only
        unknown = 0
        for log in logs:
            topics = log.topics
            try:
                if bound and log.address in bound:
                    candidates = _ASK_THE_REGISTRY
                elif topics and (one := only.get(topics[0])) is not None and one[0] == len(topics):
                    one[1](events, log)
                    continue
                elif topics and (counts := by_topic.get(topics[0])) is not None:
                    candidates = counts.get(len(topics), _ASK_THE_REGISTRY)
                elif is_note(log):
                    candidates = _ASK_THE_REGISTRY
                else:
                    _refuse_unsound(log)
                    unknown += 1
                    continue
                if len(candidates) == 1:
                    only.setdefault(topics[0], (len(topics), candidates[0].handle))
                    candidates[0].handle(events, log)
                elif (found := self._registry.match(log)) is not None:
                    found[0].handle(events, log)
                else:
                    unknown += 1
            except Exception as error:  # BROKEN, or a protocol's table that did not expect this: it costs this log only
                raw = msgspec.json.encode(log)
                malformed.append(MalformedLog(tx_hash=tx_hash, reason=why_malformed(error), raw=raw))
        return unknown


def _refuse_unsound(log: Log) -> None:
    """Raises Malformed where what no decoder knows is no log at all: at most four words as topics, and hex."""
    if len(log.topics) > 4 or not all(map(_WORD.fullmatch, log.topics)) or _HEX.fullmatch(log.data) is None:
        raise Malformed("not a log as nodes write them: topics or data are not hex")


def why_malformed(error: Exception) -> str:
    """What is said of a log that `error` was raised for."""
    return str(error) if isinstance(error, Malformed) else f"not a log as nodes write them: {error}"


def _append(events: list[Event], found: Iterable[Found], *, framed: bool = True) -> None:
    for item in found:
        frame = item.frame if framed else None
        events.append(item.kind(order=len(events), log_index=None, frame=frame, **item.fields))


def _as_found(move: Move) -> Found:
    native = move.token == NATIVE
    fields = {
        "address": move.sender if native else move.token, "protocol": "native" if native else "calls",
        "token": move.token, "sender": move.sender, "recipient": move.recipient, "amount": move.amount,
    }  # fmt: skip
    return Found(move.frame, move.frame, Transfer, fields)


def _from_tree(frames: Sequence[Frame]) -> list[Found]:
    """Every Event of a tree without logs, each after all that it covers, as its log would have been."""
    if not frames:
        return []
    moves = token_moves(frames)
    found = [_as_found(move) for move in (*native_moves(frames), *moves)]
    if moves:
        found += swaps(frames, moves)
    found += positions(frames)
    if flash.has_callback(frames):
        found += flash.callback_loans(frames, moves, frozenset())
    found.sort(key=lambda item: item.after)
    return found


def _beside_logs(frames: Sequence[Frame], events: Sequence[Event]) -> list[Found]:
    """What only the tree knows: native movements, and loans that no event tells."""
    if not frames:
        return []
    found: list[Found] = []
    if flash.has_callback(frames):
        told = frozenset(e.lender for e in events if isinstance(e, FlashLoan))
        found += flash.callback_loans(frames, token_moves(frames), told)
    found += (_as_found(move) for move in native_moves(frames))
    return found


def _append_own_value(events: list[Event], execution: Execution) -> None:
    """Without a call tree all we know of native coin is what the transaction itself sent."""
    transaction = execution.transaction
    try:
        value = quantity(transaction.value)
    except ValueError:
        return
    if value and execution.succeeded and transaction.to:
        move = Move(0, NATIVE, transaction.from_, transaction.to, value)
        _append(events, [_as_found(move)], framed=False)


def _out_and_back(execution: Execution, events: Sequence[Event], created: frozenset[Address]) -> list[Found]:
    own = {execution.transaction.from_, execution.transaction.to}
    cluster = frozenset(a for a in own if a) | created
    return flash.out_and_back([e for e in events if isinstance(e, Transfer)], cluster)
