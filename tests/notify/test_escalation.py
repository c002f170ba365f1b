"""A grave page that nobody acknowledges goes to who is next in line; a silence wakes nobody and hides no attack."""

from pathlib import Path

import pytest

from chainwatch.config.models import NotifyConfig
from chainwatch.engine.desk import Desk
from chainwatch.notify import channel as module
from chainwatch.notify.channel import Notifier
from chainwatch.store import Store
from chainwatch.types import AlertEvent, Severity, Silence, Tier
from tests.notify.test_channel import alert, running, webhook


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def notifier(told: list[str], monkeypatch: pytest.MonkeyPatch, **config: float) -> Notifier:
    made = Notifier(NotifyConfig(**{"escalate_after_seconds": 900.0} | config))
    monkeypatch.setattr(made, "message", lambda title, *_args, **_named: told.append(title))
    return made


def test_it_is_told_three_times_and_then_no_more(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    pager = notifier(told, monkeypatch)
    pager.alert(alert())
    for _ in range(6):
        clock.now += 901.0
        pager.escalate()
        pager.escalate()
    assert [title for title in told if "NOT ACKNOWLEDGED" in title] == [
        f"[P1 act] NOT ACKNOWLEDGED for {n} min: flash_price_manipulation on lender" for n in (15, 30, 45)
    ]
    assert pager.counts.escalated == 3


@pytest.mark.parametrize(
    "fields", [{"tier": Tier.ALERT, "severity": Severity.P3}, {"event": AlertEvent.RESOLVED}], ids=["not grave", "over"]
)
def test_what_need_not_be_answered(fields: dict[str, object], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    pager = notifier(told, monkeypatch)
    pager.alert(alert(**fields))
    assert pager.unanswered() == []


def test_the_end_of_an_alert_is_an_answer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    pager = notifier([], monkeypatch)
    pager.alert(alert())
    assert pager.unanswered() == ["a-1"]
    pager.alert(alert(event=AlertEvent.RETRACTED))
    assert pager.unanswered() == []


def test_never_where_that_is_not_wanted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    pager = notifier([], monkeypatch, escalate_after_seconds=0.0)
    pager.alert(alert())
    assert pager.unanswered() == []


async def test_the_bot_reads_what_people_said(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    pager = notifier(told, monkeypatch)
    store = await Store.open(tmp_path / "chainwatch.db")
    desk = Desk(store, pager)
    pager.alert(alert())
    clock.now += 901.0
    await store.desk.acknowledge(alert(), "ann", "")
    await desk.look()
    assert "ann has acknowledged flash_price_manipulation" in told
    assert not [title for title in told if "NOT" in title]

    await store.desk.silence(Silence(protocol="lender", kind=None, until=4e9, by="ann", why="upgrade"))
    await desk.look()
    pager.alert(alert(alert_id="a-2", tier=Tier.ALERT, severity=Severity.P1, kind="oracle_jump"))
    assert pager.counts.silenced == 1
    pager.alert(alert(alert_id="a-3", tier=Tier.ACT, severity=Severity.P1))
    assert pager.counts.silenced == 1
    await store.close()


async def test_who_is_next_in_line_hears_of_it_and_of_nothing_else() -> None:
    async with (
        webhook() as first,
        webhook() as second,
        running(first.url, escalate_urls=(second.url,), escalate_after_seconds=0.001) as pager,
    ):
        pager.alert(alert())
        pager.message("something else", "body")
        await pager.drain(5)
        assert second.titles() == []
        pager.escalate()
        await pager.drain(5)
    assert len(first.titles()) == 3
    assert [title.split(" for ")[0] for title in second.titles()] == ["[P1 act] NOT ACKNOWLEDGED"]
