"""Models are data that is checked before it is used; the detector names what few ordinary transactions are like."""

import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View
from chainwatch.detect.features import GRID, NAMES, NAMES_OF_LOGS
from chainwatch.detect.learned import ALPHA, MIN_FRAMES, LearnedAnomaly
from chainwatch.detect.trees import (
    MAX_BYTES,
    MAX_DEPTH,
    Card,
    Forest,
    Model,
    Scorer,
    Tail,
    default_model,
    encoded,
    model_of,
    read_model,
)
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import labelled, read_labels
from chainwatch.types import CallFrame, Finding
from tests.builders import address, execution, transaction

SENDER, ATTACKER, VICTIM, TOKEN = (address(n << 32) for n in (0xA1, 0xB1, 0xC1, 0xD1))
CARD = Card("2026-01-01", {}, "", 0, {}, {}, {})


def stump(feature: int, above: float, low: float, high: float) -> Forest:
    """One tree that asks one question."""
    return Forest((feature, -1, -1), (int(above * GRID), 0, 0), (1, -1, -1), (2, -1, -1), (0.0, low, high), (0,))


def scorer(names: tuple[str, ...] = NAMES, **fields: Any) -> Scorer:
    """Scores 4 where anything was transferred, else 0; one ordinary transaction in 2,000 scores 3."""
    given: dict[str, Any] = {
        "names": names, "base": 0.0, "supervised": stump(names.index("transfers"), 0.5, 0.0, 4.0),
        "benign_only": Forest((-1,), (0,), (-1,), (-1,), (2.0,), (0,)), "usual_path": 2.0, "weight": 1.0,
        "tail": Tail(2_000, (*(0.5,) * 9, 3.0), (-1.0, 0.0)),
    }  # fmt: skip
    return Scorer(**(given | fields))


MODEL = Model(version=1, card=CARD, tree=scorer())


def attack(amount: int = 10**18) -> CallFrame:
    data = "0xa9059cbb" + f"{int(ATTACKER, 16):064x}{amount:064x}"
    paid = CallFrame(type="CALL", from_=VICTIM, to=TOKEN, input=data)
    more = CallFrame(type="CALL", from_=VICTIM, to=TOKEN, input="0x11223344")
    asked = CallFrame(type="CALL", from_=ATTACKER, to=VICTIM, input="0x55667788", calls=[paid, more])
    return CallFrame(type="CALL", from_=SENDER, to=ATTACKER, input="0x12345678", calls=[asked])


def findings(
    root: CallFrame | None, model: Model = MODEL, protected: frozenset[str] = frozenset(), **fields: Any
) -> list[Finding]:
    own = {"transaction": transaction(from_=SENDER, to=ATTACKER), "trace": root, "logs": None if root else []}
    subject = execution(**(own | fields))
    view = View(facts=(Decoder(load_registry()).facts(subject),), protected=protected)
    return list(LearnedAnomaly(model).inspect(subject, view))


def test_what_few_ordinary_transactions_are_like_is_named_with_reasons():
    (found,) = findings(attack())
    assert (found.kind, found.family, found.advisory, found.victims) == ("learned_anomaly", "learned", True, (VICTIM,))
    assert found.loss == {TOKEN: 10**18}
    assert found.loss_usd is None
    assert found.evidence[0].values["p"] == pytest.approx(1 / 2_001, abs=1e-6)
    assert found.evidence[0].values["because_1"] == "movements of value: 1"
    assert "one in 2,001" in found.explanation
    assert "movements of value: 1" in found.explanation


def test_what_is_ordinary_small_failed_or_without_a_model_is_not_named():
    quiet = CallFrame(type="CALL", from_=SENDER, to=ATTACKER, calls=[
        CallFrame(type="CALL", from_=ATTACKER, to=VICTIM, input="0x11223344") for _ in range(9)])  # fmt: skip
    assert findings(quiet) == []
    assert findings(attack().calls[0]) == []  # three frames
    assert MIN_FRAMES == 4
    assert findings(attack(), succeeded=False) == []
    assert findings(None) == []


def test_a_protected_victim_comes_first_and_is_no_suspect():
    (found,) = findings(attack(), protected=frozenset((VICTIM, SENDER)))
    assert found.victims == (VICTIM,)
    assert found.suspects == (ATTACKER,)


def test_p_counts_how_many_score_as_high_and_never_says_less_than_that():
    scores = sorted(random.Random(1).gauss(0, 1) for _ in range(5_000))
    rest, highest = scores[:-100], scores[-100:]
    tail = Tail(5_000, tuple(highest), tuple(rest[round(i * (len(rest) - 1) / 50)] for i in range(51)))
    for score in [*scores[::37], *scores[-120:], -9.0, 9.0]:
        exact = (1 + sum(s >= score for s in scores)) / 5_001
        assert exact <= tail.p(score) + 1e-12
        assert tail.p(score) <= exact + 0.025
        if score >= highest[0]:
            assert tail.p(score) == pytest.approx(exact)
    assert tail.p(9.0) == 1 / 5_001


def test_a_file_says_the_same_after_reading(tmp_path: Path):
    path = tmp_path / "model.json"
    model = Model(version=1, card=CARD, tree=scorer(), logs=scorer(NAMES_OF_LOGS))
    path.write_bytes(encoded(model))
    assert read_model(path) == model


def changed(**at: Any) -> bytes:
    """The model with values replaced, at paths such as `tree__base`."""
    plain = json.loads(encoded(MODEL))
    for path, value in at.items():
        place = plain
        *above, last = path.split("__")
        for step in above:
            place = place[step]
        place[last] = value
    return json.dumps(plain).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is none"),
        (b"\x80\x04\x95pickle", "is none"),
        (b"[" * 100_000, "is none"),
        (b"{}", "is none"),
        (b" " * (MAX_BYTES + 1), "larger than"),
        (changed(version=2), "version 2"),
        (changed(code="import os"), "unknown field"),
        (changed(tree__base="nan"), "is none"),
        (changed(tree__base=float("nan")), "is none"),
        (changed(tree__base=1e300), "out of range"),
        (changed(tree__usual_path=0.0), "out of range"),
        (changed(tree__names=list(NAMES[::-1])), "another order"),
        (changed(tree__names=[*NAMES[:-1], "gas"]), "gas"),
        (changed(tree__supervised__feature=[len(NAMES), -1, -1]), "asks for feature"),
        (changed(tree__supervised__feature=[-2, -1, -1]), "is none"),
        (changed(tree__supervised__left=[0, -1, -1]), "does not come after"),
        (changed(tree__supervised__right=[3, -1, -1]), "does not come after"),
        (changed(tree__supervised__right=[-1, -1, -1]), "does not come after"),
        (changed(tree__supervised__right=[10**9, -1, -1]), "is none"),
        (changed(tree__supervised__value=[0.0, 1.0]), "differ in length"),
        (changed(tree__supervised__value=[0.0, 1.0, 1e12]), "out of range"),
        (changed(tree__supervised__threshold=[0.5, 0, 0]), "is none"),
        (changed(tree__supervised__roots=[]), "no nodes"),
        (changed(tree__supervised__roots=[3]), "begins nowhere"),
        (changed(tree__supervised__roots=[-1]), "begins nowhere"),
        (changed(tree__tail__count=0), "calibrated on nothing"),
        (changed(tree__tail__highest=[2.0, 1.0]), "not in order"),
        (changed(tree__tail__quantiles=[9.0]), "not in order"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, says: str):
    with pytest.raises(BadInput, match=says):
        model_of(data, "given")


def test_a_tree_that_is_a_chain_is_refused():
    count = 2 * (MAX_DEPTH + 2)
    chain = {
        "feature": [0, -1] * (count // 2) + [-1], "threshold": [0] * (count + 1),
        "left": [i + 1 if i % 2 == 0 else -1 for i in range(count)] + [-1],
        "right": [i + 2 if i % 2 == 0 else -1 for i in range(count)] + [-1],
        "value": [0.0] * (count + 1), "roots": [0],
    }  # fmt: skip
    with pytest.raises(BadInput, match="deeper"):
        model_of(changed(tree__supervised=chain), "given")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_model(tmp_path / "none.json")


def test_the_shipped_model_is_sound_small_and_quick():
    model = default_model()
    assert len(encoded(model)) <= 400_000
    assert model.card.counts["tree"]["benign"] > 5_000
    assert "0x" not in encoded(model).decode()  # it holds no transactions
    row = tuple(math.log1p(i) for i in range(len(NAMES)))
    started = time.perf_counter()
    for _ in range(100):
        model.tree.score(row)
    assert (time.perf_counter() - started) / 100 < 0.005  # 0.1 ms on a quiet machine


@pytest.mark.corpus
def test_the_shipped_model_names_hardly_any_ordinary_block(corpus: Path):
    decoder, detector = Decoder(load_registry()), LearnedAnomaly()
    named = seen = 0
    paths = [corpus / "recordings" / "euler-block.jsonl.gz"]
    for label, _, subject in labelled(paths, read_labels(corpus / "labels.jsonl.gz")):
        if label.label == "attack":
            continue
        seen += 1
        named += len(list(detector.inspect(subject, View(facts=(decoder.facts(subject),)))))
    assert seen > 100
    assert named <= 1 + seen * ALPHA
