"""CoW Protocol: trades of users' orders in batches that a solver settles. What the settlement does with pools shows in
theirs; it calls each by an Interaction. Amounts are as the order's owner sees them.
"""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import OrderCancelled, RoleChange

MAPPERS: Mappers = {
    "Trade(address,address,address,uint256,uint256,uint256,bytes)": traded(
        "owner",
        sold="sellToken",
        bought="buyToken",
        sold_amount="sellAmount",
        bought_amount="buyAmount",
        fee="feeAmount",
        order_id="orderUid",
    ),
    "OrderInvalidated(address,bytes)": says(OrderCancelled, order_id="orderUid", account="owner"),
    "OrderInvalidation(bytes)": says(OrderCancelled, order_id="orderUid"),
    "SolverAdded(address)": says(RoleChange, role=literal("solver"), account="solver", granted=True, actor=None),
    "SolverRemoved(address)": says(RoleChange, role=literal("solver"), account="solver", granted=False, actor=None),
}
