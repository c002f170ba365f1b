"""One block and all that happened in it, from a node: transactions, receipts and call trees, by block hash.

Call trees come from whatever the node offers, found out once: `trace_block` (Anvil, Erigon, Nethermind, Reth),
`debug_traceBlockByHash` (geth), or nothing, which is a degraded mode and said so. Anvil is never asked
`debug_traceBlock*`: it takes quadratic time there.
"""

import asyncio
from typing import Literal

import msgspec
import structlog

from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import ParityTrace, WireBlock, call_tree, executions_of, is_null, parse_receipts
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import Block, CallFrame

log = structlog.get_logger(__name__)

TraceMode = Literal["parity", "geth", "none"]

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
            receipts, malformed = parse_receipts(receipts_raw)
        except msgspec.MsgspecError as error:
            raise NodeError(f"Block {block_hash} cannot be read: {error}.", "Check the node.") from error
        if not self._receipts_by_block and wire.transactions:
            receipts_raw = await self._receipts_one_by_one(wire)
            receipts, malformed = parse_receipts(receipts_raw)
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
            trees = [call_tree(traces.get(h, ())) for h in hashes]
        ref = wire.ref()
        block = Block(
            chain_id=self._chain_id,
            ref=ref,
            executions=executions_of(self._chain_id, ref, wire.transactions, receipts, trees, malformed),
            base_fee_per_gas=None if wire.base_fee_per_gas is None else int(wire.base_fee_per_gas, 16),
            gas_limit=None if wire.gas_limit is None else int(wire.gas_limit, 16),
        )
        return FetchedBlock(block, bytes(raw), receipts_raw, trees, sum(map(len, malformed.values())))

    async def _receipts(self, block_hash: str) -> bytes:
        if not self._receipts_by_block:
            return b"[]"
        try:
            # Plain hash, not {"blockHash": …}: Anvil, geth and Erigon take both, Nethermind only this one.
            return bytes(await self._rpc.call("eth_getBlockReceipts", [block_hash], as_=msgspec.Raw))
        except NodeRejected as error:
            if error.code != -32601:  # method not found
                raise
            self._receipts_by_block = False
            log.warning("node has no eth_getBlockReceipts", consequence="receipts are fetched one by one")
            return b"[]"

    async def _receipts_one_by_one(self, block: WireBlock) -> bytes:
        results = await self._rpc.batch([("eth_getTransactionReceipt", [t.hash]) for t in block.transactions])
        for result in results:
            if isinstance(result, NodeRejected):
                raise result
        return msgspec.json.encode(results)

    async def _parity_traces(self, number: int, block_hash: str) -> dict[str, list[ParityTrace]] | None:
        try:
            flat = await self._rpc.call("trace_block", [hex(number)], as_=list[ParityTrace])
        except (NodeError, RecursionError) as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
            return None
        if flat and flat[0].block_hash != block_hash:
            # trace_block goes by height: another block is there now.
            return None
        by_transaction: dict[str, list[ParityTrace]] = {}
        for trace in flat or ():
            if trace.transaction_hash is not None:  # block rewards have none
                by_transaction.setdefault(trace.transaction_hash, []).append(trace)
        return by_transaction

    async def _geth_traces(self, block_hash: str, count: int) -> list[CallFrame | None] | None:
        try:
            traces = await self._rpc.call(
                "debug_traceBlockByHash", [block_hash, _GETH_TRACER], as_=list[_GethTrace], timeout=30.0
            )
        except (NodeError, RecursionError) as error:
            log.warning("call trees of a block are missing", block=block_hash, error=str(error))
            return None
        return [t.result for t in traces] if len(traces) == count else None


async def _nothing() -> None:
    return None
