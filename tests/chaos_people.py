"""Who acts on the chain in a run of chaos: honest users, an attacker, and those who repair what he broke."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address

from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.drill.actors import Actors, Fees
from chainwatch.drill.artefacts import ours, uniswap
from chainwatch.drill.world import ETH, USD, World, anvil_account, read
from chainwatch.errors import ChainwatchError
from chainwatch.types import Hash
from tests.chaos_truth import Truth

GWEI = 10**9
_ATTACKER = 3  # of Anvil's accounts
_FLASH, _COLLATERAL, _LOOT = 6_000_000 * USD, 22 * ETH, 450_000 * USD
# The collateral stays in the market: more would leave the pool so far off that honest loans there look like an attack.
_CASH = 1_300_000 * USD  # what an attack finds at least
_CONTAINED_SECONDS = 40.0  # how long containment may take while the quorum can be reached


@dataclass
class Attack:
    """One attack, however often it had to be sent; times by time.monotonic()."""

    number: int
    raw: str
    tx_hash: Hash
    sent_at: float
    during: str
    lost: bool = False
    """A reorganisation took it away, and the attacker does not try again."""
    resent: int = 0
    contained: int | None = None
    """Blocks from the attack to the pause, on the chain that stayed."""
    uncontained: bool = False
    failed: bool = False
    detail: list[str] = field(default_factory=list)


class People:
    """All of them. `say` is told what they do."""

    def __init__(
        self,
        rpc: Rpc,
        world: World,
        truth: Truth,
        seed: int,
        say: Callable[[str], None],
        healed_at: Callable[[], float],
    ) -> None:
        self._rpc = rpc
        self._world = world
        self.guardian = world.roles.guardian
        self._truth = truth
        self._say = say
        self._healed_at = healed_at
        self._chance = random.Random(seed + 1)
        self._fees = Fees(100 * GWEI, GWEI)
        self._actors = Actors(rpc, world, wait=False, fees=self._fees)
        self._reorganising = asyncio.Lock()
        self._later: set[asyncio.Task[None]] = set()
        self.attacks: list[Attack] = []
        self.wanted: asyncio.Queue[str] = asyncio.Queue()
        self.busy = False
        self.floor = truth.head
        """What is below is repaired: reorganisations stay above it."""
        self.reorganisations: list[int] = []
        self.benign = 0
        self.dirty_since: float | None = None
        self.dirty: list[tuple[float, float]] = []
        """When an attack was under way or not repaired yet, by time.monotonic()."""

    # Honest users

    async def trade(self) -> None:
        """What honest users do, for ever."""
        acts = (
            lambda: self._actors.deposit(self._chance.randrange(1_000, 10_000) * USD),
            self._swap,
            self._swap,
            self._actors.arbitrage,
            lambda: self._actors.borrow(2_000 * USD, collateral_amount=2 * ETH),
            lambda: self._actors.repay(2_000 * USD),
            lambda: self._actors.leverage_loop(ETH // 2),
        )
        while True:
            try:
                await self._chance.choice(acts)()
                self.benign += 1
            except (ChainwatchError, EncodingError) as error:  # refused, as after a reorganisation; nothing to gain
                self._say(f"honest users: {error}")
            await asyncio.sleep(self._chance.uniform(0.3, 1.6))

    async def _swap(self) -> Hash:
        price = await self._price()
        if price > 2_000:
            return await self._actors.swap(self._chance.randrange(1, 4) * ETH, sell=True)
        return await self._actors.swap(self._chance.randrange(1_000, 8_000) * USD)

    async def _price(self) -> float:
        assets, collaterals = await self._reserves()
        return (assets / USD) / (collaterals / ETH)

    async def _reserves(self) -> tuple[int, int]:
        world = self._world
        reserves = await read(self._rpc, uniswap("v2-core", "UniswapV2Pair"), world.pair, "getReserves")
        first, second = int(reserves[0]), int(reserves[1])
        return (first, second) if int(world.asset, 16) < int(world.collateral, 16) else (second, first)

    # The attacker

    async def attack(self) -> None:
        """Attack whenever it is wanted; each attack is repaired before the next."""
        while True:
            during = await self.wanted.get()
            self.busy = True
            try:
                await self._attack(during)
            finally:
                self.busy = False

    async def _attack(self, during: str) -> None:
        await self._repair()
        number = len(self.attacks) + 1
        attack = await self._signed(number, during)
        self.dirty_since = attack.sent_at
        self.attacks.append(attack)
        self._say(f"attack {number} {attack.tx_hash} ({during})")
        await self._send(attack)
        while True:
            reorganised = len(self.reorganisations)
            await self._contained(attack)
            await asyncio.sleep(self._chance.uniform(0.5, 3.0))
            async with self._reorganising:
                await self._truth.look()
                if reorganised != len(self.reorganisations):
                    continue  # the attack, or the pause, may be gone
            await self._repair()
            async with self._reorganising:
                await self._truth.look()
                if reorganised == len(self.reorganisations):
                    self.floor = self._truth.head
                    break
        assert self.dirty_since is not None
        self.dirty.append((self.dirty_since, time.monotonic()))
        self.dirty_since = None
        self._say(f"attack {number} is repaired: {'; '.join(attack.detail)}")

    async def _signed(self, number: int, during: str) -> Attack:
        world, account = self._world, anvil_account(_ATTACKER)
        nonce = quantity(await self._rpc.call("eth_getTransactionCount", [world.roles.attacker, "latest"]))
        plan = (_FLASH, _COLLATERAL, _LOOT + number * USD, False)  # differs, so that each has a hash of its own
        signed = account.sign_transaction({
            "chainId": world.chain_id, "nonce": nonce, "value": 0, "gas": 2_000_000,
            "to": to_checksum_address(world.flash_attacker),
            "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 2 * GWEI, "type": 2,
            "data": ours("FlashAttacker").call("attack", plan),
        })  # fmt: skip
        return Attack(number, signed.raw_transaction.to_0x_hex(), signed.hash.to_0x_hex(), time.monotonic(), during)

    async def _send(self, attack: Attack) -> None:
        try:
            await self._rpc.call("eth_sendRawTransaction", [attack.raw])
        except ChainwatchError as error:
            self._say(f"attack {attack.number} was refused: {error}")

    async def _contained(self, attack: Attack) -> None:
        """Until the attack is contained, given up, failed, or past hope."""
        began = missing_since = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            found = self._truth.where(attack.tx_hash)
            if found is None:
                if attack.lost:
                    attack.detail.append("a reorganisation took it")
                    return
                if now - missing_since > 5.0:
                    missing_since = now
                    attack.resent += 1
                    await self._send(attack)
                continue
            missing_since = now
            block, succeeded = found
            if not succeeded:
                attack.failed = True
                attack.detail.append(f"it reverted in block {block.number}")
                return
            attack.failed = False
            pause = self._truth.paused_at(self._world.roles.guardian, block.number)
            if pause is not None:
                attack.contained = pause.number - block.number
                attack.uncontained = False
                attack.detail.append(f"block {block.number}, paused in {pause.number}")
                return
            if now - max(began, self._healed_at(), block.at) > _CONTAINED_SECONDS:
                attack.uncontained = True
                attack.detail.append(f"block {block.number}, NOT CONTAINED")
                self._say(f"attack {attack.number} is NOT CONTAINED")
                return

    # Those who repair

    async def _repair(self) -> None:
        """Repay what the attacker owes, bring the price back, fill the market up and open it."""
        market, world, roles = ours("LendingMarket"), self._world, self._world.roles
        token = ours("DrillToken")
        for _ in range(60):
            debt = int(await read(self._rpc, market, world.unsafe_market, "debtOf", world.flash_attacker))
            cash = int(await read(self._rpc, market, world.unsafe_market, "cash"))
            paused = bool(await read(self._rpc, market, world.unsafe_market, "paused"))
            assets, collaterals = await self._reserves()
            price = assets / USD / (collaterals / ETH)
            todo: list[tuple[str, str, str]] = []
            if debt:
                todo.append((roles.deployer, world.asset, token.call("mint", roles.lender, debt)))
                todo.append((roles.lender, world.unsafe_market, market.call("repay", world.flash_attacker, debt)))
            if price > 2_040:
                # Constant product: at 2,000 the collateral reserve is sqrt(assets x collaterals / 2,000).
                wanted = round(((assets / USD) * (collaterals / ETH) / 2_000) ** 0.5 * ETH)
                some = min(wanted - collaterals, 25 * ETH)
                todo.append((roles.deployer, world.collateral, token.call("mint", roles.trader, some)))
                path = [world.collateral, world.asset]
                swap = uniswap("v2-periphery", "UniswapV2Router02")
                data = swap.call("swapExactTokensForTokens", some, 0, path, roles.trader, 2**63)
                todo.append((roles.trader, world.router, data))
            if not debt and price <= 2_040 and paused:
                todo.append((roles.governance, world.unsafe_market, market.call("unpause")))
            if not debt and not paused and cash < _CASH:
                todo.append((roles.deployer, world.asset, token.call("mint", roles.lender, _CASH)))
                todo.append((roles.lender, world.unsafe_market, market.call("deposit", _CASH - cash)))
            if not todo:
                return
            for sender, to, data in todo:
                call = {"from": sender, "to": to, "data": data, "gas": hex(2_000_000)}
                fees = {"maxFeePerGas": hex(100 * GWEI), "maxPriorityFeePerGas": hex(GWEI)}
                try:
                    await self._rpc.call("eth_sendTransaction", [call | fees])
                except ChainwatchError as error:
                    self._say(f"repair: {error}")
            await asyncio.sleep(1.3)
        self._say("the world could not be repaired")

    # The chain

    async def reorganise(self, depth: int, seed: int) -> None:
        """Replace the newest blocks; what becomes of an attack among them is chance's choice."""
        chance = random.Random(seed)
        async with self._reorganising:
            await self._truth.look()
            head = self._truth.head
            depth = min(depth, head - self.floor - 1)
            if depth < 1:
                return
            gone = [a for a in self.attacks if self._height(a) > head - depth]
            fates = {a.number: chance.choices(("again", "later", "lost"), weights=(4, 4, 2))[0] for a in gone}
            pairs = [[a.raw, chance.randrange(depth)] for a in gone if fates[a.number] == "again"]
            try:
                await self._rpc.call("anvil_reorg", [depth, pairs])
            except ChainwatchError as error:
                self._say(f"no reorganisation of {depth}: {error}")
                return
            self.reorganisations.append(depth)
            self._say(f"reorganisation of {depth} below {head}; attacks {fates or 'none'}")
            await self._truth.look()
        for attack in gone:
            if fates[attack.number] == "lost":
                attack.lost = True
            elif fates[attack.number] == "later":
                self._in_background(self._again(attack, chance.uniform(0.0, 3.0)))

    def _height(self, attack: Attack) -> int:
        found = self._truth.where(attack.tx_hash)
        return found[0].number if found else -1

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _again(self, attack: Attack, seconds: float) -> None:
        await asyncio.sleep(seconds)
        attack.resent += 1
        await self._send(attack)

    def was_dirty(self, at: float) -> bool:
        """Whether an attack was under way or unrepaired then, or lately enough to be seen late."""
        spans = [*self.dirty, *([(self.dirty_since, float("inf"))] if self.dirty_since is not None else [])]
        return any(begin - 1.0 <= at <= end + 5.0 for begin, end in spans)
