"""Several providers behind one face: no call is lost while any of them can answer it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from aiohttp import web

from chainwatch.chain.pool import Pool, role_of
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.errors import NodeError, NodeRejected, WrongChain
from tests.chain.nodes import NO_METHOD, Node, Refused, fake_node

GENESIS = "0x" + "00" * 32


@pytest.fixture
async def nodes() -> AsyncIterator[dict[str, Node]]:
    """Three nodes of chain 5."""
    async with AsyncExitStack() as stack:
        made = {}
        for name in "abc":
            node = await stack.enter_async_context(fake_node(eth_chainId="0x5", eth_x=name))
            node.methods["eth_getBlockByNumber"] = {"hash": GENESIS, "number": "0x0"}
            made[name] = node
        yield made


def config(nodes: dict[str, Node], **providers: dict[str, Any]) -> ChainConfig:
    made = (ProviderConfig(name=n, http=node.http, **providers.get(n, {})) for n, node in nodes.items())
    return ChainConfig(id=5, providers=tuple(made))


def order(pool: Pool, *names: str) -> None:
    """Make these the quickest, in this order."""
    for provider in pool.providers:
        provider.latency = 0.001 * (1 + names.index(provider.name))


def slow(seconds: float, answer: Any) -> Any:
    async def method(*_: Any) -> Any:
        await asyncio.sleep(seconds)
        return answer

    return method


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "slow down"),
        (500, "oops"),
        (200, "<html>login</html>"),
        (200, '{"jsonrpc": "2.0", "resu'),
        (200, '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "internal"}}'),
        (200, '{"message": "over your quota"}'),
    ],
    ids=["429", "500", "html", "truncated", "error in 200", "gateway"],
)
async def test_a_call_that_one_cannot_answer_is_answered_by_the_next(
    nodes: dict[str, Node], status: int, text: str
) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].raw = lambda _body: web.Response(status=status, text=text, headers={"Retry-After": "1"})
        assert await pool.call("eth_x") == "b"
        assert pool.providers[0].why_not is not None  # and it is not asked first again
        nodes["a"].asked.clear()
        assert await pool.call("eth_x") == "b"
        assert nodes["a"].asked == []


async def test_a_slow_one_is_not_waited_for(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].methods["eth_x"] = slow(30, "a")
        assert await asyncio.wait_for(pool.call("eth_x"), 5) == "b"
        assert pool.providers[0].latency > pool.providers[1].latency


async def test_a_refusal_that_is_the_answer_is_not_asked_elsewhere(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].methods["eth_call"] = Refused(3, "execution reverted: no")
        with pytest.raises(NodeRejected, match="execution reverted"):
            await pool.call("eth_call", [{}, "latest"])
        assert not nodes["b"].asked_for("eth_call")
        assert pool.providers[0].why_not is None


async def test_what_one_lacks_another_has(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].methods |= {"eth_getBlockByHash": None, "trace_block": NO_METHOD}
        nodes["b"].methods |= {"eth_getBlockByHash": {"number": "0x7"}, "trace_block": []}
        assert await pool.call("eth_getBlockByHash", ["0x1", False]) == {"number": "0x7"}
        assert await pool.call("trace_block", ["0x1"]) == []
        nodes["a"].asked.clear()
        assert await pool.call("trace_block", ["0x1"]) == []
        assert not nodes["a"].asked_for("trace_block")  # it is remembered who lacks a method


async def test_null_of_all_is_null(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        for node in nodes.values():
            node.methods["eth_getBlockByHash"] = None
        assert await pool.call("eth_getBlockByHash", ["0x1", False]) is None
        assert all(node.asked_for("eth_getBlockByHash") for node in nodes.values())


async def test_an_answer_that_is_not_accepted_is_asked_for_elsewhere(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        assert await pool.call("eth_x", accept=lambda said: said == "c") == "c"


async def test_a_batch_goes_on_where_one_refuses_for_reasons_of_its_own(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].methods["eth_call"] = Refused(-32000, "header not found")
        nodes["b"].methods["eth_call"] = "0x1"
        assert await pool.batch([("eth_call", []), ("eth_x", [])]) == ["0x1", "b"]


async def test_a_batch_is_split_where_the_provider_wants_it(nodes: dict[str, Node]) -> None:
    async with Pool(config({"a": nodes["a"]}, a={"max_batch": 3})) as pool:
        await pool.open()
        assert await pool.batch([("eth_x", [])] * 10) == ["a"] * 10


async def test_a_provider_on_another_chain_is_refused_at_the_start(nodes: dict[str, Node]) -> None:
    nodes["b"].methods["eth_chainId"] = "0x6"
    async with Pool(config(nodes)) as pool:
        with pytest.raises(WrongChain, match="Provider b is on chain 6, not 5"):
            await pool.open()


async def test_providers_of_different_genesis_are_refused_at_the_start(nodes: dict[str, Node]) -> None:
    nodes["b"].methods["eth_getBlockByNumber"] = {"hash": "0x" + "11" * 32, "number": "0x0"}
    async with Pool(config(nodes)) as pool:
        with pytest.raises(WrongChain, match="different genesis blocks"):
            await pool.open()


async def test_one_that_changes_its_chain_is_not_believed_after_it_failed(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        order(pool, "a", "b", "c")
        nodes["a"].raw = web.Response(status=500)
        assert await pool.call("eth_x") == "b"
        nodes["a"].raw, nodes["a"].methods["eth_chainId"] = None, "0x6"
        pool.providers[0]._down_until = 0.0
        order(pool, "a", "b", "c")
        assert await pool.call("eth_x") == "b"
        assert "is on chain 6" in (pool.providers[0].why_not or "")
        nodes["a"].methods["eth_chainId"] = "0x5"
        await pool.recheck()
        assert pool.providers[0].why_not is None
        assert await pool.call("eth_x") == "a"


async def test_one_that_is_away_at_the_start_does_not_hold_up_the_others(nodes: dict[str, Node]) -> None:
    away = ProviderConfig(name="z", http="http://127.0.0.1:1")
    chain = config(nodes)
    async with Pool(chain.model_copy(update={"providers": (*chain.providers, away)})) as pool:
        await pool.open()
        assert [p.usable for p in pool.status()] == [True, True, True, False]


async def test_none_that_answers_is_an_error_that_says_so(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        for node in nodes.values():
            node.raw = web.Response(status=500)
        with pytest.raises(NodeError, match="answered HTTP 500"):
            await pool.call("eth_x")


async def test_all_are_asked_and_named_where_agreement_is_wanted(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        nodes["c"].raw = web.Response(status=500)
        async with aclosing(pool.each([("eth_x", [])])) as each:
            told = {name: answer async for name, answer in each}
    assert told["a"] == ["a"]
    assert told["b"] == ["b"]
    assert isinstance(told["c"], NodeError)


async def test_an_action_goes_to_all_that_send_and_one_acknowledgement_counts(nodes: dict[str, Node]) -> None:
    nodes["a"].methods["eth_sendRawTransaction"] = slow(5, "0xlate")
    nodes["b"].methods["eth_sendRawTransaction"] = Refused(-32000, "no")
    nodes["c"].methods["eth_sendRawTransaction"] = "0xhash"
    async with Pool(config(nodes)) as pool:
        await pool.open()
        assert await pool.call("eth_sendRawTransaction", ["0x01"]) == "0xhash"
    assert all(node.asked_for("eth_sendRawTransaction") for node in nodes.values())


async def test_roles_are_kept(nodes: dict[str, Node]) -> None:
    roles = {"a": {"roles": ("heads", "reads")}, "b": {"roles": ("send",)}, "c": {"roles": ("traces", "archive")}}
    for node in nodes.values():
        node.methods |= {"trace_block": [], "eth_sendRawTransaction": "0xhash"}
    async with Pool(config(nodes, **roles)) as pool:
        await pool.open()
        await pool.call("eth_x")
        await pool.call("trace_block", ["0x1"])
        await pool.call("eth_sendRawTransaction", ["0x01"])
    asked = {n: {m for m, _ in node.asked} - {"eth_chainId", "eth_getBlockByNumber"} for n, node in nodes.items()}
    assert asked == {"a": {"eth_x"}, "b": {"eth_sendRawTransaction"}, "c": {"trace_block"}}
    assert [role_of(m) for m in ("debug_traceCall", "eth_call")] == ["traces", "reads"]


async def test_the_archive_is_asked_last(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes, c={"roles": ("archive",)})) as pool:
        await pool.open()
        for name in "ab":
            nodes[name].methods["eth_call"] = Refused(-32000, "missing trie node")
        nodes["c"].methods["eth_call"] = "0xold"
        assert await pool.call("eth_call", [{}, "0x1"]) == "0xold"


async def test_it_is_not_asked_more_often_than_it_allows(nodes: dict[str, Node]) -> None:
    async with Pool(config({"a": nodes["a"]}, a={"max_calls_per_second": 20})) as pool:
        await pool.open()
        started = time.monotonic()
        await asyncio.gather(*(pool.call("eth_x") for _ in range(30)))
        # 32 calls with those of the verification, of which 20 were saved up: the others take their time
        assert time.monotonic() - started > 0.4


async def test_status_counts_calls_and_shows_no_key(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        await pool.call("eth_x")
        assert sum(p.calls for p in pool.status()) == 7
        assert pool.status()[0].errors == 0
    secret = ProviderConfig(name="s", http="https://node/v2/SECRET")
    assert "SECRET" not in repr(Pool(ChainConfig(id=5, providers=(secret,))))


async def test_who_stalls_is_asked_and_not_waited_for(nodes: dict[str, Node]) -> None:
    async with Pool(config(nodes)) as pool:
        await pool.open()
        nodes["c"].methods["eth_x"] = slow(30, "late")

        async def told() -> dict[str, Any]:
            async with aclosing(pool.each([("eth_x", [])], others_seconds=0.3)) as each:
                return {name: answer async for name, answer in each}

        assert set(await asyncio.wait_for(told(), 10)) == {"a", "b"}
        assert not pool.providers[2].is_responsive
        asked = len(nodes["c"].asked_for("eth_x"))
        assert set(await asyncio.wait_for(told(), 10)) == {"a", "b"}
        assert len(nodes["c"].asked_for("eth_x")) == asked + 1
        nodes["c"].methods["eth_x"] = "c"
        for name in "ab":
            nodes[name].methods["eth_x"] = slow(0.2, name)
        assert set(await asyncio.wait_for(told(), 10)) == {"a", "b", "c"}
        assert pool.providers[2].is_responsive
