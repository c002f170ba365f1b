"""0x: the ExchangeProxy (version 4). Trades are the taker's; the maker traded the other way. The Fill of versions 2 and
3 names its tokens in opaque asset data and has no mapper.
"""

from chainwatch.decode.mappers import change, traded
from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import OrderCancelled, RoleChange, Upgrade

_ORDER = traded(
    "taker",
    sold="takerToken",
    bought="makerToken",
    sold_amount="takerTokenFilledAmount",
    bought_amount="makerTokenFilledAmount",
    order_id="orderHash",
)

MAPPERS: Mappers = {
    "TransformedERC20(address,address,address,uint256,uint256)": traded(
        "taker",
        sold="inputToken",
        bought="outputToken",
        sold_amount="inputTokenAmount",
        bought_amount="outputTokenAmount",
    ),
    "LimitOrderFilled(bytes32,address,address,address,address,address,uint128,uint128,uint128,uint256,bytes32)": _ORDER,
    "RfqOrderFilled(bytes32,address,address,address,address,uint128,uint128,bytes32)": _ORDER,
    "OtcOrderFilled(bytes32,address,address,address,address,uint128,uint128)": _ORDER,
    "OrderCancelled(bytes32,address)": says(OrderCancelled, order_id="orderHash", account="maker"),
    "OrderSignerRegistered(address,address,bool)": says(
        RoleChange, role=literal("order signer"), account="signer", granted="allowed", actor="maker"
    ),
    "ProxyFunctionUpdated(bytes4,address,address)": says(
        Upgrade, implementation="newImpl", what=literal("implementation")
    ),
    "QuoteSignerUpdated(address)": change("quoteSigner", "quoteSigner"),
    "TransformerDeployerUpdated(address)": change("transformerDeployer", "transformerDeployer"),
    "ProtocolFeeMultiplier(uint256,uint256)": change(
        "protocolFeeMultiplier", "updatedProtocolFeeMultiplier", "oldProtocolFeeMultiplier"
    ),
    "ProtocolFeeCollectorAddress(address,address)": change(
        "protocolFeeCollector", "updatedProtocolFeeCollector", "oldProtocolFeeCollector"
    ),
    "AssetProxyRegistered(bytes4,address)": change("assetProxy", "assetProxy", subject="id"),
    "Cancel(address,address,bytes,bytes,address,bytes32)": says(
        OrderCancelled, order_id="orderHash", account="makerAddress"
    ),
    "Cancel(address,address,address,bytes32,bytes,bytes)": says(
        OrderCancelled, order_id="orderHash", account="makerAddress"
    ),
    "ERC721OrderCancelled(address,uint256)": says(OrderCancelled, order_id=expr("str({nonce})"), account="maker"),
    "ERC1155OrderCancelled(address,uint256)": says(OrderCancelled, order_id=expr("str({nonce})"), account="maker"),
}
