"""Uniswap v3 pools: Swap, with the price after it, and Flash."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, FlashLoan, Swap


def _swap(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    sender, recipient, amount0, amount1, sqrt_price_x96, _liquidity, _tick = args
    events.append(
        Swap(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="uniswap_v3",
            pool=address,
            sender=sender,
            recipient=recipient,
            amount0=amount0,
            amount1=amount1,
            sqrt_price_x96=sqrt_price_x96,
        )
    )


def _flash(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """One FlashLoan for each token that was lent; the event names amounts, not tokens."""
    _sender, recipient, amount0, amount1, paid0, paid1 = args
    for amount, paid in ((amount0, paid0), (amount1, paid1)):
        if amount:
            events.append(
                FlashLoan(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="uniswap_v3",
                    lender=address,
                    borrower=recipient,
                    token=None,
                    amount=amount,
                    fee=paid,
                )
            )


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("uniswap_v3", "Swap(address,address,int256,int256,uint160,uint128,int24)"): _swap,
    ("uniswap_v3", "Flash(address,address,uint256,uint256,uint256,uint256)"): _flash,
}
