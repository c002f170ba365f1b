"""The events we can decode, looked up by (topic0, topic count).

The count belongs to the key because ERC-20 and ERC-721 share the topic0 of Transfer and differ in what is
indexed. Where one key still has several layouts (the same number of indexed parameters, others of them), the
candidates are tried in turn and the first whose padding and length fit wins: an address in the place of an
amount does not pass for long. Two events with the same layout mean the same to a log; the first one loaded
names the protocol, and `abi/` is loaded before the files of a user.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chainwatch.decode.abi import EventSpec, abi_files, read_abi
from chainwatch.decode.codegen import Args, Decode, Malformed, make_decoder
from chainwatch.decode.protocols import MAPPERS, Mapper
from chainwatch.errors import BadInput
from chainwatch.types import Address, Hash, Log

_PACKAGE = Path(__file__).resolve().parents[1]
_ABI_DIRECTORIES = (_PACKAGE / "_abi", _PACKAGE.parent / "abi")  # a wheel, a checkout

_OURS = "chainwatch"  # artefacts that inherit standard events, so the standards are loaded before them

# Whatever else is wrong with a log than its padding surfaces as one of these: not hex, a missing topic.
BROKEN = (Malformed, ValueError, IndexError, TypeError)


class Known(msgspec.Struct, frozen=True):
    """One decodable layout. `mapper` is None for an event that says nothing in our vocabulary."""

    spec: EventSpec
    decode: Decode
    mapper: Mapper | None


class DecodedLog(msgspec.Struct, frozen=True):
    """One log in words, for people: `chainwatch decode` prints it."""

    address: Address
    protocol: str
    name: str
    signature: str
    arguments: Mapping[str, Any]


class Registry:
    """Events by topic. Build it with `load_registry`; `len()` is the number of layouts known."""

    def __init__(self, specs: Sequence[EventSpec] = ()) -> None:
        self.by_topic: dict[Hash, dict[int, tuple[Known, ...]]] = {}
        """Topic0, then number of topics, then the candidates in order. Read-only; the Decoder's hot path."""
        self._layouts: set[tuple[Hash, tuple[bool, ...]]] = set()
        for spec in specs:
            self.add(spec)

    def __len__(self) -> int:
        return len(self._layouts)

    @property
    def known(self) -> tuple[Known, ...]:
        """Every layout, in the order of loading within a key."""
        return tuple(k for counts in self.by_topic.values() for candidates in counts.values() for k in candidates)

    def add(self, spec: EventSpec) -> None:
        """Make `spec` decodable, unless its layout is known already. Raises ValueError for an unknown type."""
        if spec.layout in self._layouts:
            return
        known = Known(spec, make_decoder(spec), MAPPERS.get((spec.protocol, spec.signature)))
        counts = self.by_topic.setdefault(spec.topic0, {})
        counts[spec.topic_count] = (*counts.get(spec.topic_count, ()), known)
        self._layouts.add(spec.layout)

    def match(self, log: Log) -> tuple[Known, Args] | None:
        """The event of `log` and its arguments in ABI order, or None where no decoder knows it.

        Raises Malformed where its topic is known but the log is not what the topic promises.
        """
        counts = self.by_topic.get(log.topics[0]) if log.topics else None
        if counts is None:
            return None
        reason = ""
        for known in counts.get(len(log.topics), ()):
            try:
                return known, known.decode(log)
            except BROKEN as error:
                reason = reason or str(error)
        if reason:
            raise Malformed(reason)
        self._refuse_impossible(log, counts)
        return None

    def decode(self, log: Log) -> DecodedLog | None:
        """`log` in words, or None where no decoder knows it. Raises Malformed (a ValueError) like `match`."""
        found = self.match(log)
        if found is None:
            return None
        known, args = found
        names = dict(zip((p.name for p in known.spec.params), args, strict=True))
        return DecodedLog(log.address, known.spec.protocol, known.spec.name, known.spec.signature, names)

    @staticmethod
    def _refuse_impossible(log: Log, counts: Mapping[int, tuple[Known, ...]]) -> None:
        """Another set of indexed parameters is merely unknown; too few words for any set is malformed.

        Every static parameter is one word, in a topic or in the data, whichever are indexed.
        """
        spec = next(iter(counts.values()))[0].spec
        if any(_is_long(p.type) for p in spec.params):
            return
        have = len(log.topics) - 1 + (len(log.data) - 2) / 64
        if have != len(spec.params):
            raise Malformed(f"{spec.signature} needs {len(spec.params)} words in topics and data, there are {have:g}")


def _is_long(type_: str) -> bool:
    return type_ in ("bytes", "string") or type_.endswith("]") or type_.startswith("(")


def load_registry(extra: Sequence[Path] = ()) -> Registry:
    """The registry of everything under `abi/`, and of the user's own ABI files or directories.

    Raises BadInput naming the file where one is missing, is not JSON or not an ABI.
    """
    directory = next((path for path in _ABI_DIRECTORIES if path.is_dir()), None)
    if directory is None:
        raise BadInput("The ABIs that come with chainwatch are missing.", "Install chainwatch again.")
    registry = Registry()
    for path in sorted(abi_files(directory), key=lambda p: (p.parent.name == _OURS, p)):
        _load(registry, path, path.parent.name)
    for given in extra:
        for path in abi_files(given):
            _load(registry, path, path.stem)
    return registry


def _load(registry: Registry, path: Path, protocol: str) -> None:
    for spec in read_abi(path, protocol):
        try:
            registry.add(spec)
        except ValueError as error:
            raise BadInput(f"{path} is not a sound ABI: {error}.", "Compile it again, or correct the type.") from error
