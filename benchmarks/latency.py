"""Header received → pause acknowledged, for the whole bot, beside the bare floor and web3.py's subscriptions.

    python -m benchmarks.latency [--rounds N] [--logs N] [--json]

Everything runs in one process tree on one machine against Anvil, in turns, so that only ratios mean something:

- floor: header on a WebSocket of its own → receipts by hash → sign → eth_sendRawTransaction acknowledged; no decoding,
  no detection, no proof, no store.
- chainwatch: the engine itself, armed, with its detectors, Proof, outbox and signature. Timed from the header to the
  node's acknowledgement of the pause.
- web3.py: AsyncWeb3 subscriptions, receipts and process_log of every Transfer in the block, then sign and send. It
  detects nothing.

Ends with one JSON object: milliseconds p50/p95/p99 of each, and `x_floor`, `x_web3py` (chainwatch over each, by p50).
"""

import argparse
import asyncio
import gc
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
from eth_account import Account
from web3 import AsyncWeb3
from web3.providers.persistent import WebSocketProvider

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import WireHeader, parse_receipts
from chainwatch.config.load import load
from chainwatch.drill.actors import Actors
from chainwatch.drill.artefacts import ours
from chainwatch.drill.configuration import GUARDIAN_ACCOUNT, write_configuration
from chainwatch.drill.world import ETH, USD, World, anvil_account, deploy_world, read
from chainwatch.engine import Engine, Observer
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.types import Alert

_PAUSE = "0x8456cb59"
_ATTACK = 200_000 * USD
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # Transfer(address,address,uint256)
_LOGS_A_TRANSACTION = 50


class Bench:
    """A world in which an attack can be mined beside `logs` ordinary logs, again and again."""

    def __init__(self, rpc: Rpc, world: World, logs: int) -> None:
        self.rpc = rpc
        self.world = world
        self.actors = Actors(rpc, world)
        self._logs = logs

    async def mine_attack(self) -> None:
        """One block: `logs` transfers in a few transactions, then the attack."""
        await self.rpc.call("evm_setAutomine", [False])
        await self._noise()
        silent = Actors(self.rpc, self.world, wait=False)
        await silent.attack_atomic(_ATTACK)
        await self.rpc.call("evm_mine", [])

    async def restore(self) -> None:
        """Unpause, repay the attacker's debt, put its collateral back into the pool: ready for another round."""
        # The pause that was just acknowledged; Anvil may leave it out of the first block after it arrived.
        while not await read(self.rpc, ours("LendingMarket"), self.world.unsafe_market, "paused"):
            await self.rpc.call("evm_mine", [])
        await self.rpc.call("evm_setAutomine", [True])
        world, roles = self.world, self.world.roles
        token, market = ours("DrillToken"), ours("LendingMarket")
        for sender, to, data in (
            (roles.governance, world.unsafe_market, market.call("unpause")),
            (roles.deployer, world.asset, token.call("mint", roles.trader, _ATTACK)),
            (roles.trader, world.unsafe_market, market.call("repay", world.flash_attacker, _ATTACK)),
            (roles.deployer, world.collateral, token.call("mint", roles.trader, 40 * ETH)),
        ):
            await self._settled({"from": sender, "to": to, "data": data})
        await self.actors.swap(40 * ETH, sell=True)

    async def _noise(self) -> None:
        """Logs as ERC-20 emits them, some fifty a transaction: what a busy block of real transactions holds."""
        for first in range(0, self._logs, _LOGS_A_TRANSACTION):
            count = min(_LOGS_A_TRANSACTION, self._logs - first)
            request = {"from": self.world.roles.trader, "data": emitting(count), "gas": hex(5_000_000)}
            await self.rpc.call("eth_sendTransaction", [request])

    async def _settled(self, request: dict[str, str]) -> None:
        tx = await self.rpc.call("eth_sendTransaction", [request | {"gas": "0x7a120"}])
        if not await self.actors.succeeded(tx):
            raise SystemExit(f"a step of the benchmark reverted: {request}")


def emitting(count: int) -> str:
    """Init code that emits `count` Transfers and leaves no code behind."""
    # MSTORE a value; for each PUSH1 to, PUSH1 from, PUSH32 topic0, PUSH1 32, PUSH1 0, LOG3; at last RETURN nothing
    one = "60bb" + "60aa" + "7f" + TRANSFER[2:] + "6020" + "6000" + "a3"
    return "0x" + "6103e8600052" + one * count + "60006000f3"


class _Timer(Observer):
    def __init__(self) -> None:
        self.acknowledged: asyncio.Future[tuple[float, Decision]] = asyncio.get_running_loop().create_future()

    def decision(self, alert: Alert, decision: Decision) -> None:
        if decision.sent and not self.acknowledged.done():
            self.acknowledged.set_result((time.perf_counter(), decision))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=30, help="rounds of each contender (default 30)")
    parser.add_argument("--logs", type=int, default=200, help="ordinary logs beside the attack (default 200)")
    parser.add_argument("--json", action="store_true", help="print only the result object")
    arguments = parser.parse_args(argv)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    result = asyncio.run(run(arguments.rounds, arguments.logs))
    if not arguments.json:
        for name in ("floor", "chainwatch", "web3py"):
            print(f"{name:12} " + "  ".join(f"{k} {v:8.2f} ms" for k, v in result[name].items()))
        print("chainwatch by stage, p50 ms: " + ", ".join(f"{k} {v:.2f}" for k, v in result["stages"].items()))
    print(json.dumps(result))
    return 0


async def run(rounds: int, logs: int) -> dict[str, Any]:
    samples: dict[str, list[float]] = {"floor": [], "chainwatch": [], "web3py": []}
    stages: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        async with Anvil("--accounts", "10") as anvil, Rpc(anvil.http) as rpc:
            world = await deploy_world(anvil.http)
            bench = Bench(rpc, world, logs)
            path = write_configuration(world, Path(directory), http=anvil.http, ws=anvil.ws, mempool=False)
            _without_limits(path)
            gc.collect()
            for _ in range(rounds):
                samples["floor"].append(await _floor(anvil, bench))
                elapsed, timings = await _chainwatch(anvil, path, bench)
                samples["chainwatch"].append(elapsed)
                for stage, ms in timings.items():
                    stages.setdefault(stage, []).append(ms)
                samples["web3py"].append(await _web3py(anvil, bench))
    result: dict[str, Any] = {name: _percentiles(values) for name, values in samples.items()}
    result["stages"] = {name: statistics.median(values) for name, values in stages.items()}
    result["x_floor"] = round(result["chainwatch"]["p50"] / result["floor"]["p50"], 2)
    result["x_web3py"] = round(result["chainwatch"]["p50"] / result["web3py"]["p50"], 3)
    return result | {"rounds": rounds, "logs": logs, "unit": "ms"}


def _without_limits(path: Path) -> None:
    playbook = path.parent / "playbooks" / "pause-market.toml"
    text = playbook.read_text().replace("cooldown_seconds = 600", "cooldown_seconds = 0")
    playbook.write_text(text.replace("daily_limit = 3", "daily_limit = 1000000"))


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {f"p{p}": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 2) for p in (50, 95, 99)}


def _sign(key: bytes, world: World, nonce: int, gas_price: int) -> str:
    request = {
        "type": 2, "chainId": world.chain_id, "nonce": nonce, "to": AsyncWeb3.to_checksum_address(world.unsafe_market),
        "data": _PAUSE, "value": 0, "gas": 100_000, "maxFeePerGas": 3 * gas_price, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
    return f"0x{bytes(Account.sign_transaction(request, key).raw_transaction).hex()}"


async def _floor(anvil: Anvil, bench: Bench) -> float:
    """The least that anybody has to do between a header and an acknowledged pause."""
    rpc, world = bench.rpc, bench.world
    guardian = anvil_account(GUARDIAN_ACCOUNT)
    nonce = quantity(await rpc.call("eth_getTransactionCount", [guardian.address, "latest"], as_=str))
    price = quantity(await rpc.call("eth_gasPrice", as_=str))
    ready = asyncio.Event()

    async def first_header() -> float:
        heads = subscribe(anvil.ws, ["newHeads"])
        getter = asyncio.ensure_future(anext(heads))
        await asyncio.sleep(0.05)
        ready.set()
        header = msgspec.json.decode(await getter, type=WireHeader)
        started = time.perf_counter()
        parse_receipts(await rpc.call("eth_getBlockReceipts", [header.hash], as_=msgspec.Raw))
        await rpc.call("eth_sendRawTransaction", [_sign(guardian.key, world, nonce, price)])
        elapsed = (time.perf_counter() - started) * 1e3
        await heads.aclose()  # type: ignore[attr-defined]
        return elapsed

    task = asyncio.create_task(first_header())
    await ready.wait()
    await bench.mine_attack()
    elapsed = await asyncio.wait_for(task, 30)
    await bench.restore()
    return elapsed


async def _chainwatch(anvil: Anvil, path: Path, bench: Bench) -> tuple[float, dict[str, float]]:
    # A fresh store: with the old one it would catch up on the peers' rounds, and rightly pause because of them.
    for file in path.parent.glob("chainwatch.db*"):
        file.unlink()
    loaded = load(path)
    timer = _Timer()

    async def responder(store: Any, pool: Pool) -> Responder:
        return await Responder.create(loaded, store, pool, armed=True)

    async with Engine(loaded, responder_factory=responder, observer=timer) as engine:
        running = asyncio.create_task(engine.run())
        head = quantity(await bench.rpc.call("eth_blockNumber"))
        async with asyncio.timeout(30):
            while not engine.source.status.subscribed or not _is_at(engine, head):
                await asyncio.sleep(0.02)  # nothing to wait on: it is the engine's own state
        await bench.mine_attack()
        acknowledged, decision = await asyncio.wait_for(timer.acknowledged, 30)
        elapsed = (acknowledged - engine.source.status.head_seen_at) * 1e3
        await bench.restore()
        engine.stop()
        await running
    return elapsed, dict(decision.timings_ms)


def _is_at(engine: Engine, head: int) -> bool:
    newest = engine.source.status.newest
    return newest is not None and newest.number is not None and newest.number >= head


async def _web3py(anvil: Anvil, bench: Bench) -> float:
    world = bench.world
    guardian = anvil_account(GUARDIAN_ACCOUNT)
    # Its default limit drops the connection on a reply over 1 MiB.
    provider = WebSocketProvider(anvil.ws, websocket_kwargs={"max_size": None})
    async with AsyncWeb3(provider) as w3:
        transfer = w3.eth.contract(abi=list(ours("DrillToken").abi)).events.Transfer()
        nonce = await w3.eth.get_transaction_count(guardian.address)
        price = await w3.eth.gas_price
        await w3.eth.subscribe("newHeads")
        await bench.mine_attack()
        async for message in w3.socket.process_subscriptions():
            started = time.perf_counter()
            receipts = await w3.eth.get_block_receipts(message["result"]["hash"])
            for receipt in receipts:
                for entry in receipt["logs"]:
                    if entry["topics"][0].hex().removeprefix("0x").startswith("ddf252ad"):
                        transfer.process_log(entry)
            await w3.eth.send_raw_transaction(_sign(guardian.key, world, nonce, price))
            elapsed = (time.perf_counter() - started) * 1e3
            break
    await bench.restore()
    return elapsed


if __name__ == "__main__":
    sys.exit(main())
