"""WOOFi: trades through WooRouter, as the one who asked for them sees them."""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers

MAPPERS: Mappers = {
    "WooRouterSwap(uint8,address,address,uint256,uint256,address,address,address)": traded(
        "from", sold="fromToken", bought="toToken", sold_amount="fromAmount", bought_amount="toAmount"
    ),
}
