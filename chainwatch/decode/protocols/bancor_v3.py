"""Bancor v3: trades and flash loans of the network, liquidity of the pool collections and of the BNT pool.

A trade of two tokens by way of BNT is one event. Tokens are ordered by address. NATIVE stands for the chain's coin, as
in the event. The BNT pool does not name its token.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import FlashLoan, InstrumentUpdate, LiquidityChange, Swap

_FORWARD = "{sourceToken} < {targetToken}"

MAPPERS: Mappers = {
    "TokensTraded(bytes32,address,address,uint256,uint256,uint256,uint256,uint256,address)": says(
        Swap,
        pool=EMITTER,
        sender="trader",
        recipient="trader",
        amount0=expr(f"{{sourceAmount}} if {_FORWARD} else -{{targetAmount}}"),
        amount1=expr(f"-{{targetAmount}} if {_FORWARD} else {{sourceAmount}}"),
        token0=expr(f"{{sourceToken}} if {_FORWARD} else {{targetToken}}"),
        token1=expr(f"{{targetToken}} if {_FORWARD} else {{sourceToken}}"),
        pair=expr("''.join(sorted(({sourceToken}, {targetToken})))"),
    ),
    "FlashLoanCompleted(address,address,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="borrower", token="token", amount="amount", fee="feeAmount"
    ),
    "PoolCreated(address,address)": says(InstrumentUpdate, instrument="pool", what=literal("listed")),
    "TokensDeposited(bytes32,address,address,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("({baseTokenAmount},)"),
        tokens=expr("({token},)"),
        shares="poolTokenAmount",
    ),
    "TokensWithdrawn(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("(-{baseTokenAmount},)"),
        tokens=expr("({token},)"),
        shares="poolTokenAmount",
    ),
    "TokensDeposited(bytes32,address,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("({bntAmount},)"),
        shares="poolTokenAmount",
    ),
    "TokensWithdrawn(bytes32,address,uint256,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("(-{bntAmount},)"),
        shares="poolTokenAmount",
    ),
    "FundingLimitUpdated(address,uint256,uint256)": change("fundingLimit", "newLimit", "prevLimit", "pool"),
    "MinLiquidityForTradingUpdated(uint256,uint256)": change("minLiquidityForTrading", "newLiquidity", "prevLiquidity"),
    "WithdrawalFeePPMUpdated(uint32,uint32)": change("withdrawalFee", "newFeePPM", "prevFeePPM"),
    "DefaultFlashLoanFeePPMUpdated(uint32,uint32)": change("flashLoanFee", "newFeePPM", "prevFeePPM"),
    "FlashLoanFeePPMUpdated(address,uint32,uint32)": change("flashLoanFee", "newFeePPM", "prevFeePPM", "pool"),
}
