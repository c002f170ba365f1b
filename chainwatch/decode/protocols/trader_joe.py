"""Trader Joe's Liquidity Book (LFJ), versions 2.1 and 2.2: pairs of token X and token Y.

Amounts are packed into 32 bytes: that of X in the lower half, that of Y in the upper.
"""

from chainwatch.decode.before import said_before
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, says
from chainwatch.types import Address, Event, FlashLoan, LiquidityChange, Swap


def _x(packed: str) -> str:
    return f"int({packed}[34:], 16)"


def _y(packed: str) -> str:
    return f"int({packed}[2:34], 16)"


def _flash_loan(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """One FlashLoan for each token that was lent."""
    _sender, receiver, _active_id, amounts, fees, _protocol_fees = args
    for half in (slice(34, 66), slice(2, 34)):
        if amount := int(amounts[half], 16):
            events.append(
                FlashLoan(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="trader_joe",
                    lender=address,
                    borrower=receiver,
                    token=said_before(events).token_sent(address, receiver, amount),
                    amount=amount,
                    fee=int(fees[half], 16),
                )
            )


MAPPERS: Mappers = {
    "Swap(address,address,uint24,bytes32,bytes32,uint24,bytes32,bytes32)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="to",
        amount0=expr(f"{_x('{amountsIn}')} - {_x('{amountsOut}')}"),
        amount1=expr(f"{_y('{amountsIn}')} - {_y('{amountsOut}')}"),
    ),
    "DepositedToBins(address,address,uint256[],bytes32[])": says(
        LiquidityChange,
        pool=EMITTER,
        account="to",
        amounts=expr(f"(sum({_x('a')} for a in {{amounts}}), sum({_y('a')} for a in {{amounts}}))"),
    ),
    "WithdrawnFromBins(address,address,uint256[],bytes32[])": says(
        LiquidityChange,
        pool=EMITTER,
        account="sender",
        amounts=expr(f"(-sum({_x('a')} for a in {{amounts}}), -sum({_y('a')} for a in {{amounts}}))"),
    ),
    "FlashLoan(address,address,uint24,bytes32,bytes32,bytes32)": _flash_loan,
}
