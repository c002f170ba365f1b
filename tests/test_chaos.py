"""A short run of chaos. The long ones are for people: `python -m tests.chaos --help`."""

from pathlib import Path

import pytest

from tests.chaos import broken, chaos
from tests.chaos_plan import ALL, Plan

pytestmark = pytest.mark.anvil


async def test_twenty_seconds_of_chaos_break_no_promise(tmp_path: Path) -> None:
    report = await chaos(Plan.of(1, 20.0), log=tmp_path / "chaos.log")
    assert broken(report) == {}, report["details"]
    assert report["attacks_canonical"] >= 1
    assert report["faults"]


def test_a_plan_is_made_of_its_seed_alone() -> None:
    assert Plan.of(7, 600.0) == Plan.of(7, 600.0)
    assert Plan.of(7, 600.0) != Plan.of(8, 600.0)


def test_twenty_minutes_have_every_fault_and_an_outage() -> None:
    plan = Plan.of(1, 1200.0)
    assert {ill for episode in plan.episodes for _, ill in episode.ills} == ALL.keys()
    assert any(episode.outage for episode in plan.episodes)
