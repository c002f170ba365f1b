"""One block and all that happened in it, from a node: transactions, receipts and call trees, by block hash.

Call trees come from whatever the node offers, found out once: `trace_block` (Anvil, Erigon, Nethermind, Reth),
`debug_traceBlockByHash` (geth), or nothing, which is a degraded mode and said so. Anvil is never asked
`debug_traceBlock*`: it takes quadratic time there.
"""

import asyncio
from typing import Literal

import msgspec
import structlog

from chainwatch.chain.rpc import NO_SUCH_METHOD, Rpc
from chainwatch.chain.wire import ParityTrace, WireBlock, block_of, call_tree, is_null, parse_receipts
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import Block, CallFrame

log = structlog.get_logger(__name__)

TraceMode = Literal["parity", "geth", "none"]

_BATCH = 100  # providers limit batches; geth's own limit is 1,000 calls
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


async def detect_trace_mode(rpc: Rpc, configured: Literal["auto", "parity", "geth", "none"]) -> TraceMode:
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
    """Fetches blocks of one node."""

    def __init__(self, rpc: Rpc, chain_id: int, trace_mode: TraceMode) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._trace_mode = trace_mode
        self._receipts_by_block = True

    async def fetch(self, block_hash: str, number: int) -> FetchedBlock:
        """The block `block_hash` at height `number`.

        Raises BlockVanished when the node no longer has it, NodeError when the node fails or contradicts itself.
        """
        raw, receipts_raw, traces = await asyncio.gather(
            self._rpc.call("eth_getBlockByHash", [block_hash, True], as_=msgspec.Raw),
            self._receipts(block_hash),
            self._parity_traces(number, block_hash) if self._trace_mode == "parity" else _nothing(),
        )
        if is_null(raw) or is_null(receipts_raw):
            raise BlockVanished(f"Block {block_hash} is no longer known to the node.", "It is followed by itself.")
        try:
            wire = msgspec.json.decode(raw, type=WireBlock)
            if not self._receipts_by_block:
                receipts_raw = await self._receipts_one_by_one(wire)
            receipts, malformed = parse_receipts(receipts_raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NodeError(f"Block {block_hash} cannot be read: {error}.", "Check the node.") from error
        hashes = [t.hash for t in wire.transactions]
        if wire.hash != block_hash:
            raise NodeError(f"The node gave block {wire.hash} when asked for {block_hash}.", "Check the node.")
        if [r.transaction_hash for r in receipts] != hashes:
            raise NodeError(
                f"The receipts of block {block_hash} are not those of its transactions.",
                "Check the node; it is asked again.",
            )
        trees: list[CallFrame | None] | None = None
        if self._trace_mode == "geth" and hashes:
            trees = await self._geth_traces(block_hash, len(hashes))
        elif traces is not None:
            trees = [traces.get(h) for h in hashes]
        if trees is not None and None in trees:
            log.warning("call trees of transactions are missing", block=block_hash, count=trees.count(None))
        try:
            block = block_of(self._chain_id, wire, receipts, trees, malformed)
        except ValueError as error:
            raise NodeError(f"A quantity of block {block_hash} is not hex: {error}.", "Check the node.") from error
        return FetchedBlock(block, bytes(raw), receipts_raw, trees, sum(map(len, malformed.values())))

    async def _receipts(self, block_hash: str) -> bytes:
        if not self._receipts_by_block:
            return b"[]"
        try:
            # Plain hash, not {"blockHash": …}: Anvil, geth and Erigon take both, Nethermind only this one.
            return bytes(await self._rpc.call("eth_getBlockReceipts", [block_hash], as_=msgspec.Raw))
        except NodeRejected as error:
            if error.code not in NO_SUCH_METHOD:
                # Some nodes say null for a block that they no longer have, others refuse.
                if await self._rpc.call("eth_getBlockByHash", [block_hash, False]) is None:
                    return b"null"
                raise
            self._receipts_by_block = False
            log.warning("node has no eth_getBlockReceipts", consequence="receipts are fetched one by one")
            return b"[]"

    async def _receipts_one_by_one(self, block: WireBlock) -> bytes:
        results: list[object] = []
        for start in range(0, len(block.transactions), _BATCH):
            some = block.transactions[start : start + _BATCH]
            results += await self._rpc.batch([("eth_getTransactionReceipt", [t.hash]) for t in some])
        for result in results:
            if isinstance(result, NodeRejected):
                raise result
        return msgspec.json.encode(results)

    async def _parity_traces(self, number: int, block_hash: str) -> dict[str, CallFrame | None] | None:
        try:
            flat = await self._rpc.call("trace_block", [hex(number)], as_=list[ParityTrace]) or []
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

    async def _geth_traces(self, block_hash: str, count: int) -> list[CallFrame | None] | None:
        try:
            traces = await self._rpc.call(
                "debug_traceBlockByHash", [block_hash, _GETH_TRACER], as_=list[_GethTrace], timeout=30.0
            )
            if len(traces or ()) != count:
                raise NodeError(f"{len(traces or ())} call trees for {count} transactions.", "Check the node.")
            return [trace.result for trace in traces]
        except NodeError as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
            return None


async def _nothing() -> None:
    return None
