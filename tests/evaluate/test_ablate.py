"""Families are left out by fusing the others' Findings anew; what a pause would have saved is told where known."""

from typing import Any

import msgspec
import pytest

from chainwatch.detect.families import DETECTORS
from chainwatch.evaluate.ablate import Ablated, ablate
from chainwatch.evaluate.labels import Label
from chainwatch.evaluate.rows import MADE
from chainwatch.evaluate.saved import saved
from chainwatch.evaluate.verdicts import Verdict, by_families
from chainwatch.types import Evidence, Tier
from tests.builders import address, finding, hash_


def found(n: int, label: str, *families: str, set_: str = "s", **fields: Any) -> Verdict:
    """A verdict with a Finding of each family, on evidence of its own."""
    findings = tuple(
        finding(
            detector=family, family=family, kind=family, tx_hashes=(hash_(n),), advisory=family == "learned",
            evidence=(Evidence(ref=f"log:{hash_(n)}:{i}", what="x"),), confidence=0.9,
        )
        for i, family in enumerate(families)
    )  # fmt: skip
    plain = Verdict(Label(set_, hash_(n), label), None, findings=(*findings, finding()))  # type: ignore[arg-type]
    seen = by_families(plain, lambda f: f in findings)
    return Verdict(**{name: getattr(seen, name) for name in seen.__struct_fields__} | fields)


def test_findings_are_fused_as_they_are_live() -> None:
    both = found(1, "attack", "access", "reentrancy")
    assert (both.tier, both.detectors) == (Tier.ACT, ("access", "reentrancy"))
    assert both.says.startswith(both.findings[0].explanation)
    one = by_families(both, lambda f: f.family == "access")
    assert (one.tier, one.detectors, one.kind) == (Tier.ALERT, ("access",), "access")
    none = by_families(both, lambda f: f.family == "oracle")
    assert (none.tier, none.detectors, none.kind, none.says) == (None, (), None, "")
    learned = by_families(found(2, "attack", "access", "learned"), lambda f: True)
    assert learned.tier is Tier.ALERT  # a score has no part in `act`


def test_each_family_is_left_out_and_alone() -> None:
    verdicts = [
        found(1, "attack", "access", "reentrancy"),
        found(2, "attack", "access"),
        found(3, "attack", "learned"),
        found(4, "attack"),
        found(5, "benign", "access", set_=MADE),
        found(6, "benign", "reentrancy"),
        found(7, "benign"),
    ]
    rows = {row.what: row for row in ablate(verdicts, DETECTORS, by_learned=[("s", hash_(4)), ("s", hash_(7))])}

    def counts(row: Ablated) -> tuple[int, ...]:
        return row.alert.count, row.act.count, row.false_alarms.count, row.made_up.count

    assert counts(rows["all rules"]) == (2, 1, 2, 1)
    assert counts(rows["without access"]) == (1, 0, 1, 0)
    assert counts(rows["without reentrancy"]) == (2, 0, 1, 1)
    assert counts(rows["access alone"]) == (2, 0, 1, 1)
    assert counts(rows["oracle alone"]) == (0, 0, 0, 0)
    assert counts(rows["the learned alone, as shipped"]) == (1, 0, 0, 0)
    assert counts(rows["rules and the learned, as shipped"]) == (3, 1, 2, 1)
    together = rows["without access"]
    assert together.with_learned is not None
    assert together.with_learned_false is not None
    assert (together.with_learned.count, together.with_learned_false.count) == (2, 2)
    assert (rows["all rules"].alert.of, rows["all rules"].false_alarms.of, rows["all rules"].made_up.of) == (4, 3, 1)
    assert ablate(verdicts, DETECTORS)[0].with_learned is None


def stolen(n: int, tier: Tier | None, block: int | None, amount: int, **label: Any) -> Verdict:
    given = {"set": "s", "tx": hash_(n), "label": "attack", "incident": "one"} | label
    place = None if block is None else (block, n)
    return Verdict(Label(**given), tier, chain_id=1, place=place, lost={address(1): amount, address(2): 1})


def test_a_pause_saves_what_was_lost_in_later_blocks() -> None:
    verdicts = [
        stolen(1, None, 10, 100),
        stolen(2, Tier.ALERT, 11, 200, loss_usd=1_000.0),
        stolen(3, None, 11, 300),  # in the very block of the alert: a pause comes after it
        stolen(4, Tier.ACT, 12, 400),
    ]
    told = saved(verdicts)
    (one,) = told.several
    assert (one.token, one.lost, one.later, one.alerted, one.transactions) == (address(1), 1_000, 400, True, 4)
    assert (one.share, one.usd) == (0.4, 400.0)
    (missed,) = saved([stolen(1, None, 10, 100), stolen(2, Tier.WATCH, 11, 100)]).several
    assert (missed.alerted, missed.later, missed.share, missed.usd) == (False, 0, 0.0, None)


def test_what_cannot_be_told_is_counted_apart() -> None:
    verdicts = [
        stolen(1, Tier.ALERT, 10, 1, incident="alone"),
        stolen(2, None, 10, 1, incident="missed"),
        stolen(3, None, 10, 1, incident="twice"),
        stolen(4, Tier.ALERT, None, 1, incident="twice", set="other"),
        stolen(5, Tier.ALERT, None, 1, incident="unordered"),
        stolen(6, Tier.ALERT, 10, 1, incident="unordered"),
        stolen(7, None, 10, 1, incident=None),
    ]
    told = saved(verdicts)
    assert (told.incidents, told.several, told.unordered, told.repeated) == (5, (), 1, 1)
    assert (told.single_alerted, told.single_missed) == (2, 2)


@pytest.mark.parametrize("protected", [None, (address(9),)])
def test_what_the_sender_of_an_attack_took_afterwards_is_told_apart(protected: tuple[str, ...] | None) -> None:
    somebody = stolen(3, None, 20, 900, label="after_attack", incident=None, protected=protected)
    verdicts = [
        stolen(1, Tier.ALERT, 10, 100, protected=protected),
        stolen(2, None, 20, 300, label="after_attack", incident=None, protected=protected),
        msgspec.structs.replace(somebody, sender=address(7)),
    ]
    after = saved(verdicts).afterwards
    assert [(a.lost, a.later, a.share, a.transactions) for a in after] == ([(400, 300, 0.75, 2)] if protected else [])
