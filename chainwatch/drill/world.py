"""The world of a drill: two lending markets, two exchanges, a price feed and the people around them, on an Anvil.

`deploy_world` builds it in 52 transactions and well under a second. The *safe* market is deep and priced by the feed;
the *unsafe* market is the victim, priced by the spot price of a pool. Every account is one of Anvil's unlocked
development accounts, and a node that is not Anvil is refused: nothing here may touch a chain with real money on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_hex_address

from chainwatch.chain.rpc import Rpc, chain_id, quantity
from chainwatch.drill.artefacts import Artefact, create_address, ours, uniswap
from chainwatch.errors import BadInput, NodeError, NodeRejected, NotReady, WrongChain
from chainwatch.types import Address, Hash, HexData

USD = 10**6
"""One drill dollar (dUSD, 6 decimals) in base units."""

ETH = 10**18
"""One drill ether (dETH, 18 decimals) in base units."""

ANVIL_MNEMONIC = "test test test test test test test test test test test junk"
"""The published development mnemonic of Anvil and Hardhat; its keys guard nothing."""

_UNLIMITED = 2**256 - 1
_FOREVER = 2**63  # a Uniswap deadline
_GAS = 6_000_000  # the largest step, a Uniswap router, needs 4.8 million
_SETTLE_ATTEMPTS = 100


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Who is who. All but `guardian` are accounts that the node signs for; Anvil's account number in brackets."""

    deployer: Address
    """Owns the tokens and drives the feed [0]."""
    governance: Address
    """May unpause and set price sources [1]."""
    guardian: Address
    """May pause, nothing else [2, unless given]."""
    attacker: Address
    """Owns the attacking contracts [3]."""
    lender: Address
    """Provides both markets' liquidity [4]."""
    borrower: Address
    """Holds a position that a falling price makes unhealthy [5]."""
    trader: Address
    """Swaps, lends and borrows a little [6]."""
    keeper: Address
    """Arbitrages and liquidates by flash loan [7]."""
    looper: Address
    """Takes leverage [8]."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of a deployed world. Amounts elsewhere are in base units of these tokens."""

    chain_id: int
    roles: Roles
    asset: Address
    """dUSD, lent by both markets."""
    asset_decimals: int
    collateral: Address
    """dETH."""
    collateral_decimals: int
    router: Address
    """Uniswap v2 router of the pool that prices the unsafe market."""
    pair: Address
    other_router: Address
    """Router of a second, smaller exchange."""
    other_pair: Address
    aggregator: Address
    """Chainlink-compatible dETH / USD feed, 8 decimals."""
    feed_source: Address
    spot_source: Address
    safe_market: Address
    unsafe_market: Address
    flash_attacker: Address
    staged_attacker: Address
    arbitrageur: Address
    liquidator: Address
    leverage_looper: Address

    def to_json(self) -> str:
        """As JSON text, addresses by name."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "World":
        """Read what `to_json` wrote. Raises BadInput for anything else."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadInput(
                f"This is not the description of a drill world: {error}.",
                "Give the file that `python scripts/drill_world.py --out FILE` wrote.",
            ) from error


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of everything, in base units.

    The defaults make one attack with 6M dUSD lift the spot price 16-fold, and leave enough for a second attack.
    """

    price_usd: int = 2_000
    pool_collateral: int = 1_000 * ETH
    other_pool_collateral: int = 500 * ETH
    safe_liquidity: int = 20_000_000 * USD
    unsafe_liquidity: int = 1_500_000 * USD
    borrower_collateral: int = 12 * ETH
    """Held against a debt of 74.5 % of its value: liquidatable once the price falls by 6.9 %."""
    attacker_capital: int = 6_200_000 * USD
    """For the staged attack, and for what a swallowed refusal costs the atomic one."""
    user_assets: int = 1_000_000 * USD
    user_collateral: int = 1_000 * ETH
    ltv_bps: int = 7_500
    liquidation_threshold_bps: int = 8_000
    liquidation_bonus_bps: int = 500
    flash_fee_bps: int = 5
    feed_max_age_seconds: int = 7 * 86_400
    """Long, so that a world left running over a weekend still has a price."""


def anvil_account(index: int) -> LocalAccount:
    """Anvil's development account `index` with its well-known key, derived from the published mnemonic."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(ANVIL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


async def victim_cash(rpc: Rpc, world: World) -> int:
    """dUSD base units that the unsafe market holds; what an attack takes is what this falls by."""
    return int(await read(rpc, ours("LendingMarket"), world.unsafe_market, "cash"))


async def require_world(rpc: Rpc, world: World) -> None:
    """Raise WrongChain or BadInput unless `world` is deployed on the node behind `rpc`."""
    actual = await chain_id(rpc)
    if actual != world.chain_id:
        raise WrongChain(
            f"The drill world is on chain {world.chain_id}, the node on chain {actual}.",
            "Give the node that the world was deployed on, or deploy a new one with scripts/drill_world.py.",
        )
    if await rpc.call("eth_getCode", [world.unsafe_market, "latest"], as_=str) == "0x":
        raise BadInput(
            f"There is no code at {world.unsafe_market}, where the drill world has its unsafe market.",
            "The node was restarted, perhaps: deploy a new world with scripts/drill_world.py.",
        )


async def read(rpc: Rpc, artefact: Artefact, address: Address, function: str, *arguments: object) -> Any:
    """What a view function returns at the latest block."""
    call = {"to": address, "data": artefact.call(function, *arguments)}
    return artefact.result(function, await rpc.call("eth_call", [call, "latest"], as_=str))


async def deploy_world(rpc_url: str, *, guardian: Address | None = None, sizes: Sizes | None = None) -> World:
    """Deploy a new world on the Anvil at `rpc_url`, whether it mines by itself, by the clock or not at all.

    `guardian` receives the right to pause both markets; by default it is Anvil's account 2. Raises NotReady where
    the node is not an Anvil with nine unlocked accounts, MissingTool without Uniswap's bytecode from npm, BadInput
    for a guardian that is no address, and NodeError when the node fails.
    """
    if guardian is not None and not is_hex_address(guardian):
        raise BadInput(f"The guardian {guardian} is not an address.", "Give 0x and 40 hex digits.")
    async with Rpc(rpc_url) as rpc:
        roles = await _roles(rpc, guardian)
        return await _build(_Builder(rpc, roles.deployer), roles, sizes or Sizes())


async def _roles(rpc: Rpc, guardian: Address | None) -> Roles:
    version = await rpc.call("web3_clientVersion", as_=str)
    accounts = [account.lower() for account in await rpc.call("eth_accounts", as_=list[str])]
    if "anvil" not in version.lower() or len(accounts) < 9:
        raise NotReady(
            f"A drill needs an Anvil with nine unlocked accounts or more; this node is {version} with {len(accounts)}.",
            "Start `anvil` and give its address. Drills attack what they find: never point them at another node.",
        )
    deployer, governance, default_guardian, attacker, lender, borrower, trader, keeper, looper = accounts[:9]
    return Roles(
        deployer=deployer,
        governance=governance,
        guardian=(guardian or default_guardian).lower(),
        attacker=attacker,
        lender=lender,
        borrower=borrower,
        trader=trader,
        keeper=keeper,
        looper=looper,
    )


class _Builder:
    """Collects transactions and settles them together: each round of dependent steps costs one wait, not one a step."""

    def __init__(self, rpc: Rpc, deployer: Address) -> None:
        self.rpc = rpc
        self._deployer = deployer
        self._nonces: dict[Address, int] = {}
        self._queue: list[tuple[Address, Address | None, HexData, int]] = []

    async def start(self, accounts: Sequence[Address]) -> None:
        for account in accounts:
            count = await self.rpc.call("eth_getTransactionCount", [account, "latest"], as_=str)
            self._nonces[account] = quantity(count)

    def create(self, artefact: Artefact, *arguments: object, by: Address | None = None) -> Address:
        """Queue a deployment; the address is known at once."""
        sender = by or self._deployer
        nonce = self._queue_one(sender, None, artefact.creation(*arguments))
        return create_address(sender, nonce)

    def call(
        self, artefact: Artefact, address: Address, function: str, *arguments: object, by: Address | None = None
    ) -> None:
        self._queue_one(by or self._deployer, address, artefact.call(function, *arguments))

    async def settle(self) -> None:
        """Send what is queued and wait until all of it is mined; a step that failed raises."""
        block = await self.rpc.call("eth_getBlockByNumber", ["latest", False])
        # Room for some ten full blocks, each of which may raise the base fee by an eighth (EIP-1559).
        max_fee = 4 * quantity(block["baseFeePerGas"]) + 10**9
        queue, self._queue = self._queue, []
        hashes: list[Hash] = []
        calls = [
            ("eth_sendTransaction", [{
                "from": sender, **({"to": to} if to else {}), "data": data, "nonce": hex(nonce), "gas": hex(_GAS),
                "maxFeePerGas": hex(max_fee), "maxPriorityFeePerGas": hex(10**9),
            }])
            for sender, to, data, nonce in queue
        ]  # fmt: skip
        # Anvil 1.7.1 may leave a transaction queued for ever when its predecessor is mined at the very moment it
        # arrives: three deployments in a hundred failed that way. So nothing is mined while we send.
        automine = await self.rpc.call("anvil_getAutomine", as_=bool)
        await self.rpc.call("evm_setAutomine", [False])
        try:
            for sent in await self.rpc.batch(calls):
                if isinstance(sent, NodeRejected):
                    raise sent
                hashes.append(sent)
            for transaction_hash in hashes:
                if not await self._succeeded(transaction_hash):
                    raise NotReady(
                        f"A step of the drill world failed on chain: transaction {transaction_hash}.",
                        "Start a fresh `anvil` and try again; if it stays, the contracts and abi/chainwatch disagree.",
                    )
        finally:
            await self.rpc.call("evm_setAutomine", [automine])

    def _queue_one(self, sender: Address, to: Address | None, data: HexData) -> int:
        nonce = self._nonces[sender]
        self._nonces[sender] = nonce + 1
        self._queue.append((sender, to, data, nonce))
        return nonce

    async def _succeeded(self, transaction_hash: Hash) -> bool:
        for _ in range(_SETTLE_ATTEMPTS):
            receipt = await self.rpc.call("eth_getTransactionReceipt", [transaction_hash])
            if receipt is not None:
                return quantity(receipt["status"]) == 1
            await self.rpc.call("evm_mine")
        raise NodeError(
            f"The node did not mine transaction {transaction_hash} of the drill world.",
            "Start a fresh `anvil` and try again.",
        )


async def _build(builder: _Builder, roles: Roles, sizes: Sizes) -> World:
    token, market, aggregator = ours("DrillToken"), ours("LendingMarket"), ours("DrillAggregator")
    factory, router = uniswap("v2-core", "UniswapV2Factory"), uniswap("v2-periphery", "UniswapV2Router02")
    deployer, lender, attacker = roles.deployer, roles.lender, roles.attacker
    await builder.start(sorted({getattr(roles, name) for name in Roles.__struct_fields__ if name != "guardian"}))

    # Tokens, exchanges and the feed.
    asset = builder.create(token, "Drill dollar", "dUSD", 6)
    collateral = builder.create(token, "Drill ether", "dETH", 18)
    weth = builder.create(uniswap("v2-periphery", "WETH9"))
    factories = [builder.create(factory, deployer), builder.create(factory, deployer)]
    routers = [builder.create(router, address, weth) for address in factories]
    for address in factories:
        builder.call(factory, address, "createPair", asset, collateral)
    feed = builder.create(aggregator, "dETH / USD", sizes.price_usd * 10**8)
    feed_source = builder.create(ours("FeedPriceSource"), feed, 6, sizes.feed_max_age_seconds)
    await builder.settle()
    pairs = [await read(builder.rpc, factory, address, "getPair", asset, collateral) for address in factories]

    # Markets, liquidity of the pools, and money for everyone.
    spot_source = builder.create(ours("SpotPriceSource"), pairs[0], collateral)
    terms = (
        sizes.ltv_bps, sizes.liquidation_threshold_bps, sizes.liquidation_bonus_bps, sizes.flash_fee_bps,
    )  # fmt: skip
    safe_market, unsafe_market = (
        builder.create(market, asset, collateral, source, terms, roles.governance, roles.guardian)
        for source in (feed_source, spot_source)
    )
    for address, amount in zip(routers, (sizes.pool_collateral, sizes.other_pool_collateral), strict=True):
        worth = amount * sizes.price_usd * USD // ETH
        for what, quantity_ in ((asset, worth), (collateral, amount)):
            builder.call(token, what, "mint", deployer, quantity_)
            builder.call(token, what, "approve", address, _UNLIMITED)
        builder.call(
            router, address, "addLiquidity", asset, collateral, worth, amount, 0, 0, deployer, _FOREVER
        )  # fmt: skip
    builder.call(token, asset, "mint", lender, sizes.safe_liquidity + sizes.unsafe_liquidity)
    builder.call(token, asset, "mint", attacker, sizes.attacker_capital)
    builder.call(token, collateral, "mint", roles.borrower, sizes.borrower_collateral)
    for user in (roles.trader, roles.looper):
        builder.call(token, asset, "mint", user, sizes.user_assets)
        builder.call(token, collateral, "mint", user, sizes.user_collateral)
    await builder.settle()

    # Lenders lend; attackers and benign users set up their contracts.
    for address, amount in ((safe_market, sizes.safe_liquidity), (unsafe_market, sizes.unsafe_liquidity)):
        builder.call(token, asset, "approve", address, _UNLIMITED, by=lender)
        builder.call(market, address, "deposit", amount, by=lender)
    flash_attacker = builder.create(ours("FlashAttacker"), safe_market, unsafe_market, routers[0], by=attacker)
    staged_attacker = builder.create(ours("StagedAttacker"), unsafe_market, routers[0], by=attacker)
    arbitrageur = builder.create(ours("FlashArbitrageur"), safe_market, by=roles.keeper)
    liquidator = builder.create(ours("FlashLiquidator"), safe_market, unsafe_market, routers[0], by=roles.keeper)
    leverage_looper = builder.create(ours("LeverageLooper"), unsafe_market, routers[0], by=roles.looper)
    for owner, what, spenders in (
        (attacker, asset, [flash_attacker, staged_attacker]),
        (roles.trader, asset, [*routers, unsafe_market]),
        (roles.trader, collateral, [*routers, unsafe_market]),
        (roles.looper, collateral, [leverage_looper]),
        (roles.borrower, collateral, [unsafe_market]),
    ):
        for spender in spenders:
            builder.call(token, what, "approve", spender, _UNLIMITED, by=owner)
    await builder.settle()

    # The borrower goes close to its limit.
    worth = sizes.borrower_collateral * sizes.price_usd * USD // ETH
    builder.call(market, unsafe_market, "depositCollateral", sizes.borrower_collateral, by=roles.borrower)
    builder.call(market, unsafe_market, "borrow", worth * 745 // 1_000, by=roles.borrower)
    await builder.settle()

    return World(
        chain_id=await chain_id(builder.rpc),
        roles=roles,
        asset=asset,
        asset_decimals=6,
        collateral=collateral,
        collateral_decimals=18,
        router=routers[0],
        pair=pairs[0],
        other_router=routers[1],
        other_pair=pairs[1],
        aggregator=feed,
        feed_source=feed_source,
        spot_source=spot_source,
        safe_market=safe_market,
        unsafe_market=unsafe_market,
        flash_attacker=flash_attacker,
        staged_attacker=staged_attacker,
        arbitrageur=arbitrageur,
        liquidator=liquidator,
        leverage_looper=leverage_looper,
    )
