"""A proxy between chainwatch and one Anvil that misbehaves on command, as nodes and their gateways do.

While no fault is on, bytes pass through as they are. Faults are switched on and off at any time and combine.
HTTP and WebSocket are on the same path, as with Anvil. `on` asks Anvil for its head over a connection of its
own and waits for it, so that the block a fault starts from is exact: Anvil must be another process.
"""

import asyncio
import http.client
import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
import rlp
from aiohttp import WSMsgType, web
from eth_account import Account
from eth_utils import keccak


class Fault(StrEnum):
    """What can be wrong with a node. In brackets: the parameters of `on` and their defaults.

    `methods` (all) limits a fault to the requests that call one of them.
    """

    DEAD = "dead"
    """Every connection is dropped, and every new one closed without an answer."""
    DROP_SOCKET = "drop_socket"
    """Every WebSocket is dropped once, and new ones are refused; HTTP works."""
    STALL = "stall"
    """Requests and messages are held until it is switched off, then served, even for clients that gave up,
    as by a process that was stopped (methods, pings=True: WebSocket pings are still answered)."""
    LATENCY = "latency"
    """Each answer and notification comes later, in order (seconds=0.2, methods)."""
    TOO_MANY = "too_many"
    """HTTP 429 with Retry-After, also to new WebSockets (retry_after=1, methods)."""
    ERROR_IN_200 = "error_in_200"
    """Each call is answered a JSON-RPC error in HTTP 200 (code=-32603 or -32005, message, methods)."""
    TRUNCATE = "truncate"
    """The second half of each HTTP answer is missing (notifications=False: of them, too; methods)."""
    HTML = "html"
    """A web page with status 200, also to new WebSockets (methods)."""
    STALE_HEAD = "stale_head"
    """The node is stuck at the present block and knows no later one; no heads and logs are pushed
    (knows_later=False: later blocks are served to who asks for them by number or hash)."""
    OTHER_BLOCK = "other_block"
    """Above the present block the node is on another branch: the blocks' contents under other hashes. Proxies
    of the same name are on the same branch (after=the head, rewrite(method, result) -> result)."""
    REWRITE = "rewrite"
    """Results are changed, the hashes kept (rewrite(method, params, result) -> result)."""
    WRONG_BALANCE = "wrong_balance"
    """Balances, and words returned by calls, are changed (change=twice the value and one)."""
    OTHER_CHAIN = "other_chain"
    """The node is on another chain: its id and all hashes of blocks are others (chain_id=1)."""
    NO_TRACES = "no_traces"
    """There are no methods trace_* and debug_*."""
    DUPLICATE = "duplicate"
    """Each notification is sent twice."""
    REORDER = "reorder"
    """Notifications are sent in swapped pairs; a lone one waits 0.5 s at most (seconds=0.5)."""
    HUGE = "huge"
    """Answers to eth_getBlockReceipts are padded (size=20,000,000 bytes, junk=False: with white space)."""
    MIN_REPLACEMENT = "min_replacement"
    """A pending transaction is replaced only by one with higher fees, both of them (percent=10)."""
    NO_METHOD = "no_method"
    """These methods do not exist (methods)."""


def _twice_and_one(value: int) -> int:
    return 2 * value + 1


_PARAMETERS: dict[Fault, dict[str, Any]] = {
    Fault.STALL: {"methods": None, "pings": True},
    Fault.LATENCY: {"methods": None, "seconds": 0.2},
    Fault.TOO_MANY: {"methods": None, "retry_after": 1},
    Fault.ERROR_IN_200: {"methods": None, "code": -32603, "message": None},
    Fault.TRUNCATE: {"methods": None, "notifications": False},
    Fault.HTML: {"methods": None},
    Fault.STALE_HEAD: {"knows_later": False},
    Fault.OTHER_BLOCK: {"after": None, "rewrite": None},
    Fault.REWRITE: {"rewrite": lambda _method, _params, result: result},
    Fault.WRONG_BALANCE: {"change": _twice_and_one},
    Fault.OTHER_CHAIN: {"chain_id": 1},
    Fault.REORDER: {"seconds": 0.5},
    Fault.HUGE: {"size": 20_000_000, "junk": False},
    Fault.MIN_REPLACEMENT: {"percent": 10},
    Fault.NO_METHOD: {"methods": ()},
}

_REFUSING = {Fault.ERROR_IN_200, Fault.NO_METHOD, Fault.NO_TRACES, Fault.MIN_REPLACEMENT}
_CHANGING = {Fault.STALE_HEAD, Fault.OTHER_BLOCK, Fault.OTHER_CHAIN, Fault.WRONG_BALANCE, Fault.REWRITE, Fault.HUGE}

_BLOCK_AT = {
    "eth_getBlockByNumber": 0, "eth_getBlockByHash": 0, "eth_getBlockReceipts": 0, "trace_block": 0,
    "eth_getBlockTransactionCountByNumber": 0, "eth_getBlockTransactionCountByHash": 0,
    "eth_getTransactionByBlockNumberAndIndex": 0, "eth_getTransactionByBlockHashAndIndex": 0,
    "debug_traceBlockByNumber": 0, "debug_traceBlockByHash": 0, "trace_replayBlockTransactions": 0,
    "eth_call": 1, "eth_estimateGas": 1, "eth_createAccessList": 1, "eth_simulateV1": 1, "debug_traceCall": 1,
    "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_feeHistory": 1,
    "eth_getStorageAt": 2, "eth_getProof": 2, "trace_call": 2,
}  # fmt: skip
"""Which parameter of a method says the block."""

_OF_TRANSACTION = {"eth_getTransactionReceipt", "eth_getTransactionByHash"}

_NO_METHOD = {"code": -32601, "message": "the method does not exist/is not available"}
_MESSAGES = {-32603: "Internal error", -32005: "limit exceeded"}
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_WORD = 2 + 64  # characters of a hash, or of a word that a call returned
_NO_HEIGHT = hex(2**40)  # of no block, ever


class _Named(msgspec.Struct):
    method: str = ""


_named = msgspec.json.Decoder(_Named | list[_Named])


def _methods(body: bytes | str) -> list[str]:
    """The methods that a request calls; none if it is not one."""
    try:
        named = _named.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return [call.method for call in (named if isinstance(named, list) else [named]) if call.method]


def _height(value: Any) -> int | None:
    """The integer of a quantity, which trace_block gives as a number."""
    return int(value, 16) if isinstance(value, str) else value


class _HangUp(asyncio.Protocol):
    """A connection that is closed as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


class FaultProxy:
    """A running proxy on a free port of the loopback interface: `async with FaultProxy(anvil.http, anvil.ws)`.

    `calls` counts the calls by method, `faulted` what each fault did: an answer or notification changed, held
    or withheld, a connection dropped. `name` seeds the hashes of OTHER_BLOCK.
    """

    def __init__(self, anvil_http: str, anvil_ws: str, name: str = "proxy") -> None:
        self.name = name
        self.calls: Counter[str] = Counter()
        self.faulted: Counter[Fault] = Counter()
        self._anvil_http = anvil_http
        self._anvil_ws = anvil_ws
        self._on: dict[Fault, dict[str, Any]] = {}
        self._awake = asyncio.Event()
        self._awake.set()
        self._sockets: set[asyncio.Transport] = set()
        self._heights: dict[str, int] = {}  # of the blocks that Anvil has, by hash
        self._real: dict[str, str] = {}  # Anvil's hash of a block, by the hash that we gave out
        self._port = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    @property
    def active(self) -> set[Fault]:
        """The faults that are on."""
        return set(self._on)

    def on(self, fault: Fault, **parameters: Any) -> None:
        """Switch `fault` on, or on anew with other parameters."""
        given = dict(_PARAMETERS.get(fault, {}))
        if unknown := parameters.keys() - given.keys():
            raise TypeError(f"{fault} takes {sorted(given)}, not {sorted(unknown)}")
        given |= parameters
        if fault is Fault.STALE_HEAD or (fault is Fault.OTHER_BLOCK and given["after"] is None):
            given["heads"] = self._heads()
        if fault is Fault.OTHER_BLOCK and given["after"] is None:
            given["after"] = given["heads"]["latest"]
        self._on[fault] = given
        if fault is Fault.STALL:
            self._awake.clear()
        elif fault is Fault.DEAD:
            self._drop(fault, [handler.transport for handler in self._web.connections])
        elif fault is Fault.DROP_SOCKET:
            self._drop(fault, list(self._sockets))

    def off(self, fault: Fault) -> None:
        """Switch `fault` off; what it holds back is let go."""
        self._on.pop(fault, None)
        if fault is Fault.STALL:
            self._awake.set()

    def heal(self) -> None:
        """Switch every fault off."""
        for fault in self.active:
            self.off(fault)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=60.0),
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
        )
        self._web = web.Server(self._serve, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in self._web.connections:
            if handler.transport is not None:
                handler.transport.abort()
        await self._web.shutdown(0.1)
        await self._server.wait_closed()
        await self._session.close()

    # Connections

    def _protocol(self) -> asyncio.BaseProtocol:
        if self._touch(Fault.DEAD) is not None:
            return _HangUp()
        return self._web()

    def _drop(self, fault: Fault, transports: Iterable[Any]) -> None:
        for transport in transports:
            if transport is not None:
                self.faulted[fault] += 1
                transport.abort()

    def _touch(self, fault: Fault, methods: Iterable[str] | None = None) -> dict[str, Any] | None:
        """The parameters of `fault` if it is on and meant for one of `methods`; counted as done."""
        given = self._on.get(fault)
        if given is None:
            return None
        only = given.get("methods")
        if only is not None and not set(only) & set(methods or ()):
            return None
        self.faulted[fault] += 1
        return given

    async def _held(self, methods: Iterable[str] | None = None) -> None:
        while self._touch(Fault.STALL, methods) is not None:
            await self._awake.wait()

    async def _late(self, arrived: float, methods: Iterable[str] | None = None) -> None:
        if (latency := self._touch(Fault.LATENCY, methods)) is not None:
            await asyncio.sleep(arrived + latency["seconds"] - asyncio.get_running_loop().time())

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request)
            if request.method != "POST":
                return web.Response(status=405)
            return await self._post(request)
        except (aiohttp.ClientError, TimeoutError):  # Anvil is gone, so this node is, too
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    # HTTP

    async def _post(self, request: web.BaseRequest) -> web.StreamResponse:
        arrived = asyncio.get_running_loop().time()
        body = await request.content.read()  # request.read() would end at one megabyte
        methods = _methods(body)
        self.calls.update(methods)
        await self._held(methods)
        response = self._gateway(methods)
        if response is None:
            status, answer = await self._answer(body, methods)
            if self._touch(Fault.TRUNCATE, methods) is not None:
                answer = answer[: len(answer) // 2]
            response = web.Response(status=status, body=answer, content_type="application/json")
        await self._late(arrived, methods)
        return response

    def _gateway(self, methods: Iterable[str] = ()) -> web.Response | None:
        """What a gateway answers in the node's place, if it does."""
        if (limited := self._touch(Fault.TOO_MANY, methods)) is not None:
            wait = {"Retry-After": str(limited["retry_after"])}
            page = _PAGE.format("Too Many Requests")
            return web.Response(status=429, headers=wait, text=page, content_type="text/html")
        if self._touch(Fault.HTML, methods) is not None:
            return web.Response(text=_PAGE.format("Welcome"), content_type="text/html")
        return None

    async def _forward(self, body: bytes) -> tuple[int, bytes]:
        async with self._session.post(self._anvil_http, data=body) as response:
            return response.status, await response.read()

    async def _ask(self, method: str, *params: Any) -> Any:
        """Anvil's own result."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        _, answer = await self._forward(json.dumps(call).encode())
        return json.loads(answer).get("result")

    def _heads(self) -> dict[str, int]:
        """The heights of Anvil's tags, now; see the module for why this waits."""
        tags = ("latest", "safe", "finalized")
        calls = [
            {"jsonrpc": "2.0", "id": tag, "method": "eth_getBlockByNumber", "params": [tag, False]} for tag in tags
        ]
        connection = http.client.HTTPConnection(urlsplit(self._anvil_http).netloc, timeout=5.0)
        try:
            connection.request("POST", "/", json.dumps(calls), {"Content-Type": "application/json"})
            answers = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return {answer["id"]: int(answer["result"]["number"], 16) for answer in answers if answer.get("result")}

    # Calls

    async def _answer(self, body: bytes, methods: Iterable[str]) -> tuple[int, bytes]:
        """Status and body of the answer to a request, with what the faults do to its calls."""
        if not methods or not (_REFUSING | _CHANGING) & self._on.keys():
            return await self._forward(body)
        request = json.loads(body)
        calls = request if isinstance(request, list) else [request]
        refused = {i: error for i, call in enumerate(calls) if (error := await self._refusal(call)) is not None}
        asked = [
            {"jsonrpc": "2.0", "id": i, "method": call["method"], "params": await self._params(call)}
            for i, call in enumerate(calls)
            if i not in refused
        ]
        replies: dict[int | None, dict[str, Any]] = {i: {"error": error} for i, error in refused.items()}
        if asked:
            status, answer = await self._forward(json.dumps(asked if isinstance(request, list) else asked[0]).encode())
            try:
                read = json.loads(answer)
            except ValueError:
                return status, answer
            replies |= {reply["id"]: reply for reply in (read if isinstance(read, list) else [read])}
            if None in replies:  # Anvil refused the request as a whole
                return status, answer
        frames = [self._frame(call, replies[i]) for i, call in enumerate(calls) if i in replies]
        return 200, b"[" + b",".join(frames) + b"]" if isinstance(request, list) else frames[0]

    def _frame(self, call: dict[str, Any], reply: dict[str, Any]) -> bytes:
        """One answer, with the call's own id."""
        method, params = call["method"], call.get("params", [])
        what = "error" if "error" in reply else "result"
        value = reply.get(what)
        if what == "result":
            value = self._result(method, params, value)
        padding = b""
        huge = self._touch(Fault.HUGE) if method == "eth_getBlockReceipts" else None
        if huge is not None:
            if huge["junk"] and isinstance(value, list) and value:
                value[0]["junk"] = "x" * huge["size"]
            else:
                padding = b" " * huge["size"]
        head = f'{{"jsonrpc":"2.0","id":{json.dumps(call.get("id"))},"{what}":'.encode()
        return head + padding + json.dumps(value, separators=(",", ":")).encode() + b"}"

    async def _refusal(self, call: dict[str, Any]) -> dict[str, Any] | None:
        """The error that the node answers instead of a result."""
        method: str = call["method"]
        if (given := self._touch(Fault.ERROR_IN_200, [method])) is not None:
            message = given["message"] or _MESSAGES.get(given["code"], "Internal error")
            return {"code": given["code"], "message": message}
        if self._touch(Fault.NO_METHOD, [method]) is not None:
            return _NO_METHOD
        if method.startswith(("trace_", "debug_")) and self._touch(Fault.NO_TRACES) is not None:
            return _NO_METHOD
        if method == "eth_sendRawTransaction":
            if self._touch(Fault.OTHER_CHAIN) is not None:
                return {"code": -32000, "message": "invalid chain id for signer"}
            given = self._on.get(Fault.MIN_REPLACEMENT)
            if given is not None and await self._underpriced(call["params"][0], given["percent"]):
                self.faulted[Fault.MIN_REPLACEMENT] += 1
                return {"code": -32000, "message": "replacement transaction underpriced"}
        return None

    async def _underpriced(self, raw: str, percent: int) -> bool:
        """Whether it would replace a pending transaction too cheaply: geth's `txpool.pricebump`."""
        sender, nonce, *fees = _envelope(raw)
        pool = await self._ask("txpool_content")
        for transactions in (pool["pending"], pool["queued"]):
            for address, by_nonce in transactions.items():
                old = by_nonce.get(str(nonce)) if address.lower() == sender.lower() else None
                if old is None:
                    continue
                if old["hash"] == "0x" + keccak(hexstr=raw).hex():
                    return False  # the same again; Anvil says what it says to that
                before = [int(old.get(key) or old["gasPrice"], 16) for key in ("maxFeePerGas", "maxPriorityFeePerGas")]
                return any(new * 100 < was * (100 + percent) for new, was in zip(fees, before, strict=True))
        return False

    # What the node knows

    def _branch(self) -> tuple[int, str] | None:
        """Above which height the blocks have other hashes, and what makes these."""
        if (other := self._on.get(Fault.OTHER_CHAIN)) is not None:
            return -1, f"chain {other['chain_id']}"
        if (other := self._on.get(Fault.OTHER_BLOCK)) is not None:
            return other["after"], self.name
        return None

    def _alternate(self, real: str, salt: str) -> str:
        other = "0x" + keccak(bytes.fromhex(real[2:]) + salt.encode()).hex()
        self._real[other] = real
        return other

    async def _height_of(self, block_hash: str) -> int | None:
        if block_hash not in self._heights:
            block = await self._ask("eth_getBlockByHash", block_hash, False)
            if block is None:
                return None
            self._heights[block_hash] = int(block["number"], 16)
        return self._heights[block_hash]

    async def _params(self, call: dict[str, Any]) -> Any:
        """The parameters to ask Anvil with: of a block that this node does not have, it has none, either."""
        params, method = call.get("params", []), call["method"]
        if not isinstance(params, list):
            return params
        stale = self._on.get(Fault.STALE_HEAD)
        at = _BLOCK_AT.get(method)
        if at is not None and (stale is not None or self._branch() is not None):
            if len(params) == at and at > 0 and stale is not None:
                params = [*params, "latest"]
            if len(params) > at and not (method == "eth_getTransactionCount" and params[at] == "pending"):
                params = [*params[:at], await self._block(params[at]), *params[at + 1 :]]
        elif method in {"eth_getLogs", "trace_filter"} and params and isinstance(params[0], dict):
            wanted = dict(params[0])
            if "blockHash" in wanted:
                wanted = await self._block(wanted)
            elif stale is not None:
                for key in ("fromBlock", "toBlock"):
                    wanted[key] = await self._block(wanted.get(key) or "latest")
                if wanted["toBlock"] == _NO_HEIGHT:
                    wanted["toBlock"] = hex(stale["heads"]["latest"])
            params = [wanted, *params[1:]]
        return params

    async def _block(self, block: Any) -> Any:
        """A block argument, as Anvil is to be asked."""
        if isinstance(block, dict):
            return block | {key: await self._block(block[key]) for key in ("blockHash", "blockNumber") if key in block}
        if not isinstance(block, str):
            return block
        if len(block) == _WORD:
            return await self._hash(block.lower())
        stale = self._on.get(Fault.STALE_HEAD)
        if stale is None:
            return block
        if not block.startswith("0x"):
            tag = "latest" if block == "pending" else block
            if tag not in stale["heads"]:
                return block
            self.faulted[Fault.STALE_HEAD] += 1
            return hex(stale["heads"][tag])
        return _NO_HEIGHT if self._unborn(int(block, 16)) else block

    async def _hash(self, block_hash: str) -> str:
        """A block's hash as Anvil knows it; one unknown to Anvil if this node does not have that block."""
        branch = self._branch()
        real = self._real.get(block_hash, block_hash)
        height = await self._height_of(real)
        if height is None:
            return block_hash
        own = real
        if branch is not None and height > branch[0]:
            own = self._alternate(real, branch[1])
        if own != block_hash or self._unborn(height):
            return "0x" + keccak(hexstr=block_hash).hex()
        return real

    def _unborn(self, height: int | None) -> bool:
        """Whether STALE_HEAD keeps the block from this node."""
        stale = self._on.get(Fault.STALE_HEAD)
        if stale is None or stale["knows_later"] or height is None or height <= stale["heads"]["latest"]:
            return False
        self.faulted[Fault.STALE_HEAD] += 1
        return True

    # Results

    def _result(self, method: str, params: Any, result: Any) -> Any:
        """A result as this node tells it."""
        if (stale := self._on.get(Fault.STALE_HEAD)) is not None:
            if method == "eth_blockNumber":
                self.faulted[Fault.STALE_HEAD] += 1
                result = hex(min(int(result, 16), stale["heads"]["latest"]))
            elif method in _OF_TRANSACTION and result and self._unborn(_height(result.get("blockNumber"))):
                result = None
        result = self._relabelled(result)
        if (other := self._on.get(Fault.OTHER_CHAIN)) is not None and method in {"eth_chainId", "net_version"}:
            self.faulted[Fault.OTHER_CHAIN] += 1
            result = hex(other["chain_id"]) if method == "eth_chainId" else str(other["chain_id"])
        if (branch := self._on.get(Fault.OTHER_BLOCK)) is not None and (rewrite := branch["rewrite"]) is not None:
            result = self._rewritten(Fault.OTHER_BLOCK, result, lambda value: rewrite(method, value))
        if (wrong := self._on.get(Fault.WRONG_BALANCE)) is not None:
            lie = _balances(method, wrong["change"])
            result = self._rewritten(Fault.WRONG_BALANCE, result, lie)
        if (liar := self._on.get(Fault.REWRITE)) is not None:
            result = self._rewritten(Fault.REWRITE, result, lambda value: liar["rewrite"](method, params, value))
        return result

    def _rewritten(self, fault: Fault, result: Any, rewrite: Callable[[Any], Any]) -> Any:
        before = json.dumps(result)
        result = rewrite(result)
        self.faulted[fault] += json.dumps(result) != before
        return result

    def _relabelled(self, result: Any) -> Any:
        """The result with the hashes of this node's blocks."""
        branch = self._branch()
        if branch is not None and self._relabel(result, *branch):
            self.faulted[Fault.OTHER_CHAIN if Fault.OTHER_CHAIN in self._on else Fault.OTHER_BLOCK] += 1
        return result

    def _relabel(self, value: Any, fork: int, salt: str) -> int:
        """Give the blocks in `value` their other hashes, in place; how many there were."""
        if isinstance(value, list):
            return sum(self._relabel(item, fork, salt) for item in value)
        if not isinstance(value, dict):
            return 0
        hashes = [("blockHash", _height(value.get("blockNumber")))]
        if "parentHash" in value and (number := _height(value.get("number"))) is not None:
            hashes += [("hash", number), ("parentHash", number - 1)]
        changed = 0
        for key, height in hashes:
            real = value.get(key)
            # A pending block has no hash, and a simulated one may have a parent of zeros.
            if height is not None and height > fork and isinstance(real, str) and int(real, 16):
                value[key] = self._alternate(real, salt)
                changed += 1
        if Fault.OTHER_CHAIN in self._on and "chainId" in value:
            value["chainId"] = hex(self._on[Fault.OTHER_CHAIN]["chain_id"])
        return changed + sum(self._relabel(item, fork, salt) for item in value.values())

    # WebSocket

    async def _socket(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._held()
        refused = self._gateway()
        if refused is None and self._touch(Fault.DROP_SOCKET) is not None:
            refused = web.Response(status=503)
        if refused is not None:
            return refused
        ws = web.WebSocketResponse(autoping=False, max_msg_size=0, compress=False, timeout=0.5)
        closing = aiohttp.ClientWSTimeout(ws_close=0.5)
        async with self._session.ws_connect(self._anvil_ws, max_msg_size=0, timeout=closing) as node:
            await ws.prepare(request)
            transport = request.transport
            if transport is None:
                return ws
            self._sockets.add(transport)
            up: asyncio.Queue[str] = asyncio.Queue()
            down: asyncio.Queue[tuple[float, str, bool]] = asyncio.Queue()
            pumps = [
                asyncio.create_task(pump)
                for pump in (
                    self._from_client(ws, up), self._to_node(node, up, down),
                    self._from_node(node, down), self._to_client(ws, down),
                )
            ]  # fmt: skip
            try:
                done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in done:
                    with suppress(aiohttp.ClientError, ConnectionError):
                        pump.result()
            finally:
                self._sockets.discard(transport)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                await ws.close()
        return ws

    async def _from_client(self, ws: web.WebSocketResponse, up: asyncio.Queue[str]) -> None:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                up.put_nowait(message.data)
            elif message.type is WSMsgType.PING and self._on.get(Fault.STALL, {}).get("pings", True):
                await ws.pong(message.data)

    async def _to_node(
        self,
        node: aiohttp.ClientWebSocketResponse,
        up: asyncio.Queue[str],
        down: asyncio.Queue[tuple[float, str, bool]],
    ) -> None:
        while True:
            text = await up.get()
            arrived = asyncio.get_running_loop().time()
            methods = _methods(text)
            self.calls.update(methods)
            await self._held(methods)
            if (_REFUSING | _CHANGING) & self._on.keys() and methods:
                if not {"eth_subscribe", "eth_unsubscribe"} & set(methods):
                    _, answer = await self._answer(text.encode(), methods)
                    down.put_nowait((arrived, answer.decode(), False))
                    continue
                call = json.loads(text)
                if isinstance(call, dict) and (error := await self._refusal(call)) is not None:
                    down.put_nowait((arrived, self._frame(call, {"error": error}).decode(), False))
                    continue
            await node.send_str(text)

    async def _from_node(
        self, node: aiohttp.ClientWebSocketResponse, down: asyncio.Queue[tuple[float, str, bool]]
    ) -> None:
        async for message in node:
            if message.type is WSMsgType.TEXT:
                down.put_nowait((asyncio.get_running_loop().time(), message.data, True))

    async def _to_client(self, ws: web.WebSocketResponse, down: asyncio.Queue[tuple[float, str, bool]]) -> None:
        held: str | None = None
        until = 0.0
        while True:
            try:
                async with asyncio.timeout_at(None if held is None else until):
                    arrived, text, from_node = await down.get()
            except TimeoutError:
                assert held is not None
                await self._push(ws, held)
                held = None
                continue
            if not self._on and held is None:
                await ws.send_str(text)
                continue
            await self._held()
            await self._late(arrived)
            if not from_node or _methods(text) != ["eth_subscription"]:
                await ws.send_str(text)
            elif (told := self._notification(text)) is None:
                continue
            elif held is not None:
                await self._push(ws, told)
                await self._push(ws, held)
                held = None
            elif (reorder := self._touch(Fault.REORDER)) is not None:
                held, until = told, asyncio.get_running_loop().time() + reorder["seconds"]
            else:
                await self._push(ws, told)

    async def _push(self, ws: web.WebSocketResponse, notification: str) -> None:
        await ws.send_str(notification)
        if self._touch(Fault.DUPLICATE) is not None:
            await ws.send_str(notification)

    def _notification(self, text: str) -> str | None:
        """What is pushed instead of Anvil's notification; None for nothing."""
        if _CHANGING & self._on.keys():
            message = json.loads(text)
            result = message["params"]["result"]
            # By shape: a head has a parent, a log has topics; pending transactions are known to a stale node.
            if Fault.STALE_HEAD in self._on and isinstance(result, dict) and {"parentHash", "topics"} & result.keys():
                self.faulted[Fault.STALE_HEAD] += 1
                return None
            message["params"]["result"] = self._result("eth_subscription", [], result)
            text = json.dumps(message, separators=(",", ":"))
        cut = self._on.get(Fault.TRUNCATE)
        if cut is not None and cut["notifications"]:
            self.faulted[Fault.TRUNCATE] += 1
            text = text[: len(text) // 2]
        return text


def _envelope(raw: str) -> tuple[str, int, int, int]:
    """Sender, nonce, greatest fee and greatest tip per gas of a signed transaction (EIP-2718, EIP-1559)."""
    data = bytes.fromhex(raw.removeprefix("0x"))
    if data[0] >= 0xC0:  # a legacy transaction is a list
        nonce, tip = rlp.decode(data)[:2]
        fee = tip
    elif data[0] == 1:  # EIP-2930: chain id, nonce, gas price, …
        nonce, tip = rlp.decode(data[1:])[1:3]
        fee = tip
    else:  # EIP-1559, 4844 and 7702: chain id, nonce, greatest tip, greatest fee, …
        nonce, tip, fee = rlp.decode(data[1:])[1:4]
    sender = Account.recover_transaction(raw)
    return sender, int.from_bytes(nonce, "big"), int.from_bytes(fee, "big"), int.from_bytes(tip, "big")


def _balances(method: str, change: Callable[[int], int]) -> Callable[[Any], Any]:
    """What changes the balances in a result of `method`."""

    def word(value: Any) -> Any:
        if not isinstance(value, str) or len(value) != _WORD:
            return value
        return f"0x{change(int(value, 16)) % 2**256:064x}"

    def told(result: Any) -> Any:
        if method == "eth_call":
            return word(result)
        if method == "eth_getBalance" and result is not None:
            return hex(change(int(result, 16)) % 2**256)
        if method == "eth_simulateV1" and isinstance(result, list):
            for block in result:
                for call in block.get("calls", []):
                    call["returnData"] = word(call.get("returnData"))
        return result

    return told
