"""Stargate v1 pools, and pools of v2 (their OFTSent and OFTReceived are in `layerzero`).

Amounts of v1 are in shared decimals (6 for most tokens), not in the token's own. A transfer out is what arrives there,
reward included. `remote_chain` is LayerZero's number.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import BridgeTransfer, LiquidityChange, PauseChange

MAPPERS: Mappers = {
    "Swap(uint16,uint256,address,uint256,uint256,uint256,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=expr("{amountSD} + {eqReward}"),
        sender="from",
        recipient=None,
        remote_chain="chainId",
    ),
    "SwapRemote(address,uint256,uint256,uint256)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="amountSD", sender=None, recipient="to"
    ),
    "RedeemLocalCallback(address,uint256,uint256)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="_amountSD", sender=None, recipient="_to"
    ),
    "Burn(address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="from", amounts=expr("(-{amountSD},)"), shares="amountLP"
    ),
    "StopSwapUpdated(bool)": says(PauseChange, paused="swapStop", actor=None, scope=literal("swap")),
    "PauseSet(bool)": says(PauseChange, paused="paused", actor=None),
    "Deposited(address,address,uint256)": says(
        LiquidityChange, pool=EMITTER, account="receiver", amounts=expr("({amountLD},)")
    ),
    "Redeemed(address,address,uint256)": says(
        LiquidityChange, pool=EMITTER, account="payer", amounts=expr("(-{amountLD},)")
    ),
    "UnreceivedTokenCached(bytes32,uint8,uint32,address,uint256,bytes)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=None,
        recipient="receiver",
        remote_chain="srcEid",
        message_id="guid",
    ),
}
