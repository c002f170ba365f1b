"""Logs as numpy columns: for wide scans, where one Event object a log is too much.

    for columns in split(registry, logs).events:
        columns.spec.signature, columns.rows, columns["value"].floats(), columns["to"].addresses()

Logs of one event are turned from hex together and kept as the 32-byte words that they are, so that nothing is lost; a
column is read as what one needs. Only events whose values are all words can be columns; the others, and logs that
nobody knows or that are malformed, are named by their place. Needs numpy (extra `wide`).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from chainwatch.decode.abi import EventSpec
from chainwatch.decode.codegen import BYTES_TYPE, INTEGER_TYPE, is_word
from chainwatch.decode.registry import Known, Registry
from chainwatch.errors import MissingTool
from chainwatch.types import Address, Log

try:
    import numpy as np
except ImportError:  # said when it is needed
    np = None  # type: ignore[assignment]

_WORD = 32


class Column:
    """The values of one parameter: `words`, shape (rows, 32), unsigned bytes, big-endian."""

    def __init__(self, type_: str, words: Any) -> None:
        self.type = type_
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def floats(self) -> Any:
        """Numbers as float64, to its precision (16 digits), signed as the type is."""
        words = self.words
        if not self.type.startswith("int"):
            return _magnitude(words)
        # Of a small negative number nearly all bits are set: inverted first, or all its digits would be lost.
        negative = words[:, 0] > 127
        inverted = np.where(negative[:, None], ~words, words)
        magnitude = _magnitude(inverted)
        return np.where(negative, -1.0 - magnitude, magnitude)

    def ints(self) -> list[int]:
        """Numbers, exactly."""
        signed = self.type.startswith("int")
        data = self.words.tobytes()
        return [int.from_bytes(data[i : i + _WORD], signed=signed) for i in range(0, len(data), _WORD)]

    def addresses(self) -> list[Address]:
        """Addresses in lower-case hex."""
        text = self.words[:, 12:].tobytes().hex()
        return ["0x" + text[i : i + 40] for i in range(0, len(text), 40)]

    def hashes(self) -> list[str]:
        """Whole words in hex."""
        text = self.words.tobytes().hex()
        return ["0x" + text[i : i + 64] for i in range(0, len(text), 64)]


class EventColumns:
    """All logs of one event: `rows` are their places in what was split, `columns` by parameter name."""

    def __init__(self, spec: EventSpec, rows: Any, columns: dict[str, Column]) -> None:
        self.spec = spec
        self.rows = rows
        self.columns = columns

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


class Split(msgspec.Struct, frozen=True):
    """`events` in the order of their first log. `others` are the places of logs of events that are no columns (dynamic
    types, several layouts of one topic), `unknown` of logs that nobody knows, `malformed` of those that are not what
    their topic promises."""

    events: list[EventColumns]
    others: list[int]
    unknown: list[int]
    malformed: list[int]


def split(registry: Registry, logs: Sequence[Log]) -> Split:
    """`logs` as columns, by event. Raises MissingTool without numpy."""
    if np is None:
        raise MissingTool("Columns need numpy, which is not installed.", "pip install 'chainwatch[wide]'.")
    by_topic, bound = registry.by_topic, registry.bound
    groups: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    result = Split([], [], [], [])
    for place, log in enumerate(logs):
        topics = log.topics
        if bound and log.address in bound:
            result.others.append(place)
        elif topics:
            groups[topics[0], len(topics)].append(place)
        else:
            result.unknown.append(place)
    for (topic0, count), places in groups.items():
        candidates = by_topic.get(topic0, {}).get(count, ())
        if not candidates:
            result.unknown.extend(places)
        elif len(candidates) > 1 or not _is_flat(candidates[0].spec):
            result.others.extend(places)
        else:
            _columns(candidates[0], places, logs, result)
    return result


def _is_flat(spec: EventSpec) -> bool:
    return all(is_word(p.type) or p.indexed for p in spec.params)


def _columns(known: Known, places: list[int], logs: Sequence[Log], result: Split) -> None:
    spec = known.spec
    sound = places
    if (words := _words(sound, logs, spec)) is None:  # some of them are not in form: which ones only shows singly
        sound = [place for place in places if _words([place], logs, spec) is not None]
        words = _words(sound, logs, spec)
    assert words is not None
    data_words, topics = words
    good = np.ones(len(sound), dtype=bool)
    columns: dict[str, Column] = {}
    next_data, next_topic = 0, 1
    for param in spec.params:
        if param.indexed:
            column, next_topic = topics[:, next_topic, :], next_topic + 1
        else:
            column, next_data = data_words[:, next_data, :], next_data + 1
        good &= _is_clean(param.type, column)
        columns[param.name] = Column(param.type, column)
    rows = np.asarray(sound, dtype=np.int64)
    if not good.all():
        columns = {name: Column(c.type, c.words[good]) for name, c in columns.items()}
        rows = rows[good]
    if len(rows) < len(places):
        result.malformed.extend(sorted(set(places) - set(rows.tolist())))
    if len(rows):
        result.events.append(EventColumns(spec, rows, columns))


def _words(places: list[int], logs: Sequence[Log], spec: EventSpec) -> tuple[Any, Any] | None:
    """Data and topics of the logs at `places`, both of shape (rows, words, 32); None where one is not in form."""
    data = [logs[place].data for place in places]
    topics = [topic for place in places for topic in logs[place].topics]
    values = sum(not p.indexed for p in spec.params)
    if set(map(len, data)) - {2 + 64 * values} or set(map(len, topics)) - {66}:
        return None
    if {text[:2] for text in data} - {"0x"}:
        return None
    found = _hex(data, len(places), values), _hex(topics, len(places), spec.topic_count)
    return None if found[0] is None or found[1] is None else found


def _hex(texts: list[str], rows: int, words: int) -> Any:
    """`0x` texts of the right length as shape (rows, words, 32); None where one is not hex."""
    try:
        data = bytes.fromhex("".join([text[2:] for text in texts]))
    except ValueError:
        return None
    if len(data) != rows * words * _WORD:  # white space is no hex, though `fromhex` lets it pass
        return None
    return np.frombuffer(data, dtype=np.uint8).reshape(rows, words, _WORD)


def _is_clean(type_: str, words: Any) -> Any:
    """Which words are values of `type_`, as eth-abi judges it."""
    if type_ == "address":
        return ~words[:, :12].any(axis=1)
    if type_ == "bool":
        return ~words[:, :31].any(axis=1) & (words[:, 31] <= 1)
    if match := BYTES_TYPE.fullmatch(type_):
        return ~words[:, int(match[1]) :].any(axis=1)
    match = INTEGER_TYPE.fullmatch(type_)
    if match is None or match[2] == "256":
        return np.ones(len(words), dtype=bool)
    above = words[:, : _WORD - int(match[2]) // 8]
    if match[1]:
        return ~above.any(axis=1)
    negative = words[:, _WORD - int(match[2]) // 8] > 127
    return np.where(negative, (above == 255).all(axis=1), ~above.any(axis=1))


def _magnitude(words: Any) -> Any:
    """Unsigned words as float64: four limbs of 64 bits."""
    limbs = np.ascontiguousarray(words).view(">u8").astype(np.float64)
    return ((limbs[:, 0] * 2.0**64 + limbs[:, 1]) * 2.0**64 + limbs[:, 2]) * 2.0**64 + limbs[:, 3]
