"""Nomad: messages of Home and Replica, tokens of the BridgeRouter, and the confirmation of roots.

The root that was confirmed by mistake in 2022 was zero: SetConfirmation says which root counts from when on.
"""

from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import BridgeTransfer, ParameterChange

_DOMAIN = 32  # the domain stands above the 32 bits of the nonce

MAPPERS: Mappers = {
    "Send(address,address,uint32,bytes32,uint256,bool)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amount",
        sender="from",
        recipient="toId",
        remote_chain="toDomain",
    ),
    "Receive(uint64,address,address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="recipient",
        remote_chain=expr(f"{{originAndNonce}} >> {_DOMAIN}"),
        message_id=expr("str({originAndNonce})"),
    ),
    "Dispatch(bytes32,uint256,uint64,bytes32,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender=None,
        recipient=None,
        remote_chain=expr(f"{{destinationAndNonce}} >> {_DOMAIN}"),
        message_id="messageHash",
    ),
    "Process(bytes32,bool,bytes)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=None,
        recipient=None,
        message_id="messageHash",
    ),
    "SetConfirmation(bytes32,uint256,uint256)": says(
        ParameterChange,
        what=literal("confirm_at"),
        subject="root",
        before="previousConfirmAt",
        after="newConfirmAt",
    ),
    "SetOptimisticTimeout(uint256)": says(ParameterChange, what=literal("optimistic_timeout"), after="timeout"),
}
