"""Uniswap v2 pairs and their forks: Swap and Sync. Mint and Burn show in the Transfers around them."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, ReservesUpdate, Swap


def _swap(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    sender, in0, in1, out0, out1, to = args
    events.append(
        Swap(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="uniswap_v2",
            pool=address,
            sender=sender,
            recipient=to,
            amount0=in0 - out0,
            amount1=in1 - out1,
        )
    )


def _sync(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    events.append(
        ReservesUpdate(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="uniswap_v2",
            pool=address,
            reserve0=args[0],
            reserve1=args[1],
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("uniswap_v2", "Swap(address,uint256,uint256,uint256,uint256,address)"): _swap,
    ("uniswap_v2", "Sync(uint112,uint112)"): _sync,
}
