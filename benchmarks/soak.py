"""Hours of a chain in minutes: does the bot's memory stay flat, and its database grow by the block and no faster?

    python -m benchmarks.soak [--blocks N] [--ahead N] [--json]

A model node in a process of its own (`tests/chain/model.py`) mines small blocks: one to three transactions, a few
logs, one probe. The bot is the real engine with its store, unarmed. A block is mined as soon as the bot is fewer than
`--ahead` blocks behind, so that live handling is measured and not catching up. Every 500 blocks some are reorganised
away, every 1,000 the market's invariant breaks and is mended.

Measured after a warm-up of 1,000 blocks, at each quarter and at the end: resident memory, what `gc` counts, asyncio
tasks, the database with its log, and the larger containers. Ends with one JSON object; `grown_mb` is the resident
memory at the end over that after the warm-up.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import logging
import os
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.load import load
from chainwatch.engine import Engine, Observer
from chainwatch.respond.responder import Responder
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, BlockItem, Gap, LateBlock, Reorg
from tests.chain.model import CHAIN_ID, ModelChain, ModelNode, attack, configuration, repair, transfer

_WARM_UP = 1_000
_KEPT_BLOCKS = 256
_REORG_EVERY, _BREAK_EVERY, _MENDED_AFTER = 500, 1_000, 20
_STUCK_SECONDS = 60.0


# --- The node, in a process of its own --------------------------------------------------------------------


class Miner:
    """Mines what the other process asks for."""

    def __init__(self) -> None:
        self.chain = ModelChain(keep=_KEPT_BLOCKS, start=int(time.time()))
        self.node = ModelNode(self.chain, "soak")
        self.node.extra |= {"model_mine": self._mine, "model_reorg": self._reorg}
        self._nonce = 0

    def _mine(self, params: list[Any]) -> bytes:
        for _ in range(params[0]):
            self.chain.mine(*self._next())
        return self._head()

    def _reorg(self, params: list[Any]) -> bytes:
        self.chain.reorg(params[0], [self._next() for _ in range(params[0] + 1)])
        return self._head()

    def _next(self) -> list[Any]:
        self._nonce += 1
        some = [transfer(self._nonce * 1_000 + i, logs=1 + i) for i in range(1 + self._nonce % 3)]
        if self._nonce % _BREAK_EVERY == 0:
            some.append(attack(self._nonce))
        elif self._nonce % _BREAK_EVERY == _MENDED_AFTER:
            some.append(repair(self._nonce))
        return some

    def _head(self) -> bytes:
        return msgspec.json.encode({"number": self.chain.head.number, "hash": self.chain.head.hash})


async def _serve() -> None:
    async with Miner().node.serving() as node:
        print(node.http, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the other process ends


@asynccontextmanager
async def _node() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.soak", "--serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


# --- The bot ----------------------------------------------------------------------------------------------


class _Progress(Observer):
    def __init__(self) -> None:
        self.newest: str | None = None
        self.number = 0
        self.handled = self.reorgs = self.gaps = self.late = self.alerts = 0
        self.changed = asyncio.Event()

    def is_at(self, head: Mapping[str, Any], within: int = 0) -> Callable[[], bool]:
        """Whether the bot has handled `head`, or is fewer than `within` blocks below it."""
        return lambda: self.newest == head["hash"] or head["number"] - self.number < within

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        match item:
            case Reorg():
                self.reorgs += 1
            case Gap():
                self.gaps += 1
            case LateBlock():
                self.late += 1
            case _:
                self.handled += 1
                self.newest, self.number = item.block.ref.hash, item.block.ref.number or 0
        self.changed.set()

    def alert(self, alert: Alert) -> None:
        self.alerts += 1


async def soak(blocks: int, ahead: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        async with _node() as http:
            node = ModelNode(ModelChain(), "soak")
            node._port = int(http.rpartition(":")[2])
            for name, text in configuration([node], chain="live_first_after = 256").items():
                (root / name).parent.mkdir(exist_ok=True)
                (root / name).write_text(text)
            return await _watch(root, http, blocks, ahead)


async def _watch(root: Path, http: str, blocks: int, ahead: int) -> dict[str, Any]:
    loaded, progress = load(root / "chainwatch.toml"), _Progress()
    warm_up = min(_WARM_UP, blocks // 5)
    points = [warm_up, *(blocks * quarter // 4 for quarter in (1, 2, 3, 4))]
    samples: list[dict[str, Any]] = []

    async def responder(store: Store, pool: Pool) -> Responder:
        return await Responder.create(loaded, store, pool, armed=False)

    async with Rpc(http) as rpc, Engine(loaded, responder_factory=responder, observer=progress) as engine:
        running = asyncio.create_task(engine.run())
        head = await rpc.call("model_mine", [20])
        await _until(progress, engine, progress.is_at(head))
        while not engine.source.status.subscribed:
            await asyncio.sleep(0.01)
        next_reorg, started, began = _REORG_EVERY, time.perf_counter(), progress.handled
        while progress.handled < blocks:
            await _until(progress, engine, progress.is_at(head, within=ahead))
            if progress.handled >= next_reorg:
                await _until(progress, engine, progress.is_at(head))
                head = await rpc.call("model_reorg", [1 + next_reorg // _REORG_EVERY % 8])
                next_reorg += _REORG_EVERY
            else:
                head = await rpc.call("model_mine", [1])
            if points and progress.handled >= points[0]:
                seconds = time.perf_counter() - started
                samples.append(_sample(points.pop(0), engine, root, (progress.handled - began) / seconds))
        await _until(progress, engine, progress.is_at(head))
        seconds = time.perf_counter() - started
        if points:
            samples.append(_sample(points[0], engine, root, (progress.handled - began) / seconds))
        engine.stop()
        await running
        coverage = await engine.store.coverage(CHAIN_ID)
    return {
        "blocks": progress.handled, "seconds": round(seconds, 1),
        "blocks_per_second": round((progress.handled - began) / seconds, 1), "samples": samples,
        "grown_mb": round(samples[-1]["rss_mb"] - samples[0]["rss_mb"], 1), "reorgs": progress.reorgs,
        "gaps": progress.gaps, "late": progress.late, "alerts": progress.alerts, "whole": coverage.is_whole,
        "ledger": coverage.blocks_seen, "orphaned": coverage.orphaned,
    }  # fmt: skip


async def _until(progress: _Progress, engine: Engine, done: Callable[[], bool]) -> None:
    try:
        async with asyncio.timeout(_STUCK_SECONDS):
            while not done():
                progress.changed.clear()
                await progress.changed.wait()
    except TimeoutError:
        raise SystemExit(f"the bot is stuck at block {progress.number}: {engine.status.blocks}") from None


def _sample(block: int, engine: Engine, root: Path, rate: float) -> dict[str, Any]:
    gc.collect()
    database = {f.name: f.stat().st_size for f in root.glob("chainwatch.db*")}
    return {
        "block": block, "rss_mb": round(_rss() / 2**20, 1), "objects": len(gc.get_objects()),
        "tasks": len(asyncio.all_tasks()), "database_mb": round(sum(database.values()) / 2**20, 2),
        "wal_mb": round(database.get("chainwatch.db-wal", 0) / 2**20, 2),
        "bytes_a_block": round(sum(database.values()) / block), "blocks_per_second": round(rate, 1),
        "containers": _containers(engine),
    }  # fmt: skip


def _rss() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _containers(engine: Engine) -> dict[str, int]:
    """Whatever holds more than a hundred things, anywhere in the engine, by the path to it."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    todo: list[tuple[str, Any]] = [("engine", engine)]
    while todo:
        path, thing = todo.pop()
        if id(thing) in seen or len(path) > 120:
            continue
        seen.add(id(thing))
        try:
            size = len(thing) if not isinstance(thing, str | bytes) else 0
        except TypeError:
            size = 0
        if size > 100:
            found[path] = size
        elif isinstance(thing, dict):
            todo += [(f"{path}[{key!s:.20}]", value) for key, value in thing.items()]
        elif isinstance(thing, list | tuple | set):
            todo += [(f"{path}[]", value) for value in thing]
        if type(thing).__module__.startswith("chainwatch"):
            names = [*getattr(thing, "__dict__", {}), *getattr(thing, "__struct_fields__", ())]
            todo += [(f"{path}.{name.lstrip('_')}", getattr(thing, name)) for name in names]
    return dict(sorted(found.items(), key=lambda item: -item[1])[:12])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=100_000, help="blocks to handle (default 100,000)")
    parser.add_argument("--ahead", type=int, default=2, help="how far the chain may be ahead of the bot (default 2)")
    parser.add_argument("--profile", action="store_true", help="print where the bot spends its time")
    parser.add_argument("--json", action="store_true", help="print only the result object")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if arguments.serve:
        asyncio.run(_serve())
        return 0
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    result = asyncio.run(soak(arguments.blocks, arguments.ahead))
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    if not arguments.json:
        for one in result["samples"]:
            print(
                f"{one['block']:>8} blocks  {one['rss_mb']:7.1f} MB  {one['objects']:>8} objects"
                f"  {one['tasks']:>3} tasks  database {one['database_mb']:7.2f} MB"
                f"  {one['blocks_per_second']:6.1f} blocks/s"
            )
            print("         " + ", ".join(f"{k} {v}" for k, v in one["containers"].items()))
    print(json.dumps(result))
    return 0 if result["whole"] and not result["gaps"] else 1


if __name__ == "__main__":
    sys.exit(main())
