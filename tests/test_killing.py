"""A short run of killing. The long ones are for people: `python -m tests.killing --help`."""

from pathlib import Path

import pytest

from tests.killing import broken, killing, plan

pytestmark = pytest.mark.anvil


async def test_a_bot_killed_twice_misses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    report = await killing(2, log=tmp_path / "killing.log")
    assert broken(report) == {}, report["details"]
    assert report["kills_total"] == 2
    assert report["attacks_canonical"] >= 1


def test_when_to_kill_is_made_of_the_seed_alone() -> None:
    assert plan(20, 7) == plan(20, 7)
    assert plan(20, 7) != plan(20, 8)
