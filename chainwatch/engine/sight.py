"""Watches the watcher: is anything seen, do the providers agree, do the clocks? Tells people once when it turns bad
and once when it turns good, and keeps the periods of blindness in the store."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import structlog
from apprise import NotifyType

from chainwatch.chain.heads import Disagreement
from chainwatch.chain.pool import Pool
from chainwatch.engine.status import EngineStatus
from chainwatch.engine.writes import Writes
from chainwatch.notify.channel import Notifier
from chainwatch.store import Store
from chainwatch.types import Alert, AlertEvent, Evidence, Severity, Stage, Tier

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.5
_DISAGREEMENT_GRACE_SECONDS = 2.0  # shorter ones are the forks that every chain has at its tip
_SKEW_SECONDS = 30.0


class Sight:
    """Looks twice a second. Supervised by the engine."""

    def __init__(
        self,
        status: EngineStatus,
        pool: Pool,
        store: Store,
        writes: Writes,
        notifier: Notifier,
        disagreements: Callable[[], Sequence[Disagreement]],
        publish: Callable[[Alert], None],
        refresh: Callable[[], None],
    ) -> None:
        self._status = status
        self._pool = pool
        self._store = store
        self._writes = writes
        self._notifier = notifier
        self._disagreements = disagreements
        self._publish = publish
        self._refresh = refresh
        self._open: dict[str, Alert] = {}
        self._skewed = False
        self._quorum_lost = False
        self._blind_at: float | None = None
        self._seconds_before = 0.0
        self._counted_until = 0.0
        self._advanced_at = 0.0

    async def watch(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look once."""
        status, now = self._status, time.monotonic()
        self._refresh()
        status.providers = self._pool.status()
        status.channels_failing = self._notifier.failing()
        await self._look_for_blindness(now)
        self._look_for_the_quorum()
        await self._look_for_disagreement(now)
        self._look_at_the_clock()

    async def close(self) -> None:
        """The bot stops: whether it was blind until now is written."""
        if self._blind_at is not None:
            await self._writes.write(partial(self._store.blind_ends, self._status.chain_id, time.time()))

    async def _look_for_blindness(self, now: float) -> None:
        status, chain = self._status, self._status.chain_id
        reason = status.blind_reason(now)
        if reason is not None and status.blind_since is None:
            last = max(status.blocks.head_read_at if "no head" in reason else status.blocks.advanced_at, 0.0)
            unseen = now - last if last else 0.0
            self._blind_at = now - unseen
            status.blind_since = datetime.now(UTC) - timedelta(seconds=unseen)
            log.error("blind", seconds=round(unseen), reason=reason)
            title = f"chainwatch is blind on chain {chain} since {status.blind_since:%H:%M:%S} UTC"
            self._notifier.message(title, reason, NotifyType.FAILURE)
            since = time.time() - unseen
            await self._writes.write(partial(self._store.blind_begins, chain, since, reason))
        elif reason is None and status.blind_since is not None and self._blind_at is not None:
            seconds = now - self._blind_at
            self._seconds_before += seconds
            self._counted_until = now
            status.blind_since = self._blind_at = None
            log.warning("sight again", blind_seconds=round(seconds))
            self._notifier.message(
                f"chainwatch sees chain {chain} again after {seconds:.0f} s", "It catches up by itself."
            )
            await self._writes.write(partial(self._store.blind_ends, chain, time.time()))
        await self._note_a_short_one()
        lasting = 0.0 if self._blind_at is None else now - self._blind_at
        status.seconds_blind = self._seconds_before + lasting

    async def _note_a_short_one(self) -> None:
        """One that began and ended between two looks is written all the same."""
        status, before = self._status, self._advanced_at
        self._advanced_at = status.blocks.advanced_at
        unseen = self._advanced_at - before
        if before and unseen > status.blind_after_seconds and self._counted_until < self._advanced_at:
            self._seconds_before += unseen
            chain, until = status.chain_id, time.time()
            await self._writes.write(
                partial(self._store.blind_begins, chain, until - unseen, "nothing new was seen for a moment")
            )
            await self._writes.write(partial(self._store.blind_ends, chain, until))

    async def _look_for_disagreement(self, now: float) -> None:
        lasting = {
            "\n".join(sorted(d.says)) + d.what.split()[0]: d
            for d in self._disagreements()
            if now - d.since >= _DISAGREEMENT_GRACE_SECONDS
        }
        self._status.disagreements = [d.text() for d in lasting.values()]
        for key, disagreement in lasting.items():
            if key not in self._open:
                await self._say(key, self._alert(key, disagreement))
        for key in [k for k in self._open if k not in lasting]:
            ended = self._open.pop(key)
            await self._tell(
                _with(ended, AlertEvent.RESOLVED, "The providers agree again, or the one who did not is gone.")
            )

    async def _say(self, key: str, alert: Alert) -> None:
        self._open[key] = alert
        await self._tell(alert)

    async def _tell(self, alert: Alert) -> None:
        log.error("providers disagree", transition=alert.event, explanation=alert.explanation)
        self._publish(alert)
        self._notifier.alert(alert)
        await self._writes.write(partial(self._store.append_alert, alert))

    def _alert(self, key: str, disagreement: Disagreement) -> Alert:
        """An alert of its own, naming who said what. It never acts."""
        chain = self._status.chain_id
        fingerprint = hashlib.sha256(f"provider_disagreement\n{chain}\n{key}".encode()).hexdigest()[:32]
        evidence = Evidence(ref=f"providers:{disagreement.what}", what=disagreement.what, values=disagreement.says)
        return Alert(
            event=AlertEvent.OPENED, alert_id=f"{fingerprint[:12]}-{time.time_ns():x}", fingerprint=fingerprint,
            kind="provider_disagreement", tier=Tier.ALERT, severity=Severity.P3, confidence=1.0, stage=Stage.INCLUDED,
            chain_id=chain, block_number=disagreement.number, block_hash=None, tx_hashes=(), protocol=None,
            loss_estimate={}, detectors=("quorum",), explanation=f"Providers disagree. {disagreement.text()}",
            evidence=(evidence,),
        )  # fmt: skip

    def _look_for_the_quorum(self) -> None:
        heard, needed = self._status.quorum
        lost = heard < needed and self._status.started
        if lost != self._quorum_lost:
            self._quorum_lost = lost
            chain = self._status.chain_id
            log.error("quorum", heard=heard, needed=needed)
            title = f"chainwatch: the quorum of chain {chain} is {'lost' if lost else 'there again'}"
            text = f"{heard} providers can be heard, {needed} have to agree. Playbooks do as without_quorum says."
            self._notifier.message(title, text, NotifyType.FAILURE if lost else NotifyType.SUCCESS)

    def _look_at_the_clock(self) -> None:
        skew = self._status.clock_skew_seconds
        skewed = abs(skew) > _SKEW_SECONDS
        if skewed and not self._skewed:
            way = "ahead of" if skew < 0 else "behind"
            log.warning("clock skew", seconds=round(skew, 1))
            self._notifier.message(
                f"chainwatch: blocks of chain {self._status.chain_id} are stamped {abs(skew):.0f} s {way} our clock",
                "Check this machine's clock (NTP), or the chain's.",
                NotifyType.WARNING,
            )
        self._skewed = skewed


def _with(alert: Alert, event: AlertEvent, explanation: str) -> Alert:
    return msgspec.structs.replace(alert, event=event, explanation=explanation)
