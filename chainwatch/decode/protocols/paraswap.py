"""ParaSwap (Velora): trades through Augustus version 5, and RFQ orders, which are the taker's. Augustus version 6
writes no event of a swap.
"""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import OrderCancelled

_ROUTED = traded(
    "initiator", sold="srcToken", bought="destToken", sold_amount="srcAmount", bought_amount="receivedAmount"
)

MAPPERS: Mappers = {
    "SwappedV3(bytes16,address,uint256,address,address,address,address,uint256,uint256,uint256)": _ROUTED,
    "BoughtV3(bytes16,address,uint256,address,address,address,address,uint256,uint256,uint256)": _ROUTED,
    "SwappedDirect(bytes16,address,uint256,address,uint8,address,address,address,uint256,uint256,uint256)": _ROUTED,
    "OrderFilled(bytes32,address,address,uint256,address,address,uint256)": traded(
        "taker",
        sold="takerAsset",
        bought="makerAsset",
        sold_amount="takerAmount",
        bought_amount="makerAmount",
        order_id="orderHash",
    ),
    "OrderCancelled(bytes32,address)": says(OrderCancelled, order_id="orderHash", account="maker"),
}
