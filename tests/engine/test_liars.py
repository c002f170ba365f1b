"""One provider of three that lies when it matters most, and a bot that does not hide what it cannot do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.heads import Heads
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.drill.artefacts import ours
from chainwatch.drill.world import read
from chainwatch.engine import Engine
from chainwatch.types import LateBlock, NewBlock, Tier
from tests.engine.conftest import Proxies, Scene, Seen, eventually
from tests.proxy import Fault

pytestmark = pytest.mark.anvil

Three = tuple[Scene, Proxies]
Rewrite = Callable[[str, Any, Any], Any]

PAUSED = "0x5c975abb"
TRUE = f"0x{1:064x}"


def too_high_nonce(method: str, _params: Any, result: Any) -> Any:
    return hex(int(result, 16) + 9) if method == "eth_getTransactionCount" else result


def paused_already(method: str, params: Any, result: Any) -> Any:
    asked = params[0] if method == "eth_call" else None
    return TRUE if isinstance(asked, dict) and PAUSED in (asked.get("data"), asked.get("input")) else result


def hidden_logs(_method: str, _params: Any, result: Any) -> Any:
    """No logs, and a bloom that says so."""
    empty = {"logsBloom": "0x" + "0" * 512}
    if isinstance(result, list) and result and isinstance(result[0], dict) and "logs" in result[0]:
        return [receipt | {"logs": []} | empty for receipt in result]
    return result | empty if isinstance(result, dict) and "logsBloom" in result else result


async def first_has_it(scene: Scene, proxies: Proxies, happens: Awaitable[Any] | None = None) -> None:
    """Something happens, and a knows the block; b and c get it 0.3 s later."""
    for name in "bc":
        proxies[name].on(Fault.STALE_HEAD)
    task = asyncio.ensure_future(happens) if happens is not None else None
    await asyncio.sleep(0.05)
    await mine(scene.rpc)
    await asyncio.sleep(0.3)
    for name in "bc":
        proxies[name].heal()
    if task is not None:
        await task


async def mine(rpc: Rpc, blocks: int = 1) -> None:
    await rpc.call("anvil_mine", [hex(blocks)])


async def by_hand(scene: Scene) -> None:
    await scene.rpc.call("evm_setAutomine", [False])


async def red(scene: Scene, engine: Engine, why: str, timeout: float = 8.0) -> None:
    """Readiness turns red for this reason, while blocks come."""

    async def said() -> bool:
        await mine(scene.rpc)
        return any(reason.startswith(why) for reason in engine.status.not_ready())

    assert not engine.status.not_ready()
    await eventually(said, timeout)


async def attack_until_sent(scene: Scene, seen: Seen) -> None:
    """The attack is mined, the answer to it waits in the mempool."""
    await by_hand(scene)
    attack = asyncio.create_task(scene.actors.attack_atomic())
    await asyncio.sleep(0.1)
    await mine(scene.rpc)
    await attack
    await seen.until(lambda: any(decision.sent for _, decision in seen.decisions), 5)


# One provider lies


async def test_a_nonce_told_too_high_by_one_does_not_keep_the_pause_from_being_mined(three: Three) -> None:
    scene, proxies = three
    proxies["a"].on(Fault.REWRITE, rewrite=too_high_nonce)
    for name in "bc":
        proxies[name].on(Fault.LATENCY, seconds=0.03)
    async with scene.watched():
        await scene.every_second()
        await scene.actors.attack_atomic()
        await eventually(scene.paused, 6)
    assert proxies["a"].faulted[Fault.REWRITE]


@pytest.mark.parametrize("lie", [paused_already, hidden_logs])
async def test_the_first_to_have_the_block_cannot_deny_its_attack(three: Three, lie: Rewrite) -> None:
    scene, proxies = three
    async with scene.watched():
        await by_hand(scene)
        proxies["a"].on(Fault.REWRITE, rewrite=lie)
        await first_has_it(scene, proxies, scene.actors.attack_atomic())
        await scene.every_second()
        await eventually(scene.paused, 6)
        assert proxies["a"].faulted[Fault.REWRITE]


async def test_the_first_to_have_the_block_wakes_nobody_with_wrong_values(three: Three) -> None:
    scene, proxies = three
    market = ours("LendingMarket")
    debt = await read(scene.rpc, market, scene.world.unsafe_market, "totalDebt")
    collateral = await read(scene.rpc, market, scene.world.unsafe_market, "totalCollateral")
    told, lied = (collateral, collateral // 100) if collateral else (debt, debt * 100)

    def wrong(method: str, _params: Any, result: Any) -> Any:
        return result.replace(f"{told:064x}", f"{lied:064x}") if method == "eth_call" else result

    async with scene.watched() as (_, seen):
        await by_hand(scene)
        proxies["a"].on(Fault.REWRITE, rewrite=wrong)
        await first_has_it(scene, proxies)
        await scene.every_second()
        await asyncio.sleep(3.0)
        assert proxies["a"].faulted[Fault.REWRITE]
        woken = [a for a in seen.alerts if a.tier is not Tier.WATCH and a.kind != "provider_disagreement"]
        assert not woken
        assert not any(decision.sent for _, decision in seen.decisions)


async def test_a_forged_receipt_and_state_do_not_verify_an_action_that_is_not_in_force(three: Three) -> None:
    scene, proxies = three
    block: dict[str, Any] = await scene.rpc.call("eth_getBlockByNumber", ["latest", False])

    def forged(method: str, params: Any, result: Any) -> Any:
        if method == "eth_getTransactionReceipt" and result is None:
            of = {"transactionHash": params[0], "blockHash": block["hash"], "blockNumber": block["number"]}
            return of | {"status": "0x1"}
        return paused_already(method, params, result)

    for name in "bc":
        proxies[name].on(Fault.LATENCY, seconds=0.03)
    async with scene.watched() as (_, seen):
        await attack_until_sent(scene, seen)
        proxies["a"].on(Fault.REWRITE, rewrite=forged)
        await asyncio.sleep(2.0)
        assert proxies["a"].faulted[Fault.REWRITE]
        assert not seen.results
        await scene.every_second()
        await seen.until(lambda: bool(seen.results), 6)
        assert seen.results[0].verified
        assert await scene.paused()


async def test_a_nonce_told_too_high_by_one_does_not_end_the_following_of_an_action(three: Three) -> None:
    scene, proxies = three
    for name in "bc":
        proxies[name].on(Fault.LATENCY, seconds=0.05)
    async with scene.watched() as (_, seen):
        await attack_until_sent(scene, seen)
        proxies["a"].on(Fault.REWRITE, rewrite=too_high_nonce)

        async def asked() -> bool:  # before it is replaced with higher fees
            return bool(proxies["a"].faulted[Fault.REWRITE])

        await eventually(asked, 5)
        await asyncio.sleep(0.5)
        assert not seen.results
        await scene.every_second()
        await seen.until(lambda: bool(seen.results), 6)
        assert seen.results[0].verified
        assert await scene.paused()


def test_heads_made_up_by_the_hundreds_do_not_switch_off_confirmation() -> None:
    providers = tuple(ProviderConfig(name=name, http=f"http://{name}") for name in "abc")
    pool = Pool(ChainConfig(id=1, providers=providers))
    heads = Heads(pool, 1.0)
    a, b, c = pool.providers

    def says(number: int, branch: str) -> WireHeader:
        named = {"number": hex(number), "hash": f"0x{branch}{number}", "parentHash": f"0x{branch}{number - 1}"}
        return msgspec.convert(named | {"timestamp": "0x1"}, WireHeader)

    for number in (100, 101):
        for honest in (a, b):
            heads.heard(honest, says(number, "a"))
    for height in (10**9, 200, 105):
        for number in range(height, height + 3 * 600, 3):
            heads.heard(c, says(number, "f"))
    for number in (102, 103):
        for honest in (a, b):
            heads.heard(honest, says(number, "a"))
        assert heads.confirmed(number) == f"0xa{number}"
    best = heads.best()
    assert best is not None
    assert best.header.hash == "0xa103"


@pytest.mark.parametrize("told", ["pushed", "polled"])
async def test_one_that_runs_ahead_on_a_fork_of_its_own_is_not_followed_there(three: Three, told: str) -> None:
    scene, proxies = three
    async with Anvil("--fork-url", scene.anvil.http, "--chain-id", "31337") as alone, Rpc(alone.http) as fork:
        text = scene.path.read_text().replace(proxies["c"].http, alone.http)
        ws = f'ws = "{proxies["c"].ws}"\n'
        scene.path.write_text(text.replace(ws, f'ws = "{alone.ws}"\n' if told == "pushed" else ""))
        await fork.call("anvil_setCoinbase", [scene.world.roles.attacker])  # or its blocks might be the same
        parting = await scene.head()
        async with scene.watched() as (engine, seen):
            await mine(fork, 12)
            await fork.call("evm_setAutomine", [False])
            await fork.call("evm_setIntervalMining", [1])
            await scene.every_second()

            async def lied_to() -> bool:
                return any(a.kind == "provider_disagreement" for a in seen.live())

            await asyncio.sleep(1.0)
            attack = asyncio.create_task(scene.actors.attack_atomic())
            await eventually(scene.paused, 8)
            await attack
            candidates = [(c.number, c.header.hash) for c in engine.source.heads.candidates()]
            followed = []
            for item in seen.items:
                if isinstance(item, NewBlock) and (item.block.ref.number or 0) > parting:
                    own = await fork.call("eth_getBlockByNumber", [hex(item.block.ref.number or 0), False])
                    followed += [item.block.ref.number] if own and own["hash"] == item.block.ref.hash else []
            assert len(followed) <= 3, (followed, candidates)
            await eventually(lied_to, 6)
            for _ in range(10):
                await asyncio.sleep(0.1)
                assert await lied_to() or engine.status.not_ready()
            assert not seen.gaps()


# Readiness says what is wrong


async def test_readiness_is_red_when_no_provider_answers_for_the_probes(three: Three) -> None:
    scene, proxies = three
    async with scene.watched() as (engine, _):
        for proxy in proxies.values():
            proxy.on(Fault.ERROR_IN_200, methods=["eth_call"], code=-32000, message="no")
        await red(scene, engine, "failing: probes")


async def test_readiness_is_red_when_the_quorum_is_lost(three: Three) -> None:
    scene, proxies = three
    async with scene.watched() as (engine, _):
        for name in "ab":
            proxies[name].on(Fault.DEAD)
        await red(scene, engine, "quorum lost: 1 providers can be heard, 2 have to agree")


async def test_readiness_is_red_when_no_provider_gives_call_trees(three: Three) -> None:
    scene, proxies = three
    async with scene.watched() as (engine, seen):
        for proxy in proxies.values():
            proxy.on(Fault.NO_TRACES)
        await scene.actors.attack_atomic()
        attacked = await scene.head()
        await seen.until(lambda: attacked in seen.numbers())
        assert any(reason.startswith("failing: call trees") for reason in engine.status.not_ready())


async def test_readiness_is_red_while_a_block_takes_too_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene.watched() as (engine, _):
        real, go_on = engine._readings, asyncio.Event()

        async def slow(ref: Any) -> Any:
            await go_on.wait()
            return await real(ref)

        monkeypatch.setattr(engine, "_readings", slow)
        await red(scene, engine, "lagging: ")
        go_on.set()

        async def caught_up() -> bool:
            return not engine.status.not_ready()

        await eventually(caught_up, 5)


async def test_a_block_whose_handling_failed_once_is_handled_late_and_leaves_no_gap(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.watched() as (engine, seen):
        real = engine.pipeline.steps
        failed: list[int | None] = []

        def steps(block: Any, *rest: Any, **named: Any) -> Any:
            if not failed:
                failed.append(block.ref.number)
                raise RuntimeError("once")
            return real(block, *rest, **named)

        monkeypatch.setattr(engine.pipeline, "steps", steps)
        await mine(scene.rpc)
        await seen.until(lambda: bool(seen.gaps()), 5)
        assert [(gap.first, gap.last) for gap in seen.gaps()] == [(failed[0], failed[0])]
        assert engine.status.not_ready()
        await mine(scene.rpc)

        def late() -> list[int | None]:
            return [item.block.ref.number for item in seen.items if isinstance(item, LateBlock)]

        await seen.until(lambda: bool(late()), 6)
        assert late() == failed

        async def whole() -> bool:
            kept = await engine.store.gaps(31_337)
            return not kept and not engine.status.missing.count and not engine.status.blocks.parked

        await eventually(whole, 3)
