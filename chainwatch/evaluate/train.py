"""Training the learned detector: two forests on rows of features, calibrated on what they had not seen.

A supervised model (gradient boosting) knows attacks and benign transactions, the other (an isolation forest) benign
ones only. Both are scored out of fold, folds keeping the transactions of one incident, and benign calls of one
contract, together; how the benign ones score there is the calibration that the model file carries. The same rows and
seed give the same model. Needs scikit-learn (extra `ml`); what it makes is plain data, evaluated without it.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import floor, log
from pathlib import Path
from typing import Any

import msgspec

from chainwatch.decode import Decoder
from chainwatch.detect.features import GRID, NAMES, NAMES_OF_LOGS
from chainwatch.detect.trees import VERSION, Card, Forest, Model, Scorer, Tail, model_of
from chainwatch.detect.trees import encoded as encoded_model
from chainwatch.errors import BadInput, MissingTool
from chainwatch.evaluate.labels import Label, labelled
from chainwatch.evaluate.rows import Part, Row, fold_of, row_of
from chainwatch.types import Hash

FOLDS = 5
"""Folds by which a model is calibrated; each score is by a model that saw four fifths."""

MIN_ATTACKS, MIN_BENIGN = 10, 200
"""Incidents and ordinary contract calls below which nothing is learned: no fold would hold enough of either."""

KEPT_SCORES, QUANTILES = 500, 100
"""How much of the calibration a file holds: the tail exactly, the rest coarsely."""

# Gradient boosting: few, small and strongly regularised trees, for there are about a hundred attacks.
_BOOSTING = {"max_iter": 200, "learning_rate": 0.06, "max_leaf_nodes": 6, "min_samples_leaf": 8,
             "l2_regularization": 5.0, "max_features": 0.4, "early_stopping": False}  # fmt: skip
# Isolation forest: the sample is that of Liu, Ting and Zhou (2008) halved, for the file's size.
_ISOLATION = {"n_estimators": 40, "max_samples": 128}
WEIGHT = 4.0
"""Of the oddness of a row beside the logarithm of its odds, see docs/models.md."""

_NEVER = -1e3
"""The score of what is too small to be judged: lower than any."""

_EULER_GAMMA = 0.5772156649015329


class Fit(msgspec.Struct, frozen=True):
    """A Scorer and what it and its parts say of the rows out of fold, in the order of the rows."""

    scorer: Scorer
    out_of_fold: tuple[float, ...]


def train(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    *,
    seed: int = 0,
    note: str = "",
    today: str | None = None,
    told: Callable[[Path], None] = lambda _: None,
) -> Model:
    """A Model from labelled Recordings. Raises BadInput where they hold too little, MissingTool without scikit-learn.

    `today` is the date on the card, an ISO date.
    """
    require_tools()
    rows = read_rows(recordings, labels, decoder, told)
    tree_rows, log_rows = ([r for r in rows if r.part == part] for part in ("tree", "logs"))
    tree = fit(tree_rows, seed)
    logs = fit(log_rows, seed) if has_enough(log_rows) else None
    measured = {f"tree: {what}": n for what, n in measure(tree_rows, tree).items()}
    if logs is not None:
        measured |= {f"logs: {what}": n for what, n in measure(log_rows, logs).items()}
    used = sorted((label.set, label.tx, label.label, label.kind or "") for label in {r.label for r in rows})
    card = Card(
        trained=today or datetime.now(UTC).date().isoformat(),
        data={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in recordings},
        labels=hashlib.sha256(msgspec.json.encode(used)).hexdigest(),
        seed=seed,
        counts={part: _counts(r for r in rows if r.part == part) for part in ("tree", "logs")},
        measured=measured,
        libraries={name: version(name) for name in ("scikit-learn", "numpy", "chainwatch")},
        note=note,
    )
    model = Model(version=VERSION, card=card, tree=tree.scorer, logs=logs.scorer if logs else None)
    return model_of(encoded_model(model), "just trained")  # refused here rather than where it is used


def read_rows(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    told: Callable[[Path], None] = lambda _: None,
) -> list[Row]:
    """What can be learned from: of each transaction that did something a row by its call tree and one by its logs."""
    parts: tuple[Part, ...] = ("tree", "logs")
    found = (row_of(label, e, decoder, part) for label, _, e in labelled(recordings, labels, told) for part in parts)
    return [row for row in found if row is not None]


def has_enough(rows: Sequence[Row]) -> bool:
    """Whether anything can be learned from so few."""
    attacks = {r.group for r in rows if r.is_attack and not r.is_small}
    return len(attacks) >= MIN_ATTACKS and sum(_is_benign_call(r) for r in rows) >= MIN_BENIGN


def fit(rows: Sequence[Row], seed: int, folds: int = FOLDS) -> Fit:
    """Two forests on all rows, calibrated on out-of-fold scores. The rows are of one part."""
    if not has_enough(rows):
        raise BadInput(
            f"There is too little to learn from: {len({r.group for r in rows if r.is_attack})} incidents and "
            f"{sum(_is_benign_call(r) for r in rows)} ordinary contract calls with a call tree.",
            f"Give Recordings with at least {MIN_ATTACKS} and {MIN_BENIGN}.",
        )
    place = [fold_of(row, folds, seed) for row in rows]
    scores = [0.0] * len(rows)
    for fold in range(folds):
        model = _forests([r for r, at in zip(rows, place, strict=True) if at != fold], seed)
        for i, row in enumerate(rows):
            if place[i] == fold:
                scores[i] = _NEVER if row.is_small else model.score(row.features)
    scorer = _forests(rows, seed)
    tail = _tail([score for row, score in zip(rows, scores, strict=True) if _is_benign_call(row)])
    return Fit(msgspec.structs.replace(scorer, tail=tail), tuple(scores))


def measure(rows: Sequence[Row], fitted: Fit) -> dict[str, float]:
    """Out of fold: the area under the curve, and the share of attacks at a share of false alarms."""
    attacks = sorted(s for r, s in zip(rows, fitted.out_of_fold, strict=True) if r.is_attack)
    benign = sorted(s for r, s in zip(rows, fitted.out_of_fold, strict=True) if _is_benign_call(r))
    found = {"auc": round(_auc(attacks, benign), 4)}
    for share in (0.0005, 0.001, 0.005, 0.01):
        allowed = floor(share * len(benign))
        threshold = benign[-1 - allowed]
        found[f"recall at {share:.2%} of contract calls"] = round(sum(s > threshold for s in attacks) / len(attacks), 4)
    return found


def _auc(attacks: Sequence[float], benign: Sequence[float]) -> float:
    """The chance that an attack scores higher than a benign one. Both ascending."""
    higher = sum(bisect_left(benign, s) + bisect_right(benign, s) for s in attacks)
    return higher / (2 * len(attacks) * len(benign))


def _is_benign_call(row: Row) -> bool:
    return row.label.label == "benign" and row.is_call and not row.is_made


def _counts(rows: Iterable[Row]) -> dict[str, int]:
    kinds = Counter(
        r.label.kind or "?" if r.is_attack else "made, benign" if r.is_made else r.label.label for r in rows
    )
    return dict(sorted(kinds.items()))


def _tail(scores: Sequence[float]) -> Tail:
    ordered = sorted(scores)
    rest, highest = ordered[:-KEPT_SCORES], ordered[-KEPT_SCORES:]
    steps = [rest[round(i * (len(rest) - 1) / QUANTILES)] for i in range(QUANTILES + 1)] if rest else []
    return Tail(len(ordered), tuple(highest), tuple(steps))


def require_tools() -> None:
    """Raises MissingTool where scikit-learn is not installed."""
    _tools()


def _tools() -> tuple[Any, Any, Any, Any]:
    try:
        import numpy  # noqa: PLC0415 -- an extra: only who trains needs it
        import threadpoolctl  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415
        from sklearn import ensemble  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise MissingTool(
            "Training needs scikit-learn, which is not installed.", "pip install 'chainwatch[ml]'."
        ) from error
    return numpy, ensemble.HistGradientBoostingClassifier, ensemble.IsolationForest, threadpoolctl.threadpool_limits


def _forests(rows: Sequence[Row], seed: int) -> Scorer:
    """Both forests, without calibration. Equal benign rows count once, as a bot does one thing daily; what the detector
    does not judge teaches nothing."""
    numpy, boosting, isolation, limits = _tools()
    attacks = [r.features for r in rows if r.is_attack and not r.is_small]
    benign = sorted({r.features for r in rows if r.label.label == "benign" and not r.is_small})
    data = numpy.array(attacks + benign)
    known = numpy.array([1] * len(attacks) + [0] * len(benign))
    sample = min(_ISOLATION["max_samples"], len(benign))
    with limits(1):  # so few rows: threads only wait for one another, and on a busy machine for minutes
        supervised = boosting(**_BOOSTING, random_state=seed).fit(data, known)
        alone = isolation(**_ISOLATION | {"max_samples": sample}, random_state=seed).fit(numpy.array(benign))
    names = NAMES if rows[0].part == "tree" else NAMES_OF_LOGS
    return Scorer(
        names=names,
        base=float(supervised._baseline_prediction[0, 0]),
        supervised=_boosted(supervised),
        benign_only=_isolating(alone),
        usual_path=_usual_path(alone.max_samples_),
        weight=WEIGHT,
        tail=Tail(1, (0.0,), ()),
    )


class _Nodes:
    """Nodes of several trees, put one after another."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, int, int, int, float]] = []
        self.roots: list[int] = []

    def add(self, nodes: Iterable[tuple[int, float, int, int, float]]) -> None:
        """A tree: feature (negative: a leaf), threshold, left, right, value; children count from its root."""
        first = len(self.nodes)
        self.roots.append(first)
        for feature, threshold, left, right, value in nodes:
            if feature < 0:
                self.nodes.append((-1, 0, -1, -1, value))
            else:  # features lie on the grid, so nothing lies between a threshold and the grid's point below it
                self.nodes.append((feature, floor(threshold * GRID), first + left, first + right, value))

    def forest(self) -> Forest:
        feature, threshold, left, right, value = zip(*self.nodes, strict=True)
        return Forest(feature, threshold, left, right, value, tuple(self.roots))


def _boosted(model: Any) -> Forest:
    """The trees of a HistGradientBoostingClassifier. Its inner values are before shrinkage, its leaves' after it."""
    found = _Nodes()
    for (predictor,) in model._predictors:
        found.add(
            (-1, 0.0, -1, -1, float(n["value"]))
            if n["is_leaf"]
            else (
                int(n["feature_idx"]),
                float(n["num_threshold"]),
                int(n["left"]),
                int(n["right"]),
                round(float(n["value"]) * model.learning_rate, 5),
            )
            for n in predictor.nodes
        )
    return found.forest()


def _isolating(model: Any) -> Forest:
    """The trees of an IsolationForest, whose leaves say how long the path to them is."""
    found = _Nodes()
    for estimator in model.estimators_:
        tree = estimator.tree_
        depth = [0] * tree.node_count
        nodes = []
        for at in range(tree.node_count):
            left, right = int(tree.children_left[at]), int(tree.children_right[at])
            if left < 0:
                nodes.append((-1, 0.0, -1, -1, depth[at] + _usual_path(int(tree.n_node_samples[at]))))
                continue
            depth[left] = depth[right] = depth[at] + 1
            nodes.append((int(tree.feature[at]), float(tree.threshold[at]), left, right, 0.0))
        found.add(nodes)
    return found.forest()


def _usual_path(count: int) -> float:
    """The mean length of an unsuccessful search in a binary tree of so many (Liu, Ting and Zhou 2008, equation 1)."""
    if count <= 1:
        return 0.0
    return 1.0 if count == 2 else 2.0 * (log(count - 1.0) + _EULER_GAMMA) - 2.0 * (count - 1.0) / count
