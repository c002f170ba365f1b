"""Uniswap v4: trades of all pools are written by one PoolManager; the pool is named by its id."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, Swap


def _swap(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The event counts from the trader's side, we from the pool's. A pool has no address: its id stands in."""
    pool_id, sender, amount0, amount1, sqrt_price_x96, _liquidity, _tick, _fee = args
    events.append(
        Swap(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="uniswap_v4",
            pool=pool_id[:42],
            sender=sender,
            recipient=sender,
            amount0=-amount0,
            amount1=-amount1,
            sqrt_price_x96=sqrt_price_x96,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("uniswap_v4", "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)"): _swap,
}
