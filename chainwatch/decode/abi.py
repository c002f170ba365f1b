"""Reading ABI files: a JSON list of entries, or a compiler's artefact with an `abi` key. Nothing else is trusted."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from eth_utils.crypto import keccak

from chainwatch.errors import BadInput
from chainwatch.types import Hash

_MEND = "Give an ABI as compilers write it: a JSON list of entries, or an object whose `abi` is that list."


class Param(msgspec.Struct, frozen=True):
    """One parameter of an event; `type` is the canonical type, tuples spelled out as `(bool,uint256)`."""

    name: str
    type: str
    indexed: bool


class EventSpec(msgspec.Struct, frozen=True):
    """One event of an ABI. `topic0` is the keccak hash of `signature`."""

    protocol: str
    name: str
    signature: str
    topic0: Hash
    params: tuple[Param, ...]

    @property
    def topic_count(self) -> int:
        """Topics of its logs, topic0 included."""
        return 1 + sum(p.indexed for p in self.params)

    @property
    def layout(self) -> tuple[Hash, tuple[bool, ...]]:
        """Two events with the same layout cannot be told apart by any log."""
        return self.topic0, tuple(p.indexed for p in self.params)


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
    abi: list[_Entry]


_decoder: msgspec.json.Decoder[list[_Entry] | _Artefact] = msgspec.json.Decoder(list[_Entry] | _Artefact)


def read_abi(path: Path, protocol: str) -> list[EventSpec]:
    """The events of one ABI file, under the name `protocol`.

    Raises BadInput naming the file for anything that is not an ABI.
    """
    try:
        content = _decoder.decode(path.read_bytes())
        entries = content.abi if isinstance(content, _Artefact) else content
        return [_event(entry, protocol) for entry in entries if entry.type == "event" and not entry.anonymous]
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).", "Check the path and its permissions.") from error
    except msgspec.ValidationError as error:
        raise BadInput(f"{path} is JSON but not an ABI ({error}).", _MEND) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not JSON ({error}).", _MEND) from error
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


def _event(entry: _Entry, protocol: str) -> EventSpec:
    params = tuple(Param(i.name or f"arg{n}", _canonical(i), i.indexed) for n, i in enumerate(entry.inputs))
    if not entry.name:
        raise ValueError("an event has no name")
    if sum(p.indexed for p in params) > 3:
        raise ValueError(f"event {entry.name} has more than three indexed parameters")
    signature = f"{entry.name}({','.join(p.type for p in params)})"
    return EventSpec(protocol, entry.name, signature, "0x" + keccak(text=signature).hex(), params)


def _canonical(item: _Input) -> str:
    if not item.type.startswith("tuple"):
        return item.type
    return f"({','.join(_canonical(c) for c in item.components)}){item.type.removeprefix('tuple')}"
