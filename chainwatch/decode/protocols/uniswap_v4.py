"""Uniswap v4: trades of all pools are written by one PoolManager; a pool is named by its id."""

from chainwatch.decode.protocols.base import Mappers, expr, says
from chainwatch.types import Swap

MAPPERS: Mappers = {
    # The event counts from the trader's side, we from the pool's. A pool has no address: its id stands in.
    "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)": says(
        Swap,
        pool=expr("{id}[:42]"),
        sender="sender",
        recipient="sender",
        amount0=expr("-{amount0}"),
        amount1=expr("-{amount1}"),
        sqrt_price_x96="sqrtPriceX96",
    ),
}
