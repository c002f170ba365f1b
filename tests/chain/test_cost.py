"""The estimate of calls, by hand and against what a real bot asks a real node."""

import asyncio
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.cost import PENDING_A_SECOND, Pace, estimated_calls
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.load import Loaded, load
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import deploy_world
from chainwatch.engine import Engine
from chainwatch.respond.responder import Responder
from chainwatch.store import Store
from tests.chain.nodes import until

DAY = 86_400
IDLE = Pace(block_seconds=2.0, transactions=0)
CONTRACT = "0x" + "ab" * 20


def configured(root: Path, *names: str, more: str = "", ws: bool = False, profile: str | None = None) -> Loaded:
    text = f"[[chains]]\nid = 31337\n{more}\n"
    for n, name in enumerate(names):
        text += f'[[chains.providers]]\nname = "{name}"\nhttp = "http://127.0.0.1:{n + 1}"\n'
        text += f'ws = "ws://127.0.0.1:{n + 1}"\n' if ws else ""
    if profile is not None:
        (root / "profiles").mkdir(exist_ok=True)
        (root / "profiles" / "p.toml").write_text(
            f'name = "p"\nchain_id = 31337\n[[contracts]]\nname = "m"\naddress = "{CONTRACT}"\n{profile}'
        )
    path = root / "chainwatch.toml"
    path.write_text(text)
    return load(path)


PROBE = f'[[probes]]\nname = "a"\ncontract = "{CONTRACT}"\ncall = "totalDebt()(uint256)"\n'
ALWAYS = 2 / 60 + 2 / 6


def test_one_provider_by_polling(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "a", profile="")
    assert estimated_calls(loaded, IDLE) == {"a": round((ALWAYS + 1 + 2 / 2) * DAY)}
    # Between two polls there are headers to ask for; without finality there is less.
    fast = Pace(block_seconds=0.25, transactions=0)
    assert estimated_calls(loaded, fast) == {"a": round((ALWAYS + 1 + 3 + 2 * 4) * DAY)}
    (tmp_path / "deep").mkdir()
    deep = configured(tmp_path / "deep", "a", more="finality_depth = 5")
    assert estimated_calls(deep, IDLE) == {"a": round((2 / 60 + 1 + 2 / 2 + 1 / 2) * DAY)}  # trees: nothing is cleared


def test_pushes_save_polls_and_probes_and_trees_cost(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "a", ws=True, profile=PROBE)
    assert estimated_calls(loaded, IDLE) == {"a": round((ALWAYS + 0.75 + (2 + 1) / 2) * DAY)}
    busy = Pace(block_seconds=0.5, transactions=100)
    assert estimated_calls(loaded, busy) == {"a": round((ALWAYS + (2 + 1 + 1) * 2) * DAY)}


def test_several_providers_vote_and_are_all_asked_for_probes(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "a", "b", "c", profile=PROBE)
    block = 2 / 3 + 1 + 2 * 0.5 + 1 / 3
    calls = estimated_calls(loaded, Pace(block_seconds=2.0, transactions=100))
    assert calls == dict.fromkeys("abc", round((ALWAYS + 1 + block / 2) * DAY))


def test_a_mempool_is_dear(tmp_path: Path) -> None:
    without = estimated_calls(configured(tmp_path, "a", ws=True, profile=PROBE), IDLE)["a"]
    watched = estimated_calls(configured(tmp_path, "a", ws=True, profile=PROBE, more="mempool = true"), IDLE)["a"]
    assert watched - without == pytest.approx((3 * PENDING_A_SECOND + 2 * PENDING_A_SECOND / 3) * DAY, abs=2)


@pytest.mark.anvil
@pytest.mark.parametrize("ws", [False, True])
async def test_a_real_bot_asks_about_as_much_as_was_estimated(anvil: Anvil, rpc: Rpc, tmp_path: Path, ws: bool) -> None:
    world = await deploy_world(anvil.http)
    path = write_configuration(world, tmp_path, http=anvil.http, ws=anvil.ws, mempool=False)
    if not ws:
        path.write_text(path.read_text().replace(f'ws = "{anvil.ws}"\n', ""))
    loaded = load(path)
    await rpc.call("evm_setAutomine", [False])
    await rpc.call("evm_setIntervalMining", [1])

    async def responder(store: Store, pool: Pool) -> Responder:
        return await Responder.create(loaded, store, pool, armed=False)

    async with Engine(loaded, responder_factory=responder) as engine:
        running = asyncio.create_task(engine.run())
        await until(lambda: engine.status.started)
        before = engine.pool.providers[0].calls.total()
        await asyncio.sleep(12)
        asked = engine.pool.providers[0].calls.total() - before
        engine.stop()
        await asyncio.wait_for(running, 30)
    [estimate] = estimated_calls(loaded, Pace(block_seconds=1.0, transactions=0)).values()
    assert 1 / 1.5 < (asked / 12) / (estimate / DAY) < 1.5, engine.pool.providers[0].calls
