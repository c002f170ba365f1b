"""Whether an action is sent: the five conditions of DESIGN section 4.13 and the rule on pending evidence, pure.

Every condition says whether it holds and with which numbers, so that the log can be read at 3 a.m. and the
decision made again by hand.
"""

from collections.abc import Sequence

import msgspec

from chainwatch.config.models import PlaybookConfig, Profile
from chainwatch.respond.adapters import Adapter
from chainwatch.respond.proof import Proof
from chainwatch.triage.posterior import posterior
from chainwatch.types import Alert, Finding, Stage, Tier

DAY_SECONDS = 86_400.0


class Condition(msgspec.Struct, frozen=True):
    """One reason for or against acting."""

    name: str
    holds: bool
    detail: str


def evidence_conditions(
    alert: Alert,
    playbook: PlaybookConfig,
    adapter: Adapter,
    acted_at: Sequence[float],
    now: float,
    *,
    last_failed: bool = False,
) -> list[Condition]:
    """Conditions that need no simulation: tier, stage, cooldown, daily limit.

    `acted_at` is when it acted within a day. A last action that failed contained nothing, so it starts no
    cooldown; it does count for the daily limit.
    """
    guards = playbook.guards
    since = now - max(acted_at) if acted_at else None
    today = sum(1 for at in acted_at if now - at < DAY_SECONDS)
    return [
        Condition("tier", alert.tier is Tier.ACT, f"the alert's tier is {alert.tier}, act is needed"),
        _stage(alert.stage, playbook, adapter),
        Condition(
            "cooldown",
            since is None or last_failed or since >= guards.cooldown_seconds,
            "it has not acted within a day"
            if since is None
            else f"it acted {since:.0f} s ago, cooldown is {guards.cooldown_seconds} s"
            + (", but that action failed" if last_failed else ""),
        ),
        Condition(
            "daily_limit", today < guards.daily_limit, f"{today} of {guards.daily_limit} actions within 24 h are used"
        ),
    ]


def _stage(stage: Stage, playbook: PlaybookConfig, adapter: Adapter) -> Condition:
    """Pending evidence is cheap to fake (DESIGN section 4.14)."""
    if stage not in playbook.guards.stages:
        allowed = ", ".join(playbook.guards.stages)
        return Condition("stage", False, f"the evidence is {stage}, the playbook acts on {allowed}")
    if stage is Stage.PENDING and not adapter.expires:
        return Condition(
            "stage", False, f"pending evidence may not trigger {adapter.name}: it does not expire by itself"
        )
    if stage is Stage.PENDING and (adapter.may_block_repayment or adapter.may_block_liquidation):
        return Condition(
            "stage", False, f"pending evidence may not trigger {adapter.name}: it may block repayment or liquidation"
        )
    return Condition("stage", True, f"the evidence is {stage}")


def cost_condition(
    findings: Sequence[Finding], profile: Profile, playbook: PlaybookConfig, preventable_usd: float | None
) -> Condition:
    """Act when p × preventable loss > (1 − p) × cost of the action."""
    chance = posterior(profile.prior, findings)
    if preventable_usd is None:
        why = "what is still to be lost is not known: price a token or state tvl_usd in the profile"
        return Condition("cost_rule", False, why)
    cost = playbook.action.cost_usd
    gain, price = chance.p * preventable_usd, (1 - chance.p) * cost
    families = ", ".join(f"{f.family} ×{f.likelihood_ratio:g}" for f in chance.used) or "none"
    numbers = (
        f"p = {chance.p:.4g} (prior {profile.prior:g}, {families}); p × ${preventable_usd:,.0f} preventable = "
        f"${gain:,.0f} against (1 − p) × ${cost:,.0f} cost = ${price:,.0f}"
    )
    return Condition("cost_rule", gain > price, numbers)


def proof_condition(proof: Proof) -> Condition:
    """The Proof must not be negative; an inconclusive one does not stand in the way."""
    return Condition("proof", proof.verdict != "does_not_prevent", f"{proof.verdict}: {proof.explanation}")
