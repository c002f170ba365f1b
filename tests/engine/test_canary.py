"""A made-up attack is recognised, and it is told where it is not; people hear that the bot lives."""

import pytest

from chainwatch.config.models import NotifyConfig
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import DETECTORS
from chainwatch.detect.outflow import Outflow
from chainwatch.engine.canary import Canary
from chainwatch.engine.status import EngineStatus
from chainwatch.notify.channel import Notifier, NotifyCounts
from chainwatch.sources.blocks import SourceStatus


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def status() -> EngineStatus:
    return EngineStatus(chain_id=5, armed=False, blocks=SourceStatus(), pending=None, notifications=NotifyCounts())


def canary(status: EngineStatus, told: list[str], monkeypatch: pytest.MonkeyPatch, *, deaf: bool = False) -> Canary:
    notifier = Notifier(NotifyConfig())
    monkeypatch.setattr(notifier, "message", lambda title, body, kind: told.append(f"{kind.value} {title} {body}"))
    return Canary(Decoder(load_registry()), (Outflow(),) if deaf else DETECTORS, status, notifier, 24.0)


def test_it_is_recognised(status: EngineStatus, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert canary(status, told, monkeypatch).run()
    assert not told
    assert not status.failed_at


def test_where_it_is_not_it_is_told_once(
    status: EngineStatus, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = canary(status, told, monkeypatch, deaf=True)
    assert not deaf.run()
    assert not deaf.run()
    assert len(told) == 1
    assert "does not detect what it should on chain 5" in told[0]
    status.started = True
    assert any("canary" in reason for reason in status.not_ready())


def test_that_the_bot_lives(status: EngineStatus, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    status.handled, status.executions = 77, 1_234
    canary(status, told, monkeypatch).tell()
    assert told[0].startswith("warning chainwatch lives: chain 5 at block 77 1,234 transactions")
    assert "Against readiness: starting" in told[0]
