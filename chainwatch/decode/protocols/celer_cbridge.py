"""Celer's cBridge v2, the pool-based bridge: transfers out and in, withdrawals, liquidity."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import BridgeTransfer, LiquidityChange

MAPPERS: Mappers = {
    "Send(bytes32,address,address,address,uint256,uint64,uint64,uint32)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amount",
        sender="sender",
        recipient="receiver",
        remote_chain="dstChainId",
        message_id="transferId",
    ),
    "Relay(bytes32,address,address,address,uint256,uint64,bytes32)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender="sender",
        recipient="receiver",
        remote_chain="srcChainId",
        message_id="srcTransferId",
    ),
    "WithdrawDone(bytes32,uint64,address,address,uint256,bytes32)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="receiver",
        message_id="refid",
    ),
    "LiquidityAdded(uint64,address,address,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("({amount},)"),
        tokens=expr("({token},)"),
    ),
}
