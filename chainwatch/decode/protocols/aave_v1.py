"""Aave v1: positions, liquidations and flash loans. The pool is the address, the reserve the token; ReserveUpdated
comes from the LendingPoolCore. Configuration is in percent, not in basis points as later."""

from chainwatch.decode.protocols.aave_v3 import limits
from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Borrow,
    Deposit,
    FlashLoan,
    IndexUpdate,
    Liquidation,
    ParameterChange,
    PauseChange,
    Repay,
    Withdraw,
)


def _change(what: str, after: str | int | Expr | None) -> Says:
    return says(ParameterChange, what=literal(what), subject="reserve", after=after)


MAPPERS: Mappers = {
    "Deposit(address,address,uint256,uint16,uint256)": says(Deposit, account="user", token="reserve", amount="amount"),
    "RedeemUnderlying(address,address,uint256,uint256)": says(
        Withdraw, account="user", token="reserve", amount="amount"
    ),
    "Borrow(address,address,uint256,uint256,uint256,uint256,uint256,uint16,uint256)": says(
        Borrow, account="user", token="reserve", amount="amount"
    ),
    "Repay(address,address,address,uint256,uint256,uint256,uint256)": says(
        Repay, account="user", payer="repayer", token="reserve", amount="amountMinusFees"
    ),
    "LiquidationCall(address,address,address,uint256,uint256,uint256,address,bool,uint256)": says(
        Liquidation,
        account="user",
        liquidator="liquidator",
        debt_token="reserve",
        collateral_token="collateral",
        repaid="purchaseAmount",
        seized="liquidatedCollateralAmount",
    ),
    "FlashLoan(address,address,uint256,uint256,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="target", token="reserve", amount="amount", fee="totalFee"
    ),
    "ReserveUpdated(address,uint256,uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, token="reserve", supply_index="liquidityIndex", borrow_index="variableBorrowIndex"
    ),
    # LendingPoolConfigurator
    "ReserveFreezed(address)": says(PauseChange, paused=True, actor=None, scope=expr("'frozen ' + {reserve}")),
    "ReserveUnfreezed(address)": says(PauseChange, paused=False, actor=None, scope=expr("'frozen ' + {reserve}")),
    "ReserveActivated(address)": _change("active", 1),
    "ReserveDeactivated(address)": _change("active", 0),
    "BorrowingEnabledOnReserve(address,bool)": _change("borrowing", 1),
    "BorrowingDisabledOnReserve(address)": _change("borrowing", 0),
    "StableRateEnabledOnReserve(address)": _change("stable_rate_borrowing", 1),
    "StableRateDisabledOnReserve(address)": _change("stable_rate_borrowing", 0),
    "ReserveInitialized(address,address,address)": _change("reserve", "aToken"),
    "ReserveRemoved(address)": _change("reserve", None),
    "ReserveEnabledAsCollateral(address,uint256,uint256,uint256)": limits("aave_v1"),
    "ReserveDisabledAsCollateral(address)": _change("ltv", 0),
    "ReserveBaseLtvChanged(address,uint256)": _change("ltv", "ltv"),
    "ReserveLiquidationThresholdChanged(address,uint256)": _change("liquidation_threshold", "threshold"),
    "ReserveLiquidationBonusChanged(address,uint256)": _change("liquidation_bonus", "bonus"),
    "ReserveDecimalsChanged(address,uint256)": _change("decimals", "decimals"),
    "ReserveInterestRateStrategyChanged(address,address)": _change("interest_rate_strategy", "strategy"),
}
