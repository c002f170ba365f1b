"""Labels: what is known of each transaction of a set of Recordings, one JSON object a line."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from chainwatch.errors import BadInput
from chainwatch.sources.recordings import read_recording
from chainwatch.types import Address, Block, Execution, Hash


class Label(msgspec.Struct, frozen=True):
    """`set` is the Recording's name without its endings. `incident` joins the transactions of one attack, which may
    stand in several sets; `protected` are the victim's contracts; `after_attack` is neither attack nor benign.
    `loss_usd` is what the whole incident cost."""

    set: str
    tx: Hash
    label: Literal["attack", "benign", "after_attack"]
    kind: str | None = None
    name: str | None = None
    incident: str | None = None
    protected: tuple[Address, ...] | None = None
    loss_usd: float | None = None


_decoder = msgspec.json.Decoder(Label)

_NAMES = ("labels.jsonl.gz", "labels.jsonl")


def find_labels(given: Sequence[Path]) -> list[Path]:
    """The label file in each directory named, or beside each file named. Raises BadInput where there is none."""
    found: list[Path] = []
    for path in given:
        root = path if path.is_dir() else path.parent
        file = next((root / name for name in _NAMES if (root / name).is_file()), None)
        if file is None:
            raise BadInput(f"{root} holds no {' or '.join(_NAMES)}.", "Name the label file with --labels.")
        if file not in found:
            found.append(file)
    return found


def find_recordings(directory: Path) -> list[Path]:
    """The Recordings in `directory`, or in `recordings` in it, in order; label files among them are none.

    Raises BadInput where there is none.
    """
    inner = directory / "recordings"
    root = inner if inner.is_dir() else directory
    found = [path for path in sorted([*root.glob("*.jsonl"), *root.glob("*.jsonl.gz")]) if not is_label_file(path)]
    if not found:
        raise BadInput(f"{root} holds no Recording.", "Name a directory with *.jsonl or *.jsonl.gz files.")
    return found


def is_label_file(path: Path) -> bool:
    """Whether the first line of a file is a label and not a Recording's; what cannot be read is neither."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            first = next((line for line in lines if line.strip()), b"")
        keys = msgspec.json.decode(first, type=dict[str, msgspec.Raw])
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return "label" in keys and "block" not in keys


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


def labelled(
    recordings: Sequence[Path], labels: Mapping[tuple[str, Hash], Label], told: Callable[[Path], None] = lambda _: None
) -> Iterator[tuple[Label, Block, Execution]]:
    """Every transaction of the Recordings with its label and block. Raises BadInput for one that has no label."""
    for path in recordings:
        told(path)
        name = path.name.partition(".")[0]
        for line in read_recording(path):
            for execution in line.block.executions:
                label = labels.get((name, execution.transaction.hash))
                if label is None:
                    raise BadInput(
                        f"{path} has transaction {execution.transaction.hash}, which has no label in set {name!r}.",
                        "Label every transaction, or name the file as its set.",
                    )
                yield label, line.block, execution
