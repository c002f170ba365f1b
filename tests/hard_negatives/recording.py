"""Write what the scenes made as a Recording with labels, and count what the detectors falsely say of it."""

import gzip
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import DETECTORS
from chainwatch.evaluate.score import Mode
from chainwatch.sources.recordings import RecordingWriter, read_recording
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import Alert
from tests.hard_negatives.chain import Kept

SET = "hard-negatives"
CHAIN_ID = 31337
MODES: tuple[Mode, ...] = ("full", "trees", "logs")


class FalseAlarm(msgspec.Struct, frozen=True):
    """An alert about a benign transaction, and in which mode."""

    mode: str
    kind: str
    name: str
    tx: str
    alert: Alert


def write(kept: Sequence[tuple[str, str, Kept]], directory: Path) -> Path:
    """`hard-negatives.jsonl.gz` and `labels.jsonl.gz`; the Recording's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{SET}.jsonl.gz"
    labels = []
    with RecordingWriter(path) as writer:
        for kind, name, one in kept:
            writer.write(CHAIN_ID, one.block, one.receipts, [one.trace])
            labels.append({"set": SET, "tx": one.hash, "label": "benign", "kind": kind, "name": name})
    if len({label["tx"] for label in labels}) != len(labels):
        raise AssertionError("two transactions have one hash")
    with gzip.open(directory / "labels.jsonl.gz", "wb") as file:
        file.writelines(msgspec.json.encode(label) + b"\n" for label in labels)
    return path


def false_alarms(path: Path, labels: dict[str, tuple[str, str]]) -> list[FalseAlarm]:
    """Every alert in every mode, each transaction judged by itself as `chainwatch score` does."""
    found: list[FalseAlarm] = []
    decoder = Decoder(load_registry())
    for line in read_recording(path):
        for execution in line.block.executions:
            for mode in MODES:
                shown = execution
                if mode == "trees":
                    shown = msgspec.structs.replace(execution, logs=None)
                elif mode == "logs":
                    shown = msgspec.structs.replace(execution, trace=None)
                alone = msgspec.structs.replace(line.block, executions=(shown,))
                for alert in Pipeline(decoder, DETECTORS).block(alone, {}).alerts:
                    tx = execution.transaction.hash
                    found.append(FalseAlarm(mode, *labels[tx], tx, alert))
    return found


def table(kept: Sequence[tuple[str, str, Kept]], alarms: Sequence[FalseAlarm]) -> str:
    """Counts by shape and false alarms by mode, tier, detectors, kind and shape, as text."""
    lines = [f"{len(kept)} transactions, {len({kind for kind, _, _ in kept})} shapes"]
    lines += [f"  {count:4} {kind}" for kind, count in sorted(Counter(kind for kind, _, _ in kept).items())]
    lines.append(f"{len(alarms)} false alarms")
    counted = Counter((a.mode, a.alert.tier, "+".join(a.alert.detectors), a.alert.kind, a.kind) for a in alarms)
    lines += [f"  {count:4} {' '.join(map(str, what))}" for what, count in sorted(counted.items())]
    return "\n".join(lines)
