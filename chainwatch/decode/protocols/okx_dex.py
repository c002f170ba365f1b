"""OKX DEX: trades through its router, as the sender sees them."""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers

MAPPERS: Mappers = {
    "OrderRecord(address,address,address,uint256,uint256)": traded(
        "sender", sold="fromToken", bought="toToken", sold_amount="fromAmount", bought_amount="returnAmount"
    ),
}
