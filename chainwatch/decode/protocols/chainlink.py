"""Chainlink aggregators: AnswerUpdated. The emitter is the aggregator behind a feed's proxy, not the proxy."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import PriceUpdate

MAPPERS: Mappers = {
    "AnswerUpdated(int256,uint256,uint256)": says(PriceUpdate, feed=EMITTER, answer="current", updated_at="updatedAt"),
}
