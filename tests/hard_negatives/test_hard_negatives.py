"""Honest transactions that look like attacks raise no alarm, or one that is known and said why."""

import subprocess
from pathlib import Path

import pytest

from chainwatch.errors import MissingTool
from chainwatch.evaluate.labels import read_labels
from chainwatch.sources.recordings import read_recording
from chainwatch.types import Tier
from tests.hard_negatives.__main__ import made
from tests.hard_negatives.build import compiled
from tests.hard_negatives.known import is_known
from tests.hard_negatives.npm import COMPILED, fetch
from tests.hard_negatives.recording import SET, false_alarms, write
from tests.hard_negatives.shapes import SHAPES

SEED = 7


@pytest.fixture
def artefacts() -> None:
    """The protocols' bytecode, fetched once."""
    try:
        fetch()
    except MissingTool as error:
        pytest.skip(f"{error} Without the registry there is nothing to deploy.")


@pytest.mark.anvil
async def test_every_shape_succeeds_and_raises_nothing_but_what_is_known(artefacts: None, tmp_path: Path) -> None:
    done = await made(SEED, 1)
    assert done.failed == []
    assert set(done.scenes) == set(SHAPES)
    path = write(done.kept, tmp_path)

    executions = [e for line in read_recording(path) for e in line.block.executions]
    assert len(executions) == len(done.kept) >= 40
    assert all(e.succeeded and e.logs is not None and e.trace is not None for e in executions)
    labels = read_labels(tmp_path / "labels.jsonl.gz")
    assert {label.label for label in labels.values()} == {"benign"}
    assert {(SET, e.transaction.hash) for e in executions} == set(labels)

    alarms = false_alarms(path, {kept.hash: (kind, name) for kind, name, kept in done.kept})
    assert [a for a in alarms if a.alert.tier is Tier.ACT] == []
    unknown = [a for a in alarms if not is_known(a.kind, a.alert.detectors, a.mode)]
    assert [(a.mode, a.kind, a.name, a.alert.explanation) for a in unknown] == []


@pytest.mark.anvil
async def test_equal_seeds_give_equal_transactions(artefacts: None) -> None:
    shapes = ["arbitrage_2_hop", "flash_liquidation_aave", "delegated_account"]
    one, two = [await made(SEED, 1, shapes) for _ in range(2)]
    assert [kept.hash for _, _, kept in one.kept] == [kept.hash for _, _, kept in two.kept]


def test_the_artefacts_are_those_of_the_sources() -> None:
    try:
        wanted = compiled()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no compiler here: {error}")
    assert {path.name: path.read_text() for path in COMPILED.glob("*.json")} == wanted
