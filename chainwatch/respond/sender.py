"""Getting one action onto the chain exactly once, and proving that it worked.

The outbox row is written before anything is signed, the signed bytes before anything is sent. One action is one
nonce: it is replaced with higher fees until a receipt is there, and a restart goes on where the outbox stands,
with the very same bytes. A receipt is not success: its status is looked at, and then the state itself is read
back at the block of the receipt. An inclusion that a reorganisation takes away is sent again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog

from chainwatch.chain.rpc import Caller, quantity
from chainwatch.config.models import SendingConfig
from chainwatch.errors import NodeError, NodeRejected, SendFailed, StoreError
from chainwatch.respond.adapters import ADAPTERS, is_true
from chainwatch.respond.arming import Arming
from chainwatch.respond.fees import GWEI, Fees, bumped, first_fees
from chainwatch.respond.signer import Allowed, Signer
from chainwatch.store import Attempt, NewAction, OutboxAction, OutboxState, Store
from chainwatch.store.outbox import NonceTaken
from chainwatch.types import BlockRef, Hash

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.5  # a safety net: new blocks wake the follower
_KEEP_VERIFIED = 64  # actions watched for reorganisations that take their inclusion away

# How nodes say that they have this very transaction already; sending it again is then no failure.
_KNOWN = ("already known", "already imported", "known transaction", "alreadyexists")
_UNDERPRICED = "underpriced"  # another transaction with this nonce waits, and pays more than ours


class ActionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action. `verified`: it is on chain, succeeded, and the state says so."""

    playbook: str
    state: OutboxState
    verified: bool
    tx_hash: Hash | None
    block_number: int | None
    attempts: int
    seconds: float
    detail: str

    def text(self) -> str:
        """One line for a person."""
        where = "" if self.block_number is None else f" in block {self.block_number}"
        return f"Action {self.playbook}: {self.state}{where} after {self.attempts} attempt(s). {self.detail}"

    def summary(self) -> Mapping[str, Any]:
        """For the log."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


class Sender:
    """Sends actions of one signer on one chain."""

    def __init__(
        self, rpc: Caller, store: Store, signer: Signer, arming: Arming, config: SendingConfig, chain_id: int
    ) -> None:
        self._rpc = rpc
        self._outbox = store.outbox
        self._signer = signer
        self._arming = arming
        self._config = config
        self._chain_id = chain_id
        self._cap = round(config.max_fee_gwei * GWEI)
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: dict[int, OutboxAction] = {}
        self._verified: dict[int, OutboxAction] = {}
        self._new_block = asyncio.Event()
        self.base_fee = 0
        self.on_result: Callable[[ActionResult], object] = lambda _result: None

    def under_way(self, target: str, data: str) -> bool:
        """Whether this very call is being sent already."""
        return any(action.target == target and action.data == data for action in self._following.values())

    async def send(self, action: NewAction, *, fencing: tuple[str, int] | None) -> OutboxAction | None:
        """Write `action`, sign it, send it; returns once a node has acknowledged it. The rest goes on in a task.

        None where its idempotency key is in the outbox already. Raises SendFailed when the node refuses it,
        `disarm` came in between, or no acknowledgement came: then it is sent again in a task. Raises StoreError
        when the outbox cannot be written: then nothing is signed.
        """
        try:
            planned = await self._outbox.plan(action, fencing=fencing)
        except NonceTaken:  # two contracts to pause at once, or a person who acts beside the bot
            nonce = max(action.nonce, await self._outbox.next_nonce(action.chain_id, action.sender))
            planned = await self._outbox.plan(msgspec.structs.replace(action, nonce=nonce), fencing=fencing)
        if planned is None:
            return None
        try:
            sent = await self._launch(planned)
        except (NodeError, StoreError) as error:  # it is planned, and may even have arrived: it is not given up
            self._follow(planned, again=True)
            raise SendFailed(f"The action is not acknowledged yet: {error.problem}", "It is tried again.") from error
        self._follow(sent)
        return sent

    async def resume(self) -> list[OutboxAction]:
        """Take up every action that an earlier run left unfinished."""
        resumed = []
        for action in await self._outbox.unfinished(self._chain_id):
            age = time.time() - action.created_at
            log.warning("resuming an action", action=action.id, state=action.state, age_seconds=round(age, 1))
            if action.sender != self._signer.address:
                await self._end(action, OutboxState.ABANDONED, f"it belongs to another key, {action.sender}")
            elif not action.attempts and age > self._config.give_up_seconds:
                await self._end(action, OutboxState.ABANDONED, f"it was decided {age:.0f} s ago and never signed")
            elif age > self._config.give_up_seconds and not await self._receipt(action):
                # What was right then may be wrong now: an old action must not fire out of nowhere.
                await self._end(action, OutboxState.ABANDONED, f"it was decided {age:.0f} s ago and never included")
            else:
                self._follow(action, again=True)
                resumed.append(action)
        return resumed

    def wake(self, base_fee: int | None) -> None:
        """A new block is there: look for receipts now."""
        if base_fee is not None:
            self.base_fee = base_fee
        self._new_block.set()

    def orphaned(self, refs: tuple[BlockRef, ...]) -> None:
        """Blocks were reorganised away: actions included in them are followed, and sent, again."""
        hashes = {ref.hash for ref in refs}
        for action in [a for a in self._verified.values() if a.block_hash in hashes]:
            log.warning("a reorganisation took an action's inclusion away", action=action.id, block=action.block_number)
            del self._verified[action.id]
            self._follow(msgspec.structs.replace(action, block_number=None, block_hash=None), again=True)

    async def drain(self, timeout: float) -> None:
        """Wait for actions under way, at most `timeout` seconds; what is left is resumed by the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Signing and sending

    async def _launch(self, action: OutboxAction) -> OutboxAction:
        """Sign and send for the first time. Fees rise at once where another transaction holds the nonce."""
        fees: Fees | None = first_fees(self.base_fee, self._tip(), self._cap)
        refused: NodeRejected | None = None
        while fees is not None:
            action = await self._sign(action, fees)
            try:
                await self._broadcast(action.attempts[-1])
            except NodeRejected as error:
                refused = error
                fees = bumped(fees, self.base_fee, self._cap) if _UNDERPRICED in error.message.lower() else None
                continue
            return action
        assert refused is not None
        if await self._receipt(action):
            return action
        await self._end(action, OutboxState.FAILED, f"the node refused it: {refused.message}")
        raise SendFailed(
            f"The node refused the action: {refused.message}.", "Check the signer's funds and nonce: chainwatch ready."
        ) from refused

    async def _sign(self, action: OutboxAction, fees: Fees) -> OutboxAction:
        """The action with one more attempt, signed and in the outbox, not yet sent."""
        if not self._arming.armed():
            if not action.attempts:
                await self._end(action, OutboxState.ABANDONED, "disarmed before signing")
            raise SendFailed("The action was not sent: chainwatch is disarmed.", "Arm it again when you mean to act.")
        nonce = action.nonce if action.nonce is not None else action.attempts[-1].nonce
        call = Allowed(action.chain_id, action.target, action.data)
        signed = self._signer.sign(call, nonce=nonce, gas_limit=action.gas_limit, fees=fees)
        attempt = Attempt(
            nonce=nonce,
            tx_hash=signed.tx_hash,
            raw=signed.raw,
            max_fee_per_gas=fees.max_fee_per_gas,
            max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
            signed_at=time.time(),
        )
        await self._outbox.add_attempt(action.id, attempt)
        action = msgspec.structs.replace(action, attempts=(*action.attempts, attempt), tx_hash=attempt.tx_hash)
        if not self._arming.armed():  # between signing and broadcast, as promised
            if len(action.attempts) == 1:
                await self._end(action, OutboxState.ABANDONED, "disarmed between signing and broadcast")
            raise SendFailed(
                "The action was signed but not sent: chainwatch is disarmed.", "Arm it again when you mean to act."
            )
        return action

    async def _broadcast(self, attempt: Attempt) -> None:
        try:
            await self._rpc.call("eth_sendRawTransaction", [attempt.raw])
        except NodeRejected as error:
            if not any(text in error.message.lower().replace("_", "") for text in _KNOWN):
                raise

    # Following until it is included and verified

    def _follow(self, action: OutboxAction, *, again: bool = False) -> None:
        """Follow it in a task; with `again` it is sent (again) first, since we do not know whether a node has it."""
        self._following[action.id] = action
        task = asyncio.create_task(self._supervised(action, again), name=f"action-{action.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _supervised(self, action: OutboxAction, again: bool) -> None:
        started = time.monotonic()
        try:
            result = await self._until_the_end(action, started, again)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # told and logged; the outbox keeps the action for the next start
            log.exception("following an action failed", action=action.id)
            result = _result(action, OutboxState.BROADCAST, started, f"Following it failed: {error}")
        finally:
            self._following.pop(action.id, None)
        self.on_result(result)

    async def _until_the_end(self, action: OutboxAction, started: float, again: bool) -> ActionResult:
        if not again:
            await self._note(action, OutboxState.BROADCAST)
        last_sent = time.monotonic()
        capped = disarmed = False
        while True:
            due = again or (time.monotonic() - last_sent > self._config.bump_after_seconds and not capped)
            try:
                if receipt := await self._receipt(action):
                    return await self._included(action, receipt, started)
                disarmed = not self._arming.armed()
                if due and (ended := await self._needless(action, started, again)):
                    return ended
                # Disarmed, nothing more is sent; what was sent before may still be included, so it is watched.
                if due and not disarmed:
                    action, capped = await (self._resend(action) if again else self._replace(action))
                    last_sent, again = time.monotonic(), False
            except (NodeError, StoreError) as error:
                log.warning("an action under way: trying again", action=action.id, error=str(error))
            if time.monotonic() - started > self._config.give_up_seconds:
                if disarmed:
                    text = "Disarmed: nothing more was sent. What was sent before may still be included."
                    return await self._finish(action, OutboxState.ABANDONED, started, text)
                text = f"Not included within {self._config.give_up_seconds:g} s; the last attempt may still be."
                return await self._finish(action, OutboxState.FAILED, started, text)
            await self._wait_for_a_block()

    async def _needless(self, action: OutboxAction, started: float, again: bool) -> ActionResult | None:
        """The end of an action that need not, or cannot, be sent any more."""
        [count] = await self._rpc.agree([("eth_getTransactionCount", [action.sender, "latest"])])
        if isinstance(count, NodeRejected):
            raise count
        nonce = action.attempts[-1].nonce if action.attempts else action.nonce
        lost = nonce is not None and quantity(count) > nonce
        done = (again or lost) and await self._is_done(action, "latest")
        if not (lost or done):
            return None
        if receipt := await self._receipt(action):  # it was included while we asked
            return await self._included(action, receipt, started)
        if done:
            text = "The state was there already: somebody else was first, nothing more was sent."
            return await self._finish(action, OutboxState.VERIFIED, started, text)
        text = f"Another transaction of the key used its nonce {nonce}."
        return await self._finish(action, OutboxState.FAILED, started, text)

    async def _wait_for_a_block(self) -> None:
        try:
            await asyncio.wait_for(self._new_block.wait(), min(_POLL_SECONDS, self._config.bump_after_seconds))
        except TimeoutError:
            return
        self._new_block.clear()

    async def _resend(self, action: OutboxAction) -> tuple[OutboxAction, bool]:
        """The very same bytes again, whether or not a node had them; signed now if they never were."""
        if not action.attempts:
            return await self._next_attempt(action, first_fees(self.base_fee, self._tip(), self._cap)), False
        try:
            await self._broadcast(action.attempts[-1])
        except NodeRejected as error:
            log.warning("sending an action again was refused", action=action.id, error=error.message)
        await self._note(action, OutboxState.BROADCAST, nonce=action.attempts[-1].nonce)
        return action, False

    async def _replace(self, action: OutboxAction) -> tuple[OutboxAction, bool]:
        """Same nonce, both fee fields higher. True where no more is allowed: then only waiting is left."""
        newest = action.attempts[-1]
        fees = bumped(Fees(newest.max_fee_per_gas, newest.max_priority_fee_per_gas), self.base_fee, self._cap)
        if fees is None or len(action.attempts) > self._config.max_bumps:
            why = "its fees are at the cap" if fees is None else "it was replaced max_bumps times"
            log.error("an action is not included, and only waiting is left", action=action.id, why=why)
            return action, True
        log.warning("replacing an action with higher fees", action=action.id, max_fee_wei=fees.max_fee_per_gas)
        return await self._next_attempt(action, fees), False

    async def _next_attempt(self, action: OutboxAction, fees: Fees) -> OutboxAction:
        """Sign and send; the attempt is kept even where sending it failed, because it may have arrived."""
        try:
            action = await self._sign(action, fees)
        except SendFailed as error:
            log.warning("an attempt was not made", action=action.id, error=error.problem)
            return action
        self._following[action.id] = action
        try:
            await self._broadcast(action.attempts[-1])
        except NodeError as error:
            # "nonce too low": an attempt was mined meanwhile, its receipt is found in the next round.
            log.warning("an attempt was refused, or no answer came", action=action.id, error=str(error))
        await self._note(action, OutboxState.BROADCAST)
        return action

    async def _receipt(self, action: OutboxAction) -> dict[str, Any] | None:
        """The receipt of whichever attempt was mined."""
        calls = [("eth_getTransactionReceipt", [attempt.tx_hash]) for attempt in action.attempts]
        for answer in await self._rpc.agree(calls):
            if isinstance(answer, dict) and answer.get("blockHash"):
                return answer
        return None

    async def _included(self, action: OutboxAction, receipt: dict[str, Any], started: float) -> ActionResult:
        number = quantity(receipt["blockNumber"])
        action = msgspec.structs.replace(
            action, tx_hash=receipt["transactionHash"], block_number=number, block_hash=receipt["blockHash"]
        )
        await self._note(action, OutboxState.INCLUDED)
        if receipt["status"] != "0x1":
            if await self._is_done(action, {"blockHash": receipt["blockHash"]}):
                text = "It reverted because the state was there already: somebody else was first."
                return await self._finish(action, OutboxState.VERIFIED, started, text)
            return await self._finish(action, OutboxState.FAILED, started, "It was included and reverted.")
        if not await self._is_done(action, {"blockHash": receipt["blockHash"]}):
            text = "It was included with status 1, and the state does not show its effect."
            return await self._finish(action, OutboxState.FAILED, started, text)
        adapter = ADAPTERS[action.adapter]
        text = f"State read back at block {number}: {adapter.name} is in force."
        return await self._finish(action, OutboxState.VERIFIED, started, text)

    async def _is_done(self, action: OutboxAction, at: Any) -> bool:
        adapter = ADAPTERS[action.adapter]
        try:
            [word] = await self._rpc.agree([("eth_call", [{"to": action.target, "data": adapter.read}, at])])
            if isinstance(word, NodeRejected):
                raise word
        except NodeRejected as error:
            if "revert" in error.message.lower():
                return False
            raise  # the node does not know the block, or is busy: that says nothing about the state
        return is_true(word)

    # Bookkeeping

    async def _finish(self, action: OutboxAction, state: OutboxState, started: float, text: str) -> ActionResult:
        await self._end(action, state, text)
        if state is OutboxState.VERIFIED:
            self._verified[action.id] = action
            while len(self._verified) > _KEEP_VERIFIED:
                self._verified.pop(next(iter(self._verified)))
        return _result(action, state, started, text)

    async def _end(self, action: OutboxAction, state: OutboxState, text: str) -> None:
        await self._note(action, state, detail=text)

    async def _note(self, action: OutboxAction, state: OutboxState, **fields: Any) -> None:
        """Record a step. The transaction is out already: a store that fails now is told, and nothing stops."""
        fields |= {"tx_hash": action.tx_hash, "block_number": action.block_number, "block_hash": action.block_hash}
        try:
            await self._outbox.move(action.id, state, **fields)
        except StoreError as error:
            log.error("the outbox could not be updated", action=action.id, state=state, error=str(error))

    def _tip(self) -> int:
        return round(self._config.priority_fee_gwei * GWEI)


def _result(action: OutboxAction, state: OutboxState, started: float, text: str) -> ActionResult:
    return ActionResult(
        playbook=action.playbook,
        state=state,
        verified=state is OutboxState.VERIFIED,
        tx_hash=action.tx_hash,
        block_number=action.block_number,
        attempts=len(action.attempts),
        seconds=time.monotonic() - started,
        detail=text,
    )
