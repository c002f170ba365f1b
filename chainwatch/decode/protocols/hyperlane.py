"""Hyperlane: messages of the Mailbox, and tokens of warp routes, which do not name them (None).

`remote_chain` is Hyperlane's domain.
"""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import BridgeTransfer, ParameterChange

MAPPERS: Mappers = {
    "Dispatch(address,uint32,bytes32,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient="recipient",
        remote_chain="destination",
    ),
    "Process(uint32,bytes32,address)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="sender",
        recipient="recipient",
        remote_chain="origin",
    ),
    "SentTransferRemote(uint32,bytes32,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amountOrId",
        sender=None,
        recipient="recipient",
        remote_chain="destination",
    ),
    "ReceivedTransferRemote(uint32,bytes32,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount="amountOrId",
        sender=None,
        recipient="recipient",
        remote_chain="origin",
    ),
    "DefaultIsmSet(address)": says(ParameterChange, what=literal("default_ism"), after="module"),
    "DefaultHookSet(address)": says(ParameterChange, what=literal("default_hook"), after="hook"),
    "RequiredHookSet(address)": says(ParameterChange, what=literal("required_hook"), after="hook"),
}
