"""What people say of alerts is kept, by whom and why, and the last word counts."""

import time

from chainwatch.store import Store
from chainwatch.store.desk import Feedback
from chainwatch.types import AlertEvent, Silence, Tier
from tests.notify.test_channel import alert


def silence(until: float, kind: str | None = None, why: str = "upgrade") -> Silence:
    return Silence(protocol="lender", kind=kind, until=until, by="ann", why=why)


async def test_an_acknowledgement_is_a_transition_and_says_who(store: Store) -> None:
    await store.append_alert(alert(alert_id="a-1"))
    await store.append_alert(alert(alert_id="a-2", fingerprint="g"))
    await store.desk.acknowledge(alert(alert_id="a-1"), "ann", "looking")
    await store.desk.acknowledge(alert(alert_id="a-1"), "bob", "me too")
    assert await store.desk.acknowledged(["a-1", "a-2"]) == {"a-1": "ann"}
    assert {a.alert_id: a.event for a in await store.live_alerts(5)} == {
        "a-1": AlertEvent.ACKNOWLEDGED, "a-2": AlertEvent.OPENED,
    }  # fmt: skip
    assert [entry.body["by"] for entry in await store.audited("alert_acknowledged")] == ["ann", "bob"]


async def test_what_has_ended_stays_ended(store: Store) -> None:
    await store.append_alert(alert(alert_id="a-1"))
    await store.append_alert(alert(alert_id="a-1", event=AlertEvent.RETRACTED))
    await store.desk.acknowledge(alert(alert_id="a-1"), "ann", "")
    assert await store.live_alerts(5) == []
    assert await store.desk.acknowledged(["a-1"]) == {"a-1": "ann"}


async def test_alerts_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    for alert_id in ("abc1", "abd2", "a_c3"):
        await store.append_alert(alert(alert_id=alert_id, fingerprint=alert_id))
    await store.append_alert(alert(alert_id="abc1", fingerprint="abc1", event=AlertEvent.RESOLVED))
    assert [a.event for a in await store.desk.find("abc")] == [AlertEvent.RESOLVED]
    assert len(await store.desk.find("ab")) == 2
    assert await store.desk.find("x") == []
    assert [a.alert_id for a in await store.desk.find("a_")] == ["a_c3"]  # no pattern
    assert [a.alert_id for a in await store.desk.newest(5, 2)] == ["a_c3", "abc1"]


async def test_a_silence_holds_until_its_end_or_until_it_is_taken_back(store: Store) -> None:
    now = time.time()
    await store.desk.silence(silence(now + 100))
    await store.desk.silence(silence(now + 50, "oracle_jump"))
    assert {s.kind for s in await store.desk.silences(now)} == {None, "oracle_jump"}
    assert {s.kind for s in await store.desk.silences(now + 60)} == {None}
    await store.desk.silence(silence(now, why="done"))
    assert {s.kind for s in await store.desk.silences(now)} == {"oracle_jump"}


def test_what_a_silence_covers() -> None:
    everything, jumps = silence(1.0), silence(1.0, "oracle_jump")
    assert everything.covers(alert(tier=Tier.ALERT))
    assert not everything.covers(alert(tier=Tier.ACT)), "never where the evidence is enough for automation"
    assert not everything.covers(alert(tier=Tier.ALERT, protocol="another"))
    assert jumps.covers(alert(tier=Tier.ALERT, kind="oracle_jump"))
    assert not jumps.covers(alert(tier=Tier.ALERT))


async def test_the_last_verdict_on_an_alert_counts(store: Store) -> None:
    for verdict in ("false", "attack"):
        await store.desk.judge(Feedback(alert_id="a-1", kind="k", detectors=("d",), verdict=verdict, by="ann", note=""))
    (said,) = await store.desk.judged()
    assert said.verdict == "attack"
    assert len(await store.audited("alert_feedback")) == 2
