"""Saddle, and what came from it (Nerve, Synapse, IronSwap …): StableSwap pools in Solidity.

Amounts and `pair` are as in curve.py. `shares` are pool tokens burnt where the event tells them.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import EMITTER, Mappers, Says, expr, says
from chainwatch.types import FlashLoan, LiquidityChange, Swap

_SOLD_FIRST = "{soldId} < {boughtId}"


def _exchange(prefix: str = "") -> Says:
    return says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0=expr(f"{{tokensSold}} if {_SOLD_FIRST} else -{{tokensBought}}"),
        amount1=expr(f"-{{tokensBought}} if {_SOLD_FIRST} else {{tokensSold}}"),
        pair=expr(f"'{prefix}%d-%d' % (min({{soldId}}, {{boughtId}}), max({{soldId}}, {{boughtId}}))"),
    )


REMOVED = says(LiquidityChange, pool=EMITTER, account="provider", amounts=expr("tuple(-a for a in {tokenAmounts})"))

MAPPERS: Mappers = {
    "TokenSwap(address,uint256,uint256,uint128,uint128)": _exchange(),
    "TokenSwapUnderlying(address,uint256,uint256,uint128,uint128)": _exchange("u"),
    "AddLiquidity(address,uint256[],uint256[],uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="provider", amounts="tokenAmounts"
    ),
    "RemoveLiquidity(address,uint256[],uint256)": REMOVED,
    "RemoveLiquidityImbalance(address,uint256[],uint256[],uint256,uint256)": REMOVED,
    "RemoveLiquidityOne(address,uint256,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("(0,) * ({boughtId} if {boughtId} < 8 else 0) + (-{tokensBought},)"),
        shares="lpTokenAmount",
    ),
    "FlashLoan(address,uint8,uint256,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="receiver", token=None, amount="amount", fee="amountFee"
    ),
    "NewSwapFee(uint256)": change("swapFee", "newSwapFee"),
    "NewAdminFee(uint256)": change("adminFee", "newAdminFee"),
    "RampA(uint256,uint256,uint256,uint256)": change("A", "newA", "oldA"),
    "StopRampA(uint256,uint256)": change("A", "currentA"),
}
