"""The families of rules on real transactions, in aggregate. Nothing here may be tuned to a single case.

The least that each must name leaves a margin to what was measured (docs/detectors/), so that a rule may change without
these numbers becoming a target.
"""

from pathlib import Path

import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.access import Access
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.detect.reentrancy import Reentrancy
from chainwatch.detect.round_trip import RoundTrip
from chainwatch.evaluate.labels import read_labels
from chainwatch.evaluate.score import Mode, score

pytestmark = pytest.mark.corpus

RULES = (FlashPriceManipulation(), Reentrancy(), Access(), RoundTrip())
LEAST = {"flash_price_manipulation": 15, "reentrancy": 13, "access": 14, "round_trip": 17}
AFTER_AN_ATTACK = 3  # options exercised after a protocol's attack; without logs their burning is not seen


@pytest.mark.parametrize("protect", [False, True])
@pytest.mark.parametrize("mode", ["full", "trees", "logs"])
def test_attacks_are_named_and_nothing_else(corpus: Path, mode: Mode, protect: bool) -> None:
    recordings = sorted((corpus / "recordings").glob("*.jsonl.gz"))
    labels = read_labels(corpus / "labels.jsonl.gz")
    seen = score(recordings, labels, Decoder(load_registry()), RULES, mode=mode, protect_labelled=protect)
    benign = next(row for row in seen.benign if row.what == "all")
    assert benign.watch.of > 7_000
    assert benign.act.count == 0
    for name, least in LEAST.items():
        right, wrong = seen.detectors.get(name, (0, 0))
        assert wrong <= (AFTER_AN_ATTACK if (name, mode) == ("round_trip", "trees") else 0), name
        if mode != "logs":
            assert right >= least, name
