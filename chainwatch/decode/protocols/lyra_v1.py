"""Lyra v1 (Avalon): options of the OptionMarket, its boards and strikes, the liquidity pool and its circuit breakers.

An instrument is `strike-call` or `strike-put` by the strike's number, a board `board N`. Amounts and prices have 18
decimals; a trade's price is its cost for one option. A liquidation's `repaid` is the options that were closed, its
`seized` the collateral that went to liquidator, pool and security module.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, literal, says
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    PauseChange,
    Trade,
    Withdraw,
)

_PROTOCOL = "lyra_v1"
_ONE = 10**18
# OptionMarket.OptionType: long call, long put, short call (base), short call (quote), short put
_LONGS, _CALLS = (0, 1), (0, 2, 3)
# OptionMarket.TradeDirection
_OPEN, _LIQUIDATE = 0, 2


def _trade(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    trader, strike, _position, trade, _results, liquidation, _time = args
    _expiry, _price, option_type, direction, amount, _collateral, _forced, _spot, _reserved_fee, cost = trade
    bought = (option_type in _LONGS) == (direction == _OPEN)
    events.append(
        Trade(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            instrument=f"{strike}-{'call' if option_type in _CALLS else 'put'}",
            account=trader,
            size=amount if bought else -amount,
            price=cost * _ONE // amount if amount else None,
        )
    )
    if direction == _LIQUIDATE:
        _beneficiary, caller, _returned, _premiums, lp_fee, liquidator_fee, sm_fee, _insolvent = liquidation
        events.append(
            Liquidation(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                account=trader,
                liquidator=caller,
                debt_token=None,
                collateral_token=None,
                repaid=amount,
                seized=lp_fee + liquidator_fee + sm_fee,
            )
        )


_UINTS = ",".join(["uint256"] * 8)
_TRADE = "(uint256,uint256,uint8,uint8,uint256,uint256,bool,uint256,uint256,uint256)"
_RESULT = (
    "(uint256,uint256,uint256,uint256,(int256,int256,uint256,uint256,uint256,uint256),"
    f"({_UINTS}),uint256,uint256,uint256,uint256,uint256)"
)
_LIQUIDATION = "(address,address,uint256,uint256,uint256,uint256,uint256,uint256)"
_BOARD = expr("'board ' + str({boardId})")
_STRIKE = expr("str({strikeId})")

MAPPERS: Mappers = {
    f"Trade(address,uint256,uint256,{_TRADE},{_RESULT}[],{_LIQUIDATION},uint256)": _trade,
    "BoardCreated(uint256,uint256,uint256,bool)": says(InstrumentUpdate, instrument=_BOARD, what=literal("listed")),
    "BoardFrozen(uint256,bool)": says(
        InstrumentUpdate, instrument=_BOARD, what=expr("'halted' if {frozen} else 'resumed'")
    ),
    "BoardSettled(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        InstrumentUpdate, instrument=_BOARD, what=literal("settled"), value="spotPriceAtExpiry"
    ),
    "BoardBaseIvSet(uint256,uint256)": says(
        InstrumentUpdate, instrument=_BOARD, what=literal("parameter"), value="baseIv"
    ),
    "StrikeAdded(uint256,uint256,uint256,uint256)": says(
        InstrumentUpdate, instrument=_STRIKE, what=literal("listed"), value="strikePrice"
    ),
    "StrikeSkewSet(uint256,uint256)": says(
        InstrumentUpdate, instrument=_STRIKE, what=literal("parameter"), value="skew"
    ),
    "CircuitBreakerUpdated(uint256,bool,bool,bool)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("halted"), value="newTimestamp"
    ),
    "DepositProcessed(address,address,uint256,uint256,uint256,uint256,uint256)": says(
        Deposit, account="beneficiary", token=None, amount="amountDeposited", shares="tokensReceived"
    ),
    "WithdrawProcessed(address,address,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        Withdraw, account="beneficiary", token=None, amount="quoteReceived", shares="amountWithdrawn"
    ),
    "WithdrawPartiallyProcessed(address,address,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        Withdraw, account="beneficiary", token=None, amount="quoteReceived", shares="amountWithdrawn"
    ),
    "PositionSettled(uint256,address,address,uint256,uint256,uint8,uint256,uint256,uint256)": says(
        Withdraw, account="optionOwner", token=None, amount="settlementAmount"
    ),
    "GlobalPausedSet(bool)": says(PauseChange, paused="isPaused", actor=None),
    "MarketPausedSet(address,bool)": says(PauseChange, paused="isPaused", actor=None, scope="contractAddress"),
}
