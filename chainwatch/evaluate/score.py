"""Detectors against labels: what was found of the attacks, and what was raised without one.

The very pipeline that watches is run, on each labelled transaction by itself. An alert counts by its tier; of one
incident that stands in several transactions the best counts. Bounds are exact (Clopper and Pearson), 95 %: wider
than Wilson's, whose coverage falls below that near nothing; one-sided where nothing or everything was counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil, exp, lgamma, log
from pathlib import Path

import msgspec

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder
from chainwatch.detect.base import Detector
from chainwatch.evaluate.labels import Label
from chainwatch.evaluate.misses import FalseAlarm, Miss, false_alarms, misses
from chainwatch.evaluate.strata import stratified
from chainwatch.evaluate.verdicts import TIERS, Mode, Verdict, examine
from chainwatch.types import Hash

_CONFIDENCE = 0.95
_STEPS = 60


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


class Times(msgspec.Struct, frozen=True):
    """Decoding, detection and triage, in processor time: transactions a second, milliseconds a transaction, each
    without the largest tree; and the largest tree, by calls, with its milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    largest_frames: int
    largest_ms: float


class Score(msgspec.Struct, frozen=True):
    """`attacks` by kind and in all, `chains` the same by chain, `incidents` counted once each; `benign` by set and
    `strata` by how hard they are (there a rate is one of false alarms); `detectors` how many verdicts each had a part
    in, of attacks and of others. `false_alarms` and `misses` are from tier `alert` on, the worst miss first.

    `times` is None where nothing was measured.
    """

    mode: Mode
    transactions: int
    skipped: int
    attacks: tuple[Row, ...]
    incidents: tuple[Row, ...]
    chains: tuple[Row, ...]
    benign: tuple[Row, ...]
    strata: tuple[Row, ...]
    detectors: Mapping[str, tuple[int, int]]
    false_alarms: tuple[FalseAlarm, ...]
    misses: tuple[Miss, ...]
    times: Times | None = None


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
    """Run and count, see `examine`."""
    found = examine(recordings, labels, decoder, detectors, profiles=profiles, mode=mode,
                    protect_labelled=protect_labelled, told=told)  # fmt: skip
    return tally(found.verdicts, mode, found.skipped)


def tally(verdicts: Iterable[Verdict], mode: Mode = "full", skipped: int = 0) -> Score:
    """Count verdicts."""
    known = list(verdicts)
    attacks = [v for v in known if v.is_attack]
    others = [v for v in known if not v.is_attack]
    best: dict[str, Verdict] = {}
    for verdict in attacks:
        if verdict.incident not in best or _rank(verdict) > _rank(best[verdict.incident]):
            best[verdict.incident] = verdict
    parts: dict[str, tuple[int, int]] = {}
    for verdict in known:
        for name in verdict.detectors:
            right, wrong = parts.get(name, (0, 0))
            parts[name] = (right + verdict.is_attack, wrong + (not verdict.is_attack))
    return Score(
        mode=mode,
        transactions=len(known),
        skipped=skipped,
        attacks=_rows(attacks, lambda v: v.label.kind or "?"),
        incidents=_rows(list(best.values()), lambda v: v.label.kind or "?"),
        chains=_rows(attacks, lambda v: f"chain {v.chain_id}"),
        benign=_rows(others, lambda v: v.label.set),
        strata=tuple(_row(what, own) for what, own in stratified(others, lambda v: v.row)) if others else (),
        detectors=parts,
        false_alarms=false_alarms(others),
        misses=misses(attacks),
        times=_times(known),
    )


def _times(verdicts: Sequence[Verdict]) -> Times | None:
    timed = [v for v in verdicts if v.seconds > 0]
    if len(timed) < 2:
        return None
    largest = max(timed, key=lambda v: v.row.frames if v.row else 0)
    seconds = sorted(v.seconds for v in timed if v is not largest)
    p50, p99 = (1_000 * seconds[max(ceil(q * len(seconds)), 1) - 1] for q in (0.5, 0.99))
    frames = largest.row.frames if largest.row else 0
    return Times(len(seconds) / sum(seconds), p50, p99, frames, 1_000 * largest.seconds)


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
