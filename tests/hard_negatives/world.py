"""The world of the scenes: real exchanges and lenders with money in them, and services of ours around them.

Uniswap v2 twice, Uniswap v3, Aave v3, Balancer v2, Venus (Compound v2), Safe and OpenZeppelin's TimelockController and
proxies run the bytecode that their authors published; tokens, the yield vault, staking, the aggregator and the bots are
in `contracts/`. All prices agree when it is built: ether 2,000, bitcoin 40,000, FARM 0.5, HOOK 1, FEE 0.01 dollars.
"""

from dataclasses import dataclass, field
from math import isqrt

from eth_abi.abi import encode

from chainwatch.drill.artefacts import Artefact
from chainwatch.types import Address
from tests.hard_negatives.chain import UNLIMITED, Chain
from tests.hard_negatives.npm import artefact, libraries_of, linked, own

E18 = 10**18
PRICES = {"WETH": 2_000.0, "WBTC": 40_000.0, "USDC": 1.0, "DAI": 1.0, "FARM": 0.5, "HOOK": 1.0, "FEE": 0.01, "GOV": 1.0}
DECIMALS = {"WETH": 18, "WBTC": 8, "USDC": 6, "DAI": 18, "FARM": 18, "HOOK": 18, "FEE": 18, "GOV": 18}
_DEADLINE = 2**40
_RAY = 10**27
_WEIGHTED_POOL = Artefact(
    "WeightedPool", [{"type": "function", "name": "getPoolId", "inputs": [], "outputs": [{"type": "bytes32"}]}], "0x"
)

V2 = {  # the two exchanges: dollars on each side of a pair
    "uni": {
        ("WETH", "USDC"): 4e6, ("WETH", "DAI"): 3e6, ("WBTC", "WETH"): 2.4e6, ("USDC", "DAI"): 5e6,
        ("FARM", "WETH"): 5e5, ("FEE", "WETH"): 2e5, ("HOOK", "WETH"): 3e5, ("WBTC", "USDC"): 1e6,
    },
    "sushi": {
        ("WETH", "USDC"): 1.6e6, ("WETH", "DAI"): 1e6, ("WBTC", "WETH"): 8e5, ("USDC", "DAI"): 1e6,
        ("FARM", "WETH"): 1e5, ("HOOK", "WETH"): 1e5,
    },
}  # fmt: skip
V3 = {("WETH", "USDC", 500): 3e6, ("WETH", "USDC", 3000): 2e6, ("WBTC", "WETH", 3000): 2e6, ("USDC", "DAI", 500): 4e6,
      ("WETH", "DAI", 3000): 1e6}  # fmt: skip
BALANCER = {("WETH", "DAI", "WBTC"): 2e6, ("WETH", "USDC"): 1.5e6}
LENT = {"WETH": 2e7, "WBTC": 1e7, "USDC": 3e7, "DAI": 2e7}
AAVE_TERMS = {"WETH": (8000, 8250, 10500), "WBTC": (7000, 7500, 11000), "USDC": (8000, 8500, 10450),
              "DAI": (7700, 8000, 10400)}  # fmt: skip
VENUS_FACTOR = {"WETH": 0.8, "WBTC": 0.7, "USDC": 0.8, "DAI": 0.8}


@dataclass
class World:
    """Addresses by name; `chain` drives them."""

    chain: Chain
    token: dict[str, Address] = field(default_factory=dict)
    factory: dict[str, Address] = field(default_factory=dict)
    router: dict[str, Address] = field(default_factory=dict)
    pair: dict[tuple[str, str, str], Address] = field(default_factory=dict)
    v3_factory: Address = ""
    v3_router: Address = ""
    v3_positions: Address = ""
    v3_migrator: Address = ""
    v3_pool: dict[tuple[str, str, int], Address] = field(default_factory=dict)
    vault: Address = ""
    balancer_pool: dict[tuple[str, ...], str] = field(default_factory=dict)
    aave: Address = ""
    atoken: dict[str, Address] = field(default_factory=dict)
    debt: dict[str, Address] = field(default_factory=dict)
    feed: dict[str, Address] = field(default_factory=dict)
    comptroller: Address = ""
    venus_oracle: Address = ""
    vtoken: dict[str, Address] = field(default_factory=dict)
    safe: Address = ""
    multisend: Address = ""
    timelock: Address = ""
    proxy_admin: Address = ""
    box: Address = ""
    yield_vault: Address = ""
    staking: Address = ""
    vault_staking: Address = ""
    aggregator: Address = ""
    executor: Address = ""
    payer: Address = ""
    subscriptions: Address = ""
    dao: Address = ""
    bots: list[tuple[Address, Address]] = field(default_factory=list)
    """(owner, bot)"""

    @property
    def deployer(self) -> Address:
        return self.chain.accounts[0]

    @property
    def rich(self) -> Address:
        """Holds of everything, provides the liquidity, and trades when a scene needs somebody to."""
        return self.chain.accounts[1]

    @property
    def treasury(self) -> Address:
        return self.chain.accounts[2]

    def units(self, name: str, dollars: float) -> int:
        """Base units worth `dollars` at the first prices."""
        return int(dollars / PRICES[name] * 10 ** DECIMALS[name])

    def ordered(self, *names: str) -> list[str]:
        """Names in the order of their tokens' addresses."""
        return sorted(names, key=lambda n: int(self.token[n], 16))

    def give(self, name: str, account: Address, amount: int) -> None:
        """Queue a transfer from the rich."""
        self.chain.call(own("Token"), self.token[name], "transfer", account, amount, by=self.rich)

    def approve(self, name: str, owner: Address, spender: Address) -> None:
        self.chain.call(own("Token"), self.token[name], "approve", spender, UNLIMITED, by=owner)


async def build(chain: Chain) -> World:
    """Deploy it all."""
    world = World(chain)
    await _tokens(world)
    await _uniswap_v2(world)
    await _uniswap_v3(world)
    await _balancer(world)
    await _aave(world)
    await _venus(world)
    await _governance(world)
    await _services(world)
    await _bots(world)
    return world


async def _tokens(world: World) -> None:
    chain, rich = world.chain, world.rich
    weth = artefact("uniswap_v2", "WETH9")
    world.token["WETH"] = chain.create(weth)
    chain.call(weth, world.token["WETH"], "deposit", by=rich, value=400_000 * E18)
    for name in ("USDC", "WBTC", "FARM"):
        world.token[name] = chain.create(own("Token"), name, name, DECIMALS[name])
    world.token["DAI"] = chain.create(own("FlashMintToken"), "Dai", "DAI")
    for name in ("USDC", "WBTC", "FARM", "DAI"):
        chain.call(own("Token"), world.token[name], "mint", rich, world.units(name, 5e8))
    for name, contract in (("FEE", "FeeToken"), ("HOOK", "HookToken"), ("GOV", "VotesToken")):
        world.token[name] = chain.create(own(contract))
        chain.call(own("Token"), world.token[name], "transfer", rich, 9 * 10**25)
    await chain.settle()


async def _uniswap_v2(world: World) -> None:
    chain, rich = world.chain, world.rich
    factory, router = artefact("uniswap_v2_core", "UniswapV2Factory"), artefact("uniswap_v2", "UniswapV2Router02")
    for exchange, pairs in V2.items():
        world.factory[exchange] = chain.create(factory, world.deployer)
        world.router[exchange] = chain.create(router, world.factory[exchange], world.token["WETH"])
        for name in world.token:
            world.approve(name, rich, world.router[exchange])
        for (a, b), dollars in pairs.items():
            amounts = (world.units(a, dollars), world.units(b, dollars))
            chain.call(router, world.router[exchange], "addLiquidity", world.token[a], world.token[b], *amounts, 0, 0,
                       rich, _DEADLINE, by=rich)  # fmt: skip
        await chain.settle()
        for a, b in pairs:
            pair = await chain.read(factory, world.factory[exchange], "getPair", world.token[a], world.token[b])
            world.pair[exchange, a, b] = world.pair[exchange, b, a] = pair


async def _uniswap_v3(world: World) -> None:
    chain, rich, weth = world.chain, world.rich, world.token["WETH"]
    factory, positions = artefact("uniswap_v3_core", "UniswapV3Factory"), "NonfungiblePositionManager"
    world.v3_factory = chain.create(factory)
    world.v3_router = chain.create(artefact("uniswap_v3", "SwapRouter"), world.v3_factory, weth)
    world.v3_positions = chain.create(artefact("uniswap_v3", positions), world.v3_factory, weth, world.deployer)
    world.v3_migrator = chain.create(artefact("uniswap_v3", "V3Migrator"), world.v3_factory, weth, world.v3_positions)
    for name in ("WETH", "WBTC", "USDC", "DAI", "FARM"):
        world.approve(name, rich, world.v3_router)
        world.approve(name, rich, world.v3_positions)
    for (a, b, fee), dollars in V3.items():
        one, two = world.ordered(a, b)
        root = isqrt((world.units(two, 1e9) << 192) // world.units(one, 1e9))
        chain.call(artefact("uniswap_v3", positions), world.v3_positions, "createAndInitializePoolIfNecessary",
                   world.token[one], world.token[two], fee, root)  # fmt: skip
        await chain.settle()
        pool = await chain.read(factory, world.v3_factory, "getPool", world.token[a], world.token[b], fee)
        world.v3_pool[a, b, fee] = world.v3_pool[b, a, fee] = pool
        # Half over all prices, half near the first one.
        slot = await chain.read(artefact("uniswap_v3_core", "UniswapV3Pool"), pool, "slot0")
        spacing = {500: 10, 3000: 60}[fee]
        middle = slot[1] // spacing * spacing
        for low, high in ((-887220, 887220), (middle - 100 * spacing, middle + 100 * spacing)):
            position = (world.token[one], world.token[two], fee, low, high, world.units(one, dollars / 2),
                        world.units(two, dollars / 2), 0, 0, rich, _DEADLINE)  # fmt: skip
            chain.call(artefact("uniswap_v3", positions), world.v3_positions, "mint", position, by=rich)
    await chain.settle()


async def _balancer(world: World) -> None:
    chain, rich = world.chain, world.rich
    authorizer = chain.create(artefact("balancer", "Authorizer"), world.deployer)
    vault = artefact("balancer", "Vault")
    world.vault = chain.create(vault, authorizer, world.token["WETH"], 0, 0)
    factory = artefact("balancer", "WeightedPoolFactory")
    factory_at = chain.create(factory, world.vault)
    for name in LENT:
        world.approve(name, rich, world.vault)
    for names, dollars in BALANCER.items():
        ordered = world.ordered(*names)
        tokens = [world.token[n] for n in ordered]
        share = E18 // len(tokens)
        weights = [share] * (len(tokens) - 1) + [E18 - share * (len(tokens) - 1)]
        arguments = ("Weighted", "BPT", tokens, weights, 3 * 10**15, "0x" + "ba1b" * 10)
        pool = await chain.read(factory, factory_at, "create", *arguments)
        chain.call(factory, factory_at, "create", *arguments)
        await chain.settle()
        pool_id = "0x" + (await chain.read(_WEIGHTED_POOL, pool, "getPoolId")).hex()
        amounts = [world.units(n, dollars) for n in ordered]
        join = (tokens, amounts, encode(["uint256", "uint256[]"], [0, amounts]), False)
        chain.call(vault, world.vault, "joinPool", bytes.fromhex(pool_id[2:]), rich, rich, join, by=rich)
        await chain.settle()
        world.balancer_pool[names] = pool_id


async def _aave(world: World) -> None:
    chain, deployer, rich = world.chain, world.deployer, world.rich
    provider_, zero = artefact("aave", "PoolAddressesProvider"), "0x" + "00" * 20
    provider = chain.create(provider_, "Main", deployer)
    chain.call(provider_, provider, "setACLAdmin", deployer)
    acl = artefact("aave", "ACLManager")
    await chain.settle()
    acl_at = chain.create(acl, provider)
    chain.call(provider_, provider, "setACLManager", acl_at)
    for role in ("addPoolAdmin", "addAssetListingAdmin", "addRiskAdmin"):
        chain.call(acl, acl_at, role, deployer)
    libraries: dict[str, Address] = {}
    # FlashLoanLogic is itself linked with BorrowLogic.
    for name in sorted((*libraries_of("aave", "Pool"), *libraries_of("aave", "PoolConfigurator")),
                       key=lambda n: bool(libraries_of("aave", n))):  # fmt: skip
        libraries[name] = chain.create(linked("aave", name, libraries))
    pool_, configurator_ = linked("aave", "Pool", libraries), linked("aave", "PoolConfigurator", libraries)
    pool_code = chain.create(pool_, provider)
    configurator_code = chain.create(configurator_)
    await chain.settle()
    chain.call(pool_, pool_code, "initialize", provider)
    chain.call(configurator_, configurator_code, "initialize", provider)
    chain.call(provider_, provider, "setPoolImpl", pool_code)
    chain.call(provider_, provider, "setPoolConfiguratorImpl", configurator_code)
    world.feed = {name: chain.create(own("Feed"), int(PRICES[name] * 10**8)) for name in LENT}
    oracle = chain.create(artefact("aave", "AaveOracle"), provider, [world.token[n] for n in LENT],
                          list(world.feed.values()), zero, zero, 10**8)  # fmt: skip
    chain.call(provider_, provider, "setPriceOracle", oracle)
    await chain.settle()
    world.aave = await chain.read(provider_, provider, "getPool")
    configurator = await chain.read(provider_, provider, "getPoolConfigurator")
    data_ = artefact("aave", "AaveProtocolDataProvider")
    data = chain.create(data_, provider)
    chain.call(provider_, provider, "setPoolDataProvider", data)
    codes = [chain.create(artefact("aave", n), world.aave) for n in ("AToken", "StableDebtToken", "VariableDebtToken")]
    rates = chain.create(
        artefact("aave", "DefaultReserveInterestRateStrategy"),
        provider,
        _RAY * 8 // 10,
        0,
        _RAY // 25,
        _RAY * 3 // 4,
        _RAY // 200,
        _RAY * 3 // 4,
        _RAY // 100,
        _RAY // 12,
        _RAY // 5,
    )
    reserves = [
        (*codes, DECIMALS[n], rates, world.token[n], world.treasury, zero, f"Aave {n}", f"a{n}", f"Debt {n}", f"vd{n}",
         f"Stable debt {n}", f"sd{n}", b"\x10")
        for n in LENT
    ]  # fmt: skip
    chain.call(configurator_, configurator, "initReserves", reserves)
    for name, terms in AAVE_TERMS.items():
        token = world.token[name]
        chain.call(configurator_, configurator, "configureReserveAsCollateral", token, *terms)
        for function in ("setReserveBorrowing", "setReserveFlashLoaning"):
            chain.call(configurator_, configurator, function, token, True)
        chain.call(configurator_, configurator, "setReserveFactor", token, 1_000)
        world.approve(name, rich, world.aave)
        chain.call(pool_, world.aave, "supply", token, world.units(name, LENT[name]), rich, 0, by=rich)
    chain.call(configurator_, configurator, "updateFlashloanPremiumTotal", 5)
    await chain.settle()
    for name in LENT:
        tokens = await chain.read(data_, data, "getReserveTokensAddresses", world.token[name])
        world.atoken[name], world.debt[name] = tokens[0], tokens[2]


async def _venus(world: World) -> None:
    chain, rich, deployer = world.chain, world.rich, world.deployer
    comptroller = artefact("venus", "ComptrollerMock")
    world.comptroller = chain.create(comptroller)
    oracle = artefact("venus", "SimplePriceOracle")
    world.venus_oracle = chain.create(oracle)
    access = chain.create(artefact("venus", "AccessControlManagerMock"), deployer)
    lens = chain.create(artefact("venus", "ComptrollerLens"))
    rates = chain.create(artefact("venus", "WhitePaperInterestRateModel"), E18 // 50, E18 // 5, 10_512_000)
    code_, token_ = artefact("venus", "VBep20Delegate"), artefact("venus", "VBep20Delegator")
    code = chain.create(code_)
    calm = chain.create(own("CalmPrices"), world.venus_oracle)
    for function, value in (("_setAccessControl", access), ("_setPriceOracle", world.venus_oracle),
                            ("_setComptrollerLens", lens), ("_setCloseFactor", E18 // 2),
                            ("setDeviationBoundedOracle", calm)):  # fmt: skip
        chain.call(comptroller, world.comptroller, function, value)
    await chain.settle()
    for name in LENT:
        # 0.02 underlying a vToken of 8 decimals, as Compound began.
        rate = 2 * 10 ** (8 + DECIMALS[name])
        world.vtoken[name] = chain.create(token_, world.token[name], world.comptroller, rates, rate, f"Venus {name}",
                                          f"v{name}", 8, deployer, code, b"")  # fmt: skip
    await chain.settle()
    for name, vtoken in world.vtoken.items():
        chain.call(code_, vtoken, "setAccessControlManager", access)
        chain.call(code_, vtoken, "setProtocolShareReserve", world.treasury)
        chain.call(code_, vtoken, "setReduceReservesBlockDelta", 10**9)
        set_venus_price(world, name, PRICES[name])
        chain.call(comptroller, world.comptroller, "_supportMarket", vtoken)
        factor = int(VENUS_FACTOR[name] * E18)
        chain.call(comptroller, world.comptroller, "setCollateralFactor", vtoken, factor, factor)
        chain.call(comptroller, world.comptroller, "setLiquidationIncentive", 0, vtoken, E18 * 11 // 10)
        chain.call(comptroller, world.comptroller, "setIsBorrowAllowed", 0, vtoken, True)
    markets = list(world.vtoken.values())
    for function in ("_setMarketSupplyCaps", "_setMarketBorrowCaps"):
        chain.call(comptroller, world.comptroller, function, markets, [UNLIMITED] * len(markets))
    for name, vtoken in world.vtoken.items():
        world.approve(name, rich, vtoken)
        chain.call(token_, vtoken, "mint", world.units(name, LENT[name] / 3), by=rich)
    await chain.settle()


def set_venus_price(world: World, name: str, dollars: float) -> None:
    """Queue the price that Venus goes by: scaled so that a base unit times it has 36 decimals."""
    price = int(dollars * 10**18) * 10 ** (18 - DECIMALS[name])
    world.chain.call(artefact("venus", "SimplePriceOracle"), world.venus_oracle, "setUnderlyingPrice",
                     world.vtoken[name], price)  # fmt: skip


async def _governance(world: World) -> None:
    chain, owner = world.chain, world.chain.accounts[3]
    singleton, factory = chain.create(artefact("safe", "Safe")), artefact("safe", "SafeProxyFactory")
    factory_at, zero = chain.create(factory), "0x" + "00" * 20
    world.multisend = chain.create(artefact("safe", "MultiSend"))
    setup = artefact("safe", "Safe").call("setup", [owner], 1, zero, b"", zero, zero, 0, zero)
    world.safe = await chain.read(factory, factory_at, "createProxyWithNonce", singleton, bytes.fromhex(setup[2:]), 1)
    chain.call(factory, factory_at, "createProxyWithNonce", singleton, bytes.fromhex(setup[2:]), 1)
    world.timelock = chain.create(
        artefact("openzeppelin", "TimelockController"), 60, [owner, world.safe], [owner, zero], world.deployer
    )
    code = chain.create(own("BoxV1"))
    initialise = bytes.fromhex(own("BoxV1").call("initialize", world.token["USDC"], 30)[2:])
    world.box = chain.create(artefact("openzeppelin", "TransparentUpgradeableProxy"), code, world.timelock, initialise)
    await chain.settle()
    slot = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"  # ERC-1967's admin
    world.proxy_admin = "0x" + (await chain.rpc.call("eth_getStorageAt", [world.box, slot, "latest"]))[-40:]
    chain.call(own("BoxV1"), world.box, "transferOwnership", world.timelock)
    world.dao = chain.create(own("Dao"), world.token["GOV"])
    for name in ("USDC", "WETH", "DAI", "FARM"):
        for account in (world.timelock, world.dao, world.safe, world.box):
            world.give(name, account, world.units(name, 2e6))
    await chain.settle()


async def _services(world: World) -> None:
    chain = world.chain
    world.aggregator = chain.create(own("Aggregator"), world.treasury)
    world.payer = chain.create(own("Payer"))
    world.subscriptions = chain.create(own("Subscriptions"), world.token["USDC"])
    world.yield_vault = chain.create(
        own("Vault"), world.token["USDC"], world.aave, world.atoken["USDC"], world.treasury
    )
    world.staking = chain.create(own("Staking"), world.pair["uni", "FARM", "WETH"], world.token["FARM"])
    world.vault_staking = chain.create(own("Staking"), world.atoken["USDC"], world.token["FARM"])
    await chain.settle()
    world.executor = await chain.read(own("Aggregator"), world.aggregator, "executor")
    # The vault has users, works in Aave and earns FARM.
    world.approve("USDC", world.rich, world.yield_vault)
    chain.call(own("Vault"), world.yield_vault, "deposit", world.units("USDC", 2e6), world.rich, by=world.rich)
    chain.call(own("Vault"), world.yield_vault, "rebalance", world.units("USDC", 1e5))
    chain.call(own("Vault"), world.yield_vault, "stake", world.vault_staking, world.units("USDC", 1e6))
    for staking in (world.staking, world.vault_staking):
        world.give("FARM", world.deployer, world.units("FARM", 1e5))
        world.approve("FARM", world.deployer, staking)
        chain.call(own("Staking"), staking, "notifyRewardAmount", world.units("FARM", 1e5), 30 * 86_400)
    await chain.settle()


async def _bots(world: World) -> None:
    """Three contracts of keepers and searchers that were there before, with the allowances that such have."""
    chain = world.chain
    spenders = [*world.router.values(), world.v3_router, world.v3_positions, world.vault, world.aave]
    for owner in chain.accounts[4:7]:
        bot = chain.create(own("Bot"), owner, by=owner)
        world.bots.append((owner, bot))
        steps = [
            (world.token[name], 0, own("Token").call("approve", spender, UNLIMITED), "0x" + "00" * 20, 0)
            for name in world.token
            for spender in spenders
        ]
        steps += [
            (world.token[name], 0, own("Token").call("approve", world.vtoken[name], UNLIMITED), "0x" + "00" * 20, 0)
            for name in world.vtoken
        ]
        calls = [(to, value, bytes.fromhex(data[2:]), token, offset) for to, value, data, token, offset in steps]
        chain.call(own("Bot"), bot, "execute", calls, by=owner)
    await chain.settle()
