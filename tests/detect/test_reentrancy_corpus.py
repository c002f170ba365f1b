"""The reentrancy family on real transactions, in aggregate. Nothing here may be tuned to a single case."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View
from chainwatch.detect.reentrancy import Reentrancy
from chainwatch.evaluate.labels import read_labels
from chainwatch.sources.recordings import read_recording

pytestmark = pytest.mark.corpus


def scored(corpus: Path, mode: str, protect: bool) -> tuple[Counter, Counter]:
    """Transactions and Findings by (is an attack, kind)."""
    decoder, detector = Decoder(load_registry()), Reentrancy()
    labels = read_labels(corpus / "labels.jsonl.gz")
    seen: Counter = Counter()
    named: Counter = Counter()
    for path in sorted((corpus / "recordings").glob("*.jsonl.gz")):
        for line in read_recording(path):
            for execution in line.block.executions:
                label = labels[path.name.removesuffix(".jsonl.gz"), execution.transaction.hash]
                if (mode == "logs" and execution.logs is None) or (mode == "trees" and execution.trace is None):
                    continue
                left_out = {"logs": {"trace": None}, "trees": {"logs": None}}.get(mode, {})
                shown = msgspec.structs.replace(execution, **left_out)
                protected = frozenset(label.protected or ()) if protect else frozenset()
                view = View(facts=(decoder.facts(shown),), protected=protected)
                kind = (label.label == "attack", label.kind)
                seen[kind] += 1
                named[kind] += len(list(detector.inspect(shown, view)))
    return seen, named


@pytest.mark.parametrize("protect", [False, True])
@pytest.mark.parametrize("mode", ["full", "trees", "logs"])
def test_no_transaction_without_an_attack_is_named(corpus: Path, mode: str, protect: bool):
    seen, named = scored(corpus, mode, protect)
    assert sum(n for (is_attack, _), n in seen.items() if not is_attack) > 7_000
    assert sum(n for (is_attack, _), n in named.items() if not is_attack) == 0
    if mode == "logs":
        assert not named.total()
    else:  # measured: 16 of 19, 15 with protection; the margin lets a rule change without becoming a tuning target
        assert named[True, "reentrancy"] >= 14
