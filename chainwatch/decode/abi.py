"""Reading ABI files: what a contract's events, functions and errors are called and made of.

Three forms are read, and nothing else is trusted: a JSON list of entries as compilers write it, a compiler's
artefact whose `abi` is that list, and a list of human-readable signatures (the form that ethers made common):

    ["event Transfer(address indexed from, address indexed to, uint256 value)",
     "function swap((address pool, uint256 amount) order, bytes data) returns (uint256 out)",
     "error Unauthorized(address who)"]
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec
from eth_abi.exceptions import ABITypeError, MultipleEntriesFound, NoEntriesFound, ParseError
from eth_abi.grammar import parse
from eth_abi.registry import registry as eth_abi_registry
from eth_utils.crypto import keccak

from chainwatch.decode.signature import Declared, parse_signature
from chainwatch.errors import BadInput
from chainwatch.types import Hash

_MEND = (
    "Give an ABI as compilers write it (a JSON list of entries, or an object whose `abi` is that list), or a JSON "
    "list of signatures such as `event Transfer(address indexed from, address indexed to, uint256 value)`."
)


class Param(msgspec.Struct, frozen=True):
    """One parameter; `type` is the canonical type, tuples spelled out as `(bool,uint256)`."""

    name: str
    type: str
    indexed: bool = False


class EventSpec(msgspec.Struct, frozen=True):
    """One event of an ABI. `topic0` is the keccak hash of `signature`; an anonymous event does not write it."""

    protocol: str
    name: str
    signature: str
    topic0: Hash
    params: tuple[Param, ...]
    anonymous: bool = False

    @property
    def topic_count(self) -> int:
        """Topics of its logs, topic0 included."""
        return (not self.anonymous) + sum(p.indexed for p in self.params)

    @property
    def layout(self) -> tuple[Hash, tuple[bool, ...]]:
        """Two events with the same layout cannot be told apart by any log."""
        return self.topic0, tuple(p.indexed for p in self.params)


class CallSpec(msgspec.Struct, frozen=True):
    """One function or custom error of an ABI. `selector` is the first four bytes of the hash of `signature`."""

    protocol: str
    name: str
    signature: str
    selector: str
    params: tuple[Param, ...]


class Abi(msgspec.Struct, frozen=True):
    """What one ABI file declares."""

    protocol: str
    events: tuple[EventSpec, ...] = ()
    functions: tuple[CallSpec, ...] = ()
    errors: tuple[CallSpec, ...] = ()


class _Input(msgspec.Struct):
    type: str
    name: str = ""
    indexed: bool = False
    components: list["_Input"] = []


class _Entry(msgspec.Struct):
    type: str
    name: str = ""
    anonymous: bool = False
    inputs: list[_Input] = []


class _Artefact(msgspec.Struct):
    abi: list[_Entry | str]


_decoder: msgspec.json.Decoder[list[_Entry | str] | _Artefact] = msgspec.json.Decoder(list[_Entry | str] | _Artefact)


def read_abi(path: Path, protocol: str) -> Abi:
    """What one ABI file declares, under the name `protocol`.

    Raises BadInput naming the file for anything that is not an ABI.
    """
    try:
        content = _decoder.decode(path.read_bytes())
        entries = content.abi if isinstance(content, _Artefact) else content
        declared = [parse_signature(e) if isinstance(e, str) else _declared(e) for e in entries]
        return Abi(
            protocol,
            events=tuple(_event(d, protocol) for d in declared if d.kind == "event"),
            functions=tuple(_call(d, protocol) for d in declared if d.kind == "function"),
            errors=tuple(_call(d, protocol) for d in declared if d.kind == "error"),
        )
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).", "Check the path and its permissions.") from error
    except msgspec.ValidationError as error:
        raise BadInput(f"{path} is JSON but not an ABI ({error}).", _MEND) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not JSON ({error}).", _MEND) from error
    except RecursionError as error:
        raise BadInput(f"{path} is not a sound ABI: its types nest too deep.", _MEND) from error
    except ValueError as error:
        raise BadInput(f"{path} is not a sound ABI: {error}.", _MEND) from error


def abi_files(path: Path) -> Iterator[Path]:
    """`path` itself, or every `*.json` below it in order. Raises BadInput where there is none."""
    if not path.is_dir():
        yield path
        return
    files = sorted(path.rglob("*.json"))
    if not files:
        raise BadInput(f"{path} holds no ABI file (*.json).", "Name an ABI file or a directory that holds some.")
    yield from files


def _declared(entry: _Entry) -> Declared:
    inputs = tuple((i.name, _canonical(i), i.indexed) for i in entry.inputs)
    return Declared(entry.type, entry.name, inputs, entry.anonymous)


def _event(declared: Declared, protocol: str) -> EventSpec:
    params, signature = _params(declared)
    at_most = 4 if declared.anonymous else 3
    if sum(p.indexed for p in params) > at_most:
        raise ValueError(f"event {declared.name} has more than {at_most} indexed parameters")
    topic0 = "0x" + keccak(text=signature).hex()
    return EventSpec(protocol, declared.name, signature, topic0, params, declared.anonymous)


def _call(declared: Declared, protocol: str) -> CallSpec:
    params, signature = _params(declared)
    return CallSpec(protocol, declared.name, signature, "0x" + keccak(text=signature)[:4].hex(), params)


def _params(declared: Declared) -> tuple[tuple[Param, ...], str]:
    if not declared.name:
        raise ValueError(f"{declared.kind} without a name")
    params = tuple(Param(name or f"arg{n}", type_, indexed) for n, (name, type_, indexed) in enumerate(declared.inputs))
    for param in params:
        if not _is_type(param.type):
            raise ValueError(f"{declared.kind} {declared.name}: {param.type[:80]!r} is not an ABI type")
    return params, f"{declared.name}({','.join(p.type for p in params)})"


@lru_cache(maxsize=4_096)
def _is_type(text: str) -> bool:
    """Whether eth-abi can decode it. An array of no items is refused: any number of them takes no data."""
    try:
        parse(text).validate()
        eth_abi_registry.get_decoder(text)
    except (ParseError, NoEntriesFound, MultipleEntriesFound, ABITypeError, ValueError):
        return False
    return "[0]" not in text


def _canonical(item: _Input) -> str:
    if not item.type.startswith("tuple"):
        return item.type
    return f"({','.join(_canonical(c) for c in item.components)}){item.type.removeprefix('tuple')}"
