"""Compound v2 markets and their forks. The cToken is the address, its underlying the market's own asset.

A liquidation's collateral is named by its cToken and seized in units of it. Factors are scaled by 1e18. An action is
paused for all markets, or for one (scope: the action, then the cToken).
"""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import (
    Borrow,
    Deposit,
    IndexUpdate,
    Liquidation,
    ParameterChange,
    PauseChange,
    Repay,
    Upgrade,
    Withdraw,
)

DEPOSIT = says(Deposit, account="minter", token=None, amount="mintAmount", shares="mintTokens")
WITHDRAW = says(Withdraw, account="redeemer", token=None, amount="redeemAmount", shares="redeemTokens")
BORROW = says(Borrow, account="borrower", token=None, amount="borrowAmount")
REPAY = says(Repay, account="borrower", payer="payer", token=None, amount="repayAmount")
INTEREST = says(  # an index begins at 1e18: Morpho's vaults write the same layout and mean shares
    IndexUpdate,
    when=expr("{borrowIndex} >= 10**18"),
    market=EMITTER,
    borrow_index="borrowIndex",
    total_borrowed="totalBorrows",
)


def change(what: str, after: str | Expr | None, before: str | None = None, subject: str | Expr | None = None) -> Says:
    """A setting, of all markets where no `subject` is given."""
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


MAPPERS: Mappers = {
    "Mint(address,uint256,uint256)": DEPOSIT,
    "Redeem(address,uint256,uint256)": WITHDRAW,
    "Borrow(address,uint256,uint256,uint256)": BORROW,
    "RepayBorrow(address,address,uint256,uint256,uint256)": REPAY,
    "LiquidateBorrow(address,address,uint256,address,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="cTokenCollateral",
        repaid="repayAmount",
        seized="seizeTokens",
    ),
    "AccrueInterest(uint256,uint256,uint256,uint256)": INTEREST,
    "AccrueInterest(uint256,uint256,uint256)": INTEREST,
    "NewImplementation(address,address)": says(
        Upgrade, implementation="newImplementation", what=literal("implementation")
    ),
    "NewAdmin(address,address)": handover("compound_v2", "admin"),
    "NewPendingAdmin(address,address)": change("pending_admin", "newPendingAdmin", "oldPendingAdmin"),
    "NewComptroller(address,address)": change("comptroller", "newComptroller", "oldComptroller"),
    "NewMarketInterestRateModel(address,address)": change(
        "interest_rate_strategy", "newInterestRateModel", "oldInterestRateModel"
    ),
    "NewReserveFactor(uint256,uint256)": change(
        "reserve_factor", "newReserveFactorMantissa", "oldReserveFactorMantissa"
    ),
    # Comptroller
    "ActionPaused(string,bool)": says(PauseChange, paused="pauseState", actor=None, scope="action"),
    "ActionPaused(address,string,bool)": says(
        PauseChange, paused="pauseState", actor=None, scope=expr("{action} + ' ' + {cToken}")
    ),
    "MarketListed(address)": change("market", literal("listed"), subject="cToken"),
    "NewCloseFactor(uint256,uint256)": change("close_factor", "newCloseFactorMantissa", "oldCloseFactorMantissa"),
    "NewCollateralFactor(address,uint256,uint256)": change(
        "collateral_factor", "newCollateralFactorMantissa", "oldCollateralFactorMantissa", "cToken"
    ),
    "NewLiquidationIncentive(uint256,uint256)": change(
        "liquidation_incentive", "newLiquidationIncentiveMantissa", "oldLiquidationIncentiveMantissa"
    ),
    "NewPriceOracle(address,address)": change("price_oracle", "newPriceOracle", "oldPriceOracle"),
    "NewPauseGuardian(address,address)": handover("compound_v2", "pause_guardian"),
    "NewBorrowCapGuardian(address,address)": handover("compound_v2", "borrow_cap_guardian"),
    "NewBorrowCap(address,uint256)": change("borrow_cap", "newBorrowCap", subject="cToken"),
    "NewSupplyCap(address,uint256)": change("supply_cap", "newSupplyCap", subject="cToken"),
    "NewPendingImplementation(address,address)": change(
        "pending_implementation", "newPendingImplementation", "oldPendingImplementation"
    ),
}
