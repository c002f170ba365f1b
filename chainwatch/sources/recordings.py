"""Recordings: JSON-RPC results of real blocks, one JSON line each, optionally gzipped (DESIGN section 5).

Reading is lazy and names file and line of whatever is wrong. Writing goes to a temporary file that takes
its name only when it is whole, so an interrupted `record` leaves nothing half-written behind.
"""

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import msgspec

from chainwatch.chain.wire import WireBlock, block_of, is_null, parse_receipts, transaction_in_lower_case
from chainwatch.errors import BadRecording
from chainwatch.types import Address, Block, CallFrame, HexData


class RecordedCall(msgspec.Struct, frozen=True):
    """One `eth_call` at a block, as it was asked and answered: what Probes read when the block was recorded."""

    to: Address
    data: HexData
    result: HexData | None = None


class RecordedBlock(msgspec.Struct, frozen=True):
    """One line of a Recording."""

    block: Block
    calls: tuple[RecordedCall, ...] = ()


class _Line(msgspec.Struct):
    chain_id: int
    block: WireBlock
    receipts: msgspec.Raw = msgspec.Raw(b"null")
    traces: list[CallFrame | None] | None = None
    calls: tuple[RecordedCall, ...] | None = None


_decoder = msgspec.json.Decoder(_Line)

_MEND = "Give a file that `chainwatch record` wrote, or one JSON line a block as docs/recordings.md describes."


def read_recording(path: Path) -> Iterator[RecordedBlock]:
    """The blocks of a Recording, in the order of its lines. A Recording may hold only some transactions of a block.

    Raises BadRecording naming file and line for anything that is not a Recording.
    """
    number = 0
    for number, line in _lines(path):
        yield _block(path, number, line)
    if number == 0:
        raise BadRecording(f"{path} is empty.", _MEND)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with _open(path) as file:
            for line in file:
                number += 1
                if line.strip():
                    yield number, line
    except FileNotFoundError as error:
        raise BadRecording(f"{path} does not exist.", "Check the path.") from error
    except IsADirectoryError as error:
        raise BadRecording(f"{path} is a directory.", "Name the files in it, for example with *.jsonl.gz.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadRecording(
            f"{path}, line {number + 1}: the compressed file is truncated or damaged ({error}).",
            "Record or copy it again; the lines before this one were read.",
        ) from error
    except OSError as error:
        raise BadRecording(f"{path} cannot be read ({error.strerror}).", "Check its path and permissions.") from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb") if compressed else path.open("rb"))


def _block(path: Path, number: int, line: bytes) -> RecordedBlock:
    where = f"{path}, line {number}"
    try:
        parsed = _decoder.decode(line)
        receipts, malformed = (None, {}) if is_null(parsed.receipts) else parse_receipts(parsed.receipts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecording(f"{where}: {_what_is_wrong(line, error)}", _MEND) from error
    transactions = list(map(transaction_in_lower_case, parsed.block.transactions))
    hashes = [transaction.hash for transaction in transactions]
    for name, count in (("receipts", _count(receipts)), ("traces", _count(parsed.traces))):
        if count is not None and count != len(hashes):
            raise BadRecording(f"{where}: {len(hashes)} transactions but {count} {name}.", _MEND)
    if receipts is not None and [receipt.transaction_hash for receipt in receipts] != hashes:
        raise BadRecording(f"{where}: the receipts are not those of the transactions, in their order.", _MEND)
    try:
        wire = msgspec.structs.replace(parsed.block, transactions=transactions)
        block = block_of(parsed.chain_id, wire, receipts, parsed.traces, malformed)
    except ValueError as error:
        raise BadRecording(f"{where}: a quantity is not hex ({error}).", _MEND) from error
    return RecordedBlock(block, parsed.calls or ())


def _count(items: Sequence[object] | None) -> int | None:
    return None if items is None else len(items)


def _what_is_wrong(line: bytes, error: Exception) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "this is binary data, not text."
    try:
        keys = set(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError) as broken:
        return f"this is not a whole JSON object ({broken})."
    if "label" in keys and "block" not in keys:
        return "this is a line of a label file, not of a Recording."
    return f"this is not a Recording line ({error})."


class RecordingWriter:
    """Writes a Recording; `with RecordingWriter(path) as writer`. Leaves no file if the block fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "RecordingWriter":
        try:
            opened = gzip.open(self._partial, "wb") if self._path.suffix == ".gz" else self._partial.open("wb")
        except OSError as error:
            raise self._unwritable(error) from error
        self._file = cast(IO[bytes], opened)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._file is not None
        try:
            self._file.close()
            if kind is None:
                os.replace(self._partial, self._path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._partial.unlink(missing_ok=True)

    def write(
        self,
        chain_id: int,
        block: bytes,
        receipts: bytes | None,
        traces: Sequence[CallFrame | None] | None,
        calls: Sequence[RecordedCall] = (),
    ) -> None:
        """Add one block: the node's own JSON of block and receipts, the call trees, and what Probes read."""
        assert self._file is not None
        line = {
            "chain_id": chain_id,
            "block": _on_one_line(block),
            "receipts": None if receipts is None else _on_one_line(receipts),
            "traces": traces,
            "calls": calls or None,
        }
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> BadRecording:
        return BadRecording(
            f"{self._path} cannot be written ({error.strerror}).", "Check the directory and the space on the disk."
        )


def _on_one_line(json: bytes) -> msgspec.Raw:
    # Some nodes indent their answers. Inside of JSON strings a line break is always escaped.
    return msgspec.Raw(json.replace(b"\n", b" "))
