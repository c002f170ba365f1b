"""A reentrancy in evidence and words: what `reentrancy` saw, for people and records."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chainwatch.decode.balances import giver, taker
from chainwatch.detect.base import Words
from chainwatch.detect.reentry_paths import Reentry
from chainwatch.types import NATIVE, Address, Event, Evidence, Frame, Hash, Transfer

_RANK = ("direct", "read", "cross")
"""Of several entries the plainest is told of first."""

_ENTERED = {
    "direct": "{} was entered again",
    "read": "{} was asked or called by a third contract in its unfinished state",
    "cross": "a contract that {} had called and relies on was called",
}

MAX_SHOWN = 3
"""Entries and movements cited of each kind: enough to check the claim, few enough to read."""


class ReentryCase(msgspec.Struct, frozen=True):
    """`entries` into contracts that had not returned; `side` the sender's; `gains` its; `victims` who lost what and
    `received` what they got meanwhile; `folded` are wrapped forms of the coin."""

    entries: Sequence[Reentry]
    side: frozenset[Address]
    gains: Mapping[Address, int]
    victims: Mapping[Address, Mapping[Address, int]]
    received: Mapping[Address, int]
    folded: frozenset[Address]

    @property
    def loss(self) -> dict[Address, int]:
        """What all victims lost, by token."""
        return sum_of(self.victims.values())


def sum_of(amounts: Iterable[Mapping[Address, int]]) -> dict[Address, int]:
    """Amounts added up, by token."""
    total: dict[Address, int] = {}
    for lost in amounts:
        for token, amount in lost.items():
            total[token] = total.get(token, 0) + amount
    return total


def evidence_of(tx: Hash, events: Sequence[Event], frames: Sequence[Frame], case: ReentryCase) -> tuple[Evidence, ...]:
    """Of the plainest entries the frame that was open, the one that gave control away, and the entry itself; then the
    largest movements of loss and gain."""
    steps: dict[int, str] = {}
    for e in _plainest(case)[:MAX_SHOWN]:
        steps.setdefault(e.outer, f"{e.victim} was called and had not returned")
        steps.setdefault(e.hop, "control went to the sender's side")
        if e.entry != e.inner:
            steps.setdefault(e.entry, "the sender's side called a third contract meanwhile")
        steps.setdefault(e.inner, _ENTERED[e.kind].format(e.victim))
    cited: list[Evidence] = []
    for index, what in sorted(steps.items()):
        values = {"from": frames[index].sender, "to": frames[index].to, "selector": frames[index].selector}
        cited.append(Evidence(ref=f"frame:{tx}:{index}", what=what, values=values))
    movements = [e for e in events if isinstance(e, Transfer) and e.amount]
    lost = [t for t in movements if (NATIVE if t.token in case.folded else t.token) in case.victims.get(giver(t), ())]
    gained = [t for t in movements if taker(t) in case.side and giver(t) not in case.side]
    for what, moved in (("went out of a contract that lost", lost), ("went to the sender's side", gained)):
        for transfer in _largest(moved):
            names = {"token": transfer.token, "from": transfer.sender, "to": transfer.recipient}
            cited.append(Evidence(ref=_ref(tx, transfer), what=what, values=names | {"amount": str(transfer.amount)}))
    return tuple({item.ref: item for item in reversed(cited)}.values())[::-1]


def _plainest(case: ReentryCase) -> list[Reentry]:
    return sorted(case.entries, key=lambda e: _RANK.index(e.kind))


def _largest(transfers: Sequence[Transfer]) -> list[Transfer]:
    """The largest one of each token, at most MAX_SHOWN."""
    largest: dict[Address, Transfer] = {}
    for transfer in transfers:
        best = largest.get(transfer.token)
        if best is None or transfer.amount > best.amount:
            largest[transfer.token] = transfer
    return list(largest.values())[:MAX_SHOWN]


def _ref(tx: Hash, event: Event) -> str:
    if event.log_index is not None:
        return f"log:{tx}:{event.log_index}"
    return f"event:{tx}:{event.order}" if event.frame is None else f"frame:{tx}:{event.frame}"


def explanation_of(case: ReentryCase, frames: Sequence[Frame], words: Words) -> str:
    """Three or four sentences for a person who was asleep a minute ago."""
    e = _plainest(case)[0]
    entered, times = words.name(e.victim), len(case.entries)
    how = {
        "direct": f"called {entered} again",
        "read": f"called {words.name(frames[e.entry].to)}, for which {entered} was asked in its unfinished state",
        "cross": f"had {words.name(frames[e.inner].to)} called, on which {entered} relies",
    }[e.kind]
    victim, lost = next(iter(case.victims.items()))
    others = f" and {len(case.victims) - 1} more" if len(case.victims) > 1 else ""
    return (
        f"{entered} was called and, before it had returned, gave control to the sender's side, which {how} "
        f"({times} such entries in all). At the end {words.name(victim)}{others} had less: {_amounts(lost, words)}; "
        f"the sender's side had more: {_amounts(case.gains, words)}. Contracts are not meant to be entered while "
        "their accounts are half written."
    )


def _amounts(amounts: Mapping[Address, int], words: Words) -> str:
    shown = [words.amount(token, amount) for token, amount in list(amounts.items())[:MAX_SHOWN]]
    more = len(amounts) - MAX_SHOWN
    return ", ".join(shown) + (f" and {more} other tokens" if more > 0 else "")
