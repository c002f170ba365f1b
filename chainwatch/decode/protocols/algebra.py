"""Algebra (QuickSwap v3, Camelot v3, THENA Fusion …): what its pools add to the events of Uniswap v3, which they
write too.

Fees change with volatility, by the pool itself: they say nothing here.
"""

from chainwatch.decode.mappers import listed, settings
from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import Swap

MAPPERS: Mappers = {
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint24,uint24)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="recipient",
        amount0="amount0",
        amount1="amount1",
        sqrt_price_x96="price",
    ),
    "Pool(address,address,address)": listed("pool"),
    "CommunityFee(uint8,uint8)": settings("algebra", communityFee0=0, communityFee1=1),
}
