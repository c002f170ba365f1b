"""Alarms without an attack, and attacks without an alarm, one by one: what was said, and why nothing was.

Why a detector kept silent is told from what is counted anyway (features of the call tree or the logs), not from inside
the detectors: facts that their conditions need, not the condition that failed.
"""

from collections.abc import Mapping, Sequence
from math import expm1

import msgspec

from chainwatch.detect.features import AS_THEY_ARE, NAMES, NAMES_OF_LOGS
from chainwatch.detect.learned import ALPHA, MIN_EVENTS, MIN_FRAMES
from chainwatch.evaluate.rows import Row
from chainwatch.evaluate.verdicts import Verdict, first_sentence
from chainwatch.types import Hash, Tier


class FalseAlarm(msgspec.Struct, frozen=True):
    """`label` is `benign` or `after_attack`, `what` the transaction is, where its label says so. `kind` is what it was
    taken for, `says` the first sentence."""

    set: str
    tx: Hash
    label: str
    what: str | None
    kind: str | None
    tier: Tier
    detectors: tuple[str, ...]
    says: str


class Miss(msgspec.Struct, frozen=True):
    """An attack without an alarm. `loss_usd` is the incident's, where a label of it says so. `elsewhere`: another
    transaction of its incident was found. `why` are sentences."""

    set: str
    tx: Hash
    name: str | None
    kind: str | None
    incident: str
    chain_id: int
    loss_usd: float | None
    frames: int
    transfers: int
    is_flash: bool
    elsewhere: bool
    why: tuple[str, ...]


def false_alarms(others: Sequence[Verdict]) -> tuple[FalseAlarm, ...]:
    """Those of `others`, which are no attacks, on which a person is paged."""
    return tuple(
        FalseAlarm(
            v.label.set, v.label.tx, v.label.label, v.label.kind, v.kind, v.tier, v.detectors, first_sentence(v.says)
        )
        for v in others
        if v.tier is not None and v.reaches(Tier.ALERT)
    )


def misses(attacks: Sequence[Verdict], alpha: float = ALPHA) -> tuple[Miss, ...]:
    """Those on which nobody is paged: the dearest first, after those with a known loss the ones with most calls.

    `alpha` is the learned detector's threshold.
    """
    found = {v.incident for v in attacks if v.reaches(Tier.ALERT)}
    losses: dict[str, float] = {}
    for v in attacks:
        if v.label.loss_usd is not None:
            losses[v.incident] = max(v.label.loss_usd, losses.get(v.incident, 0.0))
    missed = [_miss(v, losses, alpha, is_found=v.incident in found) for v in attacks if not v.reaches(Tier.ALERT)]
    return tuple(sorted(missed, key=lambda m: (m.loss_usd is None, -(m.loss_usd or 0.0), -m.frames, m.set, m.tx)))


def _miss(verdict: Verdict, losses: Mapping[str, float], alpha: float, *, is_found: bool) -> Miss:
    row, label = verdict.row, verdict.label
    return Miss(
        set=label.set,
        tx=label.tx,
        name=label.name,
        kind=label.kind,
        incident=verdict.incident,
        chain_id=verdict.chain_id,
        loss_usd=losses.get(verdict.incident),
        frames=row.frames if row else 0,
        transfers=row.transfers if row else 0,
        is_flash=bool(row and row.is_flash),
        elsewhere=is_found,
        why=tuple(_why(verdict, row, alpha)),
    )


def _why(verdict: Verdict, row: Row | None, alpha: float) -> list[str]:
    if row is None:
        return ["It failed: nothing happened."]
    said = [
        f"{f.detector} says it with confidence {f.confidence:.2f}, too little to page: {first_sentence(f.explanation)}"
        for f in verdict.findings
    ]
    return [*said, _learned(verdict, row, alpha), *_seen(row)]


def _learned(verdict: Verdict, row: Row, alpha: float) -> str:
    if row.is_small:
        least = f"{row.frames} calls, of {MIN_FRAMES}" if row.part == "tree" else f"fewer than {MIN_EVENTS} events"
        return f"The learned detector judges nothing so small ({least})."
    if verdict.p is None:
        return "The learned detector was not asked."
    return f"The learned detector ranks it p = {verdict.p:.2g}; {alpha:g} or less is named."


def _seen(row: Row) -> list[str]:
    """What re-entry, gain, loss and loan there was."""
    counts = _counts(row)
    found: list[str] = []
    if row.part == "logs":
        found.append("No call tree: re-entry, and who called whom, cannot be seen.")
    else:
        entries = counts["reentries"] + counts["reentries_read"] + counts["reentries_cross"]
        found.append(
            f"Contracts that had not returned were entered {entries:.0f} times, never as a rule takes for theft."
            if entries
            else "No contract was entered before it had returned."
        )
    gained, lost = counts["side_gained"], counts["side_lost"]
    if not gained:
        found.append("The sender's side gained no coin or fungible token.")
    elif lost:
        found.append(f"The sender's side gained (kinds of token: {gained:.0f}) and gave (kinds: {lost:.0f}).")
    else:
        found.append(f"The sender's side gained (kinds of token: {gained:.0f}) and gave nothing.")
    if not counts["losers"]:
        found.append("Nobody else had less of any at the end.")
    else:
        found.append(f"Others with less at the end: {counts['losers']:.0f}; of them {counts['pure_losers']:.0f} "
                     "got nothing.")  # fmt: skip
    if not row.is_flash and not counts["loans"]:
        found.append("Nothing was borrowed for the length of the transaction.")
    trips = f"Places of trade: {counts['venues']:.0f}, used in both directions: {counts['round_trip_venues']:.0f}."
    found.append(trips if counts["venues"] else "Nothing was traded.")
    return found


def _counts(row: Row) -> dict[str, float]:
    names = NAMES if row.part == "tree" else NAMES_OF_LOGS
    return {
        name: value if name in AS_THEY_ARE else round(expm1(value))
        for name, value in zip(names, row.features, strict=True)
    }
