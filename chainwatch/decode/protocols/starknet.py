"""Starknet on Ethereum: StarkGate's bridge of tokens, and the messages of the core contract.

Addresses of the other side are 32 bytes. A deposit is told by the bridge and, as a message only, by the core; a message
that arrives here, a withdrawal among them, by its consumption.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import Expr, Mappers, Says, expr, literal, says
from chainwatch.types import BridgeTransfer


def _felt(name: str) -> Expr:
    """A number of the other side as 32 bytes."""
    return expr(f"f'0x{{{{{name}}}:064x}}'")


_NONCE = expr("str({nonce})")
_TO_L2 = says(
    BridgeTransfer,
    direction=literal("out"),
    token=None,
    amount=None,
    sender="fromAddress",
    recipient=_felt("toAddress"),
    message_id=_NONCE,
)


def _bridged() -> Says:
    return says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amount",
        sender="sender",
        recipient=_felt("l2Recipient"),
        message_id=_NONCE,
    )


MAPPERS: Mappers = {
    "Deposit(address,address,uint256,uint256,uint256,uint256)": _bridged(),
    "DepositWithMessage(address,address,uint256,uint256,uint256[],uint256,uint256)": _bridged(),
    "DepositWithMessageReclaimed(address,address,uint256,uint256,uint256[],uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="sender",
        message_id=_NONCE,
    ),
    "SetL2TokenBridge(uint256)": change("l2TokenBridge", _felt("value")),
    "SetMaxTotalBalance(address,uint256)": change("maxTotalBalance", "value", subject="token"),
    "LogMessageToL2(address,uint256,uint256,uint256[],uint256)": _TO_L2,
    "LogMessageToL2(address,uint256,uint256,uint256[],uint256,uint256)": _TO_L2,
    "ConsumedMessageToL1(uint256,address,uint256[])": says(
        BridgeTransfer,
        direction=literal("in"),
        token=None,
        amount=None,
        sender=_felt("fromAddress"),
        recipient="toAddress",
    ),
}
