"""1inch: aggregation routers and the limit order protocol. Filled orders are told by their hash alone, without amounts,
and have no mapper: the tokens' Transfers show them. Routers of version 5 and later write no event of a swap.
"""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import OrderCancelled

ROUTED = traded("sender", sold="srcToken", bought="dstToken", sold_amount="spentAmount", bought_amount="returnAmount")

MAPPERS: Mappers = {
    "Swapped(address,address,address,address,uint256,uint256)": ROUTED,
    "Swapped(address,address,address,address,uint256,uint256,uint256,uint256,uint256,address)": ROUTED,
    "OrderCancelled(bytes32)": says(OrderCancelled, order_id="orderHash"),
    "OrderCanceled(address,bytes32,uint256)": says(OrderCancelled, order_id="orderHash", account="maker"),
}
