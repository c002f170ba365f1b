"""Three providers of one chain, one of which lies: it can neither invent an attack nor deny one."""

import asyncio
from typing import Any

import pytest

from chainwatch.types import Tier
from tests.engine.conftest import Proxies, Scene, eventually
from tests.proxy import Fault

pytestmark = pytest.mark.anvil


async def test_an_attack_is_paused_and_all_three_confirm(three: tuple[Scene, Proxies]) -> None:
    scene, _ = three
    async with scene.watched() as (engine, seen):
        await scene.every_second()
        await scene.actors.attack_atomic()
        await eventually(scene.paused)
        await seen.until(lambda: bool(seen.results))
        [quorum] = [c for c in seen.decisions[0][1].conditions if c.name == "quorum"]
        assert quorum.holds
        assert "of 3 confirm" in quorum.detail
        assert not engine.status.disagreements


def wrong_values(method: str, _params: Any, result: Any) -> Any:
    """A provider that tells other numbers: every word of an eth_call is one bit off, also of many calls in one."""
    if method != "eth_call" or not isinstance(result, str) or len(result) < 66:
        return result
    words = [result[i : i + 64] for i in range(2, len(result), 64)]
    return "0x" + "".join(f"{int(w, 16) ^ 2**40:064x}" if len(w) == 64 and int(w, 16) > 2**41 else w for w in words)


@pytest.mark.parametrize("liar", ["a", "b", "c"])
async def test_one_that_tells_wrong_values_neither_raises_an_alert_nor_stays_unnoticed(
    three: tuple[Scene, Proxies], liar: str
) -> None:
    scene, proxies = three
    async with scene.watched() as (engine, seen):
        await scene.every_second()
        proxies[liar].on(Fault.REWRITE, rewrite=wrong_values)

        async def told() -> bool:
            return any(a.kind == "provider_disagreement" for a in seen.alerts)

        await eventually(told)
        alert = next(a for a in seen.alerts if a.kind == "provider_disagreement")
        assert f"{liar} says" in alert.explanation
        assert any("disagreement" in reason for reason in engine.status.not_ready())
        assert not [a for a in seen.live(Tier.ALERT) if a.kind != "provider_disagreement"]
        assert not await scene.paused()
        proxies[liar].heal()

        async def agreed() -> bool:
            return not engine.status.disagreements

        await eventually(agreed, 30)
        assert not seen.live(Tier.ALERT)


def without_logs(_method: str, _params: Any, result: Any) -> Any:
    """A provider that hides all logs."""
    if isinstance(result, list) and result and isinstance(result[0], dict) and "logs" in result[0]:
        return [r | {"logs": []} for r in result]
    return result


@pytest.mark.parametrize("liar", ["a", "b", "c"])
@pytest.mark.parametrize("how", ["hides logs", "wrong values", "another block", "stale head", "dead", "stalls"])
async def test_one_of_three_that_denies_a_real_attack_does_not_save_it(
    three: tuple[Scene, Proxies], liar: str, how: str
) -> None:
    scene, proxies = three
    async with scene.watched() as (_, seen):
        await scene.every_second()
        match how:
            case "hides logs":
                proxies[liar].on(Fault.REWRITE, rewrite=without_logs)
            case "wrong values":
                proxies[liar].on(Fault.WRONG_BALANCE)
                proxies[liar].on(Fault.REWRITE, rewrite=wrong_values)
            case "another block":
                proxies[liar].on(Fault.OTHER_BLOCK)
            case "stale head":
                proxies[liar].on(Fault.STALE_HEAD)
            case "dead":
                proxies[liar].on(Fault.DEAD)
            case "stalls":
                proxies[liar].on(Fault.STALL)
        await scene.actors.attack_atomic()
        await eventually(scene.paused)
        assert not seen.gaps()


async def test_without_a_quorum_it_holds_back_and_acts_once_there_is_one(three: tuple[Scene, Proxies]) -> None:
    scene, proxies = three
    async with scene.watched() as (_, seen):
        await scene.every_second()
        proxies["a"].on(Fault.DEAD)
        proxies["b"].on(Fault.DEAD)
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.decisions), 30)
        assert not seen.decisions[0][1].sent
        assert [c.name for c in seen.decisions[0][1].conditions if not c.holds] == ["quorum"]
        assert not await scene.paused()
        proxies["a"].heal()
        await eventually(scene.paused, 30)


async def test_a_playbook_may_act_without_a_quorum(three: tuple[Scene, Proxies]) -> None:
    scene, proxies = three
    playbook = scene.path.parent / "playbooks" / "pause-market.toml"
    playbook.write_text(playbook.read_text().replace("[guards]", '[guards]\nwithout_quorum = "act"'))
    async with scene.watched():
        await scene.every_second()
        proxies["a"].on(Fault.DEAD)
        proxies["b"].on(Fault.DEAD)
        await scene.actors.attack_atomic()
        await eventually(scene.paused, 30)


async def test_one_that_changes_its_chain_while_the_others_lag_takes_no_block_away(
    three: tuple[Scene, Proxies],
) -> None:
    scene, proxies = three
    async with scene.watched(armed=False) as (_, seen):
        await scene.every_second()
        await seen.until(lambda: len(seen.numbers()) > 3)
        proxies["a"].on(Fault.STALE_HEAD)
        proxies["b"].on(Fault.STALE_HEAD)
        proxies["c"].on(Fault.OTHER_CHAIN, chain_id=1)

        await asyncio.sleep(4.0)
        assert not seen.reorgs()
        for proxy in proxies.values():
            proxy.heal()
        await scene.caught_up(seen)
        assert not seen.reorgs()
        assert not seen.gaps()
