"""The learned detector: how unlike ordinary transactions, and how like attacks, an Execution looks.

It advises and never decides: its Finding is `learned`, which weighs as an alert of at most P2 and counts neither for
tier `act` nor for the chance that a response is weighed by. What it says is calibrated: at most a share ALPHA of
ordinary contract calls is expected to be named. See docs/detectors/learned_anomaly.md and docs/models.md.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chainwatch.decode.balances import Ledger, ledger, taker
from chainwatch.detect.base import View
from chainwatch.detect.features import features, features_of_logs, shown
from chainwatch.detect.trees import Model, Scorer, default_model
from chainwatch.types import (
    ZERO_ADDRESS,
    Address,
    Block,
    Evidence,
    Execution,
    Facts,
    Finding,
    Hash,
    Transfer,
)

ALPHA = 0.001
"""The share of ordinary contract calls that may be named; docs/detectors/learned_anomaly.md says what it really is."""

MIN_FRAMES = 4
"""Smaller call trees look alike whether they steal or not: nothing is said of them."""

MIN_EVENTS = 4
"""The same where there are only logs."""

CONFIDENCE = 0.5
"""Enough to page a person. The base rate of attacks allows no more: see the detector's page."""

LIKELIHOOD_RATIO = 1.0
"""Not what was measured but what it may weigh: it looks at all that the rules look at, so nothing is independent of it,
and a machine's score must not make a response cheaper (DESIGN section 4.10)."""

MAX_SHOWN = 5
"""Features and movements told of: the ones that moved the score most."""


class Judgement(msgspec.Struct, frozen=True):
    """`p`: at most this share of ordinary contract calls scores as high. `row` are the features that `scorer` saw."""

    p: float
    score: float
    row: tuple[float, ...]
    scorer: Scorer

    @property
    def because(self) -> tuple[str, ...]:
        """The features that raised the score most, in words and numbers."""
        moved = self.scorer.supervised.shares(self.row)
        first = sorted((i for i, by in moved.items() if by > 0), key=lambda i: -moved[i])[:MAX_SHOWN]
        return tuple(shown(self.scorer.names[i], self.row[i]) for i in first)


class LearnedAnomaly:
    """Inspects Executions; with a call tree by one model, without one, if there is a model of logs, by that."""

    name = "learned_anomaly"
    family = "learned"

    def __init__(self, model: Model | None = None, alpha: float = ALPHA) -> None:
        self._model = model
        self._alpha = alpha

    def judge(self, execution: Execution, facts: Facts) -> Judgement | None:
        """What the model says of an Execution; None where it is too small, or there is no model for its source."""
        model = self._model or default_model()
        if facts.frames:
            if len(facts.frames) < MIN_FRAMES:
                return None
            return judged(model.tree, features(execution, facts))
        if model.logs is None or len(facts.events) < MIN_EVENTS:
            return None
        return judged(model.logs, features_of_logs(execution, facts))

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution."""
        if not isinstance(subject, Execution) or not subject.succeeded:
            return
        facts = view.facts[0]
        said = self.judge(subject, facts)
        if said is None or said.p > self._alpha:
            return
        book = ledger(facts.events)
        side = {a for a in (subject.transaction.from_, subject.transaction.to) if a} | facts.created
        side -= view.protected
        victim, loss = _largest_loser(book, frozenset(side), view.protected)
        because = said.because
        yield Finding(
            detector=self.name,
            family=self.family,
            kind="learned_anomaly",
            confidence=CONFIDENCE,
            likelihood_ratio=LIKELIHOOD_RATIO,
            chain_id=subject.chain_id,
            stage=subject.stage,
            block=subject.block,
            tx_hashes=(subject.transaction.hash,),
            victims=(victim,) if victim else (),
            suspects=tuple(a for a in (subject.transaction.from_, subject.transaction.to) if a in side and a),
            loss=loss,
            loss_usd=None,  # what is lost in dollars decides responses
            evidence=_evidence(subject.transaction.hash, facts, said, because, victim, loss),
            formula=f"p = (1 + ordinary transactions that score as high) / (1 + all) = {said.p:.2g} <= {self._alpha:g}",
            explanation=_explanation(said, because, victim, loss, view),
            advisory=True,
        )


def judged(scorer: Scorer, row: tuple[float, ...]) -> Judgement:
    """What a Scorer says of a row of features."""
    score = scorer.score(row)
    return Judgement(scorer.tail.p(score), score, row, scorer)


def _largest_loser(
    book: Ledger, side: frozenset[Address], protected: frozenset[Address]
) -> tuple[Address | None, dict[Address, int]]:
    """Who, besides the sender's side, lost most of what that side gained, protected ones first; and what it lost."""
    gains = {token for token, change in book.net(side).items() if change > 0}
    found: tuple[tuple[bool, int], Address | None, dict[Address, int]] = ((False, 0), None, {})
    for address in book.changes:
        if address in side or address in book.folded or address == ZERO_ADDRESS:
            continue
        lost = {t: -n for t, n in book.net((address,)).items() if n < 0 and t in gains}
        rank = (address in protected, max(lost.values(), default=0))
        if lost and rank > found[0]:
            found = (rank, address, lost)
    return found[1], found[2]


def _evidence(tx: Hash, facts: Facts, said: Judgement, because: Sequence[str], victim: Address | None,
              loss: Mapping[Address, int]) -> tuple[Evidence, ...]:  # fmt: skip
    values: dict[str, str | int | float] = {"p": round(said.p, 6), "score": round(said.score, 4)}
    values |= {f"because_{n}": text for n, text in enumerate(because, 1)}
    cited = [Evidence(ref=f"tx:{tx}", what="the transaction as a whole, by a learned score", values=values)]
    taken = [e for e in facts.events if isinstance(e, Transfer) and e.sender == victim and taker(e) != victim]
    taken = sorted((e for e in taken if e.token in loss), key=lambda e: -e.amount)[:MAX_SHOWN]
    for e in taken:
        where = f"log:{tx}:{e.log_index}" if e.log_index is not None else f"event:{tx}:{e.order}"
        ref = where if e.frame is None else f"frame:{tx}:{e.frame}"
        names = {"token": e.token, "from": e.sender, "to": e.recipient, "amount": str(e.amount)}
        cited.append(Evidence(ref=ref, what="went out of who lost most", values=names))
    return tuple({item.ref: item for item in reversed(cited)}.values())[::-1]


def _explanation(
    said: Judgement, because: tuple[str, ...], victim: Address | None, loss: Mapping[Address, int], view: View
) -> str:
    one_in = max(round(1 / said.p), 1)
    reasons = f" What tells it apart most: {'; '.join(because)}." if because else ""
    lost = ", ".join(view.words.amount(token, amount) for token, amount in list(loss.items())[:MAX_SHOWN])
    who = f" {view.words.name(victim)} had less at the end: {lost}." if victim else ""
    return (
        f"This transaction looks more like an attack than all but one in {one_in:,} ordinary contract calls that the "
        f"learned score is calibrated on (p = {said.p:.2g}).{reasons}{who} A score is a reason to look, not a proof."
    )
