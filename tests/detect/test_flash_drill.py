"""The flash-loan family on a real chain: the drill's attacker is named, its honest look-alikes are not."""

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import USD, World, deploy_world
from chainwatch.sources.fetch import Fetcher
from chainwatch.types import Execution, Finding
from tests.builders import pool_over

pytestmark = pytest.mark.anvil

MODES = ["full", "trees only", "logs only"]
HONEST = ["arbitrage", "liquidate", "leverage_loop", "swap", "deposit", "borrow", "repay"]


@pytest.fixture
async def world(rpc: Rpc) -> World:
    return await deploy_world(rpc.url)


async def executed(rpc: Rpc, world: World, transaction_hash: str) -> Execution:
    receipt = await rpc.call("eth_getTransactionReceipt", [transaction_hash])
    fetched = await Fetcher(pool_over(rpc), 31337, "parity").fetch(
        receipt["blockHash"], quantity(receipt["blockNumber"])
    )
    (found,) = [e for e in fetched.block.executions if e.transaction.hash == transaction_hash]
    assert found.logs is not None
    assert found.trace is not None
    return found


def findings(execution: Execution, mode: str, protected: frozenset[str] = frozenset()) -> list[Finding]:
    if mode == "trees only":
        execution = msgspec.structs.replace(execution, logs=None)
    elif mode == "logs only":
        execution = msgspec.structs.replace(execution, trace=None)
    facts = Decoder(load_registry()).facts(execution)
    return list(FlashPriceManipulation().inspect(execution, View(facts=(facts,), protected=protected)))


async def test_the_attack_is_named_in_every_mode_with_its_victim_and_loss(anvil: Anvil, rpc: Rpc, world: World):
    execution = await executed(rpc, world, await Actors(rpc, world).attack_atomic())
    for mode in MODES:
        for protected in (frozenset(), frozenset((world.unsafe_market,))):
            (found,) = findings(execution, mode, protected)
            assert found.victims == (world.unsafe_market,), mode
            assert found.loss == {world.asset: 700_000 * USD}
            assert found.suspects[:2] == (world.roles.attacker, world.flash_attacker)


async def test_an_attack_that_takes_nothing_is_no_finding(anvil: Anvil, rpc: Rpc, world: World):
    actors = Actors(rpc, world)
    await actors.pause()
    execution = await executed(rpc, world, await actors.attack_swallowing())
    assert execution.succeeded
    for mode in MODES:
        assert findings(execution, mode) == []


async def test_honest_users_are_not_named_in_any_mode(anvil: Anvil, rpc: Rpc, world: World):
    actors = Actors(rpc, world)
    for name in HONEST:
        execution = await executed(rpc, world, await getattr(actors, name)())
        assert execution.succeeded, name
        for mode in MODES:
            for protected in (frozenset(), frozenset((world.unsafe_market,))):
                assert findings(execution, mode, protected) == [], (name, mode)
