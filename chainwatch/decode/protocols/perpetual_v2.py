"""Perpetual Protocol v2 (Curie): positions, liquidity, liquidations and settings. The instrument is the base token.

Amounts have 18 decimals; a price is notional for one of the base token, with 18 decimals. A liquidation's `repaid` is
the position's notional, its `seized` the fee; one of collateral names the collateral. Deposited and Withdrawn of the
Vault say nothing: other protocols write the same layout with another meaning, and the Transfer says it.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, Says, expr, literal, says
from chainwatch.types import InstrumentUpdate, Liquidation, LiquidityChange, ParameterChange, Trade

_ONE = 10**18


def _set(what: str, after: str, subject: str | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=after)


MAPPERS: Mappers = {
    "PositionChanged(address,address,int256,int256,uint256,int256,int256,uint256)": says(
        Trade,
        instrument="baseToken",
        account="trader",
        size="exchangedPositionSize",
        price=expr(
            f"abs({{exchangedPositionNotional}}) * {_ONE} // abs({{exchangedPositionSize}}) "
            "if {exchangedPositionSize} else None"
        ),
        fee="fee",
    ),
    "PositionClosed(address,address,int256,int256,int256,int256,uint256)": says(
        Trade, instrument="baseToken", account="trader", size=expr("-{closedPositionSize}"), price="closedPrice"
    ),
    "PositionLiquidated(address,address,uint256,uint256,uint256,address)": says(
        Liquidation,
        account="trader",
        liquidator="liquidator",
        debt_token=None,
        collateral_token=None,
        repaid="positionNotional",
        seized="liquidationFee",
    ),
    "LiquidityChanged(address,address,address,int24,int24,int256,int256,int128,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="maker",
        amounts=expr("({base}, {quote})"),
        tokens=expr("({baseToken}, {quoteToken})"),
        shares=expr("abs({liquidity})"),
    ),
    "CollateralLiquidated(address,address,address,uint256,uint256,uint256,uint24)": says(
        Liquidation,
        account="trader",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="collateralToken",
        repaid=expr("{repaidSettlementWithoutInsuranceFundFeeX10_S} + {insuranceFundFeeX10_S}"),
        seized="collateral",
    ),
    "FundingUpdated(address,uint256,uint256)": says(
        InstrumentUpdate,
        instrument="baseToken",
        what=literal("funding"),
        value=expr("{marketTwap} - {indexTwap}"),
    ),
    "PoolAdded(address,uint24,address)": says(InstrumentUpdate, instrument="baseToken", what=literal("listed")),
    "StatusUpdated(uint8)": says(
        InstrumentUpdate,
        instrument=EMITTER,
        what=expr("('resumed', 'halted', 'settled')[min({status}, 2)]"),  # IBaseToken.Status
    ),
    "CollateralAdded(address,address,uint24,uint24,uint256)": _set("collateral", "priceFeed", "token"),
    "PriceFeedChanged(address,address)": _set("price_feed", "priceFeed", "token"),
    "CollateralRatioChanged(address,uint24)": _set("collateral_ratio", "collateralRatio", "token"),
    "DepositCapChanged(address,uint256)": _set("deposit_cap", "depositCap", "token"),
    "DebtThresholdChanged(uint256)": _set("debt_threshold", "debtThreshold"),
    "MaxTickCrossedWithinBlockChanged(address,uint24)": _set(
        "max_tick_crossed_within_block", "maxTickCrossedWithinBlock", "baseToken"
    ),
    "LiquidationPenaltyRatioChanged(uint24)": _set("liquidation_penalty_ratio", "liquidationPenaltyRatio"),
    "MaxFundingRateChanged(uint24)": _set("max_funding_rate", "rate"),
}
