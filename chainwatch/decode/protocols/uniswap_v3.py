"""Uniswap v3 pools: Swap, with the price after it, liquidity, and Flash."""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, says
from chainwatch.types import Address, Event, FlashLoan, LiquidityChange, Swap


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


MAPPERS: Mappers = {
    "Swap(address,address,int256,int256,uint160,uint128,int24)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="recipient",
        amount0="amount0",
        amount1="amount1",
        sqrt_price_x96="sqrtPriceX96",
    ),
    "Mint(address,address,int24,int24,uint128,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="owner", amounts=expr("({amount0}, {amount1})"), shares="amount"
    ),
    "Burn(address,int24,int24,uint128,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="owner", amounts=expr("(-{amount0}, -{amount1})"), shares="amount"
    ),
    "Flash(address,address,uint256,uint256,uint256,uint256)": _flash,
}
