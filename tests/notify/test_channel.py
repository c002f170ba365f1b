"""Notifications: a real webhook gets them, a dead one costs only itself, and every loss is counted."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from chainwatch.config.models import NotifyConfig
from chainwatch.errors import BadConfig
from chainwatch.notify import channel as channel_module
from chainwatch.notify.channel import Notifier
from chainwatch.types import Alert, AlertEvent, Severity, Stage, Tier
from tests.builders import address, hash_
from tests.chain.nodes import until

# apprise imports it, with its plugins, when the first URL is added.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Webhook:
    """What a webhook was told, and how it answers: a status for each request, the last one for all that follow."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.statuses = [200]
        self.stalled: asyncio.Event | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        self.at.append(time.monotonic())
        if self.stalled is not None:
            await self.stalled.wait()
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    def titles(self) -> list[str]:
        return [told["title"] for told in self.told]


@asynccontextmanager
async def webhook(*statuses: int) -> AsyncIterator[Webhook]:
    """A local server that apprise's json:// scheme posts to."""
    hook = Webhook()
    hook.statuses = list(statuses) or [200]
    app = web.Application()
    app.router.add_post("/{tail:.*}", hook.answer)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    hook.url = f"json://127.0.0.1:{server.port}/SECRET"
    try:
        yield hook
    finally:
        if hook.stalled is not None:
            hook.stalled.set()
        await server.close()


@asynccontextmanager
async def running(*urls: str, **config: Any) -> AsyncIterator[Notifier]:
    """A Notifier whose task runs."""
    notifier = Notifier(NotifyConfig(urls=urls, **config))
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "_FIRST_WAIT_SECONDS", 0.02)


def nobody_listens() -> str:
    """The URL of a webhook that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"json://127.0.0.1:{free.getsockname()[1]}/SECRET"


def alert(**fields: Any) -> Alert:
    given: dict[str, Any] = {
        "event": AlertEvent.OPENED, "alert_id": "a-1", "fingerprint": "f", "kind": "flash_price_manipulation",
        "tier": Tier.ACT, "severity": Severity.P1, "confidence": 0.9, "stage": Stage.INCLUDED, "chain_id": 5,
        "block_number": 77, "block_hash": hash_(77), "tx_hashes": (hash_(1), hash_(2)), "protocol": "lender",
        "loss_estimate": {}, "detectors": ("flash",), "explanation": "The pool was moved by 16 times.",
        "evidence": (), "victims": (address(0xB1),),
    }  # fmt: skip
    return Alert(**(given | fields))


# --- Delivery ---------------------------------------------------------------------------------------------


async def test_an_alert_reaches_the_webhook_with_what_a_person_needs() -> None:
    async with webhook() as hook, running(hook.url) as notifier:
        notifier.alert(alert())
        await notifier.drain(5)
    [told] = hook.told
    assert told["title"] == "[P1 act] opened: flash_price_manipulation on lender"
    for part in ("The pool was moved by 16 times.", "chain 5, block 77, included", hash_(1), hash_(2), "alert a-1"):
        assert part in told["message"]
    assert told["type"] == "failure"
    assert (notifier.counts.delivered, notifier.counts.failed, notifier.counts.dropped) == (1, 0, 0)


@pytest.mark.parametrize(
    ("fields", "type_", "part"),
    [
        ({"severity": Severity.P2}, "failure", "[P2 act] opened"),
        ({"severity": Severity.P3}, "warning", "[P3 act] opened"),
        ({"event": AlertEvent.RETRACTED}, "info", "retracted"),
        ({"event": AlertEvent.RESOLVED}, "info", "resolved"),
        ({"protocol": None}, "failure", "on a contract"),
    ],
)
async def test_the_title_and_colour_of_a_message_say_how_bad_it_is(
    fields: dict[str, Any], type_: str, part: str
) -> None:
    async with webhook() as hook, running(hook.url) as notifier:
        notifier.alert(alert(**fields))
        await notifier.drain(5)
    assert hook.told[0]["type"] == type_
    assert part in hook.told[0]["title"]


async def test_an_alert_of_a_pending_transaction_names_no_block() -> None:
    async with webhook() as hook, running(hook.url) as notifier:
        notifier.alert(alert(block_number=None, stage=Stage.PENDING))
        await notifier.drain(5)
    assert "no block, pending" in hook.told[0]["message"]


@pytest.mark.parametrize(
    ("least", "told"),
    [(Tier.WATCH, ["watch", "alert", "act"]), (Tier.ALERT, ["alert", "act"]), (Tier.ACT, ["act"])],
)
async def test_alerts_below_the_least_tier_are_not_told(least: Tier, told: list[str]) -> None:
    async with webhook() as hook, running(hook.url, min_tier=least) as notifier:
        for tier in Tier:
            notifier.alert(alert(tier=tier))
        await notifier.drain(5)
    assert [title.split("]")[0].split()[1] for title in hook.titles()] == told
    assert notifier.counts.delivered == len(told)


async def test_messages_come_in_the_order_they_were_given() -> None:
    async with webhook() as hook, running(hook.url) as notifier:
        for n in range(10):
            notifier.message(f"m{n}", "body")
        await notifier.drain(5)
    assert hook.titles() == [f"m{n}" for n in range(10)]


async def test_text_that_looks_like_markup_arrives_as_it_is() -> None:
    body = "<b>*x*</b> {{name}} \\n :smile: & ünïcode 🔥"
    async with webhook() as hook, running(hook.url) as notifier:
        notifier.message("t", body)
        await notifier.drain(5)
    assert hook.told[0]["message"] == body


async def test_channels_of_the_environment_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with webhook() as one, webhook() as other, webhook() as third:
        monkeypatch.setenv("OUR_CHANNELS", f" {other.url}  {third.url}\n")
        async with running(one.url, urls_env="OUR_CHANNELS") as notifier:
            notifier.message("t", "body")
            await notifier.drain(5)
        assert [one.titles(), other.titles(), third.titles()] == [["t"]] * 3
        assert notifier.counts.delivered == 3


async def test_without_channels_nothing_happens() -> None:
    async with running() as notifier:
        notifier.alert(alert())
        await notifier.drain(1)
    assert (notifier.counts.delivered, notifier.counts.failed, notifier.counts.dropped) == (0, 0, 0)


# --- Failure ----------------------------------------------------------------------------------------------


async def test_a_channel_that_refuses_at_first_is_tried_again_and_counted_once() -> None:
    async with webhook(500, 503, 200) as hook, running(hook.url) as notifier:
        notifier.message("t", "body")
        await notifier.drain(5)
    assert hook.titles() == ["t", "t", "t"]
    assert (notifier.counts.delivered, notifier.counts.failed) == (1, 0)


async def test_a_channel_that_always_refuses_is_given_up_after_four_attempts_and_counted() -> None:
    async with webhook(500) as hook, running(hook.url) as notifier:
        with capture_logs() as logs:
            notifier.message("t", "body")
            await notifier.drain(5)
    assert len(hook.told) == 4
    assert (notifier.counts.delivered, notifier.counts.failed) == (0, 1)
    [entry] = logs
    assert (entry["event"], entry["channel"], entry["attempts"]) == ("notification not delivered", "jsons", 4)


async def test_attempts_wait_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "_FIRST_WAIT_SECONDS", 0.2)
    async with webhook(500) as hook, running(hook.url) as notifier:
        notifier.message("t", "body")
        await notifier.drain(5)
    waits = [later - earlier for earlier, later in zip(hook.at, hook.at[1:], strict=False)]
    assert waits[0] >= 0.19
    assert waits[1] >= 0.38
    assert waits[2] >= 0.75


async def test_after_a_failure_the_next_message_is_delivered() -> None:
    async with webhook(500, 500, 500, 500, 200) as hook, running(hook.url) as notifier:
        notifier.message("lost", "body")
        notifier.message("kept", "body")
        await notifier.drain(5)
    assert hook.titles() == ["lost"] * 4 + ["kept"]
    assert (notifier.counts.delivered, notifier.counts.failed) == (1, 1)


async def test_a_plugin_that_raises_is_tried_again_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    async def raising(*_: Any, **__: Any) -> bool:
        attempts.append(1)
        raise ValueError("https://hook/SECRET is no good")

    async with running(nobody_listens()) as notifier:
        monkeypatch.setattr("apprise.Apprise.async_notify", raising)
        with capture_logs() as logs:
            notifier.message("t", "body")
            await notifier.drain(5)
    assert len(attempts) == 4
    assert notifier.counts.failed == 1
    assert logs[0]["error"] == "ValueError"
    assert "SECRET" not in repr(logs)


async def test_nothing_that_is_logged_shows_the_url_of_a_dead_channel(capfd: pytest.CaptureFixture[str]) -> None:
    # Not caplog: it attaches itself to loggers that were told to keep to themselves, as apprise's is.
    root, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.name != "aiohttp.access")  # our own webhook's
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        async with webhook(500) as hook, running(nobody_listens(), hook.url) as notifier:
            notifier.message("t", "body")
            await notifier.drain(5)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    output = "".join(capfd.readouterr())
    assert notifier.counts.failed == 2
    assert output.count("notification not delivered") == 2
    assert "SECRET" not in output
    assert "127.0.0.1" not in output


async def test_a_dead_channel_does_not_hold_up_another() -> None:
    async with webhook() as dead, webhook() as alive:
        dead.stalled = asyncio.Event()
        async with running(dead.url, nobody_listens(), alive.url) as notifier:
            for n in range(5):
                notifier.message(f"m{n}", "body")
            await until(lambda: len(alive.told) == 5, timeout=3)
            assert len(dead.told) == 1, "the dead one still has the first message in hand"
            dead.stalled.set()
            await notifier.drain(10)
        assert alive.titles() == dead.titles() == [f"m{n}" for n in range(5)]
    assert (notifier.counts.delivered, notifier.counts.failed) == (10, 5)


async def test_a_full_queue_drops_what_comes_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "_QUEUE", 3)
    async with webhook() as hook:
        notifier = Notifier(NotifyConfig(urls=(hook.url,)))  # nothing delivers yet
        with capture_logs() as logs:
            for n in range(5):
                notifier.message(f"m{n}", "body")
        assert notifier.counts.dropped == 2
        assert [(e["event"], e["title"]) for e in logs] == [
            ("notification dropped: queue full", "m3"),
            ("notification dropped: queue full", "m4"),
        ]
        task = asyncio.create_task(notifier.run())
        await notifier.drain(5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert hook.titles() == ["m0", "m1", "m2"]
    assert notifier.counts.delivered == 3


async def test_a_full_queue_of_one_channel_does_not_cost_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "_QUEUE", 2)
    async with webhook() as dead, webhook() as alive:
        dead.stalled = asyncio.Event()
        async with running(dead.url, alive.url) as notifier:
            for n in range(6):
                notifier.message(f"m{n}", "body")
                await until(lambda n=n: len(alive.told) == n + 1)
            assert notifier.counts.dropped == 3  # one in hand, two queued
            dead.stalled.set()
            await notifier.drain(10)


async def test_draining_gives_up_in_time_and_says_what_is_left() -> None:
    async with webhook() as hook:
        hook.stalled = asyncio.Event()
        async with running(hook.url) as notifier:
            for n in range(3):
                notifier.message(f"m{n}", "body")
            await until(lambda: hook.told)
            start = time.monotonic()
            with capture_logs() as logs:
                await notifier.drain(0.2)
            assert time.monotonic() - start < 1
            hook.stalled.set()
            await notifier.drain(5)
    assert [(e["event"], e["still_queued"]) for e in logs] == [
        ("notifications left undelivered at shutdown", {"jsons": 2})
    ]


# --- Configuration ----------------------------------------------------------------------------------------


def test_an_unset_variable_is_bad_configuration_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUR_CHANNELS", raising=False)
    with pytest.raises(BadConfig, match=r"notify\.urls_env names the environment variable OUR_CHANNELS"):
        Notifier(NotifyConfig(urls_env="OUR_CHANNELS"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://host/SECRET", "begins with nosuch://"),
        ("SECRET", "without a scheme"),
        ("", "without a scheme"),
        ("json://", "begins with json://"),
    ],
)
def test_a_url_that_apprise_does_not_know_is_bad_configuration_without_its_secret(
    url: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadConfig, match=said) as error:
        Notifier(NotifyConfig(urls=(url,)))
    output = capfd.readouterr()
    assert "SECRET" not in str(error.value) + output.out + output.err
