"""One block and all that happened in it, from a node: transactions, receipts and call trees, by block hash.

Call trees come from whatever the node offers, found out once: `trace_block` (Anvil, Erigon, Nethermind, Reth),
`debug_traceBlockByHash` (geth), or nothing, which is a degraded mode and said so. Anvil is never asked
`debug_traceBlock*`: it takes quadratic time there.

Logs are held against the bloom of the block's header. With several providers the receipts of a block that may
concern what is protected are asked of all of them, and those count on which the quorum agrees: one provider can
neither invent nor hide an attack.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec
import structlog

from chainwatch.chain.bloom import bloom_of, may_hold
from chainwatch.chain.heads import Disagreement
from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import NO_SUCH_METHOD, Caller
from chainwatch.chain.wire import (
    ParityTrace,
    WireBlock,
    aligned,
    block_of,
    call_tree,
    is_null,
    parse_block,
    parse_receipts,
)
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import Address, Block, CallFrame, MalformedLog, ParkedTransaction, Receipt, Transaction

log = structlog.get_logger(__name__)

TraceMode = Literal["parity", "geth", "none"]

_BATCH = 100  # providers limit batches; geth's own limit is 1,000 calls
_AGREEMENT_SECONDS = 3.0  # waiting for the others; then what most of those say who answered
_GETH_TRACER = {"tracer": "callTracer", "timeout": "10s"}


class BlockVanished(NodeError):
    """The node no longer has this block: it was reorganised away between header and fetch."""


class FetchedBlock(msgspec.Struct, frozen=True):
    """A block as typed Executions and as the node's own JSON (for Recordings)."""

    block: Block
    raw_block: bytes
    raw_receipts: bytes
    traces: list[CallFrame | None] | None
    malformed: int


class _GethTrace(msgspec.Struct):
    result: CallFrame | None = None
    error: str | None = None


async def detect_trace_mode(rpc: Caller, configured: Literal["auto", "parity", "geth", "none"]) -> TraceMode:
    """Which tracing interface to use: the configured one, or the best the node offers."""
    if configured != "auto":
        return configured
    head = await rpc.call("eth_getBlockByNumber", ["latest", False])
    probes: tuple[tuple[TraceMode, str, list[object]], ...] = (
        ("parity", "trace_block", [head["number"]]),
        ("geth", "debug_traceBlockByHash", [head["hash"], _GETH_TRACER]),
    )
    for mode, method, params in probes:
        try:
            await rpc.call(method, params, timeout=20.0)
        except NodeRejected:
            continue
        return mode
    log.warning("node offers no call trees", consequence="detection runs in the logs-only mode, which misses more")
    return "none"


class Fetcher:
    """Fetches blocks of one chain. `watched` are the addresses whose blocks are agreed on by the quorum."""

    def __init__(
        self, pool: Pool, chain_id: int, trace_mode: TraceMode, watched: frozenset[Address] = frozenset()
    ) -> None:
        self._pool = pool
        self._chain_id = chain_id
        self._trace_mode = trace_mode
        self._watched = watched
        self._receipts_by_block = True
        self._state_sync = facts_of(chain_id).family == "polygon"
        self.dissent: dict[str, Disagreement] = {}
        """By provider: the last block whose content it told otherwise than the quorum, until it agrees again."""

    async def fetch(self, block_hash: str, number: int) -> FetchedBlock:
        """The block `block_hash` at height `number`.

        Raises BlockVanished when no provider has it, NodeError when they fail or contradict themselves.
        """
        raw, receipts_raw, traces = await asyncio.gather(
            self._pool.call("eth_getBlockByHash", [block_hash, True], as_=msgspec.Raw),
            self._receipts(block_hash),
            self._parity_traces(number, block_hash) if self._trace_mode == "parity" else _nothing(),
        )
        if is_null(raw) or is_null(receipts_raw):
            raise BlockVanished(f"Block {block_hash} is no longer known to the node.", "It is followed by itself.")
        try:
            wire, parked = parse_block(bytes(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise NodeError(f"Block {block_hash} cannot be read: {error}.", "Check the node.") from error
        if wire.hash != block_hash:
            raise NodeError(f"The node gave block {wire.hash} when asked for {block_hash}.", "Check the node.")
        hashes = [t.hash for t in wire.transactions]
        if not self._receipts_by_block:
            receipts_raw = await self._receipts_one_by_one(hashes)
        shape = _Shape(wire, parked, state_sync=self._state_sync)
        told, confirmed_by = await self._believed(shape, receipts_raw, hashes)
        receipts_raw, receipts, malformed = told.raw, told.receipts, told.malformed
        wire = msgspec.structs.replace(wire, transactions=told.transactions)
        hashes = [t.hash for t in wire.transactions]
        trees: list[CallFrame | None] | None = None
        if self._trace_mode == "geth" and hashes:
            trees = await self._geth_traces(block_hash, len(hashes), [p.index for p in parked])
        elif traces is not None:
            trees = [traces.get(h) for h in hashes]
        if trees is not None and None in trees:
            log.warning("call trees of transactions are missing", block=block_hash, count=trees.count(None))
        try:
            block = block_of(self._chain_id, wire, receipts, trees, malformed)
            if parked or confirmed_by > 1:
                block = msgspec.structs.replace(block, parked=parked, confirmed_by=confirmed_by)
        except ValueError as error:
            raise NodeError(f"A quantity of block {block_hash} is not hex: {error}.", "Check the node.") from error
        bad = sum(map(len, malformed.values()))
        return FetchedBlock(block, bytes(raw), receipts_raw, trees, bad)

    async def _believed(self, shape: "_Shape", raw: bytes, hashes: list[str]) -> "tuple[_Told, int]":
        """The receipts to believe, and how many providers agree on them."""
        wire = shape.wire
        told = _told(raw, shape)
        suspect = isinstance(told, NodeError)
        bloom = int(wire.logs_bloom, 16) if wire.logs_bloom else 0
        # A zero bloom is a block without logs, or a chain that does not fill it: then every block may concern us.
        concerns = bool(self._watched) and bool(hashes) and (bloom == 0 or may_hold(bloom, self._watched))
        if len(self._pool.having("reads")) == 1 or not (suspect or concerns):
            if isinstance(told, NodeError):
                raise told
            return told, 1
        votes: dict[bytes, list[str]] = {}
        found: dict[bytes, _Told] = {}
        async with aclosing(self._receipts_of_each(wire, hashes)) as each:
            async for name, other in each:
                told = _told(other, shape)
                digest = b"" if isinstance(told, NodeError) else _digest(told)
                votes.setdefault(digest, []).append(name)
                if isinstance(told, NodeError):
                    continue
                found[digest] = told
                if len(votes[digest]) >= self._pool.needed:
                    break
        self._note_dissent(wire, votes)
        if not found:
            raise NodeError(f"No provider gives the receipts of block {wire.hash} as its header has them.", "Retried.")
        digest = max(found, key=lambda d: len(votes[d]))
        return found[digest], len(votes[digest])

    async def _receipts_of_each(self, wire: WireBlock, hashes: list[str]) -> AsyncGenerator[tuple[str, bytes], None]:
        calls: list[tuple[str, list[object]]] = [("eth_getBlockReceipts", [wire.hash])]
        if not self._receipts_by_block:
            calls = [("eth_getTransactionReceipt", [h]) for h in hashes]
        async with aclosing(self._pool.each(calls, timeout=_AGREEMENT_SECONDS)) as each:
            async for name, answer in each:
                if isinstance(answer, NodeError) or any(a is None or isinstance(a, NodeRejected) for a in answer):
                    continue  # it does not have the block yet, or cannot be asked: no word for or against
                yield name, msgspec.json.encode(answer[0] if self._receipts_by_block else answer)

    def _note_dissent(self, wire: WireBlock, votes: dict[bytes, list[str]]) -> None:
        agreed = next((d for d, names in votes.items() if d and len(names) >= self._pool.needed), None)
        says = {
            n: f"receipts {d.hex()[:12] or 'that do not fit the header'}" for d, names in votes.items() for n in names
        }
        for digest, names in votes.items():
            for name in names:
                if digest == agreed or len(votes) == 1:
                    self.dissent.pop(name, None)
                elif agreed is not None or not digest:
                    number = int(wire.number, 16) if wire.number else None
                    since = self.dissent[name].since if name in self.dissent else time.monotonic()
                    what = f"Receipts of block {number}"
                    self.dissent[name] = Disagreement(what, number, says, since, time.monotonic())

    async def _receipts(self, block_hash: str) -> bytes:
        if not self._receipts_by_block:
            return b"[]"
        try:
            # Plain hash, not {"blockHash": …}: Anvil, geth and Erigon take both, Nethermind only this one.
            return bytes(await self._pool.call("eth_getBlockReceipts", [block_hash], as_=msgspec.Raw))
        except NodeRejected as error:
            if error.code not in NO_SUCH_METHOD:
                # Some nodes say null for a block that they no longer have, others refuse.
                if await self._pool.call("eth_getBlockByHash", [block_hash, False]) is None:
                    return b"null"
                raise
            self._receipts_by_block = False
            log.warning("node has no eth_getBlockReceipts", consequence="receipts are fetched one by one")
            return b"[]"

    async def _receipts_one_by_one(self, hashes: list[str]) -> bytes:
        results: list[object] = []
        for start in range(0, len(hashes), _BATCH):
            some = hashes[start : start + _BATCH]
            results += await self._pool.batch([("eth_getTransactionReceipt", [h]) for h in some])
        for result in results:
            if isinstance(result, NodeRejected):
                raise result
        return msgspec.json.encode(results)

    async def _parity_traces(self, number: int, block_hash: str) -> dict[str, CallFrame | None] | None:
        try:
            flat = await self._pool.call(
                "trace_block",
                [hex(number)],
                as_=list[ParityTrace],
                accept=lambda traces: not traces or traces[0].block_hash == block_hash,
            )
            flat = flat or []
            if flat and flat[0].block_hash != block_hash:
                raise NodeError("trace_block goes by height, and another block is there now.", "It is followed.")
            by_transaction: dict[str, list[ParityTrace]] = {}
            for trace in flat:
                if trace.transaction_hash is not None:  # block rewards have none
                    by_transaction.setdefault(trace.transaction_hash, []).append(trace)
            return {tx_hash: call_tree(traces) for tx_hash, traces in by_transaction.items()}
        except NodeError as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
            return None

    async def _geth_traces(
        self, block_hash: str, count: int, without: Sequence[int] = ()
    ) -> list[CallFrame | None] | None:
        try:
            traces = await self._pool.call(
                "debug_traceBlockByHash", [block_hash, _GETH_TRACER], as_=list[_GethTrace], timeout=30.0
            )
            found = [trace.result for i, trace in enumerate(traces or ()) if i not in without]
            if len(found) != count:
                raise NodeError(f"{len(found)} call trees for {count} transactions.", "Check the node.")
            return found
        except NodeError as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
            return None


class _Told(msgspec.Struct, frozen=True):
    """The receipts of a block as one provider told them."""

    raw: bytes
    transactions: list[Transaction]
    receipts: list[Receipt]
    malformed: dict[str, tuple[MalformedLog, ...]]


class _Shape(msgspec.Struct, frozen=True):
    """A block whose receipts are wanted. `state_sync`: see `aligned`."""

    wire: WireBlock
    parked: tuple[ParkedTransaction, ...]
    state_sync: bool


def _told(raw: bytes, shape: _Shape) -> "_Told | NodeError":
    """Receipts, if they are those of the block's transactions and have the logs that its header's bloom is made of."""
    wire = shape.wire
    try:
        receipts, malformed = parse_receipts(raw)
        both = aligned(wire.transactions, receipts, shape.parked, state_sync=shape.state_sync)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return NodeError(f"The receipts of block {wire.hash} cannot be read: {error}.", "Check the node.")
    except NodeError:
        return NodeError(
            f"The receipts of block {wire.hash} are not those of its transactions.",
            "Check the node; it is asked again.",
        )
    bloom = int(wire.logs_bloom, 16) if wire.logs_bloom else 0
    if bloom and not malformed:  # else there is nothing to compare with, or not all of it
        try:
            fits = bloom_of(log for receipt in receipts for log in receipt.logs) == bloom
        except ValueError:  # an address or topic that is not hex: the decoder counts it, the block is not lost
            fits = True
        if not fits:
            return NodeError(f"The logs of block {wire.hash} are not those of its header.", "Check the node.")
    return _Told(raw, both.transactions, both.receipts, malformed)


def _digest(told: _Told) -> bytes:
    """What matters of a block's receipts, so that two providers' can be compared: status and logs, in order."""
    said = [(r.transaction_hash, r.status, r.logs) for r in told.receipts]
    bad = [log.raw for logs in told.malformed.values() for log in logs]
    return hashlib.sha256(msgspec.json.encode((said, bad)).lower()).digest()


async def _nothing() -> None:
    return None
