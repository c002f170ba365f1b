"""What the status says of itself, with times given."""

import time

from chainwatch.engine.status import EngineStatus
from chainwatch.notify.channel import NotifyCounts
from chainwatch.sources.blocks import SourceStatus


def following(handled: int, heard: list[tuple[int, float]]) -> EngineStatus:
    """A bot that handled block `handled` just now; heads with the seconds since they were heard."""
    now = time.monotonic()
    blocks = SourceStatus(head_number=heard[-1][0], head_read_at=now, advanced_at=now)
    blocks.heard.extend((number, now - ago) for number, ago in heard)
    status = EngineStatus(chain_id=1, armed=False, blocks=blocks, pending=None, notifications=NotifyCounts())
    status.started, status.handled, status.handled_at = True, handled, now
    return status


def test_a_bot_that_goes_on_but_stays_behind_is_not_ready() -> None:
    status = following(10, [(number, 15.0 - number) for number in range(10, 16)])  # a block a second, five behind
    assert any("lagging: 5 blocks" in reason for reason in status.not_ready())


def test_a_bot_that_is_behind_for_a_moment_is_ready() -> None:
    assert following(10, [(11, 0.9), (12, 0.6), (13, 0.3)]).not_ready() == []  # four blocks a second
    assert following(10, [(10, 30.0), (11, 29.0)]).not_ready() == []  # one block that takes long is not yet a lag
