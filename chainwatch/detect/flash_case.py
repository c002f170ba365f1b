"""A flash-loan price manipulation in evidence and words: what `flash_price_manipulation` saw, for people and records.

Evidence is loans, trades and transfers only. Reserves and Probes belong to the oracle family, so that Findings of
both about one transaction rest on different things.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from chainwatch.decode.balances import giver, taker
from chainwatch.detect.base import Words
from chainwatch.detect.trades import Excursion, Trade
from chainwatch.types import NATIVE, Address, Event, Evidence, FlashLoan, Hash, Swap, Transfer

MAX_SHOWN = 3
"""Loans and movements cited of each kind: enough to check the claim, few enough to read."""


class FlashCase(msgspec.Struct, frozen=True):
    """What one Execution shows.

    `insiders` are the sender, its contracts and its flash borrowers, `side` these and where they carried the gain;
    `gains` by token, `victims` what each lost and `received` what each got by token, all positive; `folded` are
    wrapped forms of the coin.
    """

    loans: tuple[FlashLoan | Swap, ...]
    excursion: Excursion
    insiders: frozenset[Address]
    side: frozenset[Address]
    gains: Mapping[Address, int]
    victims: Mapping[Address, Mapping[Address, int]]
    received: Mapping[Address, Mapping[Address, int]]
    folded: frozenset[Address]

    @property
    def loss(self) -> dict[Address, int]:
        """What all victims lost, by token."""
        total: dict[Address, int] = {}
        for lost in self.victims.values():
            for token, amount in lost.items():
                total[token] = total.get(token, 0) + amount
        return total


def evidence_of(tx: Hash, events: Sequence[Event], case: FlashCase) -> tuple[Evidence, ...]:
    """Loans, the trades with the first, lowest, highest and last price, the largest movements of loss and gain."""
    cited = [
        *(_loan(tx, loan, events) for loan in case.loans[:MAX_SHOWN]),
        *(_trade(tx, trade) for trade in _telling(case.excursion.trades)),
        *_largest(tx, events, "went out of a contract that lost", lambda t: _is_loss(t, case)),
        *_largest(tx, events, "went to the sender's side", lambda t: _is_gain(t, case)),
    ]
    return tuple({item.ref: item for item in reversed(cited)}.values())[::-1]


def _loan(tx: Hash, loan: FlashLoan | Swap, events: Sequence[Event]) -> Evidence:
    if isinstance(loan, Swap):
        values: dict[str, str | int | float] = {"fee": str(max(loan.amount0, loan.amount1))}
        return Evidence(ref=_ref(tx, loan), what=f"flash swap: {loan.pool} was repaid in kind", values=values)
    names = {"amount": loan.amount, "fee": loan.fee}
    values = {name: str(value) for name, value in names.items() if value is not None}
    values |= {"token": loan.token} if loan.token else {}
    how = {"event": "by its event", "callback": "by its callback", "out_and_back": "by tokens out and back"}
    ref = _ref(tx, loan)
    if loan.evidence == "out_and_back":  # inferred: the movement it was inferred from is the evidence
        out = (e for e in events if isinstance(e, Transfer) and (e.sender, e.token) == (loan.lender, loan.token))
        ref = next((_ref(tx, e) for e in out), ref)
    return Evidence(ref=ref, what=f"flash loan of {loan.lender}, known {how[loan.evidence]}", values=values)


def _trade(tx: Hash, trade: Trade) -> Evidence:
    values: dict[str, str | int | float] = {
        "amount_in": str(trade.amount_in),
        "amount_out": str(trade.amount_out),
        "price": trade.price,
        "price_of": f"{trade.pair[1]} in {trade.pair[0]}",
    }
    return Evidence(ref=_ref(tx, trade.events[0]), what=f"a trade at {trade.venue}", values=values)


def _telling(trades: Sequence[Trade]) -> list[Trade]:
    lowest, highest = min(trades, key=lambda t: t.price), max(trades, key=lambda t: t.price)
    chosen = {id(t) for t in (trades[0], lowest, highest, trades[-1])}
    return [t for t in trades if id(t) in chosen]


def _is_loss(transfer: Transfer, case: FlashCase) -> bool:
    return _coin(transfer, case) in case.victims.get(giver(transfer), ())


def _is_gain(transfer: Transfer, case: FlashCase) -> bool:
    outside = giver(transfer) not in case.side and giver(transfer) not in case.folded
    return outside and taker(transfer) in case.side and _coin(transfer, case) in case.gains


def _coin(transfer: Transfer, case: FlashCase) -> Address:
    return NATIVE if transfer.token in case.folded else transfer.token


def _largest(tx: Hash, events: Sequence[Event], what: str, chosen: Callable[[Transfer], bool]) -> Iterator[Evidence]:
    """The largest chosen movement of each token, at most MAX_SHOWN."""
    largest: dict[Address, Transfer] = {}
    for event in events:
        if isinstance(event, Transfer) and event.amount and chosen(event):
            best = largest.get(event.token)
            if best is None or event.amount > best.amount:
                largest[event.token] = event
    for transfer in list(largest.values())[:MAX_SHOWN]:
        values: dict[str, str | int | float] = {
            "token": transfer.token, "from": transfer.sender, "to": transfer.recipient, "amount": str(transfer.amount),
        }  # fmt: skip
        yield Evidence(ref=_ref(tx, transfer), what=what, values=values)


def _ref(tx: Hash, event: Event) -> str:
    if event.log_index is not None:
        return f"log:{tx}:{event.log_index}"
    return f"event:{tx}:{event.order}" if event.frame is None else f"frame:{tx}:{event.frame}"


def explanation_of(case: FlashCase, loss_usd: float | None, words: Words) -> str:
    """Three or four sentences for a person who was asleep a minute ago."""
    wide = case.excursion
    ways = "in both directions" if wide.round_trip else "in one direction"
    victim, lost = next(iter(case.victims.items()))
    others = f" and {len(case.victims) - 1} more" if len(case.victims) > 1 else ""
    dollars = f", ${loss_usd:,.0f} net of what it received" if loss_usd is not None else ""
    return (
        f"The sender borrowed {_loan_words(case.loans, words)}, to be repaid within the same transaction. With it, "
        f"{words.name(wide.venue)} was traded {len(wide.trades)} times {ways}, and its price moved by a factor of "
        f"{wide.ratio:,.4g} ({wide.method}). At the end {words.name(victim)}{others} had less: "
        f"{_amounts(lost, words)}{dollars}; the sender's side had more: {_amounts(case.gains, words)}. Honest "
        "arbitrage, liquidation and leverage do not move a price there and back."
    )


def _loan_words(loans: Sequence[FlashLoan | Swap], words: Words) -> str:
    loan = next((x for x in loans if isinstance(x, FlashLoan) and x.amount and x.token), loans[0])
    more = f" (and {len(loans) - 1} other loans)" if len(loans) > 1 else ""
    if isinstance(loan, Swap):
        return f"from {words.name(loan.pool)} by flash swap{more}"
    if loan.amount and loan.token:
        return f"{words.amount(loan.token, loan.amount)} from {words.name(loan.lender)}{more}"
    return f"from {words.name(loan.lender)}{more}"


def _amounts(amounts: Mapping[Address, int], words: Words) -> str:
    shown = [words.amount(token, amount) for token, amount in list(amounts.items())[:MAX_SHOWN]]
    more = len(amounts) - MAX_SHOWN
    return ", ".join(shown) + (f" and {more} other tokens" if more > 0 else "")
