"""Oasis: offers of `pay_gem` for `buy_gem`. A trade is the taker's, who gets of what was offered; LogTrade repeats it.

An instrument is "token/token" in the order of their addresses, a size what is bought or sold of the first.
"""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers, expr, says
from chainwatch.types import OrderCancelled, OrderPlaced

_PAIR = expr("'/'.join(sorted(({pay_gem}, {buy_gem})))")

MAPPERS: Mappers = {
    "LogMake(bytes32,bytes32,address,address,address,uint128,uint128,uint64)": says(
        OrderPlaced,
        instrument=_PAIR,
        account="maker",
        order_id="id",
        size=expr("-{pay_amt} if {pay_gem} < {buy_gem} else {buy_amt}"),
    ),
    "LogTake(bytes32,bytes32,address,address,address,address,uint128,uint128,uint64)": traded(
        "taker", sold="buy_gem", bought="pay_gem", sold_amount="give_amt", bought_amount="take_amt", order_id="id"
    ),
    "LogKill(bytes32,bytes32,address,address,address,uint128,uint128,uint64)": says(
        OrderCancelled, order_id="id", account="maker", instrument=_PAIR
    ),
}
