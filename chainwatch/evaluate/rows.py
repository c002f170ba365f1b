"""Labelled Recordings as rows to learn from: features, label, and what must not be torn apart between folds."""

import hashlib
from typing import Literal

import msgspec

from chainwatch.decode import Decoder, flash
from chainwatch.detect.features import features, features_of_logs
from chainwatch.detect.learned import MIN_EVENTS, MIN_FRAMES
from chainwatch.evaluate.labels import Label
from chainwatch.types import Execution, Facts, Transfer

Part = Literal["tree", "logs"]


MADE = "hard-negatives"
"""The set that `python -m tests.hard_negatives` writes: learned from by kind, never calibrated on."""


class Row(msgspec.Struct, frozen=True):
    """One transaction. `group`: the incident of an attack, the kind of what was made to look like one, else the
    contract that was called; it stays in one fold.

    `is_call`: it ran a contract's code. `is_small`: the learned detector says nothing of so little.
    """

    label: Label
    part: Part
    features: tuple[float, ...]
    group: str
    is_call: bool
    is_small: bool
    transfers: int
    frames: int
    is_flash: bool

    @property
    def is_attack(self) -> bool:
        """Whether it is one; `after_attack` is neither that nor benign."""
        return self.label.label == "attack"

    @property
    def is_made(self) -> bool:
        """Whether it was made to look like an attack: benign, but no sample of ordinary transactions."""
        return self.label.set == MADE


def row_of(label: Label, execution: Execution, decoder: Decoder, part: Part) -> Row | None:
    """A row, by the call tree or by the logs; None where the source lacks it or the transaction did nothing."""
    if not execution.succeeded or (execution.trace if part == "tree" else execution.logs) is None:
        return None
    shown = execution if part == "tree" else msgspec.structs.replace(execution, trace=None)
    facts = decoder.facts(shown)
    if part == "tree" and not facts.frames:
        return None
    return made(label, shown, facts, part)


def made(label: Label, execution: Execution, facts: Facts, part: Part) -> Row:
    """The row of what was decoded already."""
    transaction = execution.transaction
    group = label.incident or label.tx if label.label == "attack" else f"to:{transaction.to or label.tx}"
    if label.set == MADE:
        group = f"made:{label.kind}"
    has_data = any(len(data) > 2 for data in (transaction.input, facts.frames[0].input if facts.frames else "0x"))
    return Row(
        label=label,
        part=part,
        features=(features if part == "tree" else features_of_logs)(execution, facts),
        group=group,
        is_call=has_data or len(facts.frames) > 1 or bool(execution.logs),
        is_small=len(facts.frames) < MIN_FRAMES if part == "tree" else len(facts.events) < MIN_EVENTS,
        transfers=sum(isinstance(e, Transfer) for e in facts.events),
        frames=len(facts.frames),
        is_flash=flash.has_callback(facts.frames),
    )


def fold_of(row: Row, folds: int, seed: int) -> int:
    """Which fold a row is in: by its group alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{row.group}".encode()).digest()[:8]) % folds
