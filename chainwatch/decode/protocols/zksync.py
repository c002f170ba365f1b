"""ZKsync Era and Lite: requests to the L2, withdrawals, and the shared bridge of the ZK Stack's chains.

A priority request is a message: its value is in the chain's coin, which the bridge's own event tells.
"""

from typing import Literal

from chainwatch.decode.protocols.base import Expr, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, BridgeTransfer


def _moved(
    direction: Literal["in", "out"],
    token: str | Expr,
    sender: str | None,
    recipient: str | None,
    chain: str | None = None,
    number: str | None = None,
) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=token,
        amount="amount",
        sender=sender,
        recipient=recipient,
        remote_chain=chain,
        message_id=number,
    )


_COIN = literal(NATIVE)

MAPPERS: Mappers = {
    "NewPriorityRequest(uint256,bytes32,uint64,(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256[4],bytes,bytes,uint256[],bytes,bytes),bytes[])": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender=expr("'0x%040x' % ({transaction}[1] % 2**160)"),
        recipient=expr("'0x%040x' % ({transaction}[2] % 2**160)"),
        message_id="txHash",
    ),
    "EthWithdrawalFinalized(address,uint256)": _moved("in", _COIN, None, "to"),
    "BridgehubDepositBaseTokenInitiated(uint256,address,address,uint256)": _moved(
        "out", "l1Token", "from", None, "chainId"
    ),
    "BridgehubDepositInitiated(uint256,bytes32,address,address,address,uint256)": _moved(
        "out", "l1Token", "from", "to", "chainId", "txDataHash"
    ),
    "WithdrawalFinalizedSharedBridge(uint256,address,address,uint256)": _moved("in", "l1Token", None, "to", "chainId"),
    "DepositInitiated(bytes32,address,address,address,uint256)": _moved(
        "out", "l1Token", "from", "to", number="l2DepositTxHash"
    ),
    "WithdrawalFinalized(address,address,uint256)": _moved("in", "l1Token", None, "to"),
    "Withdrawal(address,address,uint256)": _moved("out", _COIN, "l2Sender", "l1Receiver"),
    "FinalizeDeposit(address,address,address,uint256)": _moved("in", "l2Token", "l1Sender", "l2Receiver"),
    "WithdrawalInitiated(address,address,address,uint256)": _moved("out", "l2Token", "l2Sender", "l1Receiver"),
    "NewPriorityRequest(address,uint64,uint8,bytes,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient=None,
        message_id=expr("str({serialId})"),
    ),
    "Withdrawal(address,uint16,uint128)": says(
        BridgeTransfer, direction=literal("in"), token=None, amount="amount", sender=None, recipient="owner"
    ),
}
