"""The cheap pass: what it clears, and what it would miss on real attacks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.sources.clearing import Clearing
from chainwatch.sources.recordings import read_recording
from chainwatch.types import Execution, Log
from tests.builders import address, transaction

VICTIM = address(0xB1)


def log(by: str = address(1), topics: list[str] | None = None, data: str = "0x") -> Log:
    return Log(address=by, topics=topics or [], data=data)


@pytest.mark.parametrize(
    ("fields", "logs", "cleared"),
    [
        ({"to": address(2)}, [log()], True),
        ({"to": VICTIM}, [], False),
        ({"to": None}, [], False),
        ({"to": address(2), "input": "0x12345678" + "00" * 12 + VICTIM[2:]}, [], False),
        ({"to": address(2)}, [log(by=VICTIM)], False),
        ({"to": address(2)}, [log(topics=["0x" + "11" * 32, "0x" + "00" * 12 + VICTIM[2:]])], False),
        ({"to": address(2)}, [log(data="0x" + "00" * 12 + VICTIM[2:])], False),
    ],
    ids=["nothing", "calls it", "creation", "calldata", "its own log", "a topic", "data"],
)
def test_what_names_a_watched_address_is_not_cleared(fields: dict[str, Any], logs: list[Log], cleared: bool) -> None:
    assert Clearing(frozenset({VICTIM})).clears(transaction(**fields), logs) is cleared


def test_without_watched_addresses_nothing_is_cleared() -> None:
    assert not Clearing(frozenset()).clears(transaction(to=address(2)), [])
