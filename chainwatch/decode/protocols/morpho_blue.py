"""Morpho (Blue): one contract holds all markets, each named by a 32-byte id that stands for loan token, collateral,
oracle, rate model and limit. Events name the id, not the token. Pre-liquidation contracts write PreLiquidate beside
the Repay and WithdrawCollateral that they cause, so it is not mapped. SetAuthorization lets someone manage a whole
account."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import (
    ALL_ITEMS,
    Approval,
    Borrow,
    Deposit,
    FlashLoan,
    Liquidation,
    ParameterChange,
    Repay,
    RoleChange,
    Withdraw,
)

MAPPERS: Mappers = {
    "Supply(bytes32,address,address,uint256,uint256)": says(
        Deposit, account="onBehalf", token=None, amount="assets", shares="shares"
    ),
    "SupplyCollateral(bytes32,address,address,uint256)": says(Deposit, account="onBehalf", token=None, amount="assets"),
    "Withdraw(bytes32,address,address,address,uint256,uint256)": says(
        Withdraw, account="onBehalf", token=None, amount="assets", shares="shares"
    ),
    "WithdrawCollateral(bytes32,address,address,address,uint256)": says(
        Withdraw, account="onBehalf", token=None, amount="assets"
    ),
    "Borrow(bytes32,address,address,address,uint256,uint256)": says(
        Borrow, account="onBehalf", token=None, amount="assets"
    ),
    "Repay(bytes32,address,address,uint256,uint256)": says(
        Repay, account="onBehalf", payer="caller", token=None, amount="assets"
    ),
    "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="caller",
        debt_token=None,
        collateral_token=None,
        repaid="repaidAssets",
        seized="seizedAssets",
    ),
    "FlashLoan(address,address,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="caller", token="token", amount="assets", fee=0
    ),
    "SetAuthorization(address,address,address,bool)": says(
        Approval,
        token=EMITTER,
        owner="authorizer",
        spender="authorized",
        amount=expr(f"{ALL_ITEMS} if {{newIsAuthorized}} else 0"),
    ),
    "CreateMarket(bytes32,(address,address,address,address,uint256))": says(
        ParameterChange, what=literal("market"), subject="id", after=literal("listed")
    ),
    "SetFee(bytes32,uint256)": says(ParameterChange, what=literal("fee"), subject="id", after="newFee"),
    "SetFeeRecipient(address)": says(ParameterChange, what=literal("fee_recipient"), after="newFeeRecipient"),
    "EnableIrm(address)": says(ParameterChange, what=literal("enabled_irm"), after="irm"),
    "EnableLltv(uint256)": says(ParameterChange, what=literal("enabled_lltv"), after="lltv"),
    "SetOwner(address)": says(RoleChange, role=literal("owner"), account="newOwner", granted=True, actor=None),
}
