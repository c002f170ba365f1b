"""How heavy a set of Findings weighs: tier, severity, confidence. Pure functions of DESIGN section 2."""

from collections.abc import Sequence
from itertools import combinations

from chainwatch.config.models import Profile
from chainwatch.types import Finding, Severity, Stage, Tier, evidence_overlaps

ALERT_CONFIDENCE = 0.5
"""Below this a Finding is only logged."""

# SEAL's severity matrix with the machine criteria of our incident-response reference.
P1_LOSS_USD = 250_000.0
P1_LOSS_SHARE_OF_TVL = 0.005


def tier_of(findings: Sequence[Finding]) -> Tier:
    """`act` for a broken invariant or two Findings of different families on disjoint evidence, else by confidence.

    Advisory Findings alert, but have no part in `act`."""
    strong = [f for f in findings if f.confidence >= ALERT_CONFIDENCE]
    sure = [f for f in strong if not f.advisory]
    if any(f.broken_invariant for f in sure):
        return Tier.ACT
    if any(a.family != b.family and not evidence_overlaps(a.evidence, b.evidence) for a, b in combinations(sure, 2)):
        return Tier.ACT
    return Tier.ALERT if strong else Tier.WATCH


def severity_of(findings: Sequence[Finding], tier: Tier, profile: Profile | None) -> Severity:
    """The harm if it is true: P1 for funds lost in earnest, P2 where funds are at risk, P3 and below without.

    What only advisory Findings say is lost makes no P1."""
    loss = max((f.loss_usd for f in findings if f.loss_usd is not None and not f.advisory), default=None)
    if loss is not None and (
        loss >= P1_LOSS_USD or (profile and profile.tvl_usd and loss >= P1_LOSS_SHARE_OF_TVL * profile.tvl_usd)
    ):
        return Severity.P1
    if tier is Tier.ACT:
        return Severity.P1
    if any(f.loss for f in findings) or any(f.stage is Stage.PENDING for f in findings):
        return Severity.P2
    return Severity.P3 if tier is Tier.ALERT else Severity.P4


def confidence_of(findings: Sequence[Finding]) -> float:
    """The chance that at least one family is right, taking each family's strongest Finding."""
    doubt = 1.0
    best: dict[str, float] = {}
    for finding in findings:
        best[finding.family] = max(finding.confidence, best.get(finding.family, 0.0))
    for confidence in best.values():
        doubt *= 1.0 - confidence
    return round(1.0 - doubt, 4)
