"""Flash-loan price manipulation: borrowed for one transaction, a price moved there and back, somebody else poorer.

Four things must come together in one transaction: money borrowed for its length; a venue whose price moved by
`min_price_excursion` or more while it was traded in both directions (or many times in one); a gain on the sender's
side; and a contract that is no mere trading pool and lost. Arbitrage trades each pool in one direction, a liquidation
pays for what it takes, leverage gains nothing: none of them has all four. See
docs/detectors/flash_price_manipulation.md for what this proves, what it does not, and how often it is right.
"""

from collections.abc import Iterable, Mapping, Sequence

from chainwatch.config.models import FlashThresholds
from chainwatch.decode.balances import Ledger, giver, ledger, sinks, taker
from chainwatch.detect.base import View
from chainwatch.detect.flash_case import FlashCase, evidence_of, explanation_of
from chainwatch.detect.trades import Excursion, excursions
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Address,
    Block,
    Event,
    Execution,
    Facts,
    Finding,
    FlashLoan,
    Liquidation,
    Swap,
    Transfer,
)

# Measured on the development corpus, see docs/detectors/flash_price_manipulation.md. Of 95 attacks of all kinds it
# names 19, of 10,300 other transactions none, hence at most 3 in 10,300 (rule of three): 0.20 / 0.00029 = 690.
LIKELIHOOD_RATIO = 600.0
# 19 of 19 Findings were attacks: at least 0.85 with 95 % confidence (Clopper and Pearson).
CONFIDENCE = 0.85
# Where the loan itself is only inferred from tokens out and back there were 2 cases, too few to say more than this.
CONFIDENCE_INFERRED_LOAN = 0.5


class FlashPriceManipulation:
    """Inspects Executions, with logs, with call trees, or both."""

    name = "flash_price_manipulation"
    family = "flash_price_manipulation"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution."""
        if not isinstance(subject, Execution) or not subject.succeeded:
            return
        thresholds = view.profile.thresholds.flash_price_manipulation if view.profile else FlashThresholds()
        case = _case(subject, view.facts[0], view, thresholds.min_price_excursion)
        if case is None:
            return
        loss_usd = _net_usd(case, view)
        if loss_usd is not None and loss_usd < thresholds.min_loss_usd:
            return
        inferred = all(isinstance(x, FlashLoan) and x.evidence == "out_and_back" for x in case.loans)
        yield Finding(
            detector=self.name,
            family=self.family,
            kind="flash_price_manipulation",
            confidence=CONFIDENCE_INFERRED_LOAN if inferred else CONFIDENCE,
            likelihood_ratio=LIKELIHOOD_RATIO,
            chain_id=subject.chain_id,
            stage=subject.stage,
            block=subject.block,
            tx_hashes=(subject.transaction.hash,),
            victims=tuple(case.victims),
            suspects=_suspects(subject, case.insiders),
            loss=case.loss,
            loss_usd=loss_usd,
            evidence=evidence_of(subject.transaction.hash, view.facts[0].events, case),
            formula=(
                f"flash loan, and highest / lowest price at one venue = {case.excursion.ratio:.4g} >= "
                f"{thresholds.min_price_excursion:g} (traded both ways, or 5 times one way), and gain of the "
                "sender's side > 0, and net loss of a contract that is no trading pool > 0"
            ),
            explanation=explanation_of(case, loss_usd, view.words),
        )


def _case(execution: Execution, facts: Facts, view: View, least: float) -> FlashCase | None:
    """The four conditions, cheapest first."""
    protected = view.protected
    loans = _loans(facts.events)
    if not loans:
        return None
    insiders = _insiders(execution, facts, protected)
    book = ledger(facts.events)
    widest = next(iter(excursions(facts.events, facts.frames, insiders, book)), None)
    if widest is None or widest.ratio < least:
        return None
    if not widest.round_trip and any(isinstance(e, Liquidation) for e in facts.events):
        return None  # selling seized collateral in parts moves a price in one direction, too
    side = insiders | sinks(facts.events, facts.frames, insiders)
    gains = {token: change for token, change in book.net(side).items() if change > 0}
    if not gains:
        return None
    victims = _victims(facts, book, side, widest, view)
    if not victims:
        return None
    received = {v: {t: n for t, n in book.net((v,)).items() if n > 0} for v in victims}
    return FlashCase(loans, widest, insiders, side, gains, victims, received, book.folded)


def _loans(events: Sequence[Event]) -> tuple[FlashLoan | Swap, ...]:
    """Flash loans, and v2 pools that were paid in the token they gave: flash swaps, where only logs tell."""
    loans = [e for e in events if isinstance(e, FlashLoan)]
    told = {e.lender for e in loans}
    swaps = [e for e in events if isinstance(e, Swap) and e.pool not in told and _is_repaid_in_kind(e)]
    return (*loans, *swaps)


def _is_repaid_in_kind(swap: Swap) -> bool:
    return swap.protocol == "uniswap_v2" and min(swap.amount0, swap.amount1) == 0 < max(swap.amount0, swap.amount1)


def _insiders(execution: Execution, facts: Facts, protected: frozenset[Address]) -> frozenset[Address]:
    """The sender's side: sender, the contract it calls, what it creates, and who takes flash loans for it."""
    own = {execution.transaction.from_, execution.transaction.to, *facts.created}
    own |= {e.borrower for e in facts.events if isinstance(e, FlashLoan)}
    return frozenset(a for a in own if a) - protected


def _victims(
    facts: Facts, book: Ledger, side: frozenset[Address], widest: Excursion, view: View
) -> dict[Address, dict[Address, int]]:
    """Who lost what, in positive amounts; those that got nothing for it first.

    A pool, or the vault that keeps its tokens, that lost one token and got another has traded: its price is for
    arbitrageurs to mend, it is nobody's loss here. Who gave nothing while the price was moved, and dealt with the venue
    in nothing, lost nothing by it: what was withdrawn before or lent afterwards is another matter. With protected
    contracts, only their losses count or, where none of them lost, those of contracts that dealt with them.

    Where the profile names tokens, only these can be lost: anybody can make a token whose events say that a
    protected contract gave some away.
    """
    protected = view.protected
    real = {NATIVE, *view.words.tokens} if view.words.tokens else None
    pools = {a for e in facts.events if isinstance(e, Swap) for a in (e.pool, e.address)}
    concerned = _gave_meanwhile(facts.events, widest)
    for_nothing: dict[Address, dict[Address, int]] = {}
    for_something: dict[Address, dict[Address, int]] = {}
    for address in book.changes:
        if address in side or address == ZERO_ADDRESS or address in book.folded or book.passes_on(address):
            continue
        if address not in concerned:
            continue
        net = {token: n for token, n in book.net((address,)).items() if real is None or token in real}
        # A contract that makes its own token loses nothing by it.
        lost = {token: -change for token, change in net.items() if change < 0 and token != address}
        if not lost:
            continue
        if all(change < 0 for change in net.values()):
            for_nothing[address] = lost
        elif address not in pools or address in protected:
            for_something[address] = lost
    found = for_nothing | for_something
    if not protected:
        return found
    own = {address: lost for address, lost in found.items() if address in protected}
    if own or _took_part(protected, side, widest, pools, facts):
        return own or found
    return {a: lost for a, lost in found.items() if _dealt_with(a, lost, protected, facts)}


def _gave_meanwhile(events: Sequence[Event], widest: Excursion) -> set[Address]:
    """Who gave something between the first and the last trade of the excursion, or exchanged tokens with its venue.

    Coin has no place among logs: when it was given is not known, and it counts."""
    first = min(e.order for e in widest.trades[0].events)
    last = max(e.order for e in widest.trades[-1].events)
    found: set[Address] = set()
    for event in events:
        if isinstance(event, Transfer) and event.amount:
            placed = event.log_index is not None or event.token != NATIVE
            if not placed or first < event.order < last:
                found.add(giver(event))
            if widest.venue in (event.sender, event.recipient):
                found |= {giver(event), taker(event)}
    return found


def _took_part(
    protected: frozenset[Address], side: frozenset[Address], widest: Excursion, pools: set[Address], facts: Facts
) -> bool:
    """Whether the price that moved is that of a protected contract, or the sender's side did business with one.

    A protected pool or lender that was merely passed through on the way to somebody else does not count.
    """
    if widest.venue in protected or not protected.isdisjoint(widest.pair):
        return True
    used = pools | {e.lender for e in facts.events if isinstance(e, FlashLoan)}
    concerned = protected - used
    for event in facts.events:
        if isinstance(event, Transfer) and not side.isdisjoint((event.sender, event.recipient)):
            met = concerned.intersection((event.sender, event.recipient, event.token))
            if met:
                return True
    return any(f.to in concerned and f.sender in side and f.kind == "CALL" and not f.reverted for f in facts.frames)


def _dealt_with(victim: Address, lost: dict[Address, int], protected: frozenset[Address], facts: Facts) -> bool:
    """Whether the victim lost a protected token, or value or a call went between it and a protected contract."""
    if not protected.isdisjoint(lost):
        return True
    for event in facts.events:
        if isinstance(event, Transfer):
            parties = {event.sender, event.recipient}
            if victim in parties and not protected.isdisjoint(parties):
                return True
    return any(
        (f.sender == victim and f.to in protected) or (f.to == victim and f.sender in protected)
        for f in facts.frames
        if not f.reverted
    )


def _suspects(execution: Execution, insiders: frozenset[Address]) -> tuple[Address, ...]:
    """Sender and called contract first, then the rest of the sender's side."""
    first = [a for a in (execution.transaction.from_, execution.transaction.to) if a is not None and a in insiders]
    return tuple(dict.fromkeys([*first, *sorted(insiders)]))


def _net_usd(case: FlashCase, view: View) -> float | None:
    """What the victims lost in dollars, less what they received for it, as far as prices are known; None where no
    loss has a price.

    A loan against sound collateral is no loss, however wildly a price swung meanwhile: else anybody could force a
    false alarm for the price of two swaps. The prices are the profile's, read before the transaction.
    """
    lost = _in_usd(case.loss, view)
    if lost is None:
        return None
    return max(lost - sum(_in_usd(got, view) or 0.0 for got in case.received.values()), 0.0)


def _in_usd(amounts: Mapping[Address, int], view: View) -> float | None:
    known = [value for token, amount in amounts.items() if (value := view.usd(token, amount)) is not None]
    return sum(known) if known else None
