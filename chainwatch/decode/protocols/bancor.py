"""Bancor v2: converters, which trade by their own Conversion. That of BancorNetwork repeats it for each step of a path
and has no mapper. Tokens are ordered by address. NATIVE stands for the chain's coin, as in the event.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import InstrumentUpdate, LiquidityChange, Swap

_FORWARD = "{sourceToken} < {targetToken}"

MAPPERS: Mappers = {
    "Conversion(address,address,address,uint256,uint256,int256)": says(
        Swap,
        pool=EMITTER,
        sender="trader",
        recipient="trader",
        amount0=expr(f"{{sourceAmount}} if {_FORWARD} else -{{targetAmount}}"),
        amount1=expr(f"-{{targetAmount}} if {_FORWARD} else {{sourceAmount}}"),
        token0=expr(f"{{sourceToken}} if {_FORWARD} else {{targetToken}}"),
        token1=expr(f"{{targetToken}} if {_FORWARD} else {{sourceToken}}"),
        pair=expr("''.join(sorted(({sourceToken}, {targetToken})))"),
    ),
    "LiquidityAdded(address,address,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("({amount},)"),
        tokens=expr("({reserveToken},)"),
    ),
    "LiquidityRemoved(address,address,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("(-{amount},)"),
        tokens=expr("({reserveToken},)"),
    ),
    "ConversionFeeUpdate(uint32,uint32)": change("conversionFee", "newFee", "prevFee"),
    "Activation(uint16,address,bool)": says(
        InstrumentUpdate, instrument="anchor", what=expr("'listed' if {activated} else 'halted'")
    ),
    "OwnerUpdate(address,address)": handover("bancor", "owner"),
}
