"""What can be decoded: events by (topic0, topic count), functions and errors by selector.

The count belongs to an event's key because ERC-20 and ERC-721 share the topic0 of Transfer and differ in what is
indexed. What one key may mean is settled in this order:

1. by address, where the configuration says which protocol a contract is of (`bind`); only there are anonymous events
   looked for, but for notes (a function's selector in the place of a topic0, as the DappHub libraries write them),
2. by shape: candidates are tried in turn and the first whose padding and length fit wins; an address in the place of
   an amount does not pass for long,
3. by what they mean: where several protocols write the same layout, a standard's meaning holds; else the first one
   loaded speaks if all mean the same, and nobody does if they don't: a Withdraw that is none would be worse than none.
   `abi/` is loaded before the files of a user.

`collisions` lists every key with more than one meaning.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from chainwatch.decode.abi import Abi, CallSpec, EventSpec, abi_files, read_abi
from chainwatch.decode.codegen import (
    Args,
    Decode,
    Handle,
    Malformed,
    make_arguments_decoder,
    make_decoder,
    make_handler,
)
from chainwatch.decode.protocols import BOUND_ONLY, MAPPERS
from chainwatch.decode.protocols.base import Mapper, Says, same_meaning
from chainwatch.errors import BadInput
from chainwatch.types import Address, Hash, HexData, Log

_PACKAGE = Path(__file__).resolve().parents[1]
_ABI_DIRECTORIES = (_PACKAGE / "_abi", _PACKAGE.parent / "abi")  # a wheel, a checkout

_STANDARDS = (
    "erc20", "erc721", "erc1155", "erc4626", "openzeppelin", "weth", "uniswap_v2", "uniswap_v3", "balancer_v2",
    "aave_v3", "compound_v2", "chainlink",
)  # fmt: skip
"""Loaded before the others, because many protocols write their events too."""
_OURS = "chainwatch"  # artefacts that inherit standard events

# Whatever else is wrong with a log than its padding surfaces as one of these: not hex, a missing topic.
BROKEN = (Malformed, ValueError, IndexError, TypeError)


_NOTE_PADDING = "0" * 56


def is_note(log: Log) -> bool:
    """Whether the first topic is a function's selector, padded: no hash looks like that."""
    return len(log.topics) > 1 and log.topics[0].endswith(_NOTE_PADDING)


class Known:
    """One decodable event layout. `mapper` is None for an event that says nothing in our vocabulary.

    The functions are generated when they are first needed: a chain uses few of all events there are.
    """

    def __init__(self, spec: EventSpec, mapper: Says | Mapper | None) -> None:
        self.spec = spec
        self.mapper = mapper

    @cached_property
    def decode(self) -> Decode:
        """From a log to its arguments."""
        return make_decoder(self.spec)

    @cached_property
    def handle(self) -> Handle:
        """Appends what a log says to a list of Events."""
        return make_handler(self.spec, self.mapper)


class KnownCall:
    """One function or custom error."""

    def __init__(self, spec: CallSpec) -> None:
        self.spec = spec

    @cached_property
    def decode(self) -> Callable[[bytes], Args]:
        """From the bytes after the selector to the arguments."""
        return make_arguments_decoder(self.spec.params)


class DecodedLog(msgspec.Struct, frozen=True):
    """One log in words, for people: `chainwatch decode` prints it."""

    address: Address
    protocol: str
    name: str
    signature: str
    arguments: Mapping[str, Any]


class DecodedCall(msgspec.Struct, frozen=True):
    """Call data, or the reason of a revert, in words."""

    protocol: str
    name: str
    signature: str
    arguments: Mapping[str, Any]


class Collision(msgspec.Struct, frozen=True):
    """Several meanings of one key: `meanings` are `protocol: signature`, the one that goes first in front."""

    key: str
    kind: str
    meanings: tuple[str, ...]


class Registry:
    """Events by topic, functions and errors by selector. Build it with `load_registry`; `len()` is the number of
    event layouts known."""

    def __init__(self, abis: Iterable[Abi] = (), *, bound: bool = False) -> None:
        """`bound`: for contracts that are known to be of the protocol of `abis`."""
        self._alone = bound
        self.by_topic: dict[Hash, dict[int, tuple[Known, ...]]] = {}
        """Topic0, then number of topics, then the candidates in order. Read-only; the Decoder's hot path."""
        self.bound: dict[Address, Registry] = {}
        """What the contracts that are of a known protocol write, by address. Read-only; the hot path."""
        self.only: dict[Hash, tuple[int, Handle]] = {}
        """Topics with one meaning only: how many topics, and what to do. The Decoder fills it as logs come."""
        self.anonymous: tuple[Known, ...] = ()
        self._layouts: dict[tuple[Hash, tuple[bool, ...]], list[Known]] = {}
        self._functions: dict[str, tuple[KnownCall, ...]] = {}
        self._errors: dict[str, tuple[KnownCall, ...]] = {}
        self._abis: dict[str, list[Abi]] = {}
        for abi in abis:
            self.add(abi)

    def __len__(self) -> int:
        return len(self._layouts)

    @property
    def known(self) -> tuple[Known, ...]:
        """Every event layout, in the order of loading within a key."""
        return tuple(k for counts in self.by_topic.values() for candidates in counts.values() for k in candidates)

    @property
    def functions(self) -> tuple[CallSpec, ...]:
        """Every function."""
        return tuple(k.spec for candidates in self._functions.values() for k in candidates)

    @property
    def errors(self) -> tuple[CallSpec, ...]:
        """Every custom error."""
        return tuple(k.spec for candidates in self._errors.values() for k in candidates)

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names that contracts can be bound to."""
        return tuple(sorted(self._abis))

    def add(self, abi: Abi) -> None:
        """Make `abi` decodable. Its functions are generated when a log first needs them."""
        self.only.clear()
        for spec in abi.events:
            self._add_event(spec)
        for known, specs in ((self._functions, abi.functions), (self._errors, abi.errors)):
            for call in specs:
                before = known.get(call.selector, ())
                if all(k.spec.signature != call.signature for k in before):
                    known[call.selector] = (*before, KnownCall(call))
        self._abis.setdefault(abi.protocol, []).append(abi)

    def bind(self, address: Address, protocol: str) -> None:
        """What `address` (lower case) writes is read as `protocol` means it before anything else.

        Raises BadInput where no such protocol is known.
        """
        self.bound[address] = self.of(protocol, f"Contract {address}")

    def of(self, protocol: str, whose: str = "Something") -> "Registry":
        """What one protocol alone declares. Raises BadInput where it is not known."""
        if protocol not in self._abis:
            raise BadInput(
                f"{whose} is said to be of protocol {protocol!r}, which is not known.",
                "Name a folder under abi/ or the stem of one of your own ABI files: " + ", ".join(self.protocols),
            )
        return Registry(self._abis[protocol], bound=True)

    def _add_event(self, spec: EventSpec) -> None:
        same = self._layouts.setdefault((spec.layout[0], (spec.anonymous, *spec.layout[1])), [])
        if any(k.spec.protocol == spec.protocol for k in same):
            return
        key = (spec.protocol, spec.signature)
        known = Known(spec, None if key in BOUND_ONLY and not self._alone else MAPPERS.get(key))
        same.append(known)
        if len(same) > 1:
            self._settle(same)
            return
        if spec.anonymous:
            self.anonymous = (*self.anonymous, known)
            return
        counts = self.by_topic.setdefault(spec.topic0, {})
        counts[spec.topic_count] = (*counts.get(spec.topic_count, ()), known)

    def _settle(self, same: list[Known]) -> None:
        """Several protocols write one layout. A standard speaks for it; else the first, if all of them mean the same;
        else it is read and said to mean nothing, but where a contract is bound."""
        first = same[0]
        if first.spec.protocol in _STANDARDS:
            return
        names = [p.name for p in first.spec.params]
        if not all(same_meaning(first.mapper, k.mapper, names, [p.name for p in k.spec.params]) for k in same[1:]):
            first.mapper = None
            first.__dict__.pop("handle", None)  # made of the old meaning, where a log came before

    def match(self, log: Log) -> tuple[Known, Args] | None:
        """The event of `log` and its arguments in ABI order, or None where no decoder knows it.

        Raises Malformed where its topic is known but the log is not what the topic promises.
        """
        own = self.bound.get(log.address)
        if own is not None and (found := own._match(log) or own._match_anonymous(log)) is not None:
            return found
        found = self._match(log)
        return self._match_anonymous(log) if found is None and is_note(log) else found

    def _match(self, log: Log) -> tuple[Known, Args] | None:
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

    def _match_anonymous(self, log: Log) -> tuple[Known, Args] | None:
        for known in self.anonymous:
            if known.spec.topic_count == len(log.topics):
                try:
                    return known, known.decode(log)
                except BROKEN:  # another anonymous event, or none
                    continue
        return None

    def decode(self, log: Log) -> DecodedLog | None:
        """`log` in words, or None where no decoder knows it. Raises Malformed (a ValueError) like `match`."""
        found = self.match(log)
        if found is None:
            return None
        known, args = found
        names = dict(zip((p.name for p in known.spec.params), args, strict=True))
        return DecodedLog(log.address, known.spec.protocol, known.spec.name, known.spec.signature, names)

    def decode_call(self, data: HexData, to: Address | None = None) -> DecodedCall | None:
        """Call data in words, or None where its selector is unknown or nothing known fits it."""
        own = self.bound.get(to) if to is not None else None
        return (own._decode_call(data, own._functions) if own else None) or self._decode_call(data, self._functions)

    def decode_error(self, data: HexData) -> DecodedCall | None:
        """What a revert says in its return data, or None where nothing known fits it."""
        return self._decode_call(data, self._errors)

    @staticmethod
    def _decode_call(data: HexData, known: Mapping[str, tuple[KnownCall, ...]]) -> DecodedCall | None:
        for candidate in known.get(data[:10].lower(), ()):
            spec = candidate.spec
            try:
                args = candidate.decode(bytes.fromhex(data[10:]))
            except BROKEN:
                continue
            names = dict(zip((p.name for p in spec.params), args, strict=True))
            return DecodedCall(spec.protocol, spec.name, spec.signature, names)
        return None

    def collisions(self) -> list[Collision]:
        """Every key that means more than one thing, and who goes first."""
        found: list[Collision] = []
        for same in self._layouts.values():
            if len(same) > 1:
                silent = " (says nothing unless bound)" if self._is_ambiguous(same) else ""
                found.append(_collision(f"one layout, several protocols{silent}", same[0].spec.topic0, same))
        for topic0, counts in self.by_topic.items():
            several = [k for candidates in counts.values() for k in candidates]
            if len(several) > 1:
                found.append(_collision("one topic, several layouts", topic0, several))
        for kind, calls in (("function", self._functions), ("error", self._errors)):
            found += (
                _collision(f"one {kind} selector, several signatures", selector, several_calls)
                for selector, several_calls in calls.items()
                if len(several_calls) > 1
            )
        return found

    @staticmethod
    def _is_ambiguous(same: Sequence[Known]) -> bool:
        own = MAPPERS.get((same[0].spec.protocol, same[0].spec.signature))
        return same[0].mapper is None and (own is not None or any(k.mapper is not None for k in same))

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


def _collision(kind: str, key: str, known: Iterable[Known] | Iterable[KnownCall]) -> Collision:
    def meaning(known_one: Known | KnownCall) -> str:
        spec: EventSpec | CallSpec = known_one.spec
        indexed = [p.name for p in spec.params if p.indexed]
        return f"{spec.protocol}: {spec.signature}" + (f", indexed {', '.join(indexed)}" if indexed else "")

    return Collision(key, kind, tuple(map(meaning, known)))


def _is_long(type_: str) -> bool:
    return type_ in ("bytes", "string") or type_.endswith("]") or type_.startswith("(")


def load_registry(extra: Sequence[Path] = (), contracts: Mapping[Address, str] | None = None) -> Registry:
    """The registry of everything under `abi/`, and of the user's own ABI files or directories.

    `contracts` says which protocol (a folder under `abi/`, or the stem of an own file) a contract is of.
    Raises BadInput naming the file where one is missing, is not JSON or not an ABI, or naming the contract whose
    protocol is unknown.
    """
    directory = next((path for path in _ABI_DIRECTORIES if path.is_dir()), None)
    if directory is None:
        raise BadInput("The ABIs that come with chainwatch are missing.", "Install chainwatch again.")
    registry = Registry()
    for path in sorted(abi_files(directory), key=_rank):
        registry.add(read_abi(path, path.parent.name))
    ours = frozenset(registry.protocols)
    for given in extra:
        for path in abi_files(given):
            if path.stem in ours:
                raise BadInput(f"{path} is named as a protocol that chainwatch brings along.", "Rename the file.")
            registry.add(read_abi(path, path.stem))
    for address, protocol in (contracts or {}).items():
        registry.bind(address.lower(), protocol)
    return registry


def _rank(path: Path) -> tuple[int, Path]:
    name = path.parent.name
    if name in _STANDARDS:
        return _STANDARDS.index(name), path
    return len(_STANDARDS) + (name == _OURS), path
