"""Governance: votes with borrowed tokens, a delay stepped over or cut, a dangerous call that waits to be executed.

The first two are claims that a rule was broken, read from one transaction. The third is a heads-up: owners change what
they protect in good order, too, and somebody should know what waits, and until when. What a call would do is told in
`governance_calls.py`. See docs/detectors/governance.md for what this proves, what it does not, and that most of it was
measured on nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from chainwatch.detect.base import View, Words
from chainwatch.detect.governance_calls import Waiting, waiting
from chainwatch.detect.governance_votes import borrowed_votes
from chainwatch.types import Address, Block, Event, Evidence, Execution, Finding, Frame, Hash, ParameterChange, Proposal

# The corpus holds no attack of this kind: nothing here was measured on one, so all of it is advice, without weight.
# By argument, not by measure: who votes and executes with what he borrowed leaves nobody a say. A borrowed vote that
# decides nothing yet, and a delay that was none, need a person to look.
CONFIDENCE_DECIDED = 0.8
CONFIDENCE = 0.6
# A heads-up: as likely in good order as in an attack; enough to tell somebody.
HEADS_UP_CONFIDENCE = 0.5
MAX_SHOWN = 3

_DELAYS = frozenset(
    ("min_delay", "voting_delay", "voting_period", "default_admin_delay", "target_admin_delay", "role_grant_delay")
)
"""Settings that say how long people have to object, by the names that decoding gives them."""


class _Claim(msgspec.Struct, frozen=True):
    """What one Finding says. `victims` are the contracts that it is about."""

    kind: str
    confidence: float
    victims: tuple[Address, ...]
    evidence: tuple[Evidence, ...]
    formula: str
    explanation: str


class Governance:
    """Inspects Executions: with logs, with call trees (votes and waiting calls only), or both."""

    name = "governance"
    family = "governance"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding of each kind about an Execution; heads-ups only about what is protected."""
        if not isinstance(subject, Execution) or not subject.succeeded:
            return
        tx = subject.transaction
        for read in (_borrowed, _stepped_over, _shortened, _dangerous):
            claim = read(subject, view)
            if claim is not None:
                yield Finding(
                    detector=self.name,
                    family=self.family,
                    kind=claim.kind,
                    confidence=claim.confidence,
                    likelihood_ratio=1.0,
                    chain_id=subject.chain_id,
                    stage=subject.stage,
                    block=subject.block,
                    tx_hashes=(tx.hash,),
                    victims=claim.victims,
                    suspects=tuple(a for a in (tx.from_, tx.to) if a is not None and a not in claim.victims),
                    loss={},
                    loss_usd=None,
                    evidence=claim.evidence,
                    formula=claim.formula,
                    explanation=claim.explanation,
                    advisory=True,  # measured on nothing, or a heads-up
                )


def _borrowed(execution: Execution, view: View) -> _Claim | None:
    """A vote by the sender's side with what it borrowed for the length of the transaction."""
    votes = borrowed_votes(execution, view.facts[0], view.protected)
    if votes is None or not (not view.protected or votes.governor in view.protected or votes.token in view.protected):
        return None
    tx, words = execution.transaction.hash, view.words
    if votes.token is None:
        how = "had borrowed for the length of this transaction"
    elif votes.loan.amount:
        how = f"had borrowed {words.amount(votes.token, votes.loan.amount)} for the length of this transaction"
    else:
        how = f"had borrowed {words.name(votes.token)} for the length of this transaction"
    if votes.executed is None:
        decided = "No execution was seen in it."
    else:
        decided = "The proposal was executed in the same transaction, before anybody could object."
    steps: list[tuple[Event | Frame, str]] = [
        (votes.loan, f"a loan of {votes.loan.lender}, repaid in this transaction"),
        (votes.vote, f"the sender's side voted at {votes.governor}"),
    ]
    if votes.gained is not None:
        steps.insert(1, (votes.gained, "by it the voter had more votes, or locked what it borrowed"))
    if votes.executed is not None:
        steps.append((votes.executed, "what was voted on was executed"))
    return _Claim(
        kind="governance_flash_votes",
        confidence=CONFIDENCE if votes.executed is None else CONFIDENCE_DECIDED,
        victims=tuple(dict.fromkeys(a for a in (votes.governor, votes.token) if a is not None)),
        evidence=tuple(_cited(tx, step, what) for step, what in steps),
        formula="in one transaction the sender's side borrowed, voted, and either the votes were of what it borrowed "
        "or what it voted on was executed, too",
        explanation=f"The sender's side {how} and voted at {words.name(votes.governor)}. {decided} Who votes with what "
        "he holds for a moment has no stake in what is decided.",
    )


def _stepped_over(execution: Execution, view: View) -> _Claim | None:
    """An operation executed before, or in the same transaction as, the step that was to give people time.

    Executed and only then queued is wrong whatever the delay. Queued or proposed first may be a delay of zero, which is
    said of protected contracts only. A proposal counts that names its calls: a wallet of several owners has no delay.
    """
    first: dict[tuple[Address, str], Proposal] = {}
    for e in view.facts[0].events:
        if not isinstance(e, Proposal) or e.step == "cancelled":
            continue
        earlier = first.setdefault((e.address, e.proposal_id), e)
        executed, other = (e, earlier) if e.step == "executed" else (earlier, e)
        if executed.step != "executed" or other.step == "executed" or not (other.targets and other.calls):
            continue
        before = executed is earlier
        if before and not executed.targets:
            continue  # where an operation may be done again and again, it is scheduled anew when it was executed
        named = {e.address, *other.targets}
        ours = not view.protected.isdisjoint(named)
        if not (ours if view.protected else before):
            continue
        tx, governor = execution.transaction.hash, view.words.name(e.address)
        order = "executed before it was scheduled" if before else f"{other.step} and executed"
        return _Claim(
            kind="governance_timelock_bypassed",
            confidence=CONFIDENCE_DECIDED if before else CONFIDENCE,
            victims=tuple(dict.fromkeys((e.address, *other.targets))),
            evidence=(_cited(tx, other, f"it was {other.step}"), _cited(tx, executed, "it was executed")),
            formula="one operation was queued (or proposed) and executed in one transaction",
            explanation=f"An operation at {governor} was {order} in one transaction: nobody had time to object. Either "
            "its delay is zero, or it was stepped over.",
        )
    return None


def _shortened(execution: Execution, view: View) -> _Claim | None:
    """A delay of a protected contract that became shorter, or zero where it is not said what it was."""
    for e in view.facts[0].events:
        if not isinstance(e, ParameterChange) or e.what not in _DELAYS or e.address not in view.protected:
            continue
        if not isinstance(e.after, int) or not (e.after < e.before if isinstance(e.before, int) else e.after == 0):
            continue
        was = f"{e.before:,}" if isinstance(e.before, int) else "not said"
        values: dict[str, str | int | float] = {"before": was, "after": str(e.after)}
        what = e.what.replace("_", " ")
        seen = _cited(execution.transaction.hash, e, f"its {what} changed")
        return _Claim(
            kind="governance_delay_shortened",
            confidence=HEADS_UP_CONFIDENCE,
            victims=(e.address,),
            evidence=(msgspec.structs.replace(seen, values=values),),
            formula=f"{e.what} of a protected contract after < before (or = 0)",
            explanation=f"The {what} of {view.words.name(e.address)} was {was} and is {e.after:,} now (seconds or "
            "blocks, as it counts): people have less time to object than before. Was that decided by those who should?",
        )
    return None


def _dangerous(execution: Execution, view: View) -> _Claim | None:
    """Calls that wait to be executed and would hand over, replace or pay out something protected."""
    found = list(waiting(view))
    if not found:
        return None
    tx, words, first = execution.transaction.hash, view.words, found[0]
    more = f" Of such calls {len(found)} wait together." if len(found) > 1 else ""
    asked = "proposed" if first.step == "created" else first.step
    return _Claim(
        kind="governance_dangerous_call",
        confidence=HEADS_UP_CONFIDENCE,
        victims=tuple(dict.fromkeys(w.target for w in found)),
        evidence=tuple({e.ref: e for e in _waiting_evidence(tx, found)}.values()),
        formula="a proposal or timelocked operation was created or queued whose call is one that changes an owner, a "
        "role, an implementation, an oracle, a delay or a supply, or moves tokens, and concerns a protected contract",
        explanation=f"A call was {asked} at {words.name(first.governor)} that would {first.danger} "
        f"{_whose(first, words)}: {first.signature}. {_when(first, execution)}{more} This is a heads-up, not an alarm: "
        "is it yours?",
    )


def _whose(call: Waiting, words: Words) -> str:
    by = f" (by {words.name(call.target)})" if call.subject != call.target else ""
    return words.name(call.subject) + by


def _when(call: Waiting, execution: Execution) -> str:
    now = execution.block.timestamp if execution.block else None
    seconds = call.delay if call.earliest is None else call.earliest - now if now is not None else None
    if seconds is None:
        return "When it may be executed is not said here: look it up at once."
    if seconds <= 0:
        return "It may be executed at once."
    if seconds < 3600:
        return f"It may be executed in {seconds:,} seconds."
    return f"It may be executed in {seconds / 3600:,.1f} hours."


def _waiting_evidence(tx: Hash, found: Sequence[Waiting]) -> Iterator[Evidence]:
    for call in found[:MAX_SHOWN]:
        cited = _cited(tx, call.seen, f"a call that would {call.danger} {call.subject}")
        values: dict[str, str | int | float] = {"target": call.target, "call": call.signature}
        yield msgspec.structs.replace(cited, values=values)


def _cited(tx: Hash, step: Event | Frame, what: str) -> Evidence:
    if isinstance(step, Frame):
        return Evidence(ref=f"frame:{tx}:{step.index}", what=what, values={"to": step.to, "selector": step.selector})
    place = f"event:{tx}:{step.order}" if step.frame is None else f"frame:{tx}:{step.frame}"
    ref = place if step.log_index is None else f"log:{tx}:{step.log_index}"
    return Evidence(ref=ref, what=what, values={"contract": step.address})
