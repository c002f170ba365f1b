"""One page an incident: what belongs to an incident that people know of is summed up, unless it is graver.

An attack that moves a price raises an alert for every honest transaction that meets it. Whoever is awake already need
not be woken thirty times, and must not miss the thirty-first that is worse.
"""

import time
from collections import Counter
from collections.abc import Callable

import msgspec

from chainwatch.types import Alert, AlertEvent, Severity, Tier

_TIERS = list(Tier)
_ENDED = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)


class _Incident(msgspec.Struct):
    where: str
    tier: int
    severity: Severity
    last: float
    told: set[str]
    held: Counter[str]
    summed_at: float


class Incidents:
    """Alerts about one protocol (else one victim), none longer than `quiet_seconds` after the one before; 0: no alert
    belongs to another."""

    def __init__(
        self, quiet_seconds: float, summary_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._quiet = quiet_seconds
        self._summary = summary_seconds
        self._clock = clock
        self._open: dict[tuple[int, str], _Incident] = {}

    def pages(self, alert: Alert) -> bool:
        """Whether people are to be told of `alert` by itself: the first, a graver one, or one they were told of."""
        where = alert.protocol or next(iter(alert.victims), None)
        if not self._quiet or where is None:
            return True
        now, tier, key = self._clock(), _TIERS.index(alert.tier), (alert.chain_id, where)
        incident = self._open.get(key)
        if alert.event in _ENDED:
            return incident is None or alert.alert_id in incident.told
        if incident is None or now - incident.last > self._quiet:
            self._open[key] = _Incident(where, tier, alert.severity, now, {alert.alert_id}, Counter(), now)
            return True
        incident.last = now
        graver = tier > incident.tier or alert.severity < incident.severity
        if graver or alert.alert_id in incident.told:
            incident.tier = max(tier, incident.tier)
            incident.severity = min(alert.severity, incident.severity)
            incident.told.add(alert.alert_id)
            return True
        incident.held[alert.kind] += 1
        return False

    def summaries(self, *, all_: bool = False) -> list[tuple[str, str]]:
        """Title and text for each incident with alerts that were held back for long enough, or for `all_`."""
        now = self._clock()
        found: list[tuple[str, str]] = []
        for key, incident in list(self._open.items()):
            if incident.held and (all_ or now - incident.summed_at >= self._summary):
                kinds = ", ".join(f"{count} × {kind}" for kind, count in incident.held.most_common())
                found.append(
                    (
                        f"{incident.held.total()} more alerts of the incident on {incident.where}",
                        f"None is graver than what you were told: {kinds}. chain {key[0]}",
                    )
                )
                incident.held, incident.summed_at = Counter(), now
            elif now - incident.last > self._quiet:
                del self._open[key]
        return found
