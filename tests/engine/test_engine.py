"""The whole bot on a real chain: it contains attacks, leaves honest users alone, and follows the chain."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from chainwatch.detect.base import View
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import ETH, USD, victim_cash
from chainwatch.errors import StoreError, StoreRefused, WrongChain
from chainwatch.store import OutboxState, Store
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import AlertEvent, Block, Execution, Finding, Stage, Tier
from tests.conftest import ROOT
from tests.engine.conftest import Scene
from tests.proxy import Fault, FaultProxy

pytestmark = pytest.mark.anvil


async def test_an_attack_is_contained_in_the_next_block_and_its_repetition_fails(scene: Scene) -> None:
    async with scene.watched() as (_, seen):
        await scene.every_second()
        attack = await scene.actors.attack_atomic(700_000 * USD)
        await seen.until(lambda: bool(seen.results))
        (result,) = seen.results
        (alert,) = seen.live()
        assert (alert.tier, alert.tx_hashes) == (Tier.ACT, (attack,))
        assert alert.loss_estimate["usd"] == pytest.approx(700_000 - 40 * 2_000)  # less the collateral left behind
        assert set(alert.detectors) == {"flash_price_manipulation", "oracle", "invariants"}
        assert result.verified and result.block_number == (alert.block_number or 0) + 1
        assert await scene.paused()
        second = await scene.actors.attack_atomic(600_000 * USD)
        assert not await scene.actors.succeeded(second)
    sent = [d for _, d in seen.decisions if d.sent]
    assert len(sent) == 1
    assert sent[0].proof is not None and sent[0].proof.verdict == "prevents"
    assert await scene.guardian_nonce() == 1


async def test_a_dry_run_sends_nothing_and_says_what_it_would_do(scene: Scene) -> None:
    async with scene.watched(armed=False) as (_, seen):
        await scene.actors.attack_atomic()
        await seen.until(lambda: any(a.tier is Tier.ACT for a in seen.alerts))
    (decision,) = [d for a, d in seen.decisions if a.tier is Tier.ACT]
    assert not decision.sent
    assert decision.outcome == "Dry run: pause-market would be sent now."
    assert [c.name for c in decision.conditions if not c.holds] == ["armed"]
    assert not await scene.paused()
    assert await scene.guardian_nonce() == 0


async def test_honest_users_raise_nothing(scene: Scene) -> None:
    async with scene.watched() as (engine, seen):
        actors = scene.actors
        for act in (actors.deposit, actors.swap, actors.arbitrage, actors.borrow, actors.leverage_loop):
            assert await actors.succeeded(await act())
        assert await actors.succeeded(await actors.liquidate())
        assert await actors.succeeded(await actors.swap(2 * ETH, sell=True))
        await scene.caught_up(seen)
        assert engine.status.executions >= 7
    assert seen.alerts == []
    assert not await scene.paused()


async def test_the_staged_attack_is_recognised_by_the_state_it_leaves(scene: Scene) -> None:
    before = await victim_cash(scene.rpc, scene.world)
    async with scene.watched() as (_, seen):
        await scene.every_second()
        assert await scene.actors.succeeded(await scene.actors.staged_pump())
        for _ in range(5):
            await scene.actors.staged_borrow_chunk(140_000 * USD)
        await seen.until(lambda: bool(seen.results))
        assert seen.results[0].verified
    lost = before - await victim_cash(scene.rpc, scene.world)
    assert lost <= 2 * 140_000 * USD, "more than two of five chunks were taken"
    acted = next(a for a, d in seen.decisions if d.sent)
    assert "invariants" in acted.detectors and "flash_price_manipulation" not in acted.detectors


async def test_a_pending_attack_is_told_and_not_acted_on(pending_scene: Scene) -> None:
    scene = pending_scene
    async with scene.watched() as (_, seen):
        silent = Actors(scene.rpc, scene.world, wait=False)
        attack = await silent.attack_atomic()
        await seen.until(lambda: bool(seen.alerts))
        assert (seen.alerts[0].stage, seen.alerts[0].tx_hashes) == (Stage.PENDING, (attack,))
        _, decision = seen.decisions[0]
        assert not decision.sent
        assert "stage" in [c.name for c in decision.conditions if not c.holds]
        await scene.rpc.call("evm_mine", [])
        await seen.until(lambda: any(d.sent for _, d in seen.decisions))
        await scene.rpc.call("evm_mine", [])
        await seen.until(lambda: bool(seen.results))
    assert [a.event for a in seen.alerts[:2]] == [AlertEvent.OPENED, AlertEvent.UPDATED]
    assert seen.alerts[1].stage is Stage.INCLUDED
    assert len(seen.live()) == 1
    assert await scene.paused()


async def test_a_pending_attack_may_not_trigger_an_action_that_does_not_expire(pending_scene: Scene) -> None:
    scene = pending_scene
    playbook = scene.path.parent / "playbooks" / "pause-market.toml"
    playbook.write_text(playbook.read_text().replace('["included"]', '["pending", "included"]'))
    async with scene.watched() as (_, seen):
        await Actors(scene.rpc, scene.world, wait=False).attack_atomic()
        await seen.until(lambda: bool(seen.decisions))
    (stage,) = [c for c in seen.decisions[0][1].conditions if c.name == "stage"]
    assert not stage.holds
    assert "does not expire by itself" in stage.detail
    assert await scene.guardian_nonce() == 0


async def test_a_reorganisation_retracts_and_the_attack_mined_again_is_raised_again(scene: Scene) -> None:
    async with scene.watched(armed=False) as (_, seen):
        attack = await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.live(Tier.ACT)))
        (opened,) = seen.live(Tier.ACT)
        raw = await scene.rpc.call("eth_getRawTransactionByHash", [attack])
        await scene.rpc.call("anvil_reorg", [1, []])
        await scene.rpc.call("evm_mine", [])
        await seen.until(lambda: bool(seen.reorgs()) and not seen.live())
        assert seen.alerts[-1].event is AlertEvent.RETRACTED
        assert seen.alerts[-1].alert_id == opened.alert_id
        await scene.rpc.call("eth_sendRawTransaction", [raw])
        await seen.until(lambda: bool(seen.live(Tier.ACT)))
    (again,) = seen.live(Tier.ACT)
    assert again.tx_hashes == (attack,)
    assert again.fingerprint == opened.fingerprint
    assert again.alert_id != opened.alert_id


async def test_a_pause_that_a_reorganisation_takes_away_is_sent_again(scene: Scene) -> None:
    async with scene.watched() as (_, seen):
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.results))
        await scene.rpc.call("anvil_reorg", [1, []])
        assert not await scene.paused()
        await scene.rpc.call("evm_mine", [])
        await seen.until(lambda: len(seen.results) == 2)
        assert seen.results[1].verified
        assert seen.results[0].tx_hash == seen.results[1].tx_hash
    assert await scene.paused()


async def test_a_store_that_fails_stops_neither_detection_nor_the_pause(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True

    def failing(method: Any) -> Any:
        async def write(*arguments: Any, **named: Any) -> None:
            if full:
                raise StoreError("The store failed: database or disk is full.", "Free space on its disk.")
            await method(*arguments, **named)

        return write

    async with scene.watched() as (engine, seen):
        for name in ("record_block", "record_findings", "append_alert"):
            monkeypatch.setattr(Store, name, failing(getattr(Store, name)))
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.results))
        assert seen.results[0].verified
        assert engine.status.store_failing is not None
        full = False
        async with asyncio.timeout(10):
            while engine.status.store_failing is not None:  # noqa: ASYNC110 - a status has no event
                await asyncio.sleep(0.1)
        head = await scene.head()
        assert [ref.number for ref in await engine.store.recent_blocks(31337, 2)] == [head - 1, head]
        assert [a.event for a in await engine.store.alerts(31337)] == [a.event for a in seen.alerts]
        assert engine.status.writes_lost == 0


async def test_a_write_that_the_store_refuses_is_seen_and_not_ready(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise StoreRefused("The store refuses it.", "Look at it.")

    async with scene.watched() as (engine, _):
        monkeypatch.setattr(Store, "record_block", refuse)
        await scene.rpc.call("evm_mine")
        async with asyncio.timeout(10):
            while not any("writes to the store" in reason for reason in engine.status.not_ready()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert engine.status.writes_refused > 0


class _Broken:
    name = family = "broken"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        raise ZeroDivisionError


async def test_a_detector_that_raises_is_counted_and_the_others_still_contain(scene: Scene) -> None:
    async with scene.watched() as (engine, seen):
        engine.pipeline._detectors = (_Broken(), *engine.pipeline._detectors)
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.results))
        assert seen.results[0].verified
        assert engine.status.detector_failures["broken"] > 0


async def test_a_block_that_cannot_be_handled_is_a_gap_and_the_next_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Pipeline.steps

    async with scene.watched() as (engine, seen):
        poison = await scene.head() + 1

        def choke(self: Pipeline, block: Block, readings: Any, **late: Any) -> Any:
            if block.ref.number == poison:
                raise MemoryError("too much")
            return handle(self, block, readings, **late)

        monkeypatch.setattr(Pipeline, "steps", choke)
        await scene.rpc.call("anvil_mine", ["0x3"])
        await scene.caught_up(seen)
        assert [(g.first, g.last) for g in seen.gaps()] == [(poison, poison)]
        assert seen.numbers()[-2:] == [poison + 1, poison + 2]
        assert [(g.first, g.last) for g in await engine.store.gaps(31337)] == [(poison, poison)]


async def test_a_restart_resumes_at_the_block_after_the_last_one_seen(scene: Scene) -> None:
    async with scene.watched() as (_, first):
        await scene.rpc.call("anvil_mine", ["0x2"])
        await scene.caught_up(first)
    await scene.rpc.call("anvil_mine", ["0x5"])
    async with scene.watched() as (_, second):
        pass
    last = first.numbers()[-1] or 0
    assert second.numbers() == list(range(last + 1, last + 6))
    assert second.gaps() == []


async def test_a_node_on_another_chain_is_refused_at_start(scene: Scene) -> None:
    for file in (scene.path, scene.path.parent / "profiles" / "drill.toml"):
        file.write_text(file.read_text().replace("id = 31337", "id = 1"))
    with pytest.raises(WrongChain, match=r"is on chain 31337, not 1"):
        async with scene.watched(armed=False):
            pass


async def test_the_outbox_and_the_audit_log_tell_the_story_afterwards(scene: Scene) -> None:
    async with scene.watched() as (engine, seen):
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.results))
        action = await engine.store.outbox.get(1)
        assert action.state is OutboxState.VERIFIED
        assert len(action.attempts) == 1
        kinds = [entry.kind for entry in await engine.store.audit_log()]
        assert "watch_started" in kinds and "decision" in kinds
        (stored,) = await engine.store.live_alerts(31337)
        assert msgspec.json.encode(stored.tx_hashes) == msgspec.json.encode(seen.live()[0].tx_hashes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_signal_finishes_the_block_in_hand_and_exits_0(scene: Scene, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chainwatch", "--config", str(scene.path),
        "watch", "--arm", "--unproven", "a test", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"watching" not in await process.stderr.readline():
            pass
        process.send_signal(number)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out == b""
    assert b"watch stopped" in err and b"Traceback" not in err


async def test_blindness_is_said_and_so_is_sight_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    async with FaultProxy(scene.anvil.http, scene.anvil.ws) as proxy:
        text = scene.path.read_text().replace("mempool", "blind_after_seconds = 2.5\nmempool")
        scene.path.write_text(text.replace(scene.anvil.http, proxy.http).replace(scene.anvil.ws, proxy.ws))
        async with scene.watched(armed=False) as (engine, seen):
            monkeypatch.setattr(engine.notifier, "message", lambda title, *_: told.append(title))
            await scene.rpc.call("evm_mine")
            proxy.on(Fault.DEAD)
            async with asyncio.timeout(15):
                while engine.status.blind_since is None:  # noqa: ASYNC110 - a status has no event
                    await asyncio.sleep(0.1)
            assert any("blind" in reason for reason in engine.status.not_ready())
            proxy.heal()
            await scene.every_second()
            async with asyncio.timeout(15):
                while engine.status.blind_since is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await scene.caught_up(seen)
            periods = await engine.store.blind_periods(31337)
            assert periods
            assert periods[0].until is not None
            assert engine.status.seconds_blind > 0.5
    assert "is blind on chain 31337" in told[0]
    assert any("again after" in title for title in told)
    assert seen.gaps() == []


async def test_an_attack_in_the_first_block_after_a_start_is_judged_by_the_state_before_it(scene: Scene) -> None:
    async with scene.watched() as (_, seen):
        await scene.actors.swap()
        await scene.caught_up(seen)
    await scene.actors.attack_atomic(450_000 * USD, collateral_amount=22 * ETH)
    async with scene.watched() as (_, seen):
        await seen.until(lambda: bool(seen.results))
        assert await scene.paused()
    [alert] = [a for a in seen.alerts if a.event is AlertEvent.OPENED]
    assert set(alert.detectors) == {"flash_price_manipulation", "oracle", "invariants"}


async def test_a_condition_that_joined_an_alert_has_none_of_its_own_after_a_restart(scene: Scene) -> None:
    async with scene.watched(armed=False) as (_, seen):
        await scene.actors.attack_atomic()
        await seen.until(lambda: bool(seen.alerts))
    await scene.rpc.call("anvil_mine", ["0x3"])
    async with scene.watched(armed=False) as (_, seen):
        await scene.caught_up(seen)
    assert [a.kind for a in seen.alerts if a.event is AlertEvent.OPENED] == []


async def test_a_node_that_comes_back_as_another_chain_is_not_believed(scene: Scene) -> None:
    async with FaultProxy(scene.anvil.http, scene.anvil.ws) as proxy:
        text = scene.path.read_text().replace("mempool", "blind_after_seconds = 1.0\nmempool")
        scene.path.write_text(text.replace(scene.anvil.http, proxy.http).replace(scene.anvil.ws, proxy.ws))
        async with scene.watched(armed=False) as (engine, seen):
            proxy.on(Fault.DEAD)
            await asyncio.sleep(1.0)
            proxy.off(Fault.DEAD)
            proxy.on(Fault.OTHER_CHAIN, chain_id=1)
            await scene.rpc.call("anvil_mine", ["0x5"])
            async with asyncio.timeout(15):
                while "on chain 1" not in (engine.status.providers[0].reason or ""):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert seen.reorgs() == []
            assert engine.status.not_ready()
            proxy.heal()
            await scene.rpc.call("evm_mine")
            await scene.caught_up(seen)
            assert seen.reorgs() == []
