"""Findings fuse to Alerts: one a transaction or condition, heavier on disjoint families, gone with their block."""

from typing import Any

from chainwatch.triage.fuse import Triage
from chainwatch.types import Alert, AlertEvent, Evidence, Finding, Severity, Stage, Tier
from tests.builders import address, finding, hash_, profile, ref


def other_family(**fields: Any) -> Finding:
    given: dict[str, Any] = {"detector": "oracle", "family": "oracle", "kind": "oracle_deviation"}
    return finding(**(given | {"evidence": (Evidence(ref="probe:x@1", what="a probe"),)} | fields))


def only(alerts: list[Alert]) -> Alert:
    assert len(alerts) == 1
    return alerts[0]


def test_findings_about_one_transaction_are_one_alert() -> None:
    alert = only(Triage().take([finding(), other_family()]))
    assert alert.event is AlertEvent.OPENED
    assert alert.detectors == ("flash", "oracle")
    assert "Also: " in alert.explanation


def test_two_families_on_disjoint_evidence_are_enough_to_act() -> None:
    assert only(Triage().take([finding(), other_family()])).tier is Tier.ACT


def test_two_families_on_the_same_evidence_are_not() -> None:
    shared = finding().evidence
    assert only(Triage().take([finding(), other_family(evidence=shared)])).tier is Tier.ALERT


def test_the_same_family_twice_is_not() -> None:
    again = finding(evidence=(Evidence(ref="log:1:0x9", what="another log"),))
    assert only(Triage().take([finding(), again])).tier is Tier.ALERT


def test_a_broken_invariant_is_enough_alone() -> None:
    alert = only(Triage().take([finding(broken_invariant=True)]))
    assert (alert.tier, alert.severity) == (Tier.ACT, Severity.P1)


def test_weak_findings_are_only_watched_and_never_add_up_to_act() -> None:
    alert = only(Triage().take([finding(confidence=0.3), other_family(confidence=0.4)]))
    assert alert.tier is Tier.WATCH


def test_the_same_thing_is_not_said_twice() -> None:
    triage = Triage()
    assert len(triage.take([finding()])) == 1
    assert triage.take([finding()]) == []


def test_more_evidence_updates_the_same_alert() -> None:
    triage = Triage()
    opened = only(triage.take([finding()]))
    updated = only(triage.take([finding(), other_family()]))
    assert updated.event is AlertEvent.UPDATED
    assert (updated.alert_id, updated.fingerprint) == (opened.alert_id, opened.fingerprint)
    assert updated.tier is Tier.ACT


def test_a_pending_alert_is_updated_when_the_transaction_is_included() -> None:
    triage = Triage()
    opened = only(triage.take([finding(stage=Stage.PENDING)]))
    updated = only(triage.take([finding()]))
    assert (updated.event, updated.stage) == (AlertEvent.UPDATED, Stage.INCLUDED)
    assert updated.alert_id == opened.alert_id


def test_an_orphaned_block_retracts_and_mining_it_again_raises_it_again() -> None:
    triage = Triage()
    opened = only(triage.take([finding()]))
    retracted = only(triage.orphan([ref(10)]))
    assert (retracted.event, retracted.stage) == (AlertEvent.RETRACTED, Stage.ORPHANED)
    assert triage.live() == []
    again = only(triage.take([finding(block=ref(10, branch=1))]))
    assert again.event is AlertEvent.OPENED
    assert again.fingerprint == opened.fingerprint
    assert again.alert_id != opened.alert_id


def test_an_orphaned_block_leaves_other_alerts_alone() -> None:
    triage = Triage()
    triage.take([finding()])
    assert triage.orphan([ref(11)]) == []
    assert len(triage.live()) == 1


def condition(number: int) -> Finding:
    return other_family(tx_hashes=(), block=ref(number), formula="eth: oracle_deviation", condition=True)


def test_a_condition_is_one_alert_while_it_holds_and_is_resolved_when_it_ends() -> None:
    triage = Triage()
    assert only(triage.take([condition(10)], block=ref(10), conditions_readable=True)).event is AlertEvent.OPENED
    assert triage.take([condition(11)], block=ref(11), conditions_readable=True) == []
    assert only(triage.take([], block=ref(12), conditions_readable=True)).event is AlertEvent.RESOLVED


def test_a_block_that_could_not_be_read_resolves_nothing() -> None:
    triage = Triage()
    triage.take([condition(10)], block=ref(10), conditions_readable=True)
    assert triage.take([], block=ref(11), conditions_readable=False) == []
    assert len(triage.live()) == 1


def test_a_condition_joins_the_transaction_that_hurt_the_same_contract() -> None:
    triage = Triage()
    alert = only(triage.take([finding(), condition(10)], block=ref(10), conditions_readable=True))
    assert alert.tier is Tier.ACT
    assert alert.tx_hashes == (hash_(1),)


def test_a_condition_that_joined_does_not_open_an_alert_of_its_own_while_it_holds() -> None:
    triage = Triage()
    triage.take([finding(), condition(10)], block=ref(10), conditions_readable=True)
    assert triage.take([condition(11)], block=ref(11), conditions_readable=True) == []
    assert triage.take([], block=ref(12), conditions_readable=True) == []
    assert only(triage.take([condition(13)], block=ref(13), conditions_readable=True)).event is AlertEvent.OPENED


def test_a_condition_remembers_what_it_was_like_when_it_began() -> None:
    triage = Triage()
    fresh = finding(broken_invariant=True, condition=True, formula="solvent")
    opened = only(triage.take([fresh], block=ref(10), conditions_readable=True))
    stale = finding(broken_invariant=False, confidence=0.6, tx_hashes=(), condition=True, formula="solvent")
    assert triage.take([stale], block=ref(11), conditions_readable=True) == []
    assert triage.live() == [opened]


def test_a_condition_that_joined_an_orphaned_block_is_found_again() -> None:
    triage = Triage()
    triage.take([finding(), condition(10)], block=ref(10), conditions_readable=True)
    triage.orphan([ref(10)])
    assert len(triage.take([condition(10)], block=ref(10, branch=1), conditions_readable=True)) == 1


def test_a_condition_about_another_contract_stands_alone() -> None:
    triage = Triage()
    elsewhere = other_family(tx_hashes=(), victims=(address(0xEE),), condition=True)
    assert len(triage.take([finding(), elsewhere], block=ref(10), conditions_readable=True)) == 2


def test_a_pending_transaction_that_will_not_happen_resolves_its_alert() -> None:
    triage = Triage()
    triage.take([finding(stage=Stage.PENDING)])
    assert only(triage.forget_pending([hash_(1)], "replaced")).event is AlertEvent.RESOLVED


def test_restored_alerts_can_be_retracted_after_a_restart() -> None:
    first = Triage()
    opened = only(first.take([finding()]))
    second = Triage()
    second.restore([opened])
    assert second.take([finding()]) == []
    assert only(second.orphan([ref(10)])).event is AlertEvent.RETRACTED


def test_losses_of_several_families_are_not_added_up() -> None:
    loss = {address(7): 5}
    alert = only(Triage().take([finding(loss=loss, loss_usd=5.0), other_family(loss=loss, loss_usd=4.0)]))
    assert alert.loss_estimate == {"usd": 5.0, "tokens": {address(7): "5"}}


def test_severity_grows_with_the_share_of_what_is_at_stake() -> None:
    small = profile(tvl_usd=1_000_000.0)
    assert only(Triage([small]).take([finding(loss_usd=6_000.0, loss={address(7): 1})])).severity is Severity.P1
    assert only(Triage([small]).take([finding(loss_usd=4_000.0, loss={address(7): 1})])).severity is Severity.P2


def test_an_alert_becomes_safe_and_final_with_its_block() -> None:
    triage = Triage([])
    [opened] = triage.take([finding()], block=ref(10))
    assert triage.settle(9, 5) == []
    [safe] = triage.settle(10, 5)
    assert (safe.event, safe.stage, safe.alert_id) == (AlertEvent.UPDATED, Stage.SAFE, opened.alert_id)
    assert triage.settle(11, 9) == []
    [final] = triage.settle(20, 12)
    assert final.stage is Stage.FINALIZED
    assert triage.settle(30, 25) == []
