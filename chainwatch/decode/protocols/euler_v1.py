"""Euler v1: one contract writes all events; the underlying is the token, `account` may be a sub-account (the owner's
address with its last byte changed). The Request… events say what was asked for, before what happened. AssetStatus
counts balances in eToken units, debts in the underlying, its accumulator has 27 digits. DToken flash loans are
written as a Borrow and a Repay. Many contracts write a Withdraw or Borrow of this shape and mean another order of
addresses, so that these two speak for Euler's one deployment only; Deposit and Repay are not read for the same
reason (see abi/euler_v1)."""

from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Borrow,
    Event,
    IndexUpdate,
    Liquidation,
    ParameterChange,
    RoleChange,
    Withdraw,
)

EULER = "0x27182842e098f60e3d576794a5bffb0777e025d3"
_PROTOCOL = "euler_v1"


def _set(what: str, after: str | Expr, subject: str | Expr | None = "underlying") -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=after)


def _role(role: str, account: str) -> Says:
    return says(RoleChange, role=literal(role), account=account, granted=True, actor=None)


def _of_account(kind: type[Withdraw | Borrow]) -> Mapper:
    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        if address == EULER:
            underlying, account, amount = args
            events.append(
                kind(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol=_PROTOCOL,
                    account=account,
                    token=underlying,
                    amount=amount,
                )
            )

    return say


MAPPERS: Mappers = {
    "Withdraw(address,address,uint256)": _of_account(Withdraw),
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
