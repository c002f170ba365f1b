"""Columns hold what rows hold."""

import random

import numpy as np
import pytest

from chainwatch.decode import load_registry
from chainwatch.decode.columns import Column, split
from chainwatch.decode.registry import BROKEN
from chainwatch.types import Log
from tests.builders import address
from tests.decode.differential import damaged, random_log

REGISTRY = load_registry()


def by_rows(log: Log) -> tuple[str, tuple[object, ...]] | str:
    try:
        found = REGISTRY.match(log)
    except BROKEN:
        return "malformed"
    return "unknown" if found is None else (found[0].spec.signature, found[1])


def values(column: Column) -> list[object]:
    match column.type:
        case "address":
            return list(column.addresses())
        case "bool":
            return [number == 1 for number in column.ints()]
        case type_ if type_.startswith("bytes") and type_ != "bytes":
            return [word[: 2 + 2 * int(type_[5:])] for word in column.hashes()]
        case type_ if "int" in type_ and "[" not in type_ and "(" not in type_:
            return list(column.ints())
    return list(column.hashes())  # an indexed value that is no word


@pytest.mark.parametrize("seed", range(3))
def test_every_log_is_in_its_place_with_the_values_that_rows_have(seed: int) -> None:
    rng = random.Random(seed)
    logs: list[Log] = []
    for n, known in enumerate(REGISTRY.known):
        for _ in range(4):
            log = random_log(known, rng)
            logs.append(damaged(log, rng)[0] if n % 3 == 0 else log)
    logs += [
        Log(address=address(1), topics=[], data="0x"),
        Log(address=address(1), topics=["0x" + "12" * 32], data="0x"),
    ]
    rng.shuffle(logs)
    found = split(REGISTRY, logs)
    seen = [*found.others, *found.unknown, *found.malformed]
    for columns in found.events:
        seen += columns.rows.tolist()
        parameters = [values(columns[p.name]) for p in columns.spec.params]
        for place, *arguments in zip(columns.rows.tolist(), *parameters, strict=True):
            assert by_rows(logs[place]) == (columns.spec.signature, tuple(arguments))
    assert sorted(seen) == list(range(len(logs)))
    assert all(by_rows(logs[place]) in ("malformed", "unknown") for place in (*found.unknown, *found.malformed))
    assert len(found.events) > 100


def test_numbers_are_exact_as_integers_and_close_as_floats() -> None:
    numbers = [0, 1, -1, 2**255 - 1, -(2**255), -123_456_789, 10**30]
    words = np.frombuffer(b"".join(n.to_bytes(32, signed=True) for n in numbers), np.uint8).reshape(-1, 32)
    column = Column("int256", words)
    assert column.ints() == numbers
    assert column.floats() == pytest.approx([float(n) for n in numbers], rel=1e-15)


def test_a_log_that_is_not_hex_costs_itself_only() -> None:
    known = next(k for k in REGISTRY.known if k.spec.signature == "Sync(uint112,uint112)")
    good = random_log(known, random.Random(1))
    bad = Log(address=good.address, topics=good.topics, data="0x" + "zz" * 64)
    spaced = Log(address=good.address, topics=good.topics, data="0x" + "  " + "0" * 126)
    named, shouted = (
        Log(address=good.address, topics=good.topics, data=start + good.data[2:]) for start in ("zz", "0X")
    )
    found = split(REGISTRY, [good, bad, good, spaced, named, shouted])
    assert found.malformed == [1, 3, 4, 5]
    assert found.events[0].rows.tolist() == [0, 2]
    assert all(by_rows(log) == "malformed" for log in (bad, spaced, named, shouted))
