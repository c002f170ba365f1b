"""Learned models as files: forests of decision trees in JSON, read without running anything that a file brings along.

A file is data: flat arrays of nodes, numbers in words that `msgspec` checks, no pickle, no code. Loading refuses
whatever is not a model of this version over the very features of this program, and what could not be walked safely:
a child never stands before its parent, so there are no cycles. The file is also the model's card: what it was trained
on, by hash and count, and how it did on what it had not seen.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Annotated

import msgspec

from chainwatch.detect.features import GRID, NAMES, NAMES_OF_LOGS
from chainwatch.errors import BadInput

VERSION = 1
MAX_BYTES = 4_000_000
"""A file of ours has a tenth of it."""

MAX_NODES, MAX_DEPTH = 50_000, 64
_FAR = 1e6
"""No value in a model of ours is larger; keeps sums finite."""

_MEND = "Train it again with `chainwatch model train`, or use the model that comes with chainwatch."

_Index = Annotated[int, msgspec.Meta(ge=-1, le=MAX_NODES)]


class Forest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trees as arrays with one element a node. `feature` is an index (-1: a leaf); where its value is at most
    `threshold` / GRID the walk goes on at `left`, else at `right`, until a leaf says `value`. `roots` are where trees
    begin. The `value` of an inner node is what would be said there, for explanations."""

    feature: tuple[_Index, ...]
    threshold: tuple[int, ...]
    left: tuple[_Index, ...]
    right: tuple[_Index, ...]
    value: tuple[float, ...]
    roots: tuple[_Index, ...]

    def total(self, row: Sequence[float]) -> float:
        """The sum of what all trees say of a row of features."""
        feature, threshold, left, right, value = self.feature, self.threshold, self.left, self.right, self.value
        grid = [x * GRID for x in row]
        total = 0.0
        for node in self.roots:
            at = node
            while (index := feature[at]) >= 0:
                at = left[at] if grid[index] <= threshold[at] else right[at]
            total += value[at]
        return total

    def shares(self, row: Sequence[float]) -> dict[int, float]:
        """How much each feature moved the total: the changes of value along the paths, by feature (Saabas)."""
        moved: dict[int, float] = {}
        for node in self.roots:
            at = node
            while (index := self.feature[at]) >= 0:
                below = self.left[at] if row[index] * GRID <= self.threshold[at] else self.right[at]
                moved[index] = moved.get(index, 0.0) + self.value[below] - self.value[at]
                at = below
        return moved


class Tail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores of `count` transactions without an attack by models that had not seen them: the `highest`, ascending, and
    the lowest of the rest by `quantiles` of it, ascending, evenly spaced."""

    count: int
    highest: tuple[float, ...]
    quantiles: tuple[float, ...]

    def p(self, score: float) -> float:
        """The conformal p-value (Vovk et al. 2005): (1 + how many scored at least as high) / (1 + count).

        Below the highest it is taken from the quantiles, and then an upper bound."""
        above = len(self.highest) - bisect_left(self.highest, score)
        if above == len(self.highest) and self.quantiles:
            rest = self.count - above
            above += rest - rest * max(bisect_left(self.quantiles, score) - 1, 0) // max(len(self.quantiles) - 1, 1)
        return (1 + above) / (1 + self.count)


class Scorer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A supervised forest, one that knows only benign transactions, their mixture, and how benign ones scored.

    The score is `base` plus the supervised trees (the logarithm of the odds of an attack as in the training data),
    plus `weight` times how oddly short the paths of the other forest are, in path lengths.
    """

    names: tuple[str, ...]
    base: float
    supervised: Forest
    benign_only: Forest
    usual_path: float
    weight: float
    tail: Tail

    def score(self, row: Sequence[float]) -> float:
        """Higher: more like an attack. Comparable within this Scorer only."""
        return self.base + self.supervised.total(row) + self.weight * self.oddness(row)

    def oddness(self, row: Sequence[float]) -> float:
        """0 where paths are as long as usual for the benign, positive where shorter (Liu, Ting and Zhou, 2008)."""
        return 1.0 - self.benign_only.total(row) / (len(self.benign_only.roots) * self.usual_path)


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person should know of a model. `data` are sha256 by file name, `labels` the sha256 of all labels used;
    `counts` transactions by kind (`benign` among them), `measured` numbers out of fold, by what was measured."""

    trained: str
    data: Mapping[str, str]
    labels: str
    seed: int
    counts: Mapping[str, Mapping[str, int]]
    measured: Mapping[str, float]
    libraries: Mapping[str, str]
    note: str = ""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `logs` is for Executions without a call tree, and missing where there was nothing to learn it from."""

    version: int
    card: Card
    tree: Scorer
    logs: Scorer | None = None


_decoder = msgspec.json.Decoder(Model)


def read_model(path: Path) -> Model:
    """The model in a file. Raises BadInput for whatever is no model that this program can use."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"The model {path} cannot be read ({error.strerror}).", _MEND) from error
    return model_of(data, str(path))


@cache
def default_model() -> Model:
    """The model that comes with chainwatch."""
    try:
        data = (files("chainwatch.detect") / "models" / "default.json").read_bytes()
    except OSError as error:
        raise BadInput("The model that comes with chainwatch is missing.", "Install chainwatch again.") from error
    return model_of(data, "that comes with chainwatch")


def model_of(data: bytes, name: str) -> Model:
    """A model from its JSON. Raises BadInput as `read_model` does."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"The model {name} is larger than {MAX_BYTES:,} bytes.", _MEND)
    try:
        model = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The model {name} is none: {error}.", _MEND) from error
    if model.version != VERSION:
        raise BadInput(f"The model {name} is of version {model.version}, this program reads {VERSION}.", _MEND)
    for what, scorer, names in (("tree", model.tree, NAMES), ("logs", model.logs, NAMES_OF_LOGS)):
        if scorer is not None and (wrong := _wrong(scorer, names)):
            raise BadInput(f"The model {name} cannot be used, part {what}: {wrong}.", _MEND)
    return model


def encoded(model: Model) -> bytes:
    """A model's JSON."""
    return msgspec.json.encode(model) + b"\n"


def _wrong(scorer: Scorer, names: tuple[str, ...]) -> str | None:
    if scorer.names != names:
        odd = sorted(set(scorer.names) ^ set(names))
        return f"its features are not those of this program ({', '.join(odd[:5]) or 'another order'})"
    for what, forest in (("supervised", scorer.supervised), ("benign_only", scorer.benign_only)):
        if wrong := _wrong_forest(forest, len(names)):
            return f"{what}: {wrong}"
    tail = scorer.tail
    numbers = (scorer.base, scorer.weight, scorer.usual_path, *tail.highest, *tail.quantiles)
    if not all(isfinite(n) and abs(n) <= _FAR for n in numbers) or scorer.usual_path <= 0:
        return "a number is out of range"
    if not 0 < tail.count <= _FAR or len(tail.highest) > tail.count or not tail.highest:
        return "it was calibrated on nothing"
    if list(tail.highest) != sorted(tail.highest) or list(tail.quantiles) != sorted(tail.quantiles):
        return "its calibration is not in order"
    if tail.quantiles and tail.quantiles[-1] > tail.highest[0]:
        return "its calibration is not in order"
    return None


def _wrong_forest(forest: Forest, features: int) -> str | None:
    count = len(forest.feature)
    if not 0 < count <= MAX_NODES or not 0 < len(forest.roots) <= count:
        return "it has no nodes, or too many"
    if any(len(own) != count for own in (forest.threshold, forest.left, forest.right, forest.value)):
        return "its arrays differ in length"
    if not all(isfinite(v) and abs(v) <= _FAR for v in forest.value):
        return "a value is out of range"
    depth = [0] * count
    for at, (index, left, right) in enumerate(zip(forest.feature, forest.left, forest.right, strict=True)):
        if index >= features:
            return f"node {at} asks for feature {index}, and there are {features}"
        if index < 0:
            continue
        if not (at < left < count and at < right < count):
            return f"node {at} leads to a node that does not come after it"
        depth[left] = max(depth[left], depth[at] + 1)
        depth[right] = max(depth[right], depth[at] + 1)
    if max(depth) > MAX_DEPTH:
        return f"a tree is deeper than {MAX_DEPTH}"
    return None if all(0 <= root < count for root in forest.roots) else "a tree begins nowhere"
