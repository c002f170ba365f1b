"""One block from a node: the same Executions from every tracing interface, and no mixture of two blocks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.sources.fetch import BlockVanished, Fetcher, TraceMode, detect_trace_mode
from chainwatch.types import Block, CallFrame
from tests.builders import hash_, pool_over
from tests.chain.contracts import NESTING, deploy, logging
from tests.chain.nodes import NO_METHOD, Node, Refused, fake_node

pytestmark = pytest.mark.anvil


@pytest.fixture
async def node(still_anvil: Anvil) -> AsyncIterator[Node]:
    """A fake node that passes everything on to an Anvil that mines when told to."""
    async with fake_node(behind=still_anvil.http) as node:
        yield node


@pytest.fixture
async def client(node: Node) -> AsyncIterator[Rpc]:
    async with Rpc(node.http) as client:
        yield client


async def mine(rpc: Rpc, *transactions: dict[str, Any]) -> tuple[str, int]:
    """Mine these transactions in one block; its hash and number."""
    sender = (await rpc.call("eth_accounts"))[0]
    for transaction in transactions:
        await rpc.call("eth_sendTransaction", [{"from": sender, "gas": hex(1_000_000)} | transaction])
    await rpc.call("evm_mine")
    block = await rpc.call("eth_getBlockByNumber", ["latest", False])
    assert len(block["transactions"]) == len(transactions)
    return block["hash"], int(block["number"], 16)


async def three_transactions(rpc: Rpc) -> tuple[str, int]:
    """A block of a nested call, a contract that logs twice, and a payment."""
    nesting, talking = await deploy(rpc, NESTING), await deploy(rpc, logging(2))
    payment = {"to": "0x" + "12" * 20, "value": "0x5"}
    return await mine(rpc, {"to": nesting, "value": "0x5"}, {"to": talking}, payment)


async def fetch(rpc: Rpc, where: tuple[str, int], mode: TraceMode = "parity") -> Block:
    return (await Fetcher(pool_over(rpc), 31337, mode).fetch(*where)).block


# --- The same from every node -----------------------------------------------------------------------------


def plain(frame: CallFrame | None) -> Any:
    """A frame as data, where no calls and an empty list of calls are the same."""
    return frame and msgspec.structs.asdict(frame) | {"calls": [plain(call) for call in frame.calls or ()]}


async def test_a_block_has_its_transactions_with_logs_and_trees(client: Rpc) -> None:
    where = await three_transactions(client)
    block = await fetch(client, where)
    assert (block.ref.hash, block.ref.number) == where
    assert [e.index for e in block.executions] == [0, 1, 2]
    assert [e.succeeded for e in block.executions] == [True, True, True]
    assert [len(e.logs or ()) for e in block.executions] == [0, 2, 0]
    assert [len(e.trace.calls or ()) if e.trace else None for e in block.executions] == [5, 0, 0]
    assert block.gas_limit and block.base_fee_per_gas
    assert all(e.block == block.ref for e in block.executions)


async def test_both_tracing_interfaces_give_the_same_executions(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    parity, geth = [await fetch(client, where, mode) for mode in ("parity", "geth")]
    assert [plain(e.trace) for e in parity.executions] == [plain(e.trace) for e in geth.executions]
    treeless = [[msgspec.structs.replace(e, trace=None) for e in b.executions] for b in (parity, geth)]
    assert treeless[0] == treeless[1]
    assert len(node.asked_for("trace_block")) == len(node.asked_for("debug_traceBlockByHash")) == 1


async def test_both_tracing_interfaces_give_the_same_attack(anvil: Anvil, rpc: Rpc) -> None:
    tx_hash = await Actors(rpc, await deploy_world(anvil.http)).attack_atomic()
    mined = await rpc.call("eth_getTransactionReceipt", [tx_hash])
    where = (mined["blockHash"], int(mined["blockNumber"], 16))
    [[parity], [geth]] = [(await fetch(rpc, where, mode)).executions for mode in ("parity", "geth")]
    assert plain(parity.trace) == plain(geth.trace)
    assert parity.logs == geth.logs and parity.logs


async def test_without_a_tracing_interface_everything_but_the_trees_is_there(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    with_trees, without = [await fetch(client, where, mode) for mode in ("parity", "none")]
    assert [e.trace for e in without.executions] == [None] * 3
    assert [e.logs for e in without.executions] == [e.logs for e in with_trees.executions]
    assert len(node.asked_for("trace_block")) == 1, "the second fetch asked for no trees"


async def test_a_failed_transaction_is_a_failed_execution(client: Rpc) -> None:
    reverting = await deploy(client, "5f5ffd")
    [execution] = (await fetch(client, await mine(client, {"to": reverting}))).executions
    assert not execution.succeeded
    assert execution.trace is not None and execution.trace.error == "execution reverted"


@pytest.mark.parametrize("mode", ["parity", "geth", "none"])
async def test_an_empty_block_is_a_block(client: Rpc, mode: TraceMode) -> None:
    block = await fetch(client, await mine(client), mode)
    assert block.executions == ()


# --- Which tracing interface ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        ([], "parity"),
        (["trace_block"], "geth"),
        (["trace_block", "debug_traceBlockByHash"], "none"),
    ],
)
async def test_the_tracing_interface_is_found_out(node: Node, client: Rpc, missing: list[str], found: str) -> None:
    node.methods |= dict.fromkeys(missing, NO_METHOD)
    with capture_logs() as logs:
        assert await detect_trace_mode(client, "auto") == found
    assert [entry["event"] for entry in logs] == (["node offers no call trees"] if found == "none" else [])


async def test_a_configured_tracing_interface_is_not_questioned(node: Node, client: Rpc) -> None:
    assert await detect_trace_mode(client, "geth") == "geth"
    assert node.asked == []


async def test_a_node_that_fails_while_asked_is_not_taken_for_one_without_trees(node: Node, client: Rpc) -> None:
    node.methods["trace_block"] = "not a list"
    assert await detect_trace_mode(client, "auto") == "parity"  # it is there; each block will say what is wrong
    async with Rpc("http://127.0.0.1:1") as away:
        with pytest.raises(NodeError):
            await detect_trace_mode(away, "auto")


# --- Receipts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-32601, -32004])
async def test_receipts_are_fetched_one_by_one_where_blocks_of_them_are_not_offered(
    node: Node, client: Rpc, code: int
) -> None:
    where = await three_transactions(client)
    expected = await fetch(client, where)
    node.asked.clear()
    node.methods["eth_getBlockReceipts"] = Refused(code)
    fetcher = Fetcher(pool_over(client), 31337, "parity")
    first, second = [await fetcher.fetch(*where) for _ in range(2)]
    assert first.block == second.block == expected
    assert [r["transactionHash"] for r in msgspec.json.decode(first.raw_receipts)] == [
        e.transaction.hash for e in expected.executions
    ]
    assert len(node.asked_for("eth_getBlockReceipts")) == 1, "it is found out once"
    assert len(node.asked_for("eth_getTransactionReceipt")) == 6


async def test_an_empty_block_needs_no_receipts(node: Node, client: Rpc) -> None:
    where = await mine(client)
    node.methods["eth_getBlockReceipts"] = NO_METHOD
    assert (await Fetcher(pool_over(client), 31337, "none").fetch(*where)).raw_receipts == b"[]"


async def test_many_receipts_are_asked_for_in_several_batches(node: Node, client: Rpc) -> None:
    where = await mine(client, *({"to": "0x" + "12" * 20, "value": hex(n), "gas": "0x5208"} for n in range(230)))
    node.methods["eth_getBlockReceipts"] = NO_METHOD
    block = await fetch(client, where, "none")
    assert len(block.executions) == 230
    assert all(e.logs == [] for e in block.executions)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_getTransactionReceipt", None),
        ("eth_getTransactionReceipt", Refused(-32000, "not yet")),
        ("eth_getTransactionReceipt", {"logs": []}),
    ],
    ids=["null", "refused", "without a hash"],
)
async def test_a_receipt_that_is_not_to_be_had_is_an_error(node: Node, client: Rpc, method: str, answer: Any) -> None:
    where = await three_transactions(client)
    node.methods |= {"eth_getBlockReceipts": NO_METHOD, method: answer}
    with pytest.raises(NodeError):
        await fetch(client, where)


async def receipts_of(rpc: Rpc, where: tuple[str, int]) -> list[dict[str, Any]]:
    return await rpc.call("eth_getBlockReceipts", [where[0]])


@pytest.mark.parametrize(
    "change",
    [
        lambda receipts: receipts[:-1],
        lambda receipts: [],
        lambda receipts: [*receipts, receipts[0]],
        lambda receipts: [r | {"transactionHash": hash_(n)} for n, r in enumerate(receipts)],
    ],
    ids=["too few", "none", "too many", "another block's"],
)
@pytest.mark.parametrize("mode", ["parity", "none"])
async def test_receipts_that_are_not_those_of_the_transactions_are_an_error(
    node: Node, client: Rpc, change: Callable[[list[Any]], list[Any]], mode: TraceMode
) -> None:
    where = await three_transactions(client)
    node.methods["eth_getBlockReceipts"] = change(await receipts_of(client, where))
    with pytest.raises(NodeError, match="are not those of its transactions"):
        await fetch(client, where, mode)


async def test_receipts_in_another_order_are_put_in_order(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    node.methods["eth_getBlockReceipts"] = (await receipts_of(client, where))[::-1]
    assert [len(e.logs or ()) for e in (await fetch(client, where)).executions] == [0, 2, 0]


async def test_logs_that_the_header_does_not_know_are_an_error(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    receipts = await receipts_of(client, where)
    for change in ([], [receipts[1]["logs"][0] | {"address": "0x" + "77" * 20}]):
        lying = [*receipts[:1], receipts[1] | {"logs": change}, *receipts[2:]]
        node.methods["eth_getBlockReceipts"] = lying
        with pytest.raises(NodeError, match="not those of its header"):
            await fetch(client, where)


async def test_a_transaction_that_cannot_be_read_is_parked_and_the_others_are_seen(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    block = await client.call("eth_getBlockByHash", [where[0], True])
    broken = block["transactions"][1] | {"from": 5, "input": None}
    node.methods["eth_getBlockByHash"] = block | {
        "transactions": [block["transactions"][0], broken, block["transactions"][2]]
    }
    seen = await fetch(client, where)
    assert [p.hash for p in seen.parked] == [broken["hash"]]
    assert [e.transaction.hash for e in seen.executions] == [block["transactions"][i]["hash"] for i in (0, 2)]
    assert [e.trace is not None for e in seen.executions] == [True, True]


async def test_a_malformed_log_is_counted_and_the_block_is_seen(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    receipts = await receipts_of(client, where)
    receipts[1]["logs"][0]["data"] = None
    node.methods["eth_getBlockReceipts"] = receipts
    fetched = await Fetcher(pool_over(client), 31337, "parity").fetch(*where)
    assert fetched.malformed == 1
    assert [len(e.logs or ()) for e in fetched.block.executions] == [0, 1, 0]
    [kept] = fetched.block.executions[1].malformed
    assert msgspec.json.decode(kept.raw) == receipts[1]["logs"][0]
    assert [e.trace is not None for e in fetched.block.executions] == [True] * 3


@pytest.mark.parametrize("answer", ["text", {}, [None], [5]])
async def test_receipts_that_are_none_are_an_error(node: Node, client: Rpc, answer: Any) -> None:
    where = await three_transactions(client)
    node.methods["eth_getBlockReceipts"] = answer
    with pytest.raises(NodeError, match=f"lock {where[0]} cannot be read"):
        await fetch(client, where)


# --- Blocks that are not, or not those asked for ----------------------------------------------------------


@pytest.mark.parametrize("mode", ["parity", "geth", "none"])
async def test_a_block_the_node_does_not_know_has_vanished(client: Rpc, mode: TraceMode) -> None:
    with pytest.raises(BlockVanished, match=hash_(99)):
        await fetch(client, (hash_(99), 1), mode)


async def test_a_block_reorganised_away_has_vanished(anvil: Anvil, rpc: Rpc) -> None:
    await rpc.call("evm_mine")
    gone = await mine(rpc)
    await rpc.call("anvil_reorg", [2, []])
    with pytest.raises(BlockVanished):
        await fetch(rpc, gone)


async def test_a_block_without_receipts_has_vanished(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    node.methods["eth_getBlockReceipts"] = None
    with pytest.raises(BlockVanished):
        await fetch(client, where)


async def test_a_node_that_refuses_the_receipts_of_a_vanished_block_says_vanished_too(node: Node, client: Rpc) -> None:
    node.methods["eth_getBlockReceipts"] = Refused(-32000, "block not found")
    with pytest.raises(BlockVanished):
        await fetch(client, (hash_(99), 1))


async def test_a_node_that_refuses_the_receipts_of_a_known_block_fails(node: Node, client: Rpc) -> None:
    where = await mine(client)
    node.methods["eth_getBlockReceipts"] = Refused(-32005, "slow down")
    with pytest.raises(NodeRejected, match="slow down"):
        await fetch(client, where)
    node.methods.clear()
    assert (await fetch(client, where)).ref.hash == where[0]


async def test_another_block_than_asked_for_is_an_error(node: Node, client: Rpc) -> None:
    first = await mine(client)
    second = await mine(client)
    node.methods["eth_getBlockByHash"] = await client.call("eth_getBlockByHash", [second[0], True])
    with pytest.raises(NodeError, match=f"gave block {second[0]} when asked for {first[0]}"):
        await fetch(client, first)


@pytest.mark.parametrize(
    "change",
    [{"number": "first"}, {"timestamp": "soon"}, {"baseFeePerGas": "0xzz"}],
    ids=["number", "timestamp", "base fee"],
)
async def test_a_block_that_cannot_be_read_is_an_error_of_the_node(
    node: Node, client: Rpc, change: dict[str, Any]
) -> None:
    where = await mine(client)
    node.methods["eth_getBlockByHash"] = await client.call("eth_getBlockByHash", [where[0], True]) | change
    with pytest.raises(NodeError, match=where[0]):
        await fetch(client, where)


async def test_a_node_that_stalls_on_one_of_three_questions_is_an_error(node: Node) -> None:
    async with Rpc(node.http, timeout=0.5) as client:
        where = await mine(client)
        node.methods["eth_getBlockReceipts"] = lambda _: asyncio.sleep(10)
        with pytest.raises(NodeError, match="did not answer eth_getBlockReceipts"):
            await fetch(client, where)


# --- Trees that are missing -------------------------------------------------------------------------------

TRACE = {"action": {"from": "0x1"}, "type": "call", "traceAddress": [0], "transactionHash": hash_(1)}


@pytest.mark.parametrize(
    ("mode", "method", "answer"),
    [
        ("parity", "trace_block", Refused(-32000, "pruned")),
        ("parity", "trace_block", "text"),
        ("geth", "debug_traceBlockByHash", Refused(-32000, "required historical state unavailable")),
        ("geth", "debug_traceBlockByHash", []),
        ("geth", "debug_traceBlockByHash", None),
        ("geth", "debug_traceBlockByHash", ["text"]),
    ],
    ids=["refused", "text", "geth refused", "geth too few", "geth null", "geth text"],
)
async def test_without_its_trees_a_block_is_seen_by_its_logs_and_it_is_said(
    node: Node, client: Rpc, mode: TraceMode, method: str, answer: Any
) -> None:
    where = await three_transactions(client)
    node.methods[method] = answer
    with capture_logs() as logs:
        block = await fetch(client, where, mode)
    assert [e.trace for e in block.executions] == [None] * 3
    assert [len(e.logs or ()) for e in block.executions] == [0, 2, 0]
    assert "call trees of a block are missing" in [entry["event"] for entry in logs]


async def test_trees_of_another_block_at_the_same_height_are_not_taken_for_this_ones(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    # A reorganisation included the same transactions in another block, with other effects.
    traces = await client.call("trace_block", [hex(where[1])])
    node.methods["trace_block"] = [trace | {"blockHash": hash_(7)} for trace in traces]
    with capture_logs() as logs:
        block = await fetch(client, where)
    assert [e.trace for e in block.executions] == [None] * 3
    assert "another block is there now" in logs[0]["error"]


async def test_traces_that_are_no_tree_cost_the_trees_and_not_the_block(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    node.methods["trace_block"] = [TRACE | {"blockHash": where[0]}]
    with capture_logs() as logs:
        block = await fetch(client, where)
    assert [e.trace for e in block.executions] == [None] * 3
    assert "not one call tree" in logs[0]["error"]


@pytest.mark.parametrize("mode", ["parity", "geth"])
async def test_one_tree_that_is_missing_does_not_cost_the_others(node: Node, client: Rpc, mode: TraceMode) -> None:
    where = await three_transactions(client)
    whole = await fetch(client, where, mode)
    second = whole.executions[1].transaction.hash
    if mode == "parity":
        traces = await client.call("trace_block", [hex(where[1])])
        node.methods["trace_block"] = [t for t in traces if t["transactionHash"] != second]
    else:
        trees = await client.call("debug_traceBlockByHash", [where[0], {"tracer": "callTracer"}])
        node.methods["debug_traceBlockByHash"] = [trees[0], {"error": "execution timeout"}, trees[2]]
    with capture_logs() as logs:
        block = await fetch(client, where, mode)
    assert [e.trace for e in block.executions] == [whole.executions[0].trace, None, whole.executions[2].trace]
    assert [(e["event"], e["count"]) for e in logs] == [("call trees of transactions are missing", 1)]


async def test_rewards_of_blocks_are_passed_over(node: Node, client: Rpc) -> None:
    where = await three_transactions(client)
    reward = {"action": {"author": "0x1", "value": "0x5"}, "type": "reward", "traceAddress": [], "blockHash": where[0]}
    expected = await fetch(client, where)
    node.methods["trace_block"] = [*await client.call("trace_block", [hex(where[1])]), reward]
    assert await fetch(client, where) == expected
