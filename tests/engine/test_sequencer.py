"""An L2's sequencer goes down and comes back: told, and in the status. The feed is played by a fake node."""

import time
from typing import Any

import pytest
from eth_abi.abi import encode

from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.models import NotifyConfig
from chainwatch.engine.sequencer import Sequencer
from chainwatch.engine.status import EngineStatus
from chainwatch.notify.channel import Notifier, NotifyCounts
from chainwatch.sources.blocks import SourceStatus
from tests.builders import pool_over
from tests.chain.nodes import Refused, fake_node

OP = 10


def told_round(answer: int, started_at: int) -> str:
    types = ["uint80", "int256", "uint256", "uint256", "uint80"]
    return "0x" + encode(types, [1, answer, started_at, started_at, 1]).hex()


async def test_down_back_and_up_are_told_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    status = EngineStatus(chain_id=OP, armed=False, blocks=SourceStatus(), pending=None, notifications=NotifyCounts())
    notifier, told = Notifier(NotifyConfig()), []
    monkeypatch.setattr(notifier, "message", lambda title, *_: told.append(title))
    feed = facts_of(OP).sequencer_uptime_feed
    assert feed is not None
    now = int(time.time())
    async with fake_node() as node, Rpc(node.http) as rpc:
        pool: Pool = pool_over(rpc, OP)
        sequencer = Sequencer(pool, status, notifier)
        steps: list[tuple[Any, str, int]] = [
            (told_round(0, now - 100_000), "up", 0),
            (told_round(1, now - 60), "down", 1),
            (told_round(1, now - 60), "down", 1),
            (Refused(-32000, "busy"), "down", 1),
            ("0x", "down", 1),
            (told_round(0, now - 5), "back", 2),
            (told_round(0, now - 4_000), "up", 3),
        ]
        for answer, state, messages in steps:
            node.methods["eth_call"] = answer
            await sequencer.look(feed)
            assert status.sequencer == state
            assert len(told) == messages
    assert "is down since" in told[0]
    assert "is back since" in told[1]
    assert "is up" in told[2]
