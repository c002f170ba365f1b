"""The Proof on real attacks: judged by what the protected lose, not by what a transaction says of itself."""

import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.drill.world import USD, anvil_account, victim_cash
from chainwatch.errors import NodeRejected
from chainwatch.respond.adapters import OZ_PAUSABLE
from chainwatch.respond.proof import Proof, Question, judge
from chainwatch.types import NATIVE, Execution
from tests.respond.chain.conftest import Scene

pytestmark = pytest.mark.anvil


def question(scene: Scene, *attacks: Execution, **fields) -> Question:
    given = {
        "sender": scene.world.roles.guardian, "target": scene.world.unsafe_market, "data": OZ_PAUSABLE.act,
        "attacks": attacks, "victims": (scene.world.unsafe_market,), "tokens": (scene.world.asset,),
    }  # fmt: skip
    return Question(**(given | fields))


async def prove(rpc: Rpc, asked: Question) -> Proof:
    return judge(asked, await rpc.batch(asked.requests()))


async def test_a_pause_before_it_prevents_the_attack(scene):
    attack = await scene.execution(await scene.actors.attack_atomic())
    proof = await prove(scene.rpc, question(scene, attack))
    assert proof.verdict == "prevents"
    assert proof.loss_without == {scene.world.asset: 700_000 * USD}
    assert proof.loss_with == {scene.world.asset: 0}
    assert proof.left == {scene.world.asset: await victim_cash(scene.rpc, scene.world)}


async def test_an_attacker_who_swallows_the_revert_is_judged_by_the_balances(scene):
    attack = await scene.execution(await scene.actors.attack_swallowing())
    asked = question(scene, attack)
    answers = await scene.rpc.batch(asked.requests())
    attack_in_second_run = answers[1][0]["calls"][2]
    assert attack_in_second_run["status"] == "0x1"  # it does end well, having taken nothing
    assert judge(asked, answers).verdict == "prevents"


async def test_an_action_without_effect_on_it_does_not_prevent_it(scene):
    attack = await scene.execution(await scene.actors.attack_atomic())
    elsewhere = "0x" + "11" * 20  # no code: every call succeeds
    proof = await prove(scene.rpc, question(scene, attack, target=elsewhere))
    assert proof.verdict == "does_not_prevent"
    assert proof.loss_with == proof.loss_without
    assert "100%" in proof.explanation


async def test_an_action_that_fails_itself_does_not_prevent_it(scene):
    attack = await scene.execution(await scene.actors.attack_atomic())
    stranger = anvil_account(9).address.lower()
    proof = await prove(scene.rpc, question(scene, attack, sender=stranger))
    assert proof.verdict == "does_not_prevent" and "itself fails" in proof.explanation


async def test_a_staged_attack_is_replayed_from_before_its_first_step(scene):
    steps = [await scene.execution(await scene.actors.staged_pump())]
    steps.append(await scene.execution(await scene.actors.staged_borrow_chunk()))
    proof = await prove(scene.rpc, question(scene, *steps))
    assert proof.verdict == "prevents"
    assert proof.loss_without == {scene.world.asset: 140_000 * USD}


async def test_a_pending_attack_is_proven_on_the_latest_block_though_it_is_in_the_pool(still):
    attack = await still.execution(await still.unwaiting.attack_atomic(), pending=True)
    proof = await prove(still.rpc, question(still, attack))
    assert proof.verdict == "prevents"


async def test_a_native_loss_is_seen(scene):
    victim, thief = "0x" + "22" * 20, anvil_account(9).address.lower()
    await scene.rpc.call("anvil_setBalance", [victim, hex(10**18)])
    # Sends its whole balance to the caller: PUSH0 x4 SELFBALANCE CALLER GAS CALL
    await scene.rpc.call("anvil_setCode", [victim, "0x5f5f5f5f47335af1"])
    request = {"from": thief, "to": victim, "data": "0x12345678", "gas": "0x186a0"}
    tx = await scene.rpc.call("eth_sendTransaction", [request])
    assert await scene.actors.succeeded(tx)
    attack = await scene.execution(tx)
    proof = await prove(scene.rpc, question(scene, attack, victims=(victim,), tokens=(NATIVE,)))
    assert proof.verdict == "does_not_prevent"
    assert proof.loss_without == {NATIVE: 10**18}


async def test_an_attacker_without_funds_today_does_not_break_the_simulation(scene):
    attack = await scene.execution(await scene.actors.attack_atomic())
    poor = "0x" + "ab" * 20
    import msgspec

    transaction = msgspec.structs.replace(attack.transaction, from_=poor, value="0x1")
    proof = await prove(scene.rpc, question(scene, msgspec.structs.replace(attack, transaction=transaction)))
    assert proof.verdict == "inconclusive"  # not the owner of the attacking contract, so nothing is taken
    assert "takes nothing" in proof.explanation


async def test_what_cannot_be_asked_is_inconclusive_and_says_why(scene):
    attack = await scene.execution(await scene.actors.attack_atomic())
    refused = NodeRejected("eth_simulateV1", -32601, "Method not found")
    proof = judge(question(scene, attack), [refused, refused])
    assert proof.verdict == "inconclusive" and "Method not found" in proof.explanation
    assert judge(question(scene), []).verdict == "inconclusive"
    assert judge(question(scene, attack, tokens=()), []).verdict == "inconclusive"
    assert judge(question(scene, attack), [[{"calls": []}], [{}]]).verdict == "inconclusive"
