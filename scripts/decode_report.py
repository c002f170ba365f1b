#!/usr/bin/env python
"""What decoding understands of real transactions: shares of logs, unknown topics, and trees held against logs.

    scripts/decode_report.py RECORDING... [--json] [--sample N]

For each Recording: how many logs were decoded and how many mean an Event, all and without ERC-20 Transfer and Approval;
how many transactions with such other logs were decoded whole. Over all of them: logs by protocol, the most frequent
unknown topics, token movements read from call trees against those read from logs with the reasons of the differences,
native value (nothing made or lost, every wrapping matched by as much coin), and how fast the pass over the trees is.
`--sample N` prints N mapped events, one a protocol and event, to be checked by hand.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chainwatch.decode import Decoder, Registry, load_registry
from chainwatch.decode.calls import flatten
from chainwatch.decode.registry import BROKEN
from chainwatch.sources.recordings import read_recording
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    CallFrame,
    Event,
    Execution,
    Log,
    NftTransfer,
    Stage,
    Transaction,
    Transfer,
)

PLAIN = {("erc20", "Transfer"), ("erc20", "Approval")}
MOST_UNKNOWN = 20

Movement = tuple[str, str, str, int]
"""Token, sender, recipient, amount."""


class Shares(msgspec.Struct):
    """Counts of logs and transactions of one Recording."""

    logs: int = 0
    decoded: int = 0
    mapped: int = 0
    other_logs: int = 0
    other_decoded: int = 0
    other_mapped: int = 0
    defi_transactions: int = 0
    defi_whole: int = 0
    malformed: int = 0

    def shown(self) -> dict[str, Any]:
        """With the shares in per cent."""
        pairs = {
            "decoded": (self.decoded, self.logs), "mapped": (self.mapped, self.logs),
            "other_decoded": (self.other_decoded, self.other_logs),
            "other_mapped": (self.other_mapped, self.other_logs),
            "defi_whole": (self.defi_whole, self.defi_transactions),
        }  # fmt: skip
        shares = {f"{name}_percent": round(100 * n / of, 1) for name, (n, of) in pairs.items() if of}
        return msgspec.to_builtins(self) | shares


def executions(path: Path) -> Iterator[Execution]:
    """Every transaction of a Recording."""
    for line in read_recording(path):
        yield from line.block.executions


class Report:
    """Goes through Recordings once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._decoder = Decoder(registry)
        self.sets: dict[str, Shares] = {}
        self.protocols: Counter[str] = Counter()
        self.unknown: Counter[tuple[str, int]] = Counter()
        self.where: dict[tuple[str, int], str] = {}
        self.samples: dict[tuple[str, str], tuple[Log, str, list[Event]]] = {}
        self.movements: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.native: Counter[str] = Counter()
        self.seconds: list[tuple[float, int]] = []

    def read(self, path: Path) -> None:
        """One Recording."""
        shares = self.sets.setdefault(path.name.split(".")[0], Shares())
        for execution in executions(path):
            if execution.logs is not None:
                self._logs(execution, shares)
                if execution.trace is not None:
                    self._trees(execution)
            if execution.trace is not None:
                self._time(execution)

    def _logs(self, execution: Execution, shares: Shares) -> None:
        facts = self._decoder.facts(execution)
        meant: dict[int, list[Event]] = {}
        for event in facts.events:
            if event.log_index is not None:
                meant.setdefault(event.log_index, []).append(event)
        whole, other = True, False
        for log in execution.logs or ():
            shares.logs += 1
            try:
                found = self._registry.match(log)
            except BROKEN:
                shares.malformed += 1
                found = None
            is_mapped = int(log.log_index, 16) in meant
            if found is None:
                key = (log.topics[0] if log.topics else "no topic", len(log.topics))
                self.unknown[key] += 1
                self.where.setdefault(key, f"{execution.transaction.hash} at {log.address}")
                whole, other = False, True
                shares.other_logs += 1
                continue
            spec = found[0].spec
            self.protocols[spec.protocol] += 1
            shares.decoded += 1
            shares.mapped += is_mapped
            if (spec.protocol, spec.name) in PLAIN:
                continue
            other = True
            shares.other_logs += 1
            shares.other_decoded += 1
            shares.other_mapped += is_mapped
            if is_mapped:
                key_ = (spec.protocol, spec.signature)
                self.samples.setdefault(key_, (log, execution.transaction.hash, meant[int(log.log_index, 16)]))
        shares.defi_transactions += other
        shares.defi_whole += other and whole

    def _trees(self, execution: Execution) -> None:
        both = self._decoder.facts(execution)
        alone = self._decoder.facts(msgspec.structs.replace(execution, logs=None))
        told, asked = _movements(both.events), _movements(alone.events)
        changes: Counter[str] = Counter()
        for event in both.events:
            if isinstance(event, Transfer) and event.token == NATIVE:
                changes[event.sender] -= event.amount
                changes[event.recipient] += event.amount
        self.native["transactions"] += 1
        self.native["conserved"] += sum(changes.values()) == 0
        for event in both.events:
            if event.protocol == "weth" and isinstance(event, Transfer):
                self.native["wrapped_or_unwrapped"] += 1
                coin = _coin_of(event, both.events)
                self.native["matched_by_coin"] += coin
        if not told and not asked:
            return
        self.movements["transactions"] += 1
        self.movements["whole"] += told == asked
        self.movements["told"] += told.total()
        self.movements["common"] += (told & asked).total()
        self.movements["asked_only"] += (asked - told).total()
        self._explain(told - asked, asked - told, execution, both.events)

    def _explain(
        self, told: Counter[Movement], asked: Counter[Movement], execution: Execution, events: Sequence[Event]
    ) -> None:
        items = {(e.token, e.token_id) for e in events if isinstance(e, NftTransfer)}
        loggers = {log.address for log in execution.logs or ()}
        asked_of = {(token, sender, recipient) for token, sender, recipient, _ in asked}
        told_of = {(token, sender, recipient) for token, sender, recipient, _ in told}
        for (token, sender, recipient, _), n in told.items():
            if (token, sender, recipient) in asked_of:
                reason = "in the log only: another amount than was asked for (a fee, or a balance that rebases)"
            elif ZERO_ADDRESS in (sender, recipient):
                reason = "in the log only: made or burnt within some other call (shares, interest, liquidity)"
            else:
                reason = "in the log only: moved by some other function of the token"
            self.reasons[reason] += n
        for (token, sender, recipient, amount), n in asked.items():
            if (token, sender, recipient) in told_of:
                reason = "in the tree only: another amount than the log tells"
            elif (token, amount) in items:
                reason = "in the tree only: an item of a collection, whose transferFrom has the same selector"
            elif token not in loggers:
                reason = "in the tree only: the contract logged nothing (no token, or it returned false)"
            else:
                reason = "in the tree only: the token logged it otherwise"
            self.reasons[reason] += n

    def _time(self, execution: Execution) -> None:
        assert execution.trace is not None
        bare = msgspec.structs.replace(execution, logs=None)
        started = time.perf_counter()
        facts = self._decoder.facts(bare)
        self.seconds.append((time.perf_counter() - started, len(facts.frames)))

    def result(self) -> dict[str, Any]:
        """All of it."""
        total = Shares()
        for one in self.sets.values():
            for name in Shares.__struct_fields__:
                setattr(total, name, getattr(total, name) + getattr(one, name))
        movements = dict(self.movements)
        if movements.get("told"):
            movements["whole_percent"] = round(100 * movements["whole"] / movements["transactions"], 1)
            movements["common_percent"] = round(100 * movements["common"] / movements["told"], 1)
        timed = sorted(self.seconds, key=lambda item: item[1])
        flow = {}
        if timed:
            flow = {
                "transactions": len(timed),
                "transactions_per_second": round(len(timed) / sum(s for s, _ in timed)),
                "p50_ms": round(1e3 * statistics.median(s for s, _ in timed), 3),
                "largest_tree_frames": timed[-1][1],
                "largest_tree_ms": round(1e3 * timed[-1][0], 2),
            }
        return {
            "layouts": len(self._registry),
            "protocols": len(self._registry.protocols),
            "sets": {name: shares.shown() for name, shares in self.sets.items()} | {"all": total.shown()},
            "logs_by_protocol": dict(self.protocols.most_common()),
            "unknown": [
                {"logs": n, "topic0": topic, "topics": count, "first": self.where[topic, count]}
                for (topic, count), n in self.unknown.most_common(MOST_UNKNOWN)
            ],
            "movements": movements,
            "differences": dict(self.reasons.most_common()),
            "native": dict(self.native),
            "flow_pass": flow,
        }


def _movements(events: Sequence[Event]) -> Counter[Movement]:
    return Counter(
        (e.token, e.sender, e.recipient, e.amount)
        for e in events
        if isinstance(e, Transfer) and e.token != NATIVE and e.amount
    )


def _coin_of(wrapped: Transfer, events: Sequence[Event]) -> bool:
    """Whether as much coin went into the wrapper, or came out of it."""
    made = wrapped.sender == ZERO_ADDRESS
    return any(
        isinstance(e, Transfer) and e.token == NATIVE and e.amount == wrapped.amount
        and (e.recipient if made else e.sender) == wrapped.token
        for e in events
    )  # fmt: skip


def largest_tree(frames: int = 4_000) -> float:
    """Milliseconds for a made-up tree of `frames` frames, a quarter of them token transfers, nested 1,000 deep."""
    rng = random.Random(1)
    accounts = [f"0x{rng.getrandbits(160):040x}" for _ in range(50)]
    inner: CallFrame | None = None
    for n in range(1_000):
        own = accounts[n % 50]
        words = accounts[(n + 7) % 50][2:].rjust(64, "0") + f"{n + 1:064x}"
        leaves = [CallFrame(type="CALL", from_=own, to=accounts[(n + 3) % 50], input="0xa9059cbb" + words)]
        leaves += [
            CallFrame(type="STATICCALL", from_=own, to=accounts[k], input="0x70a08231" + words[:64])
            for k in range(max(frames // 1_000 - 2, 0))
        ]
        calls = leaves if inner is None else [*leaves, inner]
        inner = CallFrame(type="CALL", from_=accounts[(n + 1) % 50], to=own, input="0x12345678", calls=calls)
    assert inner is not None
    execution = Execution(
        chain_id=1, stage=Stage.INCLUDED, block=None,
        transaction=Transaction(hash="0x" + "00" * 32, from_=inner.from_, to=inner.to),
        index=0, succeeded=True, logs=None, trace=inner,
    )  # fmt: skip
    assert len(flatten(inner)[0]) == frames
    decoder = Decoder(load_registry())
    times = []
    for _ in range(5):
        started = time.perf_counter()
        decoder.facts(execution)
        times.append(time.perf_counter() - started)
    return round(1e3 * statistics.median(times), 2)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--sample", type=int, default=0, help="print so many mapped events")
    given = parser.parse_args(arguments)
    report = Report(load_registry())
    for path in given.recordings:
        report.read(path)
    result = report.result()
    result["flow_pass"]["made_up_tree_of_4000_ms"] = largest_tree()
    if given.sample:
        chosen = random.Random(7).sample(sorted(report.samples), min(given.sample, len(report.samples)))
        for n, key in enumerate(chosen, 1):
            log, tx, events = report.samples[key]
            decoded = Registry.decode(report._registry, log)
            print(f"{n}. {key[0]} {key[1]} tx {tx} at {log.address}")
            print(f"   topics {log.topics[1:]}\n   data {log.data[:330]}")
            print(f"   arguments {dict(decoded.arguments) if decoded else None}")
            for event in events:
                print(f"   means {event}")
        return 0
    if not given.json:
        print(
            f"{'recording':<22} {'logs':>6} {'decoded':>8} {'mapped':>8} | without ERC-20 Transfer and Approval | whole"
        )
        for name, s in result["sets"].items():
            if s["logs"]:
                print(
                    f"{name:<22} {s['logs']:>6} {s['decoded_percent']:>7}% {s['mapped_percent']:>7}% | "
                    f"{s['other_logs']:>6} "
                    f"{s.get('other_decoded_percent', 0):>7}% {s.get('other_mapped_percent', 0):>7}% | "
                    f"{s['defi_whole']} of {s['defi_transactions']}"
                )
    print(json.dumps(result, indent=None if given.json else 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
