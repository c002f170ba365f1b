"""Synthetix v2: synth exchanges, perps v2 and futures, loans, system status, prices and settings.

A currency key is shown as the text it holds (`sETH`). Exchanges are at the Synthetix contract with the keys as the
pair, ordered, so that amounts keep their places. The instrument of a perpetual is its market's address; sizes have 18
decimals, a liquidation's `repaid` is the closed position in sUSD, its `seized` all fees of it. An account has one order
a market, so that it numbers it; one that is removed after a trade of its account was executed, not cancelled.
"""

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import (
    ZERO_ADDRESS,
    Address,
    Borrow,
    BridgeTransfer,
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    OrderCancelled,
    OrderPlaced,
    ParameterChange,
    PauseChange,
    Repay,
    RoleChange,
    Swap,
    Trade,
    Upgrade,
    Withdraw,
)

_PROTOCOL = "synthetix_v2"
_ONE = 10**18
_FORWARD = "{fromCurrencyKey} < {toCurrencyKey}"


def _key(name: str) -> str:
    """The expression of the text that a bytes32 parameter holds."""
    return f"bytes.fromhex({{{name}}}[2:]).rstrip(b'\\0').decode('latin-1')"


def _text(name: str) -> Expr:
    return expr(_key(name))


def _owner(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The old owner loses the role `owner`, the new one gains it; zero is nobody."""
    for account, granted in zip(args, (False, True), strict=True):
        if account != ZERO_ADDRESS:
            events.append(
                RoleChange(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol=_PROTOCOL,
                    role="owner",
                    account=account,
                    granted=granted,
                    actor=None,
                )
            )


def _rates(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The oracle of before Chainlink: a price for each key."""
    keys, rates = args
    for key, rate in zip(keys, rates, strict=False):
        events.append(
            InstrumentUpdate(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                instrument=bytes.fromhex(key[2:]).rstrip(b"\0").decode("latin-1"),
                what="parameter",
                value=rate,
            )
        )


def _margin(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account, change = args
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


def _position(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """A position changes by a trade, and also, without one, when margin moves or it is liquidated."""
    _id, account, _margin_left, _size, traded, price, _funding_index, fee = args[:8]
    if traded:
        _add_trade(events, log_index, address, account, traded, price, fee)


def _liquidated(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """Both layouts end in prices and fees, one fee in futures, three in perps v2."""
    _id, account, liquidator, size, price, *fees = args
    _add_trade(events, log_index, address, account, -size, price, None)
    events.append(
        Liquidation(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=account,
            liquidator=liquidator,
            debt_token=None,
            collateral_token=None,
            repaid=abs(size) * price // _ONE,
            seized=sum(fees),
        )
    )


def _add_trade(
    events: list[Event], log_index: int, address: Address, account: Address, size: int, price: int, fee: int | None
) -> None:
    events.append(
        Trade(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            instrument=address,
            account=account,
            size=size,
            price=price,
            fee=fee,
        )
    )


def _order_removed(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account = args[0]
    if said_before(events).last(Trade, address, account) is not None:
        return
    events.append(
        OrderCancelled(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            order_id=account,
            account=account,
            instrument=address,
        )
    )


def _loan_created(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account, _id, amount, collateral, _currency, _fee = args
    for kind, value in ((Deposit, collateral), (Borrow, amount)):
        events.append(
            kind(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                account=account,
                token=None,
                amount=value,
            )
        )


def _status(paused: bool, scope: Expr) -> Says:
    return says(PauseChange, paused=paused, actor=None, scope=scope)


def _of_key(prefix: str, key: str) -> Expr:
    return expr(f"'{prefix}:' + {_key(key)}")


def _set(what: str, value: str, subject: Expr | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=value)


_ORDER = says(
    OrderPlaced,
    instrument=EMITTER,
    account="account",
    order_id="account",
    size="sizeDelta",
)
_LOAN_LIQUIDATED = says(
    Liquidation,
    account="account",
    liquidator="liquidator",
    debt_token=None,
    collateral_token=None,
    repaid="amountLiquidated",
    seized="collateralLiquidated",
)
_SETTINGS = (
    ("IssuanceRatioUpdated(uint256)", "issuance_ratio", "newRatio"),
    ("LiquidationRatioUpdated(uint256)", "liquidation_ratio", "newRatio"),
    ("LiquidationDelayUpdated(uint256)", "liquidation_delay", "newDelay"),
    ("LiquidationPenaltyUpdated(uint256)", "liquidation_penalty", "newPenalty"),
    ("SelfLiquidationPenaltyUpdated(uint256)", "self_liquidation_penalty", "newPenalty"),
    ("SnxLiquidationPenaltyUpdated(uint256)", "snx_liquidation_penalty", "newPenalty"),
    ("RateStalePeriodUpdated(uint256)", "rate_stale_period", "rateStalePeriod"),
    ("WaitingPeriodSecsUpdated(uint256)", "waiting_period_seconds", "waitingPeriodSecs"),
    ("PriceDeviationThresholdUpdated(uint256)", "price_deviation_threshold", "threshold"),
    ("AtomicMaxVolumePerBlockUpdated(uint256)", "atomic_max_volume_per_block", "newMaxVolume"),
    ("LiquidationBufferRatioUpdated(uint256)", "liquidation_buffer_ratio", "bps"),
    ("LiquidationFeeRatioUpdated(uint256)", "liquidation_fee_ratio", "bps"),
    ("MinInitialMarginUpdated(uint256)", "min_initial_margin", "minMargin"),
    ("MinCratioRatioUpdated(uint256)", "min_collateral_ratio", "minCratio"),
    ("MaxDebtUpdated(uint256)", "max_debt", "maxDebt"),
    ("OracleUpdated(address)", "oracle", "newOracle"),
)

MAPPERS: Mappers = {
    "SynthExchange(address,bytes32,uint256,bytes32,uint256,address)": says(
        Swap,
        pool=EMITTER,
        sender="account",
        recipient="toAddress",
        amount0=expr(f"{{fromAmount}} if {_FORWARD} else -{{toAmount}}"),
        amount1=expr(f"-{{toAmount}} if {_FORWARD} else {{fromAmount}}"),
        pair=expr(
            f"{_key('fromCurrencyKey')} + '/' + {_key('toCurrencyKey')} if {_FORWARD} "
            f"else {_key('toCurrencyKey')} + '/' + {_key('fromCurrencyKey')}"
        ),
    ),
    "AccountLiquidated(address,uint256,uint256,address)": says(
        Liquidation,
        account="account",
        liquidator="liquidator",
        debt_token=None,
        collateral_token=EMITTER,
        repaid="amountLiquidated",
        seized="snxRedeemed",
    ),
    "OwnerChanged(address,address)": _owner,
    "RatesUpdated(bytes32[],uint256[])": _rates,
    "InversePriceFrozen(bytes32,uint256,uint256,address)": says(
        InstrumentUpdate, instrument=_text("currencyKey"), what=literal("halted"), value="rate"
    ),
    "AggregatorAdded(bytes32,address)": _set("aggregator", "aggregator", _text("currencyKey")),
    "AggregatorRemoved(bytes32,address)": says(
        ParameterChange, what=literal("aggregator"), subject=_text("currencyKey"), before="aggregator"
    ),
    "SynthAdded(bytes32,address)": says(InstrumentUpdate, instrument=_text("currencyKey"), what=literal("listed")),
    "SynthRemoved(bytes32,address)": says(InstrumentUpdate, instrument=_text("currencyKey"), what=literal("halted")),
    "MarketAdded(address,bytes32,bytes32)": says(InstrumentUpdate, instrument="market", what=literal("listed")),
    "MarketRemoved(address,bytes32,bytes32)": says(InstrumentUpdate, instrument="market", what=literal("halted")),
    "AddressImported(bytes32,address)": _set("address", "destination", _text("name")),
    "TargetUpdated(address)": says(Upgrade, implementation="newTarget", what=literal("implementation")),
    # Suspensions.
    "SystemSuspended(uint256)": _status(True, literal("system")),
    "SystemResumed(uint256)": _status(False, literal("system")),
    "IssuanceSuspended(uint256)": _status(True, literal("issuance")),
    "IssuanceResumed(uint256)": _status(False, literal("issuance")),
    "ExchangeSuspended(uint256)": _status(True, literal("exchange")),
    "ExchangeResumed(uint256)": _status(False, literal("exchange")),
    "FuturesSuspended(uint256)": _status(True, literal("futures")),
    "FuturesResumed(uint256)": _status(False, literal("futures")),
    "FuturesMarketSuspended(bytes32,uint256)": _status(True, _of_key("futures", "marketKey")),
    "FuturesMarketResumed(bytes32,uint256)": _status(False, _of_key("futures", "marketKey")),
    "SynthExchangeSuspended(bytes32,uint256)": _status(True, _of_key("exchange", "currencyKey")),
    "SynthExchangeResumed(bytes32,uint256)": _status(False, _of_key("exchange", "currencyKey")),
    "SynthSuspended(bytes32,uint256)": _status(True, _of_key("synth", "currencyKey")),
    "SynthResumed(bytes32,uint256)": _status(False, _of_key("synth", "currencyKey")),
    "PauseChanged(bool)": says(PauseChange, paused="isPaused", actor=None),
    "AccessControlUpdated(bytes32,address,bool,bool)": says(
        RoleChange, role=_text("section"), account="account", granted=expr("{canSuspend} or {canResume}"), actor=None
    ),
    # Futures and perps v2.
    "MarginTransferred(address,int256)": _margin,
    "PositionModified(uint256,address,uint256,int256,int256,uint256,uint256,uint256)": _position,
    "PositionModified(uint256,address,uint256,int256,int256,uint256,uint256,uint256,int256)": _position,
    "PositionLiquidated(uint256,address,address,int256,uint256,uint256)": _liquidated,
    "PositionLiquidated(uint256,address,address,int256,uint256,uint256,uint256,uint256)": _liquidated,
    "FundingRecomputed(int256,uint256,uint256)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("funding"), value="funding"
    ),
    "FundingRecomputed(int256,int256,uint256,uint256)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("funding"), value="fundingRate"
    ),
    "DelayedOrderSubmitted(address,bool,int256,uint256,uint256,uint256,uint256,uint256,bytes32)": _ORDER,
    "NextPriceOrderSubmitted(address,int256,uint256,uint256,uint256,bytes32)": _ORDER,
    "DelayedOrderRemoved(address,bool,uint256,int256,uint256,uint256,uint256,bytes32)": _order_removed,
    "NextPriceOrderRemoved(address,uint256,int256,uint256,uint256,uint256,bytes32)": _order_removed,
    "ParameterUpdated(bytes32,bytes32,uint256)": says(
        ParameterChange, what=_text("parameter"), subject=_text("marketKey"), after="value"
    ),
    # Loans and wrappers.
    "CollateralDeposited(address,uint256,uint256,uint256)": says(
        Deposit, account="account", token=None, amount="amountDeposited"
    ),
    "CollateralWithdrawn(address,uint256,uint256,uint256)": says(
        Withdraw, account="account", token=None, amount="amountWithdrawn"
    ),
    "LoanCreated(address,uint256,uint256,uint256,bytes32,uint256)": _loan_created,
    "LoanDrawnDown(address,uint256,uint256)": says(Borrow, account="account", token=None, amount="amount"),
    "LoanRepaymentMade(address,address,uint256,uint256,uint256)": says(
        Repay, account="account", payer="repayer", token=None, amount="amountRepaid"
    ),
    "LoanClosedByRepayment(address,uint256,uint256,uint256)": says(
        Repay, account="account", payer="account", token=None, amount="amountRepaid"
    ),
    "LoanPartiallyLiquidated(address,uint256,address,uint256,uint256)": _LOAN_LIQUIDATED,
    "LoanClosedByLiquidation(address,uint256,address,uint256,uint256)": _LOAN_LIQUIDATED,
    "Minted(address,uint256,uint256,uint256)": says(
        Deposit, account="account", token=None, amount="amountIn", shares="principal"
    ),
    "Burned(address,uint256,uint256,uint256)": says(
        Withdraw, account="account", token=None, amount="principal", shares="amountIn"
    ),
    # Between Ethereum and Optimism.
    "InitiateSynthTransfer(bytes32,address,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amount",
        sender=None,
        recipient="destination",
    ),
    "FinalizeSynthTransfer(bytes32,address,uint256)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="amount", sender=None, recipient="destination"
    ),
    "DepositInitiated(address,address,uint256)": says(
        BridgeTransfer, direction=literal("out"), token=None, amount="_amount", sender="_from", recipient="_to"
    ),
    "DepositFinalized(address,uint256)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="_amount", sender=None, recipient="_to"
    ),
    "WithdrawalInitiated(address,address,uint256)": says(
        BridgeTransfer, direction=literal("out"), token=None, amount="_amount", sender="_from", recipient="_to"
    ),
    "WithdrawalFinalized(address,uint256)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="_amount", sender=None, recipient="_to"
    ),
    **{signature: _set(what, field) for signature, what, field in _SETTINGS},
}
