"""Rules and the learned detector together, where the model has not seen what it is asked.

Rules are not trained and are run as `score` runs them. The learned detector is trained once for each fold without the
fold's incidents and contracts, calibration included, and once for each kind of attack without that kind: what it would
make of attacks of which it has seen none. A transaction counts as found from tier `alert` on.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder
from chainwatch.detect.base import Detector
from chainwatch.detect.learned import ALPHA, LearnedAnomaly, judged
from chainwatch.detect.trees import Scorer
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label
from chainwatch.evaluate.misses import FalseAlarm, Miss, false_alarms, misses
from chainwatch.evaluate.rows import Row, fold_of
from chainwatch.evaluate.score import Rate
from chainwatch.evaluate.strata import stratified
from chainwatch.evaluate.train import fit, has_enough, require_tools
from chainwatch.evaluate.verdicts import Mode, Verdict, by_families, examine
from chainwatch.types import Hash, Tier

MAX_FOLDS = 50


class Case(msgspec.Struct, frozen=True):
    """One transaction: its row (None where it failed, hence did nothing), who named it, and the rules' verdict. `p` is
    the learned detector's, None where it was not asked; `because` is why, where it named it."""

    label: Label
    row: Row | None
    by_rules: bool
    by_learned: bool = False
    verdict: Verdict | None = None
    p: float | None = None
    because: tuple[str, ...] = ()


class Compared(msgspec.Struct, frozen=True):
    """Of `what`, the share named by the rules, by the learned detector, and by either."""

    what: str
    rules: Rate
    learned: Rate
    either: Rate


class FoldScore(msgspec.Struct, frozen=True):
    """`attacks` and `incidents` by kind, `others` by how hard they are; `left_out` as `attacks`, each kind by a model
    that had seen none of it (without kinds where the others are too few to learn from).

    `p_at_most` is the learned detector's threshold. `by_learned` are set and hash of all that it named, `false_alarms`
    and `misses` those of rules and learned together.
    """

    mode: Mode
    folds: int
    seed: int
    p_at_most: float
    transactions: int
    skipped: int
    attacks: tuple[Compared, ...]
    incidents: tuple[Compared, ...]
    others: tuple[Compared, ...]
    left_out: tuple[Compared, ...]
    by_learned: tuple[tuple[str, Hash], ...] = ()
    false_alarms: tuple[FalseAlarm, ...] = ()
    misses: tuple[Miss, ...] = ()


def fold_scores(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    rules: Sequence[Detector],
    *,
    folds: int = 5,
    seed: int = 0,
    alpha: float = ALPHA,
    profiles: Sequence[Profile] = (),
    mode: Mode = "full",
    told: Callable[[Path], None] = lambda _: None,
) -> FoldScore:
    """Run the rules once, train `folds` models and one for each kind, and count.

    `rules` must not hold the learned detector. Raises BadInput where there is too little to learn from in a fold.
    """
    check_folds(folds)
    found = examine(recordings, labels, decoder, rules, profiles=profiles, mode=mode, learning=True, told=told)
    cases = cases_of(found.verdicts, profiles)
    return compare(cases, found.more, folds=folds, seed=seed, alpha=alpha, mode=mode, skipped=found.skipped)


def check_folds(folds: int) -> None:
    """Raises BadInput for a number of folds that cannot be made, MissingTool without scikit-learn."""
    _check(folds)
    require_tools()


def cases_of(verdicts: Sequence[Verdict], profiles: Sequence[Profile] = ()) -> list[Case]:
    """What the rules said of each, whatever else was asked."""
    rules = (by_families(v, lambda f: f.family != LearnedAnomaly.family, profiles) for v in verdicts)
    return [Case(v.label, v.row, v.reaches(Tier.ALERT), verdict=v) for v in rules]


def compare(
    cases: Sequence[Case],
    more: Sequence[Row] = (),
    *,
    folds: int = 5,
    seed: int = 0,
    alpha: float = ALPHA,
    mode: Mode = "full",
    skipped: int = 0,
) -> FoldScore:
    """Train and count, where rows and the rules' verdicts are known. `more` are rows to learn from but not to judge."""
    _check(folds)
    rows = [*(c.row for c in cases if c.row is not None), *more]
    judged_cases: list[Case] = []
    for fold in range(folds):
        seen = _scorers([row for row in rows if fold_of(row, folds, seed) != fold], seed)
        if not seen:
            raise BadInput("There is too little to learn from.", "Give Recordings with more incidents, or fewer folds.")
        unseen = (c for c in cases if c.row is not None and fold_of(c.row, folds, seed) == fold)
        judged_cases += (_judged(c, seen, alpha) for c in unseen)
    judged_cases += (c for c in cases if c.row is None)
    attacks = [c for c in judged_cases if c.label.label == "attack"]
    others = [c for c in judged_cases if c.label.label != "attack"]
    left_out: list[Case] = []
    for kind in sorted({c.label.kind or "?" for c in attacks}):
        seen = _scorers([row for row in rows if not (row.is_attack and (row.label.kind or "?") == kind)], seed)
        left_out += (_judged(c, seen, alpha) for c in attacks if seen and (c.label.kind or "?") == kind)
    return FoldScore(
        mode=mode,
        folds=folds,
        seed=seed,
        p_at_most=alpha,
        transactions=len(cases),
        skipped=skipped,
        attacks=_by_kind(attacks),
        incidents=_by_kind(_incidents(attacks)),
        others=tuple(_compared(what, own) for what, own in stratified(others, lambda c: c.row)),
        left_out=_by_kind(left_out),
        by_learned=tuple(sorted((c.label.set, c.label.tx) for c in judged_cases if c.by_learned)),
        false_alarms=tuple(sorted(false_alarms([_together(c) for c in others]), key=lambda f: (f.set, f.tx))),
        misses=misses([_together(c) for c in attacks], alpha),
    )


def heard(cases: Sequence[Case], score: FoldScore) -> list[Verdict]:
    """The rules' verdicts, raised to `alert` where the learned detector named a transaction out of fold."""
    named = frozenset(score.by_learned)
    rules = [case.verdict for case in cases if case.verdict is not None]
    return [
        msgspec.structs.replace(v, tier=Tier.ALERT)
        if (v.label.set, v.label.tx) in named and not v.reaches(Tier.ALERT)
        else v
        for v in rules
    ]


def _check(folds: int) -> None:
    if not 2 <= folds <= MAX_FOLDS:
        raise BadInput(f"{folds} folds cannot be made.", f"Give 2 to {MAX_FOLDS}.")


def _scorers(rows: Sequence[Row], seed: int) -> dict[str, Scorer]:
    """A Scorer for each part that there is enough of."""
    parts = {part: [row for row in rows if row.part == part] for part in ("tree", "logs")}
    return {part: fit(own, seed).scorer for part, own in parts.items() if has_enough(own)}


def _judged(case: Case, scorers: Mapping[str, Scorer], alpha: float) -> Case:
    row = case.row
    if row is None or row.is_small or row.part not in scorers:
        return msgspec.structs.replace(case, by_learned=False)
    said = judged(scorers[row.part], row.features)
    named = said.p <= alpha
    return msgspec.structs.replace(case, by_learned=named, p=said.p, because=said.because if named else ())


def _together(case: Case) -> Verdict:
    """What rules and learned detector together said."""
    rules = case.verdict or Verdict(case.label, Tier.ALERT if case.by_rules else None, row=case.row)
    verdict = msgspec.structs.replace(rules, p=case.p)
    if not case.by_learned or case.p is None:
        return verdict
    detectors = (*verdict.detectors, LearnedAnomaly.name)
    if verdict.reaches(Tier.ALERT):
        return msgspec.structs.replace(verdict, detectors=detectors)
    says = f"A model that had not seen it ranks it p = {case.p:.2g}: {'; '.join(case.because)}."
    return msgspec.structs.replace(verdict, tier=Tier.ALERT, detectors=detectors, kind=LearnedAnomaly.name, says=says)


def _incidents(attacks: Sequence[Case]) -> list[Case]:
    """Each incident once, named where any of its transactions was."""
    groups: dict[str, list[Case]] = {}
    for case in attacks:
        groups.setdefault(case.label.incident or case.label.tx, []).append(case)
    return [
        msgspec.structs.replace(
            own[0], by_rules=any(c.by_rules for c in own), by_learned=any(c.by_learned for c in own)
        )
        for own in groups.values()
    ]


def _by_kind(cases: Sequence[Case]) -> tuple[Compared, ...]:
    kinds = sorted({c.label.kind or "?" for c in cases})
    rows = [_compared(kind, [c for c in cases if (c.label.kind or "?") == kind]) for kind in kinds]
    return (*rows, _compared("all", cases)) if cases else ()


def _compared(what: str, cases: Sequence[Case]) -> Compared:
    of = len(cases)
    return Compared(
        what,
        Rate.made(sum(c.by_rules for c in cases), of),
        Rate.made(sum(c.by_learned for c in cases), of),
        Rate.made(sum(c.by_rules or c.by_learned for c in cases), of),
    )
