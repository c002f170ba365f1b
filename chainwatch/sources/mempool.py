"""Pending transactions, simulated into Executions. Lossy by nature, and it counts what it sheds.

Every provider that pushes pending transactions is followed, and what they push is merged. Transactions that could
touch a contract are simulated (`chainwatch.sources.simulate`). Those aimed at protected contracts go first and have
simulators of their own; when the queue is full the least relevant are shed, and the counts say so. A transaction that
was yielded and can no longer happen is said to be `Gone`; one that is included is not, its block says so. All that is
remembered is bounded.
"""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import structlog

from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec
from chainwatch.chain.rpc import quantity
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import read_transaction
from chainwatch.config.models import ChainConfig
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.sources.simulate import Outdated, Simulator
from chainwatch.types import Address, Block, Execution, Hash, ProbeReading, Transaction

log = structlog.get_logger(__name__)

_MAX_QUEUE = 2_000
_MAX_AGE_SECONDS = 12.0  # one Ethereum slot: later than this it is included or dropped
_SIMULATIONS_AT_ONCE = 8
_RESERVED = 2  # of these, for what is aimed at protected contracts: slow others are not in its way
_UNREAD = 256  # simulated and not yet taken: then simulating waits
_SEEN_KEPT = 50_000
_KEPT = 20_000  # pending transactions known, for replacements and sequences
_KEPT_CHARACTERS = 64_000_000  # of calldata in them
_PAYMENT_GAS = 21_000  # what every transaction costs before any code runs (Yellow Paper, G_transaction)

_BODIES_AT_ONCE, _BODIES_TASKS, _BODIES_TRIES = 100, 2, 3
_BODIES_TIMEOUT_SECONDS = 2.0
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.2, 10.0

_ASK_SECONDS = 3.0  # between questions whether what was yielded is still there
_ASK_AT_ONCE = 100
_ASK_TIMEOUT_SECONDS = 3.0
_STALE_SECONDS = 600.0  # not asked after any more, and no longer believed to run before another

_LEVELS = 4
_URGENT_LEVELS = 2  # aimed at a protected contract, or naming one
_REFUSED = " was refused: "  # how `subscribe` says that the node answered an error


class PendingCounts(msgspec.Struct):
    """What became of the pending transactions that were pushed to us.

    `late` were included, or waited too long, before they were simulated; `replaced` and `gone` could happen and can
    no longer. `first_by` is how many each provider was the first to push.
    """

    seen: int = 0
    irrelevant: int = 0
    simulated: int = 0
    failed: int = 0
    shed: int = 0
    late: int = 0
    replaced: int = 0
    gone: int = 0
    first_by: dict[str, int] = {}


class Simulated(msgspec.Struct, frozen=True):
    """A pending transaction as an Execution, and the Probes after it ({} where the node cannot)."""

    execution: Execution
    readings: dict[str, ProbeReading]


class Gone(msgspec.Struct, frozen=True):
    """A transaction that was `Simulated` and can no longer happen."""

    tx_hash: str
    reason: str


PendingItem = Simulated | Gone


class _Pending(msgspec.Struct):
    """A pending transaction. `level`: see `_level`. It is `waiting` until it is simulated or shed; then, if it was
    yielded, `told_at` by time.monotonic()."""

    transaction: Transaction
    nonce: int
    provider: str
    arrived: float
    level: int
    waiting: bool = False
    told_at: float | None = None
    asked_at: float = 0.0

    @property
    def hash(self) -> Hash:
        return self.transaction.hash

    def outbids(self, other: "_Pending") -> bool:
        """Whether nodes let it take the place of `other`: all ask for a higher fee and no lower tip."""
        (fee, tip), (other_fee, other_tip) = self.fees(), other.fees()
        return fee > other_fee and tip >= other_tip

    def fees(self) -> tuple[int, int]:
        """Greatest fee and greatest tip per gas, in wei."""
        given = self.transaction
        fee = quantity(given.max_fee_per_gas or given.gas_price)
        return fee, quantity(given.max_priority_fee_per_gas) if given.max_fee_per_gas else fee


class _Book:
    """The pending transactions known, by hash and by sender and nonce. Forgets the oldest."""

    def __init__(self) -> None:
        self._by_hash: OrderedDict[Hash, _Pending] = OrderedDict()
        self._by_sender: dict[Address, dict[int, list[_Pending]]] = {}
        self._characters = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, tx_hash: Hash) -> _Pending | None:
        return self._by_hash.get(tx_hash)

    def add(self, entry: _Pending) -> list[_Pending]:
        """Those that are forgotten for it."""
        self._by_hash[entry.hash] = entry
        self._by_sender.setdefault(entry.transaction.from_, {}).setdefault(entry.nonce, []).append(entry)
        self._characters += len(entry.transaction.input)
        forgotten = []
        while len(self._by_hash) > _KEPT or (self._characters > _KEPT_CHARACTERS and len(self._by_hash) > 1):
            oldest = next(iter(self._by_hash.values()))
            self.remove(oldest)
            forgotten.append(oldest)
        return forgotten

    def remove(self, entry: _Pending) -> None:
        del self._by_hash[entry.hash]
        self._characters -= len(entry.transaction.input)
        nonces = self._by_sender[entry.transaction.from_]
        nonces[entry.nonce].remove(entry)
        if not nonces[entry.nonce]:
            del nonces[entry.nonce]
        if not nonces:
            del self._by_sender[entry.transaction.from_]

    def knows(self, sender: Address) -> bool:
        return sender in self._by_sender

    def at(self, sender: Address, nonce: int) -> list[_Pending]:
        """Those of which one at most will happen."""
        return list(self._by_sender.get(sender, {}).get(nonce, ()))

    def up_to(self, sender: Address, nonce: int) -> list[_Pending]:
        nonces = self._by_sender.get(sender, {})
        return [entry for n in sorted(n for n in nonces if n <= nonce) for entry in nonces[n]]

    def before(self, entry: _Pending, most: int = 8) -> list[Transaction]:
        """The transactions of its sender that must happen before it, as far as they are known; the nearest ones."""
        nonces = self._by_sender.get(entry.transaction.from_, {})
        if len(nonces) < 2:
            return []
        lower = sorted(heapq.nlargest(most, (n for n in nonces if n < entry.nonce)))
        oldest = time.monotonic() - _STALE_SECONDS
        best = (max(nonces[n], key=_Pending.fees) for n in lower)
        return [each.transaction for each in best if each.arrived > oldest]


class _Wanted(msgspec.Struct):
    """A hash whose transaction is wanted, and who said it."""

    provider: str
    tries: int = 0


class MempoolSource:
    """Yields what pending transactions would do, and which of them can no longer happen.

    `counts` and `subscribed`, the names of the providers that push, may be read at any time.
    """

    def __init__(
        self, pool: Pool, chain: ChainConfig, protected: frozenset[Address], specs: Sequence[ProbeSpec] = ()
    ) -> None:
        self._pool = pool
        self._endpoints = {p.name: p.ws for p in chain.having("heads") if p.ws is not None}
        self._providers = {provider.name: provider for provider in pool.providers}
        self._readers = {provider.name for provider in pool.having("reads")}
        self._simulator = Simulator(pool, chain.id, specs)
        self._protected = protected
        self._needles = tuple(address[2:] for address in protected)
        self._seen: OrderedDict[Hash, None] = OrderedDict()
        self._bodiless: OrderedDict[Hash, _Wanted] = OrderedDict()
        self._wanted: OrderedDict[Hash, _Wanted] = OrderedDict()  # of these, what is to be fetched now
        self._book = _Book()
        self._queues: tuple[OrderedDict[Hash, _Pending], ...] = tuple(OrderedDict() for _ in range(_LEVELS))
        self._told: OrderedDict[Hash, _Pending] = OrderedDict()
        self._bodies_wanted, self._work, self._urgent_work = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._out: asyncio.Queue[PendingItem | asyncio.Task[None]] = asyncio.Queue()
        self._room = asyncio.Semaphore(_UNREAD)
        self.counts = PendingCounts()
        self.subscribed: set[str] = set()

    async def items(self) -> AsyncIterator[PendingItem]:
        """The stream; ends only by cancellation. What was not taken when it is left is there when it is resumed."""
        loops = [self._follow(name, ws) for name, ws in self._endpoints.items()]
        reserved = min(_RESERVED, _SIMULATIONS_AT_ONCE - 1)
        loops += [self._simulate_on(urgent=i < reserved) for i in range(_SIMULATIONS_AT_ONCE)]
        loops += [self._fetch_bodies() for _ in range(_BODIES_TASKS)]
        tasks = [asyncio.create_task(loop) for loop in [*loops, self._ask_after()]]
        for task in tasks:
            task.add_done_callback(self._out.put_nowait)
        try:
            while True:
                item = await self._out.get()
                if isinstance(item, asyncio.Task):  # a collector that ends is an error, never silence
                    item.result()
                    raise RuntimeError(f"{item} ended")
                if isinstance(item, Simulated):
                    self._room.release()
                yield item
        finally:
            for task in tasks:
                task.remove_done_callback(self._out.put_nowait)
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def note_block(self, block: Block) -> None:
        """`block` was included: its transactions are no longer pending, and others cannot happen any more.

        To be called with every block, late ones too; cheap.
        """
        self._simulator.new_block()
        used: dict[Address, dict[int, Hash]] = {}
        for execution in block.executions:
            transaction = execution.transaction
            self._remember(transaction.hash)  # a provider that is behind may still push it
            self._has_body(transaction.hash)
            if not self._book.knows(transaction.from_):
                continue
            used.setdefault(transaction.from_, {})[quantity(transaction.nonce)] = transaction.hash
            if (entry := self._book.get(transaction.hash)) is not None:
                self.counts.late += entry.waiting
                self._forget(entry)
        for sender, nonces in used.items():
            highest = max(nonces)
            for entry in self._book.up_to(sender, highest):
                by = nonces.get(entry.nonce)
                self._gone(entry, f"its nonce was used by {by or f'another, before {nonces[highest]}'}")

    async def simulate(self, transaction: Transaction) -> Execution:
        """What the transaction would do on the latest block, on its own.

        Raises NodeError when no node can simulate it.
        """
        return (await self._simulator.simulate(transaction))[0]

    # --- What is pushed

    async def _follow(self, name: str, ws: str) -> None:
        delay = _FIRST_BACKOFF_SECONDS
        provider = self._providers.get(name)
        bodies = True
        while True:
            params: list[Any] = ["newPendingTransactions", True] if bodies else ["newPendingTransactions"]
            try:
                if provider is not None:
                    await provider.verify()
                async for raw in subscribe(ws, params, opened=partial(self.subscribed.add, name)):
                    delay = _FIRST_BACKOFF_SECONDS
                    self._pushed(raw, name)
            except NodeError as error:
                if bodies and _REFUSED in error.problem:
                    bodies = False
                    log.warning("provider pushes no whole pending transactions; hashes are tried", provider=name)
                    continue
                bodies = True  # it may have refused for a reason of that moment
                log.warning("pending subscription lost", provider=name, error=str(error), retry_seconds=delay)
                self.subscribed.discard(name)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_BACKOFF_SECONDS)
            finally:
                self.subscribed.discard(name)

    def _pushed(self, raw: bytes, provider: str) -> None:
        try:
            if raw.lstrip().startswith(b'"'):
                self._want(_hash_in(raw), provider)
                return
            transaction = read_transaction(raw)
        except (msgspec.MsgspecError, ValueError) as error:
            self.counts.failed += 1
            log.warning("pending transaction cannot be read", provider=provider, error=str(error))
            return
        if self._has_body(transaction.hash) or self._is_new(transaction.hash, provider):
            self._accept(transaction, provider)

    def _is_new(self, tx_hash: Hash, provider: str) -> bool:
        if tx_hash in self._seen or self._book.get(tx_hash) is not None:
            return False
        self._remember(tx_hash)
        self.counts.seen += 1
        self.counts.first_by[provider] = self.counts.first_by.get(provider, 0) + 1
        return True

    def _remember(self, tx_hash: Hash) -> None:
        self._seen[tx_hash] = None
        if len(self._seen) > _SEEN_KEPT:
            self._seen.popitem(last=False)

    # --- Bodies of what was pushed as a hash

    def _want(self, tx_hash: Hash, provider: str) -> None:
        if not self._is_new(tx_hash, provider):
            return
        self._bodiless[tx_hash] = _Wanted(provider)
        if len(self._bodiless) > _MAX_QUEUE:
            self._has_body(next(iter(self._bodiless)))
            self.counts.shed += 1
        self._fetch(tx_hash)

    def _fetch(self, tx_hash: Hash) -> None:
        if (wanted := self._bodiless.get(tx_hash)) is not None:
            self._wanted[tx_hash] = wanted
            self._bodies_wanted.set()

    def _has_body(self, tx_hash: Hash) -> bool:
        """It is wanted no more. Whether it was."""
        self._wanted.pop(tx_hash, None)
        return self._bodiless.pop(tx_hash, None) is not None

    async def _fetch_bodies(self) -> None:
        while True:
            while not self._wanted:
                self._bodies_wanted.clear()
                await self._bodies_wanted.wait()
            some = [self._wanted.popitem(last=False) for _ in range(min(_BODIES_AT_ONCE, len(self._wanted)))]
            for tx_hash, wanted, answer in await self._bodies(some):
                if answer is None or isinstance(answer, NodeRejected):
                    self._without_body(tx_hash, wanted)
                    continue
                if not self._has_body(tx_hash):  # it was pushed, or included, meanwhile
                    continue
                try:
                    transaction = read_transaction(msgspec.json.encode(answer))
                    if transaction.hash != tx_hash:
                        raise ValueError(f"it is {transaction.hash}, not {tx_hash}")
                except ValueError as error:
                    self.counts.failed += 1
                    log.warning("pending transaction cannot be read", provider=wanted.provider, error=str(error))
                    continue
                if transaction.block_hash is not None:
                    self.counts.late += 1
                    continue
                self._accept(transaction, wanted.provider)

    async def _bodies(self, some: Sequence[tuple[Hash, _Wanted]]) -> list[tuple[Hash, _Wanted, Any]]:
        """What the nodes answer, None where none has it. Whoever pushed a hash has it, if nobody else does."""
        asked: dict[str | None, list[tuple[Hash, _Wanted]]] = {}
        for tx_hash, wanted in some:
            own = wanted.provider if wanted.tries and wanted.provider in self._providers else None
            asked.setdefault(own, []).append((tx_hash, wanted))
        found: list[tuple[Hash, _Wanted, Any]] = []
        for name, group in asked.items():
            of = self._pool if name is None else self._providers[name]
            calls = [("eth_getTransactionByHash", [tx_hash]) for tx_hash, _ in group]
            try:
                async with asyncio.timeout(_BODIES_TIMEOUT_SECONDS):
                    answers = await of.batch(calls)
            except (NodeError, TimeoutError) as error:
                log.debug("pending transactions cannot be fetched", count=len(calls), error=str(error))
                answers = [None] * len(calls)
            found += [(*each, answer) for each, answer in zip(group, answers, strict=True)]
        return found

    def _without_body(self, tx_hash: Hash, wanted: _Wanted) -> None:
        wanted.tries += 1
        if wanted.tries < _BODIES_TRIES:
            asyncio.get_running_loop().call_later(0.1 * wanted.tries, self._fetch, tx_hash)
        elif self._has_body(tx_hash):
            self.counts.failed += 1
            self._seen.pop(tx_hash, None)  # whoever pushes it again may have it

    # --- The queue

    def _accept(self, transaction: Transaction, provider: str) -> None:
        entry = _Pending(
            transaction, quantity(transaction.nonce), provider, time.monotonic(), self._level(transaction)
        )  # fmt: skip
        for old in self._book.at(transaction.from_, entry.nonce):
            if entry.outbids(old):
                self.counts.replaced += 1
                self._forget(old)
                self._say_gone(old, f"replaced by {transaction.hash}")
        for forgotten in self._book.add(entry):
            self.counts.shed += forgotten.waiting
            self._unlist(forgotten)
        # Without calldata, too, a contract may attack; with the gas of a mere payment none can.
        plain_payment = len(transaction.input) < 10 and 0 < quantity(transaction.gas) <= _PAYMENT_GAS
        if plain_payment and transaction.to is not None and transaction.to not in self._protected:
            self.counts.irrelevant += 1
            return
        self._enqueue(entry)

    def _level(self, transaction: Transaction) -> int:
        """0 goes first: aimed at a protected contract, naming one, creating a contract, anything else."""
        if transaction.to in self._protected:
            return 0
        if any(needle in transaction.input for needle in self._needles):
            return 1
        return 2 if transaction.to is None else 3

    def _enqueue(self, entry: _Pending) -> None:
        entry.waiting = True
        self._queues[entry.level][entry.hash] = entry
        if sum(map(len, self._queues)) > _MAX_QUEUE:
            _, shed = next(queue for queue in reversed(self._queues) if queue).popitem(last=True)
            shed.waiting = False
            self.counts.shed += 1
        self._work.set()
        if entry.level < _URGENT_LEVELS:
            self._urgent_work.set()

    def _queued(self, *, urgent: bool) -> _Pending | None:
        for queue in self._queues[: _URGENT_LEVELS if urgent else _LEVELS]:
            while queue:
                _, entry = queue.popitem(last=False)
                if time.monotonic() - entry.arrived <= _MAX_AGE_SECONDS:
                    return entry
                entry.waiting = False
                self.counts.late += 1
        return None

    async def _simulate_on(self, *, urgent: bool) -> None:
        work = self._urgent_work if urgent else self._work
        while True:
            while (entry := self._queued(urgent=urgent)) is None:
                work.clear()
                await work.wait()
            try:
                await self._simulate(entry)
            except asyncio.CancelledError:
                if entry.waiting:
                    self._queues[entry.level][entry.hash] = entry
                raise

    async def _simulate(self, entry: _Pending) -> None:
        try:
            execution, readings = await self._simulator.simulate(entry.transaction, self._book.before(entry))
        except Outdated:
            self.counts.late += entry.waiting
            entry.waiting = False
            return
        except (NodeError, RecursionError, ValueError) as error:
            self.counts.failed += entry.waiting
            entry.waiting = False
            log.debug("simulation failed", transaction=entry.hash, error=str(error))
            return
        await self._room.acquire()
        if not entry.waiting:  # it was included or replaced meanwhile
            self._room.release()
            return
        entry.waiting = False
        entry.told_at = time.monotonic()
        self._told[entry.hash] = entry
        self.counts.simulated += 1
        self._out.put_nowait(Simulated(execution, readings))

    # --- What can no longer happen

    def _forget(self, entry: _Pending) -> None:
        self._book.remove(entry)
        self._unlist(entry)

    def _unlist(self, entry: _Pending) -> None:
        entry.waiting = False
        self._queues[entry.level].pop(entry.hash, None)
        self._told.pop(entry.hash, None)

    def _gone(self, entry: _Pending, reason: str) -> None:
        self.counts.late += entry.waiting
        self._forget(entry)
        if self._say_gone(entry, reason):
            self.counts.gone += 1

    def _say_gone(self, entry: _Pending, reason: str) -> bool:
        """Only of what was yielded: nobody else has heard of it."""
        if entry.told_at is None:
            return False
        self._out.put_nowait(Gone(entry.hash, reason))
        return True

    async def _ask_after(self) -> None:
        """Ask whether what was yielded is still there, those first that were not asked after for longest."""
        while True:
            await asyncio.sleep(_ASK_SECONDS)
            now = time.monotonic()
            for entry in _older_than(_STALE_SECONDS, self._told, now):
                del self._told[entry.hash]
            due = heapq.nsmallest(_ASK_AT_ONCE, self._told.values(), key=lambda entry: (entry.asked_at, entry.level))
            if not due:
                continue
            calls = [("eth_getTransactionByHash", [entry.hash]) for entry in due]
            answers: dict[str, list[Any]] = {}
            async with aclosing(self._pool.each(calls, timeout=_ASK_TIMEOUT_SECONDS)) as each:
                async for name, answer in each:
                    if not isinstance(answer, NodeError):
                        answers[name] = answer
            for index, entry in enumerate(due):
                entry.asked_at = now
                # Who pushed it must be among those who say that they do not have it: others may never have had it.
                heard = entry.provider in answers or entry.provider not in self._readers
                nobody = bool(answers) and all(answer[index] is None for answer in answers.values())
                if heard and nobody and entry.hash in self._told:
                    self._gone(entry, "it disappeared from the mempool")
                    self._seen.pop(entry.hash, None)  # it may come back


def _older_than(seconds: float, told: OrderedDict[Hash, _Pending], now: float) -> Iterator[_Pending]:
    for entry in list(told.values()):
        if entry.told_at is None or now - entry.told_at <= seconds:
            return
        yield entry


def _hash_in(raw: bytes) -> Hash:
    tx_hash = msgspec.json.decode(raw, type=str).lower()
    if len(tx_hash) != 66 or not tx_hash.startswith("0x"):
        raise ValueError(f"{tx_hash[:80]!r} is not a hash")
    return tx_hash
