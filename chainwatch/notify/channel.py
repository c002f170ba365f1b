"""Notifications through apprise, off the hot path: bounded queues, retries, and a count of what failed.

A channel that fails never delays detection, an action or another channel; it shows in the status and in the
log, without its URL, which may hold a token.
"""

import asyncio
import logging
import os

import apprise
import msgspec
import structlog
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, retry_if_result, stop_after_attempt
from tenacity.wait import wait_exponential

from chainwatch.config.models import NotifyConfig
from chainwatch.errors import BadConfig
from chainwatch.types import Alert, AlertEvent, Severity, Tier

log = structlog.get_logger(__name__)

# apprise's own log lines hold parts of URLs; what went wrong is said here, without them.
_apprise_log = logging.getLogger("apprise")
_apprise_log.addHandler(logging.NullHandler())
_apprise_log.propagate = False

_QUEUE = 500
_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.5
_TIERS = list(Tier)


class NotifyCounts(msgspec.Struct):
    """What became of the messages, each counted once a channel. `dropped`: the channel's queue was full;
    `failed`: the channel refused every attempt."""

    delivered: int = 0
    failed: int = 0
    dropped: int = 0


class _Message(msgspec.Struct, frozen=True):
    title: str
    body: str
    type: apprise.NotifyType


class _Channel:
    """One apprise URL with a queue of its own."""

    def __init__(self, url: str) -> None:
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            scheme, separator, _ = url.partition("://")
            raise BadConfig(
                "notify.urls: apprise does not understand "
                + (f"a URL that begins with {scheme}://." if separator else "a URL without a scheme."),
                "Check it against apprise's documentation.",
            )
        # Only the scheme may be shown: the rest may hold a token.
        self.name = str(self._apprise[0].secure_protocol or self._apprise[0].protocol)
        self.queue: asyncio.Queue[_Message] = asyncio.Queue(maxsize=_QUEUE)
        self.failing = False

    async def deliver(self, message: _Message) -> None:
        """Send the message, in several attempts. Raises RetryError when all of them failed."""
        attempts = AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=_FIRST_WAIT_SECONDS, max=10),
            # A plugin says False, or raises whatever the library below it raises.
            retry=retry_if_result(lambda delivered: not delivered) | retry_if_exception_type(Exception),
        )
        await attempts(self._apprise.async_notify, title=message.title, body=message.body, notify_type=message.type)


class Notifier:
    """Sends messages to all configured channels. `run()` is its task; without channels it does nothing."""

    def __init__(self, config: NotifyConfig) -> None:
        self._min_tier = config.min_tier
        self._channels = [_Channel(url) for url in _urls(config)]
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
        """Queue a message; where a channel's queue is full it is dropped and counted, never waited for."""
        for channel in self._channels:
            try:
                channel.queue.put_nowait(_Message(title, body, type_))
            except asyncio.QueueFull:
                self.counts.dropped += 1
                log.error("notification dropped: queue full", channel=channel.name, title=title)

    def failing(self) -> list[str]:
        """The channels whose last message could not be delivered, or whose queue is full."""
        return [channel.name for channel in self._channels if channel.failing or channel.queue.full()]

    async def run(self) -> None:
        """Deliver for ever."""
        async with asyncio.TaskGroup() as group:
            for channel in self._channels:
                group.create_task(self._serve(channel))
            await asyncio.Event().wait()

    async def drain(self, timeout: float) -> None:
        """Wait until what is queued has been delivered or has failed, at most `timeout` seconds."""
        try:
            await asyncio.wait_for(asyncio.gather(*(channel.queue.join() for channel in self._channels)), timeout)
        except TimeoutError:
            left = {channel.name: channel.queue.qsize() for channel in self._channels}
            log.error("notifications left undelivered at shutdown", still_queued=left)

    async def _serve(self, channel: _Channel) -> None:
        while True:
            message = await channel.queue.get()
            try:
                await channel.deliver(message)
                self.counts.delivered += 1
                channel.failing = False
            except RetryError as error:
                self.counts.failed += 1
                channel.failing = True
                raised = error.last_attempt.exception()
                log.error(
                    "notification not delivered", channel=channel.name, title=message.title, attempts=_ATTEMPTS,
                    error=type(raised).__name__ if raised else "refused",
                )  # fmt: skip
            finally:
                channel.queue.task_done()


def _urls(config: NotifyConfig) -> list[str]:
    if config.urls_env is None:
        return list(config.urls)
    if config.urls_env not in os.environ:
        raise BadConfig(
            f"notify.urls_env names the environment variable {config.urls_env}, which is not set.",
            "Set it to apprise URLs separated by spaces, or remove the key.",
        )
    return [*config.urls, *os.environ[config.urls_env].split()]
