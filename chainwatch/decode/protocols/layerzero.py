"""LayerZero: messages of endpoints v1 and v2, and omnichain tokens (OFT), v1 and v2.

`remote_chain` is LayerZero's number (v2: endpoint id). The contract that writes OFTSent is an OFT, which is the token
itself, an adapter of it, or a pool of Stargate: the token is not named (None). An amount received is after fees.
"""

from chainwatch.decode.protocols.base import Args, Mappers, expr, literal, says
from chainwatch.types import Address, BridgeTransfer, Event, ParameterChange


def _packet_sent(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The packet's head: version (1 byte), nonce (8), chain and sender (4, 32), chain and receiver (4, 32), guid."""
    packet = args[0]
    if len(packet) < 2 + 2 * 113:
        return
    events.append(
        BridgeTransfer(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="layerzero",
            direction="out",
            token=None,
            amount=None,
            sender="0x" + packet[52:92],  # the last 20 of the 32 bytes that begin at byte 13
            recipient="0x" + packet[100:164],
            remote_chain=int(packet[92:100], 16),
            message_id="0x" + packet[164:228],
        )
    )


MAPPERS: Mappers = {
    "PacketSent(bytes,bytes,address)": _packet_sent,
    "PacketDelivered((uint32,bytes32,uint64),address)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=expr("{origin}[1]"),
        recipient="receiver",
        remote_chain=expr("{origin}[0]"),
        message_id=expr("str({origin}[2])"),
    ),
    "OFTSent(bytes32,uint32,address,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amountSentLD",
        sender="fromAddress",
        recipient=None,
        remote_chain="dstEid",
        message_id="guid",
    ),
    "OFTReceived(bytes32,uint32,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount="amountReceivedLD",
        sender=None,
        recipient="toAddress",
        remote_chain="srcEid",
        message_id="guid",
    ),
    "SendToChain(uint16,address,bytes,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount="amount",
        sender="from",
        recipient="toAddress",
        remote_chain="dstChainId",
    ),
    "ReceiveFromChain(uint16,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount="amount",
        sender=None,
        recipient="to",
        remote_chain="srcChainId",
    ),
    "PacketReceived(uint16,bytes,address,uint64,bytes32)": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender="srcAddress",
        recipient="dstAddress",
        remote_chain="srcChainId",
        message_id=expr("str({nonce})"),
    ),
    "PeerSet(uint32,bytes32)": says(ParameterChange, what=literal("peer"), subject=expr("str({eid})"), after="peer"),
    "SetTrustedRemote(uint16,bytes)": says(
        ParameterChange, what=literal("trusted_remote"), subject=expr("str({remoteChainId})"), after="path"
    ),
    "SetTrustedRemoteAddress(uint16,bytes)": says(
        ParameterChange, what=literal("trusted_remote"), subject=expr("str({remoteChainId})"), after="remoteAddress"
    ),
    "DelegateSet(address,address)": says(ParameterChange, what=literal("delegate"), subject="sender", after="delegate"),
    "DefaultSendLibrarySet(uint32,address)": says(
        ParameterChange, what=literal("default_send_library"), subject=expr("str({eid})"), after="newLib"
    ),
    "DefaultReceiveLibrarySet(uint32,address)": says(
        ParameterChange, what=literal("default_receive_library"), subject=expr("str({eid})"), after="newLib"
    ),
}
