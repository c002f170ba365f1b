"""Balancer v3: what the Vault writes for all pools, which are named by their address.

A swap's sender is the Vault: its event names nobody. Amounts of liquidity are in the order of the pool's tokens. Wrap
and Unwrap repeat what the wrapped token (ERC-4626) says itself and have no mapper.
"""

from chainwatch.decode.mappers import change, listed
from chainwatch.decode.protocols.balancer_v2 import ordered_trade
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import LiquidityChange, PauseChange, Swap

MAPPERS: Mappers = {
    "Swap(address,address,address,uint256,uint256,uint256,uint256)": says(
        Swap, pool="pool", sender=EMITTER, recipient=EMITTER, **ordered_trade()
    ),
    "LiquidityAdded(address,address,uint8,uint256,uint256[],uint256[])": says(
        LiquidityChange, pool="pool", account="liquidityProvider", amounts="amountsAddedRaw"
    ),
    "LiquidityRemoved(address,address,uint8,uint256,uint256[],uint256[])": says(
        LiquidityChange,
        pool="pool",
        account="liquidityProvider",
        amounts=expr("tuple(-a for a in {amountsRemovedRaw})"),
    ),
    "PoolInitialized(address)": listed("pool"),
    "AuthorizerChanged(address)": change("authorizer", "newAuthorizer"),
    "ProtocolFeeControllerChanged(address)": change("protocolFeeController", "newProtocolFeeController"),
    "SwapFeePercentageChanged(address,uint256)": change("swapFeePercentage", "swapFeePercentage", subject="pool"),
    "AggregateSwapFeePercentageChanged(address,uint256)": change(
        "aggregateSwapFeePercentage", "aggregateSwapFeePercentage", subject="pool"
    ),
    "AggregateYieldFeePercentageChanged(address,uint256)": change(
        "aggregateYieldFeePercentage", "aggregateYieldFeePercentage", subject="pool"
    ),
    "PoolRecoveryModeStateChanged(address,bool)": change("recoveryMode", expr("int({recoveryMode})"), subject="pool"),
    "VaultPausedStateChanged(bool)": says(PauseChange, paused="paused", actor=None),
    "VaultBuffersPausedStateChanged(bool)": says(PauseChange, paused="paused", actor=None, scope=literal("buffers")),
    "PoolPausedStateChanged(address,bool)": says(PauseChange, paused="paused", actor=None, scope="pool"),
    "GlobalProtocolSwapFeePercentageChanged(uint256)": change("protocolSwapFeePercentage", "swapFeePercentage"),
    "GlobalProtocolYieldFeePercentageChanged(uint256)": change("protocolYieldFeePercentage", "yieldFeePercentage"),
    "ProtocolSwapFeePercentageChanged(address,uint256)": change(
        "protocolSwapFeePercentage", "swapFeePercentage", subject="pool"
    ),
    "ProtocolYieldFeePercentageChanged(address,uint256)": change(
        "protocolYieldFeePercentage", "yieldFeePercentage", subject="pool"
    ),
    "PoolCreatorSwapFeePercentageChanged(address,uint256)": change(
        "poolCreatorSwapFeePercentage", "poolCreatorSwapFeePercentage", subject="pool"
    ),
    "PoolCreatorYieldFeePercentageChanged(address,uint256)": change(
        "poolCreatorYieldFeePercentage", "poolCreatorYieldFeePercentage", subject="pool"
    ),
}
