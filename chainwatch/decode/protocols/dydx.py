"""dYdX Solo Margin: withdraw, call, deposit in one go is its flash loan; the call marks it.

Markets are numbers, so that tokens are not known; an instrument is `market/market`. Every update holds the signed
change of an account's balance in wei of the market's token and its new principal.
"""

from typing import Any

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import Args, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    FlashLoan,
    InstrumentUpdate,
    Liquidation,
    ParameterChange,
    RoleChange,
    Trade,
    Withdraw,
)

_PROTOCOL = "dydx"


def _signed(update: Any) -> int:
    """The change of a balance: negative where the account gave."""
    (positive, value), _par = update
    return int(value) if positive else -int(value)


def _call(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """A call after a withdrawal by the same account; the market is a number, so the token is not known."""
    owner, _number, callee = args
    taken = said_before(events).last(Withdraw, address, owner)
    if isinstance(taken, Withdraw):
        events.append(
            FlashLoan(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                lender=address,
                borrower=callee,
                token=None,
                amount=taken.amount,
            )
        )


def _transfer(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """What one account gives, the other gets, both inside the contract."""
    one, _number_one, two, _number_two, _market, update_one, update_two = args
    for account, update in ((one, update_one), (two, update_two)):
        change = _signed(update)
        kind = Deposit if change >= 0 else Withdraw
        events.append(
            kind(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                account=account,
                token=None,
                amount=abs(change),
            )
        )


def _trade(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """Two accounts trade with each other: one Trade for each, in what the taker's input is."""
    taker, _taker_number, maker, _maker_number, input_market, output_market, taker_input, _, maker_input, _, _ = args
    for account, update in ((taker, taker_input), (maker, maker_input)):
        events.append(
            Trade(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                instrument=f"{input_market}/{output_market}",
                account=account,
                size=_signed(update),
            )
        )


_UPDATE = "((bool,uint256),(bool,uint128))"

# At an exchange the account gives of the taker's market and gets of the maker's, whichever amount it named.
_EXCHANGED = says(
    Trade,
    instrument=expr("str({makerMarket}) + '/' + str({takerMarket})"),
    account="accountOwner",
    size=expr("{makerUpdate}[0][1] if {makerUpdate}[0][0] else -{makerUpdate}[0][1]"),
)


def _set(what: str, value: str) -> Says:
    """A global setting, a struct of one number."""
    return says(ParameterChange, what=literal(what), after=expr(f"{{{value}}}[0]"))


def _set_of_market(what: str, value: Expr) -> Says:
    return says(ParameterChange, what=literal(what), subject=expr("str({marketId})"), after=value)


MAPPERS: Mappers = {
    f"LogWithdraw(address,uint256,uint256,{_UPDATE},address)": says(
        Withdraw, account="accountOwner", token=None, amount=expr("{update}[0][1]")
    ),
    f"LogDeposit(address,uint256,uint256,{_UPDATE},address)": says(
        Deposit, account="accountOwner", token=None, amount=expr("{update}[0][1]")
    ),
    "LogCall(address,uint256,address)": _call,
    f"LogTransfer(address,uint256,address,uint256,uint256,{_UPDATE},{_UPDATE})": _transfer,
    f"LogBuy(address,uint256,uint256,uint256,{_UPDATE},{_UPDATE},address)": _EXCHANGED,
    f"LogSell(address,uint256,uint256,uint256,{_UPDATE},{_UPDATE},address)": _EXCHANGED,
    "LogTrade(address,uint256,address,uint256,uint256,uint256,"
    f"{_UPDATE},{_UPDATE},{_UPDATE},{_UPDATE},address)": _trade,
    f"LogLiquidate(address,uint256,address,uint256,uint256,uint256,{_UPDATE},{_UPDATE},{_UPDATE},{_UPDATE})": says(
        Liquidation,
        account="liquidAccountOwner",
        liquidator="solidAccountOwner",
        debt_token=None,
        collateral_token=None,
        repaid=expr("{liquidOwedUpdate}[0][1]"),
        seized=expr("{liquidHeldUpdate}[0][1]"),
    ),
    # An account that has nothing left: the reward comes out of the protocol's own excess.
    f"LogVaporize(address,uint256,address,uint256,uint256,uint256,{_UPDATE},{_UPDATE},{_UPDATE})": says(
        Liquidation,
        account="vaporAccountOwner",
        liquidator="solidAccountOwner",
        debt_token=None,
        collateral_token=None,
        repaid=expr("{vaporOwedUpdate}[0][1]"),
        seized=0,
    ),
    "LogAddMarket(uint256,address)": says(InstrumentUpdate, instrument=expr("str({marketId})"), what=literal("listed")),
    "LogSetIsClosing(uint256,bool)": says(
        InstrumentUpdate,
        instrument=expr("str({marketId})"),
        what=expr("'halted' if {isClosing} else 'resumed'"),
    ),
    "LogSetPriceOracle(uint256,address)": _set_of_market("price_oracle", expr("{priceOracle}")),
    "LogSetInterestSetter(uint256,address)": _set_of_market("interest_setter", expr("{interestSetter}")),
    "LogSetMarginPremium(uint256,(uint256))": _set_of_market("margin_premium", expr("{marginPremium}[0]")),
    "LogSetSpreadPremium(uint256,(uint256))": _set_of_market("spread_premium", expr("{spreadPremium}[0]")),
    "LogSetMarginRatio((uint256))": _set("margin_ratio", "marginRatio"),
    "LogSetLiquidationSpread((uint256))": _set("liquidation_spread", "liquidationSpread"),
    "LogSetEarningsRate((uint256))": _set("earnings_rate", "earningsRate"),
    "LogSetMinBorrowedValue((uint256))": _set("min_borrowed_value", "minBorrowedValue"),
    "LogSetGlobalOperator(address,bool)": says(
        RoleChange, role=literal("global_operator"), account="operator", granted="approved", actor=None
    ),
}
