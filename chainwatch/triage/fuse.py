"""Findings to Alerts: what belongs together, how heavy it weighs, and what became of it.

Findings about one transaction are one Alert. A condition (a price that is off, a broken invariant) joins the
Alert of a transaction of its first block that hurt the same contracts; otherwise it is one Alert while it
holds, resolved when it ends. An orphaned block retracts its Alerts; the same
transaction mined again opens the same fingerprint again. Nothing is said twice: a transition is made only
when something a person would decide on has changed.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chainwatch.config.models import Profile
from chainwatch.triage.weigh import confidence_of, severity_of, tier_of
from chainwatch.types import Address, Alert, AlertEvent, BlockRef, Finding, Stage, Tier

MAX_LIVE = 5_000
"""Alerts kept in memory; the oldest leave it first (they stay in the store)."""

_DEAD = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)


class _Live(msgspec.Struct):
    alert: Alert
    findings: tuple[Finding, ...]
    condition: bool


class Triage:
    """The live Alerts of one chain. Not safe for use by several tasks at once; the engine owns it."""

    def __init__(self, profiles: Sequence[Profile] = ()) -> None:
        self._profiles = tuple(profiles)
        self._live: OrderedDict[str, _Live] = OrderedDict()
        # Conditions that joined the Alert of a transaction, and the block they joined it in: they hold on
        # without an Alert of their own.
        self._joined: dict[str, str | None] = {}

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Take up the live Alerts of an earlier run (last transition of each)."""
        for alert in alerts:
            self._keep(_Live(alert, (), condition=alert.condition))
            self._joined |= dict.fromkeys(alert.joined, alert.block_hash)

    def live(self) -> list[Alert]:
        """The live Alerts, oldest first."""
        return [live.alert for live in self._live.values()]

    def findings_of(self, fingerprint: str) -> tuple[Finding, ...]:
        """The Findings a live Alert rests on (empty for one restored from the store)."""
        live = self._live.get(fingerprint)
        return live.findings if live else ()

    def take(
        self, findings: Sequence[Finding], *, block: BlockRef | None = None, conditions_readable: bool = False
    ) -> list[Alert]:
        """The transitions that the Findings of one block, or of one pending transaction, cause.

        With `conditions_readable` (every Probe of the block was read) live conditions that were not found
        again are resolved; a block that could not be read resolves nothing.
        """
        by_tx: dict[str, list[Finding]] = {}
        for finding in findings:
            if not finding.condition:
                by_tx.setdefault(finding.tx_hashes[0], []).append(finding)
        conditions = {_condition_key(f): f for f in findings if f.condition}
        transitions: list[Alert] = []
        joining: dict[str, tuple[str, ...]] = {}
        for key, finding in conditions.items():
            # It is the state that one transaction left: the gravest of those with the same victims.
            alike = [tx for tx, group in by_tx.items() if any(set(f.victims) & set(finding.victims) for f in group)]
            if alike and key not in self._live:
                gravest = max(alike, key=lambda tx: max((bool(f.loss), f.confidence) for f in by_tx[tx]))
                by_tx[gravest].append(msgspec.structs.replace(finding, tx_hashes=(gravest,)))
                self._joined[key] = block.hash if block else None
                joining[gravest] = (*joining.get(gravest, ()), key)
        for tx_hash, group in by_tx.items():
            fingerprint = _fingerprint(group[0].chain_id, "tx", tx_hash)
            transitions += self._found(fingerprint, tuple(group), condition=False, joined=joining.get(tx_hash, ()))
        for key, finding in conditions.items():
            if key not in self._joined:
                transitions += self._found(key, (finding,), condition=True)
        if conditions_readable and block is not None:
            self._joined = {key: where for key, where in self._joined.items() if key in conditions}
            for key in [k for k, live in self._live.items() if live.condition and k not in conditions]:
                transitions.append(self._end(key, AlertEvent.RESOLVED, "The condition no longer holds."))
        return transitions

    def orphan(self, orphaned: Iterable[BlockRef]) -> list[Alert]:
        """Retract what rests on orphaned blocks."""
        hashes = {ref.hash for ref in orphaned}
        self._joined = {key: where for key, where in self._joined.items() if where not in hashes}
        return [
            self._end(key, AlertEvent.RETRACTED, "Its block is no longer part of the chain.")
            for key, live in list(self._live.items())
            if live.alert.block_hash in hashes and live.alert.stage is not Stage.PENDING
        ]

    def settle(self, safe: int, finalized: int) -> list[Alert]:
        """The chain has become safe and final up to these blocks, and with it what the live Alerts rest on."""
        settled = []
        for live in self._live.values():
            alert = live.alert
            if alert.block_number is None or alert.stage not in (Stage.INCLUDED, Stage.SAFE):
                continue
            stage = Stage.FINALIZED if alert.block_number <= finalized else Stage.SAFE
            if stage is not alert.stage and alert.block_number <= max(safe, finalized):
                live.alert = msgspec.structs.replace(alert, event=AlertEvent.UPDATED, stage=stage)
                settled.append(live.alert)
        return settled

    def forget_pending(self, tx_hashes: Iterable[str], why: str) -> list[Alert]:
        """Resolve Alerts about pending transactions that will not happen as simulated."""
        wanted = set(tx_hashes)
        return [
            self._end(key, AlertEvent.RESOLVED, why)
            for key, live in list(self._live.items())
            if live.alert.stage is Stage.PENDING and wanted.intersection(live.alert.tx_hashes)
        ]

    def _found(
        self, fingerprint: str, findings: tuple[Finding, ...], *, condition: bool, joined: tuple[str, ...] = ()
    ) -> list[Alert]:
        before = self._live.get(fingerprint)
        alert = self._alert(fingerprint, findings, before.alert if before else None)
        alert = msgspec.structs.replace(alert, joined=joined or (before.alert.joined if before else ()))
        if before is not None and condition and not _heavier(before.alert, alert):
            return []  # it still holds; what it was like when it began is what it is about
        self._keep(_Live(alert, findings, condition))
        if before is not None and not _worth_saying(before.alert, alert):
            return []
        return [alert]

    def _alert(self, fingerprint: str, findings: tuple[Finding, ...], before: Alert | None) -> Alert:
        # What happened says more than the state it left; what names a loss says more than what does not.
        main = max(findings, key=lambda f: (not f.condition, bool(f.loss), f.confidence))
        victims = tuple(dict.fromkeys(v for f in findings for v in f.victims))
        profile = self._profile_of(victims)
        tier = tier_of(findings)
        block = main.block
        others = [f.explanation for f in findings if f is not main]
        return Alert(
            event=AlertEvent.OPENED if before is None else AlertEvent.UPDATED,
            alert_id=before.alert_id if before else _fingerprint(0, fingerprint, (block and block.hash) or "")[:16],
            fingerprint=fingerprint,
            kind=main.kind,
            tier=tier,
            severity=severity_of(findings, tier, profile),
            confidence=confidence_of(findings),
            stage=main.stage,
            chain_id=main.chain_id,
            block_number=block.number if block else None,
            block_hash=block.hash if block else None,
            tx_hashes=tuple(dict.fromkeys(h for f in findings for h in f.tx_hashes)),
            protocol=profile.name if profile else None,
            loss_estimate=_loss(findings),
            detectors=tuple(dict.fromkeys(f.detector for f in findings)),
            explanation="\n".join([main.explanation, *(f"Also: {text}" for text in others)]),
            evidence=tuple({e.ref: e for f in findings for e in f.evidence}.values()),
            victims=victims,
            suspects=tuple(dict.fromkeys(s for f in findings for s in f.suspects)),
            condition=all(f.condition for f in findings),
        )

    def _profile_of(self, victims: Sequence[Address]) -> Profile | None:
        return next((p for p in self._profiles if not p.protected.isdisjoint(victims)), None)

    def _keep(self, live: _Live) -> None:
        self._live[live.alert.fingerprint] = live
        self._live.move_to_end(live.alert.fingerprint)
        if len(self._live) > MAX_LIVE:
            self._live.popitem(last=False)

    def _end(self, fingerprint: str, event: AlertEvent, why: str) -> Alert:
        assert event in _DEAD
        live = self._live.pop(fingerprint)
        stage = Stage.ORPHANED if event is AlertEvent.RETRACTED else live.alert.stage
        return msgspec.structs.replace(live.alert, event=event, stage=stage, explanation=why)


def _heavier(before: Alert, after: Alert) -> bool:
    tiers = list(Tier)
    return tiers.index(after.tier) > tiers.index(before.tier) or after.severity < before.severity


def _worth_saying(before: Alert, after: Alert) -> bool:
    return (
        (before.tier, before.severity, before.kind, before.stage, before.tx_hashes, before.detectors)
        != (after.tier, after.severity, after.kind, after.stage, after.tx_hashes, after.detectors)
        # a transaction mined again in another block after a reorganisation that we did not see as one
        or (bool(after.tx_hashes) and before.block_hash != after.block_hash)
    )


def _condition_key(finding: Finding) -> str:
    # A condition is what is wrong with what; the block in which it is seen again is not part of it.
    return _fingerprint(finding.chain_id, finding.kind, finding.formula, *sorted(finding.victims))


def _fingerprint(chain_id: int, *parts: str) -> str:
    return hashlib.sha256("\n".join([str(chain_id), *parts]).encode()).hexdigest()[:32]


def _loss(findings: Sequence[Finding]) -> Mapping[str, object]:
    tokens: dict[Address, int] = {}
    for finding in findings:  # families measure the same loss: the largest claim counts, not the sum
        for token, amount in finding.loss.items():
            tokens[token] = max(amount, tokens.get(token, 0))
    known = [f.loss_usd for f in findings if f.loss_usd is not None]
    return {"usd": max(known) if known else None, "tokens": {t: str(a) for t, a in tokens.items()}}
