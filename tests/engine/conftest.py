"""A drill's world on Anvil with the real engine watching it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.config.load import load
from chainwatch.drill.actors import Actors
from chainwatch.drill.artefacts import ours
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import World, deploy_world, read
from chainwatch.engine import Engine, Observer
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, AlertEvent, BlockItem, Gap, NewBlock, Reorg, Tier
from tests.proxy import FaultProxy


class Seen(Observer):
    """What the engine did, and a way to wait for it."""

    def __init__(self) -> None:
        self.items: list[BlockItem] = []
        self.alerts: list[Alert] = []
        self.decisions: list[tuple[Alert, Decision]] = []
        self.results: list[ActionResult] = []
        self._changed = asyncio.Event()

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        self.items.append(item)
        self._changed.set()

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self._changed.set()

    def decision(self, alert: Alert, decision: Decision) -> None:
        self.decisions.append((alert, decision))
        self._changed.set()

    def result(self, result: ActionResult) -> None:
        self.results.append(result)
        self._changed.set()

    async def until(self, done: Callable[[], bool], timeout: float = 15.0) -> None:
        async with asyncio.timeout(timeout):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    def numbers(self) -> list[int | None]:
        return [item.block.ref.number for item in self.items if isinstance(item, NewBlock)]

    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    def reorgs(self) -> list[Reorg]:
        return [item for item in self.items if isinstance(item, Reorg)]

    def live(self, tier: Tier = Tier.ALERT) -> list[Alert]:
        """The last transition of every alert that is at `tier` or above and has not ended."""
        tiers = list(Tier)
        last = {alert.alert_id: alert for alert in self.alerts}
        ended = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)
        return [a for a in last.values() if a.event not in ended and tiers.index(a.tier) >= tiers.index(tier)]


class Scene:
    """One Anvil with its world and configuration."""

    def __init__(self, anvil: Anvil, rpc: Rpc, world: World, path: Path) -> None:
        self.anvil = anvil
        self.rpc = rpc
        self.world = world
        self.path = path
        self.actors = Actors(rpc, world)

    async def paused(self) -> bool:
        return bool(await read(self.rpc, ours("LendingMarket"), self.world.unsafe_market, "paused"))

    async def head(self) -> int:
        return quantity(await self.rpc.call("eth_blockNumber"))

    async def guardian_nonce(self) -> int:
        return quantity(await self.rpc.call("eth_getTransactionCount", [self.world.roles.guardian, "latest"]))

    @asynccontextmanager
    async def watched(self, *, armed: bool = True) -> AsyncIterator[tuple[Engine, Seen]]:
        """The engine, running and caught up."""
        loaded, seen = load(self.path), Seen()

        async def responder(store: Store, pool: Pool) -> Responder:
            return await Responder.create(loaded, store, pool, armed=armed)

        async with Engine(loaded, responder_factory=responder, observer=seen) as engine:
            running = asyncio.create_task(engine.run())
            try:
                await self.caught_up(seen)
                yield engine, seen
            finally:
                engine.stop()
                await asyncio.wait_for(running, 30)

    async def caught_up(self, seen: Seen) -> None:
        head = await self.head()
        await seen.until(lambda: head in seen.numbers() or any(g.first <= head <= g.last for g in seen.gaps()))

    async def every_second(self) -> None:
        """From now on a block a second, instead of one a transaction."""
        await self.rpc.call("evm_setAutomine", [False])
        await self.rpc.call("evm_setIntervalMining", [1])


MakeScene = Callable[..., Awaitable[Scene]]
Proxies = dict[str, FaultProxy]


async def eventually(true: Callable[[], Awaitable[bool]], timeout: float = 15.0) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(timeout):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.fixture
async def scene(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> Scene:
    """A world without mempool watching."""
    world = await deploy_world(anvil.http)
    path = write_configuration(world, tmp_path, http=anvil.http, ws=anvil.ws, mempool=False)
    return Scene(anvil, rpc, world, path)


@pytest.fixture
async def pending_scene(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> Scene:
    """A world whose mempool is watched; nothing is mined by itself."""
    world = await deploy_world(anvil.http)
    path = write_configuration(world, tmp_path, http=anvil.http, ws=anvil.ws, mempool=True)
    await rpc.call("evm_setAutomine", [False])
    return Scene(anvil, rpc, world, path)


@pytest.fixture
async def three(anvil: Anvil, rpc: Rpc, tmp_path: Path) -> AsyncIterator[tuple[Scene, Proxies]]:
    """A world seen through three providers."""
    world = await deploy_world(anvil.http)
    async with AsyncExitStack() as stack:
        proxies = {n: await stack.enter_async_context(FaultProxy(anvil.http, anvil.ws, name=n)) for n in "abc"}
        path = write_configuration(world, tmp_path, http=anvil.http, ws=anvil.ws, mempool=False)
        text, _, rest = path.read_text().partition("[[chains.providers]]")
        _, _, rest = rest.partition("[signer]")
        providers = "".join(
            f'[[chains.providers]]\nname = "{n}"\nhttp = "{p.http}"\nws = "{p.ws}"\n\n' for n, p in proxies.items()
        )
        text = text.replace("mempool", "poll_seconds = 0.3\nblind_after_seconds = 4.0\nmempool")
        path.write_text(f"{text}{providers}[signer]{rest}")
        yield Scene(anvil, rpc, world, path), proxies
