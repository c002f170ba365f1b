"""Scenes of borrowers and those who serve them: liquidations, leverage, refinancing, at Aave v3 and at Venus."""

from chainwatch.types import Address
from tests.hard_negatives.npm import artefact, own
from tests.hard_negatives.routes import (
    Step,
    Venue,
    direct_v3,
    encoded,
    reserves,
    send,
    step,
    swap,
    v2_in,
    v2_swap_out,
)
from tests.hard_negatives.scenes import shape
from tests.hard_negatives.stage import Actor, Stage, require
from tests.hard_negatives.world import AAVE_TERMS, DECIMALS, V2, V3, VENUS_FACTOR, World

_EVERYTHING = 2**256 - 1
_VARIABLE = 2
_PAIRS = [("WETH", "USDC"), ("WETH", "DAI"), ("WBTC", "USDC"), ("WBTC", "DAI")]
_DEPTH = 30
"""Times the size of a trade that a pool should hold: its price then moves by some 6 %."""

_SOURCES = ("aave", "aave_many", "balancer", "v2", "v3", "mint")


def _aave(world: World, function: str, *arguments: object, all_of: Address | None = None, word: int = 0) -> Step:
    pool = artefact("aave", "Pool")
    if all_of is None:
        return step(pool, world.aave, function, *arguments)
    return step(pool, world.aave, function, *arguments, all_of=all_of, word=word)


def _supply(world: World, name: str, who: Address, amount: int | None = None) -> Step:
    token = world.token[name]
    return _aave(world, "supply", token, amount or 0, who, 0, all_of=None if amount else token, word=1)


def _borrow(world: World, name: str, who: Address, amount: int) -> Step:
    return _aave(world, "borrow", world.token[name], amount, _VARIABLE, 0, who)


def _repay(world: World, name: str, who: Address, amount: int = _EVERYTHING) -> Step:
    return _aave(world, "repay", world.token[name], amount, _VARIABLE, who)


def _withdraw(world: World, name: str, to: Address, amount: int = _EVERYTHING) -> Step:
    return _aave(world, "withdraw", world.token[name], amount, to)


def _venus(world: World, name: str, function: str, *arguments: object, all_of: Address | None = None) -> Step:
    token = artefact("venus", "VBep20Delegator")
    if all_of is None:
        return step(token, world.vtoken[name], function, *arguments)
    return step(token, world.vtoken[name], function, *arguments, all_of=all_of, word=0)


def _sale(stage: Stage, sold: str, bought: str, actor: Actor, dollars: float = 0.0) -> tuple[list[Step], list[Address]]:
    """Sell all of one token for another by a way chosen by chance among those deep enough for that many dollars, and
    the pools this trades in."""
    world, me, fresh = stage.world, actor.me, actor.fresh
    pair, pool = world.pair, world.v3_pool
    ways: list[tuple[float, list[tuple[Venue, str, Address]]]] = []
    for exchange in ("uni", "sushi"):
        if (exchange, sold, bought) in pair:
            depth = V2[exchange].get((sold, bought)) or V2[exchange][bought, sold]
            ways.append((depth, [(("v2", exchange), bought, pair[exchange, sold, bought])]))
    for fee in (500, 3000):
        if (sold, bought, fee) in pool:
            depth = V3.get((sold, bought, fee)) or V3[bought, sold, fee]
            ways.append((depth, [(("v3", fee), bought, pool[sold, bought, fee])]))
    if "WBTC" in (sold, bought) and "WETH" not in (sold, bought):
        v2: list[tuple[Venue, str, Address]] = [
            (("v2", "uni"), "WETH", pair["uni", sold, "WETH"]), (("v2", "uni"), bought, pair["uni", "WETH", bought])
        ]  # fmt: skip
        ways.append((2.4e6, v2))
        if (sold, bought) == ("WBTC", "USDC"):
            v3: list[tuple[Venue, str, Address]] = [
                (("v3", 3000), "WETH", pool["WBTC", "WETH", 3000]), (("v3", 500), "USDC", pool["WETH", "USDC", 500])
            ]  # fmt: skip
            ways.append((2e6, v3))
    steps: list[Step] = []
    deep = [way for depth, way in ways if depth >= _DEPTH * dollars] or [max(ways)[1]]
    token, chosen = sold, stage.rng.choice(deep)
    for venue, next_, _ in chosen:
        steps += swap(world, venue, token, next_, me, fresh=fresh)
        token = next_
    return steps, [address for _, _, address in chosen]


async def _aave_position(stage: Stage, user: Address, collateral: str, debt: str, dollars: float, share: float) -> int:
    """A position at `share` of what its collateral allows to borrow; the debt."""
    world = stage.world
    amount = world.units(collateral, dollars)
    borrowed = world.units(debt, dollars * AAVE_TERMS[collateral][0] / 10_000 * share)
    await stage.fund(collateral, user, amount)
    world.approve(collateral, user, world.aave)
    stage.do(user, _supply(world, collateral, user, amount))
    stage.do(user, _borrow(world, debt, user, borrowed))
    await stage.chain.settle()
    return borrowed


async def _venus_position(stage: Stage, user: Address, collateral: str, debt: str, dollars: float, share: float) -> int:
    world = stage.world
    amount = world.units(collateral, dollars)
    borrowed = world.units(debt, dollars * VENUS_FACTOR[collateral] * share)
    await stage.fund(collateral, user, amount)
    world.approve(collateral, user, world.vtoken[collateral])
    comptroller = artefact("venus", "ComptrollerMock")
    stage.do(user, step(comptroller, world.comptroller, "enterMarkets", [world.vtoken[collateral]]))
    stage.do(user, _venus(world, collateral, "mint", amount))
    stage.do(user, _venus(world, debt, "borrow", borrowed))
    await stage.chain.settle()
    require(await stage.held(debt, user) >= borrowed, "Venus lent")  # it fails without reverting
    return borrowed


async def _market_falls(stage: Stage, collateral: str, share: float) -> None:
    """As far as makes a position at `share` of its limit unhealthy, and a little more."""
    ltv, threshold, _ = AAVE_TERMS[collateral]
    await stage.move_market(collateral, share * ltv / threshold * (1 - stage.rng.uniform(0.005, 0.06)))


def _own_wallet(stage: Stage) -> Actor:
    """A user's own contract, made before."""
    user = stage.user()
    return Actor("wallet", user, stage.chain.create(own("Bot"), user, by=user), fresh=True)


def _allow(stage: Stage, actor: Actor, *names: str) -> list[Step]:
    """The allowances towards lenders that a route needs."""
    world = stage.world
    return [step(own("Token"), world.token[n], "approve", world.aave, _EVERYTHING) for n in names]


@shape("flash_liquidation_aave")
async def flash_liquidation_aave(stage: Stage) -> None:
    """The market falls; a keeper repays half of a debt with borrowed money and sells the seized collateral."""
    world, borrower, actor = stage.world, stage.user(), stage.any_actor()
    collateral, debt = stage.rng.choice(_PAIRS)
    dollars = stage.dollars(2e4, 4e5)
    owed = await _aave_position(stage, borrower, collateral, debt, dollars, 0.99)
    await _market_falls(stage, collateral, 0.99)
    sale, avoid = _sale(stage, collateral, debt, actor, dollars / 2)
    amount = owed // stage.rng.choice([2, 3, 4])
    call = _aave(world, "liquidationCall", world.token[collateral], world.token[debt], borrower, amount, False)
    inside = [*_allow(stage, actor, debt), call, *sale]
    source = await stage.source(debt, amount, _SOURCES, avoid)
    owner = actor.sender if actor.how == "one_shot" else actor.me
    before, debt_before = await stage.held(debt, owner), await stage.chain.balance(world.debt[debt], borrower)
    await stage.run("flash_liquidation_aave", actor, [stage.flash(source, debt, amount, actor, inside, avoid)],
                    name=f"{source} {collateral}/{debt}", home=[debt, collateral])  # fmt: skip
    require(await stage.chain.balance(world.debt[debt], borrower) < debt_before, "debt was repaid")
    require(await stage.held(debt, owner) > before, "the keeper earned")


@shape("flash_swap_liquidation")
async def flash_swap_liquidation(stage: Stage) -> None:
    """A pool gives the debt token first, and is paid in the collateral that the liquidation yields."""
    world, borrower, actor = stage.world, stage.user(), stage.any_actor()
    debt = stage.rng.choice(["USDC", "DAI"])
    owed = await _aave_position(stage, borrower, "WETH", debt, stage.dollars(2e4, 2e5), 0.99)
    await _market_falls(stage, "WETH", 0.99)
    amount = owed // 2
    call = _aave(world, "liquidationCall", world.token["WETH"], world.token[debt], borrower, amount, False)
    inside = [*_allow(stage, actor, debt), call]
    if stage.rng.random() < 0.5:
        there, back = await reserves(world, "uni", "WETH", debt)
        inside.append(send(world, "WETH", world.pair["uni", "WETH", debt], v2_in(amount, there, back)))
        route = [v2_swap_out(world, "uni", "WETH", debt, amount, actor.me, encoded(inside))]
    else:
        route = [direct_v3(world, "WETH", debt, 3000, actor.me, -amount, inside)]
    owner = actor.sender if actor.how == "one_shot" else actor.me
    before = await stage.held("WETH", owner)
    await stage.run("flash_swap_liquidation", actor, route, name=debt, home=["WETH", debt])
    require(await stage.held("WETH", owner) > before, "the keeper earned")


@shape("flash_liquidation_venus")
async def flash_liquidation_venus(stage: Stage) -> None:
    """The same at Venus: the seized vTokens are redeemed, then sold."""
    world, borrower, actor = stage.world, stage.user(), stage.bot()
    collateral, debt = stage.rng.choice(_PAIRS)
    dollars = stage.dollars(2e4, 8e5)
    owed = await _venus_position(stage, borrower, collateral, debt, dollars, 0.99)
    await stage.move_market(collateral, 0.99 * (1 - stage.rng.uniform(0.005, 0.06)))
    sale, avoid = _sale(stage, collateral, debt, actor, dollars / 2)
    amount = owed // stage.rng.choice([2, 3, 4])
    inside = [
        _venus(world, debt, "liquidateBorrow", borrower, amount, world.vtoken[collateral]),
        _venus(world, collateral, "redeem", 0, all_of=world.vtoken[collateral]),
        *sale,
    ]
    source = await stage.source(debt, amount, _SOURCES, avoid)
    before = await stage.held(debt, actor.me)
    await stage.run("flash_liquidation_venus", actor, [stage.flash(source, debt, amount, actor, inside, avoid)],
                    name=f"{source} {collateral}/{debt}")  # fmt: skip
    require(await stage.held(debt, actor.me) > before, "the keeper earned")


@shape("batch_liquidation")
async def batch_liquidation(stage: Stage) -> None:
    """Up to twenty borrowers at once, the collateral sold in one go or after each."""
    world, actor = stage.world, stage.bot()
    count, one_go = stage.rng.randint(5, 20), stage.rng.random() < 0.5
    borrowers = [stage.user() for _ in range(count)]
    owed = [await _aave_position(stage, b, "WETH", "USDC", stage.dollars(5e3, 3e4), 0.99) for b in borrowers]
    await _market_falls(stage, "WETH", 0.99)
    sale, avoid = _sale(stage, "WETH", "USDC", actor, 1.3e5)
    inside: list[Step] = []
    for borrower, debt in zip(borrowers, owed, strict=True):
        inside.append(
            _aave(world, "liquidationCall", world.token["WETH"], world.token["USDC"], borrower, debt // 2, False)
        )
        inside += [] if one_go else sale
    inside += sale if one_go else []
    total = sum(d // 2 for d in owed)
    source = await stage.source("USDC", total, _SOURCES, avoid)
    before = await stage.held("USDC", actor.me)
    await stage.run("batch_liquidation", actor, [stage.flash(source, "USDC", total, actor, inside, avoid)],
                    name=f"{count} {'sold at once' if one_go else 'sold after each'}")  # fmt: skip
    require(await stage.held("USDC", actor.me) > before, "the keeper earned")


async def _leveraged(stage: Stage, actor: Actor, collateral: str, debt: str, dollars: float) -> int:
    """A position of the actor's contract, taken up in earlier transactions; its debt."""
    world = stage.world
    await stage.fund(collateral, actor.me, world.units(collateral, dollars))
    borrowed = world.units(debt, dollars * 0.55)
    steps = [
        *_allow(stage, actor, collateral),
        _supply(world, collateral, actor.me),
        _borrow(world, debt, actor.me, borrowed),
    ]
    stage.chain.call(own("Bot"), actor.me, "execute", steps, by=actor.sender)
    steps = [send(world, debt, actor.sender)]  # spent long ago
    stage.chain.call(own("Bot"), actor.me, "execute", steps, by=actor.sender)
    await stage.chain.settle()
    return borrowed


@shape("leverage_flash")
async def leverage_flash(stage: Stage) -> None:
    """Own money and a flash loan buy collateral; what is borrowed against it repays the loan."""
    world, actor = stage.world, _own_wallet(stage)
    collateral, debt = stage.rng.choice(_PAIRS)
    dollars, factor = stage.dollars(5e3, 2e5), stage.rng.uniform(0.8, 1.6)
    amount = world.units(debt, dollars * factor)
    await stage.fund(collateral, actor.me, world.units(collateral, dollars))
    buy, avoid = _sale(stage, debt, collateral, actor, dollars)
    inside = [*buy, *_allow(stage, actor, collateral), _supply(world, collateral, actor.me)]
    if stage.rng.random() < 0.25:  # Aave lends for the length of the transaction and turns that into debt
        route = step(artefact("aave", "Pool"), world.aave, "flashLoan", actor.me, [world.token[debt]], [amount],
                     [_VARIABLE], actor.me, encoded(inside), 0)  # fmt: skip
        name = "kept as debt"
    else:
        source = await stage.source(debt, amount, _SOURCES, avoid)
        inside.append(_borrow(world, debt, actor.me, amount * 1005 // 1000))
        route, name = stage.flash(source, debt, amount, actor, inside, avoid), source
    await stage.run("leverage_flash", actor, [route], name=f"{name} {collateral}/{debt}")
    require(await stage.chain.balance(world.debt[debt], actor.me) >= amount, "there is a debt")
    require(
        await stage.chain.balance(world.atoken[collateral], actor.me) > world.units(collateral, dollars), "and more"
    )


@shape("leverage_loop")
async def leverage_loop(stage: Stage) -> None:
    """Supplied, borrowed, swapped into more collateral, again and again, without a flash loan."""
    world, actor = stage.world, _own_wallet(stage)
    debt, rounds = stage.rng.choice(["USDC", "DAI"]), stage.rng.randint(2, 8)
    dollars = stage.dollars(5e3, 5e5)
    await stage.fund("WETH", actor.me, world.units("WETH", dollars))
    buy, _ = _sale(stage, debt, "WETH", actor, dollars)
    steps = _allow(stage, actor, "WETH")
    for i in range(rounds):
        steps += [
            _supply(world, "WETH", actor.me),
            _borrow(world, debt, actor.me, world.units(debt, dollars * 0.6 ** (i + 1))),
        ]
        steps += buy
    steps.append(_supply(world, "WETH", actor.me))
    await stage.run("leverage_loop", actor, steps, name=f"{rounds} rounds {debt}")
    require(
        await stage.chain.balance(world.atoken["WETH"], actor.me) > world.units("WETH", dollars) * 11 // 10, "leverage"
    )


@shape("deleverage_flash")
async def deleverage_flash(stage: Stage) -> None:
    """A flash loan repays the debt, the freed collateral is sold, and what is left goes home."""
    world, actor = stage.world, _own_wallet(stage)
    collateral, debt = stage.rng.choice(_PAIRS)
    dollars = stage.dollars(1e4, 8e5)
    owed = await _leveraged(stage, actor, collateral, debt, dollars)
    sale, avoid = _sale(stage, collateral, debt, actor, dollars / 3)
    amount = owed * 10_001 // 10_000  # interest of some blocks
    inside = [*_allow(stage, actor, debt), _repay(world, debt, actor.me), _withdraw(world, collateral, actor.me), *sale]
    source = await stage.source(debt, amount, _SOURCES, avoid)
    route = [stage.flash(source, debt, amount, actor, inside, avoid), send(world, debt, actor.sender)]
    before = await stage.held(debt, actor.sender)
    await stage.run("deleverage_flash", actor, route, name=f"{source} {collateral}/{debt}")
    require(await stage.chain.balance(world.debt[debt], actor.me) == 0, "no debt is left")
    require(await stage.held(debt, actor.sender) > before, "the owner has money")


@shape("collateral_swap")
async def collateral_swap(stage: Stage) -> None:
    """One collateral for another while the debt stays: borrowed, supplied, the old one withdrawn and sold for it."""
    world, actor = stage.world, _own_wallet(stage)
    old, new = stage.rng.choice([("WETH", "WBTC"), ("WETH", "DAI"), ("WBTC", "WETH")])
    dollars = stage.dollars(1e4, 3e5)
    await _leveraged(stage, actor, old, "USDC", dollars)
    sale, avoid = _sale(stage, old, new, actor, dollars)
    amount = world.units(new, dollars * 0.75)
    inside = [*_allow(stage, actor, new), _supply(world, new, actor.me), _withdraw(world, old, actor.me), *sale]
    source = await stage.source(new, amount, _SOURCES, avoid)
    steps = [
        stage.flash(source, new, amount, actor, inside, avoid),
        *_allow(stage, actor, new),
        _supply(world, new, actor.me),
    ]
    await stage.run("collateral_swap", actor, steps, name=f"{source} {old} to {new}")
    require(await stage.chain.balance(world.atoken[old], actor.me) == 0, "the old collateral is gone")
    require(await stage.chain.balance(world.atoken[new], actor.me) > amount, "the new one is there")


@shape("debt_swap")
async def debt_swap(stage: Stage) -> None:
    """A debt in one stablecoin becomes one in another."""
    world, actor = stage.world, _own_wallet(stage)
    old, new = stage.rng.choice([("USDC", "DAI"), ("DAI", "USDC")])
    owed = await _leveraged(stage, actor, "WETH", old, stage.dollars(1e4, 3e5))
    borrowed = owed / 10 ** DECIMALS[old]
    amount = world.units(new, borrowed * 1.1)
    sale, avoid = _sale(stage, new, old, actor, borrowed)
    # The new token is lent, swapped, the old debt repaid, and the loan repaid out of the new debt.
    inside = [
        *sale,
        *_allow(stage, actor, old),
        _repay(world, old, actor.me),
        _borrow(world, new, actor.me, amount * 1005 // 1000),
    ]
    source = await stage.source(new, amount, _SOURCES, avoid)
    steps = [stage.flash(source, new, amount, actor, inside, avoid), send(world, old, actor.sender)]
    await stage.run("debt_swap", actor, steps, name=f"{source} {old} to {new}")
    require(await stage.chain.balance(world.debt[old], actor.me) == 0, "the old debt is gone")


@shape("debt_refinance")
async def debt_refinance(stage: Stage) -> None:
    """A position moves from Venus to Aave within one flash loan."""
    world, actor = stage.world, _own_wallet(stage)
    collateral, debt = stage.rng.choice(_PAIRS)
    dollars = stage.dollars(1e4, 1e6)
    amount, owed = world.units(collateral, dollars), world.units(debt, dollars * 0.5)
    await stage.fund(collateral, actor.me, amount)
    comptroller = artefact("venus", "ComptrollerMock")
    vtoken = world.vtoken[collateral]
    earlier = [
        step(own("Token"), world.token[collateral], "approve", vtoken, _EVERYTHING),
        step(comptroller, world.comptroller, "enterMarkets", [vtoken]),
        _venus(world, collateral, "mint", amount),
        _venus(world, debt, "borrow", owed),
        send(world, debt, actor.sender),
    ]
    stage.chain.call(own("Bot"), actor.me, "execute", earlier, by=actor.sender)
    await stage.chain.settle()
    require(await stage.held(debt, actor.sender) >= owed, "Venus lent")
    lent = owed * 10_001 // 10_000
    source = await stage.source(debt, lent, _SOURCES)
    inside = [
        step(own("Token"), world.token[debt], "approve", world.vtoken[debt], _EVERYTHING),
        _venus(world, debt, "repayBorrow", _EVERYTHING),
        _venus(world, collateral, "redeem", 0, all_of=vtoken),
        *_allow(stage, actor, collateral),
        _supply(world, collateral, actor.me),
        _borrow(world, debt, actor.me, lent * 1005 // 1000),
    ]
    await stage.run("debt_refinance", actor, [stage.flash(source, debt, lent, actor, inside)],
                    name=f"{source} {collateral}/{debt}")  # fmt: skip
    require(await stage.chain.balance(world.debt[debt], actor.me) > owed, "the debt is at Aave")
    require(await stage.chain.balance(vtoken, actor.me) == 0, "nothing is left at Venus")


@shape("position_flip")
async def position_flip(stage: Stage) -> None:
    """A long position becomes a short one: the debt repaid, all sold, then the other side borrowed and sold, too."""
    world, actor = stage.world, _own_wallet(stage)
    dollars = stage.dollars(1e4, 5e5)
    owed = await _leveraged(stage, actor, "WETH", "USDC", dollars)
    sale, avoid = _sale(stage, "WETH", "USDC", actor, dollars)
    amount = owed * 10_001 // 10_000
    source = await stage.source("USDC", amount, _SOURCES, avoid)
    inside = [*_allow(stage, actor, "USDC"), _repay(world, "USDC", actor.me), _withdraw(world, "WETH", actor.me), *sale]
    steps = [
        stage.flash(source, "USDC", amount, actor, inside, avoid),
        *_allow(stage, actor, "USDC"),
        _supply(world, "USDC", actor.me),
        _borrow(world, "WETH", actor.me, world.units("WETH", dollars * 0.2)),
        *sale,
        _supply(world, "USDC", actor.me),
    ]
    await stage.run("position_flip", actor, steps, name=source)
    require(await stage.chain.balance(world.debt["WETH"], actor.me) > 0, "it is short")


@shape("automated_deleverage")
async def automated_deleverage(stage: Stage) -> None:
    """A keeper's bot has a service lower the debt of a user who asked for that, and earns the fee."""
    world, user, actor = stage.world, stage.user(), stage.bot()
    debt = stage.rng.choice(["USDC", "DAI"])
    service_ = own("Automation")
    service = stage.chain.create(service_, world.aave, world.router["uni"])
    await _aave_position(stage, user, "WETH", debt, stage.dollars(1e4, 5e5), 0.9)
    held = await stage.chain.balance(world.atoken["WETH"], user)
    amount = held // stage.rng.randint(10, 20)
    stage.do(user, step(own("Token"), world.atoken["WETH"], "approve", service, _EVERYTHING))
    stage.do(user, step(service_, service, "ask", (world.atoken["WETH"], world.token[debt], amount, True)))
    before = await stage.chain.balance(world.debt[debt], user)
    path = [world.token["WETH"], world.token[debt]]
    await stage.run("automated_deleverage", actor, [step(service_, service, "repay", user, amount, path)], name=debt)
    require(await stage.chain.balance(world.debt[debt], user) < before, "the debt is lower")


@shape("lending_use")
async def lending_use(stage: Stage) -> None:
    """Plain use of a lender: a deposit, a loan, its repayment and the withdrawal, by an account."""
    world, user = stage.world, stage.user()
    dollars = stage.dollars(1e3, 2e6)
    await stage.fund("WETH", user, world.units("WETH", dollars))
    for name in ("WETH", "USDC"):
        world.approve(name, user, world.aave)
    owed = world.units("USDC", dollars / 2)
    await stage.fund("USDC", user, owed)
    for name, one in (
        ("supply", _supply(world, "WETH", user, world.units("WETH", dollars))),
        ("borrow", _borrow(world, "USDC", user, owed)),
        ("repay", _repay(world, "USDC", user)),
        ("withdraw", _withdraw(world, "WETH", user)),
    ):
        await stage.act("lending_use", user, one[0], "0x" + one[2].hex(), name=name)
    require(await stage.chain.balance(world.debt["USDC"], user) == 0, "nothing is owed")


@shape("batch_liquidation_venus")
async def batch_liquidation_venus(stage: Stage) -> None:
    """Several borrowers of Venus at once, what each yields sold in the same pool after each: its price falls a lot."""
    world, actor = stage.world, stage.bot()
    count = stage.rng.randint(5, 10)
    borrowers = [stage.user() for _ in range(count)]
    owed = [await _venus_position(stage, b, "WETH", "USDC", stage.dollars(3e4, 1e5), 0.99) for b in borrowers]
    await stage.move_market("WETH", 0.99 * (1 - stage.rng.uniform(0.005, 0.03)))
    sale, avoid = _sale(stage, "WETH", "USDC", actor, 3e5)
    inside: list[Step] = []
    for borrower, debt in zip(borrowers, owed, strict=True):
        inside += [
            _venus(world, "USDC", "liquidateBorrow", borrower, debt // 3, world.vtoken["WETH"]),
            _venus(world, "WETH", "redeem", 0, all_of=world.vtoken["WETH"]),
            *sale,
        ]
    total = sum(d // 3 for d in owed)
    source = await stage.source("USDC", total, _SOURCES, avoid)
    before = await stage.held("USDC", actor.me)
    await stage.run("batch_liquidation", actor, [stage.flash(source, "USDC", total, actor, inside, avoid)],
                    name=f"{count} at Venus")  # fmt: skip
    require(await stage.held("USDC", actor.me) > before, "the keeper earned")


@shape("deleverage_sliced")
async def deleverage_sliced(stage: Stage) -> None:
    """A large position is closed with borrowed money, its collateral sold in slices in one pool, which that moves."""
    world, actor = stage.world, _own_wallet(stage)
    dollars, slices = stage.dollars(2e5, 8e5), stage.rng.randint(5, 9)
    owed = await _leveraged(stage, actor, "WETH", "USDC", dollars)
    venue: Venue = stage.rng.choice([("v2", "uni"), ("v2", "sushi")])
    avoid = [world.pair[str(venue[1]), "WETH", "USDC"]]
    part = world.units("WETH", dollars) // slices
    sales = [s for i in range(slices - 1) for s in swap(world, venue, "WETH", "USDC", actor.me, part, fresh=i == 0)]
    sales += swap(world, venue, "WETH", "USDC", actor.me)
    amount = owed * 10_001 // 10_000
    inside = [
        *_allow(stage, actor, "USDC"),
        _repay(world, "USDC", actor.me),
        _withdraw(world, "WETH", actor.me),
        *sales,
    ]
    source = await stage.source("USDC", amount, _SOURCES, avoid)
    route = [stage.flash(source, "USDC", amount, actor, inside, avoid), send(world, "USDC", actor.sender)]
    before = await stage.held("USDC", actor.sender)
    await stage.run("deleverage_sliced", actor, route, name=f"{slices} slices {source}")
    require(await stage.held("USDC", actor.sender) > before, "the owner has money")


@shape("leverage_sliced")
async def leverage_sliced(stage: Stage) -> None:
    """Leverage by a flash loan, the collateral bought in slices in one pool, as some do against sandwiches."""
    world, actor = stage.world, _own_wallet(stage)
    dollars, slices = stage.dollars(1e5, 6e5), stage.rng.randint(5, 9)
    amount = world.units("USDC", dollars * 0.5)
    await stage.fund("WETH", actor.me, world.units("WETH", dollars))
    venue: Venue = stage.rng.choice([("v2", "uni"), ("v2", "sushi")])
    avoid = [world.pair[str(venue[1]), "WETH", "USDC"]]
    buys = [
        s for i in range(slices) for s in swap(world, venue, "USDC", "WETH", actor.me, amount // slices, fresh=i == 0)
    ]
    inside = [*buys, *_allow(stage, actor, "WETH"), _supply(world, "WETH", actor.me)]
    inside.append(_borrow(world, "USDC", actor.me, amount * 1005 // 1000))
    source = await stage.source("USDC", amount, _SOURCES, avoid)
    await stage.run("leverage_sliced", actor, [stage.flash(source, "USDC", amount, actor, inside, avoid)],
                    name=f"{slices} slices {source}")  # fmt: skip
    require(await stage.chain.balance(world.debt["USDC"], actor.me) >= amount, "there is a debt")


@shape("hedge_round_trip")
async def hedge_round_trip(stage: Stage) -> None:
    """Two positions are changed at once: one is closed and its collateral sold, another opened and collateral bought,
    in the same pool, whose price goes down and up again."""
    world, actor = stage.world, _own_wallet(stage)
    dollars = stage.dollars(1e5, 5e5)
    owed = await _leveraged(stage, actor, "WETH", "USDC", dollars)
    venue: Venue = ("v2", stage.rng.choice(["uni", "sushi"]))
    avoid = [world.pair[str(venue[1]), "WETH", "USDC"]]
    amount = owed * 10_001 // 10_000
    inside = [
        *_allow(stage, actor, "USDC"), _repay(world, "USDC", actor.me), _withdraw(world, "WETH", actor.me),
        *swap(world, venue, "WETH", "USDC", actor.me, fresh=True),
    ]  # fmt: skip
    source = await stage.source("USDC", amount, _SOURCES, avoid)
    back = world.units("USDC", dollars * stage.rng.uniform(0.05, 0.2))
    vtoken, comptroller = world.vtoken["WETH"], artefact("venus", "ComptrollerMock")
    steps = [
        stage.flash(source, "USDC", amount, actor, inside, avoid),
        *swap(world, venue, "USDC", "WETH", actor.me, back, fresh=True),
        step(own("Token"), world.token["WETH"], "approve", vtoken, _EVERYTHING),
        step(comptroller, world.comptroller, "enterMarkets", [vtoken]),
        _venus(world, "WETH", "mint", 0, all_of=world.token["WETH"]),
        _venus(world, "DAI", "borrow", world.units("DAI", dollars * 0.02)),
    ]
    await stage.run("hedge_round_trip", actor, steps, name=source)
    require(await stage.held("DAI", actor.me) > 0, "the new position was borrowed against")
