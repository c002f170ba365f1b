"""What a pause in the block after the first alert would have saved.

An attack in one transaction is over when its block is seen: a pause after it saves nothing of it, and it is counted
apart. What counts are incidents whose transactions stand in one Recording with their block numbers: only there is it
known what came after what. A Recording of the same attack in another set (re-executed, or without its block) is none
of these. Losses are the victims' in the Recording, in base units of the token that they lost most of.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from chainwatch.evaluate.verdicts import Verdict
from chainwatch.types import Address, Tier


class Losses(msgspec.Struct, frozen=True):
    """`lost` base units of `token` in all, `later` of them in blocks after the one of the first alert, which a pause in
    the next block would have prevented; `share` is later / lost, and 0 where nothing was raised. `usd` is that share of
    the incident's loss as labelled. `token` is None where no loss was seen."""

    set: str
    incident: str
    transactions: int
    alerted: bool
    token: Address | None
    lost: int
    later: int
    share: float
    usd: float | None


class Saved(msgspec.Struct, frozen=True):
    """`several`: incidents of several transactions in an order that is known. `unordered`: of several, but without
    block numbers. The others are of one transaction, hence not preventable by a pause after it: `single_alerted` and
    `single_missed`; `repeated` of them stand in several sets.

    `afterwards`: where a Recording goes on after its attack with transactions labelled `after_attack`, what left the
    victims in those by the attack's sender, beside what was lost in the attack; labels do not call it theft.
    """

    incidents: int
    several: tuple[Losses, ...]
    unordered: int
    single_alerted: int
    single_missed: int
    repeated: int
    afterwards: tuple[Losses, ...]


def saved(verdicts: Sequence[Verdict]) -> Saved:
    """By incident."""
    incidents: dict[str, dict[str, list[Verdict]]] = {}
    for verdict in verdicts:
        if verdict.is_attack:
            incidents.setdefault(verdict.incident, {}).setdefault(verdict.label.set, []).append(verdict)
    several: list[Losses] = []
    kinds: list[Literal["several", "unordered", "alerted", "missed"]] = []
    repeated = 0
    for sets in incidents.values():
        own = max(sets.values(), key=lambda group: (len(group), _is_ordered(group)))
        if len(own) > 1:
            ordered = _is_ordered(own)
            kinds.append("several" if ordered else "unordered")
            several += [_losses(own, own)] if ordered else []
        else:
            kinds.append(
                "alerted" if any(v.reaches(Tier.ALERT) for group in sets.values() for v in group) else "missed"
            )
            repeated += len(sets) > 1
    return Saved(
        incidents=len(incidents),
        several=tuple(several),
        unordered=kinds.count("unordered"),
        single_alerted=kinds.count("alerted"),
        single_missed=kinds.count("missed"),
        repeated=repeated,
        afterwards=tuple(_afterwards(verdicts)),
    )


def _afterwards(verdicts: Sequence[Verdict]) -> list[Losses]:
    """Only what the attack's sender did: what others took may have been their own."""
    found: list[Losses] = []
    for name in dict.fromkeys(v.label.set for v in verdicts if v.label.label == "after_attack"):
        attacks = [v for v in verdicts if v.label.set == name and v.is_attack]
        senders = {v.sender for v in attacks}
        after = [v for v in verdicts if v.label.set == name and v.label.label == "after_attack"]
        own = [*attacks, *(v for v in after if v.sender in senders)]
        if attacks and _is_ordered(own) and all(v.label.protected for v in own):
            found.append(_losses(attacks, own))
    return found


def _is_ordered(verdicts: Sequence[Verdict]) -> bool:
    return all(v.place is not None for v in verdicts) and len({v.chain_id for v in verdicts}) == 1


def _losses(attacks: Sequence[Verdict], verdicts: Sequence[Verdict]) -> Losses:
    """Of `verdicts`, which all have their places; the first alert is that of one of `attacks`."""
    total: dict[Address, int] = {}
    for verdict in attacks:
        for what, amount in verdict.lost.items():
            total[what] = total.get(what, 0) + amount
    token = max(total, key=lambda t: total[t], default=None)
    alerts = [v.place for v in attacks if v.place and v.reaches(Tier.ALERT)]
    block = min(alerts)[0] if alerts else None
    amounts = [(v.place[0], v.lost.get(token or "", 0)) for v in verdicts if v.place]
    lost = sum(amount for _, amount in amounts)
    later = sum(amount for at, amount in amounts if block is not None and at > block)
    share = later / lost if lost else 0.0
    usd = max((v.label.loss_usd for v in attacks if v.label.loss_usd is not None), default=None)
    return Losses(
        set=attacks[0].label.set,
        incident=attacks[0].incident,
        transactions=len(verdicts),
        alerted=block is not None,
        token=token,
        lost=lost,
        later=later,
        share=share,
        usd=None if usd is None else usd * share,
    )
