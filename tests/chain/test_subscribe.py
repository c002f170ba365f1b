"""Subscriptions: everything in order, and never a silent end."""

import asyncio
import json
import traceback
from contextlib import aclosing

import pytest
from aiohttp import web

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.subscribe import subscribe
from chainwatch.errors import NodeError
from tests.chain.nodes import accept, fake_node, notify, until


async def collect(url: str, into: list[object], *params: object) -> None:
    """Follow a subscription until it raises."""
    async for raw in subscribe(url, params or ("newHeads",), timeout=2.0):
        into.append(json.loads(raw))


@pytest.mark.anvil
async def test_heads_of_anvil_come_in_order(anvil: Anvil) -> None:
    async with Rpc(anvil.http) as rpc, aclosing(subscribe(anvil.ws, ["newHeads"])) as heads:
        first = asyncio.ensure_future(anext(heads))
        while not first.done():  # the subscription stands once a head came
            await rpc.call("evm_mine")
            await asyncio.wait([first], timeout=0.05)
        start = int(json.loads(first.result())["number"], 16)
        await rpc.call("anvil_mine", [hex(20)])
        numbers = [int(json.loads(await anext(heads))["number"], 16) for _ in range(20)]
    assert numbers == list(range(start + 1, start + 21))


@pytest.mark.anvil
async def test_pending_transactions_of_anvil_come_as_full_bodies(still_anvil: Anvil) -> None:
    async with Rpc(still_anvil.http) as rpc:
        accounts = await rpc.call("eth_accounts")
        async with aclosing(subscribe(still_anvil.ws, ["newPendingTransactions", True])) as pending:
            first = asyncio.ensure_future(anext(pending))
            while not first.done():
                await rpc.call("eth_sendTransaction", [{"from": accounts[0], "to": accounts[1], "value": "0x7"}])
                await asyncio.wait([first], timeout=0.05)
    assert json.loads(first.result())["value"] == "0x7"


async def test_the_end_of_the_socket_is_an_error_after_what_came_before_it() -> None:
    async with fake_node() as node:

        async def two_then_gone(ws: web.WebSocketResponse) -> None:
            await accept(ws)
            for n in (1, 2):
                await notify(ws, n)

        node.on_subscribe = two_then_gone
        seen: list[object] = []
        with pytest.raises(NodeError, match=r"newHeads .* was closed by the node"):
            await collect(node.ws, seen)
    assert seen == [1, 2]


async def test_a_connection_cut_without_goodbye_is_an_error() -> None:
    async with fake_node() as node:

        async def cut(ws: web.WebSocketResponse) -> None:
            await accept(ws)
            await notify(ws, 1)
            assert ws._req is not None and ws._req.transport is not None
            ws._req.transport.abort()

        node.on_subscribe = cut
        seen: list[object] = []
        with pytest.raises(NodeError, match="newHeads"):
            await collect(node.ws, seen)
    assert seen == [1]


@pytest.mark.anvil
async def test_a_node_that_dies_ends_its_subscription_with_an_error() -> None:
    anvil = Anvil("--block-time", "1")
    await anvil.start()
    seen: list[object] = []
    following = asyncio.create_task(collect(anvil.ws, seen))
    await until(lambda: seen)
    await anvil.stop()
    with pytest.raises(NodeError):
        await asyncio.wait_for(following, 10)


@pytest.mark.anvil
async def test_a_refused_subscription_is_an_error_that_says_why(anvil: Anvil) -> None:
    with pytest.raises(NodeError, match=r"syncing .* was refused: .*Not implemented"):
        await collect(anvil.ws, [], "syncing")


async def test_a_node_that_never_answers_the_subscription_is_given_up() -> None:
    async with fake_node() as node:
        node.on_subscribe = lambda _: asyncio.sleep(5)
        with pytest.raises(NodeError, match="TimeoutError"):
            async for _ in subscribe(node.ws, ["newHeads"], timeout=0.2):
                pass


@pytest.mark.parametrize("size", [1_500_000, 20_000_000])
async def test_a_message_over_a_mebibyte_is_read(size: int) -> None:
    async with fake_node() as node:

        async def large(ws: web.WebSocketResponse) -> None:
            await accept(ws)
            await notify(ws, "0x" + "a" * size)

        node.on_subscribe = large
        seen: list[object] = []
        with pytest.raises(NodeError):
            await collect(node.ws, seen)
    assert seen == ["0x" + "a" * size]


async def test_messages_that_are_no_notifications_are_passed_over() -> None:
    async with fake_node() as node:

        async def chatter(ws: web.WebSocketResponse) -> None:
            await accept(ws)
            await ws.send_json({"jsonrpc": "2.0", "id": 7, "result": "0x5"})
            await ws.send_bytes(b"\x00\x01")
            await notify(ws, "told")

        node.on_subscribe = chatter
        seen: list[object] = []
        with pytest.raises(NodeError):
            await collect(node.ws, seen)
    assert seen == ["told"]


@pytest.mark.parametrize("before", [True, False], ids=["instead of the answer", "among the notifications"])
async def test_a_message_that_is_no_json_is_an_error(before: bool) -> None:
    async with fake_node() as node:

        async def garbage(ws: web.WebSocketResponse) -> None:
            if not before:
                await accept(ws)
            await ws.send_str("<html>")
            await asyncio.sleep(0.1)

        node.on_subscribe = garbage
        with pytest.raises(NodeError, match="DecodeError"):
            await collect(node.ws, [])


async def test_binary_where_the_answer_should_be_is_an_error() -> None:
    async with fake_node() as node:
        node.on_subscribe = lambda ws: ws.send_bytes(b"\x00")
        with pytest.raises(NodeError):
            await collect(node.ws, [])


async def test_a_refused_handshake_is_an_error_with_its_http_status() -> None:
    async with fake_node() as node:
        with pytest.raises(NodeError, match="HTTP 405"):
            await collect(node.ws + "/elsewhere", [])


@pytest.mark.parametrize("path", ["/SECRET?key=SECRET", "/ws?SECRET"])
async def test_no_error_of_a_subscription_shows_the_key_of_its_url(path: str) -> None:
    async with fake_node() as node:
        base = node.ws.removesuffix("/ws").replace("ws://", "ws://SECRET:SECRET@")
        for url in (base + path, "ws://127.0.0.1:1" + path, "ws://host:port" + path, "nourl" + path):
            with pytest.raises(NodeError) as error:
                await collect(url, [])
            assert "SECRET" not in "\n".join(traceback.format_exception(error.value))
