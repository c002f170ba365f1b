"""A protected contract runs other code: people are told, with or without an event, and never alarmed for nothing."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import NotifyConfig
from chainwatch.engine import implementations as module
from chainwatch.engine.implementations import Implementations
from chainwatch.engine.status import EngineStatus
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.notify.channel import Notifier, NotifyCounts
from chainwatch.sources.blocks import SourceStatus
from chainwatch.types import BlockRef
from tests.builders import address, pool_over, ref
from tests.chain.contracts import NOTHING

PROXY, FIRST, SECOND, BEACON, OTHER = (address(n) for n in (0xB1, 0xB2, 0xB3, 0xBE, 0xBF))
SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
BEACON_SLOT = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"
REFUSED = NodeRejected("eth_getStorageAt", -32005, "limit exceeded")


def word(text: str) -> str:
    return "0x" + text[2:].rjust(64, "0")


class Node:
    """Answers as the quorum would: what PROXY runs, by block; `refuse` names a method that it refuses."""

    def __init__(self) -> None:
        self.runs: dict[str | None, str | None] = {}
        self.code = "0x6000"
        self.beacon = False
        self.refuse: str | None = None
        self.away = False
        self.asked = 0
        self.during: Any = None

    async def agree(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        self.asked += 1
        if self.away:
            raise NodeError("The node is away.", "It is asked again.")
        if self.during is not None:
            self.during, happens = None, self.during
            happens()
        return [REFUSED if method == self.refuse else self._answer(method, given) for method, given in calls]

    def _answer(self, method: str, given: Sequence[Any]) -> Any:
        runs = self.runs[given[-1]["blockHash"]]
        if method == "eth_getCode":
            return self.code
        if method == "eth_getStorageAt":
            if given[1] == (BEACON_SLOT if self.beacon else SLOT) and runs is not None:
                return word(BEACON if self.beacon else runs)
            return word("0x0")
        return word(runs or "0x0") if given[0]["to"] == BEACON else NodeRejected(method, 3, "execution reverted")

    batch = agree


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.node = Node()
        self.status = EngineStatus(
            chain_id=1, armed=False, blocks=SourceStatus(), pending=None, notifications=NotifyCounts()
        )
        notifier = Notifier(NotifyConfig())
        self.told: list[str] = []
        monkeypatch.setattr(
            notifier, "message", lambda title, text, kind: self.told.append(f"{kind.value} {title} {text}")
        )
        self.followed = Implementations(self.node, [PROXY], self.status, notifier)  # type: ignore[arg-type]

    async def look(self, number: int, runs: str | None, *, branch: int = 0) -> list[str]:
        """What is told by a look at a block in which PROXY runs this."""
        block = ref(number, branch=branch)
        self.node.runs[block.hash] = runs
        before = len(self.told)
        await self.followed.look(block)
        return self.told[before:]


async def until(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


async def test_a_change_that_an_event_announced(scene: Scene) -> None:
    assert await scene.look(1, FIRST) == []
    scene.followed.upgraded([PROXY])
    (told,) = await scene.look(2, SECOND)
    assert told.startswith("warning")
    assert f"Until now {FIRST} (code 0x" in told
    assert f"at block 2 {SECOND} (code 0x" in told
    assert "An event announced it" in told
    assert await scene.look(3, SECOND) == []
    assert scene.status.implementation_changes == 1


async def test_a_change_that_nothing_announced(scene: Scene) -> None:
    await scene.look(1, FIRST)
    (told,) = await scene.look(2, SECOND)
    assert told.startswith("failure")
    assert "NO event announced it" in told


async def test_code_that_was_replaced_in_its_place(scene: Scene) -> None:
    await scene.look(1, None)
    scene.node.code = "0x6001"
    (told,) = await scene.look(2, None)
    assert "its own code" in told
    assert "NO event announced it" in told


async def test_an_event_without_a_change_that_can_be_seen(scene: Scene) -> None:
    await scene.look(1, FIRST)
    scene.followed.upgraded([PROXY])
    (told,) = await scene.look(2, FIRST)
    assert "says that it was upgraded" in told
    assert scene.status.implementation_changes == 0


async def test_a_beacons_event_is_that_of_its_proxies_and_anybodys_is_nobodys(scene: Scene) -> None:
    scene.node.beacon = True
    await scene.look(1, FIRST)
    scene.followed.upgraded([OTHER])
    assert not scene.followed._wake.is_set()
    scene.followed.upgraded([BEACON])
    (told,) = await scene.look(2, SECOND)
    assert "An event announced it" in told


@pytest.mark.parametrize("method", ["eth_getCode", "eth_getStorageAt", "eth_call"])
@pytest.mark.parametrize("beacon", [False, True])
async def test_half_an_answer_is_none_and_the_announcement_waits(scene: Scene, method: str, beacon: bool) -> None:
    scene.node.beacon = beacon
    await scene.look(1, FIRST)
    scene.followed.upgraded([PROXY])
    scene.node.refuse = method
    assert await scene.look(2, SECOND) == []
    scene.node.refuse = None
    (told,) = await scene.look(3, SECOND)
    assert "An event announced it" in told


async def test_what_is_announced_during_a_look_is_for_the_next(scene: Scene) -> None:
    await scene.look(1, FIRST)
    scene.node.during = lambda: scene.followed.upgraded([PROXY])
    assert await scene.look(2, FIRST) == []
    assert scene.followed._wake.is_set()
    (told,) = await scene.look(3, SECOND)
    assert "An event announced it" in told


async def test_what_a_reorganisation_undid_is_no_attack(scene: Scene) -> None:
    await scene.look(1, FIRST)
    scene.followed.upgraded([PROXY])
    await scene.look(2, SECOND)
    scene.followed.orphaned()
    (told,) = await scene.look(2, FIRST, branch=1)
    assert told.startswith("warning")
    assert "reorganisation" in told


async def test_who_cannot_be_read_is_tried_again_and_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.001)
    block = ref(1)
    scene.node.runs[block.hash] = FIRST
    scene.status.blocks.newest = block
    scene.node.away = True
    task = asyncio.create_task(scene.followed.follow())
    async with asyncio.timeout(10):
        await until(lambda: bool(scene.told))
        assert "cannot read what code runs" in scene.told[0]
        assert "implementations" in scene.status.failed_at
        scene.node.away = False
        await until(lambda: bool(scene.followed._known))
    task.cancel()
    assert len(scene.told) == 1


async def test_the_hour_passes_however_often_others_are_upgraded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.1)
    for number, runs in ((1, FIRST), (2, SECOND)):
        scene.node.runs[ref(number).hash] = runs
    scene.status.blocks.newest = ref(1)
    task = asyncio.create_task(scene.followed.follow())
    async with asyncio.timeout(10):
        await until(lambda: bool(scene.followed._known))
        scene.status.blocks.newest = ref(2)

        def told() -> bool:
            scene.followed.upgraded([OTHER])
            return bool(scene.told)

        await until(told)
    task.cancel()
    assert "NO event announced it" in scene.told[0]


@pytest.mark.anvil
async def test_on_a_node(rpc: Rpc, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_code(implementation: str) -> BlockRef:
        await rpc.call("anvil_setStorageAt", [PROXY, SLOT, word(implementation)])
        await rpc.call("evm_mine")
        return (await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)).ref()

    scene = Scene(monkeypatch)
    await rpc.call("anvil_setCode", [PROXY, "0x" + NOTHING])
    scene.followed = Implementations(pool_over(rpc), [PROXY], scene.status, scene.followed._notifier)
    assert await scene.followed.look(await run_code(FIRST)) == []
    await scene.followed.look(await run_code(SECOND))
    assert "NO event announced it" in scene.told[0]
