"""What nodes say, read into the vocabulary: both tracing dialects alike, and a broken log costs itself only."""

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import (
    ParityAction,
    ParityTrace,
    WireBlock,
    call_tree,
    executions_of,
    is_null,
    parse_receipts,
)
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from chainwatch.errors import NodeError
from chainwatch.types import CallFrame, Log, Receipt, Transaction
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
