"""Subscriptions over a WebSocket of their own (see `chainwatch.chain.rpc` for why)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from chainwatch.chain.rpc import redacted
from chainwatch.errors import NodeError


class _Params(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    id: int | None = None
    result: Any = None
    error: Any = None
    params: _Params | None = None


_decoder = msgspec.json.Decoder(_Message)


async def subscribe(
    url: str, params: Sequence[Any], *, timeout: float = 10.0, opened: Callable[[], None] | None = None
) -> AsyncIterator[bytes]:
    """The raw JSON of each notification of `eth_subscribe` with `params`, as they come; `opened` is called
    once the node has confirmed it.

    Ends by raising NodeError when the socket closes, for whatever reason: a subscription that just stops
    would be blindness. The caller reconnects and fills the hole.
    """
    closed = f"The subscription {params[0]} at {redacted(url)}"
    mend = "It is reopened by itself; check the node if this goes on."
    try:
        async with (
            aiohttp.ClientSession() as session,
            # The node pings or we do; a silent half-open socket is noticed within two heartbeats.
            session.ws_connect(
                url, max_msg_size=0, heartbeat=15.0, timeout=aiohttp.ClientWSTimeout(ws_close=2.0)
            ) as ws,
        ):
            await ws.send_str(
                msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": params}).decode()
            )
            answer = _decoder.decode(await asyncio.wait_for(ws.receive_str(), timeout))
            if answer.error is not None or answer.result is None:
                raise NodeError(
                    f"{closed} was refused: {answer.error}.", "Use a node that offers it, or do without ws."
                )
            if opened is not None:
                opened()
            async for message in ws:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                notification = _decoder.decode(message.data)
                if notification.params is not None:
                    yield bytes(notification.params.result)
    except (aiohttp.ClientError, msgspec.MsgspecError, TypeError, OSError, TimeoutError) as error:
        # Neither shown nor chained: aiohttp's errors may hold the whole URL, key included.
        status = f" (HTTP {error.status})" if isinstance(error, aiohttp.WSServerHandshakeError) else ""
        raise NodeError(f"{closed} failed: {type(error).__name__}{status}.", mend) from None
    raise NodeError(f"{closed} was closed by the node.", mend)
