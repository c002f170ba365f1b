"""What happens when in a run of chaos, all of it from one seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chainwatch.drill.world import World
from tests.chaos_lies import Rehearsal, aside, denied_block, denied_logs, invented, other_words, without_params
from tests.proxy import Fault, FaultProxy

PROVIDERS = ("a", "b", "c")


@dataclass(frozen=True)
class Stage:
    """What faults need to know."""

    world: World
    rehearsal: Rehearsal


Switch = Callable[[FaultProxy, random.Random, Stage], None]


def _plain(fault: Fault, **parameters: Any) -> Switch:
    return lambda proxy, _random, _stage: proxy.on(fault, **parameters)


_RECEIPTS = ("eth_getBlockReceipts", "eth_getTransactionReceipt")
_READS = (*_RECEIPTS, "eth_getBlockByHash", "trace_block", "eth_call")

TROUBLES: dict[str, Switch] = {
    "dead": _plain(Fault.DEAD),
    "drop_socket": _plain(Fault.DROP_SOCKET),
    "stall": _plain(Fault.STALL),
    "stall_without_pongs": _plain(Fault.STALL, pings=False),
    "stall_receipts": _plain(Fault.STALL, methods=_RECEIPTS),
    "stall_reads": _plain(Fault.STALL, methods=_READS),
    "latency": lambda proxy, chance, _: proxy.on(Fault.LATENCY, seconds=chance.uniform(0.1, 1.5)),
    "latency_of_reads": lambda proxy, chance, _: proxy.on(
        Fault.LATENCY, seconds=chance.uniform(1.0, 5.0), methods=_READS
    ),
    "too_many": lambda proxy, chance, _: proxy.on(Fault.TOO_MANY, retry_after=chance.choice((1, 2, 30))),
    "too_many_reads": _plain(Fault.TOO_MANY, methods=_READS),
    "error_internal": _plain(Fault.ERROR_IN_200),
    "error_limit": _plain(Fault.ERROR_IN_200, code=-32005),
    "error_reads": _plain(Fault.ERROR_IN_200, code=-32000, message="header not found", methods=_READS),
    "truncate": _plain(Fault.TRUNCATE),
    "truncate_pushes": _plain(Fault.TRUNCATE, notifications=True),
    "html": _plain(Fault.HTML),
    "stale_head": _plain(Fault.STALE_HEAD),
    "stale_head_knows_later": _plain(Fault.STALE_HEAD, knows_later=True),
    "other_chain": _plain(Fault.OTHER_CHAIN),
    "no_traces": _plain(Fault.NO_TRACES),
    "no_receipts_by_block": _plain(Fault.NO_METHOD, methods=("eth_getBlockReceipts",)),
    "duplicate": _plain(Fault.DUPLICATE),
    "reorder": _plain(Fault.REORDER),
    "huge": _plain(Fault.HUGE),
    "huge_junk": _plain(Fault.HUGE, junk=True),
    "min_replacement": _plain(Fault.MIN_REPLACEMENT),
    "a_little_late": _plain(Fault.LATENCY, seconds=0.05),
}
"""Providers that fail, are late, or have not everything; what they do say is true."""

INVENTED: dict[str, Switch] = {
    "invented_logs": lambda proxy, _, stage: proxy.on(
        Fault.REWRITE, rewrite=aside(invented(stage.rehearsal, proxy.name))
    ),
    "invented_block": lambda proxy, _, stage: proxy.on(
        Fault.OTHER_BLOCK, rewrite=without_params(invented(stage.rehearsal, proxy.name))
    ),
    "wrong_balance": lambda proxy, chance, _: proxy.on(
        Fault.WRONG_BALANCE, change=_times(chance.randrange(2, 1_000), PROVIDERS.index(proxy.name))
    ),
    "wrong_words": lambda proxy, chance, _: proxy.on(
        Fault.REWRITE, rewrite=aside(other_words(_times(chance.randrange(2, 1_000), PROVIDERS.index(proxy.name))))
    ),
    "other_block": _plain(Fault.OTHER_BLOCK),
}
"""Providers that say what is not, or another branch."""

DENIED: dict[str, Switch] = {
    "denied_logs": lambda proxy, _, stage: proxy.on(
        Fault.REWRITE, rewrite=aside(denied_logs(stage.world, bloom_too=False))
    ),
    "denied_logs_and_bloom": lambda proxy, _, stage: proxy.on(
        Fault.REWRITE, rewrite=aside(denied_logs(stage.world, bloom_too=True))
    ),
    "denied_block": lambda proxy, _, stage: proxy.on(Fault.REWRITE, rewrite=aside(denied_block(stage.world))),
    "denied_on_another_branch": lambda proxy, _, stage: proxy.on(
        Fault.OTHER_BLOCK, rewrite=without_params(denied_block(stage.world))
    ),
}
"""Providers that hide an attack."""

LIES = INVENTED | DENIED
ALL = TROUBLES | LIES


def _times(factor: int, more: int) -> Callable[[int], int]:
    return lambda value: value * factor + more + 1


@dataclass(frozen=True)
class Reorganisation:
    """`depth` blocks are replaced, `after` seconds after its episode began; `seed` decides what becomes of attacks."""

    after: float
    depth: int
    seed: int


@dataclass(frozen=True)
class Episode:
    """A time with faults, or without; times in seconds, `start` since the beginning of the run."""

    start: float
    seconds: float
    ills: tuple[tuple[str, str], ...]
    """Provider and what is wrong with it."""
    attack_after: float | None = None
    reorganisation: Reorganisation | None = None
    seed: int = 0
    outage: bool = False
    """Nobody can be reached."""

    def text(self) -> str:
        return ", ".join(f"{name}: {ill}" for name, ill in self.ills) or "no fault"


@dataclass
class Plan:
    """All episodes of a run of `seconds`."""

    seed: int
    seconds: float
    episodes: list[Episode] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, seconds: float, only: tuple[str, ...] = ()) -> "Plan":
        """`only`: no other faults than these, one at a time."""
        chance = random.Random(seed)
        plan = cls(seed, seconds)
        singles, pairs, at, attacked_at, number = _deck(chance, list(only or ALL)), _pairs(chance), 2.0, -30.0, 0
        while True:
            number += 1
            kinds: list[str]
            outage = number % 12 == 11 and not only
            if outage:
                kinds = [chance.choice(("dead", "stall", "stall_without_pongs")) for _ in PROVIDERS]
                length = chance.uniform(5.0, 20.0)
            else:
                kinds = next(pairs) if number % 3 == 0 and not only else [next(singles)]
                length = chance.uniform(2.0, 15.0)
            denies = bool(set(kinds) & DENIED.keys())
            attack = None
            if at - attacked_at > 30.0 or (denies and at - attacked_at > 20.0):
                attack = chance.uniform(0.0, min(length, 6.0))
                if denies:
                    attack, length = chance.uniform(0.2, 1.0), max(length, 6.0)
                attacked_at = at + attack
            reorganisation = None
            if chance.random() < 0.35 or (attack is not None and chance.random() < 0.3):
                after = chance.uniform(0.5, length + 1.5)
                depth = chance.choices(range(1, 9), weights=(8, 6, 4, 3, 2, 2, 1, 1))[0]
                reorganisation = Reorganisation(after, depth, chance.randrange(2**32))
            if at + length > seconds - 3.0:
                return plan
            who = chance.sample(PROVIDERS, len(kinds))
            if set(kinds) & LIES.keys() and chance.random() < 0.6:
                # Whoever answers first is asked first: a liar does most harm when he is the quickest.
                others = [name for name in PROVIDERS if name not in who]
                who, kinds = who + others, kinds + ["a_little_late"] * len(others)
            ills = tuple(sorted(zip(who, kinds, strict=True)))
            plan.episodes.append(Episode(at, length, ills, attack, reorganisation, chance.randrange(2**32), outage))
            at += length + chance.uniform(2.5, 6.0)


def _deck(chance: random.Random, kinds: list[str]) -> Iterator[str]:
    """All of them in some order, then all again in another."""
    while True:
        yield from chance.sample(kinds, len(kinds))


def _pairs(chance: random.Random) -> Iterator[list[str]]:
    """Two at once. Two liars tell different lies, so that the honest third stands against nobody's majority."""
    first, second = _deck(chance, list(ALL)), _deck(chance, list(TROUBLES))
    while True:
        one = next(first)
        other = next(second)
        if one in LIES and chance.random() < 0.3:
            other = chance.choice([lie for lie in LIES if lie != one])
        yield [one, other]
