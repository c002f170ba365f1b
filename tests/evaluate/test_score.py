"""Scores count what was raised by tier, and say how sure that is."""

import gzip
import json
from math import log1p
from pathlib import Path

import pytest

from chainwatch.detect.features import NAMES, NAMES_OF_LOGS
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label, find_labels, find_recordings, is_label_file, read_labels
from chainwatch.evaluate.rows import MADE, Row
from chainwatch.evaluate.score import Times, interval, tally
from chainwatch.evaluate.verdicts import Verdict, first_sentence
from chainwatch.types import Tier
from tests.builders import finding, hash_


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


def row(label: Label, *, transfers: int = 0, frames: int = 1, part: str = "tree", **given: float) -> Row:
    names = NAMES if part == "tree" else NAMES_OF_LOGS
    features = tuple(log1p(given.get(name, 0.0)) for name in names)
    return Row(label, part, features, "g", True, frames < 4, transfers, frames, is_flash=False)  # type: ignore[arg-type]


def test_attacks_are_counted_by_chain_and_false_alarms_by_how_hard_they_are() -> None:
    hard, plain, made = Label("s", hash_(1), "benign"), Label("s", hash_(2), "benign"), Label(MADE, hash_(3), "benign")
    score = tally(
        [
            Verdict(hard, Tier.ALERT, row=row(hard, transfers=9, frames=70)),
            Verdict(plain, None, row=row(plain)),
            Verdict(made, Tier.ALERT, row=row(made, transfers=9, frames=70)),
            Verdict(Label("s", hash_(4), "benign"), None),  # it failed
            Verdict(Label("s", hash_(5), "attack"), Tier.ALERT, chain_id=56),
            Verdict(Label("s", hash_(6), "attack"), None, chain_id=1),
        ]
    )
    assert [(r.what, r.alert.count, r.alert.of) for r in score.chains] == [
        ("chain 1", 0, 1), ("chain 56", 1, 1), ("all", 1, 2),
    ]  # fmt: skip
    assert {r.what: (r.alert.count, r.alert.of) for r in score.strata} == {
        "contract calls": (1, 2),
        "5 transfers or more": (1, 1),
        "50 calls or more": (1, 1),
        "with a lender's callback": (0, 0),
        "made to look like attacks": (1, 1),
        "all": (2, 4),
    }


def test_every_false_alarm_is_told_and_misses_the_dearest_first() -> None:
    def missed(n: int, incident: str, loss: float | None, frames: int, tier: Tier | None = None) -> Verdict:
        label = Label("s", hash_(n), "attack", "bridge", f"Name {n}", incident, None, loss)
        return Verdict(label, tier, row=row(label, frames=frames))

    benign, after = Label("s", hash_(9), "benign", "exit"), Label("s", hash_(8), "after_attack")
    score = tally(
        [
            missed(1, "a", None, 10),
            missed(2, "b", None, 90),
            missed(3, "c", 5.0, 1),
            missed(4, "d", 7.0, 1, Tier.WATCH),  # it is only logged
            missed(5, "c", None, 2),  # the loss is the incident's
            missed(6, "a", None, 1, Tier.ALERT),
            Verdict(benign, Tier.ALERT, ("access",), 1, "taken", "It took 0.5 from 0x12…ab. Then it left."),
            Verdict(after, Tier.ACT, ("access",), 1, "taken", "Again."),
            Verdict(benign, Tier.WATCH, ("access",), 1, "taken", "It is only logged."),
        ]
    )
    assert [(m.name, m.loss_usd, m.elsewhere) for m in score.misses] == [
        ("Name 4", 7.0, False), ("Name 5", 5.0, False), ("Name 3", 5.0, False), ("Name 2", None, False),
        ("Name 1", None, True),
    ]  # fmt: skip
    assert [(f.tx, f.label, f.what, f.kind, f.says) for f in score.false_alarms] == [
        (hash_(9), "benign", "exit", "taken", "It took 0.5 from 0x12…ab."),
        (hash_(8), "after_attack", None, "taken", "Again."),
    ]


def test_why_nothing_was_said_is_told_in_words() -> None:
    label = Label("s", hash_(1), "attack")
    weak = finding(detector="access", confidence=0.3, explanation="A right was taken. By somebody.")
    small = row(label, frames=2)
    large = row(label, frames=30, reentries=2, side_gained=1, losers=3, pure_losers=2, venues=4, round_trip_venues=1)
    logs = row(label, part="logs", frames=0, side_gained=2, side_lost=1)
    verdicts = [
        Verdict(label, None, row=small),
        Verdict(label, Tier.WATCH, row=large, findings=(weak,), p=0.02),
        Verdict(label, None, row=logs),
        Verdict(label, None),
    ]
    by_large, by_small, by_logs, failed = (" ".join(m.why) for m in tally(verdicts).misses)
    assert failed == "It failed: nothing happened."
    assert "judges nothing so small (2 calls, of 4)" in by_small
    assert "The sender's side gained no coin or fungible token. Nobody else had less of any at the end." in by_small
    assert "Nothing was traded." in by_small
    assert "access says it with confidence 0.30, too little to page: A right was taken." in by_large
    assert "p = 0.02; 0.001 or less is named" in by_large
    assert "entered 2 times" in by_large
    assert "less at the end: 3; of them 2 got nothing" in by_large
    assert "Places of trade: 4, used in both directions: 1." in by_large
    assert "gave nothing" in by_large
    assert "No call tree" in by_logs
    assert "gained (kinds of token: 2) and gave (kinds: 1)" in by_logs


def test_time_is_told_without_the_largest_tree() -> None:
    label = Label("s", hash_(1), "benign")
    verdicts = [Verdict(label, None, row=row(label, frames=n), seconds=n / 1_000) for n in range(1, 102)]
    assert tally(verdicts).times == Times(pytest.approx(100 / 5.05), 50.0, 99.0, 101, pytest.approx(101.0))
    assert tally(verdicts[:1]).times is None


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("It took 1.5 of 0x12…ab. Then more.", "It took 1.5 of 0x12…ab."),
        ("One\nAlso: another", "One"),
        ("No end", "No end"),
        ("Ends. 0x12 was next.", "Ends."),
        ("", ""),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_recordings_and_labels_are_found_and_not_taken_for_each_other(tmp_path: Path) -> None:
    inner = tmp_path / "recordings"
    inner.mkdir()
    recording, other = inner / "set.jsonl", inner / "another.jsonl.gz"
    recording.write_text('\n{"chain_id": 1, "block": {}, "label": 1}\n')
    other.write_bytes(b"broken")
    label = json.dumps({"set": "s", "tx": hash_(1), "label": "benign"})
    for name in ("labels.jsonl", "by-somebody.jsonl"):
        (inner / name).write_text(f"\n{label}\n")
    assert is_label_file(inner / "by-somebody.jsonl")
    assert find_recordings(tmp_path) == find_recordings(inner) == [other, recording]
    assert find_labels([inner, recording]) == [inner / "labels.jsonl"]
    with pytest.raises(BadInput, match="holds no labels"):
        find_labels([tmp_path])
    (tmp_path / "labels.jsonl.gz").write_bytes(gzip.compress(label.encode()))
    assert find_labels([tmp_path, inner]) == [tmp_path / "labels.jsonl.gz", inner / "labels.jsonl"]
    recording.unlink()
    other.unlink()
    with pytest.raises(BadInput, match="holds no Recording"):
        find_recordings(tmp_path)


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
