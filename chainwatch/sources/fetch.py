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
from chainwatch.chain.header import is_authentic
from chainwatch.chain.heads import Disagreement
from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import OTHERS_SECONDS, Pool
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
from chainwatch.sources.clearing import Clearing
from chainwatch.types import Address, Block, CallFrame, MalformedLog, ParkedTransaction, Receipt, Transaction

log = structlog.get_logger(__name__)

TraceMode = Literal["parity", "geth", "none"]

_BATCH = 100  # providers limit batches; geth's own limit is 1,000 calls
_AGAIN_SECONDS = 0.1
_AGREEMENT_SECONDS = 3.0  # waiting for the others; then what most of those say who answered
_FEW_TREES = 8  # so many are asked for one by one before a whole block's are
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
    digest: bytes = b""
    """What its providers told, to be compared with what they tell later; empty where it is agreed on as it is."""


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
        self,
        pool: Pool,
        chain_id: int,
        trace_mode: TraceMode,
        watched: frozenset[Address] = frozenset(),
        *,
        clearing: Clearing | None = None,
    ) -> None:
        self._pool = pool
        self._chain_id = chain_id
        self._trace_mode = trace_mode
        self._watched = watched
        self._clearing = clearing if watched else None  # with nothing watched it would clear nothing
        self._receipts_by_block = True
        self._trees_singly = True
        self._state_sync = facts_of(chain_id).family == "polygon"
        self.dissent: dict[str, Disagreement] = {}
        """By provider: the last block whose content it told otherwise than the quorum, until it agrees again."""

    async def fetch(self, block_hash: str, number: int) -> FetchedBlock:
        """The block `block_hash` at height `number`.

        Raises BlockVanished when no provider has it, NodeError when they fail or contradict themselves.
        """
        all_trees = self._trace_mode == "parity" and self._clearing is None
        raw, receipts_raw, traces = await asyncio.gather(
            self._pool.call("eth_getBlockByHash", [block_hash, True], as_=msgspec.Raw),
            self._receipts(block_hash),
            self._parity_traces(number, block_hash) if all_trees else _nothing(),
        )
        if is_null(raw) or is_null(receipts_raw):
            raise BlockVanished(f"Block {block_hash} is no longer known to the node.", "It is followed by itself.")
        if not self._receipts_by_block:
            receipts_raw = await self._receipts_one_by_one(_hashes_in(bytes(raw), block_hash))
        told, confirmed_by = await self._believed(self._told(bytes(raw), receipts_raw, block_hash), block_hash)
        hashes = [t.hash for t in told.transactions]
        trees: list[CallFrame | None] | None = None
        cleared: frozenset[str] = frozenset()
        if self._clearing is not None:
            pairs = zip(told.transactions, told.receipts, strict=True)
            cleared = frozenset(t.hash for t, r in pairs if self._clearing.clears(t, r.logs))
            trees = await self._trees_of([h for h in hashes if h not in cleared], hashes, number, told)
        elif self._trace_mode == "geth" and hashes:
            trees = await self._geth_traces(block_hash, len(hashes), [p.index for p in told.parked])
        elif self._trace_mode == "parity":
            if traces is not None and not traces.keys() >= set(hashes) and len(self._pool.having("traces")) > 1:
                traces = await self._parity_traces(number, block_hash, whole=frozenset(hashes))
            trees = None if traces is None else [traces.get(h) for h in hashes]
        if trees is not None and (missing := trees.count(None) - len(cleared)) > 0:
            log.warning("call trees of transactions are missing", block=block_hash, count=missing)
        wire = msgspec.structs.replace(told.wire, transactions=told.transactions)
        try:
            block = block_of(self._chain_id, wire, told.receipts, trees, told.malformed)
        except ValueError as error:
            raise NodeError(f"A quantity of block {block_hash} is not hex: {error}.", "Check the node.") from error
        if told.parked or confirmed_by > 1 or cleared:
            executions = tuple(
                msgspec.structs.replace(e, cleared=True) if e.transaction.hash in cleared else e
                for e in block.executions
            )
            block = msgspec.structs.replace(block, parked=told.parked, confirmed_by=confirmed_by, executions=executions)
        several = len(self._pool.having("reads")) > 1
        doubtful = several and confirmed_by < self._pool.needed and self._may_concern(told)
        bad = sum(map(len, told.malformed.values()))
        digest = told.digest() if doubtful else b""
        return FetchedBlock(block, told.raw_block, told.raw_receipts, trees, bad, digest)

    def _told(self, raw: bytes, receipts_raw: bytes, block_hash: str) -> "_Told | NodeError":
        """A block and its receipts, as one provider told them, if they belong together."""
        try:
            wire, parked = parse_block(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return NodeError(f"Block {block_hash} cannot be read: {error}.", "Check the node.")
        if wire.hash != block_hash:
            return NodeError(f"The node gave block {wire.hash} when asked for {block_hash}.", "Check the node.")
        try:
            receipts, malformed = parse_receipts(receipts_raw)
            both = aligned(wire.transactions, receipts, parked, state_sync=self._state_sync)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return NodeError(f"The receipts of block {block_hash} cannot be read: {error}.", "Check the node.")
        except NodeError:
            return NodeError(
                f"The receipts of block {block_hash} are not those of its transactions.",
                "Check the node; it is asked again.",
            )
        if not malformed and not _fits(wire, receipts):  # with malformed ones not all that it was made of is known
            return NodeError(f"The logs of block {block_hash} are not those of its header.", "Check the node.")
        return _Told(raw, receipts_raw, wire, parked, both.transactions, both.receipts, malformed)

    async def _believed(self, first: "_Told | NodeError", block_hash: str) -> "tuple[_Told, int]":
        """What to believe of a block of which one provider told us `first`, and how many say the same.

        What the others do not have yet is believed of one provider, and looked at again once they have it. Raises
        NodeError where they say different things without a majority: it is asked again, and in the end parked.
        """
        if len(self._pool.having("reads")) == 1:
            if isinstance(first, NodeError):
                raise first
            return first, 1
        if not isinstance(first, NodeError) and not self._may_concern(first):
            return first, 1
        votes: dict[bytes, list[str]] = {}
        found: dict[bytes, _Told] = {}
        hashes = [] if isinstance(first, NodeError) else [t.hash for t in first.transactions]
        async with aclosing(self._told_by_each(block_hash, hashes)) as each:
            async for name, told in each:
                digest = b"" if isinstance(told, NodeError) else told.digest()
                votes.setdefault(digest, []).append(name)
                if isinstance(told, NodeError):
                    continue
                found[digest] = told
                if len(votes[digest]) >= self._pool.needed:
                    break
        self._note_dissent(first, votes)
        if not found:
            if isinstance(first, NodeError):
                raise first
            raise NodeError(f"No provider tells block {block_hash} as its header has it.", "It is asked again.")
        # Below the quorum a header that has its hash speaks for what comes with it.
        ranked = sorted(found, key=lambda d: (len(votes[d]) >= self._pool.needed, _authentic(found[d]), len(votes[d])))
        best = ranked[-1]
        if len(votes[best]) < self._pool.needed and len(ranked) > 1 and not _authentic(found[best]):
            raise NodeError(f"The providers do not agree on block {block_hash}.", "It is asked again.")
        return found[best], len(votes[best])

    def _may_concern(self, told: "_Told") -> bool:
        """Whether the quorum's word is needed: unless everybody who follows its hash agrees that no log concerns us."""
        if not self._watched:
            return False
        bloom = int(told.wire.logs_bloom, 16) if told.wire.logs_bloom else 0
        return not _authentic(told) or may_hold(bloom, self._watched)

    def digest_of(self, fetched: FetchedBlock) -> bytes:
        """What `FetchedBlock.digest` would be of a block that is agreed on."""
        told = self._told(fetched.raw_block, fetched.raw_receipts, fetched.block.ref.hash or "")
        return b"" if isinstance(told, NodeError) else told.digest()

    async def _told_by_each(
        self, block_hash: str, hashes: list[str]
    ) -> "AsyncGenerator[tuple[str, _Told | NodeError], None]":
        calls: list[tuple[str, list[object]]] = [("eth_getBlockByHash", [block_hash, True])]
        if self._receipts_by_block:
            calls.append(("eth_getBlockReceipts", [block_hash]))
        else:
            calls += [("eth_getTransactionReceipt", [h]) for h in hashes]
        deadline, behind = time.monotonic() + OTHERS_SECONDS, True
        heard: set[str] = set()
        while behind:
            behind = False
            async with aclosing(self._pool.each(calls, timeout=_AGREEMENT_SECONDS)) as each:
                async for name, answer in each:
                    if name in heard or isinstance(answer, NodeError):
                        continue
                    if any(a is None or isinstance(a, NodeRejected) for a in answer):
                        behind = True  # it does not have the block yet, or not all of it: it is asked again
                        continue
                    heard.add(name)
                    receipts = answer[1] if self._receipts_by_block else answer[1:]
                    yield name, self._told(msgspec.json.encode(answer[0]), msgspec.json.encode(receipts), block_hash)
            if not behind or time.monotonic() + _AGAIN_SECONDS > deadline:
                return
            await asyncio.sleep(_AGAIN_SECONDS)

    def _note_dissent(self, first: "_Told | NodeError", votes: dict[bytes, list[str]]) -> None:
        agreed = next((d for d, names in votes.items() if d and len(names) >= self._pool.needed), None)
        number = None if isinstance(first, NodeError) or not first.wire.number else int(first.wire.number, 16)
        says = {n: f"content {d.hex()[:12] or 'that contradicts itself'}" for d, names in votes.items() for n in names}
        for digest, names in votes.items():
            for name in names:
                if digest == agreed or len(votes) == 1:
                    self.dissent.pop(name, None)
                elif agreed is not None or not digest:
                    since = self.dissent[name].since if name in self.dissent else time.monotonic()
                    what = f"Content of block {'?' if number is None else number}"
                    self.dissent[name] = Disagreement(what, number, says, since, time.monotonic())

    async def _trees_of(
        self, wanted: list[str], hashes: list[str], number: int, told: "_Told"
    ) -> list[CallFrame | None] | None:
        """Call trees of the transactions `wanted`, at their places among all; of the whole block where that is less."""
        if self._trace_mode == "none":
            return None
        block_hash = told.wire.hash or ""
        found: dict[str, CallFrame | None] = {}
        many = len(wanted) > max(_FEW_TREES, len(hashes) // 4) or not self._trees_singly
        if many and wanted and self._trace_mode == "parity":
            found = await self._parity_traces(number, block_hash, whole=frozenset(wanted)) or {}
        elif many and wanted:
            trees = await self._geth_traces(block_hash, len(hashes), [p.index for p in told.parked])
            found = dict(zip(hashes, trees or (), strict=False))
        elif wanted:
            found = await self.trees(wanted, block_hash)
            if not self._trees_singly:
                return await self._trees_of(wanted, hashes, number, told)
        return [found.get(h) for h in hashes]

    async def trees(self, wanted: list[str], block_hash: str) -> dict[str, CallFrame | None]:
        """Call trees of some transactions of a block, asked for one by one; what no provider gives is left out."""
        parity = self._trace_mode == "parity"
        calls: list[tuple[str, list[object]]] = [
            ("trace_transaction", [h]) if parity else ("debug_traceTransaction", [h, _GETH_TRACER]) for h in wanted
        ]
        found: dict[str, CallFrame | None] = {}
        try:
            for tx_hash, answer in zip(wanted, await self._pool.batch(calls, timeout=5.0), strict=True):
                if isinstance(answer, NodeRejected) and answer.code in NO_SUCH_METHOD and self._trees_singly:
                    self._trees_singly = False
                    log.warning("no provider gives single call trees", consequence="those of whole blocks are fetched")
                if isinstance(answer, NodeRejected) or not answer:
                    continue
                if not parity:
                    found[tx_hash] = msgspec.convert(answer, CallFrame)
                    continue
                traces = msgspec.convert(answer, list[ParityTrace])
                if traces[0].block_hash in (None, block_hash):  # else it was mined again elsewhere
                    found[tx_hash] = call_tree(traces)
        except (NodeError, msgspec.ValidationError, RecursionError) as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
        return found

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

    async def _parity_traces(
        self, number: int, block_hash: str, *, whole: frozenset[str] = frozenset()
    ) -> dict[str, CallFrame | None] | None:
        """Call trees by transaction hash, from a provider that has those of `whole`, if there is one."""

        def accept(traces: list[ParityTrace] | None) -> bool:
            if traces and traces[0].block_hash != block_hash:
                return False
            return not whole or whole <= {t.transaction_hash for t in traces or ()}

        try:
            call = self._pool.call("trace_block", [hex(number)], as_=list[ParityTrace], accept=accept)
            flat: list[ParityTrace] = await call or []
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
    """A block with its receipts as one provider told them, found to belong together."""

    raw_block: bytes
    raw_receipts: bytes
    wire: WireBlock
    parked: tuple[ParkedTransaction, ...]
    transactions: list[Transaction]
    receipts: list[Receipt]
    malformed: dict[str, tuple[MalformedLog, ...]]

    def digest(self) -> bytes:
        """What matters of it, so that two providers' can be compared: transactions, bloom, status and logs."""
        calls = [(t.hash, t.from_, t.to, t.value, t.input) for t in self.transactions]
        said = [(r.transaction_hash, r.status, r.logs) for r in self.receipts]
        bad = [log.raw for logs in self.malformed.values() for log in logs]
        return hashlib.sha256(msgspec.json.encode((self.wire.logs_bloom, calls, said, bad)).lower()).digest()


def _fits(wire: WireBlock, receipts: Sequence[Receipt]) -> bool:
    """Whether these logs are those of which the header's bloom is made. A zero bloom says nothing: some chains leave
    it so."""
    bloom = int(wire.logs_bloom, 16) if wire.logs_bloom else 0
    try:
        return not bloom or bloom_of(log for receipt in receipts for log in receipt.logs) == bloom
    except ValueError:  # an address or topic that is not hex: the decoder counts it, the block is not lost
        return True


def _authentic(told: _Told) -> bool:
    """Whether bloom and gas are what the block's hash stands for, and the receipts account for both."""
    try:
        bloom = int(told.wire.logs_bloom or "0x0", 16)
        used = sum(int(r.gas_used, 16) for r in told.receipts)
        return (
            used == int(told.wire.gas_used or "-1", 16)
            and (bloom != 0 or not any(r.logs for r in told.receipts))
            and is_authentic(told.raw_block, told.wire.hash or "")
        )
    except ValueError:
        return False


def _hashes_in(raw: bytes, block_hash: str) -> list[str]:
    try:
        return [t.hash for t in parse_block(raw)[0].transactions]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NodeError(f"Block {block_hash} cannot be read: {error}.", "Check the node.") from error


async def _nothing() -> None:
    return None
