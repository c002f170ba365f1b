"""RedStone's push adapters: a feed is named by the first 20 bytes of its 32-byte id (its symbol in ASCII), since one
adapter writes many. `updatedAt` is in seconds, answers have eight decimals as a rule."""

from chainwatch.decode.protocols.base import Mappers, expr, says
from chainwatch.types import PriceUpdate

MAPPERS: Mappers = {
    "ValueUpdate(uint256,bytes32,uint256)": says(
        PriceUpdate, feed=expr("{dataFeedId}[:42]"), answer="value", updated_at="updatedAt"
    ),
}
