"""Maverick v2: trades of pools of token A and token B."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, says
from chainwatch.types import Swap

_A_IN = "{params}[1]"

MAPPERS: Mappers = {
    "PoolSwap(address,address,(uint256,bool,bool,int32),uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="recipient",
        amount0=expr(f"{{amountIn}} if {_A_IN} else -{{amountOut}}"),
        amount1=expr(f"-{{amountOut}} if {_A_IN} else {{amountIn}}"),
    ),
}
