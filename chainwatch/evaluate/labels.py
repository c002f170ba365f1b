"""Labels: what is known of each transaction of a set of Recordings, one JSON object a line."""

import gzip
import zlib
from pathlib import Path
from typing import Literal

import msgspec

from chainwatch.errors import BadInput
from chainwatch.types import Address, Hash


class Label(msgspec.Struct, frozen=True):
    """`set` is the Recording's name without its endings. `incident` joins the transactions of one attack, which may
    stand in several sets; `protected` are the victim's contracts; `after_attack` is neither attack nor benign."""

    set: str
    tx: Hash
    label: Literal["attack", "benign", "after_attack"]
    kind: str | None = None
    name: str | None = None
    incident: str | None = None
    protected: tuple[Address, ...] | None = None


_decoder = msgspec.json.Decoder(Label)


def read_labels(path: Path) -> dict[tuple[str, Hash], Label]:
    """By (set, transaction hash). Raises BadInput naming file and line for anything that is no label."""
    found: dict[tuple[str, Hash], Label] = {}
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    label = _decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise BadInput(f"{path}, line {number} is no label: {error}.", "See docs/scoring.md.") from error
                found[label.set, label.tx.lower()] = label
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path} cannot be read: {error}.", "Give a label file (*.jsonl or *.jsonl.gz).") from error
    if not found:
        raise BadInput(f"{path} holds no label.", "Give one JSON object a line with set, tx and label.")
    return found
