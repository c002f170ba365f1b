"""Balancer v2: trades, each at the pool whose address its id begins with, and flash loans of the Vault."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, says
from chainwatch.types import FlashLoan, Swap

# Tokens are ordered by address, as in Uniswap, so that the amounts of one pair keep their places.
_FORWARD = "{tokenIn} < {tokenOut}"

MAPPERS: Mappers = {
    "Swap(bytes32,address,address,uint256,uint256)": says(
        Swap,
        pool=expr("{poolId}[:42]"),  # "Pool IDs": the first 20 bytes are the pool's address
        sender=EMITTER,
        recipient=EMITTER,
        amount0=expr(f"{{amountIn}} if {_FORWARD} else -{{amountOut}}"),
        amount1=expr(f"-{{amountOut}} if {_FORWARD} else {{amountIn}}"),
        token0=expr(f"{{tokenIn}} if {_FORWARD} else {{tokenOut}}"),
        token1=expr(f"{{tokenOut}} if {_FORWARD} else {{tokenIn}}"),
        pair=expr(f"{{tokenIn}} + {{tokenOut}} if {_FORWARD} else {{tokenOut}} + {{tokenIn}}"),
    ),
    "FlashLoan(address,address,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="recipient", token="token", amount="amount", fee="feeAmount"
    ),
}
