"""An advisory Finding alerts; it has no part in tier `act`, and what it alone says is lost makes no P1."""

import msgspec

from chainwatch.triage.fuse import Triage
from chainwatch.triage.posterior import posterior
from chainwatch.triage.weigh import severity_of, tier_of
from chainwatch.types import Evidence, Finding, Severity, Stage, Tier
from tests.builders import address, finding, profile

LEARNED = finding(
    detector="learned_anomaly", family="learned", advisory=True, confidence=0.99, loss_usd=1e9, likelihood_ratio=1.0,
    evidence=(Evidence(ref="tx:1", what="a score"),),
)  # fmt: skip


def rule(family: str, log: str) -> Finding:
    return finding(detector=family, family=family, evidence=(Evidence(ref=log, what="a log"),))


def test_two_rules_act_only_of_two_families_on_disjoint_evidence() -> None:
    assert tier_of([rule("flash", "log:1:0x0"), rule("oracle", "log:1:0x1")]) is Tier.ACT
    assert tier_of([rule("flash", "log:1:0x0"), rule("flash", "log:1:0x1")]) is Tier.ALERT
    assert tier_of([rule("flash", "log:1:0x0"), rule("oracle", "log:1:0x0")]) is Tier.ALERT


def test_alone_it_alerts() -> None:
    assert tier_of([LEARNED]) is Tier.ALERT


def test_it_never_makes_act_of_an_alert() -> None:
    assert tier_of([rule("flash", "log:1:0x0"), LEARNED]) is Tier.ALERT
    assert tier_of([msgspec.structs.replace(LEARNED, broken_invariant=True)]) is Tier.ALERT


def test_nor_does_it_take_act_away() -> None:
    both = [rule("flash", "log:1:0x0"), rule("oracle", "log:1:0x1")]
    assert tier_of(both) is tier_of([*both, LEARNED]) is Tier.ACT
    assert tier_of([finding(broken_invariant=True), LEARNED]) is Tier.ACT


def test_alone_it_is_p2_at_most() -> None:
    small = profile(tvl_usd=1.0)
    assert severity_of([LEARNED], Tier.ALERT, small) is Severity.P3
    assert severity_of([msgspec.structs.replace(LEARNED, loss={address(7): 1})], Tier.ALERT, small) is Severity.P2
    assert severity_of([msgspec.structs.replace(LEARNED, stage=Stage.PENDING)], Tier.ALERT, small) is Severity.P2
    (alert,) = Triage([small]).take([LEARNED])
    assert (alert.tier, alert.severity) == (Tier.ALERT, Severity.P3)


def test_a_loss_that_a_rule_found_is_as_grave_as_before() -> None:
    found = finding(loss={address(7): 1}, loss_usd=300_000.0)
    assert severity_of([found], Tier.ALERT, None) is severity_of([found, LEARNED], Tier.ALERT, None) is Severity.P1


def test_it_makes_an_attack_no_likelier() -> None:
    found = rule("flash", "log:1:0x0")
    assert posterior(1e-6, [found, LEARNED]).p == posterior(1e-6, [found]).p
