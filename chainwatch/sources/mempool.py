"""Pending transactions, simulated into Executions. Lossy by nature, and it counts what it sheds.

Full bodies come by subscription. Transactions that could touch a contract are simulated on the latest block
(never on `pending`: Anvil's pending state already contains the pooled attack). Those aimed at protected
contracts go first; when the queue is full the least relevant are shed, and the counts say so.
"""

import asyncio
import heapq
import itertools
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog

from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec
from chainwatch.chain.rpc import NO_SUCH_METHOD
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import ChainConfig
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import Address, Block, CallFrame, Execution, Log, ProbeReading, Stage, Transaction

log = structlog.get_logger(__name__)

_MAX_QUEUE = 2_000
_MAX_AGE_SECONDS = 12.0  # one Ethereum slot: later than this it is included or dropped
_SIMULATIONS_AT_ONCE = 4
_SIMULATION_TIMEOUT_SECONDS = 2.0
_SEEN_KEPT = 20_000
_PAYMENT_GAS = 21_000  # what every transaction costs before any code runs (Yellow Paper, G_transaction)
_INVALID_PARAMS = -32602  # it knows no callTracer, or dislikes this very transaction: not remembered


class PendingCounts(msgspec.Struct):
    """What became of the pending transactions that were pushed to us."""

    seen: int = 0
    irrelevant: int = 0
    simulated: int = 0
    failed: int = 0
    shed: int = 0
    late: int = 0


class Simulated(msgspec.Struct, frozen=True):
    """A pending transaction as an Execution, and the Probes after it."""

    execution: Execution
    readings: dict[str, ProbeReading]


class Gone(msgspec.Struct, frozen=True):
    """A pending transaction that is no more."""

    tx_hash: str
    reason: str


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
    """One block of `eth_simulateV1`; ours hold one call."""

    calls: tuple[_SimulatedCall]


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


class MempoolSource:
    """Yields Executions of stage `pending`."""

    def __init__(
        self, pool: Pool, chain: ChainConfig, protected: frozenset[Address], _specs: Sequence[ProbeSpec] = ()
    ) -> None:
        self._rpc = pool
        self._ws = next(p.ws for p in chain.having("heads") if p.ws is not None)
        self._chain_id = chain.id
        self._protected = protected
        self._needles = tuple(address[2:] for address in protected)
        self._queue: list[tuple[int, int, float, Transaction]] = []
        self._order = itertools.count()
        self._woken = asyncio.Event()
        self._done: asyncio.Queue[Execution] = asyncio.Queue(maxsize=256)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.counts = PendingCounts()
        self._traces = True  # until the node says that it cannot
        self.subscribed = False

    def note_block(self, block: Block) -> None:
        """A block was included."""

    async def items(self) -> AsyncIterator[Simulated | Gone]:
        """The stream; ends only by cancellation."""
        tasks = [asyncio.create_task(self._follow())]
        tasks += [asyncio.create_task(self._simulate_on()) for _ in range(_SIMULATIONS_AT_ONCE)]
        getter: asyncio.Task[Execution] | None = None
        try:
            while True:
                getter = asyncio.create_task(self._done.get())
                done, _ = await asyncio.wait([getter, *tasks], return_when=asyncio.FIRST_COMPLETED)
                if getter in done:
                    yield Simulated(getter.result(), {})
                    continue
                for task in done:  # a collector that ends is an error, never silence
                    task.result()
        finally:
            started = tasks if getter is None else [getter, *tasks]
            for task in started:
                task.cancel()
            await asyncio.gather(*started, return_exceptions=True)

    async def _follow(self) -> None:
        decoder = msgspec.json.Decoder(Transaction)
        delay = 0.2
        while True:
            try:
                async for raw in subscribe(self._ws, ["newPendingTransactions", True], opened=self._opened):
                    delay = 0.2
                    try:
                        self._accept(decoder.decode(raw))
                    except (msgspec.MsgspecError, ValueError) as error:
                        self.counts.failed += 1
                        log.warning("pending transaction cannot be read", error=str(error))
            except NodeError as error:
                self.subscribed = False
                log.warning("pending subscription lost", error=str(error), retry_seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)

    def _opened(self) -> None:
        self.subscribed = True

    def _accept(self, transaction: Transaction) -> None:
        if transaction.hash in self._seen:
            return
        self._seen[transaction.hash] = None
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)
        self.counts.seen += 1
        # Without calldata, too, a contract may attack; with the gas of a mere payment none can.
        plain_payment = len(transaction.input) < 10 and 0 < int(transaction.gas, 16) <= _PAYMENT_GAS
        if plain_payment and transaction.to is not None and transaction.to not in self._protected:
            self.counts.irrelevant += 1
            return
        heapq.heappush(self._queue, (self._priority(transaction), next(self._order), time.monotonic(), transaction))
        if len(self._queue) > _MAX_QUEUE:
            self._queue.remove(max(self._queue))
            heapq.heapify(self._queue)
            self.counts.shed += 1
        self._woken.set()

    def _priority(self, transaction: Transaction) -> int:
        """0 goes first: aimed at a protected contract, naming one, creating a contract, anything else."""
        if transaction.to in self._protected:
            return 0
        if any(needle in transaction.input for needle in self._needles):
            return 1
        return 2 if transaction.to is None else 3

    async def _simulate_on(self) -> None:
        while True:
            while not self._queue:
                self._woken.clear()
                await self._woken.wait()
            _, _, arrived, transaction = heapq.heappop(self._queue)
            if time.monotonic() - arrived > _MAX_AGE_SECONDS:
                self.counts.late += 1
                continue
            try:
                execution = await self.simulate(transaction)
            except (NodeError, RecursionError, ValueError) as error:
                self.counts.failed += 1
                log.debug("simulation failed", transaction=transaction.hash, error=str(error))
                continue
            self.counts.simulated += 1
            await self._done.put(execution)

    async def simulate(self, transaction: Transaction) -> Execution:
        """What the transaction would do on the latest block.

        Raises NodeError when the node cannot simulate it.
        """
        call = {
            "from": transaction.from_, "to": transaction.to, "value": transaction.value,
            "input": transaction.input, "gas": transaction.gas,
        }  # fmt: skip
        head = await self._rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
        if head is None:
            raise NodeError("The node has no latest block.", "Check the node.")
        tree: CallFrame | None = None
        try:
            if self._traces:
                tree, logs = await self._by_trace(call)
        except NodeRejected as error:
            if error.code in NO_SUCH_METHOD:
                self._traces = False
                log.warning("node has no debug_traceCall", consequence="pending transactions have no call trees")
            elif error.code != _INVALID_PARAMS:
                raise
        if tree is not None:
            succeeded = tree.error is None
        else:
            succeeded, logs = await self._by_simulate(call, head)
        return Execution(
            chain_id=self._chain_id, stage=Stage.PENDING, transaction=transaction, block=head.ref(), index=0,
            succeeded=succeeded, logs=logs, trace=tree,
        )  # fmt: skip

    async def _by_trace(self, call: dict[str, str | None]) -> tuple[CallFrame, list[Log]]:
        tracer = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
        root = await self._rpc.call(
            "debug_traceCall", [call, "latest", tracer], as_=TracedFrame, timeout=_SIMULATION_TIMEOUT_SECONDS
        )
        if root is None:
            raise NodeError("The node answered null to debug_traceCall.", "Check the node.")
        return _split(root)

    async def _by_simulate(self, call: dict[str, str | None], head: WireHeader) -> tuple[bool, list[Log]]:
        blocks = await self._rpc.call(
            "eth_simulateV1",
            [{"blockStateCalls": [{"calls": [call]}]}, head.number],
            as_=list[_SimulatedBlock],
            timeout=_SIMULATION_TIMEOUT_SECONDS,
        )
        if not blocks:
            raise NodeError("The node answered eth_simulateV1 without a block.", "Check the node.")
        [result] = blocks[0].calls
        return result.status == "0x1", result.logs
