"""Uniswap v3 pools: Swap, with the price after it, liquidity, Flash, and settings of pools and of the factory.

A pool's owner of liquidity is as a rule the position manager. Its IncreaseLiquidity and DecreaseLiquidity repeat the
pool's Mint and Burn and have no mapper. Collect pays out what Burn took from the position, and fees: neither again.
"""

from chainwatch.decode.before import said_before
from chainwatch.decode.mappers import change, listed
from chainwatch.decode.protocols.base import EMITTER, Args, Mapper, Mappers, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import (
    Address,
    Event,
    FlashLoan,
    InstrumentUpdate,
    LiquidityChange,
    Swap,
)


def flash(protocol: str) -> Mapper:
    """One FlashLoan for each token that was lent; the event names amounts, the token is what was sent before."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        _sender, recipient, amount0, amount1, paid0, paid1 = args
        for amount, paid in ((amount0, paid0), (amount1, paid1)):
            if amount:
                events.append(
                    FlashLoan(
                        order=len(events),
                        log_index=log_index,
                        address=address,
                        protocol=protocol,
                        lender=address,
                        borrower=recipient,
                        token=said_before(events).token_sent(address, recipient, amount),
                        amount=amount,
                        fee=paid,
                    )
                )

    return say


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
    "Flash(address,address,uint256,uint256,uint256,uint256)": flash("uniswap_v3"),
    "Initialize(uint160,int24)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("listed"), value="sqrtPriceX96"
    ),
    "PoolCreated(address,address,uint24,int24,address)": listed("pool"),
    "IncreaseObservationCardinalityNext(uint16,uint16)": change(
        "observationCardinalityNext", "observationCardinalityNextNew", "observationCardinalityNextOld"
    ),
    # As slot0 holds it: that of token0 in the lower four bits, that of token1 above them.
    "SetFeeProtocol(uint8,uint8,uint8,uint8)": change(
        "feeProtocol",
        expr("{feeProtocol0New} + ({feeProtocol1New} << 4)"),
        expr("{feeProtocol0Old} + ({feeProtocol1Old} << 4)"),
    ),
    "FeeAmountEnabled(uint24,int24)": change("tickSpacing", "tickSpacing", subject=expr("str({fee})")),
    "OwnerChanged(address,address)": handover("uniswap_v3", "owner"),
}
