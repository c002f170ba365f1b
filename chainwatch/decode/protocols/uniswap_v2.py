"""Uniswap v2 pairs and their forks: Swap, Sync, liquidity, and new pairs.

A pair's Mint and Burn tell amounts, not shares; their account is as a rule the router.
"""

from chainwatch.decode.protocols.base import AFTER_SYNC, EMITTER, Mappers, expr, literal, says
from chainwatch.types import InstrumentUpdate, LiquidityChange, ReservesUpdate, Swap

MAPPERS: Mappers = {
    "Swap(address,uint256,uint256,uint256,uint256,address)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="to",
        amount0=expr("{amount0In} - {amount0Out}"),
        amount1=expr("{amount1In} - {amount1Out}"),
    ),
    "Sync(uint112,uint112)": says(ReservesUpdate, pool=EMITTER, reserve0="reserve0", reserve1="reserve1"),
    "Mint(address,uint256,uint256)": says(
        LiquidityChange, when=AFTER_SYNC, pool=EMITTER, account="sender", amounts=expr("({amount0}, {amount1})")
    ),
    "Burn(address,uint256,uint256,address)": says(
        LiquidityChange, pool=EMITTER, account="to", amounts=expr("(-{amount0}, -{amount1})")
    ),
    "PairCreated(address,address,address,uint256)": says(InstrumentUpdate, instrument="pair", what=literal("listed")),
}
