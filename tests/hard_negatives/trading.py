"""Scenes of traders: arbitrage of all kinds, sandwiches, liquidity just in time, large exits, aggregators."""

from eth_abi.abi import encode
from eth_typing import Hash32
from eth_utils.crypto import keccak

from chainwatch.drill.world import anvil_account
from chainwatch.types import Address
from tests.hard_negatives.npm import artefact, own
from tests.hard_negatives.routes import (
    DEADLINE,
    Step,
    Venue,
    approve,
    direct_v3,
    encoded,
    path_swap,
    reserves,
    send,
    step,
    swap,
    v2_in,
    v2_out,
    v2_swap_out,
)
from tests.hard_negatives.scenes import shape
from tests.hard_negatives.stage import Actor, Stage, require

# Rounds of venues that begin and end with the same token: (token, [(venue, next token)]).
_TWO: list[tuple[str, list[tuple[Venue, str]]]] = [
    ("WETH", [(("v2", "uni"), "USDC"), (("v2", "sushi"), "WETH")]),
    ("WETH", [(("v2", "sushi"), "DAI"), (("v2", "uni"), "WETH")]),
    ("WETH", [(("v2", "uni"), "FARM"), (("v2", "sushi"), "WETH")]),
    ("WETH", [(("v2", "sushi"), "HOOK"), (("v2", "uni"), "WETH")]),
    ("WETH", [(("v2", "uni"), "USDC"), (("v3", 500), "WETH")]),
    ("USDC", [(("v3", 500), "WETH"), (("v3", 3000), "USDC")]),
    ("USDC", [(("v3", 3000), "WETH"), (("v2", "sushi"), "USDC")]),
    ("WETH", [(("balancer", ("WETH", "DAI", "WBTC")), "DAI"), (("v2", "uni"), "WETH")]),
    ("USDC", [(("balancer", ("WETH", "USDC")), "WETH"), (("v3", 500), "USDC")]),
    ("WBTC", [(("v2", "uni"), "WETH"), (("v3", 3000), "WBTC")]),
]
_THREE: list[tuple[str, list[tuple[Venue, str]]]] = [
    ("WETH", [(("v2", "uni"), "USDC"), (("v2", "uni"), "DAI"), (("v2", "uni"), "WETH")]),
    ("WETH", [(("v2", "sushi"), "USDC"), (("v3", 500), "DAI"), (("v2", "sushi"), "WETH")]),
    ("USDC", [(("v2", "uni"), "WBTC"), (("v2", "uni"), "WETH"), (("v3", 500), "USDC")]),
    ("DAI", [(("balancer", ("WETH", "DAI", "WBTC")), "WBTC"), (("v3", 3000), "WETH"), (("v2", "uni"), "DAI")]),
    ("WETH", [(("v3", 3000), "WBTC"), (("balancer", ("WETH", "DAI", "WBTC")), "DAI"), (("v3", 3000), "WETH")]),
]
_FOUR: list[tuple[str, list[tuple[Venue, str]]]] = [
    ("WETH", [(("v2", "uni"), "WBTC"), (("v2", "uni"), "USDC"), (("v3", 500), "DAI"), (("v2", "sushi"), "WETH")]),
    ("USDC", [(("v3", 500), "DAI"), (("balancer", ("WETH", "DAI", "WBTC")), "WBTC"), (("v2", "sushi"), "WETH"),
              (("v3", 3000), "USDC")]),
    ("DAI", [(("v2", "sushi"), "USDC"), (("v2", "uni"), "WBTC"), (("v3", 3000), "WETH"), (("v2", "uni"), "DAI")]),
]  # fmt: skip


async def _push(stage: Stage, venue: Venue, sold: str, bought: str, least: float) -> None:
    """Another trader moves the pool so that buying `bought` there becomes cheap: he sells it, for at least that share
    of what the smaller pools hold."""
    depth = min({"FARM": 1e5, "HOOK": 1e5}.get(name, 1e6) for name in (sold, bought))
    if (venue, bought) == (("v3", 500), "DAI"):
        depth = 4e6  # the deepest pool, where others would not be noticed
    await stage.trade(venue, bought, sold, stage.world.units(bought, stage.dollars(least, 0.25) * depth))


def _pools(stage: Stage, start: str, hops: list[tuple[Venue, str]]) -> list[Address]:
    """Pools that the route trades in, which cannot lend meanwhile."""
    world, found, token = stage.world, list[Address](), start
    for (kind, which), bought in hops:
        if kind == "v2":
            found.append(world.pair[str(which), token, bought])
        elif kind == "v3":
            found.append(world.v3_pool[token, bought, which])  # type: ignore[index]
        token = bought
    return found


def _route(stage: Stage, actor: Actor, start: str, hops: list[tuple[Venue, str]], amount: int) -> list[Step]:
    steps: list[Step] = []
    token = start
    for i, (venue, bought) in enumerate(hops):
        steps += swap(stage.world, venue, token, bought, actor.me, amount if i == 0 else None, fresh=actor.fresh)
        token = bought
    return steps


async def _arbitrage(stage: Stage, kind: str, choices: list[tuple[str, list[tuple[Venue, str]]]]) -> None:
    start, hops = stage.rng.choice(choices)
    venue, first = hops[0]
    await _push(stage, venue, start, first, max(0.06, 0.01 * len(hops) ** 2))
    actor, avoid = stage.any_actor(), _pools(stage, start, hops)
    sources = ["aave", "aave_many", "balancer", "v2", "v3", "mint"]
    if any(kind_ == "balancer" for (kind_, _), _ in hops):
        sources.remove("balancer")  # its vault is locked during a loan of its own
    low, high = stage.world.units(start, 500), stage.world.units(start, 4e5)
    source = await stage.source(start, stage.world.units(start, 5e4), sources, avoid)

    def made(who: Actor, size: int) -> list[Step]:
        return [stage.flash(source, start, size, who, _route(stage, who, start, hops, size), avoid)]

    route, size, gain = await stage.best_route(made, actor, start, low, high)
    owner = actor.sender if actor.how == "one_shot" else actor.me
    before = await stage.held(start, owner)
    await stage.run(kind, actor, route, name=f"{source} {start} {size}", home=[start])
    after = await stage.held(start, owner)
    require(after - before > 0 and abs(after - before - gain) <= gain // 10 + 2, "the arbitrage earned what it should")


@shape("arbitrage_2_hop")
async def arbitrage_2(stage: Stage) -> None:
    await _arbitrage(stage, "arbitrage_2_hop", _TWO)


@shape("arbitrage_3_hop")
async def arbitrage_3(stage: Stage) -> None:
    await _arbitrage(stage, "arbitrage_3_hop", _THREE)


@shape("arbitrage_4_hop")
async def arbitrage_4(stage: Stage) -> None:
    await _arbitrage(stage, "arbitrage_4_hop", _FOUR)


@shape("arbitrage_inventory")
async def arbitrage_inventory(stage: Stage) -> None:
    """With the bot's own money, pair to pair, as searchers save gas: nothing passes through the bot between."""
    world, actor = stage.world, stage.bot()
    middle = stage.rng.choice(["USDC", "DAI", "FARM", "HOOK"])
    one, two = stage.rng.sample(["uni", "sushi"], 2)
    await stage.move_v2(one, "WETH", middle, 1 + stage.rng.uniform(0.02, 0.12))
    await stage.fund("WETH", actor.me, world.units("WETH", 1e6))
    buy, sell = await reserves(world, one, "WETH", middle), await reserves(world, two, middle, "WETH")
    # There WETH is dear: it is sold at the first pair, bought back at the second.
    gains = {x: v2_out(v2_out(x, *buy), *sell) - x for x in (world.units("WETH", d) for d in range(500, 60_000, 500))}
    size = max(gains, key=lambda x: gains[x])
    through = v2_out(size, *buy)
    steps = [
        send(world, "WETH", world.pair[one, "WETH", middle], size),
        v2_swap_out(world, one, "WETH", middle, through, world.pair[two, "WETH", middle]),
        v2_swap_out(world, two, middle, "WETH", v2_out(through, *sell), actor.me),
    ]
    before = await stage.held("WETH", actor.me)
    await stage.run("arbitrage_inventory", actor, steps, name=f"{middle} {size}")
    require(await stage.held("WETH", actor.me) - before == gains[size] > 0, "the bot earned")


@shape("arbitrage_flash_swap")
async def arbitrage_flash_swap(stage: Stage) -> None:
    """A pair or a pool gives first and is paid in the other token, earned at a second one, inside its callback."""
    world, actor = stage.world, stage.any_actor()
    one, two = stage.rng.sample(["uni", "sushi"], 2)
    middle = stage.rng.choice(["USDC", "DAI"])
    await stage.move_v2(one, "WETH", middle, 1 - stage.rng.uniform(0.02, 0.12))
    if stage.rng.random() < 0.5:
        cheap = await reserves(world, one, middle, "WETH")

        def made(who: Actor, out: int) -> list[Step]:
            pay = send(world, middle, world.pair[one, "WETH", middle], v2_in(out, *cheap))
            inside = [*swap(world, ("v2", two), "WETH", middle, who.me, out, fresh=who.fresh), pay]
            return [v2_swap_out(world, one, middle, "WETH", out, who.me, encoded(inside))]

    else:

        def made(who: Actor, out: int) -> list[Step]:
            # The v3 pool buys the WETH that the cheap pair sells for its proceeds.
            inside = swap(world, ("v2", one), middle, "WETH", who.me, fresh=who.fresh)
            fee = 3000
            return [direct_v3(world, "WETH", middle, fee, who.me, out, inside)]

    name = middle if made.__code__.co_freevars and "cheap" in made.__code__.co_freevars else "WETH"
    route, size, gain = await stage.best_route(made, actor, name, world.units("WETH", 500), world.units("WETH", 2e5))
    owner = actor.sender if actor.how == "one_shot" else actor.me
    before = await stage.held(name, owner)
    await stage.run("arbitrage_flash_swap", actor, route, name=f"{middle} {size}", home=["WETH", middle])
    require(await stage.held(name, owner) - before >= gain * 9 // 10 > 0, "the arbitrage earned")


@shape("sandwich")
async def sandwich(stage: Stage) -> None:
    """Bought before another's large trade, sold after it; each by the searcher's bot, around the victim's swap."""
    world, actor, victim = stage.world, stage.bot(), stage.user()
    exchange = stage.rng.choice(["uni", "sushi"])
    token = stage.rng.choice(["USDC", "DAI", "FARM", "HOOK"])
    sold, depth = await reserves(world, exchange, "WETH", token)
    size, ours = int(sold * stage.rng.uniform(0.02, 0.1)), int(sold * stage.rng.uniform(0.01, 0.2))
    await stage.fund("WETH", victim, size)
    world.approve("WETH", victim, world.router[exchange])
    await stage.fund("WETH", actor.me, ours)
    before = await stage.held("WETH", actor.me)
    first = v2_out(ours, sold, depth)
    pair = world.pair[exchange, "WETH", token]
    buy = [send(world, "WETH", pair, ours), v2_swap_out(world, exchange, "WETH", token, first, actor.me)]
    await stage.run("sandwich", actor, buy, name="front")
    (trade,) = swap(world, ("v2", exchange), "WETH", token, victim, size)
    await stage.act("swap", victim, trade[0], "0x" + trade[2].hex(), name="sandwiched")
    there, back = await reserves(world, exchange, token, "WETH")
    last = [
        send(world, token, pair, first),
        v2_swap_out(world, exchange, token, "WETH", v2_out(first, there, back), actor.me),
    ]
    await stage.run("sandwich", actor, last, name="back")
    require(await stage.held("WETH", actor.me) > before, "the sandwich earned")


@shape("jit_liquidity")
async def jit_liquidity(stage: Stage) -> None:
    """Narrow liquidity around one large swap, taken out right after with the fees of that swap."""
    world, actor, trader = stage.world, stage.bot(), stage.user()
    a, b, fee = stage.rng.choice([("WETH", "USDC", 500), ("WETH", "USDC", 3000), ("WBTC", "WETH", 3000)])
    spacing = {500: 10, 3000: 60}[fee]
    pool_, pool = artefact("uniswap_v3_core", "UniswapV3Pool"), world.v3_pool[a, b, fee]
    positions = artefact("uniswap_v3", "NonfungiblePositionManager")
    tick = (await stage.chain.read(pool_, pool, "slot0"))[1] // spacing * spacing
    one, two = world.ordered(a, b)
    dollars = stage.dollars(2e5, 2e6)
    for name in (a, b):
        await stage.fund(name, actor.me, world.units(name, dollars))
    order = (world.token[one], world.token[two], fee, tick - spacing, tick + 2 * spacing, world.units(one, dollars),
             world.units(two, dollars), 0, 0, actor.me, DEADLINE)  # fmt: skip
    await stage.run("jit_liquidity", actor, [step(positions, world.v3_positions, "mint", order)], name="mint")
    number = await _last_position(stage, actor.me)
    liquidity = (await stage.chain.read(positions, world.v3_positions, "positions", number))[7]
    size = world.units(a, stage.dollars(5e4, 5e5))
    await stage.fund(a, trader, size)
    world.approve(a, trader, world.v3_router)
    (trade,) = swap(world, ("v3", fee), a, b, trader, size)
    await stage.act("swap", trader, trade[0], "0x" + trade[2].hex(), name="into liquidity just in time")
    out = [
        step(positions, world.v3_positions, "decreaseLiquidity", (number, liquidity, 0, 0, DEADLINE)),
        step(positions, world.v3_positions, "collect", (number, actor.me, 2**128 - 1, 2**128 - 1)),
        step(positions, world.v3_positions, "burn", number),
    ]
    before = await stage.held(a, actor.me)
    await stage.run("jit_liquidity", actor, out, name="burn")
    require(await stage.held(a, actor.me) > before, "the liquidity came back")


async def _last_position(stage: Stage, owner: Address) -> int:
    positions, at = artefact("uniswap_v3", "NonfungiblePositionManager"), stage.world.v3_positions
    count = await stage.chain.read(positions, at, "balanceOf", owner)
    return int(await stage.chain.read(positions, at, "tokenOfOwnerByIndex", owner, count - 1))


@shape("large_exit")
async def large_exit(stage: Stage) -> None:
    """A whale sells a good part of what the pool holds, by one trade, in slices, or by taking its liquidity out too."""
    world, whale = stage.world, stage.user()
    token = stage.rng.choice(["FARM", "HOOK", "WBTC", "FEE"])
    share, way = stage.rng.uniform(0.1, 0.5), stage.rng.choice(["one", "slices", "liquidity"])
    there, _ = await reserves(world, "uni", token, "WETH")
    amount = int(there * share)
    await stage.fund(token, whale, amount)
    world.approve(token, whale, world.router["uni"])
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    path = [world.token[token], world.token["WETH"]]
    function = f"swapExactTokensForETH{'SupportingFeeOnTransferTokens' if token == 'FEE' else ''}"
    before = await stage.chain.balance("0x" + "ee" * 20, whale)
    if way == "one":
        held = await stage.held(token, whale)
        await stage.act("large_exit", whale, router, router_.call(function, held, 0, path, whale, DEADLINE), name=token)
    elif way == "slices":
        actor = Actor("bot", whale, stage.chain.create(own("Bot"), whale, by=whale))
        await stage.fund(token, actor.me, amount)
        held, count = await stage.held(token, actor.me), stage.rng.randint(3, 8)
        steps = [approve(world, token, router)]
        for _ in range(count):
            steps += swap(
                world, ("v2", "uni"), token, "WETH", actor.me, held // count, to=whale, fee_token=token == "FEE"
            )
        await stage.run("large_exit", actor, steps, name=f"{token} in {count} slices")
        require(await stage.held("WETH", whale) > 0, "the whale was paid")
        return
    else:
        pair = world.pair["uni", token, "WETH"]
        shares = await stage.chain.balance(pair, world.rich)
        stage.chain.call(own("Token"), pair, "transfer", whale, int(shares * share), by=world.rich)
        stage.chain.call(own("Token"), pair, "approve", router, 2**256 - 1, by=whale)
        arguments = (world.token[token], world.token["WETH"], int(shares * share), 0, 0, whale, DEADLINE)
        await stage.act("large_exit", whale, router, router_.call("removeLiquidity", *arguments), name="liquidity")
        held = await stage.held(token, whale)
        await stage.act("large_exit", whale, router, router_.call(function, held, 0, path, whale, DEADLINE), name=token)
    require(await stage.chain.balance("0x" + "ee" * 20, whale) > before, "the whale was paid")


@shape("aggregator_route")
async def aggregator_route(stage: Stage) -> None:
    """A swap split over several venues by an aggregator's executor; some through a second token."""
    world, user = stage.world, stage.user()
    sold, bought = stage.rng.choice([("WETH", "USDC"), ("USDC", "WETH"), ("WETH", "DAI"), ("DAI", "WETH")])
    venues: list[Venue] = [("v2", "uni"), ("v2", "sushi"), ("v3", 3000)]
    venues += [("v3", 500), ("balancer", ("WETH", "USDC"))] if "USDC" in (sold, bought) else []
    venues += [("balancer", ("WETH", "DAI", "WBTC"))] if "DAI" in (sold, bought) else []
    chosen = stage.rng.sample(venues, stage.rng.randint(2, len(venues)))
    amount = world.units(sold, stage.dollars(1e4, 8e5))
    steps: list[Step] = []
    for venue in chosen:
        steps += swap(world, venue, sold, bought, world.executor, amount // len(chosen), fresh=True)
    if stage.rng.random() < 0.4:  # part of it through WBTC
        part = amount // len(chosen) // 2
        steps[-1:] = swap(world, chosen[-1], sold, bought, world.executor, amount // len(chosen) - part)
        if sold == "WETH":
            steps += swap(world, ("v2", "uni"), "WETH", "WBTC", world.executor, part, fresh=True)
            steps += swap(world, ("v3", 3000), "WBTC", "WETH", world.executor, fresh=True)
            steps += swap(world, ("v2", "uni"), "WETH", bought, world.executor, fresh=True)
    await stage.fund(sold, user, amount)
    world.approve(sold, user, world.aggregator)
    await stage.act("aggregator_route", user, world.aggregator, own("Aggregator").call(
        "swap", world.token[sold], amount, world.token[bought], 1, user, steps), name=f"{sold} {len(chosen)} venues",
    )  # fmt: skip
    require(await stage.held(bought, user) > 0, "the user was served")


@shape("multi_hop_swap")
async def multi_hop_swap(stage: Stage) -> None:
    """One user's swap through two or three pools of one router."""
    world, user = stage.world, stage.user()
    amount = stage.dollars(1e3, 3e5)
    if stage.rng.random() < 0.5:
        path = stage.rng.choice([["FARM", "WETH", "USDC"], ["HOOK", "WETH", "USDC", "DAI"], ["DAI", "WETH", "WBTC"]])
        sold = path[0]
        size = world.units(sold, amount / 10)
        await stage.fund(sold, user, size)
        world.approve(sold, user, world.router["uni"])
        router = artefact("uniswap_v2", "UniswapV2Router02")
        tokens = [world.token[n] for n in path]
        data = router.call("swapExactTokensForTokens", size, 0, tokens, user, DEADLINE)
        await stage.act("multi_hop_swap", user, world.router["uni"], data, name="-".join(path))
        require(await stage.held(path[-1], user) > 0, "the user was served")
        return
    hops: list[str | int] = stage.rng.choice(
        [["USDC", 500, "WETH", 3000, "WBTC"], ["WBTC", 3000, "WETH", 500, "USDC", 500, "DAI"]]
    )
    size = world.units(str(hops[0]), amount)
    await stage.fund(str(hops[0]), user, size)
    world.approve(str(hops[0]), user, world.v3_router)
    to, _, data_, _, _ = path_swap(world, hops, user, size)
    await stage.act("multi_hop_swap", user, to, "0x" + data_.hex(), name="-".join(map(str, hops)))
    require(await stage.held(str(hops[-1]), user) > 0, "the user was served")


@shape("limit_order")
async def limit_order(stage: Stage) -> None:
    """A keeper fills what a maker signed, through a pool; the maker himself does nothing."""
    world, maker = stage.world, stage.user()
    actor = stage.bot()
    sold, bought = stage.rng.choice([("WETH", "USDC"), ("USDC", "WETH"), ("WBTC", "WETH")])
    amount = world.units(sold, stage.dollars(1e3, 1e5))
    await stage.fund(sold, maker, amount)
    world.approve(sold, maker, world.aggregator)
    order = (maker, world.token[sold], amount, world.token[bought], 1, amount // 500)
    digest = keccak(encode(["address", "(address,address,uint256,address,uint256,uint256)"], [world.aggregator, order]))
    signed = anvil_account(stage.chain.accounts.index(maker)).unsafe_sign_hash(Hash32(digest))
    route = swap(world, ("v2", "uni"), sold, bought, world.executor, amount - amount // 500, fresh=True)
    fill = step(own("Aggregator"), world.aggregator, "fill", order, signed.r.to_bytes(32, "big"),
                signed.s.to_bytes(32, "big"), signed.v, route)  # fmt: skip
    await stage.run("limit_order", actor, [fill], name=sold)
    require(await stage.held(bought, maker) > 0, "the maker was served")


@shape("fee_on_transfer")
async def fee_on_transfer(stage: Stage) -> None:
    """A token that keeps a part of each transfer is traded, by a user or by a bot that trades there and back."""
    world, user = stage.world, stage.user()
    amount = world.units("WETH", stage.dollars(500, 4e4))
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    path = [world.token["WETH"], world.token["FEE"]]
    data = router_.call("swapExactETHForTokensSupportingFeeOnTransferTokens", 0, path, user, DEADLINE)
    await stage.act("fee_on_transfer", user, router, data, name="buy", value=amount)
    got = await stage.held("FEE", user)
    require(got > 0, "the user got tokens")
    world.approve("FEE", user, router)
    data = router_.call("swapExactTokensForETHSupportingFeeOnTransferTokens", got // 2, 0, path[::-1], user, DEADLINE)
    await stage.act("fee_on_transfer", user, router, data, name="sell")
    require(await stage.held("FEE", user) == got - got // 2, "the user sold half")


@shape("market_making")
async def market_making(stage: Stage) -> None:
    """A position of a market maker is closed, its tokens balanced by a swap, and opened around the new price."""
    world, actor = stage.world, stage.bot()
    positions, at = artefact("uniswap_v3", "NonfungiblePositionManager"), world.v3_positions
    fee = stage.rng.choice([500, 3000])
    spacing = {500: 10, 3000: 60}[fee]
    pool = world.v3_pool["WETH", "USDC", fee]
    one, two = world.ordered("WETH", "USDC")
    dollars = stage.dollars(1e5, 3e6)
    for name in (one, two):
        await stage.fund(name, actor.me, world.units(name, dollars))
    tick = (await stage.chain.read(artefact("uniswap_v3_core", "UniswapV3Pool"), pool, "slot0"))[1] // spacing * spacing

    def order(middle: int, amount0: int, amount1: int) -> tuple[object, ...]:
        width = 20 * spacing
        return (
            world.token[one],
            world.token[two],
            fee,
            middle - width,
            middle + width,
            amount0,
            amount1,
            0,
            0,
            actor.me,
            DEADLINE,
        )

    mint = step(positions, at, "mint", order(tick, world.units(one, dollars), world.units(two, dollars)))
    await stage.run("market_making", actor, [mint], name="open")
    number = await _last_position(stage, actor.me)
    liquidity = (await stage.chain.read(positions, at, "positions", number))[7]
    await stage.trade(("v3", fee), "WETH", "USDC", world.units("WETH", stage.dollars(1e5, 8e5)))
    tick = (await stage.chain.read(artefact("uniswap_v3_core", "UniswapV3Pool"), pool, "slot0"))[1] // spacing * spacing
    excess = world.units("WETH", dollars / 10)
    # Should the old position be all ether by now, there are the dollars of that swap; the rest stays with the bot.
    steps = [
        step(positions, at, "decreaseLiquidity", (number, liquidity, 0, 0, DEADLINE)),
        step(positions, at, "collect", (number, actor.me, 2**128 - 1, 2**128 - 1)),
        *swap(world, ("v3", fee), "WETH", "USDC", actor.me, excess),
        step(positions, at, "mint", order(tick, world.units(one, dollars / 15), world.units(two, dollars / 15))),
    ]
    count = await stage.chain.read(positions, at, "balanceOf", actor.me)
    await stage.run("market_making", actor, steps, name="move")
    require(await stage.chain.read(positions, at, "balanceOf", actor.me) == count + 1, "a new position was opened")


@shape("zap")
async def zap(stage: Stage) -> None:
    """Half of an amount is swapped and both are made liquidity, or the other way round, in one transaction."""
    world, actor = stage.world, stage.bot()
    token = stage.rng.choice(["FARM", "HOOK", "USDC", "DAI"])
    router_, router = artefact("uniswap_v2", "UniswapV2Router02"), world.router["uni"]
    pair = world.pair["uni", token, "WETH"]
    amount = world.units("WETH", stage.dollars(1e3, 1e5))
    await stage.fund("WETH", actor.me, amount)
    there, back = await reserves(world, "uni", "WETH", token)
    out = v2_out(amount // 2, there, back)
    steps = [
        *swap(world, ("v2", "uni"), "WETH", token, actor.me, amount // 2),
        step(router_, router, "addLiquidity", world.token["WETH"], world.token[token], amount - amount // 2, out, 0, 0,
             actor.me, DEADLINE),
    ]  # fmt: skip
    await stage.run("zap", actor, steps, name=f"in {token}")
    shares = await stage.chain.balance(pair, actor.me)
    require(shares > 0, "the bot has liquidity")
    steps = [
        step(own("Token"), pair, "approve", router, shares),
        step(
            router_,
            router,
            "removeLiquidity",
            world.token["WETH"],
            world.token[token],
            shares,
            0,
            0,
            actor.me,
            DEADLINE,
        ),
        *swap(world, ("v2", "uni"), token, "WETH", actor.me),
    ]
    await stage.run("zap", actor, steps, name=f"out {token}")
    require(await stage.chain.balance(pair, actor.me) == 0, "the liquidity was taken out")


@shape("buyback")
async def buyback(stage: Stage) -> None:
    """A protocol's treasury buys its token with its revenue and burns it: the price rises, supply falls."""
    world, actor = stage.world, stage.bot()
    amount = world.units("WETH", stage.dollars(5e3, 1.5e5))
    await stage.fund("WETH", actor.me, amount)
    farm = world.token["FARM"]
    pieces = stage.rng.randint(1, 7)
    steps = [s for _ in range(pieces) for s in swap(world, ("v2", "uni"), "WETH", "FARM", actor.me, amount // pieces)]
    steps.append(step(own("Token"), farm, "burn", 0, all_of=farm, word=0))
    supply = await stage.chain.read(own("Token"), farm, "totalSupply")
    await stage.run("buyback", actor, steps, name=f"{pieces} pieces")
    require(await stage.chain.read(own("Token"), farm, "totalSupply") < supply, "tokens were burnt")


@shape("arbitrage_repeated")
async def arbitrage_repeated(stage: Stage) -> None:
    """A large gap is closed by going round the same two pools several times with borrowed money."""
    world, actor = stage.world, stage.any_actor()
    start, hops = stage.rng.choice([_TWO[2], _TWO[3], _TWO[4], _TWO[7], _TWO[8]])
    venue, bought = hops[0]
    depth = 1e5 if bought in ("FARM", "HOOK") else 1e6
    await stage.trade(venue, bought, start, world.units(bought, stage.dollars(0.1, 0.28) * depth))
    rounds, avoid = stage.rng.randint(3, 8), _pools(stage, start, hops)
    sources = ["aave", "aave_many", "v2", "v3", "mint"]
    source = await stage.source(start, world.units(start, 5e4), sources, avoid)

    def made(who: Actor, size: int) -> list[Step]:
        inside = [s for _ in range(rounds) for s in _route(stage, who, start, hops, size)]
        return [stage.flash(source, start, size, who, inside, avoid)]

    low, high = world.units(start, 200), world.units(start, 1e5)
    route, size, gain = await stage.best_route(made, actor, start, low, high)
    owner = actor.sender if actor.how == "one_shot" else actor.me
    before = await stage.held(start, owner)
    await stage.run("arbitrage_repeated", actor, route, name=f"{rounds} rounds {source} {size}", home=[start])
    require(await stage.held(start, owner) - before >= gain * 9 // 10 > 0, "the arbitrage earned")


@shape("jit_in_pool")
async def jit_in_pool(stage: Stage) -> None:
    """Liquidity just in time, minted and burnt at the pool itself as such searchers do."""
    world, actor, trader = stage.world, stage.bot(), stage.user()
    a, b, fee = stage.rng.choice([("WETH", "USDC", 500), ("WETH", "USDC", 3000), ("WBTC", "WETH", 3000)])
    spacing = {500: 10, 3000: 60}[fee]
    pool_, pool = artefact("uniswap_v3_core", "UniswapV3Pool"), world.v3_pool[a, b, fee]
    tick = (await stage.chain.read(pool_, pool, "slot0"))[1] // spacing * spacing
    for name in (a, b):
        await stage.fund(name, actor.me, world.units(name, 5e7))
    liquidity = await stage.chain.read(pool_, pool, "liquidity") * stage.rng.randint(1, 20)
    low, high = tick - spacing, tick + 2 * spacing
    await stage.run(
        "jit_liquidity", actor, [step(pool_, pool, "mint", actor.me, low, high, liquidity, b"")], name="mint direct"
    )
    size = world.units(a, stage.dollars(5e4, 5e5))
    await stage.fund(a, trader, size)
    world.approve(a, trader, world.v3_router)
    (trade,) = swap(world, ("v3", fee), a, b, trader, size)
    await stage.act("swap", trader, trade[0], "0x" + trade[2].hex(), name="into liquidity just in time")
    before = await stage.held(a, actor.me)
    out = [
        step(pool_, pool, "burn", low, high, liquidity),
        step(pool_, pool, "collect", actor.me, low, high, 2**128 - 1, 2**128 - 1),
    ]
    await stage.run("jit_liquidity", actor, out, name="burn direct")
    require(await stage.held(a, actor.me) > before, "the liquidity came back")


@shape("intent_fill")
async def intent_fill(stage: Stage) -> None:
    """A solver fills signed intents within a reactor's callback, one inside of the other where there are two."""
    world, actor = stage.world, stage.bot()
    reactor_ = own("Reactor")
    reactor = stage.chain.create(reactor_)
    inside: list[Step] = []
    makers: list[tuple[Address, str, int]] = []
    nested = stage.rng.randint(1, 3)
    for _ in range(nested):
        maker = stage.user()
        sold, bought = stage.rng.choice([("WETH", "USDC"), ("USDC", "WETH"), ("DAI", "USDC")])
        dollars = stage.dollars(1e3, 4e4)
        amount, least = world.units(sold, dollars), world.units(bought, dollars * 0.94)
        await stage.fund(sold, maker, amount)
        world.approve(sold, maker, reactor)
        order = (maker, world.token[sold], amount, world.token[bought], least, 0)
        kinds = ["address", "(address,address,uint256,address,uint256,uint256)"]
        signed = anvil_account(stage.chain.accounts.index(maker)).unsafe_sign_hash(
            Hash32(keccak(encode(kinds, [reactor, order])))
        )
        filled = [*swap(world, ("v2", "uni"), sold, bought, actor.me, amount), approve(world, bought, reactor), *inside]
        r, s = signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
        inside = [step(reactor_, reactor, "fill", order, r, s, signed.v, encoded(filled))]
        makers.append((maker, bought, least))
    await stage.run("intent_fill", actor, inside, name=f"{nested} nested")
    for maker, bought, least in makers:
        require(await stage.held(bought, maker) == least, "the maker was served")
