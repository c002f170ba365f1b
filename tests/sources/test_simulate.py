"""Simulation: what runs before is seen, Probes are read after, and what a node cannot do is left out, not invented."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec
from chainwatch.chain.rpc import Rpc
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.errors import NodeError
from chainwatch.sources import simulate as simulate_module
from chainwatch.sources.mempool import MempoolSource, Simulated
from chainwatch.sources.simulate import Outdated, Simulator
from chainwatch.types import Transaction
from tests.builders import address, hash_, pool_over, transaction
from tests.chain.contracts import deploy
from tests.chain.nodes import NO_METHOD, Node, Refused, fake_node, until

COUNTER = (
    "3615601657"  # without calldata: jump to the end
    "5f5480600101"  # SLOAD, and one more
    "5f55601157"  # SSTORE; if it was not 0: jump to the log
    "00"
    "5b5f5fa000"  # LOG0
    "5b5f545f5260205ff3"  # the end: return it
)
"""Runtime code that counts its calls, and logs from the second on."""


@pytest.fixture
async def still(still_anvil: Anvil) -> AsyncIterator[Rpc]:
    async with Rpc(still_anvil.http) as client:
        yield client


@pytest.fixture
async def counter(still: Rpc) -> str:
    return await deploy(still, COUNTER)


@asynccontextmanager
async def simulator(node: Node | Anvil, *specs: ProbeSpec) -> AsyncIterator[Simulator]:
    async with Rpc(node.http) as rpc:
        yield Simulator(pool_over(rpc), 31337, specs)


def reads(counter: str, name: str = "count") -> ProbeSpec:
    return ProbeSpec(name, counter, "0x", ("uint256",))


def calling(counter: str, sender: str, nonce: int, **fields: Any) -> Transaction:
    given = {"from_": sender, "to": counter, "input": "0x12345678", "gas": hex(200_000), "nonce": hex(nonce)}
    return transaction(nonce + 1, **given | fields)


async def account(rpc: Rpc, n: int = 1) -> str:
    """One that has sent nothing yet."""
    return (await rpc.call("eth_accounts"))[n]


# --- Probes after it --------------------------------------------------------------------------------------


@pytest.mark.anvil
@pytest.mark.parametrize("without", ["", "debug_traceCall"])
async def test_probes_are_read_after_the_transaction(
    still_anvil: Anvil, still: Rpc, counter: str, without: str
) -> None:
    given = calling(counter, await account(still), 0)
    async with (
        fake_node(behind=still_anvil.http, **{without: NO_METHOD}) as node,
        simulator(node, reads(counter), reads(counter, "again")) as simulating,
    ):
        execution, readings = await simulating.simulate(given)
    assert readings["count"].values == readings["again"].values == (1,)
    assert readings["count"].block == execution.block
    assert (execution.trace is None) is bool(without)
    assert await still.call("eth_call", [{"to": counter}, "latest"]) == hash_(0), "it is not so on chain"


@pytest.mark.anvil
async def test_probes_after_a_pending_transaction_are_yielded_with_it(
    still_anvil: Anvil, still: Rpc, counter: str
) -> None:
    chain = ChainConfig(
        id=31337, mempool=True, providers=(ProviderConfig(name="a", http=still_anvil.http, ws=still_anvil.ws),)
    )
    async with Pool(chain) as pool:
        source = MempoolSource(pool, chain, frozenset({counter}), [reads(counter)])
        found: list[Simulated] = []

        async def collect() -> None:
            async for item in source.items():
                assert isinstance(item, Simulated)
                found.append(item)

        task = asyncio.create_task(collect())
        await until(lambda: source.subscribed)
        for n in range(3):
            request = {"from": await account(still), "to": counter, "data": "0x12345678", "gas": hex(200_000)}
            await still.call("eth_sendTransaction", [request])
            await until(lambda n=n: len(found) == n + 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [item.readings["count"].values for item in found] == [(1,), (2,), (3,)], "each after those before it"
    assert [len(item.execution.logs or ()) for item in found] == [0, 1, 1]


@pytest.mark.anvil
@pytest.mark.parametrize(
    "answer",
    [NO_METHOD, Refused(-32000, "no"), None, [], [{"calls": []}], [{"calls": [1, 2]}], lambda *_: asyncio.sleep(5)],
    ids=["not offered", "refused", "null", "no block", "no calls", "other calls", "stalled"],
)
async def test_where_probes_cannot_be_read_after_it_there_are_none_and_the_tree_stays(
    still_anvil: Anvil, still: Rpc, counter: str, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate_module, "_GRACE_SECONDS", 0.2)
    given = calling(counter, await account(still), 0)
    async with (
        fake_node(behind=still_anvil.http, eth_simulateV1=answer) as node,
        simulator(node, reads(counter)) as simulating,
    ):
        execution, readings = await simulating.simulate(given)
        assert readings == {} and execution.trace is not None
        await simulating.simulate(given)
    if answer is NO_METHOD:
        assert len(node.asked_for("eth_simulateV1")) == 1, "it is found out once"


@pytest.mark.anvil
async def test_a_transaction_is_known_without_its_probes_where_nothing_traces(
    still_anvil: Anvil, still: Rpc, counter: str
) -> None:
    async def picky(request: dict[str, Any], block: str) -> Any:
        if len(request["blockStateCalls"][0]["calls"]) > 1:
            raise Refused(-32000, "one call at most")
        return await still.call("eth_simulateV1", [request, block])

    given = calling(counter, await account(still), 0)
    async with (
        fake_node(behind=still_anvil.http, debug_traceCall=NO_METHOD, eth_simulateV1=picky) as node,
        simulator(node, reads(counter)) as simulating,
    ):
        execution, readings = await simulating.simulate(given)
    assert execution.succeeded and readings == {}


async def test_the_blocks_gas_limit_is_raised_where_it_would_leave_the_probes_none() -> None:
    head = {"number": "0x9", "hash": hash_(9), "parentHash": hash_(8), "timestamp": "0x5", "gasLimit": hex(1_000_000)}
    async with fake_node(eth_getBlockByNumber=head, debug_traceCall=NO_METHOD, eth_simulateV1=None) as node:
        for gas, expected in ((400_000, None), (600_000, {"gasLimit": hex(1_100_000)})):
            node.asked.clear()
            async with simulator(node, reads(address(0xC0))) as simulating:
                with pytest.raises(NodeError):
                    await simulating.simulate(calling(address(0xC0), address(0xA1), 0, gas=hex(gas)))
            request, block = node.asked_for("eth_simulateV1")[0]
            assert request["blockStateCalls"][0].get("blockOverrides") == expected
            assert (request["validation"], block) == (False, "0x9")


# --- What runs before it ----------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_a_sequence_shows_what_the_last_of_it_does_after_the_others(
    still_anvil: Anvil, still: Rpc, counter: str
) -> None:
    sender = await account(still)
    first, second = (calling(counter, sender, n) for n in range(2))
    async with simulator(still_anvil, reads(counter)) as simulating:
        alone, readings_alone = await simulating.simulate(second)
        after, readings = await simulating.simulate(second, [first])
    assert not alone.logs and alone.trace is not None and readings_alone["count"].values == (1,)
    assert after.logs is not None and [log.log_index for log in after.logs] == ["0x0"]
    assert readings["count"].values == (2,)
    assert after.trace is None, "the tree that the node gives is that of the transaction alone"


@pytest.mark.anvil
async def test_a_tree_stays_where_what_runs_before_makes_no_difference(
    still_anvil: Anvil, still: Rpc, counter: str
) -> None:
    sender = await account(still)
    payment = transaction(1, from_=sender, to=address(0xE0A), value="0x5", gas=hex(21_000))
    async with simulator(still_anvil) as simulating:
        execution, _ = await simulating.simulate(calling(counter, sender, 1), [payment])
    assert execution.trace is not None


@pytest.mark.anvil
async def test_what_is_mined_already_does_not_run_again(still_anvil: Anvil, still: Rpc, counter: str) -> None:
    sender = await account(still)
    await still.call("eth_sendTransaction", [{"from": sender, "to": counter, "data": "0x12345678"}])
    await still.call("evm_mine")
    first, second, third = (calling(counter, sender, n) for n in range(3))
    async with simulator(still_anvil, reads(counter)) as simulating:
        _, readings = await simulating.simulate(third, [first, second])
        assert readings["count"].values == (3,)
        with pytest.raises(Outdated):
            await simulating.simulate(first, [calling(counter, sender, 0)])


@pytest.mark.anvil
async def test_what_before_it_cannot_be_paid_is_left_out(still_anvil: Anvil, still: Rpc, counter: str) -> None:
    sender = await account(still)
    wealthy = calling(counter, sender, 0, value=hex(10**30))
    async with simulator(still_anvil, reads(counter)) as simulating:
        execution, readings = await simulating.simulate(calling(counter, sender, 1), [wealthy])
    assert readings["count"].values == (1,) and execution.trace is not None


@pytest.mark.anvil
@pytest.mark.parametrize("without", ["", "debug_traceCall"])
async def test_who_cannot_pay_is_an_error_and_asked_once(
    still_anvil: Anvil, still: Rpc, counter: str, without: str
) -> None:
    async with (
        fake_node(behind=still_anvil.http, **{without: NO_METHOD}) as node,
        simulator(node, reads(counter)) as simulating,
    ):
        with pytest.raises(NodeError, match=r"(?i)insufficient funds"):
            await simulating.simulate(calling(counter, address(0xB00), 0, value="0x5"))
    assert len(node.asked_for("eth_simulateV1")) == 1


async def test_no_more_than_eight_run_before_it_and_those_nearest() -> None:
    head = {"number": "0x9", "hash": hash_(9), "parentHash": hash_(8), "timestamp": "0x5"}
    methods = {"eth_getBlockByNumber": head, "eth_getTransactionCount": "0x0", "debug_traceCall": NO_METHOD}
    async with fake_node(**methods, eth_simulateV1=None) as node, simulator(node) as simulating:
        earlier = [calling(address(n), address(0xA1), n) for n in range(20)]
        with pytest.raises(NodeError):
            await simulating.simulate(calling(address(20), address(0xA1), 20), earlier)
    [[request, _], *_] = node.asked_for("eth_simulateV1")
    assert [call["to"] for call in request["blockStateCalls"][0]["calls"]] == [address(n) for n in range(12, 21)]


# --- Asking -----------------------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_the_latest_block_is_asked_for_once_in_a_burst_and_anew_after_a_block(
    still_anvil: Anvil, still: Rpc, counter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate_module, "_HEAD_SECONDS", 60.0)
    given = calling(counter, await account(still), 0)
    async with fake_node(behind=still_anvil.http) as node, simulator(node) as simulating:
        first, _ = await simulating.simulate(given)
        await simulating.simulate(given)
        assert len(node.asked_for("eth_getBlockByNumber")) == 1
        await still.call("evm_mine")
        simulating.new_block()
        later, _ = await simulating.simulate(given)
    assert first.block is not None and later.block is not None
    assert later.block.parent_hash == first.block.hash
    assert {params[1] for params in node.asked_for("debug_traceCall")} == {
        hex(first.block.number or 0), hex(later.block.number or 0)
    }, "never on `pending`"  # fmt: skip


async def test_one_provider_without_traces_does_not_cost_the_trees_of_the_other() -> None:
    head = {"number": "0x9", "hash": hash_(9), "parentHash": hash_(8), "timestamp": "0x5"}
    known = {"eth_chainId": "0x7a69", "eth_getBlockByNumber": head}
    tree = {"type": "CALL", "from": address(0xA1), "to": address(0xC0)}
    async with (
        fake_node(**known, debug_traceCall=NO_METHOD) as one,
        fake_node(**known, debug_traceCall=Refused(-32603, "busy")) as other,
    ):
        providers = tuple(ProviderConfig(name=n, http=node.http) for n, node in (("a", one), ("b", other)))
        async with Pool(ChainConfig(id=31337, providers=providers)) as pool:
            simulating = Simulator(pool, 31337)
            with pytest.raises(NodeError):
                await simulating.simulate(transaction())
            other.methods["debug_traceCall"] = tree
            execution, _ = await simulating.simulate(transaction())
    assert execution.trace is not None


async def test_delegations_are_simulated_with_the_transaction_that_makes_them() -> None:
    head = {"number": "0x9", "hash": hash_(9), "parentHash": hash_(8), "timestamp": "0x5"}
    tree = {"type": "CALL", "from": address(0xA1), "to": address(0xC0)}
    async with fake_node(eth_getBlockByNumber=head, debug_traceCall=tree) as node, simulator(node) as simulating:
        await simulating.simulate(transaction(authorization_list=[{"address": address(0xDE)}]))
        await simulating.simulate(transaction())
    first, second = (call for call, *_ in node.asked_for("debug_traceCall"))
    assert first["authorizationList"] == [{"address": address(0xDE)}]
    assert "authorizationList" not in second


async def test_a_simulation_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_module, "_BUDGET_SECONDS", 0.2)
    async with (
        fake_node(eth_getBlockByNumber=lambda *_: asyncio.sleep(5)) as node,
        simulator(node) as simulating,
        asyncio.timeout(1),
    ):
        with pytest.raises(NodeError, match="longer than"):
            await simulating.simulate(transaction())
