"""Compound III (Comet): one contract is one market. Its base token is the market's own asset; collateral is named.

Supply of the base token repays a debt before it is a deposit, and Withdraw borrows when it takes more than there was:
the events do not tell which, and both are read as Deposit and Withdraw. A liquidation is told in parts: what of the
collateral was absorbed (Liquidation, nothing repaid), then the debt that the protocol took over (Repay). Absorbed
collateral is sold by BuyCollateral. PauseAction tells the state of all five actions each time.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, Says, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    Liquidation,
    ParameterChange,
    PauseChange,
    Repay,
    RewardClaim,
    Swap,
    Withdraw,
)

_PROTOCOL = "compound_v3"
_ACTIONS = ("supply", "transfer", "withdraw", "absorb", "buy")


def _pause(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    for scope, paused in zip(_ACTIONS, args, strict=True):
        events.append(
            PauseChange(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                paused=paused,
                actor=None,
                scope=scope,
            )
        )


def _transfer_collateral(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    giver, taker, asset, amount = args
    for kind, account in ((Withdraw, giver), (Deposit, taker)):
        events.append(
            kind(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                account=account,
                token=asset,
                amount=amount,
            )
        )


def _of_market(what: str, parameter: str) -> Says:
    """A setting of the market `cometProxy`."""
    return says(
        ParameterChange, what=literal(what), subject="cometProxy", before=f"old{parameter}", after=f"new{parameter}"
    )


def _of_asset(what: str, parameter: str) -> Says:
    """A setting of one collateral in the market `cometProxy`: the subject is the market, then the collateral."""
    return says(
        ParameterChange,
        what=literal(what),
        subject=expr("{cometProxy} + ' ' + {asset}"),
        before=f"old{parameter}",
        after=f"new{parameter}",
    )


MAPPERS: Mappers = {
    "Supply(address,address,uint256)": says(Deposit, account="dst", token=None, amount="amount"),
    "Withdraw(address,address,uint256)": says(Withdraw, account="src", token=None, amount="amount"),
    "SupplyCollateral(address,address,address,uint256)": says(Deposit, account="dst", token="asset", amount="amount"),
    "WithdrawCollateral(address,address,address,uint256)": says(
        Withdraw, account="src", token="asset", amount="amount"
    ),
    "TransferCollateral(address,address,address,uint256)": _transfer_collateral,
    "AbsorbCollateral(address,address,address,uint256,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="absorber",
        debt_token=None,
        collateral_token="asset",
        repaid=0,
        seized="collateralAbsorbed",
    ),
    "AbsorbDebt(address,address,uint256,uint256)": says(
        Repay, account="borrower", payer=EMITTER, token=None, amount="basePaidOut"
    ),
    "BuyCollateral(address,address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0="baseAmount",
        amount1=expr("-{collateralAmount}"),
        token1="asset",
        pair="asset",
    ),
    "PauseAction(bool,bool,bool,bool,bool)": _pause,
    # Configurator
    "GovernorTransferred(address,address)": handover(_PROTOCOL, "governor"),
    "SetGovernor(address,address,address)": _of_market("governor", "Governor"),
    "SetPauseGuardian(address,address,address)": _of_market("pause_guardian", "PauseGuardian"),
    "SetFactory(address,address,address)": _of_market("factory", "Factory"),
    "SetExtensionDelegate(address,address,address)": _of_market("extension_delegate", "Ext"),
    "SetBaseTokenPriceFeed(address,address,address)": _of_market("price_source", "BaseTokenPriceFeed"),
    "SetSupplyKink(address,uint64,uint64)": _of_market("supply_kink", "Kink"),
    "SetBorrowKink(address,uint64,uint64)": _of_market("borrow_kink", "Kink"),
    "SetStoreFrontPriceFactor(address,uint64,uint64)": _of_market("store_front_price_factor", "StoreFrontPriceFactor"),
    "SetBaseBorrowMin(address,uint104,uint104)": _of_market("base_borrow_min", "BaseBorrowMin"),
    "SetTargetReserves(address,uint104,uint104)": _of_market("target_reserves", "TargetReserves"),
    "UpdateAssetPriceFeed(address,address,address,address)": _of_asset("price_source", "PriceFeed"),
    "UpdateAssetBorrowCollateralFactor(address,address,uint64,uint64)": _of_asset("collateral_factor", "BorrowCF"),
    "UpdateAssetLiquidateCollateralFactor(address,address,uint64,uint64)": _of_asset(
        "liquidation_threshold", "LiquidateCF"
    ),
    "UpdateAssetLiquidationFactor(address,address,uint64,uint64)": _of_asset("liquidation_factor", "LiquidationFactor"),
    "UpdateAssetSupplyCap(address,address,uint128,uint128)": _of_asset("supply_cap", "SupplyCap"),
    "RewardClaimed(address,address,address,uint256)": says(RewardClaim, account="src", token="token", amount="amount"),
}
