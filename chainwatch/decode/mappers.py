"""Building blocks that protocol files share: changed settings, one or several of one log."""

from typing import Any

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import Args, Expr, Mapper, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    InstrumentUpdate,
    ParameterChange,
    Trade,
    Withdraw,
)


def change(
    what: str, after: str | Expr | None = None, before: str | Expr | None = None, subject: str | Expr | None = None
) -> Says:
    """The setting `what` changed; the others name parameters of the event."""
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


def listed(instrument: str) -> Says:
    """A new pool, or whatever else can be traded, whose address is the parameter `instrument`."""
    return says(InstrumentUpdate, instrument=instrument, what=literal("listed"))


def traded(
    account: str,
    *,
    sold: str,
    bought: str,
    sold_amount: str,
    bought_amount: str,
    fee: str | None = None,
    order_id: str | None = None,
) -> Says:
    """`account` traded one token for another at an aggregator or by an order: pools write their own Swaps beside it.

    The instrument is "token/token" in the order of their addresses, `size` what was bought or sold of the first."""
    forward = f"{{{sold}}} < {{{bought}}}"
    return says(
        Trade,
        instrument=expr(f"'/'.join(sorted(({{{sold}}}, {{{bought}}})))"),
        account=account,
        size=expr(f"-{{{sold_amount}}} if {forward} else {{{bought_amount}}}"),
        fee=fee,
        order_id=order_id,
    )


def settings(protocol: str, **places: int | tuple[int, int]) -> Mapper:
    """For an event of several settings: one ParameterChange for each name of `places`, which says at what place of the
    arguments its new value stands, or at what places the old and the new one do."""
    known = [(what, place if isinstance(place, tuple) else (None, place)) for what, place in places.items()]

    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        for what, (before, after) in known:
            values: dict[str, Any] = {"before": None if before is None else args[before], "after": args[after]}
            events.append(
                ParameterChange(
                    order=len(events), log_index=log_index, address=address, protocol=protocol, what=what, **values
                )
            )

    return mapper


def amount_of_two(kind: type[Deposit] | type[Withdraw], protocol: str, *, second: bool) -> Mapper:
    """For the layout `(account, uint256, uint256)` that many share: which of the two numbers is the amount?

    A vault says the shares first, which it has just made or burnt; a gauge the number of an item first, and has just
    moved the amount; vote escrows and lending markets say the amount first. Where nothing was seen to move before,
    it is the second number or the first, as the protocol has it.
    """

    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        account, first, last = args
        said = said_before(events)
        changed, moved = (said.made, said.came) if kind is Deposit else (said.burnt, said.went)
        shares = None
        if changed(address, first):
            shares, amount = first, last
        elif first != last and moved(address, last):
            amount = last
        elif moved(address, first):
            amount = first
        else:
            amount = last if second else first
        events.append(
            kind(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=account,
                token=None,
                amount=amount,
                shares=shares,
            )
        )

    return mapper
