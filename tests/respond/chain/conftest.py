"""A drill's world on a real Anvil with the configuration that protects it, and Alerts about real attacks there."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.chain.wire import WireHeader
from chainwatch.config.load import Loaded, load
from chainwatch.drill.actors import Actors
from chainwatch.drill.artefacts import ours
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import USD, World, deploy_world, read
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import OutboxAction, Store
from chainwatch.triage.fuse import Triage
from chainwatch.types import Alert, Evidence, Execution, Finding, Stage, Transaction
from tests.builders import finding, pool_over

PLAYBOOK = "pause-market"
PAUSED = "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"  # Paused(address)


@dataclass
class Scene:
    """Everything a test of the responder needs."""

    anvil: Anvil
    rpc: Rpc
    world: World
    loaded: Loaded
    store: Store
    results: list[ActionResult] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)

    @property
    def actors(self) -> Actors:
        return Actors(self.rpc, self.world)

    @property
    def unwaiting(self) -> Actors:
        return Actors(self.rpc, self.world, wait=False)

    @property
    def db(self) -> Path:
        return self.loaded.root / self.loaded.config.store.path

    def sending(self, **fields: Any) -> None:
        """Change `[sending]`."""
        config = self.loaded.config
        changed = config.sending.model_copy(update=fields)
        self.loaded = msgspec.structs.replace(self.loaded, config=config.model_copy(update={"sending": changed}))

    def guards(self, **fields: Any) -> None:
        """Change the playbook's `[guards]`."""
        self._playbook("guards", fields)

    def action(self, **fields: Any) -> None:
        """Change the playbook's `[action]`."""
        self._playbook("action", fields)

    def _playbook(self, table: str, fields: dict[str, Any]) -> None:
        playbook = self.loaded.playbooks[0]
        changed = getattr(playbook, table).model_copy(update=fields)
        self.loaded = msgspec.structs.replace(self.loaded, playbooks=(playbook.model_copy(update={table: changed}),))

    async def responder(self, *, armed: bool = True, rpc: Rpc | None = None) -> Responder:
        responder = await Responder.create(self.loaded, self.store, pool_over(rpc or self.rpc), armed=armed)
        responder.on_result = self.results.append
        self.responders.append(responder)
        return responder

    async def paused(self) -> bool:
        return bool(await read(self.rpc, ours("LendingMarket"), self.world.unsafe_market, "paused"))

    async def pauses(self) -> list[str]:
        """The transactions that paused the market, on the canonical chain."""
        query = {"fromBlock": "0x0", "address": self.world.unsafe_market, "topics": [PAUSED]}
        return [log["transactionHash"] for log in await self.rpc.call("eth_getLogs", [query])]

    async def sent(self) -> int:
        """How many transactions of the guardian are mined."""
        return quantity(await self.rpc.call("eth_getTransactionCount", [self.world.roles.guardian, "latest"]))

    async def pool(self) -> list[dict[str, Any]]:
        """The guardian's transactions that wait to be mined."""
        content = await self.rpc.call("txpool_content", [])
        waiting = {account.lower(): txs for account, txs in content["pending"].items()}
        return list(waiting.get(self.world.roles.guardian, {}).values())

    async def mine(self) -> None:
        await self.rpc.call("evm_mine", [])

    async def result(self, *, timeout: float = 15.0) -> ActionResult:
        """The first result, once there is one."""
        await self.until(lambda: bool(self.results), timeout=timeout)
        return self.results[0]

    async def until(self, condition: Callable[[], Any], *, timeout: float = 15.0) -> None:
        async with asyncio.timeout(timeout):
            while True:
                answer = condition()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.02)

    async def only_action(self) -> OutboxAction:
        assert await self.store.outbox.count(self.world.chain_id) == 1
        return await self.store.outbox.get(1)

    async def execution(self, tx_hash: str, *, pending: bool = False) -> Execution:
        """The Execution of a mined transaction, or of one in the pool as if simulated on the latest block."""
        async with asyncio.timeout(10):
            while True:  # Anvil may know the receipt before it says in the transaction where it is
                tx = await self.rpc.call("eth_getTransactionByHash", [tx_hash], as_=Transaction)
                if pending or tx.block_hash is not None:
                    break
                await asyncio.sleep(0.01)
        method = "eth_getBlockByNumber" if pending else "eth_getBlockByHash"
        where = "latest" if pending else tx.block_hash
        header = await self.rpc.call(method, [where, False], as_=WireHeader)
        return Execution(
            chain_id=self.world.chain_id, stage=Stage.PENDING if pending else Stage.INCLUDED, transaction=tx,
            block=header.ref(), index=quantity(tx.transaction_index), succeeded=True, logs=None, trace=None,
        )  # fmt: skip

    def findings(self, execution: Execution, loss: int = 700_000 * USD) -> list[Finding]:
        """What two families would find in an attack: enough to act."""
        common = {
            "chain_id": self.world.chain_id, "stage": execution.stage, "block": execution.block,
            "tx_hashes": (execution.transaction.hash,), "victims": (self.world.unsafe_market,),
            "loss": {self.world.asset: loss}, "loss_usd": loss / USD, "likelihood_ratio": 1e5,
        }  # fmt: skip
        other = {"family": "oracle", "kind": "oracle_deviation", "evidence": (Evidence(ref="probe:x@1", what="x"),)}
        return [finding(**common), finding(**common, **other)]

    def alert(self, findings: list[Finding]) -> Alert:
        (alert,) = Triage(self.loaded.profiles).take(findings)
        return alert

    def usd(self, token: str, amount: int) -> float | None:
        return amount / USD if token == self.world.asset else None

    async def consider(
        self, responder: Responder, execution: Execution, findings: list[Finding] | None = None
    ) -> Decision:
        found = findings or self.findings(execution)
        return await responder.consider(self.alert(found), found, [execution], self.usd)


async def _scene(anvil: Anvil, directory: Path) -> AsyncIterator[Scene]:
    world = await deploy_world(anvil.http)
    loaded = load(write_configuration(world, directory, http=anvil.http, ws=anvil.ws))
    store = await Store.open(loaded.store)
    async with Rpc(anvil.http) as rpc:
        scene = Scene(anvil, rpc, world, loaded, store)
        yield scene
        for responder in scene.responders:
            await responder.drain(0.0)
        await store.close()


@pytest.fixture
async def scene(anvil: Anvil, tmp_path: Path) -> AsyncIterator[Scene]:
    """On an Anvil that mines each transaction at once."""
    async for scene in _scene(anvil, tmp_path):
        yield scene


@pytest.fixture
async def still(still_anvil: Anvil, tmp_path: Path) -> AsyncIterator[Scene]:
    """On an Anvil that mines only when told to."""
    async for scene in _scene(still_anvil, tmp_path):
        yield scene


@pytest.fixture
def lock() -> Iterator[Callable[[Path], sqlite3.Connection]]:
    """Lock a database as another program would; `.rollback()` lets go."""
    held: list[sqlite3.Connection] = []

    def take(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        held.append(connection)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    yield take
    for connection in held:
        connection.close()
