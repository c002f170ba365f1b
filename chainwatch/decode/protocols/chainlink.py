"""Chainlink: prices, and which aggregator and which oracles stand behind them.

The emitter of AnswerUpdated is the aggregator behind a feed's proxy, not the proxy. Off-chain-reporting aggregators
write NewTransmission first and AnswerUpdated with the same answer after it: the latter is the price.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import ParameterChange, PriceUpdate, RoleChange

_CONFIG = says(ParameterChange, what=literal("oracle_config"), after="configCount")

MAPPERS: Mappers = {
    "AnswerUpdated(int256,uint256,uint256)": says(PriceUpdate, feed=EMITTER, answer="current", updated_at="updatedAt"),
    "ConfigSet(uint32,uint64,address[],address[],uint8,uint64,bytes)": _CONFIG,
    "ConfigSet(uint32,bytes32,uint64,address[],address[],uint8,bytes,uint64,bytes)": _CONFIG,
    "AggregatorProposed(address,address)": says(
        ParameterChange, what=literal("proposed_price_source"), before="current", after="proposed"
    ),
    "AggregatorConfirmed(address,address)": says(
        ParameterChange, what=literal("price_source"), before="previous", after="latest"
    ),
    "FeedProposed(address,address,address,address,address)": says(
        ParameterChange,
        what=literal("proposed_price_source"),
        subject=expr("{asset} + ' ' + {denomination}"),
        before="currentAggregator",
        after="proposedAggregator",
    ),
    "FeedConfirmed(address,address,address,address,uint16,address)": says(
        ParameterChange,
        what=literal("price_source"),
        subject=expr("{asset} + ' ' + {denomination}"),
        before="previousAggregator",
        after="latestAggregator",
    ),
    "OraclePermissionsUpdated(address,bool)": says(
        RoleChange, role=literal("oracle"), account="oracle", granted="whitelisted", actor=None
    ),
    "ValidatorUpdated(address,address)": says(
        ParameterChange, what=literal("validator"), before="previous", after="current"
    ),
    "ValidatorConfigSet(address,uint32,address,uint32)": says(
        ParameterChange, what=literal("validator"), before="previousValidator", after="currentValidator"
    ),
    "OwnershipTransferRequested(address,address)": says(
        ParameterChange, what=literal("pending_owner"), before="from", after="to"
    ),
}
