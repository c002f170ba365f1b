"""Multichain (Anyswap): routers v3 to v7, and its own ERC-20. The token is the any-token that wraps the underlying.

A message is the other chain's transaction (v3 to v6) or swap number (v7).
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, literal, says
from chainwatch.types import BridgeTransfer, RoleChange

_SENT = says(
    BridgeTransfer,
    direction=literal("out"),
    token="token",
    amount="amount",
    sender="from",
    recipient="to",
    remote_chain="toChainID",
)

MAPPERS: Mappers = {
    "LogAnySwapOut(address,address,address,uint256,uint256,uint256)": _SENT,
    "LogAnySwapOut(address,address,string,uint256,uint256,uint256)": _SENT,
    "LogAnySwapOut(bytes32,address,address,string,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amount",
        sender="from",
        recipient="receiver",
        remote_chain="toChainID",
        message_id="swapoutID",
    ),
    "LogAnySwapIn(bytes32,address,address,uint256,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="to",
        remote_chain="fromChainID",
        message_id="txhash",
    ),
    "LogAnySwapIn(string,bytes32,address,address,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="receiver",
        remote_chain="fromChainID",
        message_id="swapoutID",
    ),
    "LogSwapin(bytes32,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=EMITTER,
        amount="amount",
        sender=None,
        recipient="account",
        message_id="txhash",
    ),
    "LogSwapout(address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=EMITTER,
        amount="amount",
        sender="account",
        recipient="bindaddr",
    ),
    "LogChangeMPC(address,address,uint256,uint256)": says(
        RoleChange, role=literal("mpc"), account="newMPC", granted=True, actor=None
    ),
}
