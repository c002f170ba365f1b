"""Pyth: one contract holds all feeds. A feed is named by the first 20 bytes of its 32-byte id; the answer's decimals
are the feed's exponent, which the event does not tell."""

from chainwatch.decode.protocols.base import Mappers, expr, says
from chainwatch.types import PriceUpdate

_PRICE = says(PriceUpdate, feed=expr("{id}[:42]"), answer="price", updated_at="publishTime")

MAPPERS: Mappers = {
    "PriceFeedUpdate(bytes32,uint64,int64,uint64)": _PRICE,
    "PriceFeedUpdate(bytes32,bool,uint16,uint64,uint64,uint64,int64,uint64)": _PRICE,
}
