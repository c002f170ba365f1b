"""Those who act in a drill's world: two attackers, and honest users whose transactions resemble attacks.

Every action is one method of `Actors` and returns the hash of its last transaction. Whether that waits for the
receipt or only puts it into the mempool is the choice of `wait`. Amounts are integers in base units.
"""

import asyncio
import math
from dataclasses import dataclass

from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.drill.artefacts import Artefact, ours, uniswap
from chainwatch.drill.world import ETH, USD, World, read
from chainwatch.errors import NotReady, SendFailed
from chainwatch.types import Address, Hash

_GAS = 2_000_000  # the leverage loop, the dearest of them, needs 0.5 million
_DEADLINE = 2**63  # of a Uniswap swap: never
_POLL_SECONDS = 0.005
_FEE = 0.997  # what Uniswap v2 leaves of an amount that goes in


@dataclass(frozen=True)
class Fees:
    """What an actor pays (EIP-1559). Anvil orders its pool by the first field, then by arrival."""

    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int


@dataclass(frozen=True)
class Pool:
    """Reserves of a Uniswap v2 pair, in whole tokens: good to a cent, and only used to choose honest amounts."""

    router: Address
    assets: float
    collaterals: float

    @property
    def price(self) -> float:
        """Asset tokens a collateral token."""
        return self.assets / self.collaterals

    def after_buying(self, assets: float) -> "Pool":
        """The pool once `assets` were swapped into collateral."""
        out = self.collaterals * _FEE * assets / (self.assets + _FEE * assets)
        return Pool(self.router, self.assets + assets, self.collaterals - out)

    def after_selling(self, collaterals: float) -> "Pool":
        """The pool once `collaterals` were swapped into the asset."""
        out = self.assets * _FEE * collaterals / (self.collaterals + _FEE * collaterals)
        return Pool(self.router, self.assets - out, self.collaterals + collaterals)


class Actors:
    """Acts in `world` through the node's unlocked accounts.

    With `wait` each method returns once its transactions are mined, whatever their status (see `succeeded`), and
    raises SendFailed after `timeout_seconds`. Without it they only enter the mempool, in order of arrival.
    `fees` defaults to twice the base fee and a tip of 1 gwei.
    """

    def __init__(
        self, rpc: Rpc, world: World, *, wait: bool = True, fees: Fees | None = None, timeout_seconds: float = 30.0
    ) -> None:
        self._rpc = rpc
        self._world = world
        self._wait = wait
        self._fees = fees
        self._timeout_seconds = timeout_seconds

    async def succeeded(self, transaction_hash: Hash) -> bool:
        """Whether a transaction has status 1; waits until it is mined."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    receipt = await self._rpc.call("eth_getTransactionReceipt", [transaction_hash])
                    if receipt is not None:
                        return quantity(receipt["status"]) == 1
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise SendFailed(
                f"Transaction {transaction_hash} was not mined within {self._timeout_seconds:g} s.",
                "Let the node mine, or send into the mempool only (wait=False, `--pending`).",
            ) from error

    # Attackers

    async def attack_atomic(
        self,
        borrow_amount: int = 700_000 * USD,
        *,
        flash_amount: int = 6_000_000 * USD,
        collateral_amount: int = 40 * ETH,
        swallow: bool = False,
    ) -> Hash:
        """Everything in one transaction; reverts when the victim refuses, unless `swallow`."""
        plan = (flash_amount, collateral_amount, borrow_amount, swallow)
        world = self._world
        return await self._send(world.roles.attacker, ours("FlashAttacker"), world.flash_attacker, "attack", plan)

    async def attack_swallowing(self, borrow_amount: int = 700_000 * USD) -> Hash:
        """The atomic attack that ends with status 1 even when the victim refuses and nothing is taken."""
        return await self.attack_atomic(borrow_amount, swallow=True)

    async def staged_pump(self, capital: int = 6_000_000 * USD, collateral_amount: int = 40 * ETH) -> Hash:
        """First step of the staged attack: buy collateral, leave part of it in the victim."""
        return await self._staged("pump", capital, collateral_amount)

    async def staged_borrow_chunk(self, amount: int = 140_000 * USD) -> Hash:
        """Second step, to be repeated: borrow against the absurd price."""
        return await self._staged("borrowChunk", amount)

    async def staged_dump(self) -> Hash:
        """Last step: sell the rest back and take everything home."""
        return await self._staged("dump")

    # Honest users whose transactions resemble attacks

    async def arbitrage(self) -> Hash:
        """A trade moves the smaller pool by some 4 %; the arbitrageur closes the gap to the larger by flash loan.

        The trade goes towards the feed's price, so that a long drill does not drift away from it.
        """
        pool, other = await self._pools()
        if pool.price + other.price > 2 * await self._feed_price():
            sold = other.collaterals * 0.02
            await self._prepare_swap(other.router, round(sold * ETH), sell=True)
            other = other.after_selling(sold)
        else:
            bought = other.assets * 0.02
            await self._prepare_swap(other.router, round(bought * USD), sell=False)
            other = other.after_buying(bought)
        low, high = sorted((pool, other), key=lambda each: each.price)
        amount = round(_best_arbitrage(low, high) * USD)
        world = self._world
        return await self._send(
            world.roles.keeper,
            ours("FlashArbitrageur"),
            world.arbitrageur,
            "arbitrage",
            low.router,
            high.router,
            amount,
        )

    async def liquidate(self) -> Hash:
        """Half of the borrower's debt is repaid by flash loan, after the market fell as far as that takes.

        The fall is honest: in steps of 1.4 %, in both pools, and the feed reports each. Raises NotReady when the
        borrower has no debt left.
        """
        world, borrower = self._world, self._world.roles.borrower
        market = ours("LendingMarket")
        debt = int(await read(self._rpc, market, world.unsafe_market, "debtOf", borrower))
        if debt == 0:
            raise NotReady("The borrower owes nothing, so there is nothing to liquidate.", "Deploy a new world.")
        health = int(await read(self._rpc, market, world.unsafe_market, "healthFactor", borrower)) / 1e18
        if health >= 1:
            await self._market_falls(1 - 0.995 / health)
        return await self._send(
            world.roles.keeper, ours("FlashLiquidator"), world.liquidator, "liquidate", borrower, debt // 2
        )

    async def leverage_loop(self, amount: int = 10 * ETH, *, borrow_bps: int = 5_000, rounds: int = 3) -> Hash:
        """Collateral is deposited, half of its value borrowed and swapped into more of it, `rounds` times."""
        world = self._world
        return await self._send(
            world.roles.looper, ours("LeverageLooper"), world.leverage_looper, "loop", amount, borrow_bps, rounds
        )

    # Ordinary traffic

    async def swap(self, amount: int = 5_000 * USD, *, sell: bool = False) -> Hash:
        """The trader buys dETH for `amount` dUSD or, with `sell`, sells `amount` dETH, where the victim looks."""
        return await self._swap_on(self._world.router, amount, sell=sell)

    async def deposit(self, amount: int = 10_000 * USD) -> Hash:
        """The trader lends to the unsafe market."""
        return await self._on_market("deposit", amount)

    async def borrow(self, amount: int = 3_000 * USD, *, collateral_amount: int = 5 * ETH) -> Hash:
        """The trader deposits collateral and borrows."""
        await self._prepared(await self._on_market("depositCollateral", collateral_amount))
        return await self._on_market("borrow", amount)

    async def repay(self, amount: int = 3_000 * USD) -> Hash:
        """The trader repays."""
        return await self._on_market("repay", self._world.roles.trader, amount)

    # Authority

    async def pause(self) -> Hash:
        """The guardian pauses the unsafe market; only where the node holds the guardian's key."""
        return await self._authority(self._world.roles.guardian, "pause")

    async def unpause(self) -> Hash:
        """Governance opens it again."""
        return await self._authority(self._world.roles.governance, "unpause")

    async def _staged(self, function: str, *arguments: object) -> Hash:
        world = self._world
        artefact = ours("StagedAttacker")
        return await self._send(world.roles.attacker, artefact, world.staged_attacker, function, *arguments)

    async def _on_market(self, function: str, *arguments: object) -> Hash:
        world = self._world
        return await self._send(world.roles.trader, ours("LendingMarket"), world.unsafe_market, function, *arguments)

    async def _authority(self, account: Address, function: str) -> Hash:
        return await self._send(account, ours("LendingMarket"), self._world.unsafe_market, function)

    async def _swap_on(self, router: Address, amount: int, *, sell: bool) -> Hash:
        world = self._world
        path = [world.collateral, world.asset] if sell else [world.asset, world.collateral]
        artefact = uniswap("v2-periphery", "UniswapV2Router02")
        arguments = (amount, 0, path, world.roles.trader, _DEADLINE)
        return await self._send(world.roles.trader, artefact, router, "swapExactTokensForTokens", *arguments)

    async def _prepare_swap(self, router: Address, amount: int, *, sell: bool) -> None:
        await self._prepared(await self._swap_on(router, amount, sell=sell))

    async def _prepared(self, transaction_hash: Hash) -> None:
        """A step that only sets the scene must not fail unseen."""
        if self._wait and not await self.succeeded(transaction_hash):
            raise SendFailed(
                f"Transaction {transaction_hash}, which sets the scene for an actor, reverted.",
                "Is the trader out of money, or the market paused? Deploy a new world.",
            )

    async def _market_falls(self, share: float) -> None:
        pools = await self._pools()
        # A sale of 0.7 % of a pool's collateral moves its price by some 1.4 %.
        for _ in range(math.ceil(math.log(1 - share) / (-2 * math.log(1.007)))):
            for pool in pools:
                await self._prepare_swap(pool.router, round(pool.collaterals * 0.007 * ETH), sell=True)
            pools = [pool.after_selling(pool.collaterals * 0.007) for pool in pools]
            answer = round(pools[0].price * 10**8)
            world = self._world
            await self._prepared(
                await self._send(
                    world.roles.deployer, ours("DrillAggregator"), world.aggregator, "updateAnswer", answer
                )
            )

    async def _pools(self) -> list[Pool]:
        world = self._world
        pair = uniswap("v2-core", "UniswapV2Pair")
        pools = []
        for router, address in ((world.router, world.pair), (world.other_router, world.other_pair)):
            reserve0, reserve1, _ = await read(self._rpc, pair, address, "getReserves")
            if int(world.asset, 16) > int(world.collateral, 16):  # token0 is the smaller address
                reserve0, reserve1 = reserve1, reserve0
            pools.append(Pool(router, reserve0 / USD, reserve1 / ETH))
        return pools

    async def _feed_price(self) -> float:
        answer = (await read(self._rpc, ours("DrillAggregator"), self._world.aggregator, "latestRoundData"))[1]
        return float(answer) / 10**8

    async def _send(self, sender: Address, artefact: Artefact, to: Address, function: str, *arguments: object) -> Hash:
        fees = self._fees or await self._default_fees()
        transaction = {
            "from": sender,
            "to": to,
            "data": artefact.call(function, *arguments),
            "gas": hex(_GAS),
            "maxFeePerGas": hex(fees.max_fee_per_gas_wei),
            "maxPriorityFeePerGas": hex(fees.max_priority_fee_per_gas_wei),
        }
        transaction_hash = await self._rpc.call("eth_sendTransaction", [transaction], as_=str)
        if self._wait:
            await self.succeeded(transaction_hash)
        return transaction_hash

    async def _default_fees(self) -> Fees:
        block = await self._rpc.call("eth_getBlockByNumber", ["latest", False])
        return Fees(2 * quantity(block["baseFeePerGas"]) + 10**9, 10**9)


def _best_arbitrage(cheap: Pool, dear: Pool) -> float:
    """Assets that earn most, bought in `cheap` and sold in `dear`.

    With reserves (a1, c1) and (a2, c2) and the fee factor f, x assets become f² c1 a2 x / (a1 c2 + f (c2 + f c1) x);
    the gain over x is greatest where its derivative is 0. The flash fee of 0.05 % is added to the cost of x.
    """
    numerator = _FEE**2 * cheap.collaterals * dear.assets
    constant = cheap.assets * dear.collaterals
    slope = _FEE * (dear.collaterals + _FEE * cheap.collaterals)
    return (math.sqrt(numerator * constant / 1.0005) - constant) / slope
