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
from chainwatch.detect.learned import ALPHA, judged
from chainwatch.detect.trees import Scorer
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label, labelled
from chainwatch.evaluate.rows import Row, fold_of, made, row_of
from chainwatch.evaluate.score import Mode, Rate, shown, verdict_of
from chainwatch.evaluate.train import fit, has_enough, require_tools
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import Hash, Tier

MANY_TRANSFERS, MANY_FRAMES = 5, 50
"""What makes an ordinary transaction a hard one."""


MAX_FOLDS = 50


class Case(msgspec.Struct, frozen=True):
    """One transaction: its row (None where it failed, hence did nothing) and who named it."""

    label: Label
    row: Row | None
    by_rules: bool
    by_learned: bool = False


class Compared(msgspec.Struct, frozen=True):
    """Of `what`, the share named by the rules, by the learned detector, and by either."""

    what: str
    rules: Rate
    learned: Rate
    either: Rate


class FoldScore(msgspec.Struct, frozen=True):
    """`attacks` and `incidents` by kind, `others` by how hard they are; `left_out` as `attacks`, each kind by a model
    that had seen none of it (without kinds where the others are too few to learn from).

    `p_at_most` is the learned detector's threshold.
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
    require_tools()
    _check(folds)
    cases, more, skipped = _cases(recordings, labels, decoder, rules, profiles, mode, told)
    return compare(cases, more, folds=folds, seed=seed, alpha=alpha, mode=mode, skipped=skipped)


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
        others=_by_hardness([c for c in judged_cases if c.label.label != "attack"]),
        left_out=_by_kind(left_out),
    )


def _check(folds: int) -> None:
    if not 2 <= folds <= MAX_FOLDS:
        raise BadInput(f"{folds} folds cannot be made.", f"Give 2 to {MAX_FOLDS}.")


def _cases(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    rules: Sequence[Detector],
    profiles: Sequence[Profile],
    mode: Mode,
    told: Callable[[Path], None],
) -> tuple[list[Case], list[Row], int]:
    cases: list[Case] = []
    more: list[Row] = []
    skipped = 0
    for label, block, execution in labelled(recordings, labels, told):
        given = shown(execution, mode)
        if given is None:
            skipped += 1
            continue
        verdict = verdict_of(label, given, block, Pipeline(decoder, rules, profiles))
        row = None
        if given.succeeded:
            facts = decoder.facts(given)
            row = made(label, given, facts, "tree" if facts.frames else "logs")
            if row.part == "tree" and (by_logs := row_of(label, given, decoder, "logs")) is not None:
                more.append(by_logs)
        cases.append(Case(label, row, verdict.reaches(Tier.ALERT)))
    return cases, more, skipped


def _scorers(rows: Sequence[Row], seed: int) -> dict[str, Scorer]:
    """A Scorer for each part that there is enough of."""
    parts = {part: [row for row in rows if row.part == part] for part in ("tree", "logs")}
    return {part: fit(own, seed).scorer for part, own in parts.items() if has_enough(own)}


def _judged(case: Case, scorers: Mapping[str, Scorer], alpha: float) -> Case:
    row = case.row
    if row is None or row.is_small or row.part not in scorers:
        return msgspec.structs.replace(case, by_learned=False)
    return msgspec.structs.replace(case, by_learned=judged(scorers[row.part], row.features).p <= alpha)


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


def _by_hardness(cases: Sequence[Case]) -> tuple[Compared, ...]:
    known = [(c, c.row) for c in cases if c.row is not None and not c.row.is_made]
    made_up = [c for c in cases if c.row is not None and c.row.is_made]
    return (
        _compared("contract calls", [c for c, row in known if row.is_call]),
        _compared(f"{MANY_TRANSFERS} transfers or more", [c for c, row in known if row.transfers >= MANY_TRANSFERS]),
        _compared(f"{MANY_FRAMES} calls or more", [c for c, row in known if row.frames >= MANY_FRAMES]),
        _compared("with a lender's callback", [c for c, row in known if row.is_flash]),
        *([_compared("made to look like attacks", made_up)] if made_up else ()),
        _compared("all", cases),
    )


def _compared(what: str, cases: Sequence[Case]) -> Compared:
    of = len(cases)
    return Compared(
        what,
        Rate.made(sum(c.by_rules for c in cases), of),
        Rate.made(sum(c.by_learned for c in cases), of),
        Rate.made(sum(c.by_rules or c.by_learned for c in cases), of),
    )
