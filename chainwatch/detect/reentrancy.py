"""Reentrancy: a contract is entered again before it has returned, and somebody pays for it.

Four things must come together in one transaction: a contract that was called and has not returned; control that it
gave away and that came to the sender's side otherwise than by a documented callback; from there another call into it,
or a reading of it by a third contract that was called meanwhile; and value that its side, or the reader's, is short of
at the end while the sender's side has more. A withdrawal of coin, a hook that does nothing, a pool's callback, a mint
from a receiver hook lack one of them. See docs/detectors/reentrancy.md for what this proves and what it does not.
"""

from collections.abc import Iterable, Mapping, Sequence

from chainwatch.decode.balances import ledger, sinks
from chainwatch.detect.base import View
from chainwatch.detect.reentry_case import ReentryCase, evidence_of, explanation_of, sum_of
from chainwatch.detect.reentry_paths import Reentry, helpers, reentries, side_of
from chainwatch.types import NATIVE, Address, Block, Execution, Facts, Finding, Frame, NftTransfer

# Measured on the development corpus, see docs/detectors/reentrancy.md. Of 95 attacks of all kinds it names 16, of 9,710
# other transactions with a call tree none, hence at most 3 in 9,710 (rule of three): 0.168 / 0.00031 = 540.
LIKELIHOOD_RATIO = 500.0
# 12 of 12 Findings with a direct entry were attacks: at least 0.77 with 95 % confidence (Clopper and Pearson).
CONFIDENCE = 0.75
# Of readings and cross-contract entries alone there were 4 cases, too few to say more than this.
CONFIDENCE_INDIRECT = 0.5
_KINDS = {"direct": "reentrancy", "read": "read_only_reentrancy", "cross": "cross_contract_reentrancy"}


class Reentrancy:
    """Inspects Executions that have a call tree; without one it cannot know what was active and says nothing."""

    name = "reentrancy"
    family = "reentrancy"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution."""
        if not isinstance(subject, Execution) or not subject.succeeded or not view.facts[0].frames:
            return
        case = _case(subject, view.facts[0], view)
        if case is None:
            return
        loss_usd = _net_usd(case, view)
        if loss_usd is not None and loss_usd <= 0:
            return
        facts, tx = view.facts[0], subject.transaction.hash
        kinds = [kind for kind in _KINDS if any(e.kind == kind for e in case.entries)]
        yield Finding(
            detector=self.name,
            family=self.family,
            kind=_KINDS[kinds[0]],
            confidence=CONFIDENCE if kinds[0] == "direct" else CONFIDENCE_INDIRECT,
            likelihood_ratio=LIKELIHOOD_RATIO,
            chain_id=subject.chain_id,
            stage=subject.stage,
            block=subject.block,
            tx_hashes=(tx,),
            victims=tuple(case.victims),
            suspects=_suspects(subject, case.side),
            loss=case.loss,
            loss_usd=loss_usd,
            evidence=evidence_of(tx, facts.events, facts.frames, case),
            formula=(
                "contract entered (or read by a third contract) while a frame of it is open, from the sender's side "
                f"that it gave control to: {len(case.entries)} times; and gain of the sender's side > 0, and net loss "
                "> 0 of that contract, of one it called, or of one that relied on the reading"
            ),
            explanation=explanation_of(case, facts.frames, view.words),
        )


def _case(execution: Execution, facts: Facts, view: View) -> ReentryCase | None:
    side = side_of(execution, facts.frames, view.protected)
    book = ledger(facts.events)
    side |= helpers(facts.events, facts.frames, side, book, view.protected)
    entries = reentries(facts.frames, side, book.folded)
    if not entries:
        return None
    # What others make in this transaction may be where the side takes its gain, but does not act for it.
    whole = side | sinks(facts.events, facts.frames, side) | (facts.created - view.protected)
    net = book.net(whole)
    gains = {token: change for token, change in net.items() if change > 0}
    if not gains:
        return None
    gave = any(change < 0 for change in net.values())
    # Where the profile names tokens, only these can be lost: anybody can make a token whose events say that a
    # protected contract gave some away.
    real = {NATIVE, *view.words.tokens} if view.words.tokens else None
    collectors = {e.recipient for e in facts.events if isinstance(e, NftTransfer)}

    def lost_by(address: Address, entered: bool) -> dict[Address, int]:
        if address in whole or address in book.folded:
            return {}
        changes = {t: n for t, n in book.net((address,)).items() if real is None or t in real}
        return _loss(address, changes, whole, gains, entered, gave, address in collectors)

    # Two contracts often rely on a third; that one of them was caught half way shows only where it lost itself.
    entries = [e for e in entries if e.kind != "cross" or lost_by(e.victim, True)]
    entered = frozenset(e.victim for e in entries)
    drawn_in = _drawn_in(facts.frames, entries, side) - entered
    checked = {a: lost_by(a, a in entered) for a in [*sorted(entered), *sorted(drawn_in)]}
    victims = {address: lost for address, lost in checked.items() if lost}
    own = {address: lost for address, lost in victims.items() if address in view.protected}
    if not victims or (view.protected and not own and view.protected.isdisjoint(entered)):
        return None
    received = sum_of({t: n for t, n in book.net((a,)).items() if n > 0 and t not in whole} for a in own or victims)
    return ReentryCase(entries, whole, gains, own or victims, received, book.folded)


def _drawn_in(frames: Sequence[Frame], entries: Sequence[Reentry], side: frozenset[Address]) -> set[Address]:
    """Who may pay besides the entered contracts: whom these call themselves, who was called by the side when one was
    read, and who later calls a contract that did the reading. One pass."""
    direct = {e.victim for e in entries if e.kind == "direct"}
    starts = {e.entry for e in entries if e.kind != "direct"}
    readers: dict[Address, int] = {}
    for entry in entries:
        if entry.kind != "direct":
            for reader in (frames[entry.entry].to, frames[entry.inner].sender):
                readers.setdefault(reader, entry.inner)
    found: set[Address] = set()
    counted: list[bool] = []
    for frame in frames:
        above = counted[frame.parent] if frame.parent >= 0 else False
        caller = frames[frame.parent].acting_as if frame.parent >= 0 else frame.sender
        outside = frame.acting_as not in side
        counted.append(outside and (above or caller in direct or frame.index in starts))
        if counted[-1] and not frame.reverted:
            found.add(frame.acting_as)
        if frame.kind == "CALL" and readers.get(frame.to, frame.index) < frame.index and caller not in side:
            found.add(caller)
    return found


def _loss(address: Address, changes: Mapping[Address, int], side: frozenset[Address], gains: Mapping[Address, int],
          entered: bool, gave: bool, collected: bool) -> dict[Address, int]:  # fmt: skip
    """What `address` lost and may have lost by this, in positive amounts.

    Against nothing that anybody else made, all of it; where it got something in return, or an NFT (`collected`), it has
    traded: then only what the side gained, and only if it was itself entered. A contract that makes its own token loses
    by it only where the side gave nothing at all.
    """
    lost = {t: -n for t, n in changes.items() if n < 0 and t != address}
    if not lost:
        made = -changes.get(address, 0)
        return {address: made} if made > 0 and address in gains and not gave else {}
    if not collected and all(n < 0 or t == address or t in side for t, n in changes.items()):
        return lost
    return {t: n for t, n in lost.items() if t in gains} if entered else {}


def _suspects(execution: Execution, side: frozenset[Address]) -> tuple[Address, ...]:
    """Sender and called contract first, then the rest of the sender's side."""
    first = [a for a in (execution.transaction.from_, execution.transaction.to) if a is not None and a in side]
    return tuple(dict.fromkeys([*first, *sorted(side)]))


def _net_usd(case: ReentryCase, view: View) -> float | None:
    """What the victims lost in dollars, less what they received, as far as prices are known; None where no loss has a
    price. Paid for in full, it is no loss."""
    lost = [value for token, amount in case.loss.items() if (value := view.usd(token, amount)) is not None]
    got = [value for token, amount in case.received.items() if (value := view.usd(token, amount)) is not None]
    return max(sum(lost) - sum(got), 0.0) if lost else None
