"""Euler v2: vaults of the Euler Vault Kit (each the market of one asset) and the connector (EVC) between them.

Deposit and Withdraw are those of erc4626. A liquidator takes over the debt rather than pays it: both its own Borrow
and the violator's Repay are written too, and the collateral is seized in shares of its vault. Caps are in a packed
form (mantissa and exponent), limits in units of 1e-4.
"""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, literal, says
from chainwatch.types import Borrow, IndexUpdate, Liquidation, ParameterChange, PauseChange, Repay, RoleChange


def _set(what: str, after: str | Expr, before: str | None = None, subject: str | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


MAPPERS: Mappers = {
    "Borrow(address,uint256)": says(Borrow, account="account", token=None, amount="assets"),
    # Who paid is not said.
    "Repay(address,uint256)": says(Repay, account="account", payer="account", token=None, amount="assets"),
    "Liquidate(address,address,address,uint256,uint256)": says(
        Liquidation,
        account="violator",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="collateral",
        repaid="repayAssets",
        seized="yieldBalance",
    ),
    "VaultStatus(uint256,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        IndexUpdate,
        market=EMITTER,
        borrow_index="interestAccumulator",
        total_supplied="totalShares",
        total_borrowed="totalBorrows",
    ),
    "GovSetGovernorAdmin(address)": says(
        RoleChange, role=literal("governor_admin"), account="newGovernorAdmin", granted=True, actor=None
    ),
    "GovSetFeeReceiver(address)": _set("fee_recipient", "newFeeReceiver"),
    "GovSetLTV(address,uint16,uint16,uint16,uint48,uint32)": _set(
        "liquidation_threshold", "liquidationLTV", "initialLiquidationLTV", "collateral"
    ),
    "GovSetInterestRateModel(address)": _set("interest_rate_strategy", "newInterestRateModel"),
    "GovSetMaxLiquidationDiscount(uint16)": _set("max_liquidation_discount", "newDiscount"),
    "GovSetLiquidationCoolOffTime(uint16)": _set("liquidation_cool_off_time", "newCoolOffTime"),
    "GovSetHookConfig(address,uint32)": _set("hooked_operations", "newHookedOps", subject="newHookTarget"),
    "GovSetConfigFlags(uint32)": _set("config_flags", "newConfigFlags"),
    "GovSetInterestFee(uint16)": _set("interest_fee", "newFee"),
    # One owner stops all of its own accounts.
    "LockdownModeStatus(bytes19,bool)": says(PauseChange, paused="enabled", actor=None, scope="addressPrefix"),
}
