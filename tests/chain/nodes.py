"""A local HTTP and WebSocket server that plays a node, for what Anvil cannot do: misbehave.

Methods are answered from `methods`; with `behind` all others are passed on to a real node.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, WSMsgType, web
from aiohttp.test_utils import TestServer


class Refused(Exception):
    """Raised by a method: the node answers this JSON-RPC error, inside HTTP 200 as nodes do."""

    def __init__(self, code: int, message: str = "no", data: Any = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


NO_METHOD = Refused(-32601, "the method does not exist")

Method = Any  # a result, a Refused, or a callable that takes the parameters and returns or raises one (or awaits)
Push = Callable[[web.WebSocketResponse], Awaitable[None]]


class Node:
    """What the fake node answers, and what it was asked."""

    def __init__(self, behind: str | None = None) -> None:
        self.behind = behind
        self.methods: dict[str, Method] = {}
        self.raw: web.Response | Callable[[Any], web.Response] | None = None
        self.on_subscribe: Push | None = None
        self.asked: list[tuple[str, Any]] = []
        self.sockets = 0
        self._url = ""

    @property
    def http(self) -> str:
        return self._url

    @property
    def ws(self) -> str:
        return self._url.replace("http://", "ws://") + "/ws"

    def asked_for(self, method: str) -> list[Any]:
        """The parameters of each call of `method`."""
        return [params for name, params in self.asked if name == method]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        for call in body if isinstance(body, list) else [body]:
            self.asked.append((call["method"], call["params"]))
        if self.raw is not None:
            return self.raw(body) if callable(self.raw) else self.raw
        if isinstance(body, list):
            return web.json_response([await self._one(call) for call in body])
        return web.json_response(await self._one(body))

    async def _one(self, call: dict[str, Any]) -> dict[str, Any]:
        frame = {"jsonrpc": "2.0", "id": call["id"]}
        if call["method"] not in self.methods:
            if self.behind is None:
                return frame | {"error": NO_METHOD.error}
            async with ClientSession() as session, session.post(self.behind, json=call) as response:
                return json.loads(await response.text())
        try:
            result = self.methods[call["method"]]
            if callable(result):
                result = result(*call["params"])
            if asyncio.iscoroutine(result):
                result = await result
            if isinstance(result, Refused):
                raise result
        except Refused as refused:
            return frame | {"error": refused.error}
        return frame | {"result": result}

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.sockets += 1
        message = await ws.receive()
        if message.type is WSMsgType.TEXT:
            call = json.loads(message.data)
            self.asked.append((call["method"], call["params"]))
            if self.on_subscribe is not None:
                await self.on_subscribe(ws)
        await ws.close()
        return ws


async def until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Wait until something outside our event loop, or inside a part under test, has come about."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - there is nothing that could set an event
            await asyncio.sleep(0.01)


async def accept(ws: web.WebSocketResponse) -> None:
    """Say that the subscription stands."""
    await ws.send_json({"jsonrpc": "2.0", "id": 1, "result": "0x1"})


async def notify(ws: web.WebSocketResponse, result: Any) -> None:
    """Push one notification."""
    params = {"subscription": "0x1", "result": result}
    await ws.send_json({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


@asynccontextmanager
async def fake_node(behind: str | None = None, **methods: Method) -> AsyncIterator[Node]:
    """A running fake node on a free port of the loopback interface."""
    node = Node(behind)
    node.methods.update(methods)
    app = web.Application()
    app.router.add_get("/ws", node._socket)
    app.router.add_post("/{tail:.*}", node._answer)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    node._url = f"http://127.0.0.1:{server.port}"
    try:
        yield node
    finally:
        await server.close()
