"""JSON-RPC over HTTP, typed and fast: aiohttp carries it, msgspec reads answers straight into structs.

Requests never share a connection with subscriptions (`chainwatch.chain.subscribe`): on one WebSocket,
Nagle's algorithm against delayed acknowledgements holds headers back by about 40 ms.
"""

import asyncio
import itertools
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar, cast, overload

import aiohttp
import msgspec
from msgspec import UNSET, UnsetType

from chainwatch.errors import BadInput, NodeError, NodeRejected, NotANode

T = TypeVar("T")

DEFAULT_TIMEOUT_SECONDS = 10.0

MAX_ANSWER_BYTES = 256 << 20
"""The receipts of the busiest blocks have tens of megabytes; what is larger is an attack on our memory."""

NO_SUCH_METHOD = (-32601, -32004)
"""Error codes that say so: of JSON-RPC 2.0, and of EIP-1474 (method not supported)."""


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Reply(msgspec.Struct, Generic[T]):
    result: T | UnsetType | None = UNSET
    error: _Error | None = None
    id: int | str | None = None


@lru_cache(maxsize=64)
def _decoder(as_: Any) -> msgspec.json.Decoder[Any]:
    # Raw keeps the bytes of `result` for a caller who wants to read them leniently.
    return msgspec.json.Decoder(_RawReply if as_ is msgspec.Raw else _Reply[as_])


class _RawReply(msgspec.Struct):
    result: msgspec.Raw | UnsetType = UNSET
    error: _Error | None = None
    id: int | str | None = None


class RateLimited(NodeError):
    """A provider wants to be asked less; `retry_after` seconds where it says when."""

    def __init__(self, problem: str, mend: str, retry_after: float | None) -> None:
        super().__init__(problem, mend)
        self.retry_after = retry_after


class Caller(Protocol):
    """What can be asked as a node is: one endpoint (`Rpc`) or all of a chain's (`chain.pool.Pool`)."""

    async def call(
        self,
        method: str,
        params: Sequence[Any] = ...,
        *,
        as_: Any = ...,
        timeout: float | None = ...,
        accept: Callable[[Any], bool] | None = ...,
    ) -> Any:
        """See `Rpc.call`. An answer that `accept` refuses is asked for elsewhere, where there is an elsewhere."""

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], *, timeout: float | None = ...
    ) -> list[Any | NodeRejected]:
        """See `Rpc.batch`."""

    async def agree(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any | NodeRejected]:
        """As `batch`, each answer being the one on which the quorum agrees."""


def redacted(url: str) -> str:
    """The endpoint without user, path and query, where providers put their keys. Takes any text."""
    match = re.match(r"(\w*://)?(?:[^/?#]*@)?([^/?#]*)", url)
    assert match is not None  # it matches the empty text, too
    return f"{match[1] or ''}{match[2] or '?'}"


class Rpc:
    """One HTTP endpoint. Safe to use from many tasks at once; close it when done."""

    def __init__(self, url: str, *, timeout: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.url = url
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Rpc({redacted(self.url)})"

    async def __aenter__(self) -> "Rpc":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @overload
    async def call(self, method: str, params: Sequence[Any] = ..., *, timeout: float | None = ...) -> Any: ...
    @overload
    async def call(
        self,
        method: str,
        params: Sequence[Any] = ...,
        *,
        as_: type[T],
        timeout: float | None = ...,
        accept: Callable[[Any], bool] | None = ...,
    ) -> T: ...
    @overload
    async def call(
        self,
        method: str,
        params: Sequence[Any] = ...,
        *,
        as_: Any = ...,
        timeout: float | None = ...,
        accept: Callable[[Any], bool] | None = ...,
    ) -> Any: ...

    async def call(
        self,
        method: str,
        params: Sequence[Any] = (),
        *,
        as_: Any = Any,
        timeout: float | None = None,
        accept: Callable[[Any], bool] | None = None,
    ) -> Any:
        """The result of one call, read as `as_`. A `null` result is None whatever `as_` is.

        Raises NodeRejected for a JSON-RPC error (also one inside HTTP 200), NodeError for anything that
        is no answer: no connection, time-out, HTML, truncated JSON, another shape than `as_`; BadInput when
        the endpoint's URL is none.
        """
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        status, body = await self._post(msgspec.json.encode(request), method, timeout)
        try:
            reply = _decoder(as_).decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._unreadable(method, status, body, str(error)) from error
        if reply.error is not None:
            raise _rejected(method, reply.error)
        if reply.result is UNSET:  # a gateway's own JSON, say of a rate limit; never to be taken for null
            raise self._unreadable(method, status, body, "neither a result nor an error")
        return reply.result

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], *, timeout: float | None = None
    ) -> list[Any | NodeRejected]:
        """The results of several calls in one round trip, in order; a refused one is its NodeRejected."""
        if not calls:
            return []
        first = next(self._ids)
        ids = [first, *(next(self._ids) for _ in calls[1:])]
        request = [
            {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
            for id_, (method, params) in zip(ids, calls, strict=True)
        ]
        method = f"a batch of {len(calls)} calls ({calls[0][0]} …)"
        status, body = await self._post(msgspec.json.encode(request), method, timeout)
        try:
            replies = msgspec.json.decode(body, type=list[_Reply[Any]] | _Reply[Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._unreadable(method, status, body, str(error)) from error
        if isinstance(replies, _Reply):
            if replies.error is None:
                raise self._unreadable(method, status, body, "a single answer to a batch")
            raise _rejected(method, replies.error)
        by_id = {reply.id: reply for reply in replies}
        results: list[Any | NodeRejected] = []
        for id_, (name, _) in zip(ids, calls, strict=True):
            reply = by_id.get(id_)
            if reply is not None and reply.error is not None:
                results.append(_rejected(name, reply.error))
            elif reply is None or reply.result is UNSET:
                results.append(_rejected(name, _Error(message="no answer to this call in the batch")))
            else:
                results.append(reply.result)
        return results

    async def agree(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any | NodeRejected]:
        """As `batch`: one node is its own quorum."""
        return await self.batch(calls)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, payload: bytes, method: str, timeout: float | None) -> tuple[int, bytes]:
        """HTTP status and body of the answer."""
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"Content-Type": "application/json"})
        limit = aiohttp.ClientTimeout(total=timeout or self._timeout)
        # aiohttp's errors may hold the whole URL, key included, and so are not chained.
        try:
            async with self._session.post(self.url, data=payload, timeout=limit) as response:
                body = await _body(response)
                if response.status == HTTPStatus.TOO_MANY_REQUESTS and not body.lstrip().startswith((b"{", b"[")):
                    raise RateLimited(
                        f"The node at {redacted(self.url)} answered HTTP 429 (too many requests) to {method}.",
                        "Set max_calls_per_second of this provider, or book more.",
                        _seconds(response.headers.get("Retry-After")),
                    )
                return response.status, body
        except asyncio.TimeoutError:
            raise NodeError(
                f"The node at {redacted(self.url)} did not answer {method} within {timeout or self._timeout:g} s.",
                "Check the node's load and the connection to it.",
            ) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise BadInput(
                f"{redacted(self.url)} is not the URL of a node.",
                "Give its JSON-RPC endpoint, for example http://127.0.0.1:8545.",
            ) from None
        except aiohttp.ClientError as error:
            raise NodeError(
                f"The node at {redacted(self.url)} could not be reached for {method}: {type(error).__name__}.",
                "Check that the node runs and that the address in chainwatch.toml is right.",
            ) from None

    def _unreadable(self, method: str, status: int, body: bytes, why: str) -> NodeError:
        start = body.lstrip()[:15].lower()
        answered = "answered" if status == 200 else f"answered HTTP {status} and"
        if start.startswith((b"<!doctype", b"<html")):
            return NotANode(
                f"The address {redacted(self.url)} {answered} an HTML page instead of JSON-RPC to {method}.",
                "Check that http in chainwatch.toml is a JSON-RPC endpoint and not a web site or a login page.",
            )
        what = f"something that cannot be read ({why})" if start else "nothing at all"
        return NodeError(
            f"The node at {redacted(self.url)} {answered} {what} to {method}.",
            "Check the node's load and limits, and that http in chainwatch.toml is a JSON-RPC endpoint.",
        )


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The whole answer, unpacked, unless it is larger than anything that was asked for can be."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            problem = f"The node at {redacted(str(response.url))} answered more than {MAX_ANSWER_BYTES >> 20} MiB."
            raise NodeError(problem, "Check the node; nothing that it is asked for is that large.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None


def _rejected(method: str, error: _Error) -> NodeRejected:
    data = error.data if isinstance(error.data, str) else None
    return NodeRejected(method, error.code, error.message, data)


def quantity(value: str | None) -> int:
    """The integer of a JSON-RPC quantity (`0x…`); None is 0."""
    return int(value, 16) if value else 0


async def chain_id(rpc: Caller) -> int:
    """The chain id the node is on."""
    return quantity(cast(str, await rpc.call("eth_chainId", as_=str)))
