"""The fault proxy: each fault does what it says through a real Anvil, and a healed proxy is transparent."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from eth_account import Account

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.chain.subscribe import subscribe
from chainwatch.errors import NodeError, NodeRejected, NotANode
from tests.chain.contracts import creating, logging
from tests.chain.nodes import until
from tests.proxy import Fault, FaultProxy

pytestmark = pytest.mark.anvil

# The first of the accounts that Anvil makes of its public test phrase.
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ANSWER_42 = "602a5f5260205ff3"  # runtime code that returns the word 42
CONTENT = [
    Fault.STALE_HEAD, Fault.OTHER_BLOCK, Fault.REWRITE, Fault.WRONG_BALANCE, Fault.OTHER_CHAIN, Fault.NO_TRACES,
    Fault.HUGE, Fault.MIN_REPLACEMENT, Fault.NO_METHOD,
]  # fmt: skip


@pytest.fixture
async def proxy(anvil: Anvil) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(anvil.http, anvil.ws, name="a") as running:
        yield running


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[Rpc]:
    """A client of the proxy; `rpc` is one of Anvil itself."""
    async with Rpc(proxy.http, timeout=5.0) as client:
        yield client


class Heads:
    """What a subscription through the proxy pushed, and how it ended."""

    def __init__(self) -> None:
        self.opened = False
        self.pushed: list[Any] = []
        self.error: NodeError | None = None

    @property
    def numbers(self) -> list[int]:
        return [quantity(head["number"]) for head in self.pushed]

    async def follow(self, url: str) -> None:
        try:
            async for raw in subscribe(url, ["newHeads"], opened=lambda: setattr(self, "opened", True)):
                self.pushed.append(json.loads(raw))
        except NodeError as error:
            self.error = error


@asynccontextmanager
async def following(proxy: FaultProxy) -> AsyncIterator[Heads]:
    heads = Heads()
    task = asyncio.create_task(heads.follow(proxy.ws))
    await until(lambda: heads.opened)
    try:
        yield heads
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(rpc: Rpc, **transaction: Any) -> Any:
    """Send from Anvil's first account and give the receipt. Anvil mines it by itself: one block, no more."""
    given = {"from": (await rpc.call("eth_accounts"))[0], "gas": hex(3_000_000)} | transaction
    tx_hash = await rpc.call("eth_sendTransaction", [given])
    async with asyncio.timeout(10.0):
        while (receipt := await rpc.call("eth_getTransactionReceipt", [tx_hash])) is None:  # noqa: ASYNC110 - we poll
            await asyncio.sleep(0.005)
    assert receipt["status"] == "0x1"
    return receipt


async def deploy(rpc: Rpc, runtime: str) -> str:
    return (await send(rpc, data=creating(runtime)))["contractAddress"]


async def block(rpc: Rpc, which: str = "latest") -> Any:
    return await rpc.call("eth_getBlockByNumber", [which, False])


async def answers(rpc: Rpc, tx_hash: str, at: str) -> list[Any]:
    """What a node says about its chain, in all the ways that chainwatch asks; at least the traces may be refused."""
    return [
        str(answer) if isinstance(answer, NodeRejected) else answer
        for answer in await rpc.batch(
            [
                ("eth_chainId", []), ("eth_blockNumber", []), ("eth_getBlockByNumber", ["latest", True]),
                ("eth_getBlockByHash", [at, False]), ("eth_getBlockReceipts", [at]), ("trace_block", ["0x1"]),
                ("eth_getTransactionReceipt", [tx_hash]), ("debug_traceBlockByHash", [at, {"tracer": "callTracer"}]),
                ("eth_nonsense", []),
            ]
        )
    ]  # fmt: skip


async def test_a_proxy_without_a_fault_and_a_healed_one_are_transparent(
    anvil: Anvil, rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    receipt = await send(rpc, to=await deploy(rpc, logging(2)))
    about = receipt["transactionHash"], receipt["blockHash"]
    plain = await answers(rpc, *about)
    assert await answers(client, *about) == plain
    for fault in Fault:
        proxy.on(fault)
    assert proxy.active == set(Fault)
    proxy.heal()
    assert proxy.active == set()
    async with Rpc(proxy.http) as again:  # the connections of the first were dropped
        assert await answers(again, *about) == plain
    call = {"jsonrpc": "2.0", "id": "mine", "method": "eth_getBlockReceipts", "params": ["latest"]}
    async with aiohttp.ClientSession() as session:
        bodies = []
        for url in (anvil.http, proxy.http):
            async with session.post(url, json=call) as response:
                bodies.append(await response.read())
    assert bodies[0] == bodies[1]
    async with following(proxy) as heads:
        await rpc.call("anvil_mine", [hex(5)])
        await until(lambda: len(heads.pushed) == 5)
    assert heads.numbers == [3, 4, 5, 6, 7]
    assert heads.pushed[-1]["hash"] == (await block(rpc))["hash"]
    assert proxy.calls["eth_blockNumber"] == 2
    assert proxy.calls["eth_subscribe"] == 1


async def test_faults_that_have_nothing_to_do_change_nothing(rpc: Rpc, proxy: FaultProxy, client: Rpc) -> None:
    """Each content fault decodes and encodes again; what it does not mean to change stays as it is."""
    receipt = await send(rpc, to=await deploy(rpc, logging(2)))
    about = receipt["transactionHash"], receipt["blockHash"]
    plain = await answers(rpc, *about)
    for fault in CONTENT:
        if fault not in {Fault.OTHER_CHAIN, Fault.NO_TRACES}:
            proxy.on(fault)
            assert await answers(client, *about) == plain, fault
            proxy.off(fault)


async def test_a_dead_node_drops_its_connections_and_closes_new_ones_until_it_is_healed(
    proxy: FaultProxy, client: Rpc
) -> None:
    await client.call("eth_blockNumber")
    async with following(proxy) as heads:
        proxy.on(Fault.DEAD)
        await until(lambda: heads.error)
    with pytest.raises(NodeError, match="could not be reached"):
        await client.call("eth_blockNumber")
    with pytest.raises(NodeError):
        await anext(subscribe(proxy.ws, ["newHeads"]))
    assert proxy.faulted[Fault.DEAD] >= 4
    proxy.heal()
    await client.call("eth_blockNumber")
    async with following(proxy):
        pass


async def test_a_node_whose_anvil_is_gone_is_dead(proxy: FaultProxy, client: Rpc, anvil: Anvil) -> None:
    async with following(proxy) as heads:
        await anvil.stop()
        await until(lambda: heads.error)
    with pytest.raises(NodeError, match="could not be reached"):
        await client.call("eth_blockNumber")
    with pytest.raises(NodeError):
        await anext(subscribe(proxy.ws, ["newHeads"]))


async def test_dropped_sockets_come_back_only_when_healed_while_http_works(proxy: FaultProxy, client: Rpc) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.DROP_SOCKET)
        await until(lambda: heads.error)
    await client.call("eth_blockNumber")
    with pytest.raises(NodeError, match="HTTP 503"):
        await anext(subscribe(proxy.ws, ["newHeads"]))
    assert proxy.faulted[Fault.DROP_SOCKET] == 2
    proxy.off(Fault.DROP_SOCKET)
    async with following(proxy):
        pass


async def test_a_stalled_node_answers_nothing_until_it_is_healed_and_then_everything(
    rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.STALL)
        with pytest.raises(NodeError, match="did not answer"):
            await client.call("eth_blockNumber", timeout=0.1)
        waiting = asyncio.create_task(client.call("eth_blockNumber"))
        await rpc.call("anvil_mine", [hex(3)])
        await asyncio.sleep(0.1)
        assert not waiting.done() and not heads.pushed
        proxy.off(Fault.STALL)
        assert await waiting == "0x3"
        await until(lambda: len(heads.pushed) == 3)
    assert heads.numbers == [1, 2, 3]
    assert proxy.faulted[Fault.STALL] >= 3


async def test_a_stall_may_be_of_one_method_only(proxy: FaultProxy, client: Rpc) -> None:
    proxy.on(Fault.STALL, methods={"eth_chainId"})
    await client.call("eth_blockNumber")
    with pytest.raises(NodeError, match="did not answer"):
        await client.call("eth_chainId", timeout=0.1)


async def test_a_proxy_ends_although_clients_wait_in_a_stall(anvil: Anvil) -> None:
    async with FaultProxy(anvil.http, anvil.ws) as proxy, Rpc(proxy.http) as client, following(proxy) as heads:
        proxy.on(Fault.STALL)
        waiting = asyncio.create_task(client.call("eth_blockNumber"))
        await until(lambda: proxy.faulted[Fault.STALL])
        await proxy.__aexit__()
        with pytest.raises(NodeError):
            await waiting
        await until(lambda: heads.error)


async def test_latency_delays_answers_and_notifications_and_keeps_their_order(
    rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.LATENCY, seconds=0.2)
        started = time.monotonic()
        await client.call("eth_blockNumber")
        assert time.monotonic() - started >= 0.2
        started = time.monotonic()
        await rpc.call("anvil_mine", [hex(10)])
        await until(lambda: len(heads.pushed) == 10)
        assert 0.2 <= time.monotonic() - started < 2.0  # each is late, but they are not late one after the other
    assert heads.numbers == list(range(1, 11))


async def test_a_gateway_that_limits_says_so_with_429_and_a_page(proxy: FaultProxy, client: Rpc) -> None:
    proxy.on(Fault.TOO_MANY)
    async with aiohttp.ClientSession() as session, session.post(proxy.http, json={"method": "eth_x"}) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "1"
        assert "Too Many" in await response.text()
    with pytest.raises(NodeError, match="429"):
        await client.call("eth_blockNumber")
    with pytest.raises(NodeError, match="429"):
        await anext(subscribe(proxy.ws, ["newHeads"]))


@pytest.mark.parametrize("code", [-32603, -32005])
async def test_errors_come_inside_http_200_for_each_call_of_a_batch(proxy: FaultProxy, client: Rpc, code: int) -> None:
    proxy.on(Fault.ERROR_IN_200, code=code)
    with pytest.raises(NodeRejected, match=str(code)):
        await client.call("eth_blockNumber")
    results = await client.batch([("eth_chainId", []), ("eth_blockNumber", [])])
    assert [isinstance(result, NodeRejected) and result.code for result in results] == [code, code]
    with pytest.raises(NodeError, match="refused"):
        await anext(subscribe(proxy.ws, ["newHeads"]))
    assert proxy.faulted[Fault.ERROR_IN_200] == 4


async def test_a_truncated_answer_cannot_be_read(rpc: Rpc, proxy: FaultProxy, client: Rpc) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.TRUNCATE)
        with pytest.raises(NodeError, match="cannot be read"):
            await client.call("eth_blockNumber")
        await rpc.call("evm_mine")
        await until(lambda: heads.pushed)
        proxy.on(Fault.TRUNCATE, notifications=True)
        await rpc.call("evm_mine")
        await until(lambda: heads.error)


async def test_a_web_page_comes_with_status_200(proxy: FaultProxy, client: Rpc) -> None:
    proxy.on(Fault.HTML)
    with pytest.raises(NotANode):
        await client.call("eth_blockNumber")
    with pytest.raises(NodeError):
        await anext(subscribe(proxy.ws, ["newHeads"]))


async def test_a_stale_head_stays_where_it_was_and_knows_nothing_later(
    rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    target = await deploy(rpc, logging(1))
    before = await block(rpc)
    balance = ["0x" + "0" * 38 + "77"]
    async with following(proxy) as heads:
        proxy.on(Fault.STALE_HEAD)
        receipt = await send(rpc, to=target)
        await send(rpc, to=balance[0], value="0x7")
        assert await client.call("eth_blockNumber") == before["number"] == "0x1"
        assert await block(client) == before
        assert await block(client, "0x2") is None
        assert await client.call("eth_getBlockByHash", [receipt["blockHash"], False]) is None
        assert await client.call("eth_getTransactionReceipt", [receipt["transactionHash"]]) is None
        assert await client.call("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}]) == []
        assert await client.call("eth_getBalance", balance) == "0x0"
        assert await client.call("eth_getBalance", [*balance, "latest"]) == "0x0"
        with pytest.raises(NodeRejected):
            await client.call("eth_call", [{"to": target}, "0x2"])
        proxy.on(Fault.STALE_HEAD, knows_later=True)
        assert await client.call("eth_blockNumber") == "0x3"
        await rpc.call("evm_mine")
        assert await block(client, "0x4") == await block(rpc, "0x4")
        assert (await block(client))["number"] == "0x3"
        await asyncio.sleep(0.1)  # Anvil may push 40 ms late: Nagle's algorithm
        assert heads.pushed == []
        proxy.heal()
        await rpc.call("evm_mine")
        await until(lambda: 5 in heads.numbers)
    assert await client.call("eth_getBalance", [*balance, "latest"]) == "0x7"
    assert len(await client.call("eth_getLogs", [{"fromBlock": "0x0"}])) == 1


async def test_another_branch_is_linked_consistent_and_knows_nothing_of_the_real_one(
    rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    target = await deploy(rpc, logging(1))
    fork = await block(rpc)
    async with following(proxy) as heads:
        proxy.on(Fault.OTHER_BLOCK)
        receipt = await send(rpc, to=target)
        await rpc.call("evm_mine")
        await until(lambda: len(heads.pushed) == 2)
    assert await block(client, fork["number"]) == fork
    assert await client.call("eth_getBlockByHash", [fork["hash"], False]) == fork

    real = [await block(rpc, "0x2"), await block(rpc, "0x3")]
    other = [await block(client, "0x2"), await block(client, "0x3")]
    assert other[0] == real[0] | {"hash": other[0]["hash"]}
    assert other[1] == real[1] | {"hash": other[1]["hash"], "parentHash": other[0]["hash"]}
    assert other[0]["hash"] != real[0]["hash"] and other[1]["hash"] != real[1]["hash"]
    assert [head["hash"] for head in heads.pushed] == [block["hash"] for block in other]
    assert heads.pushed[0]["parentHash"] == fork["hash"]

    at = other[0]["hash"]
    assert await client.call("eth_getBlockByHash", [at, False]) == other[0]
    full = await client.call("eth_getBlockByHash", [at, True])
    assert full["transactions"][0]["blockHash"] == at
    for which in (at, "0x2", {"blockHash": at}):
        receipts = await client.call("eth_getBlockReceipts", [which])
        assert [receipts[0]["blockHash"], receipts[0]["logs"][0]["blockHash"]] == [at, at]
    assert (await client.call("eth_getTransactionReceipt", [receipt["transactionHash"]]))["blockHash"] == at
    assert (await client.call("trace_block", ["0x2"]))[0]["blockHash"] == at
    assert (await client.call("eth_getLogs", [{"blockHash": at}]))[0]["blockHash"] == at
    assert await client.call("debug_traceBlockByHash", [at, {"tracer": "callTracer"}])
    assert await client.call("eth_call", [{"to": target}, {"blockHash": at}]) == "0x"
    simulation = {"blockStateCalls": [{"calls": [{"to": target}]}]}
    for which in (at, {"blockHash": at}):
        expected = await rpc.call("eth_simulateV1", [simulation, "0x2"])
        simulated = await client.call("eth_simulateV1", [simulation, which])
        assert simulated[0]["number"] == expected[0]["number"]
        assert [call["gasUsed"] for call in simulated[0]["calls"]] == [call["gasUsed"] for call in expected[0]["calls"]]

    # What the other nodes know, this one does not.
    assert await client.call("eth_getBlockByHash", [real[0]["hash"], False]) is None
    assert await client.call("eth_getBlockReceipts", [real[0]["hash"]]) is None
    with pytest.raises(NodeRejected):
        await client.call("eth_call", [{"to": target}, {"blockHash": real[0]["hash"]}])
    proxy.heal()
    assert await block(client) == real[1]
    assert await client.call("eth_getBlockByHash", [at, False]) is None


async def test_proxies_of_one_name_are_on_one_branch_and_others_on_others(anvil: Anvil, rpc: Rpc) -> None:
    hashes = []
    for name in ("a", "a", "b"):
        async with FaultProxy(anvil.http, anvil.ws, name=name) as proxy, Rpc(proxy.http) as client:
            proxy.on(Fault.OTHER_BLOCK, after=-1)
            hashes.append((await block(client))["hash"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert (await block(rpc))["hash"] not in hashes


async def test_another_branch_may_have_other_contents(rpc: Rpc, proxy: FaultProxy, client: Rpc) -> None:
    def silent(method: str, result: Any) -> Any:
        return [receipt | {"logs": []} for receipt in result] if method == "eth_getBlockReceipts" else result

    target = await deploy(rpc, logging(1))
    proxy.on(Fault.OTHER_BLOCK, rewrite=silent)
    receipt = await send(rpc, to=target)
    told = await client.call("eth_getBlockReceipts", [receipt["blockNumber"]])
    assert told[0]["logs"] == [] and told[0]["blockHash"] != receipt["blockHash"]


async def test_a_liar_changes_contents_under_the_true_hash(rpc: Rpc, proxy: FaultProxy, client: Rpc) -> None:
    asked = []

    def silent(method: str, params: Any, result: Any) -> Any:
        asked.append((method, params))
        return [receipt | {"logs": []} for receipt in result] if method == "eth_getBlockReceipts" else result

    receipt = await send(rpc, to=await deploy(rpc, logging(1)))
    proxy.on(Fault.REWRITE, rewrite=silent)
    assert await block(client) == await block(rpc)
    assert proxy.faulted[Fault.REWRITE] == 0
    told = await client.call("eth_getBlockReceipts", [receipt["blockHash"]])
    assert told == [receipt | {"logs": []}]
    assert asked == [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockReceipts", [receipt["blockHash"]])]
    assert proxy.faulted[Fault.REWRITE] == 1


async def test_balances_and_returned_words_are_wrong(rpc: Rpc, proxy: FaultProxy, client: Rpc) -> None:
    target = await deploy(rpc, ANSWER_42)
    simulation = [{"blockStateCalls": [{"calls": [{"to": target}, {"to": "0x" + "0" * 38 + "99"}]}]}, "latest"]
    proxy.on(Fault.WRONG_BALANCE)
    assert quantity(await client.call("eth_call", [{"to": target}, "latest"])) == 85
    account = (await rpc.call("eth_accounts"))[0]
    true = quantity(await rpc.call("eth_getBalance", [account, "latest"]))
    assert quantity(await client.call("eth_getBalance", [account, "latest"])) == 2 * true + 1
    calls = (await client.call("eth_simulateV1", simulation))[0]["calls"]
    assert [call["returnData"] for call in calls] == [f"0x{85:064x}", "0x"]
    proxy.on(Fault.WRONG_BALANCE, change=lambda value: value - 1)
    assert quantity(await client.call("eth_call", [{"to": target}, "latest"])) == 41


async def test_another_chain_has_another_id_another_genesis_and_other_blocks(
    rpc: Rpc, proxy: FaultProxy, client: Rpc
) -> None:
    await rpc.call("evm_mine")
    proxy.on(Fault.OTHER_CHAIN, chain_id=10)
    assert await client.call("eth_chainId") == "0xa"
    assert await client.call("net_version") == "10"
    genesis, first = await block(client, "0x0"), await block(client, "0x1")
    assert genesis["hash"] != (await block(rpc, "0x0"))["hash"]
    assert first["hash"] != (await block(rpc, "0x1"))["hash"]
    assert first["parentHash"] == genesis["hash"]
    assert await client.call("eth_getBlockByHash", [genesis["hash"], False]) == genesis
    with pytest.raises(NodeRejected, match="chain id"):
        await client.call("eth_sendRawTransaction", [signed(0, 10**10, 10**9)])


async def test_traces_and_other_methods_may_be_missing(proxy: FaultProxy, client: Rpc) -> None:
    proxy.on(Fault.NO_TRACES)
    proxy.on(Fault.NO_METHOD, methods={"eth_getBlockReceipts"})
    results = await client.batch(
        [
            ("trace_block", ["0x0"]), ("eth_chainId", []), ("debug_traceBlockByNumber", ["0x0"]),
            ("eth_getBlockReceipts", ["0x0"]),
        ]
    )  # fmt: skip
    assert [getattr(result, "code", result) for result in results] == [-32601, "0x7a69", -32601, -32601]
    assert (proxy.faulted[Fault.NO_TRACES], proxy.faulted[Fault.NO_METHOD]) == (2, 1)


async def test_notifications_come_twice(rpc: Rpc, proxy: FaultProxy) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.DUPLICATE)
        await rpc.call("anvil_mine", [hex(3)])
        await until(lambda: len(heads.pushed) == 6)
    assert heads.numbers == [1, 1, 2, 2, 3, 3]


async def test_notifications_come_in_swapped_pairs_and_the_last_is_not_lost(rpc: Rpc, proxy: FaultProxy) -> None:
    async with following(proxy) as heads:
        proxy.on(Fault.REORDER)
        await rpc.call("anvil_mine", [hex(5)])
        await until(lambda: len(heads.pushed) == 5)
    assert heads.numbers == [2, 1, 4, 3, 5]


@pytest.mark.parametrize("junk", [False, True])
async def test_receipts_may_be_huge_and_mean_the_same(rpc: Rpc, proxy: FaultProxy, client: Rpc, junk: bool) -> None:
    await send(rpc, to=await deploy(rpc, logging(1)))
    proxy.on(Fault.HUGE, junk=junk)
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockReceipts", "params": ["latest"]}
    async with aiohttp.ClientSession() as session, session.post(proxy.http, json=call) as response:
        assert len(await response.read()) > 20_000_000
    told = await client.call("eth_getBlockReceipts", ["latest"])
    assert len(told[0].pop("junk", "")) == (20_000_000 if junk else 0)
    assert told == await rpc.call("eth_getBlockReceipts", ["latest"])


def signed(nonce: int, fee: int, tip: int, *, legacy: bool = False) -> str:
    """A transfer of nothing by Anvil's first account."""
    fees = {"gasPrice": fee} if legacy else {"maxFeePerGas": fee, "maxPriorityFeePerGas": tip}
    to = "0x" + "0" * 38 + "99"
    given = {"chainId": 31337, "nonce": nonce, "gas": 30_000, "to": to, "value": 0, "data": "0x"}
    return "0x" + Account.sign_transaction(given | fees, KEY).raw_transaction.hex().removeprefix("0x")


async def test_a_replacement_must_raise_both_fees_by_a_tenth(still_anvil: Anvil) -> None:
    gwei = 10**9
    async with (
        FaultProxy(still_anvil.http, still_anvil.ws) as proxy,
        Rpc(proxy.http) as client,
    ):
        proxy.on(Fault.MIN_REPLACEMENT)
        await client.call("eth_sendRawTransaction", [signed(0, 100 * gwei, 10 * gwei)])
        for fee, tip in [(109, 11), (200, 10), (110, 10)]:
            with pytest.raises(NodeRejected, match="replacement transaction underpriced") as refused:
                await client.call("eth_sendRawTransaction", [signed(0, fee * gwei, tip * gwei)])
            assert refused.value.code == -32000
        assert proxy.faulted[Fault.MIN_REPLACEMENT] == 3
        second = await client.call("eth_sendRawTransaction", [signed(0, 110 * gwei, 11 * gwei)])
        await client.call("eth_sendRawTransaction", [signed(1, gwei * 2, gwei)])  # another nonce replaces nothing
        with pytest.raises(NodeRejected, match="replacement transaction underpriced"):
            await client.call("eth_sendRawTransaction", [signed(0, 120 * gwei, 0, legacy=True)])
        await client.call("evm_mine")
        assert (await client.call("eth_getTransactionReceipt", [second]))["status"] == "0x1"


async def test_calls_over_the_websocket_meet_the_same_faults(rpc: Rpc, proxy: FaultProxy) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(proxy.ws) as ws:

        async def ask(method: str, *params: Any) -> Any:
            await ws.send_json({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
            return await ws.receive_json(timeout=5.0)

        assert (await ask("eth_chainId"))["result"] == "0x7a69"
        proxy.on(Fault.OTHER_CHAIN)
        proxy.on(Fault.NO_TRACES)
        assert await ask("eth_chainId") == {"jsonrpc": "2.0", "id": 7, "result": "0x1"}
        assert (await ask("trace_block", "0x0"))["error"]["code"] == -32601
        proxy.heal()
        assert (await ask("eth_chainId"))["result"] == "0x7a69"


async def test_an_unknown_parameter_is_a_mistake(proxy: FaultProxy) -> None:
    with pytest.raises(TypeError, match="seconds"):
        proxy.on(Fault.LATENCY, delay=1)
