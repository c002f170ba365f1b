"""From an Alert about a real attack to a pause, or to the reason why not. On a real Anvil."""

import asyncio

import msgspec
import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.drill.artefacts import ours
from chainwatch.drill.world import ETH, USD, anvil_account
from chainwatch.errors import BadInput, NodeError, NodeRejected, NotReady, StoreError
from chainwatch.respond.adapters import role_id
from chainwatch.respond.arming import Arming
from chainwatch.respond.decision import Decision
from chainwatch.types import Stage
from tests.respond.chain.conftest import PLAYBOOK, Scene

pytestmark = pytest.mark.anvil


async def attacked(scene: Scene):
    return await scene.execution(await scene.actors.attack_atomic())


def held(decision: Decision) -> dict[str, bool]:
    return {condition.name: condition.holds for condition in decision.conditions}


def detail(decision: Decision, name: str) -> str:
    return next(condition.detail for condition in decision.conditions if condition.name == name)


async def governance(scene: Scene, function: str, role: str, account: str) -> None:
    data = ours("LendingMarket").call(function, bytes.fromhex(role_id(role)[2:]), account)
    request = {"from": scene.world.roles.governance, "to": scene.world.unsafe_market, "data": data}
    assert await scene.actors.succeeded(await scene.rpc.call("eth_sendTransaction", [request]))


async def test_an_included_attack_is_answered_with_a_pause_that_is_verified(scene):
    responder = await scene.responder()
    decision = await scene.consider(responder, await attacked(scene))
    assert decision.sent and all(held(decision).values())
    assert decision.proof is not None and decision.proof.verdict == "prevents"
    assert set(decision.timings_ms) == {"proof", "send"}
    assert "p × $" in detail(decision, "cost_rule")  # the numbers are there
    assert (await scene.result()).verified
    assert await scene.paused()
    assert not await scene.actors.succeeded(await scene.actors.attack_atomic())  # the second one fails
    assert len(await scene.store.audited("decision")) == 1


async def test_a_token_of_the_attackers_own_making_can_neither_veto_nor_delay_the_pause(scene):
    """Its balance of the victim falls whatever is paused; or it never answers at all."""
    attack = await attacked(scene)
    responder = await scene.responder()
    fakes = {f"0x{n:040x}": n for n in range(1, 200)}
    findings = scene.findings(attack)
    lied = [msgspec.structs.replace(f, loss={**f.loss, **fakes}) for f in findings]
    asked = responder._question(  # what the node is asked to simulate
        responder._playbooks[0], responder._profiles["drill"], scene.alert(lied), [attack]
    )
    assert set(asked.tokens) == {scene.world.asset, scene.world.collateral}
    decision = await responder.consider(scene.alert(lied), lied, [attack], scene.usd)
    assert decision.sent


async def test_the_same_alert_is_answered_once(still):
    attack = await still.execution(await _mined_attack(still))
    responder = await still.responder()
    first = await still.consider(responder, attack)
    second = await still.consider(responder, attack)
    assert first.sent and not second.sent
    assert len(await still.pool()) == 1


async def _mined_attack(scene: Scene) -> str:
    tx = await scene.unwaiting.attack_atomic()
    await scene.mine()
    return tx


async def test_a_dry_run_weighs_proves_and_says_what_it_would_do(scene):
    responder = await scene.responder(armed=False)
    decision = await scene.consider(responder, await attacked(scene))
    assert not decision.sent and "would be sent" in decision.outcome
    assert [name for name, holds in held(decision).items() if not holds] == ["armed"]
    assert await scene.sent() == 0
    assert await scene.store.outbox.count(scene.world.chain_id) == 0


async def test_a_dry_run_without_a_key_decides_too(scene):
    import msgspec

    config = scene.loaded.config.model_copy(update={"signer": None})
    scene.loaded = msgspec.structs.replace(scene.loaded, config=config)
    decision = await scene.consider(await scene.responder(armed=False), await attacked(scene))
    assert held(decision)["signer"] is False


async def test_disarmed_it_does_not_act_and_cleared_it_acts_again(scene):
    responder, attack = await scene.responder(), await attacked(scene)
    arming = Arming(scene.loaded.root, armed=True)
    arming.disarm()
    decision = await scene.consider(responder, attack)
    assert not decision.sent and not held(decision)["armed"]
    assert await scene.sent() == 0
    arming.clear()
    assert (await scene.consider(responder, attack)).sent


async def test_arming_while_disarmed_is_refused(scene):
    Arming(scene.loaded.root, armed=True).disarm()
    with pytest.raises(NotReady, match="disarmed"):
        await scene.responder()


async def test_pending_evidence_does_not_pause_because_a_pause_does_not_expire(still):
    still.guards(stages=(Stage.INCLUDED, Stage.PENDING))
    attack = await still.execution(await still.unwaiting.attack_atomic(), pending=True)
    decision = await still.consider(await still.responder(), attack)
    assert not decision.sent
    assert "does not expire" in detail(decision, "stage")
    assert await still.pool() == []


async def test_a_negative_proof_stands_in_the_way(scene):
    """What was lost left before the market could be asked to pause: the attack did not go through it."""
    # The trader's own borrowing is no attack; called one with collateral as the loss, no pause prevents it.
    responder = await scene.responder()
    await scene.actors.deposit()
    tx = await scene.rpc.call(
        "eth_sendTransaction",
        [
            {
                "from": scene.world.roles.lender,
                "to": scene.world.unsafe_market,
                "data": ours("LendingMarket").call("withdraw", 500_000 * USD),
                "gas": hex(500_000),
            }
        ],
    )
    assert await scene.actors.succeeded(tx)  # a withdrawal stays open while paused
    execution = await scene.execution(tx)
    decision = await scene.consider(responder, execution, scene.findings(execution, 500_000 * USD))
    assert not decision.sent and not held(decision)["proof"]
    assert not await scene.paused()


async def test_an_expensive_pause_against_little_to_save_is_not_sent(scene):
    scene.action(cost_usd=1e15)
    decision = await scene.consider(await scene.responder(), await attacked(scene))
    assert not decision.sent and held(decision)["cost_rule"] is False


async def test_a_market_that_is_paused_already_needs_nothing(scene):
    attack = await attacked(scene)
    responder = await scene.responder()
    await scene.actors.pause()
    sent = await scene.sent()
    decision = await scene.consider(responder, attack)
    assert not decision.sent and "paused already" in decision.outcome
    assert await scene.sent() == sent


async def test_a_node_that_cannot_simulate_leaves_the_proof_inconclusive_and_the_pause_is_sent(scene):
    class Plain(Rpc):
        async def batch(self, calls, *, timeout=None):
            answers = await super().batch(calls, timeout=timeout)
            refused = NodeRejected("eth_simulateV1", -32601, "Method not found")
            pairs = zip(calls, answers, strict=True)
            return [refused if method == "eth_simulateV1" else answer for (method, _), answer in pairs]

    attack = await attacked(scene)
    async with Plain(scene.anvil.http) as rpc:
        decision = await scene.consider(await scene.responder(rpc=rpc), attack)
        assert decision.sent and decision.proof.verdict == "inconclusive"
        await scene.result()


async def test_a_simulation_that_hangs_costs_the_proof_and_not_the_pause(scene):
    class Slow(Rpc):
        async def batch(self, calls, *, timeout=None):
            if any(method == "eth_simulateV1" for method, _ in calls):
                raise NodeError("The node did not answer in time.", "Check its load.")
            return await super().batch(calls, timeout=timeout)

    attack = await attacked(scene)
    async with Slow(scene.anvil.http) as rpc:
        decision = await scene.consider(await scene.responder(rpc=rpc), attack)
        assert decision.sent and "in time" in decision.proof.explanation
        await scene.result()


async def test_a_database_locked_at_the_decision_delays_the_pause_and_does_not_cost_it(scene, lock):
    responder, attack = await scene.responder(), await attacked(scene)
    held_by_another = lock(scene.db)
    with pytest.raises(StoreError, match="locked"):
        await scene.consider(responder, attack)
    assert await scene.sent() == 0  # never without the outbox
    held_by_another.rollback()
    assert (await scene.result()).verified
    assert await scene.sent() == 1


async def test_disarming_works_with_the_database_locked(scene, lock):
    responder, attack = await scene.responder(), await attacked(scene)
    held_by_another = lock(scene.db)
    with pytest.raises(StoreError):
        await scene.consider(responder, attack)
    Arming(scene.loaded.root, armed=True).disarm()
    held_by_another.rollback()
    await asyncio.sleep(1.2)
    assert await scene.sent() == 0


async def test_a_locked_database_does_not_make_a_block_fail(scene, lock):
    from chainwatch.types import Block

    responder, attack = await scene.responder(), await attacked(scene)
    import msgspec

    responder._lease = msgspec.structs.replace(responder._lease, expires_at=0.0)  # due for renewal
    held_by_another = lock(scene.db)
    await responder.on_block(Block(chain_id=scene.world.chain_id, ref=attack.block, executions=()))
    held_by_another.rollback()
    assert (await scene.consider(responder, attack)).sent


# By hand


async def test_by_hand_it_pauses_without_any_alert(scene):
    responder = await scene.responder()
    result = await responder.act(PLAYBOOK, wait=True)
    assert result is not None and result.verified
    assert await scene.paused()


async def test_by_hand_an_unknown_playbook_is_bad_input_and_names_the_known(scene):
    with pytest.raises(BadInput, match="Known are: pause-market"):
        await (await scene.responder()).act("pause-everything", wait=True)


async def test_by_hand_a_dry_run_simulates_and_sends_nothing(scene):
    assert await (await scene.responder(armed=False)).act(PLAYBOOK, wait=True) is None
    assert await scene.sent() == 0


# Keys that may not be armed


async def test_a_key_without_the_role_is_bad_input(scene):
    await governance(scene, "revokeRole", "GUARDIAN_ROLE", scene.world.roles.guardian)
    with pytest.raises(BadInput, match="does not hold GUARDIAN_ROLE"):
        await scene.responder()


async def test_a_key_with_the_admin_role_is_refused(scene):
    await governance(scene, "grantRole", "DEFAULT_ADMIN_ROLE", scene.world.roles.guardian)
    with pytest.raises(NotReady, match="DEFAULT_ADMIN_ROLE"):
        await scene.responder()


async def test_more_rights_found_after_the_first_arming_are_told_and_do_not_stop_it(scene):
    first = await scene.responder()
    assert first.excess_rights == ()
    await governance(scene, "grantRole", "DEFAULT_ADMIN_ROLE", scene.world.roles.guardian)
    later = await scene.responder()
    assert len(later.excess_rights) == 1 and "DEFAULT_ADMIN_ROLE" in later.excess_rights[0]
    assert (await scene.store.audited("armed"))[-1].body["excess_rights"] == list(later.excess_rights)


async def test_a_target_without_code_is_bad_input(scene):
    scene.action(target="0x" + "33" * 20)
    with pytest.raises(BadInput, match="no code"):
        await scene.responder()


async def test_a_second_armed_responder_of_the_same_store_is_refused(scene):
    import chainwatch.respond.responder as module

    await scene.responder()
    original, module.holder = module.holder, lambda: "another-machine:1"
    try:
        with pytest.raises(NotReady, match="lease"):
            await scene.responder()
    finally:
        module.holder = original


async def test_a_signer_refuses_what_no_playbook_names(scene):
    from chainwatch.respond.fees import Fees
    from chainwatch.respond.signer import Allowed, Signer

    allowed = Allowed(31337, scene.world.unsafe_market, "0x8456cb59")
    signer = Signer(anvil_account(2), frozenset({allowed}))
    fees = Fees(10**9, 10**9)
    for call in (
        Allowed(1, allowed.target, allowed.data),
        Allowed(31337, scene.world.safe_market, allowed.data),
        Allowed(31337, allowed.target, "0x3f4ba83a"),
        Allowed(31337, allowed.target, allowed.data + "00"),
    ):
        with pytest.raises(NotReady, match="refuses"):
            signer.sign(call, nonce=0, gas_limit=100_000, fees=fees)
    with pytest.raises(NotReady, match="EIP-7825"):
        signer.sign(allowed, nonce=0, gas_limit=16_777_217, fees=fees)
    assert signer.sign(allowed, nonce=0, gas_limit=16_777_216, fees=fees).raw.startswith("0x02")


async def test_a_poor_attacker_or_not_the_whole_world_is_unharmed(scene):
    """The benign borrower's transaction, called an attack by nobody, is decided by nobody."""
    tx = await scene.actors.borrow(1_000 * USD, collateral_amount=5 * ETH)
    execution = await scene.execution(tx)
    (one,) = scene.findings(execution, 1_000 * USD)[:1]
    decision = await scene.consider(await scene.responder(), execution, [one])
    assert not decision.sent and held(decision)["tier"] is False
