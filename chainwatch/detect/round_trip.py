"""Round trip: money went into a contract and came out of it again as more, within one transaction.

Whoever puts in and takes out in one transaction has borne no risk and done no service: what he has more of, somebody
else has less of. The contract must end with a loss and nothing gained for it, the sender's side with a gain and nothing
lost. See docs/detectors/round_trip.md for what this proves, what it does not, and how often it is right.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from chainwatch.decode.balances import DUST
from chainwatch.decode.flows import native_moves, token_moves
from chainwatch.detect.access_scene import Scene
from chainwatch.detect.base import View, Words
from chainwatch.types import NATIVE, Address, Block, Evidence, Execution, Finding, Frame, Hash, Swap

# Measured on the development corpus, see docs/detectors/round_trip.md. Of 95 attacks it names 21, of 9,710 other
# transactions with call trees none, hence at most 3 in 9,710 (rule of three): 0.221 / 0.00031 = 713.
LIKELIHOOD_RATIO = 700.0
# 21 of 21 Findings were attacks: at least 0.86 with 95 % confidence (Clopper and Pearson).
CONFIDENCE = 0.86
# Without logs it is not seen what a vault burns of its own shares: 21 of 24 were attacks, at least 0.70.
CONFIDENCE_TREES_ONLY = 0.7
MAX_SHOWN = 3

_OF_MANY_POOLS = frozenset(
    (
        "0x52bbbe29",  # swap(SingleSwap,FundManagement,uint256,uint256) of Balancer v2's vault
        "0x945bcec9",  # batchSwap(…) of the same
        "0x2bfb780c",  # swap(VaultSwapParams) of Balancer v3's vault
        "0xf3cd914c",  # swap(PoolKey,SwapParams,bytes) of Uniswap v4's pool manager
    )
)
"""Swaps at a contract that keeps the money of many pools: between two of them there is honest arbitrage."""


class Trip(msgspec.Struct, frozen=True):
    """Of `token`, `contract` got `paid_in` from the side and gave it `paid_out`, in all `lost`. `calls` are the frames
    by which the side had it paid in and out, first and last."""

    contract: Address
    token: Address
    paid_in: int
    paid_out: int
    lost: Mapping[Address, int]
    calls: tuple[int, int]


class RoundTrip:
    """Inspects Executions with a call tree; without one it says nothing."""

    name = "round_trip"
    family = "round_trip"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution; the contracts that paid out more than they got are its victims."""
        if not isinstance(subject, Execution) or not subject.succeeded or not view.facts[0].frames:
            return
        real = frozenset((NATIVE, *view.words.tokens)) if view.words.tokens else None
        scene = Scene.of(subject, view.facts[0], view.protected, real)
        gains = scene.gains(scene.side)
        if not gains or any(n < 0 and t not in scene.side for t, n in scene.book.net(scene.side).items()):
            return
        trips = [t for t in _trips(scene) if _concerns(t, view.protected)]
        if trips:
            yield _finding(subject, scene, trips, gains, view)


def _trips(scene: Scene) -> list[Trip]:
    """Of each contract that lost and got nothing, the token it lost most of in a round trip."""
    frames = scene.facts.frames
    ran = {f.to for f in frames if f.selector and f.kind != "STATICCALL" and not f.reverted}
    lost = {
        a: amounts
        for a in scene.book.changes
        if a in ran and not scene.book.passes_on(a) and (amounts := scene.lost_only(a, frozenset()))
    }
    if not lost:
        return []
    into: dict[tuple[Address, Address], list[tuple[int, int]]] = {}
    out_of: dict[tuple[Address, Address], list[tuple[int, int]]] = {}
    for move in (*token_moves(frames), *native_moves(frames)):
        token = scene.coin(move.token)
        if move.recipient in lost and move.sender in scene.side:
            into.setdefault((move.recipient, token), []).append((move.frame, move.amount))
        elif move.sender in lost and move.recipient in scene.side:
            out_of.setdefault((move.sender, token), []).append((move.frame, move.amount))
    trips: dict[Address, Trip] = {}
    for (contract, token), paid in into.items():
        got = out_of.get((contract, token), [])
        first = min(paid)[0]
        later = [(frame, amount) for frame, amount in got if frame > first and not _is_one_call(scene, first, frame)]
        paid_in, paid_out = sum(a for _, a in paid), sum(a for _, a in got)
        if not later or paid_in <= DUST or paid_out <= paid_in or token not in lost[contract]:
            continue
        if _keeps_many_pools(scene, contract):
            continue
        calls = (_call_of(scene, first), _call_of(scene, max(later)[0]))
        trip = Trip(contract, token, paid_in, paid_out, lost[contract], calls)
        if contract not in trips or trip.paid_out - trip.paid_in > trips[contract].paid_out - trips[contract].paid_in:
            trips[contract] = trip
    return list(trips.values())


def _is_one_call(scene: Scene, one: int, other: int) -> bool:
    """Whether both happened within one call of the side: what a contract pays out while it takes something in (rewards
    that were due, change) is part of the same deal."""
    return scene.entry[one] == scene.entry[other]


def _call_of(scene: Scene, frame: int) -> int:
    return scene.entry[frame] if scene.entry[frame] >= 0 else frame


def _keeps_many_pools(scene: Scene, contract: Address) -> bool:
    facts = scene.facts
    if any(f.to == contract and f.selector in _OF_MANY_POOLS for f in facts.frames):
        return True
    return any(isinstance(e, Swap) and e.address == contract and e.pool != contract for e in facts.events)


def _concerns(trip: Trip, protected: frozenset[Address]) -> bool:
    return not protected or trip.contract in protected or not protected.isdisjoint(trip.lost)


def _finding(
    execution: Execution, scene: Scene, trips: list[Trip], gains: Mapping[Address, int], view: View
) -> Finding:
    tx = execution.transaction
    loss: dict[Address, int] = {}
    for trip in trips:
        for token, amount in trip.lost.items():
            loss[token] = loss.get(token, 0) + amount
    known = [usd for token, amount in loss.items() if (usd := view.usd(token, amount)) is not None]
    loss_usd = sum(known) if known else None
    own = [a for a in (tx.from_, tx.to) if a is not None and a in scene.side]
    return Finding(
        detector=RoundTrip.name,
        family=RoundTrip.family,
        kind="round_trip_profit",
        confidence=CONFIDENCE if execution.logs is not None else CONFIDENCE_TREES_ONLY,
        likelihood_ratio=LIKELIHOOD_RATIO,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx.hash,),
        victims=tuple(t.contract for t in trips),
        suspects=tuple(dict.fromkeys([*own, *sorted(scene.side)])),
        loss=loss,
        loss_usd=loss_usd,
        evidence=tuple({e.ref: e for e in _evidence(tx.hash, scene.facts.frames, trips)}.values()),
        formula="in one transaction, by different calls of the sender's side, a token was paid into a contract and "
        "then more of it out; net of the contract < 0 in every token, net of the sender's side > 0 in some and < 0 in "
        "none",
        explanation=_explanation(trips, gains, loss_usd, view.words),
    )


def _evidence(tx: Hash, frames: tuple[Frame, ...], trips: list[Trip]) -> Iterator[Evidence]:
    """The calls by which money went in first and came out last: other families cite the movements themselves."""
    for trip in trips[:MAX_SHOWN]:
        for frame, what, amount in zip(trip.calls, ("into", "out of"), (trip.paid_in, trip.paid_out), strict=True):
            f = frames[frame]
            values: dict[str, str | int | float] = {
                "from": f.sender, "to": f.to, "selector": f.selector, "token": trip.token, "paid_in_all": str(amount),
            }  # fmt: skip
            yield Evidence(ref=f"frame:{tx}:{frame}", what=f"money went {what} {trip.contract}", values=values)


def _explanation(trips: list[Trip], gains: Mapping[Address, int], usd: float | None, words: Words) -> str:
    """Three sentences for a person who was asleep a minute ago."""
    trip = trips[0]
    others = f" So it was at {len(trips) - 1} other contracts." if len(trips) > 1 else ""
    dollars = f" (${usd:,.0f} as far as prices are known)" if usd is not None else ""
    had = ", ".join(words.amount(token, amount) for token, amount in list(gains.items())[:MAX_SHOWN])
    return (
        f"The sender's side paid {words.amount(trip.token, trip.paid_in)} into {words.name(trip.contract)} and took "
        f"{words.amount(trip.token, trip.paid_out)} out of it within one transaction; {words.name(trip.contract)} got "
        f"nothing else for it{dollars}, and the sender's side gave nothing else: it has more, {had}.{others} Who "
        "puts in and takes out in one transaction has borne no risk that anybody would pay for."
    )
