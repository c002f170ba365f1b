"""What realistic distance to the providers costs: from the header of an attack's block to the pause on its way.

    python -m tests.distance [--blocks 12,2,0.25] [--rounds 6,15,30] [--json]

Three providers at 30, 80 and 200 ms (each answer and each pushed header that much later), call trees another 150 ms
later, a quorum of two. For each block time an attack is mined again and again, and the bot, armed, answers. Prints
p50 and p95 of decision to broadcast (the proof is there → a provider has acknowledged the pause) and of header to
broadcast, and the share of pauses that were in the very next block. With one provider at 0 ms the same beside it.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from benchmarks.latency import Bench
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.config.load import load
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import deploy_world
from chainwatch.engine import Engine, Observer
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store
from chainwatch.types import Alert
from tests.proxy import Fault, FaultProxy

DISTANCES = (0.03, 0.08, 0.2)
TRACE_DELAY = 0.15


class Timer(Observer):
    """When a pause was on its way, and where it ended."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.sent: asyncio.Queue[tuple[float, Decision]] = asyncio.Queue()
        self.results: asyncio.Queue[ActionResult] = asyncio.Queue()

    def decision(self, alert: Alert, decision: Decision) -> None:
        if decision.sent and self.engine is not None:
            header = self.engine.status.blocks.head_seen_at
            self.sent.put_nowait(((time.perf_counter() - header) * 1e3, decision))

    def result(self, result: ActionResult) -> None:
        self.results.put_nowait(result)


@asynccontextmanager
async def providers(anvil: Anvil, distances: Sequence[float]) -> AsyncIterator[list[FaultProxy]]:
    async with AsyncExitStack() as stack:
        made = []
        for i, seconds in enumerate(distances):
            traces = await stack.enter_async_context(FaultProxy(anvil.http, anvil.ws, name=f"traces{i}"))
            traces.on(Fault.LATENCY, seconds=TRACE_DELAY if seconds else 0.0, methods=["trace_block"])
            far = await stack.enter_async_context(FaultProxy(traces.http, traces.ws, name=f"p{round(seconds * 1e3)}"))
            far.on(Fault.LATENCY, seconds=seconds)
            made.append(far)
        yield made


async def measure(block_seconds: float, rounds: int, distances: Sequence[float]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with Anvil("--accounts", "10") as anvil, Rpc(anvil.http) as rpc, providers(anvil, distances) as far:
            bench = Bench(rpc, await deploy_world(anvil.http), logs=100)
            path = write_configuration(bench.world, Path(folder), http=anvil.http, ws=anvil.ws, mempool=False)
            head, _, rest = path.read_text().partition("[[chains.providers]]")
            listed = "".join(
                f'[[chains.providers]]\nname = "{p.name}"\nhttp = "{p.http}"\nws = "{p.ws}"\n\n' for p in far
            )
            path.write_text(f"{head}{listed}[signer]{rest.partition('[signer]')[2]}")
            playbook = path.parent / "playbooks" / "pause-market.toml"
            text = playbook.read_text().replace("cooldown_seconds = 600", "cooldown_seconds = 0")
            playbook.write_text(text.replace("daily_limit = 3", "daily_limit = 10000"))
            return await _rounds(load(path), bench, block_seconds, rounds)


async def _rounds(loaded: Any, bench: Bench, block_seconds: float, rounds: int) -> dict[str, Any]:
    timer = Timer()

    async def responder(store: Store, pool: Pool) -> Responder:
        return await Responder.create(loaded, store, pool, armed=True)

    to_send: list[float] = []
    from_header: list[float] = []
    in_next = 0
    async with Engine(loaded, responder_factory=responder, observer=timer) as engine:
        timer.engine = engine
        running = asyncio.create_task(engine.run())
        while not engine.status.started:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for _ in range(rounds):
            await bench.mine_attack()
            attacked = quantity(await bench.rpc.call("eth_blockNumber"))
            mining = asyncio.create_task(_mine(bench.rpc, block_seconds))
            try:
                header_ms, decision = await asyncio.wait_for(timer.sent.get(), 60)
                result = await asyncio.wait_for(timer.results.get(), 120)
            finally:
                mining.cancel()
                await asyncio.gather(mining, return_exceptions=True)
            to_send.append(decision.timings_ms["send"])
            from_header.append(header_ms)
            in_next += result.verified and result.block_number == attacked + 1
            await bench.restore()
            await asyncio.sleep(0.5)
        engine.stop()
        await running
    return {
        "block_seconds": block_seconds, "rounds": rounds, "decision_to_broadcast_ms": _quantiles(to_send),
        "header_to_broadcast_ms": _quantiles(from_header), "in_next_block": round(in_next / rounds, 3),
    }  # fmt: skip


async def _mine(rpc: Rpc, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await rpc.call("evm_mine", [])


def _quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else values * 19
    return {"p50": round(statistics.median(values), 1), "p95": round(cuts[18], 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--blocks", default="12,2,0.25", help="block times in seconds")
    parser.add_argument("--rounds", default="6,15,30", help="rounds for each")
    parser.add_argument("--json", action="store_true", help="print only the result object")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = []
    for seconds, rounds in zip(arguments.blocks.split(","), arguments.rounds.split(","), strict=True):
        one = asyncio.run(measure(float(seconds), int(rounds), DISTANCES))
        found.append(one)
        if not arguments.json:
            print(json.dumps(one), flush=True)
    at_hand = asyncio.run(measure(0.25, 15, (0.0,)))
    print(json.dumps({"distances_ms": [d * 1e3 for d in DISTANCES], "far": found, "one_at_hand": at_hand}))
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        raise SystemExit(main())
