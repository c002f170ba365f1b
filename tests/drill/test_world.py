"""The drill's world on a real Anvil: the attacks take money, honest users succeed, a pause contains."""

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.drill import artefacts
from chainwatch.drill.actors import Actors, Fees
from chainwatch.drill.artefacts import create_address, ours
from chainwatch.drill.world import ETH, USD, Sizes, World, anvil_account, deploy_world, read, victim_cash
from chainwatch.errors import BadInput, MissingTool, NotReady

pytestmark = pytest.mark.anvil


@pytest.fixture
async def rpc():
    async with Anvil() as anvil, Rpc(anvil.http) as rpc:
        yield rpc


@pytest.fixture
async def world(rpc):
    return await deploy_world(rpc.url)


@pytest.fixture
def actors(rpc, world):
    return Actors(rpc, world)


async def balance(rpc, world, account):
    return await read(rpc, ours("DrillToken"), world.asset, "balanceOf", account)


async def test_the_atomic_attack_takes_from_the_unsafe_market_and_a_second_one_most_of_the_rest(rpc, world, actors):
    before = await victim_cash(rpc, world)
    rich = await balance(rpc, world, world.roles.attacker)
    assert await actors.succeeded(await actors.attack_atomic())
    assert await victim_cash(rpc, world) == before - 700_000 * USD
    assert await actors.succeeded(await actors.attack_atomic())
    assert await victim_cash(rpc, world) == before - 1_400_000 * USD
    assert await balance(rpc, world, world.roles.attacker) > rich + 1_000_000 * USD


async def test_a_paused_market_makes_the_attack_revert(rpc, world, actors):
    before = await victim_cash(rpc, world)
    assert await actors.succeeded(await actors.pause())
    assert not await actors.succeeded(await actors.attack_atomic())
    assert await victim_cash(rpc, world) == before
    assert await actors.succeeded(await actors.unpause())
    assert await actors.succeeded(await actors.attack_atomic())


async def test_the_swallowing_attack_succeeds_on_a_paused_market_and_takes_nothing(rpc, world, actors):
    before = await victim_cash(rpc, world)
    await actors.pause()
    assert await actors.succeeded(await actors.attack_swallowing())
    assert await victim_cash(rpc, world) == before
    await actors.unpause()
    assert await actors.succeeded(await actors.attack_swallowing())
    assert await victim_cash(rpc, world) == before - 700_000 * USD


async def test_the_staged_attack_takes_a_chunk_a_transaction_until_paused(rpc, world, actors):
    before = await victim_cash(rpc, world)
    assert await actors.succeeded(await actors.staged_pump())
    assert await actors.succeeded(await actors.staged_borrow_chunk())
    await actors.pause()
    assert not await actors.succeeded(await actors.staged_borrow_chunk())
    assert await actors.succeeded(await actors.staged_dump())
    assert await victim_cash(rpc, world) == before - 140_000 * USD


async def test_the_staged_attack_pays_when_nobody_defends(rpc, world, actors):
    rich = await balance(rpc, world, world.roles.attacker)
    await actors.staged_pump()
    for _ in range(5):
        assert await actors.succeeded(await actors.staged_borrow_chunk())
    await actors.staged_dump()
    assert await balance(rpc, world, world.roles.attacker) > rich + 500_000 * USD


async def test_arbitrage_earns_again_and_again_and_stays_near_the_feed(rpc, world, actors):
    earned = 0
    for _ in range(6):
        assert await actors.succeeded(await actors.arbitrage())
        assert await balance(rpc, world, world.roles.keeper) > earned
        earned = await balance(rpc, world, world.roles.keeper)
        price = await read(rpc, ours("SpotPriceSource"), world.spot_source, "price")
        assert abs(price / USD / 2_000 - 1) < 0.02


async def test_liquidation_earns_after_a_fall_that_the_feed_reports(rpc, world, actors):
    debt = await read(rpc, ours("LendingMarket"), world.unsafe_market, "debtOf", world.roles.borrower)
    assert await actors.succeeded(await actors.liquidate())
    assert await balance(rpc, world, world.roles.keeper) > 50 * USD
    left = await read(rpc, ours("LendingMarket"), world.unsafe_market, "debtOf", world.roles.borrower)
    assert left == debt - debt // 2
    spot = await read(rpc, ours("SpotPriceSource"), world.spot_source, "price")
    feed = await read(rpc, ours("FeedPriceSource"), world.feed_source, "price")
    assert abs(spot / feed - 1) < 0.02


async def test_a_leverage_loop_ends_healthy(rpc, world, actors):
    assert await actors.succeeded(await actors.leverage_loop())
    market = ours("LendingMarket")
    assert await read(rpc, market, world.unsafe_market, "collateralOf", world.leverage_looper) > 18 * ETH
    assert await read(rpc, market, world.unsafe_market, "healthFactor", world.leverage_looper) > 1.5e18


async def test_ordinary_traffic_works(actors):
    for action in (actors.swap, actors.deposit, actors.borrow, actors.repay):
        assert await actors.succeeded(await action())
    assert await actors.succeeded(await actors.swap(2 * ETH, sell=True))


async def test_only_the_given_guardian_may_pause(rpc):
    guardian = anvil_account(9).address
    world = await deploy_world(rpc.url, guardian=guardian)
    assert world.roles.guardian == guardian.lower()
    actors = Actors(rpc, world)
    assert await actors.succeeded(await actors.pause())
    assert not await actors.succeeded(await actors._authority(world.roles.deployer, "pause"))


async def test_pending_actions_wait_in_the_mempool_and_the_dearer_one_goes_first():
    async with Anvil("--no-mining") as anvil, Rpc(anvil.http) as rpc:
        world = await deploy_world(rpc.url)
        before = await victim_cash(rpc, world)
        attack = await Actors(rpc, world, wait=False, fees=Fees(20 * 10**9, 10**9)).attack_atomic()
        await Actors(rpc, world, wait=False, fees=Fees(40 * 10**9, 2 * 10**9)).pause()
        await Actors(rpc, world, wait=False).liquidate()
        assert await rpc.call("eth_getTransactionReceipt", [attack]) is None
        await rpc.call("evm_mine")
        assert not await Actors(rpc, world).succeeded(attack)
        assert await victim_cash(rpc, world) > before  # the liquidation repaid


async def test_a_world_mined_by_the_clock_deploys_too():
    async with Anvil("--block-time", "1") as anvil, Rpc(anvil.http) as rpc:
        world = await deploy_world(rpc.url, sizes=Sizes(unsafe_liquidity=900_000 * USD))
        assert await victim_cash(rpc, world) == 900_000 * USD - 17_880 * USD


async def test_a_world_survives_its_description(world):
    assert World.from_json(world.to_json()) == world


@pytest.mark.parametrize("text", ["", "{}", "[1", b"\xff\xfe", '{"chain_id": "one"}'])
def test_what_is_not_a_world_is_refused(text):
    with pytest.raises(BadInput, match="drill world"):
        World.from_json(text)


async def test_an_anvil_with_too_few_accounts_is_refused():
    async with Anvil("--accounts", "3") as anvil:
        with pytest.raises(NotReady, match="nine unlocked accounts"):
            await deploy_world(anvil.http)


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(artefacts, "_NPM", [tmp_path])
    with pytest.raises(MissingTool, match="npm ci"):
        artefacts.uniswap.__wrapped__("v2-core", "UniswapV2Factory")


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256, 70_000])
def test_addresses_are_foretold_as_the_chain_computes_them(nonce):
    from eth_utils.address import to_checksum_address
    from web3.utils.address import get_create_address

    sender = anvil_account(0).address
    assert to_checksum_address(create_address(sender.lower(), nonce)) == get_create_address(sender, nonce)
