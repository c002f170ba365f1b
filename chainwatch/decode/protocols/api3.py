"""API3: one contract holds all feeds, each a beacon or a set of them, named by the first 20 bytes of its 32-byte id.
Answers have 18 decimals. An OEV update is told by the beacon for the one proxy that bought it."""

from chainwatch.decode.protocols.base import Mappers, Says, expr, literal, says
from chainwatch.types import ParameterChange, PriceUpdate


def _price(feed: str, answer: str = "value", at: str = "timestamp") -> Says:
    return says(PriceUpdate, feed=expr(f"{{{feed}}}[:42]"), answer=answer, updated_at=at)


MAPPERS: Mappers = {
    "UpdatedBeaconWithSignedData(bytes32,int224,uint32)": _price("beaconId"),
    "UpdatedBeaconSetWithBeacons(bytes32,int224,uint32)": _price("beaconSetId"),
    "UpdatedOevProxyBeaconWithSignedData(bytes32,address,bytes32,int224,uint32)": _price("proxy"),
    "UpdatedOevProxyBeaconSetWithSignedData(bytes32,address,bytes32,int224,uint32)": _price("proxy"),
    "UpdatedDappOevDataFeed(uint256,address,bytes32,int224,uint32)": _price(
        "dataFeedId", "updatedValue", "updatedTimestamp"
    ),
    "SetDapiName(bytes32,bytes32,address)": says(
        ParameterChange, what=literal("dapi_name"), subject="dapiName", after="dataFeedId"
    ),
}
