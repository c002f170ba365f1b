"""JSON-RPC over HTTP: typed answers, and every kind of non-answer as the error that names its mend."""

import asyncio
import time
import traceback

import msgspec
import pytest
from aiohttp import web

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, chain_id, quantity, redacted
from chainwatch.chain.wire import WireBlock, WireHeader
from chainwatch.errors import BadInput, NodeError, NodeRejected, NotANode
from tests.chain.nodes import NO_METHOD, Refused, fake_node

REVERTING = "0x" + "08c379a0" + f"{0x20:064x}" + f"{2:064x}" + "6e6f".ljust(64, "0")  # Error("no")


def texts_of(error: BaseException) -> str:
    """All that could be printed of an error: text, repr, and the traceback with what it is chained to."""
    return "\n".join((str(error), repr(error), *traceback.format_exception(error)))


# --- Answers ----------------------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_a_result_is_read_as_the_type_asked_for(anvil: Anvil) -> None:
    async with Rpc(anvil.http) as rpc:
        header = await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
        raw = await rpc.call("eth_getBlockByNumber", ["latest", True], as_=msgspec.Raw)
        assert await chain_id(rpc) == 31337
    assert header.ref().number == 0
    assert msgspec.json.decode(raw, type=WireBlock).hash == header.hash


@pytest.mark.anvil
@pytest.mark.parametrize("as_", [object, WireHeader, str])
async def test_a_null_result_is_none_whatever_was_asked_for(anvil: Anvil, as_: type) -> None:
    async with Rpc(anvil.http) as rpc:
        assert await rpc.call("eth_getTransactionReceipt", ["0x" + "1" * 64], as_=as_) is None


async def test_a_null_result_read_raw_is_the_bytes_of_null() -> None:
    async with fake_node(eth_x=None) as node, Rpc(node.http) as rpc:
        assert bytes(await rpc.call("eth_x", as_=msgspec.Raw)).strip() == b"null"


async def test_an_answer_of_twenty_megabytes_is_read() -> None:
    async with fake_node(eth_x=lambda: "0x" + "ab" * 10_000_000) as node, Rpc(node.http) as rpc:
        assert len(await rpc.call("eth_x", as_=str)) == 20_000_002


async def test_the_same_client_is_used_by_many_tasks_at_once() -> None:
    async with fake_node(eth_x=lambda n: n * 2) as node, Rpc(node.http) as rpc:
        answers = await asyncio.gather(*(rpc.call("eth_x", [n]) for n in range(50)))
    assert answers == [n * 2 for n in range(50)]


async def test_a_closed_client_can_be_used_again() -> None:
    async with fake_node(eth_x=1) as node, Rpc(node.http) as rpc:
        assert await rpc.call("eth_x") == 1
        await rpc.close()
        assert await rpc.call("eth_x") == 1


# --- Refusals ---------------------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_a_method_that_the_node_lacks_is_refused_by_name(anvil: Anvil) -> None:
    async with Rpc(anvil.http) as rpc:
        with pytest.raises(NodeRejected, match="eth_sendBundle") as refused:
            await rpc.call("eth_sendBundle", [])
    assert (refused.value.code, refused.value.method) == (-32601, "eth_sendBundle")
    assert refused.value.message


async def test_a_revert_carries_code_message_and_return_data_although_http_says_200() -> None:
    async with fake_node(eth_call=Refused(3, "execution reverted: no", REVERTING)) as node, Rpc(node.http) as rpc:
        with pytest.raises(NodeRejected) as refused:
            await rpc.call("eth_call", [])
    assert (refused.value.code, refused.value.message) == (3, "execution reverted: no")
    assert refused.value.data == REVERTING


async def test_return_data_that_is_no_text_is_left_out() -> None:
    async with fake_node(eth_call=Refused(3, "no", {"hint": 1})) as node, Rpc(node.http) as rpc:
        with pytest.raises(NodeRejected) as refused:
            await rpc.call("eth_call", [])
    assert refused.value.data is None


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_a_json_rpc_error_under_another_http_status_is_a_refusal(status: int) -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32005, "message": "too many requests"}}
        node.raw = lambda _: web.json_response(body, status=status)
        with pytest.raises(NodeRejected, match="too many requests"):
            await rpc.call("eth_x")


# --- No answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>Sign in", "\n <html><body>404</body></html>"])
async def test_a_web_page_is_not_a_node(page: str) -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda _: web.Response(text=page, content_type="text/html")
        with pytest.raises(NotANode, match="HTML") as error:
            await rpc.call("eth_chainId")
        with pytest.raises(NotANode):
            await rpc.batch([("eth_chainId", [])])
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"jsonrpc":"2.0","id":1,"result":"0x1', "truncated"),
        (b"", "nothing at all"),
        (b"\xff\xfe\x00binary", "cannot be read"),
        (b'{"message":"slow down"}', "neither a result nor an error"),
        (b"{}", "neither a result nor an error"),
        (b"[]", "cannot be read"),
        (b'{"id":1,"result":' + b"[" * 200_000, "cannot be read"),
    ],
    ids=["truncated", "empty", "binary", "a gateway's own JSON", "an empty object", "a list", "absurdly nested"],
)
async def test_what_is_no_json_rpc_is_an_error_and_never_none(body: bytes, said: str) -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda _: web.Response(body=body, content_type="application/json")
        with pytest.raises(NodeError, match=said) as error:
            await rpc.call("eth_x")
        with pytest.raises(NodeError, match=r"cannot be read|nothing at all"):
            await rpc.call("eth_x", as_=msgspec.Raw)
    assert "eth_x" in str(error.value)


@pytest.mark.parametrize("result", ["text", 5, {"number": "0x1"}, {"number": 1, "hash": "0x"}, []])
async def test_a_result_of_another_shape_is_an_error(result: object) -> None:
    async with fake_node(eth_x=result) as node, Rpc(node.http) as rpc:
        with pytest.raises(NodeError, match=r"cannot be read .*\$\.result"):
            await rpc.call("eth_x", as_=WireHeader)


async def test_a_rate_limit_in_plain_text_is_named_by_its_http_status() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda _: web.Response(status=429, text="Too Many Requests")
        with pytest.raises(NodeError, match="HTTP 429"):
            await rpc.call("eth_x")


async def test_an_answer_cut_off_in_the_middle_is_an_error() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"id":1,"result":"0x')
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server, Rpc(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as rpc:
        with pytest.raises(NodeError, match="could not be reached for eth_x"):
            await rpc.call("eth_x")


async def test_a_node_that_is_not_there_is_an_error_that_names_it() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(NodeError, match=r"http://127.0.0.1:1 could not be reached for eth_x") as error:
            await rpc.call("eth_x")
        with pytest.raises(NodeError):
            await rpc.batch([("eth_x", [])])
    assert (type(error.value), error.value.exit_code) == (NodeError, 1)


@pytest.mark.parametrize("by_call", [True, False], ids=["of the call", "of the client"])
async def test_a_node_that_stalls_is_given_up_after_the_timeout(by_call: bool) -> None:
    limit = 30.0 if by_call else 0.2
    async with fake_node(eth_x=lambda: asyncio.sleep(30)) as node, Rpc(node.http, timeout=limit) as rpc:
        start = time.monotonic()
        with pytest.raises(NodeError, match=r"did not answer eth_x within 0.2 s"):
            await rpc.call("eth_x", timeout=0.2 if by_call else None)
    assert time.monotonic() - start < 2


# --- Batches ----------------------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_a_batch_answers_in_the_order_asked_and_refuses_one_by_one(anvil: Anvil) -> None:
    async with Rpc(anvil.http) as rpc:
        id_, refused, number = await rpc.batch([("eth_chainId", []), ("eth_sendBundle", []), ("eth_blockNumber", [])])
    assert (quantity(id_), quantity(number)) == (31337, 0)
    assert isinstance(refused, NodeRejected)
    assert (refused.method, refused.code) == ("eth_sendBundle", -32601)


async def test_a_batch_is_put_in_order_where_the_node_answers_out_of_order() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda calls: web.json_response([{"id": c["id"], "result": c["params"][0]} for c in calls[::-1]])
        assert await rpc.batch([("eth_x", [n]) for n in range(5)]) == [0, 1, 2, 3, 4]


async def test_a_call_that_a_batch_leaves_unanswered_is_refused_and_not_null() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda calls: web.json_response(
            [{"id": calls[0]["id"], "result": None}, {"id": calls[1]["id"]}, {"id": 999, "result": "another's"}]
        )
        first, *others = await rpc.batch([("eth_x", []), ("eth_y", []), ("eth_z", [])])
    assert first is None
    assert [(o.method, "no answer" in o.message) for o in others] == [("eth_y", True), ("eth_z", True)]


async def test_a_batch_answered_by_a_single_error_is_refused_as_a_whole() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        error = {"code": -32600, "message": "batch too large"}
        node.raw = lambda _: web.json_response({"id": None, "error": error})
        with pytest.raises(NodeRejected, match=r"a batch of 2 calls .*batch too large"):
            await rpc.batch([("eth_x", []), ("eth_y", [])])


async def test_a_batch_answered_by_a_single_result_is_an_error() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = lambda _: web.json_response({"id": 1, "result": "0x1"})
        with pytest.raises(NodeError, match="a single answer to a batch"):
            await rpc.batch([("eth_x", []), ("eth_y", [])])


async def test_an_empty_batch_asks_nothing() -> None:
    async with fake_node() as node, Rpc(node.http) as rpc:
        assert await rpc.batch([]) == []
    assert node.asked == []


# --- URLs and their keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["notaurl", "localhost:8545", "ftp://host", "http://", "http://host:port", "http://[::1", "", "://x"]
)
async def test_what_is_no_url_is_bad_input_that_names_it(url: str) -> None:
    async with Rpc(url) as rpc:
        with pytest.raises(BadInput, match="is not the URL of a node") as error:
            await rpc.call("eth_x")
        with pytest.raises(BadInput):
            await rpc.batch([("eth_x", [])])
    assert error.value.exit_code == 2
    assert (url.removeprefix("http://") or "?") in error.value.problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://eth.example/v2/KEY", "https://eth.example"),
        ("https://user:KEY@eth.example:8545/?k=KEY#KEY", "https://eth.example:8545"),
        ("https://eth.example?k=http://x@KEY", "https://eth.example"),
        ("wss://[::1]:8546/KEY", "wss://[::1]:8546"),
        ("eth.example/v2/KEY", "eth.example"),
        ("user:KEY@eth.example/KEY", "eth.example"),
        ("", "?"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert repr(Rpc(url)) == f"Rpc({shown})"


@pytest.mark.parametrize(
    "url",
    [
        "http://user:SECRET@127.0.0.1:1/SECRET?key=SECRET",
        "ftp://host/SECRET",
        "host/SECRET",
        "http://host:port/SECRET",
        "http://[::1/SECRET",
    ],
)
async def test_no_error_of_an_unusable_url_shows_its_key(url: str) -> None:
    async with Rpc(url) as rpc:
        for asked in (rpc.call("eth_x"), rpc.batch([("eth_x", [])])):
            with pytest.raises((NodeError, BadInput)) as error:
                await asked
            assert "SECRET" not in texts_of(error.value)


async def test_no_error_of_a_node_shows_its_key() -> None:
    async def not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(not_http, "127.0.0.1", 0)
    async with fake_node() as node, server:
        stranger = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        node.methods = {"slow": lambda: asyncio.sleep(30), "refused": NO_METHOD, "odd": 5}
        for base, method in ((stranger, "x"), (node.http, "slow"), (node.http, "refused"), (node.http, "odd")):
            async with Rpc(f"{base}/SECRET?key=SECRET") as rpc:
                with pytest.raises(NodeError) as error:
                    await rpc.call(method, as_=str, timeout=0.2)
                assert "SECRET" not in texts_of(error.value)
        async with Rpc(f"{node.http}/SECRET") as rpc:
            node.raw = lambda _: web.Response(text="<html>")
            with pytest.raises(NotANode) as error:
                await rpc.call("x")
            assert "SECRET" not in texts_of(error.value)


async def test_an_answer_larger_than_anything_asked_for_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainwatch.chain.rpc.MAX_ANSWER_BYTES", 1_000_000)
    async with fake_node(eth_x=lambda: "0x" + "ab" * 1_000_000) as node, Rpc(node.http) as rpc:
        with pytest.raises(NodeError, match="answered more than"):
            await rpc.call("eth_x")
