"""What was decided on an Alert, and why: the record of a decision, and how it is put into words. Pure."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from chainwatch.config.models import PlaybookConfig, Profile
from chainwatch.respond.policy import Condition
from chainwatch.respond.proof import Proof
from chainwatch.types import Address, Alert

Usd = Callable[[Address, int], float | None]
"""Dollars for base units of a token, None where no price is known."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on an Alert, and why. `sent`: a node has acknowledged the action."""

    playbook: str | None
    sent: bool
    outcome: str
    conditions: tuple[Condition, ...] = ()
    proof: Proof | None = None
    tx_hash: str | None = None
    timings_ms: Mapping[str, float] = {}
    undecided: bool = False
    """Only the quorum's word is missing: it is decided again."""

    def text(self) -> str:
        """For a person: the outcome, then each condition."""
        lines = [self.outcome]
        lines += [f"  {'✓' if c.holds else '✗'} {c.name}: {c.detail}" for c in self.conditions]
        return "\n".join(lines)

    def summary(self) -> Mapping[str, Any]:
        """For the log."""
        return {
            "playbook": self.playbook,
            "sent": self.sent,
            "outcome": self.outcome,
            "against": [c.name for c in self.conditions if not c.holds],
            "timings_ms": {name: round(ms, 2) for name, ms in self.timings_ms.items()},
        }


class Clock:
    """Milliseconds a stage, by name, in `laps`."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """The stage `name` ends here."""
        now = time.perf_counter()
        self.laps[name] = (now - self._last) * 1e3
        self._last = now


def declined(playbook: PlaybookConfig, conditions: Sequence[Condition], proof: Proof | None, clock: Clock) -> Decision:
    """The decision not to send, with what stands against it."""
    against = [c.name for c in conditions if not c.holds]
    if against == ["armed"]:
        outcome = f"Dry run: {playbook.name} would be sent now."
    else:
        outcome = f"{playbook.name} is not sent: {', '.join(against)} {'does' if len(against) == 1 else 'do'} not hold."
    return Decision(
        playbook=playbook.name, sent=False, outcome=outcome, conditions=tuple(conditions), proof=proof,
        timings_ms=clock.laps,
    )  # fmt: skip


def preventable(proof: Proof, alert: Alert, profile: Profile, usd: Usd) -> float | None:
    """What the protected still hold after the attack, in dollars; else what the profile says, less the loss."""
    priced = [value for token, amount in proof.left.items() if (value := usd(token, amount)) is not None]
    if priced:
        return sum(priced)
    if profile.tvl_usd is None:
        return None
    return max(profile.tvl_usd - float(alert.loss_estimate.get("usd") or 0.0), 0.0)
