"""Reading what nodes and Recordings hold into the types of the vocabulary, leniently where it must be.

The fast path reads a whole answer into typed structs at once. Where that fails, every receipt and log is
read on its own, so that one malformed log costs itself and never the block: it is kept raw and counted.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from chainwatch.errors import NodeError
from chainwatch.types import Block, BlockRef, CallFrame, Execution, Log, MalformedLog, Receipt, Stage, Transaction


class WireBlock(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`eth_getBlockByHash(…, true)`; in a corpus number, hash and timestamp may be null."""

    transactions: list[Transaction] = []
    number: str | None = None
    hash: str | None = None
    parent_hash: str | None = None
    timestamp: str | None = None
    base_fee_per_gas: str | None = None
    gas_limit: str | None = None

    def ref(self) -> BlockRef:
        """The block's reference."""
        return BlockRef(
            number=None if self.number is None else int(self.number, 16),
            hash=self.hash,
            parent_hash=self.parent_hash,
            timestamp=None if self.timestamp is None else int(self.timestamp, 16),
        )


class WireHeader(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What matters of a header, from `newHeads` or from a block."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    base_fee_per_gas: str | None = None

    def ref(self) -> BlockRef:
        """The block's reference."""
        return BlockRef(
            number=int(self.number, 16), hash=self.hash, parent_hash=self.parent_hash, timestamp=int(self.timestamp, 16)
        )


_receipts_decoder = msgspec.json.Decoder(list[Receipt])
_raw_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def is_null(raw: bytes | msgspec.Raw | None) -> bool:
    """Whether raw JSON is `null` (msgspec keeps white space around it)."""
    return raw is None or bytes(raw).strip() == b"null"


def parse_receipts(raw: bytes) -> tuple[list[Receipt], dict[str, tuple[MalformedLog, ...]]]:
    """The receipts of one block, and the malformed logs by transaction hash.

    Raises msgspec.MsgspecError only where it is not a list of receipts at all.
    """
    try:
        return _receipts_decoder.decode(raw), {}
    except msgspec.ValidationError:
        receipts: list[Receipt] = []
        malformed: dict[str, tuple[MalformedLog, ...]] = {}
        for item in _raw_list_decoder.decode(raw):
            receipt, bad = _parse_receipt_leniently(bytes(item))
            receipts.append(receipt)
            if bad:
                malformed[receipt.transaction_hash] = tuple(bad)
        return receipts, malformed


def _parse_receipt_leniently(raw: bytes) -> tuple[Receipt, list[MalformedLog]]:
    fields: dict[str, msgspec.Raw] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    raw_logs = fields.pop("logs", msgspec.Raw(b"[]"))
    receipt = msgspec.json.decode(msgspec.json.encode(fields | {"logs": []}), type=Receipt)
    logs: list[Log] = []
    bad: list[MalformedLog] = []
    try:
        items = _raw_list_decoder.decode(raw_logs)
    except msgspec.MsgspecError as error:
        return receipt, [MalformedLog(tx_hash=receipt.transaction_hash, reason=str(error), raw=bytes(raw_logs))]
    for item in items:
        try:
            logs.append(msgspec.json.decode(item, type=Log))
        except msgspec.MsgspecError as error:
            bad.append(MalformedLog(tx_hash=receipt.transaction_hash, reason=str(error), raw=bytes(item)))
    return msgspec.structs.replace(receipt, logs=logs), bad


def block_of(
    chain_id: int,
    wire: WireBlock,
    receipts: Sequence[Receipt] | None,
    traces: Sequence[CallFrame | None] | None,
    malformed: dict[str, tuple[MalformedLog, ...]] | None = None,
) -> Block:
    """The block with its Executions. Raises ValueError where a quantity is not hex."""
    ref = wire.ref()
    return Block(
        chain_id=chain_id,
        ref=ref,
        executions=executions_of(chain_id, ref, wire.transactions, receipts, traces, malformed),
        base_fee_per_gas=None if wire.base_fee_per_gas is None else int(wire.base_fee_per_gas, 16),
        gas_limit=None if wire.gas_limit is None else int(wire.gas_limit, 16),
    )


def executions_of(
    chain_id: int,
    ref: BlockRef,
    transactions: Sequence[Transaction],
    receipts: Sequence[Receipt] | None,
    traces: Sequence[CallFrame | None] | None,
    malformed: dict[str, tuple[MalformedLog, ...]] | None = None,
    stage: Stage = Stage.INCLUDED,
) -> tuple[Execution, ...]:
    """Transactions, receipts and call trees of one block, aligned by index, as Executions.

    Without a receipt (or a status in it) success is read from the root of the call tree; with neither it is assumed.
    """
    malformed = malformed or {}
    made: list[Execution] = []
    for index, transaction in enumerate(transactions):
        receipt = receipts[index] if receipts is not None else None
        trace = traces[index] if traces is not None else None
        if receipt is not None and receipt.status is not None:
            succeeded = receipt.status == "0x1"
        else:
            succeeded = trace is None or trace.error is None
        made.append(
            Execution(
                chain_id=chain_id,
                stage=stage,
                transaction=transaction,
                block=ref,
                index=int(transaction.transaction_index, 16) if transaction.transaction_index else index,
                succeeded=succeeded,
                logs=receipt.logs if receipt is not None else None,
                trace=trace,
                malformed=malformed.get(transaction.hash, ()),
            )
        )
    return tuple(made)


class ParityAction(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The action of one Parity-style trace; which fields it has depends on its type."""

    from_: str | None = msgspec.field(name="from", default=None)
    to: str | None = None
    value: str | None = None
    input: str | None = None
    init: str | None = None
    call_type: str | None = None
    address: str | None = None
    refund_address: str | None = None
    balance: str | None = None
    creation_method: str | None = None


class ParityTrace(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One element of `trace_block`."""

    action: ParityAction
    type: str
    trace_address: list[int]
    transaction_hash: str | None = None
    block_hash: str | None = None
    error: str | None = None
    result: dict[str, Any] | None = None


def call_tree(traces: Iterable[ParityTrace]) -> CallFrame | None:
    """The call tree of one transaction's Parity-style traces, in the form of geth's `callTracer`.

    The traces come in depth-first order. Raises NodeError where they are not one tree.
    """
    root: CallFrame | None = None
    path: list[list[CallFrame]] = []  # the children so far of the frame at each depth
    for trace in traces:
        children: list[CallFrame] = []
        frame = _frame_of(trace, children)
        depth = len(trace.trace_address)
        if depth > len(path) or (depth == 0 and root is not None):
            raise NodeError(
                f"The traces of transaction {trace.transaction_hash} are not one call tree.", "Check the node."
            )
        del path[depth:]
        if depth == 0:
            root = frame
        else:
            path[-1].append(frame)
        path.append(children)
    return root


def _frame_of(trace: ParityTrace, children: list[CallFrame]) -> CallFrame:
    action, result = trace.action, trace.result or {}
    error = "execution reverted" if trace.error == "Reverted" else trace.error
    if trace.type == "create":
        return CallFrame(
            type=(action.creation_method or "create").upper(), from_=action.from_ or "",
            to=None if error else result.get("address"), value=action.value, input=action.init or "0x",
            output=_unless_empty(result.get("code")), error=error, calls=children,
        )  # fmt: skip
    if trace.type == "suicide":
        return CallFrame(
            type="SELFDESTRUCT", from_=action.address or "", to=action.refund_address, value=action.balance,
            error=error, calls=children,
        )  # fmt: skip
    kind = (action.call_type or "call").upper()
    return CallFrame(
        type=kind, from_=action.from_ or "", to=action.to, value=None if kind == "STATICCALL" else action.value,
        input=action.input or "0x", output=_unless_empty(result.get("output")), error=error, calls=children,
    )  # fmt: skip


def _unless_empty(data: str | None) -> str | None:
    return None if data == "0x" else data
