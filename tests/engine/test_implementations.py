"""A protected proxy is upgraded, with and without an event: people are told, and whether it was announced."""

import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import NotifyConfig
from chainwatch.engine.implementations import Implementations
from chainwatch.engine.status import EngineStatus
from chainwatch.notify.channel import Notifier, NotifyCounts
from chainwatch.sources.blocks import SourceStatus
from chainwatch.types import BlockRef
from tests.builders import address, pool_over
from tests.chain.contracts import NOTHING

PROXY, FIRST, SECOND = address(0xB1), address(0xB2), address(0xB3)
SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"


async def run_code(rpc: Rpc, implementation: str) -> BlockRef:
    """The proxy runs this from the next block on."""
    await rpc.call("anvil_setStorageAt", [PROXY, SLOT, "0x" + implementation[2:].rjust(64, "0")])
    await rpc.call("evm_mine")
    return (await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)).ref()


async def test_a_change_is_told_once_and_says_whether_it_was_announced(
    rpc: Rpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain_id = int(await rpc.call("eth_chainId"), 16)
    status = EngineStatus(
        chain_id=chain_id, armed=False, blocks=SourceStatus(), pending=None, notifications=NotifyCounts()
    )
    notifier = Notifier(NotifyConfig())
    told: list[str] = []
    monkeypatch.setattr(notifier, "message", lambda title, text, *_: told.append(f"{title} {text}"))
    await rpc.call("anvil_setCode", [PROXY, "0x" + NOTHING])
    followed = Implementations(pool_over(rpc, chain_id), [PROXY], status, notifier)
    await followed.look(await run_code(rpc, FIRST))
    assert not told

    await followed.look(await run_code(rpc, SECOND))
    assert not told, "nobody said that it changed, and the hour is not over"
    followed.upgraded([PROXY])
    block = await run_code(rpc, SECOND)
    await followed.look(block)
    await followed.look(block)
    assert len(told) == 1
    assert f"Until now {FIRST} (eip1967)" in told[0]
    assert f"{SECOND} (eip1967). An event announced it" in told[0]

    silent = await run_code(rpc, FIRST)
    followed.orphaned(BlockRef(number=block.number and block.number - 1, hash=None))  # what was read is read again
    await followed.look(silent)
    assert "NO event announced it" in told[1]
    assert status.implementation_changes == len(told) == 2
