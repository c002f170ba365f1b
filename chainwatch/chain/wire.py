"""Reading what nodes and Recordings hold into the types of the vocabulary, leniently where it must be.

The fast path reads a whole answer into typed structs at once. Where that fails, or what it read is not in the form
the rest of chainwatch compares (lower-case addresses, quantities in `0x` hex), every transaction, receipt and log is
read on its own, field by field. So one malformed log or transaction costs itself and never the block: it is kept raw
and counted.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from chainwatch.errors import NodeError
from chainwatch.types import (
    ZERO_ADDRESS,
    Block,
    BlockRef,
    CallFrame,
    Execution,
    Hash,
    Log,
    MalformedLog,
    ParkedTransaction,
    Receipt,
    Stage,
    Transaction,
)


class WireBlock(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`eth_getBlockByHash(…, true)`; in a corpus number, hash and timestamp may be null."""

    transactions: list[Transaction] = []
    number: str | None = None
    hash: str | None = None
    parent_hash: str | None = None
    timestamp: str | None = None
    base_fee_per_gas: str | None = None
    gas_limit: str | None = None
    logs_bloom: str | None = None
    gas_used: str | None = None

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


class Aligned(msgspec.Struct, frozen=True, kw_only=True):
    """Transactions and receipts of one block, the same number of both, in the same order.

    `without_receipt` are the transactions whose receipt the node left out of the block's (Polygon's state sync):
    theirs is empty, and `eth_getTransactionReceipt` may have it.
    """

    transactions: list[Transaction]
    receipts: list[Receipt]
    without_receipt: tuple[Hash, ...] = ()


_block_decoder = msgspec.json.Decoder(WireBlock)
_receipts_decoder = msgspec.json.Decoder(list[Receipt])
_transaction_decoder = msgspec.json.Decoder(Transaction)
_raw_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_raw_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TRANSACTION_FIELDS = msgspec.structs.fields(Transaction)
_RECEIPT_FIELDS = msgspec.structs.fields(Receipt)

_NOT_AS_EXPECTED = (msgspec.ValidationError, UnicodeDecodeError)


def is_null(raw: bytes | msgspec.Raw | None) -> bool:
    """Whether raw JSON is `null` (msgspec keeps white space around it)."""
    return raw is None or bytes(raw).strip() == b"null"


# --- Blocks -----------------------------------------------------------------------------------------------


def parse_block(raw: bytes) -> tuple[WireBlock, tuple[ParkedTransaction, ...]]:
    """The block with the transactions that could be read, in order, and those that could not.

    Raises msgspec.MsgspecError only where it is not a block at all.
    """
    try:
        block = _block_decoder.decode(raw)
        if _in_our_form(block.transactions, block):
            return block, ()
    except _NOT_AS_EXPECTED:
        pass
    return _parse_block_leniently(raw)


def _in_our_form(transactions: Sequence[Transaction], block: WireBlock | None = None) -> bool:
    """Whether what was read needs nothing made of it. Cheap, as it is asked of every block: no loop of our own."""
    named = "".join([f"{t.hash}{t.from_}{ZERO_ADDRESS if t.to is None else t.to}" for t in transactions])
    counted = "".join(
        [
            f" {t.value} {t.nonce} {t.gas} {t.type} {t.input[:10]} {t.transaction_index or '0x'} {t.gas_price or '0x'}"
            f" {t.max_fee_per_gas or '0x'} {t.max_priority_fee_per_gas or '0x'}"
            for t in transactions
        ]
    )
    count = 9 * len(transactions)
    if block is not None:
        header = (block.number, block.timestamp, block.base_fee_per_gas, block.gas_limit)
        counted += "".join([" 0x" if quantity is None else f" {quantity}" for quantity in header])
        count += len(header)
    return (
        len(named) == (66 + 42 + 42) * len(transactions)
        and not _beside(named, b"0123456789abcdefx")
        and _are_quantities(counted, count)
    )


def _beside(text: str, characters: bytes) -> bytes:
    """What of `text` is not of `characters`: the fastest way there is to ask whether all of it is hex."""
    return text.encode(errors="replace").translate(None, characters)


def _are_quantities(text: str, count: int) -> bool:
    """Whether `text` is `count` quantities in lower-case `0x` hex, a space before each."""
    return text.count(" 0x") == count and _beside(text, b"0123456789abcdef ") == b"x" * count


def _parse_block_leniently(raw: bytes) -> tuple[WireBlock, tuple[ParkedTransaction, ...]]:
    fields = _raw_fields_decoder.decode(raw)
    items = _raw_list_decoder.decode(fields.pop("transactions", msgspec.Raw(b"[]")))
    header: dict[str, Any] = {}
    try:
        for name, (ours, read) in _HEADER.items():
            if name in fields:
                header[ours] = read(_any(fields[name]))
        block = WireBlock(**header)
    except ValueError as error:
        raise msgspec.ValidationError(f"Expected a block: {error}") from error
    transactions: list[Transaction] = []
    parked: list[ParkedTransaction] = []
    for index, item in enumerate(items):
        try:
            transactions.append(read_transaction(item))
        except ValueError as error:  # msgspec's errors are ValueErrors, too
            parked.append(ParkedTransaction(index=index, hash=_hash_in(item), reason=str(error), raw=bytes(item)))
    return msgspec.structs.replace(block, transactions=transactions), tuple(parked)


def _any(raw: bytes | msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _hash_in(raw: msgspec.Raw) -> Hash | None:
    """The hash in what is no transaction that can be read, or is nothing but a hash."""
    try:
        value = _any(raw)
        return _hash(value.get("hash") if isinstance(value, dict) else value)
    except ValueError:
        return None


def read_transaction(raw: bytes | msgspec.Raw) -> Transaction:
    """One transaction, say of a pending subscription, in any form that a node gives it.

    Raises ValueError (msgspec's errors are such) where it cannot be read.
    """
    try:
        transaction = _transaction_decoder.decode(raw)
        if _in_our_form([transaction]):
            return transaction
    except (*_NOT_AS_EXPECTED, RecursionError):
        pass
    return _transaction_of(_any(raw))


def _transaction_of(value: Any) -> Transaction:
    """`value` field by field. What says who did what to whom must be readable, the rest may be its default."""
    if not isinstance(value, dict):
        raise ValueError("a transaction is an object" + (", not its hash" if isinstance(value, str) else ""))
    given = {name: item for name, item in value.items() if item is not None}
    if "input" not in given and "data" in given:  # older nodes, and requests
        given["input"] = given["data"]
    read: dict[str, Any] = {"from_": ZERO_ADDRESS}  # transactions of the system itself may name no sender
    for field in _TRANSACTION_FIELDS:
        if field.encode_name not in given:
            continue
        item = given[field.encode_name]
        try:
            read[field.name] = (
                _READERS[field.name](item) if field.name in _READERS else msgspec.convert(item, field.type)
            )
        except ValueError as error:
            if field.name in _ESSENTIAL:
                raise ValueError(f"{field.encode_name}: {error}") from error
    if "hash" not in read:
        raise ValueError("hash: it has none")
    return Transaction(**read)


def transaction_in_lower_case(transaction: Transaction) -> Transaction:
    """`transaction` with hash, addresses and call data as the rest of chainwatch compares them."""
    t = transaction
    found = (t.hash, t.from_, t.to, t.input)
    lower = (t.hash.lower(), t.from_.lower(), t.to and t.to.lower(), t.input.lower())
    if lower == found:
        return t
    return msgspec.structs.replace(t, hash=lower[0], from_=lower[1], to=lower[2], input=lower[3])


# --- Fields -----------------------------------------------------------------------------------------------


def _expected(what: str, value: Any) -> NoReturn:
    raise ValueError(f"{str(value)[:80]!r} is not {what}")


def _hash(value: Any) -> Hash:
    if not isinstance(value, str) or not re.fullmatch(r"0[xX][0-9a-fA-F]{64}", value):
        _expected("a hash", value)
    return value.lower()


def _address(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0[xX][0-9a-fA-F]{40}", value):
        _expected("an address", value)
    return value.lower()


def _recipient(value: Any) -> str | None:
    return None if value in ("", "0x") else _address(value)


def _sender(value: Any) -> str:
    return ZERO_ADDRESS if value in ("", "0x") else _address(value)


def _data(value: Any) -> str:
    if value == "":
        return "0x"
    if not isinstance(value, str) or not re.fullmatch(r"0[xX](?:[0-9a-fA-F]{2})*", value):
        _expected("bytes in hex", value)
    return value.lower()


def _quantity(value: Any) -> str:
    """A quantity of at most 256 bits as `0x` hex, of hex with any case and zeros, a decimal number, or an integer."""
    if isinstance(value, str) and re.fullmatch(r"0[xX][0-9a-fA-F]{0,128}", value):
        number = int(value[2:] or "0", 16)
    elif isinstance(value, str) and re.fullmatch(r"[0-9]{1,100}", value):
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        _expected("a quantity", value)
    if not 0 <= number < 1 << 256:
        _expected("a quantity of 256 bits", value)
    return hex(number)


def _unless_null(read: Callable[[Any], str]) -> Callable[[Any], str | None]:
    return lambda value: None if value is None else read(value)


_READERS: dict[str, Callable[[Any], str | None]] = {
    "hash": _hash, "from_": _sender, "to": _recipient, "value": _quantity, "input": _data, "nonce": _quantity,
    "gas": _quantity, "gas_price": _quantity, "max_fee_per_gas": _quantity, "max_priority_fee_per_gas": _quantity,
    "type": _quantity, "transaction_index": _quantity, "block_hash": _hash,
}  # fmt: skip
"""How each field of a Transaction is read; others are read as their type says."""

_ESSENTIAL = frozenset({"hash", "from_", "to", "value", "input"})

_HEADER: dict[str, tuple[str, Callable[[Any], str | None]]] = {
    "number": ("number", _unless_null(_quantity)),
    "hash": ("hash", _unless_null(_hash)),
    "parentHash": ("parent_hash", _unless_null(_hash)),
    "timestamp": ("timestamp", _unless_null(_quantity)),
    "baseFeePerGas": ("base_fee_per_gas", _unless_null(_quantity)),
    "gasLimit": ("gas_limit", _unless_null(_quantity)),
    "logsBloom": ("logs_bloom", _unless_null(_data)),
    "gasUsed": ("gas_used", _unless_null(_quantity)),
}

_RECEIPT: dict[str, Callable[[Any], str | None]] = {
    "status": _quantity, "transaction_index": _quantity, "contract_address": _recipient, "gas_used": _quantity,
    "effective_gas_price": _quantity, "block_hash": _hash, "block_number": _quantity,
}  # fmt: skip


# --- Receipts ---------------------------------------------------------------------------------------------


def parse_receipts(raw: bytes) -> tuple[list[Receipt], dict[str, tuple[MalformedLog, ...]]]:
    """The receipts of one block, and the malformed logs by transaction hash.

    Raises msgspec.MsgspecError only where it is not a list of receipts at all.
    """
    try:
        receipts = _receipts_decoder.decode(raw)
        if _receipts_in_our_form(receipts):
            return receipts, {}
    except _NOT_AS_EXPECTED:
        pass
    receipts = []
    malformed: dict[str, tuple[MalformedLog, ...]] = {}
    for item in _raw_list_decoder.decode(raw):
        receipt, bad = _parse_receipt_leniently(bytes(item))
        receipts.append(receipt)
        if bad:
            malformed[receipt.transaction_hash] = tuple(bad)
    return receipts, malformed


def _receipts_in_our_form(receipts: Sequence[Receipt]) -> bool:
    logs = [log for receipt in receipts for log in receipt.logs]
    named = "".join([log.address for log in logs])
    named += "".join([log.topics[0] for log in logs if log.topics])
    named += "".join([f"{r.transaction_hash}{r.contract_address or ''}" for r in receipts])
    counted = "".join(
        [
            f" {r.transaction_index} {r.gas_used} {r.effective_gas_price or '0x'} {r.block_number or '0x'}"
            for r in receipts
        ]
    )
    return (
        not _beside(named, b"0123456789abcdefx")
        and {r.status for r in receipts} <= _STATUSES
        and "" not in {r.contract_address for r in receipts}
        and _are_quantities(counted, 4 * len(receipts))
    )


_STATUSES = {"0x1", "0x0", None}


def _parse_receipt_leniently(raw: bytes) -> tuple[Receipt, list[MalformedLog]]:
    fields = _raw_fields_decoder.decode(raw)
    raw_logs = fields.get("logs", msgspec.Raw(b"[]"))
    receipt = _receipt_of(fields)
    logs: list[Log] = []
    bad: list[MalformedLog] = []
    try:
        items = _raw_list_decoder.decode(raw_logs)
    except msgspec.MsgspecError as error:
        return receipt, [MalformedLog(tx_hash=receipt.transaction_hash, reason=str(error), raw=bytes(raw_logs))]
    for item in items:
        try:
            logs.append(_in_lower_case(msgspec.json.decode(item, type=Log)))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            bad.append(MalformedLog(tx_hash=receipt.transaction_hash, reason=str(error), raw=bytes(item)))
    return msgspec.structs.replace(receipt, logs=logs), bad


def _receipt_of(fields: Mapping[str, msgspec.Raw]) -> Receipt:
    """A receipt without its logs. Raises msgspec.ValidationError where it does not say which transaction's it is,
    or whether that succeeded."""
    read: dict[str, Any] = {}
    for field in _RECEIPT_FIELDS:
        if field.encode_name not in fields or field.name == "logs":
            continue
        try:
            value = _any(fields[field.encode_name])
            if field.name == "transaction_hash":
                read[field.name] = msgspec.convert(value, str).lower()
            elif value is not None:
                value = int(value) if isinstance(value, bool) else value  # a status may be a truth value
                reader = _RECEIPT.get(field.name)
                read[field.name] = reader(value) if reader is not None else msgspec.convert(value, field.type)
        except ValueError as error:
            if field.name in ("transaction_hash", "status"):
                raise msgspec.ValidationError(f"Expected a receipt: {field.encode_name}: {error}") from error
    if "transaction_hash" not in read:
        raise msgspec.ValidationError("Object missing required field `transactionHash`")
    return Receipt(**read, logs=[])


def _in_lower_case(log: Log) -> Log:
    return msgspec.structs.replace(
        log, address=log.address.lower(), topics=[topic.lower() for topic in log.topics], data=log.data.lower()
    )


def aligned(
    transactions: Sequence[Transaction],
    receipts: Sequence[Receipt],
    parked: Sequence[ParkedTransaction] = (),
    *,
    state_sync: bool = False,
) -> Aligned:
    """Transactions and receipts of one block brought together by hash, in the order of the transactions.

    Receipts of `parked` transactions are left out. With `state_sync` (Polygon) a block may have, at its end, a
    transaction whose receipt is not among the block's, and a receipt whose transaction is not: the node adds what
    Bor did for the validators to one list and not to the other. For the receipt a transaction from and to the zero
    address is made up, as Bor shows it.

    Raises NodeError where the receipts are not those of the transactions.
    """
    if not parked and [r.transaction_hash for r in receipts] == [t.hash for t in transactions]:
        return Aligned(transactions=list(transactions), receipts=list(receipts))
    by_hash = {receipt.transaction_hash: receipt for receipt in receipts}
    known = {transaction.hash for transaction in transactions}
    left_out = {one.hash for one in parked} - known
    unnamed = {one.index for one in parked if one.hash is None}
    missing = [t for t in transactions if t.hash not in by_hash]
    over = [
        r
        for r in receipts
        if r.transaction_hash not in known | left_out and int(r.transaction_index, 16) not in unnamed
    ]
    allowed = 1 if state_sync else 0
    if (
        len(by_hash) != len(receipts)
        or len(known) != len(transactions)
        or len(over) > allowed
        or len(missing) > allowed
        or not all(_is_state_sync(t) for t in missing)
    ):
        raise NodeError("The receipts of a block are not those of its transactions.", "Check the node.")
    both = [*transactions, *(_state_sync_of(receipt) for receipt in over)]
    empty = {
        t.hash: Receipt(transaction_hash=t.hash, logs=[], transaction_index=t.transaction_index or "0x0")
        for t in missing
    }
    return Aligned(
        transactions=both,
        receipts=[by_hash.get(t.hash) or empty[t.hash] for t in both],
        without_receipt=tuple(empty),
    )


_STATE_SYNC = "0x7f"  # PIP-74; before it the transaction is of type 0x0, from and to the zero address


def _is_state_sync(transaction: Transaction) -> bool:
    return transaction.type == _STATE_SYNC or (transaction.from_ == ZERO_ADDRESS == (transaction.to or ZERO_ADDRESS))


def _state_sync_of(receipt: Receipt) -> Transaction:
    return Transaction(
        hash=receipt.transaction_hash, from_=ZERO_ADDRESS, to=ZERO_ADDRESS, type=_STATE_SYNC,
        transaction_index=receipt.transaction_index, block_hash=receipt.block_hash,
    )  # fmt: skip


# --- Executions -------------------------------------------------------------------------------------------


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
