"""Detectors that installed packages bring: loaded, or refused in words at the start."""

from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint

import pytest

from chainwatch.detect import families
from chainwatch.errors import BadConfig
from chainwatch.types import Block, Execution, Finding

TIPPED = 0


class Own:
    name = "own"
    family = "own"

    def inspect(self, subject: Execution | Block, view: object) -> Iterable[Finding]:
        return ()


class Taken(Own):
    name = "access"


class Deaf:
    name = "deaf"


INSTANCE = Own()


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    families.detectors.cache_clear()
    yield
    families.detectors.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    entries = [EntryPoint(f"e{n}", value, families.GROUP) for n, value in enumerate(values)]
    monkeypatch.setattr(families, "entry_points", lambda group: entries if group == families.GROUP else [])


def test_ours_come_first_and_then_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert families.detectors() == families.DETECTORS
    families.detectors.cache_clear()
    installed(monkeypatch, f"{__name__}:Own")
    *ours, own = families.detectors()
    assert tuple(ours) == families.DETECTORS
    assert own.name == "own"


def test_an_entry_point_may_name_an_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, f"{__name__}:INSTANCE")
    assert families.detectors()[-1] is INSTANCE


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no.such.module:X", "cannot be loaded: ModuleNotFoundError"),
        (f"{__name__}:Missing", "cannot be loaded: AttributeError"),
        (f"{__name__}:Deaf", "is no detector"),
        (f"{__name__}:TIPPED", "is no detector"),
        (f"{__name__}:Taken", "Two detectors are named 'access'"),
    ],
)
def test_what_is_none_is_refused(value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, value)
    with pytest.raises(BadConfig, match=words):
        families.detectors()
