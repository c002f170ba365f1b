"""Attacks staged in the drill's world, with the real engine watching: how many blocks before each it is told.

Every attack has a form, which decides what its code gives away, and a number of blocks between its contract and its
use. All attacks really take the victim's money. Nobody defends: the question is when people know.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

import chainwatch.engine.engine as engine_module
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.detect.families import DETECTORS
from chainwatch.detect.staging import Staging
from chainwatch.drill.artefacts import Artefact, create_address, ours, uniswap
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import ETH, USD, World, deploy_world
from chainwatch.engine import Engine
from chainwatch.types import Address, Alert, Tier
from tests.engine.conftest import Scene, Seen
from tests.hard_negatives.npm import own

PLAN = (6_000_000 * USD, 40 * ETH, 700_000 * USD, False)
FORMS = {
    "ready": "plan and victim inside",
    "waiting": "the same, of no use until a second transaction half way",
    "by factory": "the same, made by another contract of the attacker",
    "told amounts": "victim inside, amounts by call data",
    "own capital": "victim inside, no flash loan",
    "told victim": "victim by call data",
    "at once": "made and run in one transaction",
}
_GAS = 9_000_000
_NOT_SENT = "It is an attack that was not sent yet"


class Run(msgspec.Struct, frozen=True):
    """One attack. Blocks of lead time at which people were woken by its code, and by its simulation; None: never
    before it."""

    form: str
    blocks: int
    succeeded: bool
    watched: int | None
    alerted: int | None
    confirmed: int | None


class Watching:
    """The drill's world with the engine on it, in steps of one block."""

    def __init__(self, scene: Scene, engine: Engine, seen: Seen) -> None:
        self.world: World = scene.world
        self.scene, self.engine, self.seen = scene, engine, seen
        self.first: dict[str, int] = {}

    async def send(self, sender: Address, to: Address | None, data: str) -> tuple[int, bool]:
        """Mine it, let the engine think; its block, and whether it succeeded."""
        call = {"from": sender, "data": data, "gas": hex(_GAS), **({"to": to} if to else {})}
        sent = await self.scene.rpc.call("eth_sendTransaction", [call], as_=str)
        succeeded = await self.scene.actors.succeeded(sent)  # waits until it is mined
        receipt = await self.scene.rpc.call("eth_getTransactionReceipt", [sent])
        await self._thought()
        return quantity(receipt["blockNumber"]), succeeded

    async def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            await self.scene.rpc.call("evm_mine")
            await self._thought()

    async def nonce(self, sender: Address) -> int:
        return quantity(await self.scene.rpc.call("eth_getTransactionCount", [sender, "latest"], as_=str))

    async def _thought(self) -> None:
        await self.scene.caught_up(self.seen)
        async with self.engine._lock:  # the block was seen, but what it led to is told a moment later
            pass
        assert self.engine.staging is not None
        async with asyncio.timeout(30):
            while self.engine.staging.busy:  # noqa: ASYNC110 - it has no event, and nobody but us waits for it
                await asyncio.sleep(0.005)
        await asyncio.sleep(0)
        head = await self.scene.head()
        for alert in self.staged():
            self.first.setdefault("watched", head)
            if alert.tier is not Tier.WATCH:
                self.first.setdefault("alerted", head)
            if alert.explanation.startswith(_NOT_SENT):
                self.first.setdefault("confirmed", head)

    def staged(self) -> list[Alert]:
        """What was said of contracts that look staged."""
        return [a for a in self.seen.alerts if a.kind == "attack_staged"]


@asynccontextmanager
async def watching() -> AsyncIterator[Watching]:
    """A new world, and an engine that is not armed."""
    known = {detector.name for detector in DETECTORS}
    with (
        patch.object(
            engine_module, "detectors", lambda: DETECTORS if Staging.name in known else (*DETECTORS, Staging())
        ),
        tempfile.TemporaryDirectory(prefix="chainwatch-staging-") as directory,
    ):
        async with Anvil() as anvil, Rpc(anvil.http) as rpc:
            world = await deploy_world(anvil.http)
            path = write_configuration(world, Path(directory), http=anvil.http, ws=anvil.ws, mempool=False)
            scene = Scene(anvil, rpc, world, path)
            async with scene.watched(armed=False) as (engine, seen):
                yield Watching(scene, engine, seen)


@cache
def staged(name: str) -> Artefact:
    """One of the attackers beside this file."""
    return msgspec.json.decode((Path(__file__).parent / "artefacts" / f"{name}.json").read_bytes(), type=_File).made()


class _File(msgspec.Struct, rename="camel"):
    contract_name: str
    abi: list[dict[str, Any]]
    bytecode: str

    def made(self) -> Artefact:
        return Artefact(self.contract_name, self.abi, self.bytecode)


async def attack(form: str, blocks: int) -> Run:
    """Stage one attack and run it `blocks` later."""
    async with watching() as watch:
        world, attacker = watch.world, watch.world.roles.attacker
        made, succeeded = await _attack(watch, form, blocks, attacker, world)
        attacked_at = await watch.scene.head()
        lead = {name: attacked_at - at for name, at in watch.first.items() if at < attacked_at}
        assert attacked_at - made == (0 if form == "at once" else blocks)
        return Run(form, attacked_at - made, succeeded, lead.get("watched"), lead.get("alerted"), lead.get("confirmed"))


async def _attack(watch: Watching, form: str, blocks: int, attacker: Address, world: World) -> tuple[int, bool]:
    """The block of the contract, and whether the attack succeeded."""
    markets = (world.safe_market, world.unsafe_market, world.router)
    if form == "own capital":
        later = create_address(attacker, await watch.nonce(attacker) + 1)
        await watch.send(attacker, world.asset, ours("DrillToken").call("approve", later, 2**256 - 1))
    contract = create_address(attacker, await watch.nonce(attacker))
    if form in ("by factory", "at once"):
        await watch.send(attacker, None, staged("Maker").creation())
        maker, contract = contract, create_address(contract, 1)
        owner = maker if form == "at once" else attacker
        code = bytes.fromhex(staged("ReadyAttacker").creation(*markets, PLAN, owner)[2:])
        run = bytes.fromhex(staged("ReadyAttacker").call("run")[2:])
        made, done = await watch.send(
            attacker, maker, staged("Maker").call("make", code, run if form == "at once" else b"")
        )
        if form == "at once":
            return made, done
    else:
        creation = {
            "ready": lambda: staged("ReadyAttacker").creation(*markets, PLAN, attacker),
            "waiting": lambda: staged("WaitingAttacker").creation(*markets, PLAN, attacker),
            "told amounts": lambda: ours("FlashAttacker").creation(*markets),
            "own capital": lambda: ours("StagedAttacker").creation(world.unsafe_market, world.router),
            "told victim": lambda: staged("LateAttacker").creation(world.safe_market),
        }[form]()
        made, _ = await watch.send(attacker, None, creation)
    between = blocks - 1
    if form == "waiting" and between:
        await watch.mine(between // 2)
        await watch.send(attacker, contract, staged("WaitingAttacker").call("arm"))
        between -= between // 2 + 1
    await watch.mine(between)
    if form == "own capital":  # the first step is the attack's first transaction
        pump = ours("StagedAttacker").call("pump", 6_000_000 * USD, 40 * ETH)
        return made, (await watch.send(attacker, contract, pump))[1]
    data = {
        "told amounts": lambda: ours("FlashAttacker").call("attack", PLAN),
        "told victim": lambda: staged("LateAttacker").call("attack", world.unsafe_market, world.router, PLAN),
    }.get(form, lambda: staged("ReadyAttacker").call("run"))()
    return made, (await watch.send(attacker, contract, data))[1]


def honest(world: World) -> dict[str, str]:
    """Honest contracts by name, with their creation. Wherever one wants an address, it gets the protected market's or
    one of the market's world."""
    market, keeper = world.unsafe_market, world.roles.keeper
    terms = (7_500, 8_000, 500, 5)
    made = {
        "arbitrageur of another lender": ours("FlashArbitrageur").creation(world.safe_market),
        "arbitrageur who borrows from the market": ours("FlashArbitrageur").creation(market),
        "liquidator": ours("FlashLiquidator").creation(world.safe_market, market, world.router),
        "leverage": ours("LeverageLooper").creation(market, world.router),
        "token": ours("DrillToken").creation("A token", "TKN", 18),
        "feed": ours("DrillAggregator").creation("a / b", 10**8),
        "price source": ours("SpotPriceSource").creation(world.pair, world.collateral),
        "another market": ours("LendingMarket").creation(
            world.asset, world.collateral, world.feed_source, terms, keeper, keeper
        ),
        "exchange": uniswap("v2-core", "UniswapV2Factory").creation(keeper),
        "router": uniswap("v2-periphery", "UniswapV2Router02").creation(world.pair, market),
        "bot": own("Bot").creation(keeper),
        "staking": own("Staking").creation(world.asset, market),
        "vault": own("Vault").creation(world.asset, market, keeper, keeper),
        "strategy": own("Strategy").creation(market, world.asset, keeper),
        "payer": own("Payer").creation(),
        "executor": own("Executor").creation(),
        "aggregator": own("Aggregator").creation(market),
        "automation": own("Automation").creation(market, keeper),
        "dao": own("Dao").creation(market),
        "subscriptions": own("Subscriptions").creation(market),
    }
    assert len(set(made.values())) == len(made)
    return made


async def controls(names: list[str]) -> dict[str, list[str]]:
    """What was said of honest contracts, by name: the tiers, and `confirmed` where their simulation looked like an
    attack. All within one world."""
    said: dict[str, list[str]] = {}
    async with watching() as watch:
        for name in names:
            before = len(watch.staged())
            _, done = await watch.send(watch.world.roles.keeper, None, honest(watch.world)[name])
            await watch.mine(2)
            alerts = watch.staged()[before:]
            tiers = [str(a.tier) for a in alerts]
            tiers += ["confirmed" for a in alerts if a.explanation.startswith(_NOT_SENT)]
            said[name] = tiers if done else ["not made"]
    return said


async def measured(count: int, seed: int) -> str:
    """So many attacks and controls, as text."""
    chance = random.Random(seed)
    forms = [list(FORMS)[i % len(FORMS)] for i in range(count)]
    runs = [await attack(form, chance.randint(1, 30)) for form in forms]
    lines = [
        f"{run.form:13} {run.blocks:3} blocks before: watch {run.watched}, alert {run.alerted}, "
        f"confirmed {run.confirmed}{'' if run.succeeded else ' (the attack failed)'}"
        for run in sorted(runs, key=lambda r: (r.form, r.blocks))
    ]
    async with watching() as watch:
        names = list(honest(watch.world))
    chosen = (chance.sample(names, len(names)) * (count // len(names) + 1))[:count]
    said = await controls(list(dict.fromkeys(chosen)))
    lines += [f"control {name}: {', '.join(tiers) or 'nothing'}" for name, tiers in sorted(said.items())]
    return "\n".join(lines)
