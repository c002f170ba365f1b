"""Detectors against labels: what was found of the attacks, and what was raised without one.

The very pipeline that watches is run, on each labelled transaction by itself: a corpus is no chain, and what happened
before does not excuse or accuse. An alert counts by its tier; of one incident that stands in several transactions the
best counts. Bounds are exact (Clopper and Pearson), 95 %.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, lgamma, log
from pathlib import Path
from typing import Literal

import msgspec

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder
from chainwatch.detect.base import Detector
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label, labelled
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import Block, Execution, Hash, Tier

Mode = Literal["full", "trees", "logs"]
TIERS = (Tier.WATCH, Tier.ALERT, Tier.ACT)
_CONFIDENCE = 0.95
_STEPS = 60


class Verdict(msgspec.Struct, frozen=True):
    """What the detectors said of one labelled transaction: the highest tier (None: nothing), and who said it."""

    label: Label
    tier: Tier | None
    detectors: tuple[str, ...] = ()

    def reaches(self, tier: Tier) -> bool:
        """Whether an alert of this tier or a higher one was raised."""
        return self.tier is not None and TIERS.index(self.tier) >= TIERS.index(tier)


class Rate(msgspec.Struct, frozen=True):
    """`count` of `of`, and between what the true rate lies (95 %)."""

    count: int
    of: int
    low: float
    high: float

    @classmethod
    def made(cls, count: int, of: int) -> "Rate":
        """With its exact interval; a one-sided bound where nothing or everything was counted."""
        return cls(count, of, *interval(count, of))


class Row(msgspec.Struct, frozen=True):
    """One line of a table: by tier, the share of `what` on which an alert of at least that tier was raised."""

    what: str
    watch: Rate
    alert: Rate
    act: Rate


class Score(msgspec.Struct, frozen=True):
    """`attacks` by kind and in all, `incidents` counted once each, `benign` by set and in all (there a rate is one of
    false alarms), `detectors` how many verdicts each had a part in, of attacks and of others."""

    mode: Mode
    transactions: int
    skipped: int
    attacks: tuple[Row, ...]
    incidents: tuple[Row, ...]
    benign: tuple[Row, ...]
    detectors: Mapping[str, tuple[int, int]]


def score(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    detectors: Sequence[Detector],
    *,
    profiles: Sequence[Profile] = (),
    mode: Mode = "full",
    protect_labelled: bool = False,
    told: Callable[[Path], None] = lambda _: None,
) -> Score:
    """Run and count. `mode` leaves out the logs (`trees`) or the call trees (`logs`) and skips what lacks the other;
    `protect_labelled` protects each attack's victims, as its label names them, instead of treating all alike.

    Raises BadInput where a Recording has a transaction without a label, or no labelled one is left.
    """
    verdicts: list[Verdict] = []
    skipped = 0
    for label, block, execution in labelled(recordings, labels, told):
        given = shown(execution, mode)
        if given is None:
            skipped += 1
            continue
        protected = frozenset(label.protected or ()) if protect_labelled else frozenset()
        verdicts.append(verdict_of(label, given, block, Pipeline(decoder, detectors, profiles, protected)))
    if not verdicts:
        raise BadInput("No labelled transaction can be scored in this mode.", "Choose another --mode or Recordings.")
    return tally(verdicts, mode, skipped)


def tally(verdicts: Iterable[Verdict], mode: Mode = "full", skipped: int = 0) -> Score:
    """Count verdicts."""
    known = list(verdicts)
    attacks = [v for v in known if v.label.label == "attack"]
    others = [v for v in known if v.label.label != "attack"]
    best: dict[str, Verdict] = {}
    for verdict in attacks:
        key = verdict.label.incident or verdict.label.tx
        if key not in best or _rank(verdict) > _rank(best[key]):
            best[key] = verdict
    parts: dict[str, tuple[int, int]] = {}
    for verdict in known:
        for name in verdict.detectors:
            right, wrong = parts.get(name, (0, 0))
            is_attack = verdict.label.label == "attack"
            parts[name] = (right + is_attack, wrong + (not is_attack))
    return Score(
        mode=mode,
        transactions=len(known),
        skipped=skipped,
        attacks=_rows(attacks, lambda v: v.label.kind or "?"),
        incidents=_rows(list(best.values()), lambda v: v.label.kind or "?"),
        benign=_rows(others, lambda v: v.label.set),
        detectors=parts,
    )


def interval(count: int, of: int) -> tuple[float, float]:
    """The exact confidence interval of a binomial rate (Clopper and Pearson, Biometrika 1934), 95 %."""
    if of == 0:
        return 0.0, 1.0
    one_sided = count in (0, of)
    tail = (1 - _CONFIDENCE) if one_sided else (1 - _CONFIDENCE) / 2
    low = 0.0 if count == 0 else _solve(lambda p: 1 - _at_most(count - 1, of, p), tail)
    high = 1.0 if count == of else _solve(lambda p: -_at_most(count, of, p), -tail)
    return low, high


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Where a function that rises on 0 to 1 takes the value `target`."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2


def _at_most(count: int, of: int, p: float) -> float:
    """The probability of at most `count` successes in `of` trials."""
    if p <= 0.0:
        return 1.0
    if p >= 1.0:
        return float(count >= of)
    logs = (
        lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1) + k * log(p) + (of - k) * log(1 - p)
        for k in range(count + 1)
    )
    return min(1.0, sum(map(exp, logs)))


def _rows(verdicts: Sequence[Verdict], group: Callable[[Verdict], str]) -> tuple[Row, ...]:
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(group(verdict), []).append(verdict)
    rows = [_row(name, groups[name]) for name in sorted(groups)]
    return (*rows, _row("all", verdicts)) if verdicts else ()


def _row(what: str, verdicts: Sequence[Verdict]) -> Row:
    watch, alert, act = (Rate.made(sum(v.reaches(t) for v in verdicts), len(verdicts)) for t in TIERS)
    return Row(what, watch, alert, act)


def _rank(verdict: Verdict) -> int:
    return -1 if verdict.tier is None else TIERS.index(verdict.tier)


def shown(execution: Execution, mode: Mode) -> Execution | None:
    """What the detectors are to see of it; None where the source lacks that."""
    if mode == "trees":
        return None if execution.trace is None else msgspec.structs.replace(execution, logs=None)
    if mode == "logs":
        return None if execution.logs is None else msgspec.structs.replace(execution, trace=None)
    return execution


def verdict_of(label: Label, execution: Execution, block: Block, pipeline: Pipeline) -> Verdict:
    """What a fresh pipeline says of one transaction of a block, by itself."""
    outcome = pipeline.block(msgspec.structs.replace(block, executions=(execution,)), {})
    tiers = [alert.tier for alert in outcome.alerts]
    names = sorted({name for alert in outcome.alerts for name in alert.detectors})
    return Verdict(label, max(tiers, key=TIERS.index, default=None), tuple(names))
