"""Scores count what was raised by tier, and say how sure that is."""

import json
from pathlib import Path

import pytest

from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label, read_labels
from chainwatch.evaluate.score import Verdict, interval, tally
from chainwatch.types import Tier
from tests.builders import hash_


def verdict(n: int, label: str, tier: Tier | None, kind: str = "reentrancy", incident: str | None = None) -> Verdict:
    by = () if tier is None else ("some_detector",)
    return Verdict(Label("some-set", hash_(n), label, kind, None, incident), tier, by)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # R: binom.test(count, of)$conf.int
        (14, 22, 0.4066, 0.8280),
        (1, 14, 0.0018, 0.3387),
        (19, 95, 0.1250, 0.2944),
        (0, 10_300, 0.0, 0.000291),  # one-sided: 1 - 0.05 ** (1 / n)
        (5, 5, 0.5493, 1.0),
    ],
)
def test_intervals_are_exact(count: int, of: int, low: float, high: float) -> None:
    assert interval(count, of) == pytest.approx((low, high), abs=2e-4)


def test_nothing_of_nothing_says_nothing() -> None:
    assert interval(0, 0) == (0.0, 1.0)


def test_a_tier_counts_for_the_lower_ones_and_an_incident_once() -> None:
    score = tally(
        [
            verdict(1, "attack", Tier.ACT, incident="a"),
            verdict(2, "attack", None, incident="a"),
            verdict(3, "attack", Tier.WATCH, kind="bridge"),
            verdict(4, "benign", Tier.ALERT),
            verdict(5, "after_attack", None),
        ]
    )
    attacks = {row.what: (row.watch.count, row.alert.count, row.act.count, row.act.of) for row in score.attacks}
    assert attacks == {"bridge": (1, 0, 0, 1), "reentrancy": (1, 1, 1, 2), "all": (2, 1, 1, 3)}
    incidents = {row.what: (row.act.count, row.act.of) for row in score.incidents}
    assert incidents == {"bridge": (0, 1), "reentrancy": (1, 1), "all": (1, 2)}
    assert [(row.what, row.alert.count, row.alert.of) for row in score.benign] == [("some-set", 1, 2), ("all", 1, 2)]
    assert score.detectors == {"some_detector": (2, 1)}


def test_labels_are_read_and_what_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    good = {"set": "s", "tx": hash_(1).upper().replace("0X", "0x"), "label": "attack", "protected": None, "date": "x"}
    path.write_text(json.dumps(good) + "\n\n")
    assert read_labels(path)["s", hash_(1)].label == "attack"
    for text, says in (
        (json.dumps(good) + "\n{}", "line 2 is no label"),
        (json.dumps(good | {"label": "bad"}), "line 1 is no label"),
        ("", "holds no label"),
        ("\n", "holds no label"),
    ):
        path.write_text(text)
        with pytest.raises(BadInput, match=says):
            read_labels(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
    (tmp_path / "cut.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00cut")
    with pytest.raises(BadInput, match="cannot be read"):
        read_labels(tmp_path / "cut.jsonl.gz")
