"""Derivatives and bridges: each event with values, what it says written out by hand; topics that were seen on chain."""

from collections.abc import Iterable
from typing import Any

import pytest

from chainwatch.decode import Decoder
from chainwatch.decode.protocols import MAPPERS
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Borrow,
    BridgeTransfer,
    Deposit,
    Event,
    FlashLoan,
    IndexUpdate,
    InstrumentUpdate,
    Liquidation,
    LiquidityChange,
    OrderCancelled,
    OrderPlaced,
    ParameterChange,
    PauseChange,
    PriceUpdate,
    Repay,
    RoleChange,
    Swap,
    Trade,
    Transfer,
    Upgrade,
    Withdraw,
)
from tests.builders import execution
from tests.decode.making import HERE, A, B, C, D, make_log

Said = tuple[type[Event], dict[str, Any]]

ONE = 10**18
WORD, WORD_HEX = b"\xab" * 32, "0x" + "ab" * 32
OTHER, OTHER_HEX = b"\xcd" * 32, "0x" + "cd" * 32


def wide(address: str) -> bytes:
    """An address in 32 bytes."""
    return bytes(12) + bytes.fromhex(address[2:])


def key(text: str) -> bytes:
    """A text in 32 bytes."""
    return text.encode().ljust(32, b"\0")


def moved(direction: str, token: Any, amount: Any, sender: Any, recipient: Any, chain: Any = None, number: Any = None):
    return BridgeTransfer, {
        "direction": direction, "token": token, "amount": amount, "sender": sender, "recipient": recipient,
        "remote_chain": chain, "message_id": number,
    }  # fmt: skip


def out(*of: Any) -> Said:
    return moved("out", *of)


def into(*of: Any) -> Said:
    return moved("in", *of)


def deposit(account: str, token: str | None, amount: int, shares: int | None = None) -> Said:
    return Deposit, {"account": account, "token": token, "amount": amount, "shares": shares}


def withdraw(account: str, token: str | None, amount: int, shares: int | None = None) -> Said:
    return Withdraw, {"account": account, "token": token, "amount": amount, "shares": shares}


def borrow(account: str, token: str | None, amount: int) -> Said:
    return Borrow, {"account": account, "token": token, "amount": amount}


def repay(account: str, payer: str, token: str | None, amount: int) -> Said:
    return Repay, {"account": account, "payer": payer, "token": token, "amount": amount}


def liquidation(account: str, liquidator: str, debt: Any, collateral: Any, repaid: int, seized: int) -> Said:
    return Liquidation, {
        "account": account, "liquidator": liquidator, "debt_token": debt, "collateral_token": collateral,
        "repaid": repaid, "seized": seized,
    }  # fmt: skip


def trade(instrument: str, account: str, size: int, price: Any = None, fee: Any = None, order: Any = None) -> Said:
    return Trade, {
        "instrument": instrument, "account": account, "size": size, "price": price, "fee": fee, "order_id": order
    }  # fmt: skip


def placed(instrument: str, account: str, order: str, size: Any = None, price: Any = None) -> Said:
    return OrderPlaced, {
        "instrument": instrument, "account": account, "order_id": order, "size": size, "price": price
    }  # fmt: skip


def cancelled(order: str, account: Any = None, instrument: Any = None) -> Said:
    return OrderCancelled, {"order_id": order, "account": account, "instrument": instrument}


def update(instrument: str, what: str, value: int | None = None) -> Said:
    return InstrumentUpdate, {"instrument": instrument, "what": what, "value": value}


def change(what: str, after: Any = None, subject: Any = None, before: Any = None) -> Said:
    return ParameterChange, {"what": what, "after": after, "subject": subject, "before": before}


def role(name: str, account: str, granted: bool, actor: str | None = None) -> Said:
    return RoleChange, {"role": name, "account": account, "granted": granted, "actor": actor}


def pause(paused: bool, scope: str | None = None) -> Said:
    return PauseChange, {"paused": paused, "actor": None, "scope": scope}


def upgrade(implementation: str) -> Said:
    return Upgrade, {"implementation": implementation, "what": "implementation"}


def liquidity(account: str, amounts: tuple[int, ...], tokens: Any = None, shares: Any = None) -> Said:
    return LiquidityChange, {
        "pool": HERE, "account": account, "amounts": amounts, "tokens": tokens, "shares": shares
    }  # fmt: skip


def swap(sender: str, recipient: str, amounts: tuple[int, int], tokens: Any = (None, None), pair: str = "") -> Said:
    return Swap, {
        "pool": HERE, "sender": sender, "recipient": recipient, "amount0": amounts[0], "amount1": amounts[1],
        "token0": tokens[0], "token1": tokens[1], "pair": pair,
    }  # fmt: skip


GAVE, GOT = ((False, 100), (True, 1)), ((True, 70), (True, 2))
"""Updates of dYdX: an account gave 100, an account got 70."""

DYDX: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("LogWithdraw", (A, 0, 3, GAVE, B), [withdraw(A, None, 100)]),
    ("LogDeposit", (A, 0, 3, GOT, B), [deposit(A, None, 70)]),
    ("LogTransfer", (A, 0, B, 0, 3, GAVE, GOT), [withdraw(A, None, 100), deposit(B, None, 70)]),
    ("LogBuy", (A, 0, 1, 2, GAVE, GOT, C), [trade("2/1", A, 70)]),
    ("LogSell", (A, 0, 1, 2, GAVE, GOT, C), [trade("2/1", A, 70)]),
    ("LogTrade", (A, 0, B, 0, 1, 2, GAVE, GOT, GOT, GAVE, C), [trade("1/2", A, -100), trade("1/2", B, 70)]),
    ("LogLiquidate", (A, 0, B, 0, 1, 2, GOT, GAVE, ((False, 9), (True, 0)), ((True, 8), (True, 0))),
     [liquidation(B, A, None, None, 8, 9)]),
    ("LogVaporize", (A, 0, B, 0, 1, 2, GOT, GAVE, ((True, 8), (True, 0))), [liquidation(B, A, None, None, 8, 0)]),
    ("LogAddMarket", (4, A), [update("4", "listed")]),
    ("LogSetIsClosing", (4, True), [update("4", "halted")]),
    ("LogSetIsClosing", (4, False), [update("4", "resumed")]),
    ("LogSetPriceOracle", (4, A), [change("price_oracle", A, "4")]),
    ("LogSetInterestSetter", (4, A), [change("interest_setter", A, "4")]),
    ("LogSetMarginPremium", (4, (5,)), [change("margin_premium", 5, "4")]),
    ("LogSetSpreadPremium", (4, (5,)), [change("spread_premium", 5, "4")]),
    ("LogSetMarginRatio", ((5,),), [change("margin_ratio", 5)]),
    ("LogSetLiquidationSpread", ((5,),), [change("liquidation_spread", 5)]),
    ("LogSetEarningsRate", ((5,),), [change("earnings_rate", 5)]),
    ("LogSetMinBorrowedValue", ((5,),), [change("min_borrowed_value", 5)]),
    ("LogSetGlobalOperator", (A, True), [role("global_operator", A, True)]),
]  # fmt: skip

OPYN: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("ETHCollateralAdded(address,uint256,address)", (A, 5, B), [deposit(A, None, 5)]),
    ("ERC20CollateralAdded(address,uint256,address)", (A, 5, B), [deposit(A, None, 5)]),
    ("RemoveCollateral", (5, A), [withdraw(A, None, 5)]),
    ("RemoveCollateral", (0, 5, A), [withdraw(A, None, 5)]),
    ("IssuedOTokens(address,uint256,address)", (A, 5, B), [borrow(B, HERE, 5)]),
    ("BurnOTokens(address,uint256)", (A, 5), [repay(A, A, HERE, 5)]),
    ("Liquidate(uint256,address,address)", (5, A, B), [liquidation(A, B, HERE, None, 0, 5)]),
    ("Exercise", (5, 6, A, B), [withdraw(A, None, 6)]),
    ("Exercise", (5, 6, A), [withdraw(A, None, 6)]),
    ("RedeemVaultBalance", (5, 6, A), [withdraw(A, None, 5)]),
    ("ClaimedCollateral", (5, 6, 0, A), [withdraw(A, None, 5)]),
    ("TransferFee", (A, 5), [withdraw(A, None, 5)]),
    ("UpdateParameters", (1, 2, 3, 4, A),
     [change("liquidation_incentive", 1), change("liquidation_factor", 2), change("transaction_fee", 3),
      change("min_collateralization_ratio", 4)]),
    ("SellOTokens", (A, B, C, D, 5, 6), [trade(C, A, -5)]),
    ("BuyOTokens", (A, B, C, D, 5, 6), [trade(C, A, 5)]),
    ("OptionsContractCreated", (A,), [update(A, "listed")]),
]  # fmt: skip

OPYN_GAMMA: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("CollateralAssetDeposited", (A, B, C, 1, 5), [deposit(B, A, 5)]),
    ("CollateralAssetWithdrawed", (A, B, C, 1, 5), [withdraw(B, A, 5)]),
    ("LongOtokenDeposited", (A, B, C, 1, 5), [deposit(B, A, 5)]),
    ("LongOtokenWithdrawed", (A, B, C, 1, 5), [withdraw(B, A, 5)]),
    ("ShortOtokenMinted", (A, B, C, 1, 5), [borrow(B, A, 5)]),
    ("ShortOtokenBurned", (A, B, C, 1, 5), [repay(B, C, A, 5)]),
    ("Redeem", (A, B, C, D, 5, 6), [withdraw(B, D, 6, 5)]),
    ("VaultSettled", (A, B, C, 5, 1, 0), [withdraw(A, None, 5)]),
    ("VaultLiquidated", (A, B, C, 1, 2, 5, 6, 3), [liquidation(C, A, None, None, 6, 5)]),
    ("SystemPartiallyPaused", (True,), [pause(True, "partial")]),
    ("SystemFullyPaused", (False,), [pause(False, "full")]),
    ("FullPauserUpdated", (A, B), [change("full_pauser", B, before=A)]),
    ("PartialPauserUpdated", (A, B), [change("partial_pauser", B, before=A)]),
    ("CallRestricted", (False,), [change("call_restricted", 0)]),
    ("ExpiryPriceUpdated", (A, 99, 5, 100), [update(f"{A}@99", "settled", 5)]),
    ("ExpiryPriceDisputed", (A, 99, 5, 6, 100), [update(f"{A}@99", "settled", 6)]),
    ("StablePriceUpdated", (A, 5), [change("stable_price", 5, A)]),
    ("PricerUpdated", (A, B), [change("pricer", B, A)]),
    ("DisputerUpdated", (A,), [change("disputer", A)]),
    ("FarmerUpdated", (A, B), [change("farmer", B, before=A)]),
    ("OtokenCreated", (A, B, C, D, C, 5, 99, True), [update(A, "listed", 5)]),
]

GMX_V1: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("BuyUSDG", (A, B, 5, 6, 7), [deposit(A, B, 5, 6)]),
    ("SellUSDG", (A, B, 6, 5, 7), [withdraw(A, B, 5, 6)]),
    ("Swap", (A, B, C, 10, 9, 8, 7), [swap(A, A, (10, -8), (B, C), B + C)]),
    ("Swap", (A, C, B, 10, 9, 8, 7), [swap(A, A, (-8, 10), (B, C), B + C)]),
    ("IncreasePosition", (WORD, A, B, C, 5, 6, True, 7, 8), [trade(C, A, 6, 7, 8)]),
    ("IncreasePosition", (WORD, A, B, C, 5, 6, False, 7, 8), [trade(C, A, -6, 7, 8)]),
    ("DecreasePosition", (WORD, A, B, C, 5, 6, True, 7, 8), [trade(C, A, -6, 7, 8)]),
    ("LiquidatePosition", (WORD, A, B, C, False, 6, 5, 4, -3, 7),
     [trade(C, A, 6, 7), liquidation(A, HERE, None, B, 6, 5)]),
    ("UpdateFundingRate", (A, 5), [update(A, "funding", 5)]),
    ("AddLiquidity", (A, B, 5, 1, 2, 3, 6), [liquidity(A, (5,), (B,), 6)]),
    ("RemoveLiquidity", (A, B, 6, 1, 2, 3, 5), [liquidity(A, (-5,), (B,), 6)]),
    ("CreateIncreasePosition", (A, [B], C, 1, 2, 6, False, 7, 8, 4, 5, 10, 11, 12), [placed(C, A, f"{A}:4", -6, 7)]),
    ("CreateDecreasePosition", (A, [B], C, 1, 6, False, D, 7, 8, 9, 4, 5, 10, 11), [placed(C, A, f"{A}:4", 6, 7)]),
    ("CreateIncreaseOrder", (A, 4, B, 1, B, C, 6, True, 7, True, 8), [placed(C, A, f"{A}:4", 6, 7)]),
    ("CreateDecreaseOrder", (A, 4, B, 1, C, 6, True, 7, True, 8), [placed(C, A, f"{A}:4", -6, 7)]),
    ("CancelIncreaseOrder", (A, 4, B, 1, B, C, 6, True, 7, True, 8), [cancelled(f"{A}:4", A, C)]),
    ("CancelDecreaseOrder", (A, 4, B, 1, C, 6, True, 7, True, 8), [cancelled(f"{A}:4", A, C)]),
    ("SetPositionKeeper", (A, False), [role("position_keeper", A, False)]),
]  # fmt: skip


def gmx(name: str, *said: Said, **values: Any) -> tuple[str, tuple[Any, ...], list[Said]]:
    """A case of GMX v2: an EventLog2 with named values, each under what it is."""
    kinds: dict[str, list[tuple[str, Any]]] = {}
    for full, value in values.items():
        kind, _, item = full.partition("_")
        kinds.setdefault(kind, []).append((item, value))
    order = ("address", "uint", "int", "bool", "word", "bytes", "string")
    data = tuple((tuple(kinds.get(kind, ())), ()) for kind in order)
    return "EventLog2", (A, name, name, WORD, WORD, data), list(said)


POSITION = {
    "address_account": B, "address_market": C, "address_collateralToken": D, "uint_executionPrice": 7,
    "uint_sizeDeltaUsd": 6, "word_orderKey": OTHER,
}  # fmt: skip
ORDER = {
    "address_account": B, "address_market": C, "uint_sizeDeltaUsd": 6, "uint_acceptablePrice": 8, "word_key": OTHER,
}  # fmt: skip
GMX_V2: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    gmx("PositionIncrease", trade(C, B, 6, 7, None, OTHER_HEX), bool_isLong=True, **POSITION),
    gmx("PositionIncrease", trade(C, B, -6, 7, None, OTHER_HEX), bool_isLong=False, **POSITION),
    gmx("PositionDecrease", trade(C, B, -6, 7, None, OTHER_HEX), bool_isLong=True, uint_orderType=4, **POSITION),
    gmx("PositionDecrease", trade(C, B, 6, 7, None, OTHER_HEX), liquidation(B, A, None, D, 6, 5), bool_isLong=False,
        uint_orderType=7, uint_collateralDeltaAmount=5, **POSITION),
    gmx("OrderCreated", placed(C, B, OTHER_HEX, 6, 9), bool_isLong=True, uint_orderType=3, uint_triggerPrice=9,
        **ORDER),
    gmx("OrderCreated", placed(C, B, OTHER_HEX, 6, 8), bool_isLong=False, uint_orderType=4, uint_triggerPrice=0,
        **ORDER),
    gmx("OrderCreated", placed(C, B, OTHER_HEX, None, 8), bool_isLong=False, uint_orderType=0, uint_triggerPrice=0,
        **ORDER),
    gmx("OrderCancelled", cancelled(OTHER_HEX, B), word_key=OTHER, address_account=B),
    gmx("SwapInfo", (Swap, {"pool": C, "sender": A, "recipient": B, "amount0": -9, "amount1": 10, "token0": A,
                            "token1": D}),
        address_market=C, address_receiver=B, address_tokenIn=D, address_tokenOut=A, uint_amountIn=10,
        uint_amountOut=9),
    gmx("OraclePriceUpdate", (PriceUpdate, {"feed": B, "answer": 15, "updated_at": 99}),
        address_token=B, uint_minPrice=10, uint_maxPrice=20, uint_timestamp=99),
    gmx("DepositCreated", deposit(B, C, 5), address_account=B, address_initialLongToken=C, address_initialShortToken=D,
        uint_initialLongTokenAmount=5, uint_initialShortTokenAmount=0),
    gmx("DepositExecuted", (LiquidityChange, {"pool": C, "account": B, "amounts": (5, 6), "shares": 7}),
        address_account=B, address_market=C, uint_longTokenAmount=5, uint_shortTokenAmount=6,
        uint_receivedMarketTokens=7),
    gmx("DepositExecuted", address_account=B, uint_longTokenAmount=5, uint_shortTokenAmount=6,
        uint_receivedMarketTokens=7),
    gmx("MarketCreated", update(C, "listed"), address_marketToken=C),
    gmx("SetUint", change(OTHER_HEX, 5, "0x0102"), word_baseKey=OTHER, bytes_data=b"\1\2", uint_value=5),
    gmx("SetInt", change(OTHER_HEX, -5, "0x0102"), word_baseKey=OTHER, bytes_data=b"\1\2", int_value=-5),
    gmx("SetBool", change(OTHER_HEX, 1, "0x0102"), word_baseKey=OTHER, bytes_data=b"\1\2", bool_value=True),
    gmx("SetAddress", change(OTHER_HEX, B, "0x0102"), word_baseKey=OTHER, bytes_data=b"\1\2", address_value=B),
    gmx("SetBytes32", change(OTHER_HEX, WORD_HEX, "0x"), word_baseKey=OTHER, bytes_data=b"", word_value=WORD),
    gmx("PositionIncrease", uint_sizeDeltaUsd=6),  # somebody's log: a name without its values
    gmx("PositionFeesCollected", uint_sizeDeltaUsd=6),
]  # fmt: skip

S_ETH, S_USD = key("sETH"), key("sUSD")
SYNTHETIX_V2: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("SynthExchange", (A, S_USD, 10, S_ETH, 9, B), [swap(A, B, (-9, 10), pair="sETH/sUSD")]),
    ("SynthExchange", (A, S_ETH, 10, S_USD, 9, B), [swap(A, B, (10, -9), pair="sETH/sUSD")]),
    ("AccountLiquidated", (A, 5, 6, B), [liquidation(A, B, None, HERE, 6, 5)]),
    ("OwnerChanged", (A, B), [role("owner", A, False), role("owner", B, True)]),
    ("OwnerChanged", (ZERO_ADDRESS, B), [role("owner", B, True)]),
    ("RatesUpdated", ([S_ETH, S_USD], [5, 6]), [update("sETH", "parameter", 5), update("sUSD", "parameter", 6)]),
    ("InversePriceFrozen", (key("iETH"), 5, 6, A), [update("iETH", "halted", 5)]),
    ("AggregatorAdded", (S_ETH, A), [change("aggregator", A, "sETH")]),
    ("AggregatorRemoved", (S_ETH, A), [change("aggregator", None, "sETH", A)]),
    ("SynthAdded(bytes32,address)", (S_ETH, A), [update("sETH", "listed")]),
    ("SynthRemoved(bytes32,address)", (S_ETH, A), [update("sETH", "halted")]),
    ("MarketAdded", (A, S_ETH, S_ETH), [update(A, "listed")]),
    ("MarketRemoved", (A, S_ETH, S_ETH), [update(A, "halted")]),
    ("AddressImported", (key("Issuer"), A), [change("address", A, "Issuer")]),
    ("TargetUpdated", (A,), [upgrade(A)]),
    ("SystemSuspended", (1,), [pause(True, "system")]),
    ("SystemResumed", (1,), [pause(False, "system")]),
    ("IssuanceSuspended", (1,), [pause(True, "issuance")]),
    ("IssuanceResumed", (1,), [pause(False, "issuance")]),
    ("ExchangeSuspended", (1,), [pause(True, "exchange")]),
    ("ExchangeResumed", (1,), [pause(False, "exchange")]),
    ("FuturesSuspended", (1,), [pause(True, "futures")]),
    ("FuturesResumed", (1,), [pause(False, "futures")]),
    ("FuturesMarketSuspended", (S_ETH, 1), [pause(True, "futures:sETH")]),
    ("FuturesMarketResumed", (S_ETH, 1), [pause(False, "futures:sETH")]),
    ("SynthExchangeSuspended", (S_ETH, 1), [pause(True, "exchange:sETH")]),
    ("SynthExchangeResumed", (S_ETH, 1), [pause(False, "exchange:sETH")]),
    ("SynthSuspended", (S_ETH, 1), [pause(True, "synth:sETH")]),
    ("SynthResumed", (S_ETH, 1), [pause(False, "synth:sETH")]),
    ("PauseChanged", (True,), [pause(True)]),
    ("AccessControlUpdated", (key("Synth"), A, True, False), [role("Synth", A, True)]),
    ("AccessControlUpdated", (key("Synth"), A, False, False), [role("Synth", A, False)]),
    ("MarginTransferred", (A, 5), [deposit(A, None, 5)]),
    ("MarginTransferred", (A, -5), [withdraw(A, None, 5)]),
    ("PositionModified", (1, A, 2, 3, -4, 5, 6, 7), [trade(HERE, A, -4, 5, 7)]),
    ("PositionModified", (1, A, 2, 3, -4, 5, 6, 7, 8), [trade(HERE, A, -4, 5, 7)]),
    ("PositionModified", (1, A, 2, 3, 0, 5, 6, 7, 8), []),
    ("PositionLiquidated", (1, A, B, -3 * ONE, 5, 6),
     [trade(HERE, A, 3 * ONE, 5), liquidation(A, B, None, None, 15, 6)]),
    ("PositionLiquidated", (1, A, B, 3 * ONE, 5, 6, 7, 8),
     [trade(HERE, A, -3 * ONE, 5), liquidation(A, B, None, None, 15, 21)]),
    ("FundingRecomputed", (-5, 6, 7), [update(HERE, "funding", -5)]),
    ("FundingRecomputed", (-5, -6, 7, 8), [update(HERE, "funding", -6)]),
    ("DelayedOrderSubmitted", (A, True, -5, 1, 2, 3, 4, 5, WORD), [placed(HERE, A, A, -5)]),
    ("NextPriceOrderSubmitted", (A, -5, 1, 2, 3, WORD), [placed(HERE, A, A, -5)]),
    ("DelayedOrderRemoved", (A, True, 1, -5, 2, 3, 4, WORD), [cancelled(A, A, HERE)]),
    ("NextPriceOrderRemoved", (A, 1, -5, 2, 3, 4, WORD), [cancelled(A, A, HERE)]),
    ("ParameterUpdated", (S_ETH, key("takerFee"), 5), [change("takerFee", 5, "sETH")]),
    ("CollateralDeposited", (A, 1, 5, 6), [deposit(A, None, 5)]),
    ("CollateralWithdrawn", (A, 1, 5, 6), [withdraw(A, None, 5)]),
    ("LoanCreated", (A, 1, 5, 6, S_ETH, 7), [deposit(A, None, 6), borrow(A, None, 5)]),
    ("LoanDrawnDown", (A, 1, 5), [borrow(A, None, 5)]),
    ("LoanRepaymentMade", (A, B, 1, 5, 6), [repay(A, B, None, 5)]),
    ("LoanClosedByRepayment", (A, 1, 5, 6), [repay(A, A, None, 5)]),
    ("LoanPartiallyLiquidated", (A, 1, B, 5, 6), [liquidation(A, B, None, None, 5, 6)]),
    ("LoanClosedByLiquidation", (A, 1, B, 5, 6), [liquidation(A, B, None, None, 5, 6)]),
    ("Minted", (A, 5, 1, 6), [deposit(A, None, 6, 5)]),
    ("Burned", (A, 5, 1, 6), [withdraw(A, None, 5, 6)]),
    ("InitiateSynthTransfer", (S_ETH, A, 5), [out(None, 5, None, A)]),
    ("FinalizeSynthTransfer", (S_ETH, A, 5), [into(None, 5, None, A)]),
    ("DepositInitiated", (A, B, 5), [out(None, 5, A, B)]),
    ("DepositFinalized", (A, 5), [into(None, 5, None, A)]),
    ("WithdrawalInitiated", (A, B, 5), [out(None, 5, A, B)]),
    ("WithdrawalFinalized", (A, 5), [into(None, 5, None, A)]),
    ("OracleUpdated", (A,), [change("oracle", A)]),
    *(
        (event, (5,), [change(what, 5)])
        for event, what in (
            ("IssuanceRatioUpdated", "issuance_ratio"),
            ("LiquidationRatioUpdated", "liquidation_ratio"),
            ("LiquidationDelayUpdated", "liquidation_delay"),
            ("LiquidationPenaltyUpdated", "liquidation_penalty"),
            ("SelfLiquidationPenaltyUpdated", "self_liquidation_penalty"),
            ("SnxLiquidationPenaltyUpdated", "snx_liquidation_penalty"),
            ("RateStalePeriodUpdated", "rate_stale_period"),
            ("WaitingPeriodSecsUpdated", "waiting_period_seconds"),
            ("PriceDeviationThresholdUpdated", "price_deviation_threshold"),
            ("AtomicMaxVolumePerBlockUpdated", "atomic_max_volume_per_block"),
            ("LiquidationBufferRatioUpdated", "liquidation_buffer_ratio"),
            ("LiquidationFeeRatioUpdated", "liquidation_fee_ratio"),
            ("MinInitialMarginUpdated", "min_initial_margin"),
            ("MinCratioRatioUpdated", "min_collateral_ratio"),
            ("MaxDebtUpdated", "max_debt"),
        )
    ),
]  # fmt: skip

SYNTHETIX_V3: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Deposited", (4, A, 5, B), [deposit(B, A, 5)]),
    ("Withdrawn", (4, A, 5, B), [withdraw(B, A, 5)]),
    ("UsdMinted", (4, 1, A, 5, B), [borrow(B, None, 5)]),
    ("UsdBurned", (4, 1, A, 5, B), [repay("4", B, None, 5)]),
    ("Liquidation", (4, 1, A, (5, 6, 7), 9, B), [liquidation("4", B, None, A, 5, 6)]),
    ("VaultLiquidation", (1, A, (5, 6, 7), 9, B), [liquidation("pool 1", B, None, A, 5, 6)]),
    ("MarketUsdDeposited", (2, A, 5, B, 1, 2, 3), [repay(B, A, None, 5)]),
    ("MarketUsdWithdrawn", (2, A, 5, B, 1, 2, 3), [borrow(B, None, 5)]),
    ("MarketRegistered", (A, 2, B), [update("2", "listed")]),
    ("FeatureFlagDenyAllSet", (key("deposit"), True), [pause(True, "deposit")]),
    ("PermissionGranted", (4, WORD, A, B), [role(WORD_HEX, A, True, B)]),
    ("PermissionRevoked", (4, WORD, A, B), [role(WORD_HEX, A, False, B)]),
    ("Upgraded", (A, B), [upgrade(B)]),
    ("SetMinLiquidityRatio", (5,), [change("min_liquidity_ratio", 5)]),
    ("CollateralModified", (4, 0, 5, A), [deposit(A, None, 5)]),
    ("CollateralModified", (4, 0, -5, A), [withdraw(A, None, 5)]),
    ("OrderCommitted", (2, 4, 0, -5, 6, 1, 2, 3, 4, WORD, A), [placed("2", "4", "4", -5, 6)]),
    ("OrderSettled", (2, 4, 6, 1, 2, -5, 3, 7, 8, 9, 10, WORD, A), [trade("2", "4", -5, 6, 7, "4")]),
    ("OrderCancelled", (2, 4, 6, 7, -5, 8, WORD, A), [cancelled("4", "4", "2")]),
    ("PreviousOrderExpired", (2, 4, -5, 6, 7, WORD), [cancelled("4", "4", "2")]),
    ("PositionLiquidated", (4, 2, 5, 6), [liquidation("4", HERE, None, None, 5, 0)]),
    ("MarketUpdated", (2, 1, 2, 3, 4, -5, 6, 7), [update("2", "funding", -5)]),
    ("MarketCreated", (2, "Ether", "ETH"), [update("2", "listed")]),
    ("MaxMarketSizeSet", (2, 5), [change("max_market_size", 5, "2")]),
    ("MaxMarketValueSet", (2, 5), [change("max_market_value", 5, "2")]),
    ("MarketPriceDataUpdated", (2, WORD, 5), [change("price_feed", WORD_HEX, "2")]),
    ("LockedOiRatioSet", (2, 5), [change("locked_open_interest_ratio", 5, "2")]),
    ("SynthRegistered", (3, A), [update("spot 3", "listed")]),
    ("SynthPriceDataUpdated", (3, WORD, OTHER, 5), [change("price_feed", WORD_HEX, "3")]),
    ("SynthImplementationUpgraded", (3, A, B), [upgrade(B)]),
]

PERPETUAL_V2: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("PositionChanged", (A, B, 2 * ONE, -10 * ONE, 3, 4, 5, 6), [trade(B, A, 2 * ONE, 5 * ONE, 3)]),
    ("PositionChanged", (A, B, 0, 0, 3, 4, 5, 6), [trade(B, A, 0, None, 3)]),
    ("PositionClosed", (A, B, 5, -6, 7, 8, 9), [trade(B, A, -5, 9)]),
    ("PositionLiquidated", (A, B, 5, 6, 7, C), [liquidation(A, C, None, None, 5, 7)]),
    ("LiquidityChanged", (A, B, C, -10, 10, -5, -6, -7, 8), [liquidity(A, (-5, -6), (B, C), 7)]),
    ("CollateralLiquidated", (A, B, C, 5, 6, 7, 8), [liquidation(A, C, None, B, 13, 5)]),
    ("FundingUpdated", (A, 5, 7), [update(A, "funding", -2)]),
    ("PoolAdded", (A, 3000, B), [update(A, "listed")]),
    ("StatusUpdated", (0,), [update(HERE, "resumed")]),
    ("StatusUpdated", (1,), [update(HERE, "halted")]),
    ("StatusUpdated", (2,), [update(HERE, "settled")]),
    ("CollateralAdded", (A, B, 1, 2, 3), [change("collateral", B, A)]),
    ("PriceFeedChanged", (A, B), [change("price_feed", B, A)]),
    ("CollateralRatioChanged", (A, 5), [change("collateral_ratio", 5, A)]),
    ("DepositCapChanged", (A, 5), [change("deposit_cap", 5, A)]),
    ("DebtThresholdChanged", (5,), [change("debt_threshold", 5)]),
    ("MaxTickCrossedWithinBlockChanged", (A, 5), [change("max_tick_crossed_within_block", 5, A)]),
    ("LiquidationPenaltyRatioChanged", (5,), [change("liquidation_penalty_ratio", 5)]),
    ("MaxFundingRateChanged", (5,), [change("max_funding_rate", 5)]),
    ("Deposited", (A, B, 5), []),
]


def lyra_trade(option_type: int, direction: int) -> tuple[Any, ...]:
    asked = (99, 1, option_type, direction, 2 * ONE, 0, False, 1, 0, 6 * ONE)
    return (A, 7, 1, asked, [], (B, C, 0, 0, 1, 2, 3, 0), 99)


LYRA_V1: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Trade", lyra_trade(0, 0), [trade("7-call", A, 2 * ONE, 3 * ONE)]),
    ("Trade", lyra_trade(1, 1), [trade("7-put", A, -2 * ONE, 3 * ONE)]),
    ("Trade", lyra_trade(3, 0), [trade("7-call", A, -2 * ONE, 3 * ONE)]),
    ("Trade", lyra_trade(4, 2), [trade("7-put", A, 2 * ONE, 3 * ONE), liquidation(A, C, None, None, 2 * ONE, 6)]),
    ("BoardCreated", (1, 99, 5, False), [update("board 1", "listed")]),
    ("BoardFrozen", (1, True), [update("board 1", "halted")]),
    ("BoardSettled", (1, 5, 0, 0, 0, 0, 0, 0), [update("board 1", "settled", 5)]),
    ("BoardBaseIvSet", (1, 5), [update("board 1", "parameter", 5)]),
    ("StrikeAdded", (1, 7, 5, 6), [update("7", "listed", 5)]),
    ("StrikeSkewSet", (7, 5), [update("7", "parameter", 5)]),
    ("CircuitBreakerUpdated", (99, True, False, False), [update(HERE, "halted", 99)]),
    ("DepositProcessed", (A, B, 1, 5, 6, 7, 99), [deposit(B, None, 5, 7)]),
    ("WithdrawProcessed", (A, B, 1, 5, 6, 7, 8, 99), [withdraw(B, None, 7, 5)]),
    ("WithdrawPartiallyProcessed", (A, B, 1, 5, 6, 7, 8, 99), [withdraw(B, None, 7, 5)]),
    ("PositionSettled", (1, A, B, 5, 6, 0, 7, 8, 9), [withdraw(B, None, 8)]),
    ("GlobalPausedSet", (True,), [pause(True)]),
    ("MarketPausedSet", (A, True), [pause(True, A)]),
]

RELAY = (wide(D), WORD, 11, 2)
ACROSS: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("V3FundsDeposited", (A, B, 5, 6, 10, 77, 1, 2, 3, C, D, ZERO_ADDRESS, b""), [out(A, 5, C, D, 10, "77")]),
    ("FundsDeposited", (wide(A), wide(B), 5, 6, 10, 77, 1, 2, 3, wide(C), wide(D), WORD, b""),
     [out(A, 5, C, "0x" + wide(D).hex(), 10, "77")]),
    ("FundsDeposited", (5, 1, 10, 6, 77, 2, A, D, C, b""), [out(A, 5, C, D, 10, "77")]),
    ("FundsDeposited", (5, 1, 10, 6, 77, 2, A, D, C), [out(A, 5, C, D, 10, "77")]),
    ("FilledV3Relay", (A, B, 5, 6, 1, 10, 77, 2, 3, A, A, C, A, b"", (D, b"", 11, 2)), [into(B, 11, C, D, 10, "77")]),
    ("FilledRelay(bytes32,bytes32,uint256,uint256,uint256,uint256,uint256,uint32,uint32,bytes32,bytes32,bytes32,bytes32,"
     "bytes32,(bytes32,bytes32,uint256,uint8))",
     (wide(A), wide(B), 5, 6, 1, 10, 77, 2, 3, WORD, wide(A), wide(C), wide(A), WORD, RELAY),
     [into(B, 11, "0x" + wide(C).hex(), D, 10, "77")]),
    ("FilledRelay(uint256,uint256,uint256,uint256,uint256,uint256,int64,int64,uint32,address,address,address,address,"
     "bytes,(address,bytes,int64,bool,int256))",
     (5, 6, 7, 1, 10, 1, 2, 3, 77, B, A, C, D, b"", (D, b"", 1, False, 0)), [into(B, 7, C, D, 10, "77")]),
    ("FilledRelay(uint256,uint256,uint256,uint256,uint256,uint256,uint64,uint64,uint64,uint32,address,address,address,"
     "address,bool)", (5, 6, 7, 1, 10, 1, 2, 3, 4, 77, B, A, C, D, False), [into(B, 7, C, D, 10, "77")]),
    ("LiquidityAdded", (A, 5, 6, B), [liquidity(B, (5,), (A,), 6)]),
    ("LiquidityRemoved", (A, 5, 6, B), [liquidity(B, (-5,), (A,), 6)]),
    ("Paused", (True,), [pause(True)]),
    ("PausedDeposits", (True,), [pause(True, "deposits")]),
    ("PausedFills", (False,), [pause(False, "fills")]),
    ("SetXDomainAdmin", (A,), [change("cross_domain_admin", A)]),
    ("SetWithdrawalRecipient", (A,), [change("withdrawal_recipient", A)]),
    ("CrossChainContractsSet", (10, A, B), [change("spoke_pool", B, "10")]),
    ("LivenessSet", (5,), [change("liveness", 5)]),
    ("BondSet", (A, 5), [change("bond", 5, A)]),
]  # fmt: skip

DEAD = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"
OPTIMISM: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("ETHDepositInitiated", (A, B, 5, b""), [out(NATIVE, 5, A, B)]),
    ("ETHWithdrawalFinalized", (A, B, 5, b""), [into(NATIVE, 5, A, B)]),
    ("ERC20DepositInitiated", (C, D, A, B, 5, b""), [out(C, 5, A, B)]),
    ("ERC20WithdrawalFinalized", (C, D, A, B, 5, b""), [into(C, 5, A, B)]),
    ("WithdrawalInitiated", (C, D, A, B, 5, b""), [out(D, 5, A, B)]),
    ("WithdrawalInitiated", (C, DEAD, A, B, 5, b""), [out(NATIVE, 5, A, B)]),
    ("DepositFinalized", (C, D, A, B, 5, b""), [into(D, 5, A, B)]),
    ("ETHBridgeInitiated", (A, B, 5, b""), [out(NATIVE, 5, A, B)]),
    ("ETHBridgeFinalized", (A, B, 5, b""), [into(NATIVE, 5, A, B)]),
    ("ERC20BridgeInitiated", (C, D, A, B, 5, b""), [out(C, 5, A, B)]),
    ("ERC20BridgeFinalized", (C, D, A, B, 5, b""), [into(C, 5, A, B)]),
    ("SentMessage", (A, B, b"", 7, 8), [out(None, None, B, A, None, "7")]),
    ("RelayedMessage", (WORD,), [into(None, None, None, None, None, WORD_HEX)]),
    ("TransactionDeposited", (A, B, 0, b""), [out(None, None, A, B)]),
    ("WithdrawalFinalized", (WORD, True), [into(None, None, None, None, None, WORD_HEX)]),
    ("MessagePassed", (7, A, B, 5, 6, b"", WORD), [out(None, None, A, B, None, WORD_HEX)]),
    ("OutputsDeleted", (9, 7), [change("outputs", 7, before=9)]),
    ("DisputeGameBlacklisted", (A,), [change("dispute_game_blacklisted", 1, A)]),
    ("RespectedGameTypeSet", (1, 99), [change("respected_game_type", 1)]),
    ("ImplementationSet", (A, 1), [change("dispute_game", A, "1")]),
    ("Paused", ("portal",), [pause(True, "portal")]),
    ("Unpaused", (), [pause(False)]),
]

ARBITRUM: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("DepositInitiated", (C, A, B, 7, 5), [out(C, 5, A, B, None, "7")]),
    ("WithdrawalFinalized", (C, A, B, 7, 5), [into(C, 5, A, B, None, "7")]),
    ("DepositFinalized", (C, A, B, 5), [into(None, 5, A, B)]),
    ("WithdrawalInitiated", (C, A, B, 7, 8, 5), [out(None, 5, A, B, None, "7")]),
    ("MessageDelivered", (7, WORD, A, 12, B, WORD, 1, 2), [out(None, None, B, None, None, "7")]),
    ("BridgeCallTriggered", (A, B, 5, b""), [into(None, 5, None, B)]),
    ("BridgeCallTriggered", (A, B, 0, b""), []),
    ("OutBoxTransactionExecuted", (A, B, 0, 7), [into(None, None, B, A, None, "7")]),
    ("L2ToL1Tx", (A, B, 1, 7, 2, 3, 4, 5, b""), [out(NATIVE, 5, A, B, None, "7")]),
    ("TicketCreated", (WORD,), [into(None, None, None, None, None, WORD_HEX)]),
    ("InboxToggle", (A, True), [role("inbox", A, True)]),
    ("OutboxToggle", (A, False), [role("outbox", A, False)]),
    ("BatchPosterSet", (A, True), [role("batch_poster", A, True)]),
    ("SequencerSet", (A, True), [role("sequencer", A, True)]),
    ("RollupUpdated", (A,), [change("rollup", A)]),
    ("SequencerInboxUpdated", (A,), [change("sequencer_inbox", A)]),
    ("WasmModuleRootSet", (WORD,), [change("wasm_module_root", WORD_HEX)]),
    ("ConfirmPeriodBlocksSet", (5,), [change("confirm_period_blocks", 5)]),
    ("GatewaySet", (A, B), [change("gateway", B, A)]),
    ("DefaultGatewayUpdated", (A,), [change("default_gateway", A)]),
    ("UpgradedSecondary", (A,), [upgrade(A)]),
]

POLYGON: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("LockedERC20", (A, B, C, 5), [out(C, 5, A, B)]),
    ("LockedMintableERC20", (A, B, C, 5), [out(C, 5, A, B)]),
    ("LockedEther", (A, B, 5), [out(NATIVE, 5, A, B)]),
    ("ExitedERC20", (A, C, 5), [into(C, 5, None, A)]),
    ("ExitedMintableERC20", (A, C, 5), [into(C, 5, None, A)]),
    ("ExitedEther", (A, 5), [into(NATIVE, 5, None, A)]),
    ("FxDepositERC20", (C, A, B, 5), [out(C, 5, A, B)]),
    ("FxWithdrawERC20", (C, D, A, 5), [into(C, 5, None, A)]),
    ("NewDepositBlock", (A, C, 5, 7), [out(C, 5, None, A, None, "7")]),
    ("Withdraw", (7, A, C, 5), [into(C, 5, None, A, None, "7")]),
    ("Deposit", (C, A, 5, 1, 2), [into(NATIVE, 5, None, A)]),
    ("Withdraw", (C, A, 5, 1, 2), [out(NATIVE, 5, A, None)]),
    ("StateSynced", (7, A, b""), [out(None, None, None, A, None, "7")]),
    ("StateCommitted", (7, True), [into(None, None, None, None, None, "7")]),
    ("LogTransfer", (C, A, B, 5, 1, 2, 3, 4), []),
]

L2_TRANSACTION = (2, int(A, 16), int(B, 16), 1, 2, 3, 4, 5, 6, 7, (0, 0, 0, 0), b"", b"", (), b"", b"")
ZKSYNC: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("NewPriorityRequest(uint256,bytes32,uint64,(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
     "uint256,uint256,uint256[4],bytes,bytes,uint256[],bytes,bytes),bytes[])",
     (7, WORD, 99, L2_TRANSACTION, []), [out(None, None, A, B, None, WORD_HEX)]),
    ("EthWithdrawalFinalized", (A, 5), [into(NATIVE, 5, None, A)]),
    ("BridgehubDepositBaseTokenInitiated", (324, A, C, 5), [out(C, 5, A, None, 324)]),
    ("BridgehubDepositInitiated", (324, WORD, A, B, C, 5), [out(C, 5, A, B, 324, WORD_HEX)]),
    ("WithdrawalFinalizedSharedBridge", (324, A, C, 5), [into(C, 5, None, A, 324)]),
    ("DepositInitiated", (WORD, A, B, C, 5), [out(C, 5, A, B, None, WORD_HEX)]),
    ("WithdrawalFinalized", (A, C, 5), [into(C, 5, None, A)]),
    ("Withdrawal(address,address,uint256)", (A, B, 5), [out(NATIVE, 5, A, B)]),
    ("FinalizeDeposit", (A, B, C, 5), [into(C, 5, A, B)]),
    ("WithdrawalInitiated", (A, B, C, 5), [out(C, 5, A, B)]),
    ("NewPriorityRequest(address,uint64,uint8,bytes,uint256)", (A, 7, 1, b"", 99),
     [out(None, None, A, None, None, "7")]),
    ("Withdrawal(address,uint16,uint128)", (A, 0, 5), [into(None, 5, None, A)]),
]  # fmt: skip

SCROLL: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("DepositETH", (A, B, 5, b""), [out(NATIVE, 5, A, B)]),
    ("FinalizeWithdrawETH", (A, B, 5, b""), [into(NATIVE, 5, A, B)]),
    ("DepositERC20", (C, D, A, B, 5, b""), [out(C, 5, A, B)]),
    ("FinalizeWithdrawERC20", (C, D, A, B, 5, b""), [into(C, 5, A, B)]),
    ("WithdrawETH", (A, B, 5, b""), [out(NATIVE, 5, A, B)]),
    ("FinalizeDepositETH", (A, B, 5, b""), [into(NATIVE, 5, A, B)]),
    ("WithdrawERC20", (C, D, A, B, 5, b""), [out(D, 5, A, B)]),
    ("FinalizeDepositERC20", (C, D, A, B, 5, b""), [into(D, 5, A, B)]),
    ("SentMessage", (A, B, 5, 7, 8, b""), [out(None, None, A, B, None, "7")]),
    ("QueueTransaction", (A, B, 5, 7, 8, b""), [out(None, None, A, B, None, "7")]),
]

WORMHOLE: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("LogMessagePublished", (A, 7, 1, b"", 15), [out(None, None, A, None, None, f"{A}/7")]),
    ("TransferRedeemed", (2, WORD, 7), [into(None, None, WORD_HEX, None, 2, f"{WORD_HEX}/7")]),
    ("GuardianSetAdded", (4,), [change("guardian_set", 4)]),
    ("LogGuardianSetChanged", (3, 4), [change("guardian_set", 4, before=3)]),
    ("ContractUpgraded", (A, B), [upgrade(B)]),
]

CCTP: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("DepositForBurn", (7, A, 5, B, WORD, 3, OTHER, OTHER), [out(A, 5, B, WORD_HEX, 3, "7")]),
    ("DepositForBurn", (A, 5, B, WORD, 3, OTHER, OTHER, 1, 1000, b""), [out(A, 5, B, WORD_HEX, 3)]),
    ("MintAndWithdraw", (A, 5, B), [into(B, 5, None, A)]),
    ("MintAndWithdraw", (A, 5, B, 1), [into(B, 5, None, A)]),
    ("MessageReceived", (A, 3, 7, WORD, b""), [into(None, None, WORD_HEX, None, 3, "7")]),
    ("MessageReceived", (A, 3, OTHER, WORD, 1000, b""), [into(None, None, WORD_HEX, None, 3, OTHER_HEX)]),
    ("RemoteTokenMessengerAdded", (3, WORD), [change("remote_token_messenger", WORD_HEX, "3")]),
    ("RemoteTokenMessengerRemoved", (3, WORD), [change("remote_token_messenger", None, "3", WORD_HEX)]),
    ("LocalMinterAdded", (A,), [change("local_minter", A)]),
    ("LocalMinterRemoved", (A,), [change("local_minter", before=A)]),
    ("AttesterEnabled", (A,), [role("attester", A, True)]),
    ("AttesterDisabled", (A,), [role("attester", A, False)]),
    ("SignatureThresholdUpdated", (2, 1), [change("signature_threshold", 1, before=2)]),
]

STARGATE: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Swap", (101, 1, A, 5, 2, 3, 4, 6), [out(None, 7, A, None, 101)]),
    ("SwapRemote", (A, 5, 6, 7), [into(None, 5, None, A)]),
    ("RedeemLocalCallback", (A, 5, 6), [into(None, 5, None, A)]),
    ("Burn", (A, 5, 6), [liquidity(A, (-6,), None, 5)]),
    ("StopSwapUpdated", (True,), [pause(True, "swap")]),
    ("PauseSet", (True,), [pause(True)]),
    ("Deposited", (A, B, 5), [liquidity(B, (5,))]),
    ("Redeemed", (A, B, 5), [liquidity(A, (-5,))]),
    ("UnreceivedTokenCached", (WORD, 0, 30101, A, 5, b""), [into(None, None, None, A, 30101, WORD_HEX)]),
]

PACKET = b"".join((
    b"\x01", (7).to_bytes(8, "big"), (30101).to_bytes(4, "big"), wide(A), (30110).to_bytes(4, "big"), wide(B), WORD,
))  # fmt: skip
LAYERZERO: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("PacketSent", (PACKET + b"hello", b"", C), [out(None, None, A, "0x" + wide(B).hex(), 30110, WORD_HEX)]),
    ("PacketSent", (PACKET[:-1], b"", C), []),
    ("PacketDelivered", ((30101, WORD, 7), A), [into(None, None, WORD_HEX, A, 30101, "7")]),
    ("OFTSent", (WORD, 30110, A, 5, 4), [out(None, 5, A, None, 30110, WORD_HEX)]),
    ("OFTReceived", (WORD, 30101, A, 5), [into(None, 5, None, A, 30101, WORD_HEX)]),
    ("SendToChain", (110, A, b"\1\2", 5), [out(None, 5, A, "0x0102", 110)]),
    ("ReceiveFromChain", (101, A, 5), [into(None, 5, None, A, 101)]),
    ("PacketReceived", (101, b"\1\2", A, 7, WORD), [into(None, None, "0x0102", A, 101, "7")]),
    ("PeerSet", (30101, WORD), [change("peer", WORD_HEX, "30101")]),
    ("SetTrustedRemote", (101, b"\1\2"), [change("trusted_remote", "0x0102", "101")]),
    ("SetTrustedRemoteAddress", (101, b"\1\2"), [change("trusted_remote", "0x0102", "101")]),
    ("DelegateSet", (A, B), [change("delegate", B, A)]),
    ("DefaultSendLibrarySet", (30101, A), [change("default_send_library", A, "30101")]),
    ("DefaultReceiveLibrarySet", (30101, A), [change("default_receive_library", A, "30101")]),
]


def ccip_request(tokens: list[tuple[str, int]]) -> tuple[Any, ...]:
    return ((1, A, B, 7, 8, False, 9, C, 10, b"", tokens, [], WORD),)


def ccip_message(amounts: list[int]) -> tuple[Any, ...]:
    tokens = [(C, b"", b"", amount, b"") for amount in amounts]
    return (16, 7, ((WORD, 1, 16, 7, 8), A, b"", b"\1\2", b"", C, 1, 2, tokens))


SUBJECT = "0x" + "01" * 16
CCIP: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("CCIPSendRequested", ccip_request([(C, 5), (D, 6)]),
     [out(C, 5, A, B, None, WORD_HEX), out(D, 6, A, B, None, WORD_HEX)]),
    ("CCIPSendRequested", ccip_request([]), [out(None, None, A, B, None, WORD_HEX)]),
    ("CCIPMessageSent", ccip_message([5]), [out(None, 5, A, "0x0102", 16, WORD_HEX)]),
    ("CCIPMessageSent", ccip_message([]), [out(None, None, A, "0x0102", 16, WORD_HEX)]),
    ("CCIPMessageSent", (16, A, WORD, C, 5, b"", [], []), [out(None, 5, A, None, 16, WORD_HEX)]),
    ("CCIPMessageSent", (16, A, WORD, C, 0, b"", [], []), [out(None, None, A, None, 16, WORD_HEX)]),
    ("ExecutionStateChanged", (7, WORD, 2, b""), [into(None, None, None, None, None, WORD_HEX)]),
    ("ExecutionStateChanged", (7, WORD, 3, b""), []),
    ("ExecutionStateChanged", (16, 7, WORD, OTHER, 2, b"", 1), [into(None, None, None, None, 16, WORD_HEX)]),
    ("ExecutionStateChanged", (16, 7, WORD, 2, b""), [into(None, None, None, None, 16, WORD_HEX)]),
    ("Released", (A, B, 5), []),
    ("Minted", (A, B, 5), []),
    ("LockedOrBurned", (16, A, B, 5), [out(A, 5, B, None, 16)]),
    ("ReleasedOrMinted", (16, A, B, C, 5), [into(A, 5, None, C, 16)]),
    ("LiquidityAdded", (A, 5), [liquidity(A, (5,))]),
    ("LiquidityRemoved", (A, 5), [liquidity(A, (-5,))]),
    ("Cursed", (1, b"\1" * 16, 99), [pause(True, SUBJECT)]),
    ("CurseLifted", (b"\1" * 16,), [pause(False, SUBJECT)]),
    ("Cursed", ([b"\1" * 16, b"\2" * 16],), [pause(True, SUBJECT), pause(True, "0x" + "02" * 16)]),
    ("Uncursed", ([b"\1" * 16],), [pause(False, SUBJECT)]),
    ("UsdPerTokenUpdated", (A, 5, 99), [(PriceUpdate, {"feed": A, "answer": 5, "updated_at": 99})]),
    ("PoolSet", (A, B, C), [change("token_pool", C, A, B)]),
    ("PoolAdded", (A, B), [change("token_pool", B, A)]),
    ("PoolRemoved", (A, B), [change("token_pool", None, A, B)]),
    ("OnRampSet", (16, A), [change("on_ramp", A, "16")]),
    ("OffRampAdded", (16, A), [role("off_ramp", A, True)]),
    ("OffRampRemoved", (16, A), [role("off_ramp", A, False)]),
    ("RouterUpdated", (A, B), [change("router", B, before=A)]),
    ("RateLimitAdminSet", (A,), [change("rate_limit_admin", A)]),
]  # fmt: skip

HOP: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("TransferSentToL2", (10, A, 5, 1, 2, B, 3), [out(None, 5, None, A, 10)]),
    ("TransferSent", (WORD, 10, A, 5, OTHER, 1, 2, 3, 4), [out(None, 5, None, A, 10, WORD_HEX)]),
    ("CCTPTransferSent", (7, 10, A, 5, 1), [out(None, None, None, A, 10)]),
    ("TransferFromL1Completed", (A, 5, 1, 2, B, 3), [into(None, 5, None, A, 1)]),
    ("WithdrawalBonded", (WORD, 5), [into(None, 5, None, None, None, WORD_HEX)]),
    ("Withdrew", (WORD, A, 5, OTHER), [into(None, 5, None, A, None, WORD_HEX)]),
    ("BonderAdded", (A,), [role("bonder", A, True)]),
    ("BonderRemoved", (A,), [role("bonder", A, False)]),
]

SYNAPSE: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("TokenDeposit", (A, 10, C, 5), [out(C, 5, None, A, 10)]),
    ("TokenRedeem", (A, 10, C, 5), [out(C, 5, None, A, 10)]),
    ("TokenRedeemV2", (WORD, 10, C, 5), [out(C, 5, None, WORD_HEX, 10)]),
    ("TokenDepositAndSwap", (A, 10, C, 5, 0, 1, 2, 3), [out(C, 5, None, A, 10)]),
    ("TokenRedeemAndSwap", (A, 10, C, 5, 0, 1, 2, 3), [out(C, 5, None, A, 10)]),
    ("TokenRedeemAndRemove", (A, 10, C, 5, 0, 1, 2), [out(C, 5, None, A, 10)]),
    ("TokenWithdraw", (A, C, 5, 1, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
    ("TokenMint", (A, C, 5, 1, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
    ("TokenMintAndSwap", (A, C, 5, 1, 0, 1, 2, 3, True, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
    ("TokenWithdrawAndRemove", (A, C, 5, 1, 0, 1, 2, True, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
]

MULTICHAIN: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("LogAnySwapOut(address,address,address,uint256,uint256,uint256)", (C, A, B, 5, 1, 56), [out(C, 5, A, B, 56)]),
    ("LogAnySwapOut(address,address,string,uint256,uint256,uint256)", (C, A, "there", 5, 1, 56),
     [out(C, 5, A, "there", 56)]),
    ("LogAnySwapOut(bytes32,address,address,string,uint256,uint256)", (WORD, C, A, "there", 5, 56),
     [out(C, 5, A, "there", 56, WORD_HEX)]),
    ("LogAnySwapIn(bytes32,address,address,uint256,uint256,uint256)", (WORD, C, A, 5, 56, 1),
     [into(C, 5, None, A, 56, WORD_HEX)]),
    ("LogAnySwapIn(string,bytes32,address,address,uint256,uint256)", ("7", WORD, C, A, 5, 56),
     [into(C, 5, None, A, 56, WORD_HEX)]),
    ("LogSwapin", (WORD, A, 5), [into(HERE, 5, None, A, None, WORD_HEX)]),
    ("LogSwapout", (A, B, 5), [out(HERE, 5, A, B)]),
    ("LogChangeMPC", (A, B, 99, 1), [role("mpc", B, True)]),
]  # fmt: skip

CELER: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Send", (WORD, A, B, C, 5, 10, 7, 8), [out(C, 5, A, B, 10, WORD_HEX)]),
    ("Relay", (OTHER, A, B, C, 5, 10, WORD), [into(C, 5, A, B, 10, WORD_HEX)]),
    ("WithdrawDone", (OTHER, 7, A, C, 5, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
    ("LiquidityAdded", (7, A, C, 5), [liquidity(A, (5,), (C,))]),
]

NOMAD: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Send", (C, A, 1000, WORD, 5, False), [out(C, 5, A, WORD_HEX, 1000)]),
    ("Receive", ((1000 << 32) + 7, C, A, B, 5), [into(C, 5, None, A, 1000, str((1000 << 32) + 7))]),
    ("Dispatch", (WORD, 3, (1000 << 32) + 7, OTHER, b""), [out(None, None, None, None, 1000, WORD_HEX)]),
    ("Process", (WORD, True, b""), [into(None, None, None, None, None, WORD_HEX)]),
    ("SetConfirmation", (bytes(32), 0, 1), [change("confirm_at", 1, "0x" + "00" * 32, 0)]),
    ("SetOptimisticTimeout", (5,), [change("optimistic_timeout", 5)]),
]

POLY: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("LockEvent", (C, A, 6, b"\1", b"\2", 5), [out(C, 5, A, "0x02", 6)]),
    ("LockEvent", (ZERO_ADDRESS, A, 6, b"\1", b"\2", 5), [out(NATIVE, 5, A, "0x02", 6)]),
    ("UnlockEvent", (C, A, 5), [into(C, 5, None, A)]),
    ("UnlockEvent", (ZERO_ADDRESS, A, 5), [into(NATIVE, 5, None, A)]),
    ("CrossChainEvent", (A, b"\7", B, 6, b"\2", b""), [out(None, None, A, "0x02", 6, "0x07")]),
    ("VerifyHeaderAndExecuteTxEvent", (6, b"\2", b"\7", b"\10"), [into(None, None, None, "0x02", 6, "0x07")]),
    ("ChangeBookKeeperEvent", (9, b"\1"), [change("book_keepers", "0x01", "9")]),
]


def ronin_receipt(standard: int) -> tuple[Any, ...]:
    return (WORD, (7, 0, (A, C, 1), (B, D, 2020), (standard, 3, 5)))


RONIN: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("DepositRequested", ronin_receipt(0), [out(C, 5, A, B, 2020, WORD_HEX)]),
    ("Withdrew", ronin_receipt(0), [into(C, 5, B, A, 2020, WORD_HEX)]),
    ("Withdrew", ronin_receipt(1), [into(C, None, B, A, 2020, WORD_HEX)]),
    ("TokenDeposited", (7, A, C, B, 20, 5), [out(C, 5, A, B, None, "7")]),
    ("TokenWithdrew", (7, A, C, 5), [into(C, 5, None, A, None, "7")]),
]

AXELAR: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("TokenSent", (A, "osmosis", "osmo1", "USDC", 5), [out(None, 5, A, "osmo1")]),
    ("ContractCall", (A, "base", "0x1", WORD, b""), [out(None, None, A, "0x1", None, WORD_HEX)]),
    ("ContractCallWithToken", (A, "base", "0x1", WORD, b"", "USDC", 5), [out(None, 5, A, "0x1", None, WORD_HEX)]),
    ("ContractCallApproved", (WORD, "base", "0x1", A, OTHER, OTHER, 0), [into(None, None, "0x1", A, None, WORD_HEX)]),
    ("ContractCallApprovedWithMint", (WORD, "base", "0x1", A, OTHER, "USDC", 5, OTHER, 0),
     [into(None, 5, "0x1", A, None, WORD_HEX)]),
    ("OperatorshipTransferred", (b"\1",), [change("operators", "0x01")]),
    ("GovernanceTransferred", (A, B), [change("governance", B, before=A)]),
    ("MintLimiterTransferred", (A, B), [change("mint_limiter", B, before=A)]),
    ("TokenMintLimitUpdated", ("USDC", 5), [change("mint_limit", 5, "USDC")]),
]  # fmt: skip

OMNIBRIDGE: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("TokensBridgingInitiated", (C, A, 5, WORD), [out(C, 5, A, None, None, WORD_HEX)]),
    ("TokensBridged", (C, A, 5, WORD), [into(C, 5, None, A, None, WORD_HEX)]),
    ("UserRequestForAffirmation", (A, 5), [out(None, 5, None, A)]),
    ("UserRequestForSignature", (A, 5), [out(None, 5, None, A)]),
    ("RelayedMessage", (A, 5, WORD), [into(None, 5, None, A, None, WORD_HEX)]),
    ("AffirmationCompleted", (A, 5, WORD), [into(None, 5, None, A, None, WORD_HEX)]),
]

HYPERLANE: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("Dispatch", (A, 10, WORD, b""), [out(None, None, A, WORD_HEX, 10)]),
    ("Process", (10, WORD, A), [into(None, None, WORD_HEX, A, 10)]),
    ("SentTransferRemote", (10, WORD, 5), [out(None, 5, None, WORD_HEX, 10)]),
    ("ReceivedTransferRemote", (10, WORD, 5), [into(None, 5, None, WORD_HEX, 10)]),
    ("DefaultIsmSet", (A,), [change("default_ism", A)]),
    ("DefaultHookSet", (A,), [change("default_hook", A)]),
    ("RequiredHookSet", (A,), [change("required_hook", A)]),
]

WARP: list[tuple[str, tuple[Any, ...], list[Said]]] = [
    ("InterestAccrued", (9, 5, 6, 7), [(IndexUpdate, {"market": HERE, "borrow_index": 5, "total_borrowed": 6})]),
    ("StableCoinLent", (A, 5, 6), [deposit(A, None, 5, 6)]),
    ("StableCoinWithdraw", (A, 5, 6), [withdraw(A, None, 5, 6)]),
    ("LoanRepayed", (A, 5, 6, 7), [repay(A, A, None, 5)]),
    ("CollateralProvided", (A, 5), [deposit(A, None, 5)]),
    ("CollateralWithdraw", (A, 5), [withdraw(A, None, 5)]),
    ("NewBorrow", (A, B, 5), [borrow(A, B, 5)]),
    ("NewLPVault", (A,), [update(A, "listed")]),
    ("NewSCVault", (A, B), [update(A, "listed")]),
    ("WarpControlChanged", (A, B), [change("control", A, before=B)]),
]

CASES = [
    (protocol, *case)
    for protocol, cases in {
        "dydx": DYDX,
        "opyn": OPYN,
        "opyn_gamma": OPYN_GAMMA,
        "gmx_v1": GMX_V1,
        "gmx_v2": GMX_V2,
        "synthetix_v2": SYNTHETIX_V2,
        "synthetix_v3": SYNTHETIX_V3,
        "perpetual_v2": PERPETUAL_V2,
        "lyra_v1": LYRA_V1,
        "across": ACROSS,
        "optimism_bridge": OPTIMISM,
        "arbitrum_bridge": ARBITRUM,
        "polygon_pos": POLYGON,
        "zksync": ZKSYNC,
        "scroll_bridge": SCROLL,
        "wormhole": WORMHOLE,
        "cctp": CCTP,
        "stargate": STARGATE,
        "layerzero": LAYERZERO,
        "ccip": CCIP,
        "hop": HOP,
        "synapse": SYNAPSE,
        "multichain": MULTICHAIN,
        "celer_cbridge": CELER,
        "nomad": NOMAD,
        "polynetwork": POLY,
        "ronin_bridge": RONIN,
        "axelar": AXELAR,
        "omnibridge": OMNIBRIDGE,
        "hyperlane": HYPERLANE,
        "warp_finance": WARP,
    }.items()
    for case in cases
]


def spec_of(registry, protocol: str, event: str, count: int | None = None):
    """The event of that name with `count` parameters, or of that signature."""
    own = registry.of(protocol)
    known = [k.spec for k in (*own.known, *own.anonymous)]
    return next(
        s for s in known if event == s.signature or (event == s.name and count in (None, len(s.params)))
    )  # fmt: skip


def said(registry, protocol: str, *logs: tuple[str, tuple[Any, ...]]) -> list[Event]:
    """What `logs` of HERE say, which is known to be of `protocol`."""
    own = registry.of(protocol)
    own.bind(HERE, protocol)
    made = [
        make_log(spec_of(registry, protocol, event, len(values)), *values, log_index=7 + n)
        for n, (event, values) in enumerate(logs)
    ]
    found = Decoder(own).facts(execution(logs=made))
    assert not found.malformed
    return list(found.events)


@pytest.mark.parametrize(
    ("protocol", "event", "values", "expected"),
    CASES,
    ids=[f"{c[0]}-{c[1].split('(')[0]}-{n}" for n, c in enumerate(CASES)],
)
def test_an_event_says_what_its_log_says(registry, protocol, event, values, expected):
    assert said(registry, protocol, (event, values)) == [
        kind(order=order, log_index=7, address=HERE, protocol=protocol, **fields)
        for order, (kind, fields) in enumerate(expected)
    ]


def test_every_mapped_event_has_a_case(registry):
    tested = {(p, spec_of(registry, p, e, len(v)).signature) for p, e, v, _ in CASES}
    ours = {p for p, _ in tested}
    assert {mapped for mapped in MAPPERS if mapped[0] in ours} - tested == {
        ("dydx", "LogCall(address,uint256,address)"),  # says something only after a withdrawal, see below
        *((("gmx_v2", s) for _, s in MAPPERS if s.startswith(("EventLog(", "EventLog1(")))),  # as EventLog2
    }


def test_dydx_a_call_after_a_withdrawal_is_a_flash_loan(registry):
    logs = [("LogWithdraw", (A, 0, 3, GAVE, A)), ("LogCall", (A, 0, B))]
    loan = said(registry, "dydx", *logs)[1]
    assert loan == FlashLoan(
        order=1, log_index=8, address=HERE, protocol="dydx", lender=HERE, borrower=B, token=None, amount=100
    )


def test_opyn_what_a_liquidator_burnt_is_what_it_repaid(registry, decoder):
    burnt = make_log(spec_of(registry, "erc20", "Transfer"), B, ZERO_ADDRESS, 9, log_index=3)
    event = spec_of(registry, "opyn", "Liquidate(uint256,address,address)")
    transfer, liquidated = decoder.facts(execution(logs=[burnt, make_log(event, 5, A, B, log_index=4)])).events
    assert isinstance(transfer, Transfer)
    assert (liquidated.repaid, liquidated.seized, liquidated.account) == (9, 5, A)


def test_a_synthetix_order_that_is_removed_after_its_trade_was_not_cancelled(registry):
    executed = ("PositionModified", (1, A, 2, 3, -4, 5, 6, 7, 8))
    removed = ("DelayedOrderRemoved", (A, True, 1, -5, 2, 3, 4, WORD))
    assert kinds(said(registry, "synthetix_v2", executed, removed)) == [Trade]


def test_a_transfer_that_optimism_tells_twice_is_said_once(registry):
    values = (A, B, 5, b"")
    twice = [("ETHDepositInitiated", values), ("ETHBridgeInitiated", values)]
    assert kinds(said(registry, "optimism_bridge", *twice)) == [BridgeTransfer]
    assert len(said(registry, "optimism_bridge", *twice, *twice)) == 2


def test_two_equal_transfers_that_optimism_tells_in_new_events_only_are_two(registry):
    values = (A, B, 5, b"")
    old, new = ("ETHDepositInitiated", values), ("ETHBridgeInitiated", values)
    assert len(said(registry, "optimism_bridge", new, new, new)) == 3
    assert len(said(registry, "optimism_bridge", old, new, new)) == 2


def test_many_transfers_of_optimism_cost_each_as_much_as_the_first(registry):
    handle = next(k.handle for k in registry.of("optimism_bridge").known if k.spec.name == "ETHBridgeInitiated")
    log = make_log(spec_of(registry, "optimism_bridge", "ETHBridgeInitiated"), A, B, 5, b"")

    class Counting(list[Event]):
        looks = 0

        def __iter__(self):
            Counting.looks += len(self)
            return super().__iter__()

    events = Counting()
    for _ in range(100):
        handle(events, log)
    assert (len(events), Counting.looks) == (100, 0)


def test_what_a_ccip_pool_has_told_its_message_does_not_tell_again(registry):
    logs = [("LockedOrBurned", (16, C, A, 5)), ("CCIPMessageSent", ccip_message([5, 6]))]
    assert [(e.token, e.amount) for e in said(registry, "ccip", *logs)] == [(C, 5), (None, 6)]


def kinds(events: Iterable[Event]) -> list[type[Event]]:
    return [type(e) for e in events]


SEEN = [
    # In the corpus of real transactions.
    ("dydx", "LogIndexUpdate", "0xf4626fd1187f91e6761ffb8a6ac3e8d9235a4a92da54e43feb0c57c4a4a322ab"),
    ("dydx", "LogOperation", "0x91b01baeee3a24b590d112613814d86801005c7ef9353e7fc1eaeaf33ccf83b0"),
    ("dydx", "LogCall", "0xab38cdc4a831ebe6542bf277d36b65dbc5c66a4d03ec6cf56ac38de05dc30098"),
    ("opyn", "VaultOpened", "0x66a872561db77eb92ef3079a44a5af00c68c3a09e0976814a95bd91721f57c2f"),
    ("opyn", "ERC20CollateralAdded", "0x2199418ea9428ed3ff7d460860e1edaf5831452fa4ea0f8d1a60d63c60348782"),
    ("opyn", "IssuedOTokens", "0x5e5aaabf04e3760968ffb551bdf9708f4dbf95d53ad98539e91a56b125e88f08"),
    ("opyn", "Liquidate", "0xcab8e1abb9f8235c6db895cf185336dc9461aecf477b98c1be83687ee549e66a"),
    ("opyn", "Exercise", "0xfa7bab37479e50a9b24a9412b879d400de9bcaa1e3a2b343e90bb370d85bbaa7"),
    ("opyn", "BurnOTokens", "0xdf8cebdea6ef1fd20576b80bc951377c0e61e2a8169153a1f836673ccce80e62"),
    ("opyn", "RemoveCollateral", "0x5a945309b3c58e9bb259128c2a530a6579dc75ac1d7d61b3db4c0b8305a16821"),
    ("opyn", "RemoveUnderlying", "0xea0bff65fa9380b944e9a761f9c6a665ad2d31e74706a52773ddb45c8a57c83d"),
    ("opyn", "UpdateParameters", "0x3450d20c21ea671871fed271900cc8ff03badafa9b6fe2ff7f86991950e86b6b"),
    ("opyn", "SellOTokens", "0xab8c5af285e82a3bf952b92a12f6a2f6a469e8d78f739df3df0a28a686940c83"),
    ("opyn", "BuyOTokens", "0x12afd2904be5509dbc82f87a13cc9703686d0c11e2680354fcf908b18eaaddd7"),
    ("opyn", "OptionsContractCreated", "0x4fa983340a1832a8aff635de38049f79c112e361f89a49cf77f7d49501cabca6"),
    ("polygon_pos", "LogTransfer", "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"),
    ("polygon_pos", "LogFeeTransfer", "0x4dfe1bbbcf077ddc3e01291eea2d5c70c2b422b415d95645b9adcfd678cb1d63"),
    ("polygon_pos", "Deposit", "0x4e2ca0515ed1aef1395f66b5303bb5d6f1bf9d61a353fa53f73f8ac9973fa9f6"),
    ("polygon_pos", "StateSynced", "0x103fed9db65eac19c4d870f49ab7520fe03b99f1838e5996caf47e9e43308392"),
    ("polygon_pos", "StateCommitted", "0x5a22725590b0a51c923940223f7458512164b1113359a735e86e7f27f44791ee"),
    ("polygon_pos", "LockedERC20", "0x9b217a401a5ddf7c4d474074aff9958a18d48690d77cc2151c4706aa7348b401"),
    ("polygon_pos", "LockedEther", "0x3e799b2d61372379e767ef8f04d65089179b7a6f63f9be3065806456c7309f1b"),
    ("polygon_pos", "ExitedERC20", "0xbb61bd1b26b3684c7c028ff1a8f6dabcac2fac8ac57b66fa6b1efb6edeab03c4"),
    ("polygon_pos", "ExitedEther", "0x0fc0eed41f72d3da77d0f53b9594fc7073acd15ee9d7c536819a70a67c57ef3c"),
    ("polygon_pos", "NewHeaderBlock", "0xba5de06d22af2685c6c7765f60067f7d2b08c2d29f53cdf14d67f6d1c9bfb527"),
    ("zksync", "NewPriorityRequest", "0x4531cd5795773d7101c17bdeb9f5ab7f47d7056017506f937083be5d6e77a382"),
    ("zksync", "NewPriorityRequest", "0xd0943372c08b438a88d4b39d77216901079eda9ca59d45349841c099083b6830"),
    ("zksync", "Withdrawal", "0xefef619ae4a542a2b8810b4efeccd8478bd683e985354ee31dd2d644aff6d0ca"),
    ("zksync", "BlockCommit", "0x8f2916b2f2d78cc5890ead36c06c0f6d5d112c7e103589947e8e2f0d6eddb763"),
    ("scroll_bridge", "DepositETH", "0x6670de856ec8bf5cb2b7e957c5dc24759716056f79d97ea5e7c939ca0ba5a675"),
    ("scroll_bridge", "DepositERC20", "0x31cd3b976e4d654022bf95c68a2ce53f1d5d94afabe0454d2832208eeb40af25"),
    ("scroll_bridge", "FinalizeWithdrawETH", "0x96db5d1cee1dd2760826bb56fabd9c9f6e978083e0a8b88559c741a29e9746e7"),
    ("scroll_bridge", "QueueTransaction", "0x69cfcb8e6d4192b8aba9902243912587f37e550d75c1fa801491fce26717f37e"),
    ("scroll_bridge", "SentMessage", "0x104371f3b442861a2a7b82a070afbbaab748bb13757bf47769e170e37809ec1e"),
    ("optimism_bridge", "TransactionDeposited", "0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32"),
    ("optimism_bridge", "SentMessage", "0xcb0f7ffd78f9aee47a248fae8db181db6eee833039123e026dcbff529522e52a"),
    ("optimism_bridge", "SentMessageExtension1", "0x8ebb2ec2465bdb2a06a66fc37a0963af8a2a6a1479d81d56fdb8cbb98096d546"),
    ("optimism_bridge", "ETHDepositInitiated", "0x35d79ab81f2b2017e19afb5c5571778877782d7a8786f5907f93b0f4702f4f23"),
    ("optimism_bridge", "ETHBridgeInitiated", "0x2849b43074093a05396b6f2a937dee8565b15a48a7b3d4bffb732a5017380af5"),
    ("optimism_bridge", "ERC20DepositInitiated", "0x718594027abd4eaed59f95162563e0cc6d0e8d5b86b1c7be8b1b0ac3343d0396"),
    ("optimism_bridge", "ERC20BridgeInitiated", "0x7ff126db8024424bbfd9826e8ab82ff59136289ea440b04b39a0df1b03b9cabf"),
    ("optimism_bridge", "ERC20BridgeFinalized", "0xd59c65b35445225835c83f50b6ede06a7be047d22e357073e250d9af537518cd"),
    ("optimism_bridge", "DepositFinalized", "0xb0444523268717a02698be47d0803aa7468c00acbed2f8bd93a0459cde61dd89"),
    ("optimism_bridge", "WithdrawalProven", "0x67a6208cfcc0801d50f6cbe764733f4fddf66ac0b04442061a8a8c0cb6b63f62"),
    ("optimism_bridge", "WithdrawalFinalized", "0xdb5c7652857aa163daadd670e116628fb42e869d8ac4251ef8971d9e5727df1b"),
    ("optimism_bridge", "RelayedMessage", "0x4641df4a962071e12719d8c8c8e5ac7fc4d97b927346a3d7a335b1f7517e133c"),
    ("arbitrum_bridge", "MessageDelivered", "0x5e3c1311ea442664e8b1611bfabef659120ea7a0a2cfc0667700bebc69cbffe1"),
    ("arbitrum_bridge", "InboxMessageDelivered", "0xff64905f73a67fb594e0f940a8075a860db489ad991e032f48c81123eb52d60b"),
    ("arbitrum_bridge", "TransferRouted", "0x85291dff2161a93c2f12c819d31889c96c63042116f5bc5a205aa701c2c429f5"),
    ("arbitrum_bridge", "TxToL2", "0xc1d1490cf25c3b40d600dfb27c7680340ed1ab901b7e8f3551280968a3b372b0"),
    ("arbitrum_bridge", "TxToL1", "0x2b986d32a0536b7e19baa48ab949fec7b903b7fad7730820b20632d100cc3a68"),
    ("arbitrum_bridge", "DepositInitiated", "0xb8910b9960c443aac3240b98585384e3a6f109fbf6969e264c3f183d69aba7e1"),
    ("arbitrum_bridge", "BridgeCallTriggered", "0x2d9d115ef3e4a606d698913b1eae831a3cdfe20d9a83d48007b0526749c3d466"),
    ("arbitrum_bridge", "OutBoxTransactionExecuted",
     "0x20af7f3bbfe38132b8900ae295cd9c8d1914be7052d061a511f3f728dab18964"),
    ("across", "FundsDeposited", "0x4a4fc49abd237bfd7f4ac82d6c7a284c69daaea5154430cff04ad7482c6c4254"),
    ("across", "FilledRelay", "0x44b559f101f8fbcc8a0ea43fa91a05a729a5ea6e14a7c75aa750374690137208"),
    ("hop", "TransferSentToL2", "0x0a0607688c86ec1775abcdbab7b33a3a35a6c9cde677c9be880150c231cc6b0b"),
    ("hop", "TransferSent", "0xe35dddd4ea75d7e9b3fe93af4f4e40e778c3da4074c9d93e7c6536f1e803c1eb"),
    ("hop", "WithdrawalBonded", "0x0c3d250c7831051e78aa6a56679e590374c7c424415ffe4aa474491def2fe705"),
    ("multichain", "LogAnySwapOut", "0x97116cf6cd4f6412bb47914d6db18da9e16ab2142f543b86e207c24fbd16b23a"),
    ("cctp", "DepositForBurn", "0x2fa9ca894982930190727e75500a97d8dc500233a5065e0f3126c48fbe0343c0"),
    ("cctp", "MintAndWithdraw", "0x1b2a7ff080b8cb6ff436ce0372e399692bbfb6d4ae5766fd8d58a7b8cc6142e6"),
    ("cctp", "MessageSent", "0x8c5261668696ce22758910d05bab8f186d6eb247ceac2af2e82c7dc17669b036"),
    ("cctp", "MessageReceived", "0x58200b4c34ae05ee816d710053fff3fb75af4395915d3d2a771b24aa10e3cc5d"),
    ("layerzero", "OFTSent", "0x85496b760a4b7f8d66384b9df21b381f5d1b1e79f229a47aaf4c232edc2fe59a"),
    ("layerzero", "PacketSent", "0x1ab700d4ced0c005b164c0f789fd09fcbb0156d4c2041b8a3bfbcd961cd1567f"),
    ("layerzero", "Packet", "0xe9bded5f24a4168e4f3bf44e00298c993b22376aad8c58c7dda9718a54cbea82"),
    ("layerzero", "RelayerParams", "0xb0c632f55f1e1b3b2c3d82f41ee4716bb4c00f0f5d84cdafc141581bb8757a4f"),
    ("layerzero", "SendToChain", "0x39a4c66499bcf4b56d79f0dde8ed7a9d4925a0df55825206b2b8531e202be0d0"),
    ("ccip", "ExecutionStateChanged", "0xd4f851956a5d67c3997d1c9205045fef79bae2947fdee7e9e2641abc7391ef65"),
    ("ccip", "MessageExecuted", "0x9b877de93ea9895756e337442c657f95a34fc68e7eb988bdfa693d5be83016b6"),
    ("nomad", "Process", "0xd42de95a9b26f1be134c8ecce389dc4fcfa18753d01661b7b361233569e8fe48"),
    ("nomad", "Receive", "0x9f9a97db84f39202ca3b409b63f7ccf7d3fd810e176573c7483088b6f181bbbb"),
    ("polynetwork", "UnlockEvent", "0xd90288730b87c2b8e0c45bd82260fd22478aba30ae1c4d578b8daba9261604df"),
    ("polynetwork", "VerifyHeaderAndExecuteTxEvent",
     "0x8a4a2663ce60ce4955c595da2894de0415240f1ace024cfbff85f513b656bdae"),
    ("omnibridge", "TokensBridgingInitiated", "0x59a9a8027b9c87b961e254899821c9a276b5efc35d1f7409ea4f291470f1629a"),
    ("omnibridge", "TokensBridged", "0x9afd47907e25028cdaca89d193518c302bbb128617d5a992c5abd45815526593"),
    ("omnibridge", "UserRequestForSignature", "0x127650bcfb0ba017401abe4931453a405140a8fd36fece67bae2db174d3fdd63"),
    ("omnibridge", "RelayedMessage", "0x4ab7d581336d92edbea22636a613e8e76c99ac7f91137c1523db38dbfb3bf329"),
    ("omnibridge", "AffirmationCompleted", "0x6fc115a803b8703117d9a3956c5a15401cb42401f91630f015eb6b043fa76253"),
    ("seaport", "OrderFulfilled", "0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"),
    ("seaport", "OrderCancelled", "0x6bacc01dbe442496068f7d234edd811f1a5f833243e0aec824f86ab861f3c90d"),
    ("blur", "OrdersMatched", "0x61cbb2a3dee0b6064c2e681aadd61677fb4ef319f0b547508d495626f5a62f64"),
    ("warp_finance", "InterestAccrued", "0xe3972ae250606e82c6683843383cb8a51755588d2f443af42e8cb5b1e085392d"),
    ("warp_finance", "StableCoinLent", "0xac45f50416433593e7c9a1f3e0d5f887c530c22d776e1057ecaacb750d24b940"),
    ("warp_finance", "StableCoinWithdraw", "0x01fee552fc58f62ae566675c42acc86f4aeaf48d6a4e21385c0e23bd551ecd12"),
    ("warp_finance", "LoanRepayed", "0x0bc102cfc64751888477c44e529873a602bf746175b1e41c6b54e45f926f90f9"),
    ("warp_finance", "NewBorrow", "0x39afaad37daff6f7a5998bf9de35bb3f46d51f73227bb182d92c016c981a8290"),
    ("warp_finance", "CollateralProvided", "0x304548d20eea45684a7db179080f94dce8e4442923ddd63688ab5b7e270a4849"),
    ("warp_finance", "CollateralWithdraw", "0x92682d28e4c16f4a2ddb833ecdd2bab2f2da69e2f325cda58d421e7d634b8e27"),
    # In public code that watches these contracts (indexers, generated bindings).
    ("gmx_v2", "EventLog", "0x7e3bde2ba7aca4a8499608ca57f3b0c1c1c93ace63ffd3741a9fab204146fc9a"),
    ("gmx_v2", "EventLog1", "0x137a44067c8961cd7e1d876f4754a5a3a75989b4552f1843fc69c3b372def160"),
    ("gmx_v2", "EventLog2", "0x468a25a7ba624ceea6e540ad6f49171b52495b648417ae91bca21676d8a24dc5"),
    ("across", "FundsDeposited", "0xafc4df6845a4ab948b492800d3d8a25d538a102a2bc07cd01f1cfa097fddcff6"),
    ("across", "FilledRelay", "0x8ab9dc6c19fe88e69bc70221b339c84332752fdd49591b7c51e66bae3947b73c"),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "event", "topic0"), SEEN, ids=[f"{s[0]}-{s[1]}-{s[2][:10]}" for s in SEEN])
def test_topics_are_those_seen_on_chain(registry, protocol, event, topic0):
    assert topic0 in {k.spec.topic0 for k in registry.of(protocol).known if k.spec.name == event}
