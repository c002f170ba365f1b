"""What nodes say, read into the vocabulary: both tracing dialects alike, and a broken log costs itself only."""

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import (
    ParityAction,
    ParityTrace,
    ParkedTransaction,
    WireBlock,
    aligned,
    block_of,
    call_tree,
    executions_of,
    is_null,
    parse_block,
    parse_receipts,
    read_transaction,
)
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from chainwatch.errors import NodeError
from chainwatch.types import ZERO_ADDRESS, CallFrame, Log, Receipt, Transaction
from tests.builders import address, hash_, ref, transaction
from tests.chain.contracts import NESTING, RECURSING, deploy, send

# --- Call trees -------------------------------------------------------------------------------------------


async def both_trees(rpc: Rpc, tx_hash: str) -> tuple[CallFrame | None, CallFrame]:
    """The tree made of Parity-style traces, and the one of geth's callTracer."""
    flat = await rpc.call("trace_transaction", [tx_hash], as_=list[ParityTrace])
    tracer = {"tracer": "callTracer"}
    return call_tree(flat), await rpc.call("debug_traceTransaction", [tx_hash, tracer], as_=CallFrame)


def plain(frame: CallFrame | None) -> Any:
    """A frame as data, where no calls and an empty list of calls are the same."""
    assert frame is not None
    calls = [plain(call) for call in frame.calls or ()]
    return msgspec.structs.asdict(frame) | {"calls": calls}


def kinds(frame: CallFrame) -> list[tuple[str, bool]]:
    """Type and failure of each frame, depth first."""
    return [(frame.type, frame.error is not None), *(kind for call in frame.calls or () for kind in kinds(call))]


@pytest.mark.anvil
async def test_both_dialects_give_the_same_tree_of_creations_and_failures(rpc: Rpc) -> None:
    contract = await deploy(rpc, NESTING)
    receipt = await send(rpc, to=contract, value="0x5")
    parity, geth = await both_trees(rpc, receipt["transactionHash"])
    assert kinds(geth) == [
        ("CALL", False),
        ("CREATE", False),
        ("CREATE", True),
        ("STATICCALL", False),
        ("DELEGATECALL", False),
        ("CALL", True),
        ("CALL", False),  # inside the one that failed
    ]
    assert plain(parity) == plain(geth)


@pytest.mark.anvil
async def test_both_dialects_give_the_same_tree_of_a_deployment(rpc: Rpc) -> None:
    good = await send(rpc, data="0x6001600c60003960016000f300")
    bad = await send(rpc, data="0x60006000fd")
    assert [r["status"] for r in (good, bad)] == ["0x1", "0x0"]
    for receipt in (good, bad):
        parity, geth = await both_trees(rpc, receipt["transactionHash"])
        assert plain(parity) == plain(geth)


@pytest.mark.anvil
async def test_both_dialects_give_the_same_trees_of_attacks(anvil: Anvil, rpc: Rpc) -> None:
    actors = Actors(rpc, await deploy_world(anvil.http))
    hashes = [await actors.attack_atomic()]
    await actors.pause()
    hashes += [await actors.attack_swallowing(), await actors.attack_atomic()]
    for tx_hash in hashes:
        parity, geth = await both_trees(rpc, tx_hash)
        assert len(kinds(geth)) > 15
        assert plain(parity) == plain(geth)


async def nested(anvil: Anvil, rpc: Rpc) -> str:
    """The hash of a transaction whose calls are nested as deep as the EVM allows."""
    contract = await deploy(rpc, RECURSING)
    receipt = await send(rpc, to=contract, gas=hex(5 * 10**11))
    return receipt["transactionHash"]


def depth(frame: CallFrame | None) -> int:
    levels = 0
    while frame is not None:
        levels += 1
        frame = frame.calls[0] if frame.calls else None
    return levels


@pytest.mark.anvil
async def test_calls_nested_1024_deep_are_read_in_both_dialects() -> None:
    async with Anvil("--gas-limit", str(10**12), "--hardfork", "cancun") as anvil, Rpc(anvil.http) as rpc:
        parity, geth = await both_trees(rpc, await nested(anvil, rpc))
    assert depth(geth) >= 1024
    assert depth(parity) == depth(geth)


def trace(*trace_address: int, **fields: Any) -> ParityTrace:
    action = ParityAction(from_=address(1), to=address(2), call_type="call", value="0x0")
    return ParityTrace(**({"action": action, "type": "call", "trace_address": list(trace_address)} | fields))


def test_siblings_after_deep_branches_hang_where_their_address_says() -> None:
    tree = call_tree([trace(), trace(0), trace(0, 0), trace(0, 0, 0), trace(0, 1), trace(1), trace(1, 0)])

    def shape(frame: CallFrame) -> list[Any]:
        return [shape(call) for call in frame.calls or ()]

    assert tree is not None
    assert shape(tree) == [[[[]], []], [[]]]


def test_a_self_destruct_says_who_got_how_much() -> None:
    action = ParityAction(address=address(7), refund_address=address(8), balance="0x9")
    tree = call_tree([trace(), trace(0, type="suicide", action=action)])
    assert tree is not None and tree.calls is not None
    gone = tree.calls[0]
    assert (gone.type, gone.from_, gone.to, gone.value) == ("SELFDESTRUCT", address(7), address(8), "0x9")


@pytest.mark.parametrize("addresses", [[(0,)], [(), (0, 0)], [(), (0,), ()]])
def test_traces_that_are_no_tree_are_an_error_of_the_node(addresses: list[tuple[int, ...]]) -> None:
    with pytest.raises(NodeError, match="not one call tree"):
        call_tree([trace(*a) for a in addresses])


def test_no_traces_are_no_tree() -> None:
    assert call_tree([]) is None


# --- Receipts and their logs ------------------------------------------------------------------------------

GOOD = {"address": address(5), "topics": [hash_(1)], "data": "0x", "logIndex": "0x0"}


def receipts_with(*logs: Any, **fields: Any) -> bytes:
    """A receipt with a good log, then one with these."""
    first = {"transactionHash": hash_(1), "logs": [GOOD], "status": "0x1"}
    second = {"transactionHash": hash_(2), "logs": list(logs), "status": "0x0", "gasUsed": "0x5208"}
    return msgspec.json.encode([first, second | fields])


@pytest.mark.parametrize(
    "bad",
    [
        GOOD | {"data": None},
        {k: v for k, v in GOOD.items() if k != "topics"},
        GOOD | {"topics": [hash_(1), None]},
        GOOD | {"topics": {}},
        GOOD | {"address": 5},
        "a log",
        None,
        [],
    ],
    ids=["data null", "no topics", "a topic null", "topics an object", "address a number", "text", "null", "a list"],
)
def test_a_malformed_log_costs_itself_and_is_kept_raw(bad: Any) -> None:
    receipts, malformed = parse_receipts(receipts_with(GOOD, bad, GOOD))
    assert [len(r.logs) for r in receipts] == [1, 2]
    assert (receipts[1].status, receipts[1].gas_used) == ("0x0", "0x5208")
    assert list(malformed) == [hash_(2)]
    [kept] = malformed[hash_(2)]
    assert kept.tx_hash == hash_(2)
    assert msgspec.json.decode(kept.raw) == bad
    assert kept.reason.startswith("Expected") or "missing required field" in kept.reason


@pytest.mark.parametrize("logs", [{}, None, "none", 0])
def test_logs_that_are_no_list_cost_that_receipt_its_logs_only(logs: Any) -> None:
    receipts, malformed = parse_receipts(receipts_with(logs=logs))
    assert [len(r.logs) for r in receipts] == [1, 0]
    assert [msgspec.json.decode(m.raw) for m in malformed[hash_(2)]] == [logs]


def test_a_receipt_without_logs_at_all_is_read() -> None:
    raw = msgspec.json.encode([{"transactionHash": hash_(1), "status": "0x1"}])
    receipts, malformed = parse_receipts(raw)
    assert ([r.logs for r in receipts], malformed) == ([[]], {})


def test_good_receipts_have_no_malformed_logs() -> None:
    receipts, malformed = parse_receipts(receipts_with(GOOD))
    assert [r.logs for r in receipts] == [[Log(address=address(5), topics=[hash_(1)], data="0x")]] * 2
    assert malformed == {}


@pytest.mark.parametrize("raw", [b"{}", b"5", b"[null]", b'[{"logs": []}]', b"[[]]", b"[{", b"", b'["text"]'])
def test_what_is_no_list_of_receipts_is_an_error(raw: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        parse_receipts(raw)


@pytest.mark.anvil
async def test_the_lenient_path_reads_what_the_fast_path_reads(rpc: Rpc, anvil: Anvil) -> None:
    actors = Actors(rpc, await deploy_world(anvil.http))
    await actors.attack_atomic()
    raw = await rpc.call("eth_getBlockReceipts", ["latest"], as_=msgspec.Raw)
    fast, none = parse_receipts(bytes(raw))
    broken = bytes(raw).replace(b'"logs":[', b'"logs":[null,', 1)
    lenient, malformed = parse_receipts(broken)
    assert len(fast[0].logs) > 10
    assert lenient == fast
    assert (none, [m.raw for m in malformed[fast[0].transaction_hash]]) == ({}, [b"null"])


@pytest.mark.parametrize(
    ("field", "value", "name", "read"),
    [
        ("status", "0x01", "status", "0x1"),
        ("status", 1, "status", "0x1"),
        ("status", True, "status", "0x1"),
        ("status", "1", "status", "0x1"),
        ("status", "0x0", "status", "0x0"),
        ("status", None, "status", None),
        ("transactionIndex", 11, "transaction_index", "0xb"),
        ("transactionIndex", "11", "transaction_index", "0xb"),
        ("transactionIndex", None, "transaction_index", "0x0"),
        ("gasUsed", 21_000, "gas_used", "0x5208"),
        ("gasUsed", {}, "gas_used", "0x0"),
        ("contractAddress", "", "contract_address", None),
        ("contractAddress", "0x" + "AB" * 20, "contract_address", "0x" + "ab" * 20),
        ("effectiveGasPrice", "0X0A", "effective_gas_price", "0xa"),
        ("blockNumber", 5, "block_number", "0x5"),
    ],
)
def test_a_receipt_is_read_in_whatever_form_its_fields_are(field: str, value: Any, name: str, read: Any) -> None:
    receipts, malformed = parse_receipts(receipts_with(GOOD, **{field: value}))
    assert getattr(receipts[1], name) == read
    assert len(receipts[1].logs) == 1 and malformed == {}


@pytest.mark.parametrize("status", ["maybe", "", {}, -1])
def test_a_receipt_that_does_not_say_whether_it_succeeded_is_no_receipt(status: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="status"):
        parse_receipts(receipts_with(status=status))


def test_addresses_of_logs_in_checksum_case_become_lower_case() -> None:
    log = {"address": "0x" + "aB" * 20, "topics": ["0x" + "Cd" * 32], "data": "0xEF", "logIndex": "0x0"}
    receipts, malformed = parse_receipts(receipts_with(log))
    assert receipts[1].logs == [Log(address="0x" + "ab" * 20, topics=["0x" + "cd" * 32], data="0xef")]
    assert malformed == {}


# --- Transactions of every chain --------------------------------------------------------------------------

BLOB = "0x01" + "ab" * 31
SIGNED = {"v": "0x1", "r": "0x" + "11" * 32, "s": "0x" + "22" * 32, "yParity": "0x1", "chainId": "0x1"}
CALL = {
    "hash": hash_(7), "blockHash": hash_(99), "blockNumber": "0x9", "transactionIndex": "0x0", "from": address(0xA1),
    "to": address(0xB1), "value": "0xde0b6b3a7640000", "input": "0xa9059cbb", "nonce": "0x5", "gas": "0x5208",
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "legacy": CALL | SIGNED | {"gasPrice": "0x3b9aca00", "type": "0x0"},
    "access list": CALL | SIGNED | {"gasPrice": "0x1", "type": "0x1", "accessList": [{"address": address(1)}]},
    "dynamic fee": CALL | SIGNED | {"maxFeePerGas": "0x2", "maxPriorityFeePerGas": "0x1", "type": "0x2"},
    "blob": CALL
    | SIGNED
    | {"maxFeePerGas": "0x2", "maxPriorityFeePerGas": "0x1", "type": "0x3", "maxFeePerBlobGas": "0x1"}
    | {"blobVersionedHashes": [BLOB, BLOB]},
    "set code": CALL
    | SIGNED
    | {"type": "0x4", "maxFeePerGas": "0x2", "maxPriorityFeePerGas": "0x1", "accessList": []}
    | {"authorizationList": [SIGNED | {"address": address(0xDE), "nonce": "0x0"}]},
    "OP deposit": CALL
    | {"type": "0x7e", "gasPrice": "0x0", "nonce": "0x1f", "v": "0x0", "r": "0x0", "s": "0x0"}
    | {"sourceHash": hash_(5), "mint": "0xde0b6b3a7640000", "isSystemTx": False, "depositReceiptVersion": "0x1"}
    | {"from": "0x36bde71c97b33cc4729cf772ae268934f7ab70b2"},
    "OP deposit without a nonce": {k: v for k, v in CALL.items() if k != "nonce"}
    | {"type": "0x7e", "gasPrice": "0x0", "sourceHash": hash_(5), "mint": None, "isSystemTx": True},
    "Arbitrum deposit": CALL | {"type": "0x64", "requestId": hash_(1), "gasPrice": "0x0", "input": "0x"},
    "Arbitrum unsigned": CALL | {"type": "0x65", "gasPrice": "0x5f5e100"},
    "Arbitrum contract": CALL | {"type": "0x66", "requestId": hash_(1), "gasPrice": "0x5f5e100"},
    "Arbitrum retry": CALL
    | {"type": "0x68", "ticketId": hash_(2), "maxRefund": "0x1", "submissionFeeRefund": "0x2", "refundTo": address(4)},
    "Arbitrum submit retryable": CALL
    | {"type": "0x69", "to": address(0x6E), "requestId": hash_(1), "l1BaseFee": "0x1", "depositValue": "0x1"}
    | {"retryTo": address(3), "retryValue": "0x0", "retryData": "0x", "beneficiary": address(2)}
    | {"maxSubmissionFee": "0x9", "refundTo": address(4)},
    "Arbitrum internal": CALL
    | {"type": "0x6a", "from": "0x00000000000000000000000000000000000a4b05", "gas": "0x0", "gasPrice": "0x0"},
    "ZKsync EIP-712": CALL
    | {"type": "0x71", "l1BatchNumber": "0x1", "l1BatchTxIndex": "0x0", "maxFeePerGas": "0x2", "gasPrice": "0x2"},
    "ZKsync priority": CALL
    | {"type": "0xff", "v": None, "r": None, "s": None, "maxPriorityFeePerGas": "0x0", "l1BatchNumber": None},
    "Polygon state sync": CALL
    | {"type": "0x7f", "from": ZERO_ADDRESS, "to": ZERO_ADDRESS, "gas": "0x0", "gasPrice": "0x0", "input": "0x"},
    "Celo CIP-64": CALL | SIGNED | {"type": "0x7b", "feeCurrency": address(0xCE), "maxFeePerGas": "0x2"},
    "Celo CIP-42": CALL | {"type": "0x7c", "feeCurrency": None, "gatewayFee": "0x0", "gatewayFeeRecipient": None},
    "Celo 0x7d": CALL | SIGNED | {"type": "0x7d", "feeCurrency": address(0xCE)},
    "of tomorrow": CALL | {"type": "0xf1", "intent": [{"a": [1.5]}]},
    "creation": CALL | {"to": None, "type": "0x2"},
}


def block_with(*transactions: Any, **fields: Any) -> bytes:
    header = {
        "number": "0x9", "hash": hash_(99), "parentHash": hash_(98), "timestamp": "0x6c", "baseFeePerGas": "0x7",
        "gasLimit": "0x1c9c380", "size": "0x400", "withdrawals": [],
    }  # fmt: skip
    return msgspec.json.encode(header | fields | {"transactions": list(transactions)})


def only(raw: bytes) -> Transaction:
    block, parked = parse_block(raw)
    assert parked == ()
    [one] = block.transactions
    return one


@pytest.mark.parametrize("kind", KINDS)
def test_a_transaction_of_every_kind_is_read(kind: str) -> None:
    given_ = KINDS[kind]
    read = only(block_with(given_))
    assert (read.hash, read.from_, read.to) == (given_["hash"], given_["from"], given_["to"])
    assert (read.value, read.input, read.gas) == (given_["value"], given_["input"], given_["gas"])
    assert (read.type, read.nonce) == (given_["type"], given_.get("nonce", "0x0"))
    assert read.gas_price == given_.get("gasPrice")
    assert read_transaction(msgspec.json.encode(given_)) == read


@pytest.mark.parametrize("kind", KINDS)
def test_the_slow_way_reads_what_the_fast_way_reads(kind: str) -> None:
    fast = only(block_with(KINDS[kind]))
    block, parked = parse_block(block_with(KINDS[kind] | {"hash": hash_(8), "gas": 5}, KINDS[kind]))
    slow = only(block_with(KINDS[kind] | {"value": str(int(KINDS[kind]["value"], 16))}))
    assert (block.transactions[1], slow, parked) == (fast, fast, ())


@pytest.mark.parametrize(
    ("field", "value", "name", "read"),
    [
        ("value", 10**18, "value", "0xde0b6b3a7640000"),
        ("value", "1000000000000000000", "value", "0xde0b6b3a7640000"),
        ("value", "0X0DE0B6B3A7640000", "value", "0xde0b6b3a7640000"),
        ("value", "0X00", "value", "0x0"),
        ("value", 2**256 - 1, "value", hex(2**256 - 1)),
        ("value", None, "value", "0x0"),
        ("gas", 21_000, "gas", "0x5208"),
        ("gas", "21000", "gas", "0x5208"),
        ("gas", "many", "gas", "0x0"),
        ("nonce", "10", "nonce", "0xa"),
        ("nonce", None, "nonce", "0x0"),
        ("type", None, "type", "0x0"),
        ("type", 2, "type", "0x2"),
        ("type", "2", "type", "0x2"),
        ("gasPrice", 7, "gas_price", "0x7"),
        ("gasPrice", "7", "gas_price", "0x7"),
        ("gasPrice", {}, "gas_price", None),
        ("maxFeePerGas", "16", "max_fee_per_gas", "0x10"),
        ("maxPriorityFeePerGas", "16", "max_priority_fee_per_gas", "0x10"),
        ("transactionIndex", 31, "transaction_index", "0x1f"),
        ("transactionIndex", "31", "transaction_index", "0x1f"),
        ("transactionIndex", None, "transaction_index", None),
        ("to", "", "to", None),
        ("to", "0x", "to", None),
        ("to", "0x" + "AbCd" * 10, "to", "0x" + "abcd" * 10),
        ("from", "0x" + "AbCd" * 10, "from_", "0x" + "abcd" * 10),
        ("from", None, "from_", ZERO_ADDRESS),
        ("from", "", "from_", ZERO_ADDRESS),
        ("hash", "0x" + "AB" * 32, "hash", "0x" + "ab" * 32),
        ("input", "", "input", "0x"),
        ("input", None, "input", "0x"),
        ("input", "0xA9059CBB", "input", "0xa9059cbb"),
        ("blockHash", 5, "block_hash", None),
    ],
)
def test_a_field_in_another_form_means_the_same(field: str, value: Any, name: str, read: Any) -> None:
    odd = KINDS["dynamic fee"] | {field: value}
    if field != "input":
        odd |= {"input": "0xa9059cbb"}
    one = only(block_with(odd))
    assert getattr(one, name) == read
    untouched = msgspec.structs.asdict(only(block_with(KINDS["dynamic fee"])))
    assert msgspec.structs.asdict(one) == untouched | {name: read}
    block_of(1, parse_block(block_with(odd))[0], None, None)


def test_a_transaction_of_a_hash_and_a_recipient_alone_is_read() -> None:
    assert only(block_with({"hash": hash_(1), "data": "0x12"})) == Transaction(
        hash=hash_(1), from_=ZERO_ADDRESS, to=None, input="0x12"
    )


@pytest.mark.parametrize(
    ("bad", "hash", "why"),
    [
        (None, None, "an object"),
        (5, None, "an object"),
        ([], None, "an object"),
        (hash_(5), hash_(5), "not its hash"),
        ({}, None, "hash"),
        (CALL | {"hash": "0x12"}, None, "hash: '0x12' is not a hash"),
        (CALL | {"hash": None}, None, "hash: it has none"),
        (CALL | {"from": "alice"}, hash_(7), "from: 'alice' is not an address"),
        (CALL | {"to": "0x12"}, hash_(7), "to: '0x12' is not an address"),
        (CALL | {"to": {}}, hash_(7), "to: "),
        (CALL | {"value": "lots"}, hash_(7), "value: 'lots' is not a quantity"),
        (CALL | {"value": "0xzz"}, hash_(7), "value: "),
        (CALL | {"value": 2**256}, hash_(7), "value: "),
        (CALL | {"value": -1}, hash_(7), "value: "),
        (CALL | {"value": 1.5}, hash_(7), "value: "),
        (CALL | {"value": True}, hash_(7), "value: "),
        (CALL | {"input": "data"}, hash_(7), "input: "),
        (CALL | {"input": 5}, hash_(7), "input: "),
    ],
)
def test_a_transaction_that_cannot_be_read_is_parked_and_costs_itself_only(
    bad: Any, hash: str | None, why: str
) -> None:
    good = [KINDS["legacy"] | {"hash": hash_(1)}, KINDS["blob"] | {"hash": hash_(2), "transactionIndex": "0x2"}]
    block, parked = parse_block(block_with(good[0], bad, good[1]))
    assert [t.hash for t in block.transactions] == [hash_(1), hash_(2)]
    assert (
        block.ref()
        == WireBlock(number="0x9", hash=hash_(99), parent_hash=hash_(98), timestamp="0x6c", transactions=[]).ref()
    )
    assert (block.base_fee_per_gas, block.gas_limit) == ("0x7", "0x1c9c380")
    [one] = parked
    assert (one.index, one.hash) == (1, hash)
    assert msgspec.json.decode(one.raw) == bad
    assert why in one.reason
    made = block_of(1, block, None, None)
    assert [e.index for e in made.executions] == [0, 2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.dictionaries(st.sampled_from([*CALL, "gasPrice", "maxFeePerGas", "type", "data", "mint"]), JSON)


@given(JSON | FIELDS | FIELDS.map(lambda fields: CALL | fields), st.integers(0, 2))
def test_whatever_one_transaction_is_the_others_live(garbage: Any, place: int) -> None:
    good = [KINDS["OP deposit"] | {"hash": hash_(1)}, KINDS["set code"] | {"hash": hash_(2)}]
    expected = [only(block_with(one)) for one in good]
    block, parked = parse_block(block_with(*good[:place], garbage, *good[place:]))
    read = block.transactions
    if parked:
        assert [p.index for p in parked] == [place]
        assert read == expected
    else:
        assert read[:place] + read[place + 1 :] == expected
        int(read[place].value, 16)
        assert read[place].from_ == read[place].from_.lower() and len(read[place].from_) == 42
    block_of(1, block, None, None)  # nothing that was read is in the way later


@given(st.binary(max_size=30))
def test_bytes_that_are_no_text_in_one_transaction_cost_it_only(noise: bytes) -> None:
    text = noise.replace(b'"', b"").replace(b"\\", b"")
    good = msgspec.json.encode(KINDS["legacy"])
    raw = block_with().replace(b'"transactions":[]', b'"transactions":[' + good + b',{"hash":"' + text + b'"}]')
    try:
        block, parked = parse_block(raw)
    except msgspec.DecodeError:
        return  # control characters: not JSON at all
    assert [t.hash for t in block.transactions] == [hash_(7)] and len(parked) == 1


def test_a_transaction_nested_too_deep_to_be_read_does_not_crash() -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_transaction(b'{"hash":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize(
    ("fields", "number", "timestamp"),
    [
        ({"number": 9}, 9, 108),
        ({"number": "9", "timestamp": "108"}, 9, 108),
        ({"number": "0X9", "timestamp": "0x06C"}, 9, 108),
        ({"number": None, "timestamp": None, "hash": None}, None, None),
    ],
)
def test_a_header_in_another_form_means_the_same(fields: dict[str, Any], number: Any, timestamp: Any) -> None:
    block, _ = parse_block(block_with(KINDS["legacy"], **fields))
    assert (block.ref().number, block.ref().timestamp) == (number, timestamp)


@pytest.mark.parametrize(
    "raw", [b"5", b"[]", b"null", b'{"transactions": 5}', b'{"number": "nine"}', b'{"number": {}}']
)
def test_what_is_no_block_is_an_error(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse_block(raw)


@pytest.mark.anvil
async def test_a_real_block_is_read_alike_in_both_ways(rpc: Rpc, anvil: Anvil) -> None:
    await deploy_world(anvil.http)
    raw = bytes(await rpc.call("eth_getBlockByNumber", ["latest", True], as_=msgspec.Raw))
    fast = msgspec.json.decode(raw, type=WireBlock)
    assert fast.transactions and parse_block(raw) == (fast, ())
    fields = msgspec.json.decode(raw)
    slow, parked = parse_block(msgspec.json.encode(fields | {"transactions": [*fields["transactions"], None]}))
    assert slow == fast and len(parked) == 1


# --- Receipts and their transactions ----------------------------------------------------------------------


def receipt_of(n: int, index: int | None = None) -> Receipt:
    return Receipt(
        transaction_hash=hash_(n), logs=[], status="0x1", transaction_index=hex(n if index is None else index)
    )


def system(n: int, type_: str = "0x0") -> Transaction:
    """A state-sync transaction as Bor shows it."""
    return Transaction(hash=hash_(n), from_=ZERO_ADDRESS, to=ZERO_ADDRESS, type=type_)


def test_receipts_are_aligned_by_hash_whatever_their_order() -> None:
    both = aligned([transaction(1), transaction(2), transaction(3)], [receipt_of(3), receipt_of(1), receipt_of(2)])
    assert [r.transaction_hash for r in both.receipts] == [t.hash for t in both.transactions]
    assert [t.hash for t in both.transactions] == [hash_(1), hash_(2), hash_(3)]


def test_receipts_of_parked_transactions_are_left_out() -> None:
    parked = [
        ParkedTransaction(index=0, hash=hash_(8), reason="", raw=b""),
        ParkedTransaction(index=2, hash=None, reason="", raw=b""),
    ]
    receipts = [receipt_of(8, 0), receipt_of(1, 1), receipt_of(9, 2)]
    both = aligned([transaction(1)], receipts, parked)
    assert ([t.hash for t in both.transactions], both.receipts) == ([hash_(1)], [receipts[1]])


@pytest.mark.parametrize(
    ("transactions", "receipts"),
    [([1, 2], [1]), ([1], [1, 2]), ([1], [2]), ([1, 1], [1]), ([1, 2], [1, 1]), ([1], []), ([], [1])],
)
@pytest.mark.parametrize("state_sync", [False, True])
def test_receipts_of_other_transactions_are_an_error(
    transactions: list[int], receipts: list[int], state_sync: bool
) -> None:
    if state_sync and set(transactions) <= set(receipts) and len(set(receipts)) == len(receipts):
        receipts = [*receipts, 7, 8]  # one over is what state sync looks like
    with pytest.raises(NodeError, match="not those of its transactions"):
        aligned([transaction(n) for n in transactions], [receipt_of(n) for n in receipts], state_sync=state_sync)


@pytest.mark.parametrize("type_", ["0x0", "0x7f"])
def test_a_state_sync_without_its_receipt_is_said(type_: str) -> None:
    both = aligned([transaction(1), system(2, type_)], [receipt_of(1)], state_sync=True)
    assert [t.hash for t in both.transactions] == [r.transaction_hash for r in both.receipts] == [hash_(1), hash_(2)]
    assert both.without_receipt == (hash_(2),)
    with pytest.raises(NodeError):
        aligned([transaction(1), system(2, type_)], [receipt_of(1)])


def test_the_logs_of_a_state_sync_without_its_transaction_are_not_lost() -> None:
    log = Log(address=address(5), topics=[hash_(1)], data="0x")
    over = msgspec.structs.replace(receipt_of(2, 1), logs=[log])
    both = aligned([transaction(1)], [receipt_of(1), over], state_sync=True)
    assert both.receipts == [receipt_of(1), over] and both.without_receipt == ()
    made = both.transactions[1]
    assert (made.hash, made.from_, made.to, made.type) == (hash_(2), ZERO_ADDRESS, ZERO_ADDRESS, "0x7f")


# --- Executions -------------------------------------------------------------------------------------------


def success(receipt: Receipt | None, tree: CallFrame | None, *, receipts: bool = True) -> bool:
    [execution] = executions_of(1, ref(1), [transaction()], [receipt] if receipts and receipt else None, [tree])
    return execution.succeeded


def test_success_is_the_receipts_status_and_else_the_roots() -> None:
    def receipt(status: str | None) -> Receipt:
        return Receipt(transaction_hash=hash_(1), logs=[], status=status)

    good = CallFrame(type="CALL", from_=address(1))
    bad = CallFrame(type="CALL", from_=address(1), error="out of gas")
    assert success(receipt("0x1"), bad)
    assert not success(receipt("0x0"), good)
    assert not success(receipt(None), bad)  # before Byzantium
    assert success(receipt(None), good)
    assert not success(None, bad)
    assert success(None, None)


def test_the_index_is_the_transactions_own_where_it_has_one() -> None:
    transactions = [Transaction(hash=hash_(1), from_=address(1), transaction_index="0x1f"), transaction(2)]
    made = executions_of(1, ref(1), transactions, None, None)
    assert [e.index for e in made] == [31, 1]
    assert [(e.logs, e.trace) for e in made] == [(None, None), (None, None)]


@pytest.mark.parametrize(("raw", "null"), [(b" null\n", True), (None, True), (b"[]", False), (b"0", False)])
def test_null_is_null_with_white_space_around_it(raw: bytes | None, null: bool) -> None:
    assert is_null(raw) is null


def test_a_block_of_a_corpus_may_lack_number_hash_and_timestamp() -> None:
    block = msgspec.json.decode(b'{"number": null, "hash": null, "timestamp": null}', type=WireBlock).ref()
    assert (block.number, block.hash, block.parent_hash, block.timestamp) == (None, None, None, None)


def test_absurdly_nested_json_is_an_error_and_no_crash_whatever_else_is_imported() -> None:
    script = (
        "import chainwatch.chain.rpc, eth_account, web3, msgspec\n"
        "try: msgspec.json.decode(b'[' * 1_000_000)\n"
        "except RecursionError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
