"""A busy chain: 1,000 transactions with 5,000 logs in every block, a block a second, bursts of 1,000 pending ones.

    python -m tests.load [--seconds N] [--transactions N] [--json]

A model node in a process of its own (`tests/chain/model.py`); every fifth block breaks the market's invariant, the next
one mends it. In turns, on the same chain:

- chainwatch: the engine with store and mempool, dry run. Header heard → block handled, header heard → alert; how many
  blocks it was behind at most; what became of the pending transactions.
- floor: header → block, receipts and call trees fetched and read into typed structs; nothing else.
- web3.py: AsyncWeb3's subscription, receipts of the block, `process_log` of every Transfer.

Ends with one JSON object: milliseconds p50 and p99 of each, `x_floor` and `x_web3py` (chainwatch's p50 over theirs).
"""

import argparse
import asyncio
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import WSMsgType, web
from web3 import AsyncWeb3
from web3.providers.persistent import WebSocketProvider

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import WireHeader
from chainwatch.config.load import load
from chainwatch.engine import Engine, Observer
from chainwatch.respond.responder import Responder
from chainwatch.sources.fetch import Fetcher
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, AlertEvent, BlockItem, NewBlock
from tests.chain.model import (
    CHAIN_ID,
    MARKET,
    TRANSFER,
    ModelChain,
    ModelNode,
    Tx,
    attack,
    configuration,
    repair,
    transfer,
)

_LOGS = 5
_ATTACK_EVERY = 5
_BURST, _BURST_SECONDS = 1_000, 2.0


# --- The node, in a process of its own --------------------------------------------------------------------


class BusyNode(ModelNode):
    """It pushes pending transactions too, and simulates them."""

    def __init__(self, chain: ModelChain, name: str, chain_id: int = CHAIN_ID) -> None:
        super().__init__(chain, name)
        self._methods["eth_chainId"] = lambda _: b'"%s"' % hex(chain_id).encode()
        self._pending: set[web.WebSocketResponse] = set()
        self.extra["debug_traceCall"] = lambda p: msgspec.json.encode(
            {"type": "CALL", "from": p[0]["from"], "to": p[0].get("to"), "input": "0x", "logs": []}
        )

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        if request.path != "/ws" or request.query_string != "pending":
            return await super()._socket(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    call = msgspec.json.decode(message.data)
                    if call["params"][0] != "newPendingTransactions":
                        break
                    await socket.send_json({"jsonrpc": "2.0", "id": call["id"], "result": "0x1"})
                    self._pending.add(socket)
        finally:
            self._pending.discard(socket)
        return socket

    async def burst(self, first: int) -> None:
        for n in range(first, first + _BURST):
            to = MARKET if n % 10 == 0 else "0x" + f"{n % 997:040x}"
            body = {
                "hash": f"0x{n:064x}", "from": f"0x{n:040x}", "to": to, "value": "0x0",
                "input": "0x12345678" + "00" * 32, "nonce": hex(n), "gas": "0x30d40", "gasPrice": "0x1", "type": "0x0",
            }  # fmt: skip
            frame = {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x1", "result": body}}
            text = msgspec.json.encode(frame).decode()
            for socket in list(self._pending):
                with suppress(ConnectionError):
                    await socket.send_str(text)


async def serve(transactions: int, chain_id: int) -> None:
    chain = ModelChain(keep=64, block_seconds=1, start=int(time.time()))
    async with BusyNode(chain, "busy", chain_id).serving() as node:
        print(node.http, flush=True)
        nonce, started, burst_at = 0, time.monotonic(), time.monotonic()
        for number in range(1, 100_000):
            block: list[Tx] = []
            for _ in range(transactions):
                nonce += _LOGS
                block.append(transfer(nonce, logs=_LOGS))
            if number % _ATTACK_EVERY == 0:
                block[0] = attack(nonce)
            elif number % _ATTACK_EVERY == 1:
                block[0] = repair(nonce)
            await asyncio.sleep(max(0.0, started + number - time.monotonic()))
            made = chain.mine(*block)
            _ = made.full, made.receipts, made.traces  # encoded once, before anybody asks
            if time.monotonic() - burst_at > _BURST_SECONDS:
                burst_at = time.monotonic()
                await node.burst(number * _BURST)


@asynccontextmanager
async def busy_node(transactions: int, chain_id: int = CHAIN_ID) -> AsyncIterator[str]:
    """Its URL; killed at the end."""
    what = ["--serve", "--transactions", str(transactions), "--chain", str(chain_id)]
    command = [sys.executable, "-m", "tests.load", *what]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


# --- The contenders ---------------------------------------------------------------------------------------


class Watcher(Observer):
    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.handled: list[float] = []
        self.alerts: list[float] = []
        self.behind = 0

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if self.engine is not None and isinstance(item, NewBlock):
            self.handled.append((time.perf_counter() - self.engine.status.blocks.head_seen_at) * 1e3)
            self.behind = max(self.behind, self.engine.status.lag_blocks)

    def alert(self, alert: Alert) -> None:
        if self.engine is not None and alert.event is AlertEvent.OPENED:
            self.alerts.append((time.perf_counter() - self.engine.status.blocks.head_seen_at) * 1e3)


async def chainwatch(url: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "profiles").mkdir()

        class Where:
            name, http, ws = "busy", url, url.replace("http", "ws") + "/ws"

        for name, text in configuration([Where]).items():  # type: ignore[list-item]
            (Path(folder) / name).write_text(text)
        path = Path(folder) / "chainwatch.toml"
        pending = (
            f'[[chains.providers]]\nname = "pending"\nhttp = "{url}/again"\nws = "{Where.ws}?pending"\n'
            'roles = ["heads"]\n'
        )
        path.write_text(path.read_text().replace("traces", "mempool = true\nquorum = 1\ntraces", 1) + pending)
        loaded, seen = load(path), Watcher()

        async def responder(store: Store, pool: Pool) -> Responder:
            return await Responder.create(loaded, store, pool, armed=False)

        async with Engine(loaded, responder_factory=responder, observer=seen) as engine:
            running = asyncio.create_task(engine.run())
            await asyncio.sleep(5)  # warm
            seen.engine = engine
            await asyncio.sleep(seconds)
            engine.stop()
            await running
            counts = msgspec.structs.asdict(engine.status.pending) if engine.status.pending else {}
            coverage = await engine.store.coverage(CHAIN_ID)
        return {
            "header_to_handled_ms": quantiles(seen.handled), "header_to_alert_ms": quantiles(seen.alerts),
            "blocks": len(seen.handled), "most_blocks_behind": seen.behind, "gaps": len(coverage.gaps),
            "alerts": len(seen.alerts), "pending": counts,
        }  # fmt: skip


async def floor(url: str, seconds: float) -> dict[str, Any]:
    found: list[float] = []
    async with Pool.of(url, CHAIN_ID) as pool:
        fetcher = Fetcher(pool, CHAIN_ID, "parity")
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for raw in subscribe(url.replace("http", "ws") + "/ws", ["newHeads"]):
                    seen = time.perf_counter()
                    head = msgspec.json.decode(raw, type=WireHeader)
                    await fetcher.fetch(head.hash, int(head.number, 16))
                    found.append((time.perf_counter() - seen) * 1e3)
    return {"header_to_fetched_ms": quantiles(found), "blocks": len(found)}


async def web3py(url: str, seconds: float) -> dict[str, Any]:
    fields = [("from", "address", True), ("to", "address", True), ("value", "uint256", False)]
    inputs = [{"name": name, "type": type_, "indexed": indexed} for name, type_, indexed in fields]
    found: list[float] = []
    ws = url.replace("http", "ws") + "/ws"
    async with AsyncWeb3(WebSocketProvider(ws, websocket_kwargs={"max_size": None})) as w3, Rpc(url) as rpc:
        event = w3.eth.contract(abi=[{"type": "event", "name": "Transfer", "anonymous": False, "inputs": inputs}])
        await w3.eth.subscribe("newHeads")
        started = time.monotonic()
        async for message in w3.socket.process_subscriptions():
            seen = time.perf_counter()
            head = message["result"]
            raw = await rpc.call("eth_getBlockReceipts", ["0x" + head["hash"].hex().removeprefix("0x")])
            await asyncio.to_thread(_processed, event, raw)
            found.append((time.perf_counter() - seen) * 1e3)
            if time.monotonic() - started > seconds:
                break
    return {"header_to_decoded_ms": quantiles(found), "blocks": len(found)}


def _processed(event: Any, receipts: list[dict[str, Any]]) -> None:
    from hexbytes import HexBytes
    from web3.datastructures import AttributeDict

    for receipt in receipts:
        for log in receipt["logs"]:
            prepared = {
                "address": log["address"], "topics": [HexBytes(t) for t in log["topics"]],
                "data": HexBytes(log["data"]), "logIndex": int(log["logIndex"], 16),
                "blockNumber": 0, "transactionIndex": 0, "blockHash": HexBytes("0x" + "00" * 32),
                "transactionHash": HexBytes(receipt["transactionHash"]),
            }  # fmt: skip
            assert log["topics"][0] == TRANSFER
            event.events.Transfer().process_log(AttributeDict(prepared))


def quantiles(values: Sequence[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


async def run(seconds: float, transactions: int) -> dict[str, Any]:
    async with busy_node(transactions) as url:
        ours = await chainwatch(url, seconds)
        bare = await floor(url, min(seconds, 20))
        peer = await web3py(url, min(seconds, 20))
    p50 = ours["header_to_handled_ms"]["p50"]
    return {
        "transactions_a_block": transactions, "logs_a_block": transactions * _LOGS, "chainwatch": ours, "floor": bare,
        "web3py": peer, "x_floor": round(p50 / bare["header_to_fetched_ms"]["p50"], 2),
        "x_web3py": round(p50 / peer["header_to_decoded_ms"]["p50"], 3),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--transactions", type=int, default=1_000)
    parser.add_argument("--json", action="store_true", help="print only the result object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--chain", type=int, default=CHAIN_ID, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if arguments.serve:
        asyncio.run(serve(arguments.transactions, arguments.chain))
        return 0
    result = asyncio.run(run(arguments.seconds, arguments.transactions))
    if not arguments.json:
        for name in ("chainwatch", "floor", "web3py"):
            print(f"{name:12} {json.dumps(result[name])}")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
