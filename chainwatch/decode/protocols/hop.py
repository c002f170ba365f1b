"""Hop v1 bridges. A bridge is of one token, which its events do not name (None).

A bonded withdrawal is paid by a bonder ahead of its root; its recipient is in the Transfers around it.
"""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import BridgeTransfer, RoleChange

_OUT, _IN = literal("out"), literal("in")

MAPPERS: Mappers = {
    "TransferSentToL2(uint256,address,uint256,uint256,uint256,address,uint256)": says(
        BridgeTransfer,
        direction=_OUT,
        token=None,
        amount="amount",
        sender=None,
        recipient="recipient",
        remote_chain="chainId",
    ),
    "TransferSent(bytes32,uint256,address,uint256,bytes32,uint256,uint256,uint256,uint256)": says(
        BridgeTransfer,
        direction=_OUT,
        token=None,
        amount="amount",
        sender=None,
        recipient="recipient",
        remote_chain="chainId",
        message_id="transferId",
    ),
    "CCTPTransferSent(uint64,uint256,address,uint256,uint256)": says(
        BridgeTransfer,
        direction=_OUT,
        token=None,
        amount=None,
        sender=None,
        recipient="recipient",
        remote_chain="chainId",
    ),
    "TransferFromL1Completed(address,uint256,uint256,uint256,address,uint256)": says(
        BridgeTransfer,
        direction=_IN,
        token=None,
        amount="amount",
        sender=None,
        recipient="recipient",
        remote_chain=1,
    ),
    "WithdrawalBonded(bytes32,uint256)": says(
        BridgeTransfer,
        direction=_IN,
        token=None,
        amount="amount",
        sender=None,
        recipient=None,
        message_id="transferId",
    ),
    "Withdrew(bytes32,address,uint256,bytes32)": says(
        BridgeTransfer,
        direction=_IN,
        token=None,
        amount="amount",
        sender=None,
        recipient="recipient",
        message_id="transferId",
    ),
    "BonderAdded(address)": says(RoleChange, role=literal("bonder"), account="newBonder", granted=True, actor=None),
    "BonderRemoved(address)": says(
        RoleChange, role=literal("bonder"), account="previousBonder", granted=False, actor=None
    ),
}
