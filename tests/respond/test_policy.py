"""The five conditions: each alone says no, with the numbers that say why."""

from typing import Any

import msgspec
import pytest

from chainwatch.respond.adapters import OZ_PAUSABLE
from chainwatch.respond.policy import Condition, cost_condition, evidence_conditions, proof_condition
from chainwatch.respond.proof import Proof
from chainwatch.types import Stage, Tier
from tests.builders import finding, profile
from tests.respond.making import alert, playbook

NOW = 1_000_000.0
EXPIRING = msgspec.structs.replace(
    OZ_PAUSABLE, expires=True, may_block_repayment=False, may_block_liquidation=False, name="brake"
)


def conditions(
    *, guards: dict[str, Any] | None = None, acted_at: tuple[float, ...] = (), adapter: Any = OZ_PAUSABLE, **fields: Any
) -> dict[str, Condition]:
    found = evidence_conditions(alert(**fields), playbook(guards=guards), adapter, acted_at, NOW)
    return {condition.name: condition for condition in found}


def against(found: dict[str, Condition]) -> list[str]:
    return [name for name, condition in found.items() if not condition.holds]


def test_all_hold_for_an_included_attack_at_tier_act() -> None:
    found = conditions()
    assert list(found) == ["tier", "stage", "cooldown", "daily_limit"]
    assert against(found) == []


@pytest.mark.parametrize("tier", [Tier.WATCH, Tier.ALERT])
def test_a_lower_tier_alone_says_no(tier: Tier) -> None:
    found = conditions(tier=tier)
    assert against(found) == ["tier"]
    assert str(tier) in found["tier"].detail


def test_a_playbook_that_prints_at_alert_does_not_make_it_send() -> None:
    assert against(conditions(tier=Tier.ALERT, guards={"min_tier": "alert"})) == ["tier"]


def test_a_stage_that_the_playbook_does_not_act_on_says_no() -> None:
    found = conditions(stage=Stage.PENDING)
    assert against(found) == ["stage"]
    assert found["stage"].detail == "the evidence is pending, the playbook acts on included"
    assert against(conditions(guards={"stages": ["pending"]})) == ["stage"]


def test_pending_evidence_never_triggers_a_pause_that_does_not_expire_even_if_the_playbook_says_so() -> None:
    found = conditions(stage=Stage.PENDING, guards={"stages": ["pending", "included"]})
    assert against(found) == ["stage"]
    assert "pending evidence may not trigger oz_pausable: it does not expire" in found["stage"].detail


@pytest.mark.parametrize("blocked", ["may_block_repayment", "may_block_liquidation"])
def test_pending_evidence_never_triggers_what_blocks_repayment_or_liquidation(blocked: str) -> None:
    guards = {"stages": ["pending"]}
    assert against(conditions(stage=Stage.PENDING, guards=guards, adapter=EXPIRING)) == []
    blocking = msgspec.structs.replace(EXPIRING, **{blocked: True})
    found = conditions(stage=Stage.PENDING, guards=guards, adapter=blocking)
    assert against(found) == ["stage"]
    assert "repayment or liquidation" in found["stage"].detail


def test_the_cooldown_alone_says_no_and_how_long_it_is() -> None:
    found = conditions(guards={"cooldown_seconds": 600}, acted_at=(NOW - 5_000, NOW - 599))
    assert against(found) == ["cooldown"]
    assert found["cooldown"].detail == "it acted 599 s ago, cooldown is 600 s"
    assert against(conditions(guards={"cooldown_seconds": 600}, acted_at=(NOW - 600,))) == []


def test_an_action_that_failed_starts_no_cooldown_but_counts() -> None:
    guards = {"cooldown_seconds": 600, "daily_limit": 1}
    found = evidence_conditions(alert(), playbook(guards=guards), OZ_PAUSABLE, (NOW - 5,), NOW, last_failed=True)
    assert [c.name for c in found if not c.holds] == ["daily_limit"]
    assert "that action failed" in found[2].detail


def test_the_daily_limit_alone_says_no_with_its_count() -> None:
    acted_at = (NOW - 80_000, NOW - 7_200)
    found = conditions(guards={"daily_limit": 2}, acted_at=acted_at)
    assert against(found) == ["daily_limit"]
    assert found["daily_limit"].detail == "2 of 2 actions within 24 h are used"
    assert against(conditions(guards={"daily_limit": 2}, acted_at=(NOW - 86_401, NOW - 7_200))) == []


# The cost rule

SURE = (finding(likelihood_ratio=1e12),)
UNSURE = (finding(likelihood_ratio=10.0),)


def test_it_acts_where_what_can_be_saved_outweighs_a_false_pause() -> None:
    found = cost_condition(SURE, profile(prior=1e-6), playbook(cost_usd=25_000.0), 800_000.0)
    assert found.holds
    # odds 1e-6 × 1e12 = 1e6
    assert "p = 1 " in found.detail
    assert "flash ×1e+12" in found.detail
    assert "$800,000 preventable = $799,999 against (1 − p) × $25,000 cost = $0" in found.detail


def test_weak_evidence_against_a_low_prior_says_no_with_both_sides() -> None:
    found = cost_condition(UNSURE, profile(prior=1e-6), playbook(cost_usd=25_000.0), 800_000.0)
    assert not found.holds
    assert "p = 1e-05" in found.detail
    assert "= $8 against" in found.detail
    assert "= $25,000" in found.detail


def test_nothing_left_to_lose_says_no_even_to_a_certain_attack() -> None:
    assert not cost_condition(SURE, profile(), playbook(cost_usd=1.0), 0.0).holds


def test_a_free_action_is_taken_where_anything_can_be_saved() -> None:
    assert cost_condition(UNSURE, profile(), playbook(cost_usd=0.0), 1.0).holds


def test_no_findings_leave_the_prior() -> None:
    found = cost_condition((), profile(prior=1e-6), playbook(), 1e6)
    assert not found.holds
    assert "none" in found.detail


def test_an_unknown_loss_says_no_and_what_to_state() -> None:
    found = cost_condition(SURE, profile(), playbook(), None)
    assert not found.holds
    assert "tvl_usd" in found.detail


def test_only_a_negative_proof_says_no() -> None:
    verdicts = ("prevents", "inconclusive", "does_not_prevent")
    found = [proof_condition(Proof(verdict=verdict, explanation="why")) for verdict in verdicts]
    assert [condition.holds for condition in found] == [True, True, False]
    assert found[2].detail == "does_not_prevent: why"
