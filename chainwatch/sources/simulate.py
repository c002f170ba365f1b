"""What a pending transaction would do on the latest block: call tree, logs, and the Probes after it.

Always on the latest block by its number, never on `pending`: Anvil's pending state already contains the pooled
attack. The tree comes from `debug_traceCall`; logs without it, transactions that must run before, and Probes after it
come from one `eth_simulateV1`. Balances are as they are (no override): who cannot pay does nothing, and is an error.
A node may give the tree and not the rest; then that is what there is, and the Execution says so by what it lacks.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec
import structlog

from chainwatch.chain.pool import Pool, role_of
from chainwatch.chain.probes import ProbeSpec, after_requests, readings_after
from chainwatch.chain.rpc import NO_SUCH_METHOD, quantity
from chainwatch.chain.wire import WireHeader
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import CallFrame, Execution, Log, ProbeReading, Stage, Transaction

log = structlog.get_logger(__name__)

_BUDGET_SECONDS = 2.0
_GRACE_SECONDS = 1.0  # what comes besides the tree is waited for this long once the tree is there
_HEAD_SECONDS = 0.1  # transactions come in bursts; heads travel no faster than this
_MOST_BEFORE = 8
_READ_GAS = 500_000  # for each Probe where the block's limit would leave it none (Reth divides what is left)
_INVALID_PARAMS = -32602  # it knows no callTracer, or dislikes this very transaction: not remembered
_INSUFFICIENT_FUNDS = -38014  # of eth_simulateV1 (execution-apis)

TRACE, SIMULATE = "debug_traceCall", "eth_simulateV1"


class Outdated(NodeError):
    """The transaction can no longer happen: its nonce is used."""


class _Head(WireHeader, frozen=True, rename="camel", kw_only=True):
    gas_limit: str | None = None


class _TracedLog(msgspec.Struct):
    address: str
    topics: list[str] = []
    data: str = "0x"
    position: str = "0x0"
    index: str | None = None


class TracedFrame(msgspec.Struct, rename="camel"):
    """A `callTracer` frame with the logs it emitted (`withLog`)."""

    type: str
    from_: str = msgspec.field(name="from")
    to: str | None = None
    value: str | None = None
    input: str = "0x"
    output: str | None = None
    error: str | None = None
    calls: list["TracedFrame"] | None = None
    logs: list[_TracedLog] | None = None


class _SimulatedCall(msgspec.Struct):
    status: str
    logs: list[Log] = []


class _SimulatedBlock(msgspec.Struct):
    calls: list[msgspec.Raw]


_call_decoder = msgspec.json.Decoder(_SimulatedCall)


class _Traced(msgspec.Struct, frozen=True):
    tree: CallFrame
    logs: list[Log]


class _Ran(msgspec.Struct, frozen=True):
    """What `eth_simulateV1` said. `after` is how many transactions ran before this one."""

    succeeded: bool
    logs: list[Log]
    readings: dict[str, ProbeReading]
    after: int


class Simulator:
    """Simulates transactions on one chain, with Probes of `specs` after them."""

    def __init__(self, pool: Pool, chain_id: int, specs: Sequence[ProbeSpec] = ()) -> None:
        self._pool = pool
        self._chain_id = chain_id
        self._specs = tuple(specs)
        self._head: _Head | None = None
        self._head_at = 0.0
        self._warned: set[str] = set()

    def new_block(self) -> None:
        """The latest block is another one now."""
        self._head = None

    async def simulate(
        self, transaction: Transaction, before: Sequence[Transaction] = ()
    ) -> tuple[Execution, dict[str, ProbeReading]]:
        """What `transaction` would do on the latest block, after those `before` it, and the Probes after it.

        Without call tree where none is offered, or where it would be that of another run: without those before.
        Raises Outdated where its nonce is used, NodeError when it cannot be simulated within the time there is.
        """
        try:
            async with asyncio.timeout(_BUDGET_SECONDS):
                return await self._simulate(transaction, before[-_MOST_BEFORE:])
        except TimeoutError:
            raise NodeError(f"Simulating took longer than {_BUDGET_SECONDS:g} s.", "Check the node's load.") from None

    async def _simulate(
        self, transaction: Transaction, before: Sequence[Transaction]
    ) -> tuple[Execution, dict[str, ProbeReading]]:
        head = await self._latest()
        traces, simulates = self._offers(TRACE), self._offers(SIMULATE)
        if before:
            before = await self._unmined(transaction, before, head) if simulates else ()
        traced: _Traced | NodeError | None = None
        ran: _Ran | NodeError | None = None
        if traces and simulates and (before or self._specs):
            traced, ran = await self._both(transaction, before, head)
        elif traces:
            traced = await _outcome(self._trace(transaction, head))
        if not isinstance(traced, _Traced):
            if isinstance(traced, NodeError) and not _may_be_simulated(traced) and not isinstance(ran, _Ran):
                raise traced
            if ran is None:
                ran = await _outcome(self._run(transaction, before, head))
            if self._specs and isinstance(ran, NodeRejected) and not _is_final(ran):
                ran = await _outcome(self._run_once(transaction, (), head, ()))
        tree, succeeded, logs, readings = _merged(traced, ran)
        execution = Execution(
            chain_id=self._chain_id, stage=Stage.PENDING, transaction=transaction, block=head.ref(), index=0,
            succeeded=succeeded, logs=logs, trace=tree,
        )  # fmt: skip
        return execution, readings

    def _offers(self, method: str) -> bool:
        if any(method not in provider.unsupported for provider in self._pool.having(role_of(method))):
            return True
        if method not in self._warned:
            self._warned.add(method)
            lost = "call trees" if method == TRACE else "Probes after them"
            log.warning(f"no node has {method}", consequence=f"pending transactions have no {lost}")
        return False

    async def _latest(self) -> _Head:
        if self._head is None or time.monotonic() - self._head_at > _HEAD_SECONDS:
            asked = time.monotonic()
            head = await self._pool.call("eth_getBlockByNumber", ["latest", False], as_=_Head)
            if head is None:
                raise NodeError("The node has no latest block.", "Check the node.")
            self._head, self._head_at = head, asked
            return head  # type: ignore[no-any-return]
        return self._head

    async def _unmined(
        self, transaction: Transaction, before: Sequence[Transaction], head: _Head
    ) -> Sequence[Transaction]:
        """Those of `before` that the latest block does not contain: run twice, they would show what cannot be."""
        try:
            used = quantity(await self._pool.call("eth_getTransactionCount", [transaction.from_, head.number]))
        except (NodeRejected, TypeError, ValueError):
            return ()
        if quantity(transaction.nonce) < used:
            raise Outdated(f"The nonce of {transaction.hash} is used.", "It can no longer happen.")
        return [earlier for earlier in before if quantity(earlier.nonce) >= used]

    async def _both(
        self, transaction: Transaction, before: Sequence[Transaction], head: _Head
    ) -> tuple[_Traced | NodeError, _Ran | NodeError | None]:
        tracing = asyncio.create_task(_outcome(self._trace(transaction, head)))
        running = asyncio.create_task(_outcome(self._run(transaction, before, head)))
        try:
            traced = await tracing
            if not isinstance(traced, _Traced):
                return traced, await running
            await asyncio.wait({running}, timeout=_GRACE_SECONDS)
            return traced, running.result() if running.done() else None
        finally:
            tracing.cancel()
            running.cancel()
            await asyncio.gather(tracing, running, return_exceptions=True)

    async def _trace(self, transaction: Transaction, head: _Head) -> _Traced:
        tracer = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
        params = [_request(transaction), head.number, tracer]
        root = await self._pool.call(TRACE, params, as_=TracedFrame, timeout=_BUDGET_SECONDS)
        if root is None:
            raise NodeError("The node answered null to debug_traceCall.", "Check the node.")
        return _Traced(*_split(root))

    async def _run(self, transaction: Transaction, before: Sequence[Transaction], head: _Head) -> _Ran:
        """By `eth_simulateV1`: after those before it, or else without them."""
        if before:
            try:
                return await self._run_once(transaction, before, head, self._specs)
            except NodeRejected as error:
                if error.code in NO_SUCH_METHOD:
                    raise
        return await self._run_once(transaction, (), head, self._specs)

    async def _run_once(
        self, transaction: Transaction, before: Sequence[Transaction], head: _Head, specs: Sequence[ProbeSpec]
    ) -> _Ran:
        ours = [*before, transaction]
        calls: list[Any] = [*map(_request, ours), *after_requests(specs)]
        block: dict[str, Any] = {"calls": calls}
        gas = sum(quantity(each.gas) for each in ours) + _READ_GAS * len(specs)
        if len(calls) > 1 and head.gas_limit is not None and gas > quantity(head.gas_limit):
            block["blockOverrides"] = {"gasLimit": hex(gas)}
        blocks = await self._pool.call(
            SIMULATE,
            [{"blockStateCalls": [block], "validation": False}, head.number],
            as_=list[_SimulatedBlock],
            timeout=_BUDGET_SECONDS,
        )
        if not blocks or len(blocks[0].calls) != len(calls):
            raise NodeError("The node answered eth_simulateV1 without what was asked.", "Check the node.")
        results = blocks[0].calls
        try:
            result = _call_decoder.decode(results[len(before)])
            answers = [msgspec.json.decode(raw) for raw in results[len(ours) :]]
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NodeError(f"The node's answer to eth_simulateV1 cannot be read: {error}.", "Check it.") from error
        succeeded = result.status == "0x1"
        logs = [
            Log(address=each.address.lower(), topics=each.topics, data=each.data, log_index=hex(i))
            for i, each in enumerate(result.logs if succeeded else ())
        ]
        readings = readings_after(specs, head.ref(), answers) if specs else {}
        return _Ran(succeeded, logs, readings, len(before))


def _request(transaction: Transaction) -> dict[str, Any]:
    """The transaction as a call. Without fees: nobody pays any in a simulation without validation."""
    call: dict[str, Any] = {
        "from": transaction.from_, "to": transaction.to, "value": transaction.value,
        "input": transaction.input, "gas": transaction.gas,
    }  # fmt: skip
    if transaction.authorization_list:  # EIP-7702: without it an account would have no code to run
        call["authorizationList"] = transaction.authorization_list
    return call


async def _outcome(asked: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await asked
    except NodeError as error:
        return error


def _may_be_simulated(error: NodeError) -> bool:
    """Whether a refusal to trace says nothing about the transaction."""
    return isinstance(error, NodeRejected) and (error.code in NO_SUCH_METHOD or error.code == _INVALID_PARAMS)


def _is_final(error: NodeRejected) -> bool:
    """Whether asking for less would be refused, too: the node does not simulate, or the sender cannot pay."""
    cannot_pay = error.code == _INSUFFICIENT_FUNDS or "insufficient funds" in error.message.lower()
    return cannot_pay or error.code in NO_SUCH_METHOD


def _merged(
    traced: _Traced | NodeError | None, ran: _Ran | NodeError | None
) -> tuple[CallFrame | None, bool, list[Log], dict[str, ProbeReading]]:
    """Tree, success, logs and readings of what is known. Raises where nothing is."""
    if isinstance(ran, _Ran) and (ran.after or not isinstance(traced, _Traced)):
        # The tree is of the transaction on its own: it holds where that made no difference.
        tree = traced.tree if isinstance(traced, _Traced) and _agree(traced, ran) else None
        return tree, ran.succeeded, ran.logs, ran.readings
    if isinstance(traced, _Traced):
        readings = ran.readings if isinstance(ran, _Ran) else {}
        return traced.tree, traced.tree.error is None, traced.logs, readings
    raise ran if isinstance(ran, NodeError) else NodeError("Nothing simulates.", "Use a node that does.")


def _agree(traced: _Traced, ran: _Ran) -> bool:
    def said(logs: list[Log]) -> list[tuple[str, list[str], str]]:
        return [(each.address, each.topics, each.data) for each in logs]

    return (traced.tree.error is None) is ran.succeeded and said(traced.logs) == said(ran.logs)


def _split(root: TracedFrame) -> tuple[CallFrame, list[Log]]:
    """The call tree without logs, and the logs in the order they were emitted, reverted ones left out."""
    logs: list[Log] = []

    def visit(frame: TracedFrame, reverted: bool) -> CallFrame:
        reverted = reverted or frame.error is not None
        own = list(frame.logs or ()) if not reverted else []
        children = []
        # `position` says how many sub-calls came before the log.
        for index, child in enumerate(frame.calls or ()):
            while own and int(own[0].position, 16) <= index:
                emit(own.pop(0))
            children.append(visit(child, reverted))
        for rest in own:
            emit(rest)
        return CallFrame(
            type=frame.type, from_=frame.from_, to=frame.to, value=frame.value, input=frame.input,
            output=frame.output, error=frame.error, calls=children,
        )  # fmt: skip

    def emit(entry: _TracedLog) -> None:
        logs.append(Log(address=entry.address, topics=entry.topics, data=entry.data, log_index=hex(len(logs))))

    return visit(root, False), logs
