"""One page an incident, a graver one by itself, the rest summed up."""

from typing import Any

import pytest

from chainwatch.notify.incidents import Incidents
from chainwatch.types import Alert, AlertEvent, Severity, Tier
from tests.builders import address
from tests.notify.test_channel import alert as some_alert
from tests.notify.test_channel import running, webhook


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def alert(n: int, **fields: Any) -> Alert:
    return some_alert(alert_id=f"a-{n}", **({"tier": Tier.ALERT, "severity": Severity.P3, "kind": "off"} | fields))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def incidents(clock: Clock) -> Incidents:
    return Incidents(1_800.0, 300.0, clock)


def test_the_first_pages_and_its_like_do_not(incidents: Incidents, clock: Clock) -> None:
    assert incidents.pages(alert(1))
    assert [incidents.pages(alert(n)) for n in range(2, 30)] == [False] * 28
    assert incidents.pages(alert(40, protocol="another"))
    assert incidents.pages(alert(41, chain_id=6))
    clock.now += 1_801.0
    assert incidents.pages(alert(42))


def test_as_long_as_they_come_it_is_one_incident(incidents: Incidents, clock: Clock) -> None:
    assert incidents.pages(alert(1))
    for n in range(2, 10):
        clock.now += 1_700.0
        assert not incidents.pages(alert(n))


@pytest.mark.parametrize("graver", [{"tier": Tier.ACT}, {"severity": Severity.P1}])
def test_a_graver_one_pages_once(incidents: Incidents, graver: dict[str, Any]) -> None:
    assert incidents.pages(alert(1))
    assert incidents.pages(alert(2, **graver))
    assert not incidents.pages(alert(3, **graver))


def test_what_becomes_of_one_that_was_told_is_told(incidents: Incidents) -> None:
    assert incidents.pages(alert(1))
    assert not incidents.pages(alert(2))
    assert incidents.pages(alert(1, event=AlertEvent.UPDATED))
    assert incidents.pages(alert(1, event=AlertEvent.RETRACTED))
    assert not incidents.pages(alert(2, event=AlertEvent.RESOLVED))


def test_without_a_protocol_the_victim_decides_and_without_both_nothing_is_held(incidents: Incidents) -> None:
    assert incidents.pages(alert(1, protocol=None))
    assert not incidents.pages(alert(2, protocol=None))
    assert incidents.pages(alert(3, protocol=None, victims=(address(9),)))
    assert incidents.pages(alert(4, protocol=None, victims=()))
    assert incidents.pages(alert(5, protocol=None, victims=()))


def test_nothing_is_held_where_that_is_not_wanted(clock: Clock) -> None:
    every = Incidents(0.0, 300.0, clock)
    assert all(every.pages(alert(n)) for n in range(5))


def test_the_others_are_summed_up(incidents: Incidents, clock: Clock) -> None:
    for n in range(4):
        incidents.pages(alert(n, kind="off" if n < 3 else "stale"))
    assert incidents.summaries() == []
    clock.now += 300.0
    ((title, body),) = incidents.summaries()
    assert title == "3 more alerts of the incident on lender"
    assert "2 × off, 1 × stale" in body
    assert incidents.summaries() == []
    incidents.pages(alert(9))
    assert len(incidents.summaries(all_=True)) == 1
    clock.now += 2_000.0
    assert incidents.summaries() == []
    assert not incidents._open


async def test_a_webhook_gets_one_page_and_a_summary_at_the_end() -> None:
    async with webhook() as hook, running(hook.url) as notifier:
        for n in range(10):
            notifier.alert(alert(n))
        await notifier.drain(5)
    assert [title.split("]")[-1].strip() for title in hook.titles()] == [
        "opened: off on lender",
        "9 more alerts of the incident on lender",
    ]
    assert notifier.counts.held == 9
