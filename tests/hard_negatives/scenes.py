"""Benign shapes by name, and how many of each a run makes.

A shape is a coroutine that acts on a `Stage` and raises SceneFailed unless what it says came about. Every scene starts
from the same world: its state is restored in between.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from tests.hard_negatives.chain import Kept, SceneFailed
from tests.hard_negatives.stage import Stage
from tests.hard_negatives.world import World

Shape = Callable[[Stage], Awaitable[None]]
SHAPES: dict[str, Shape] = {}


def shape(name: str) -> Callable[[Shape], Shape]:
    """Register a shape."""

    def registered(function: Shape) -> Shape:
        SHAPES[name] = function
        return function

    return registered


class Made(msgspec.Struct):
    """Transactions with what they are, how many scenes of each shape succeeded, and those that failed, with why."""

    kept: list[tuple[str, str, Kept]]
    scenes: Counter[str]
    failed: list[tuple[str, str]]


async def make(world: World, seed: int, count: int, shapes: list[str] | None = None) -> Made:
    """At least `count` transactions and one scene of every shape; all shapes equally often."""
    names = shapes or list(SHAPES)
    made = Made([], Counter(), [])
    saved = await world.chain.snapshot()
    number = 0
    while len(made.kept) < count or number < len(names):
        name = names[number % len(names)]
        stage = Stage(world, random.Random(f"{seed}:{name}:{number}"))
        world.chain.tip_wei = 10**9 + number  # so that no two transactions are the same
        try:
            await SHAPES[name](stage)
        except SceneFailed as error:
            made.failed.append((name, str(error)))
        else:
            made.kept += stage.kept
            made.scenes[name] += 1
        saved = await world.chain.restore(saved)
        number += 1
        if len(made.failed) > len(names) + count // 2:
            raise SceneFailed(f"most scenes fail, the last ones: {made.failed[-3:]}")
    return made
