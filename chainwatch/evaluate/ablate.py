"""What each family of rules is worth: the count without it, and the count of it alone.

The detectors are not run again. The Findings of the other families are fused anew, by the code that fuses them live.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec

from chainwatch.config.models import Profile
from chainwatch.detect.base import Detector
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.evaluate.rows import MADE
from chainwatch.evaluate.score import Rate
from chainwatch.evaluate.verdicts import Verdict, by_families
from chainwatch.types import Finding, Hash, Tier


class Ablated(msgspec.Struct, frozen=True):
    """`what` says which families were heard. Attacks found at `alert` and `act`; false alarms at `alert` and `act` on
    all that is no attack, and at `alert` on what was made to look like one. `with_learned` are attacks found, and
    `with_learned_false` false alarms, where the learned detector was heard out of fold too; None without folds."""

    what: str
    alert: Rate
    act: Rate
    false_alarms: Rate
    false_acts: Rate
    made_up: Rate
    with_learned: Rate | None = None
    with_learned_false: Rate | None = None


def ablate(
    verdicts: Sequence[Verdict],
    detectors: Sequence[Detector],
    *,
    profiles: Sequence[Profile] = (),
    by_learned: Collection[tuple[str, Hash]] | None = None,
) -> tuple[Ablated, ...]:
    """All rules, without each family, each alone; and what was run whole, the learned detector as shipped included.

    `by_learned`: set and hash of what the learned detector named out of fold.
    """
    learned = LearnedAnomaly.family
    families = list(dict.fromkeys(d.family for d in detectors if d.family != learned))
    named = None if by_learned is None else frozenset(by_learned)
    heard: list[tuple[str, Callable[[Finding], bool]]] = [("all rules", lambda f: f.family != learned)]
    heard += [(f"without {name}", _but(name, learned)) for name in families]
    heard += [(f"{name} alone", _only(name)) for name in families]
    rows = [_counted(what, [by_families(v, keep, profiles) for v in verdicts], named) for what, keep in heard]
    if any(d.family == learned for d in detectors):
        rows.append(_counted("the learned alone, as shipped", [by_families(v, _only(learned), profiles)
                                                               for v in verdicts], None))  # fmt: skip
        rows.append(_counted("rules and the learned, as shipped", verdicts, None))
    return tuple(rows)


def _but(*families: str) -> Callable[[Finding], bool]:
    return lambda finding: finding.family not in families


def _only(family: str) -> Callable[[Finding], bool]:
    return lambda finding: finding.family == family


def _counted(what: str, verdicts: Sequence[Verdict], named: Collection[tuple[str, Hash]] | None) -> Ablated:
    attacks = [v for v in verdicts if v.is_attack]
    others = [v for v in verdicts if not v.is_attack]
    made_up = [v for v in others if v.label.set == MADE]
    return Ablated(
        what=what,
        alert=_rate(attacks, Tier.ALERT),
        act=_rate(attacks, Tier.ACT),
        false_alarms=_rate(others, Tier.ALERT),
        false_acts=_rate(others, Tier.ACT),
        made_up=_rate(made_up, Tier.ALERT),
        with_learned=None if named is None else _rate(attacks, Tier.ALERT, named),
        with_learned_false=None if named is None else _rate(others, Tier.ALERT, named),
    )


def _rate(verdicts: Sequence[Verdict], tier: Tier, named: Collection[tuple[str, Hash]] = ()) -> Rate:
    return Rate.made(sum(v.reaches(tier) or (v.label.set, v.label.tx) in named for v in verdicts), len(verdicts))
