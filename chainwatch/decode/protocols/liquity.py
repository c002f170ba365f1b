"""Liquity v1: troves of the chain's coin that owe LUSD. TroveUpdated tells a trove's new totals, not what changed, so
that positions opened and closed are read from the transfers beside it. Who liquidates is not said: the liquidator is
the TroveManager. Debts include fees and the gas reserve. LastGoodPriceUpdated has no time: `updated_at` is 0."""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, says
from chainwatch.types import NATIVE, IndexUpdate, Liquidation, PriceUpdate

MAPPERS: Mappers = {
    "TroveLiquidated(address,uint256,uint256,uint8)": says(
        Liquidation,
        account="_borrower",
        liquidator=EMITTER,
        debt_token=None,
        collateral_token=Expr(repr(NATIVE)),
        repaid="_debt",
        seized="_coll",
    ),
    "LastGoodPriceUpdated(uint256)": says(PriceUpdate, feed=EMITTER, answer="_lastGoodPrice", updated_at=0),
    "ActivePoolLUSDDebtUpdated(uint256)": says(IndexUpdate, market=EMITTER, total_borrowed="_LUSDDebt"),
    "ActivePoolETHBalanceUpdated(uint256)": says(IndexUpdate, market=EMITTER, total_supplied="_ETH"),
}
