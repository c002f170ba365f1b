"""Notifications through apprise, off the hot path: bounded queues, retries, and a count of what failed.

A channel that fails never delays detection, an action or another channel; it shows in the status and in the
log, without its URL, which may hold a token.
"""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence

import apprise
import msgspec
import structlog
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, retry_if_result, stop_after_attempt
from tenacity.wait import wait_exponential

from chainwatch.config.models import NotifyConfig
from chainwatch.errors import BadConfig
from chainwatch.notify.incidents import Incidents
from chainwatch.types import Alert, AlertEvent, Severity, Silence, Tier

log = structlog.get_logger(__name__)

# apprise's own log lines hold parts of URLs; what went wrong is said here, without them.
_apprise_log = logging.getLogger("apprise")
_apprise_log.addHandler(logging.NullHandler())
_apprise_log.propagate = False

_QUEUE = 500
_ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 0.5
_SUM_UP_SECONDS = 5.0
_MOST_ESCALATIONS = 3
_TIERS = list(Tier)


class NotifyCounts(msgspec.Struct):
    """What became of the messages, each counted once a channel. `dropped`: the channel's queue was full;
    `failed`: the channel refused every attempt. `held`: alerts of an incident that people know of; summed up.
    `silenced`: alerts under a silence; `escalated`: told again because nobody had acknowledged them."""

    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    held: int = 0
    silenced: int = 0
    escalated: int = 0


class _Message(msgspec.Struct, frozen=True):
    title: str
    body: str
    type: apprise.NotifyType


class _Unanswered(msgspec.Struct):
    alert: Alert
    told_at: float
    times: int = 0


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
        self._channels = [_Channel(url) for url in _urls(config.urls, config.urls_env, "urls_env")]
        further = _urls(config.escalate_urls, config.escalate_urls_env, "escalate_urls_env")
        self._next_in_line = [_Channel(url) for url in further]
        self._escalate_after = config.escalate_after_seconds
        self._unanswered: dict[str, _Unanswered] = {}
        self.silences: Sequence[Silence] = ()
        """What nobody is to be woken by now; whoever follows the store keeps it up to date."""
        self.counts = NotifyCounts()
        self._incidents = Incidents(config.incident_seconds, config.summary_seconds)

    def alert(self, alert: Alert) -> None:
        """Queue a transition of an Alert that reaches the configured tier, unless it is no news in its incident."""
        if _TIERS.index(alert.tier) < _TIERS.index(self._min_tier):
            return
        if any(silence.covers(alert) for silence in self.silences):
            self.counts.silenced += 1
            return
        if not self._incidents.pages(alert):
            self.counts.held += 1
            return
        ended = alert.event in (AlertEvent.RESOLVED, AlertEvent.RETRACTED)
        grave = alert.severity in (Severity.P1, Severity.P2)
        if ended:
            self._unanswered.pop(alert.alert_id, None)
        elif (grave or alert.tier is Tier.ACT) and self._escalate_after:
            self._unanswered.setdefault(alert.alert_id, _Unanswered(alert, time.monotonic()))
        type_ = (
            apprise.NotifyType.INFO if ended else apprise.NotifyType.FAILURE if grave else apprise.NotifyType.WARNING
        )
        where = f"block {alert.block_number}" if alert.block_number is not None else "no block"
        title = f"[{alert.severity} {alert.tier}] {alert.event}: {alert.kind} on {alert.protocol or 'a contract'}"
        body = f"{alert.explanation}\n\nchain {alert.chain_id}, {where}, {alert.stage}\n" + "\n".join(alert.tx_hashes)
        self.message(title, f"{body}\nalert {alert.alert_id}", type_)

    def unanswered(self) -> list[str]:
        """The ids of grave alerts that people were told of and that nobody has acknowledged yet."""
        return list(self._unanswered)

    def answered(self, by: Mapping[str, str]) -> None:
        """Who acknowledged which."""
        for alert_id, person in by.items():
            if (waiting := self._unanswered.pop(alert_id, None)) is not None:
                self.message(f"{person} has acknowledged {waiting.alert.kind}", f"alert {alert_id}")

    def escalate(self) -> None:
        """Tell again, and those who are next in line, what nobody has answered in time."""
        now = time.monotonic()
        for waiting in list(self._unanswered.values()):
            if now - waiting.told_at < self._escalate_after * (waiting.times + 1):
                continue
            waiting.times += 1
            if waiting.times == _MOST_ESCALATIONS:
                del self._unanswered[waiting.alert.alert_id]
            alert, minutes = waiting.alert, (now - waiting.told_at) / 60
            self.counts.escalated += 1
            self.message(
                f"[{alert.severity} {alert.tier}] NOT ACKNOWLEDGED for {minutes:.0f} min: {alert.kind} on "
                f"{alert.protocol or 'a contract'}",
                f"{alert.explanation}\n\nAnswer with: chainwatch alerts ack {alert.alert_id}",
                apprise.NotifyType.FAILURE,
                escalate=True,
            )

    def message(
        self, title: str, body: str, type_: apprise.NotifyType = apprise.NotifyType.INFO, *, escalate: bool = False
    ) -> None:
        """Queue a message, with `escalate` for those who are next in line, too; where a channel's queue is full it is
        dropped and counted, never waited for."""
        for channel in [*self._channels, *(self._next_in_line if escalate else ())]:
            try:
                channel.queue.put_nowait(_Message(title, body, type_))
            except asyncio.QueueFull:
                self.counts.dropped += 1
                log.error("notification dropped: queue full", channel=channel.name, title=title)

    def failing(self) -> list[str]:
        """The channels whose last message could not be delivered, or whose queue is full."""
        return [channel.name for channel in self._all() if channel.failing or channel.queue.full()]

    def _all(self) -> list[_Channel]:
        return [*self._channels, *self._next_in_line]

    async def run(self) -> None:
        """Deliver for ever."""
        async with asyncio.TaskGroup() as group:
            for channel in self._all():
                group.create_task(self._serve(channel))
            while True:
                self._sum_up()
                await asyncio.sleep(_SUM_UP_SECONDS)

    async def drain(self, timeout: float) -> None:
        """Wait until what is queued has been delivered or has failed, at most `timeout` seconds."""
        self._sum_up(all_=True)
        try:
            await asyncio.wait_for(asyncio.gather(*(channel.queue.join() for channel in self._all())), timeout)
        except TimeoutError:
            left = {channel.name: channel.queue.qsize() for channel in self._all()}
            log.error("notifications left undelivered at shutdown", still_queued=left)

    def _sum_up(self, *, all_: bool = False) -> None:
        for title, body in self._incidents.summaries(all_=all_):
            self.message(title, body, apprise.NotifyType.WARNING)

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


def _urls(stated: Sequence[str], variable: str | None, key: str) -> list[str]:
    if variable is None:
        return list(stated)
    if variable not in os.environ:
        raise BadConfig(
            f"notify.{key} names the environment variable {variable}, which is not set.",
            "Set it to apprise URLs separated by spaces, or remove the key.",
        )
    return [*stated, *os.environ[variable].split()]
