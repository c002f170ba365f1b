"""A responder killed with SIGKILL at any point: after the restart there is exactly one pause on chain."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from chainwatch.drill.artefacts import ours
from chainwatch.respond.arming import Arming
from chainwatch.store import OutboxState
from tests.respond.chain.conftest import Scene

pytestmark = pytest.mark.anvil

RUNNER = Path(__file__).with_name("crash_runner.py")
POINTS = ["planned", "before_broadcast", "after_broadcast", "broadcast", "included"]


async def killed_at(scene: Scene, point: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RUNNER), str(scene.loaded.path), point,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(RUNNER.parents[3])},
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == -signal.SIGKILL, (out, err)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_any_point_there_is_one_pause_after_the_restart(scene, point: str):
    await killed_at(scene, point)
    (left,) = await scene.store.outbox.unfinished(scene.world.chain_id)
    responder = await scene.responder()  # the dead one's lease is taken over at once
    await responder.resume()
    result = await scene.result()
    assert result.verified
    assert len(await scene.pauses()) == 1
    assert await scene.sent() == 1
    action = await scene.only_action()
    assert action.state is OutboxState.VERIFIED
    assert bool(left.attempts) is (point != "planned")
    if left.attempts:  # what was signed before is what is on chain
        assert await scene.pauses() == [left.attempts[-1].tx_hash]


async def test_killed_while_it_waits_to_be_mined_the_restart_follows_the_same_transaction(still):
    await killed_at(still, "broadcast")
    (waiting,) = await still.pool()
    responder = await still.responder()
    await responder.resume()
    await asyncio.sleep(0.3)
    assert [tx["hash"] for tx in await still.pool()] == [waiting["hash"]]
    await still.mine()
    assert (await still.result()).tx_hash == waiting["hash"]
    assert len(await still.pauses()) == 1


async def test_a_market_paused_by_somebody_else_meanwhile_is_not_paused_again(scene):
    await killed_at(scene, "before_broadcast")
    await scene.rpc.call("anvil_impersonateAccount", [scene.world.roles.guardian])
    request = {
        "from": scene.world.roles.guardian,
        "to": scene.world.unsafe_market,
        "data": ours("LendingMarket").call("pause"),
        "nonce": "0x0",
    }
    await scene.rpc.call("eth_sendTransaction", [request])
    await scene.until(scene.paused)
    responder = await scene.responder()
    await responder.resume()
    result = await scene.result()
    assert result.verified and "somebody else was first" in result.detail
    assert await scene.sent() == 1


async def test_a_restart_as_a_dry_run_sends_nothing(scene):
    await killed_at(scene, "before_broadcast")
    responder = await scene.responder(armed=False)
    await responder.resume()
    await asyncio.sleep(0.5)
    assert await scene.sent() == 0
    assert len(await scene.store.outbox.unfinished(scene.world.chain_id)) == 1


async def test_disarmed_after_the_crash_the_restart_sends_nothing(scene):
    scene.sending(give_up_seconds=1.0)
    await killed_at(scene, "before_broadcast")
    responder = await scene.responder()
    Arming(scene.loaded.root, armed=True).disarm()
    await responder.resume()
    assert (await scene.result()).state is OutboxState.ABANDONED
    assert await scene.sent() == 0


async def test_an_action_decided_long_ago_and_never_signed_is_not_sent(scene):
    scene.sending(give_up_seconds=0.5)
    await killed_at(scene, "planned")
    await asyncio.sleep(0.6)
    responder = await scene.responder()
    await responder.resume()
    assert (await scene.only_action()).state is OutboxState.ABANDONED
    assert await scene.sent() == 0


async def test_an_action_signed_long_ago_and_never_included_is_not_sent_again(scene):
    scene.sending(give_up_seconds=0.5)
    await killed_at(scene, "before_broadcast")
    await asyncio.sleep(0.6)
    responder = await scene.responder()
    await responder.resume()
    action = await scene.only_action()
    assert action.state is OutboxState.ABANDONED
    assert "never included" in action.detail
    assert await scene.sent() == 0
