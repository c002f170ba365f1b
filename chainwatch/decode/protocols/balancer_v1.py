"""Balancer v1 pools (and Cream's, PowerPool's …): trades name their tokens, joins and exits are one log a token.

LOG_CALL is anonymous: it is looked for only where a contract is said to be of this protocol.
"""

from chainwatch.decode.mappers import listed
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, says
from chainwatch.types import LiquidityChange, Swap

_FORWARD = "{tokenIn} < {tokenOut}"

MAPPERS: Mappers = {
    "LOG_SWAP(address,address,address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="caller",
        recipient="caller",
        amount0=expr(f"{{tokenAmountIn}} if {_FORWARD} else -{{tokenAmountOut}}"),
        amount1=expr(f"-{{tokenAmountOut}} if {_FORWARD} else {{tokenAmountIn}}"),
        token0=expr(f"{{tokenIn}} if {_FORWARD} else {{tokenOut}}"),
        token1=expr(f"{{tokenOut}} if {_FORWARD} else {{tokenIn}}"),
        pair=expr("''.join(sorted(({tokenIn}, {tokenOut})))"),
    ),
    "LOG_JOIN(address,address,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="caller",
        amounts=expr("({tokenAmountIn},)"),
        tokens=expr("({tokenIn},)"),
    ),
    "LOG_EXIT(address,address,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="caller",
        amounts=expr("(-{tokenAmountOut},)"),
        tokens=expr("({tokenOut},)"),
    ),
    "LOG_NEW_POOL(address,address)": listed("pool"),
}
