"""One action gets onto the chain exactly once and is proven there, whatever comes in between. On a real Anvil."""

import asyncio
from itertools import pairwise

import pytest

from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.drill.artefacts import ours
from chainwatch.drill.world import anvil_account
from chainwatch.errors import NodeError, SendFailed
from chainwatch.respond.adapters import OZ_PAUSABLE, role_id
from chainwatch.respond.arming import Arming
from chainwatch.respond.sender import Sender
from chainwatch.respond.signer import Allowed, Signer
from chainwatch.store import NewAction, OutboxState
from chainwatch.types import BlockRef
from tests.respond.chain.conftest import PLAYBOOK, Scene

pytestmark = pytest.mark.anvil
GWEI = 10**9


async def fees_of(scene: Scene) -> list[tuple[int, int]]:
    attempts = (await scene.only_action()).attempts
    return [(a.max_fee_per_gas, a.max_priority_fee_per_gas) for a in attempts]


async def by_hand(scene: Scene, rpc: Rpc | None = None):
    """A responder whose action is under way and not mined."""
    responder = await scene.responder(rpc=rpc)
    await responder.act(PLAYBOOK, wait=False)
    responder.on_result = scene.results.append
    return responder


async def governance(scene: Scene, function: str, *arguments: object, max_fee_gwei: int = 200) -> str:
    data = ours("LendingMarket").call(function, *arguments)
    request = {
        "from": scene.world.roles.governance, "to": scene.world.unsafe_market, "data": data, "gas": hex(200_000),
        "maxFeePerGas": hex(max_fee_gwei * GWEI), "maxPriorityFeePerGas": hex(10 * GWEI),
    }  # fmt: skip
    return await scene.rpc.call("eth_sendTransaction", [request])


async def test_it_is_included_verified_and_recorded(scene):
    await by_hand(scene)
    result = await scene.result()
    assert result.verified and result.state is OutboxState.VERIFIED
    assert await scene.paused()
    action = await scene.only_action()
    assert (action.state, action.tx_hash, action.block_number) == ("verified", result.tx_hash, result.block_number)
    assert action.block_hash is not None


async def test_it_is_replaced_with_both_fees_a_tenth_higher_until_it_is_included(still):
    still.sending(bump_after_seconds=0.15, give_up_seconds=30)
    await by_hand(still)

    async def three() -> bool:
        return len(await fees_of(still)) >= 3

    await still.until(three)
    await still.mine()
    result = await still.result()
    assert result.verified and result.attempts >= 3
    paid = await fees_of(still)
    for (fee, tip), (next_fee, next_tip) in pairwise(paid):
        assert next_fee * 10 >= fee * 11 and next_tip * 10 >= tip * 11
    assert len(await still.pauses()) == 1
    assert await still.sent() == 1  # all attempts had one nonce


async def test_at_the_cap_it_stops_bidding_and_goes_on_waiting(still):
    still.sending(bump_after_seconds=0.1, max_fee_gwei=8.0, priority_fee_gwei=3.0, give_up_seconds=30)
    await by_hand(still)
    await asyncio.sleep(1.5)
    paid = await fees_of(still)
    assert 1 <= len(paid) < 10
    assert all(tip <= fee <= 8 * GWEI for fee, tip in paid)
    assert not still.results
    await still.mine()
    assert (await still.result()).verified


async def test_it_gives_up_in_time_and_says_so(still):
    still.sending(bump_after_seconds=5, give_up_seconds=0.6)
    await by_hand(still)
    result = await still.result(timeout=5)
    assert result.state is OutboxState.FAILED and not result.verified
    assert "Not included within" in result.detail


# Disarming


async def test_disarmed_between_signing_and_broadcast_nothing_is_sent(still):
    responder = await still.responder()
    outbox, arming = still.store.outbox, Arming(still.loaded.root, armed=True)
    keep = outbox.add_attempt

    async def signed(*arguments):
        await keep(*arguments)
        arming.disarm()

    outbox.add_attempt = signed
    with pytest.raises(SendFailed, match="disarmed"):
        await responder.act(PLAYBOOK, wait=False)
    action = await still.only_action()
    assert action.state is OutboxState.ABANDONED and len(action.attempts) == 1
    assert await still.pool() == []


async def test_disarmed_after_broadcast_nothing_is_replaced_but_the_outcome_is_still_seen(still):
    still.sending(bump_after_seconds=0.1, give_up_seconds=30)
    await by_hand(still)
    before = len(await fees_of(still))
    Arming(still.loaded.root, armed=True).disarm()
    await asyncio.sleep(0.2)  # an attempt that was being made when the file appeared
    held = len(await fees_of(still))
    assert held <= before + 1
    await asyncio.sleep(0.8)
    assert len(await fees_of(still)) == held
    await still.mine()
    assert (await still.result()).verified


# What the chain says about it


async def test_a_pause_that_reverts_on_chain_has_failed(still):
    still.sending(bump_after_seconds=10)
    await by_hand(still)
    await governance(still, "revokeRole", bytes.fromhex(role_id("GUARDIAN_ROLE")[2:]), still.world.roles.guardian)
    await still.mine()
    result = await still.result()
    assert result.state is OutboxState.FAILED and "reverted" in result.detail
    assert not await still.paused()


async def test_a_pause_that_reverts_because_somebody_paused_first_is_done(still):
    still.sending(bump_after_seconds=10)
    role = bytes.fromhex(role_id("GUARDIAN_ROLE")[2:])
    await governance(still, "grantRole", role, still.world.roles.governance)
    await still.mine()
    await by_hand(still)
    await governance(still, "pause")
    await still.mine()
    result = await still.result()
    assert result.verified and "somebody else was first" in result.detail
    assert len(await still.pauses()) == 1


async def test_a_receipt_with_status_1_is_not_success_where_the_state_does_not_show_it(scene):
    liar = "0x" + "11" * 20
    await scene.rpc.call("anvil_setCode", [liar, "0x00"])  # STOP: every call succeeds and does nothing
    sender = own_sender(scene, liar)
    await sender.send(new_action(scene, liar), fencing=None)
    result = await scene.result()
    assert result.state is OutboxState.FAILED
    assert "does not show its effect" in result.detail


def own_sender(scene: Scene, target: str, rpc: Rpc | None = None) -> Sender:
    allowed = frozenset({Allowed(scene.world.chain_id, target, OZ_PAUSABLE.act)})
    arming = Arming(scene.loaded.root, armed=True)
    config = scene.loaded.config.sending
    sender = Sender(rpc or scene.rpc, scene.store, Signer(anvil_account(2), allowed), arming, config, 31337)
    sender.base_fee = GWEI
    sender.on_result = scene.results.append
    return sender


def new_action(scene: Scene, target: str, key: str = "k", nonce: int = 0) -> NewAction:
    return NewAction(
        key=key, chain_id=31337, playbook=PLAYBOOK, playbook_version=1, adapter="oz_pausable", target=target,
        data=OZ_PAUSABLE.act, sender=scene.world.roles.guardian, gas_limit=500_000, nonce=nonce, alert_id=None,
        fingerprint="f", reason="because",
    )  # fmt: skip


async def test_an_inclusion_that_a_reorganisation_takes_away_is_sent_again(scene):
    responder = await by_hand(scene)
    result = await scene.result()
    action = await scene.only_action()
    await scene.rpc.call("anvil_reorg", [1, []])
    assert not await scene.paused()
    responder.on_orphans((BlockRef(number=action.block_number, hash=action.block_hash),))
    await scene.until(lambda: len(scene.results) == 2)
    assert scene.results[1].verified and scene.results[1].tx_hash == result.tx_hash  # the very same bytes
    assert await scene.paused()
    assert len(await scene.pauses()) == 1
    again = await scene.only_action()
    assert again.state is OutboxState.VERIFIED and again.block_hash != action.block_hash


# Faults on the way


class LostAnswers(Rpc):
    """A connection that breaks after the node has taken a transaction, the first `times` times."""

    def __init__(self, url: str, *, times: int = 1, arrives: bool = True) -> None:
        super().__init__(url)
        self.left, self.arrives = times, arrives

    async def call(self, method, params=(), **options):
        if method == "eth_sendRawTransaction" and self.left:
            self.left -= 1
            if self.arrives:
                await super().call(method, params, **options)
            raise NodeError("The connection broke.", "Try again.")
        return await super().call(method, params, **options)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_broken_connection_at_sending_costs_neither_the_pause_nor_a_second_one(scene, arrives: bool):
    async with LostAnswers(scene.anvil.http, arrives=arrives) as rpc:
        responder = await scene.responder(rpc=rpc)
        with pytest.raises(SendFailed, match="not acknowledged yet"):
            await responder.act(PLAYBOOK, wait=False)
        responder.on_result = scene.results.append
        assert (await scene.result()).verified
        await responder.drain(1)
    assert len(await scene.pauses()) == 1
    assert await scene.sent() == 1


async def test_the_receipt_of_a_replacement_is_found_though_sending_it_seemed_to_fail(still):
    still.sending(bump_after_seconds=0.1, give_up_seconds=20, max_bumps=1)
    async with LostAnswers(still.anvil.http, times=0) as rpc:
        responder = await by_hand(still, rpc)
        rpc.left = 1

        async def replaced() -> bool:
            return len(await fees_of(still)) == 2 and rpc.left == 0

        await still.until(replaced)
        await still.mine()
        result = await still.result()
        await responder.drain(1)
    assert result.verified and result.tx_hash == (await still.only_action()).attempts[1].tx_hash


async def test_a_database_locked_while_it_is_under_way_does_not_end_the_following(still, lock):
    still.sending(bump_after_seconds=0.1, give_up_seconds=30)
    await by_hand(still)
    held = lock(still.db)
    await asyncio.sleep(1.5)
    assert not still.results
    held.rollback()
    await still.mine()
    assert (await still.result()).verified
    assert (await still.only_action()).state is OutboxState.VERIFIED


async def foreign(scene: Scene, nonce: int, max_fee_gwei: int) -> None:
    """Another transaction of the same key, as from a second machine."""
    fee, itself = max_fee_gwei * GWEI, bytes.fromhex(scene.world.roles.guardian[2:])
    fields = {"type": 2, "chainId": 31337, "nonce": nonce, "to": itself, "value": 0, "gas": 21_000}
    signed = anvil_account(2).sign_transaction(fields | {"maxFeePerGas": fee, "maxPriorityFeePerGas": fee})
    await scene.rpc.call("eth_sendRawTransaction", ["0x" + bytes(signed.raw_transaction).hex()])


async def test_a_stuck_transaction_of_the_key_is_outbid_at_once(still):
    still.sending(bump_after_seconds=30)
    await foreign(still, 0, 20)
    await by_hand(still)
    assert [tx["to"].lower() for tx in await still.pool()] == [still.world.unsafe_market]
    await still.mine()
    assert (await still.result()).verified


async def test_a_nonce_that_another_transaction_used_up_is_said_and_not_waited_for(still):
    still.sending(bump_after_seconds=0.3, give_up_seconds=60)
    await by_hand(still)
    await foreign(still, 0, 290)
    await still.mine()
    result = await still.result(timeout=5)
    assert result.state is OutboxState.FAILED and "used its nonce 0" in result.detail


async def test_two_actions_decided_at_once_have_two_nonces(still):
    markets = (still.world.unsafe_market, still.world.safe_market)
    senders = [own_sender(still, target) for target in markets]
    for sender, target in zip(senders, markets, strict=True):
        assert await sender.send(new_action(still, target, key=target), fencing=None) is not None
    assert sorted(quantity(tx["nonce"]) for tx in await still.pool()) == [0, 1]
    await still.mine()
    await still.until(lambda: len(still.results) == 2)
    assert all(result.verified for result in still.results)


async def test_one_idempotency_key_is_sent_once(scene):
    sender = own_sender(scene, scene.world.unsafe_market)
    assert await sender.send(new_action(scene, scene.world.unsafe_market), fencing=None) is not None
    assert await sender.send(new_action(scene, scene.world.unsafe_market, nonce=1), fencing=None) is None
    await scene.result()
    assert await scene.sent() == 1
