"""Two chains in one bot: does one that is flooded, or killed, delay the other?

    python -m tests.two_chains [--seconds N] [--json]

The calm chain has ten transactions a second, the other one 1,000 with 5,000 logs. The calm chain's header heard → block
handled is measured alone, beside the flood, and beside the flooded chain's node killed and away. Ends with one JSON
object: milliseconds p50 and p99 of each, and the ratios of the p50s to the first.
"""

import argparse
import asyncio
import json
import logging
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from chainwatch.bot import Bot
from chainwatch.config.load import load
from chainwatch.engine import Observer
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import BlockItem, NewBlock
from tests.chain.model import CHAIN_ID, configuration
from tests.load import busy_node, quantiles

_OTHER = CHAIN_ID + 1


class Calm(Observer):
    def __init__(self) -> None:
        self.bot: Bot | None = None
        self.handled: list[float] = []

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if self.bot is not None and isinstance(item, NewBlock):
            head_seen_at = self.bot.statuses()[CHAIN_ID].blocks.head_seen_at
            self.handled.append((time.perf_counter() - head_seen_at) * 1e3)


async def run(seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for phase in ("alone", "other_flooded"):
        async with AsyncExitStack() as stack:
            urls = {CHAIN_ID: await stack.enter_async_context(busy_node(10))}
            if phase != "alone":
                flood = AsyncExitStack()
                urls[_OTHER] = await flood.enter_async_context(busy_node(1_000, _OTHER))
                stack.push_async_callback(flood.aclose)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            calm = Calm()
            bot = await stack.enter_async_context(Bot(load(_written(folder, urls)), armed=False, observer=_only(calm)))
            running = asyncio.create_task(bot.run())
            await asyncio.sleep(5)
            calm.bot = bot
            await asyncio.sleep(seconds)
            found[phase] = quantiles(calm.handled) | {"blocks": len(calm.handled)}
            if phase != "alone":
                other = bot.statuses()[_OTHER]
                found[phase]["other_handled"] = other.executions
                await flood.aclose()  # killed, as kill -9 does
                calm.handled.clear()
                await asyncio.sleep(seconds)
                found["other_killed"] = quantiles(calm.handled) | {"blocks": len(calm.handled)}
                found["other_not_ready"] = bot.not_ready()[_OTHER]
                found["calm_not_ready"] = bot.not_ready()[CHAIN_ID]
            bot.stop()
            await asyncio.wait_for(running, 60)
    for phase in ("other_flooded", "other_killed"):
        found[f"x_{phase}"] = round(found[phase]["p50"] / found["alone"]["p50"], 2)
    return found


def _only(calm: Calm) -> Any:
    return lambda chain_id: calm if chain_id == CHAIN_ID else Observer()


def _written(folder: Path, urls: dict[int, str]) -> Path:
    path = folder / "chainwatch.toml"
    text = ""
    for chain_id, url in urls.items():

        class Where:
            name, http, ws = "node", url, url.replace("http", "ws") + "/ws"

        made = configuration([Where], chain="blind_after_seconds = 5.0")  # type: ignore[list-item]
        text += made["chainwatch.toml"].replace(str(CHAIN_ID), str(chain_id))
        (folder / "profiles").mkdir(exist_ok=True)
        profile = made["profiles/market.toml"].replace(str(CHAIN_ID), str(chain_id))
        (folder / "profiles" / f"{chain_id}.toml").write_text(
            profile.replace('"market"\nchain', f'"m{chain_id}"\nchain')
        )
    path.write_text(text)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--json", action="store_true", help="print only the result object")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    result = asyncio.run(run(arguments.seconds))
    if not arguments.json:
        for name in ("alone", "other_flooded", "other_killed"):
            print(f"{name:14} {json.dumps(result[name])}")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
