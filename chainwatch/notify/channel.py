"""Notifications through apprise, off the hot path: a bounded queue, retries, and a count of what failed.

A channel that fails never delays detection or an action; it shows in the status and in the log, without its
URL, which may hold a token.
"""

import asyncio
import os
from collections.abc import Sequence

import apprise
import msgspec
import structlog
from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_attempt, wait_exponential

from chainwatch.config.models import NotifyConfig
from chainwatch.errors import BadConfig
from chainwatch.types import Alert, AlertEvent, Severity, Tier

log = structlog.get_logger(__name__)

_QUEUE = 500
_ATTEMPTS = 4
_TIERS = list(Tier)


class NotifyCounts(msgspec.Struct):
    """What became of the messages. `dropped`: the queue was full; `failed`: a channel refused every attempt."""

    delivered: int = 0
    failed: int = 0
    dropped: int = 0


class Notifier:
    """Sends messages to all configured channels. `run()` is its task; without channels it does nothing."""

    def __init__(self, config: NotifyConfig) -> None:
        self._min_tier = config.min_tier
        self._channels = _channels(config)
        self._queue: asyncio.Queue[tuple[str, str, apprise.NotifyType]] = asyncio.Queue(maxsize=_QUEUE)
        self.counts = NotifyCounts()

    def alert(self, alert: Alert) -> None:
        """Queue a transition of an Alert that reaches the configured tier."""
        if _TIERS.index(alert.tier) < _TIERS.index(self._min_tier):
            return
        ended = alert.event in (AlertEvent.RESOLVED, AlertEvent.RETRACTED)
        grave = alert.severity in (Severity.P1, Severity.P2)
        type_ = (
            apprise.NotifyType.INFO if ended else apprise.NotifyType.FAILURE if grave else apprise.NotifyType.WARNING
        )
        where = f"block {alert.block_number}" if alert.block_number is not None else "no block"
        title = f"[{alert.severity} {alert.tier}] {alert.event}: {alert.kind} on {alert.protocol or 'a contract'}"
        body = f"{alert.explanation}\n\nchain {alert.chain_id}, {where}, {alert.stage}\n" + "\n".join(alert.tx_hashes)
        self.message(title, f"{body}\nalert {alert.alert_id}", type_)

    def message(self, title: str, body: str, type_: apprise.NotifyType = apprise.NotifyType.INFO) -> None:
        """Queue a message; when the queue is full it is dropped and counted, never waited for."""
        if not self._channels:
            return
        try:
            self._queue.put_nowait((title, body, type_))
        except asyncio.QueueFull:
            self.counts.dropped += 1
            log.error("notification dropped: queue full", title=title)

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            title, body, type_ = await self._queue.get()
            try:
                # Channels on their own, so that a dead one is retried without repeating the others.
                await asyncio.gather(*(self._deliver(c, title, body, type_) for c in self._channels))
            finally:
                self._queue.task_done()

    async def drain(self, timeout: float) -> None:
        """Wait until what is queued has been delivered, at most `timeout` seconds."""
        try:
            await asyncio.wait_for(self._queue.join(), timeout)
        except TimeoutError:
            log.error("notifications left undelivered at shutdown", count=self._queue.qsize())

    async def _deliver(self, channel: apprise.Apprise, title: str, body: str, type_: apprise.NotifyType) -> None:
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(_ATTEMPTS),
                wait=wait_exponential(multiplier=0.5, max=10),
                retry=retry_if_result(lambda delivered: not delivered),
            ):
                with attempt:
                    delivered = await channel.async_notify(title=title, body=body, notify_type=type_)
                if not attempt.retry_state.outcome.failed:  # type: ignore[union-attr]
                    attempt.retry_state.set_result(delivered)
        except RetryError:
            self.counts.failed += 1
            log.error("notification not delivered", channel=_scheme(channel), title=title, attempts=_ATTEMPTS)
        except Exception as error:  # a plugin of a channel may raise anything; the watch goes on
            self.counts.failed += 1
            log.error("notification channel raised", channel=_scheme(channel), error=type(error).__name__)
        else:
            self.counts.delivered += 1


def _channels(config: NotifyConfig) -> Sequence[apprise.Apprise]:
    urls = list(config.urls)
    if config.urls_env is not None:
        if config.urls_env not in os.environ:
            raise BadConfig(
                f"notify.urls_env names the environment variable {config.urls_env}, which is not set.",
                "Set it to apprise URLs separated by spaces, or remove the key.",
            )
        urls += os.environ[config.urls_env].split()
    channels = []
    for url in urls:
        channel = apprise.Apprise()
        if not channel.add(url):
            raise BadConfig(
                f"notify.urls: apprise does not understand a URL that begins with {url.split(':')[0]!r}.",
                "Check it against apprise's documentation.",
            )
        channels.append(channel)
    return channels


def _scheme(channel: apprise.Apprise) -> str:
    return str(channel[0].secure_protocol or channel[0].protocol) if len(channel) else "?"
