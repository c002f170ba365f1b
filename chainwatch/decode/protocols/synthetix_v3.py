"""Synthetix v3: core (collateral, debt), perps market and spot market.

Accounts and markets are numbers: an account is its number as text where the event names nobody else, and the sender
where it does. All amounts have 18 decimals but those of collateral. A liquidation of a perpetual's position names no
liquidator: the market stands for it, and what was seized is told by another event. What a spot
market buys and sells for, and to whom, is in the Transfers.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Borrow,
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
    Trade,
    Upgrade,
    Withdraw,
)


def _collateral(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """Margin of a perps account, in a synth that is named by its market's number."""
    _account, _collateral_id, change, sender = args
    kind = Deposit if change >= 0 else Withdraw
    events.append(
        kind(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="synthetix_v3",
            account=sender,
            token=None,
            amount=abs(change),
        )
    )


_MARKET = expr("str({marketId})")
_ACCOUNT = expr("str({accountId})")
_LIQUIDATION = "(uint256,uint256,uint256)"


def _set(what: str, after: str, subject: str = "marketId") -> Says:
    return says(ParameterChange, what=literal(what), subject=expr(f"str({{{subject}}})"), after=after)


MAPPERS: Mappers = {
    # Core.
    "Deposited(uint128,address,uint256,address)": says(
        Deposit, account="sender", token="collateralType", amount="tokenAmount"
    ),
    "Withdrawn(uint128,address,uint256,address)": says(
        Withdraw, account="sender", token="collateralType", amount="tokenAmount"
    ),
    "UsdMinted(uint128,uint128,address,uint256,address)": says(Borrow, account="sender", token=None, amount="amount"),
    "UsdBurned(uint128,uint128,address,uint256,address)": says(
        Repay, account=_ACCOUNT, payer="sender", token=None, amount="amount"
    ),
    f"Liquidation(uint128,uint128,address,{_LIQUIDATION},uint128,address)": says(
        Liquidation,
        account=_ACCOUNT,
        liquidator="sender",
        debt_token=None,
        collateral_token="collateralType",
        repaid=expr("{liquidationData}[0]"),
        seized=expr("{liquidationData}[1]"),
    ),
    f"VaultLiquidation(uint128,address,{_LIQUIDATION},uint128,address)": says(
        Liquidation,
        account=expr("'pool ' + str({poolId})"),
        liquidator="sender",
        debt_token=None,
        collateral_token="collateralType",
        repaid=expr("{liquidationData}[0]"),
        seized=expr("{liquidationData}[1]"),
    ),
    "MarketUsdDeposited(uint128,address,uint256,address,int128,int128,uint256)": says(
        Repay, account="market", payer="target", token=None, amount="amount"
    ),
    "MarketUsdWithdrawn(uint128,address,uint256,address,int128,int128,uint256)": says(
        Borrow, account="market", token=None, amount="amount"
    ),
    "MarketRegistered(address,uint128,address)": says(InstrumentUpdate, instrument=_MARKET, what=literal("listed")),
    "FeatureFlagDenyAllSet(bytes32,bool)": says(
        PauseChange,
        paused="denyAll",
        actor=None,
        scope=expr("bytes.fromhex({feature}[2:]).rstrip(b'\\0').decode('latin-1')"),
    ),
    "PermissionGranted(uint128,bytes32,address,address)": says(
        RoleChange, role="permission", account="user", granted=True, actor="sender"
    ),
    "PermissionRevoked(uint128,bytes32,address,address)": says(
        RoleChange, role="permission", account="user", granted=False, actor="sender"
    ),
    "Upgraded(address,address)": says(Upgrade, implementation="implementation", what=literal("implementation")),
    "SetMinLiquidityRatio(uint256)": says(
        ParameterChange, what=literal("min_liquidity_ratio"), after="minLiquidityRatio"
    ),
    # Perps market.
    "CollateralModified(uint128,uint128,int256,address)": _collateral,
    "OrderCommitted(uint128,uint128,uint8,int128,uint256,uint256,uint256,uint256,uint256,bytes32,address)": says(
        OrderPlaced,
        instrument=_MARKET,
        account=_ACCOUNT,
        order_id=_ACCOUNT,  # an account has one order at a time
        size="sizeDelta",
        price="acceptablePrice",
    ),
    "OrderSettled(uint128,uint128,uint256,int256,int256,int128,int128,uint256,uint256,uint256,uint256,bytes32,"
    "address)": says(
        Trade,
        instrument=_MARKET,
        account=_ACCOUNT,
        size="sizeDelta",
        price="fillPrice",
        fee="totalFees",
        order_id=_ACCOUNT,
    ),
    "OrderCancelled(uint128,uint128,uint256,uint256,int128,uint256,bytes32,address)": says(
        OrderCancelled, order_id=_ACCOUNT, account=_ACCOUNT, instrument=_MARKET
    ),
    "PreviousOrderExpired(uint128,uint128,int128,uint256,uint256,bytes32)": says(
        OrderCancelled, order_id=_ACCOUNT, account=_ACCOUNT, instrument=_MARKET
    ),
    "PositionLiquidated(uint128,uint128,uint256,int128)": says(
        Liquidation,
        account=_ACCOUNT,
        liquidator=EMITTER,
        debt_token=None,
        collateral_token=None,
        repaid="amountLiquidated",
        seized=0,
    ),
    "MarketUpdated(uint128,uint256,int256,uint256,int256,int256,int256,uint128)": says(
        InstrumentUpdate, instrument=_MARKET, what=literal("funding"), value="currentFundingRate"
    ),
    "MarketCreated(uint128,string,string)": says(
        InstrumentUpdate, instrument=expr("str({perpsMarketId})"), what=literal("listed")
    ),
    "MaxMarketSizeSet(uint128,uint256)": _set("max_market_size", "maxMarketSize"),
    "MaxMarketValueSet(uint128,uint256)": _set("max_market_value", "maxMarketValue"),
    "MarketPriceDataUpdated(uint128,bytes32,uint256)": _set("price_feed", "feedId"),
    "LockedOiRatioSet(uint128,uint256)": _set("locked_open_interest_ratio", "lockedOiRatioD18"),
    # Spot market.
    "SynthRegistered(uint256,address)": says(
        InstrumentUpdate, instrument=expr("'spot ' + str({synthMarketId})"), what=literal("listed")
    ),
    "SynthPriceDataUpdated(uint256,bytes32,bytes32,uint256)": _set("price_feed", "buyFeedId", "synthMarketId"),
    "SynthImplementationUpgraded(uint256,address,address)": says(
        Upgrade, implementation="implementation", what=literal("implementation")
    ),
}
