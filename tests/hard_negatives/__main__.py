"""`python -m tests.hard_negatives --seed 1 --count 600 -o DIRECTORY`: make the transactions, record and judge them."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from tests.hard_negatives.chain import ARGUMENTS, Chain
from tests.hard_negatives.npm import fetch
from tests.hard_negatives.recording import false_alarms, table, write
from tests.hard_negatives.scenes import Made, make
from tests.hard_negatives.shapes import SHAPES
from tests.hard_negatives.world import build


async def made(seed: int, count: int, shapes: list[str] | None = None) -> Made:
    """A world, and at least `count` transactions in it."""
    async with Anvil(*ARGUMENTS) as anvil, Rpc(anvil.http) as rpc:
        chain = Chain(rpc)
        await chain.start()
        return await make(await build(chain), seed, count, shapes)


def main() -> int:
    """Run; the exit code. Scenes that failed are named and not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("-o", "--out", type=Path, default=Path("build/hard_negatives/recordings"))
    parser.add_argument("--shape", action="append", choices=sorted(SHAPES), help="only this one; may be repeated")
    parser.add_argument("--fetch", action="store_true", help="only fetch the protocols' bytecode from npm")
    arguments = parser.parse_args()
    started = time.monotonic()
    fetch()
    if arguments.fetch:
        return 0
    done = asyncio.run(made(arguments.seed, arguments.count, arguments.shape))
    path = write(done.kept, arguments.out)
    recorded = time.monotonic()
    alarms = false_alarms(path, {kept.hash: (kind, name) for kind, name, kept in done.kept})
    print(table(done.kept, alarms))
    for kind, why in done.failed:
        print(f"not counted: {kind}: {why}", file=sys.stderr)
    print(f"made in {recorded - started:.0f} s, judged in {time.monotonic() - recorded:.0f} s")
    print(f"chainwatch score {path} --labels {arguments.out / 'labels.jsonl.gz'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
