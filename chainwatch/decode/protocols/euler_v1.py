"""Euler v1: one contract writes all events; the underlying is the token, `account` may be a sub-account (the owner's
address with its last byte changed). The Request… events say what was asked for, before what happened. AssetStatus
counts balances in eToken units, as Deposit and Withdraw do (also where nothing was paid in), debts in the underlying;
its accumulator has 27 digits. DToken flash loans are written as a Borrow and a Repay. Who repaid is not said: the
account stands for the payer. Many contracts write a Deposit, Withdraw, Borrow or Repay of this shape and mean another
order of addresses: these four are heard where the contract is bound to euler_v1 only."""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Borrow,
    Deposit,
    IndexUpdate,
    Liquidation,
    ParameterChange,
    Repay,
    RoleChange,
    Withdraw,
)


def _set(what: str, after: str | Expr, subject: str | Expr | None = "underlying") -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=after)


def _role(role: str, account: str) -> Says:
    return says(RoleChange, role=literal(role), account=account, granted=True, actor=None)


def _of_account(kind: type[Deposit | Withdraw | Borrow]) -> Says:
    return says(kind, account="account", token="underlying", amount="amount")


MAPPERS: Mappers = {
    "Deposit(address,address,uint256)": _of_account(Deposit),
    "Withdraw(address,address,uint256)": _of_account(Withdraw),
    "Repay(address,address,uint256)": says(
        Repay, account="account", payer="account", token="underlying", amount="amount"
    ),
    "Borrow(address,address,uint256)": _of_account(Borrow),
    "Liquidation(address,address,address,address,uint256,uint256,uint256,uint256,uint256)": says(
        Liquidation,
        account="violator",
        liquidator="liquidator",
        debt_token="underlying",
        collateral_token="collateral",
        repaid="repay",
        seized=expr("{yield}"),
    ),
    "AssetStatus(address,uint256,uint256,uint96,uint256,uint256,int96,uint256)": says(
        IndexUpdate,
        market=EMITTER,
        token="underlying",
        borrow_index="interestAccumulator",
        total_supplied="totalBalances",
        total_borrowed="totalBorrows",
    ),
    "MarketActivated(address,address,address)": _set("market", literal("listed")),
    "GovSetAssetConfig(address,(address,bool,uint32,uint32,uint24))": _set("collateral_factor", expr("{newConfig}[2]")),
    "GovSetReserveFee(address,uint32)": _set("reserve_factor", "newReserveFee"),
    "GovSetPricingConfig(address,uint16,uint32)": _set("pricing_type", "newPricingType"),
    "GovSetChainlinkPriceFeed(address,address)": _set("price_source", "chainlinkAggregator"),
    "GovSetIRM(address,uint256,bytes)": _set("interest_rate_strategy", "interestRateModel"),
    "InstallerSetUpgradeAdmin(address)": _role("upgrade_admin", "newUpgradeAdmin"),
    "InstallerSetGovernorAdmin(address)": _role("governor_admin", "newGovernorAdmin"),
    "InstallerInstallModule(uint256,address,bytes32)": _set("module", "moduleImpl", expr("str({moduleId})")),
}

BOUND_ONLY = ("Deposit(address,address,uint256)", "Withdraw(address,address,uint256)", "Repay(address,address,uint256)",
              "Borrow(address,address,uint256)")  # fmt: skip
