"""Gnosis' Omnibridge and xDai bridge. The xDai bridge is of one token, which its events do not name (None)."""

from typing import Literal

from chainwatch.decode.protocols.base import Mappers, Says, literal, says
from chainwatch.types import BridgeTransfer


def _moved(
    direction: Literal["in", "out"],
    token: str | None = None,
    sender: str | None = None,
    recipient: str | None = "recipient",
    number: str | None = None,
) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=token,
        amount="value",
        sender=sender,
        recipient=recipient,
        message_id=number,
    )


MAPPERS: Mappers = {
    "TokensBridgingInitiated(address,address,uint256,bytes32)": _moved("out", "token", "sender", None, "messageId"),
    "TokensBridged(address,address,uint256,bytes32)": _moved("in", "token", number="messageId"),
    "UserRequestForAffirmation(address,uint256)": _moved("out"),
    "UserRequestForSignature(address,uint256)": _moved("out"),
    "RelayedMessage(address,uint256,bytes32)": _moved("in", number="transactionHash"),
    "AffirmationCompleted(address,uint256,bytes32)": _moved("in", number="transactionHash"),
}
