"""Scroll's gateways on both layers, and its messages."""

from typing import Literal

from chainwatch.decode.protocols.base import Expr, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, BridgeTransfer


def _moved(direction: Literal["in", "out"], token: str | Expr) -> Says:
    return says(
        BridgeTransfer, direction=literal(direction), token=token, amount="amount", sender="from", recipient="to"
    )


_COIN = literal(NATIVE)

MAPPERS: Mappers = {
    "DepositETH(address,address,uint256,bytes)": _moved("out", _COIN),
    "FinalizeWithdrawETH(address,address,uint256,bytes)": _moved("in", _COIN),
    "DepositERC20(address,address,address,address,uint256,bytes)": _moved("out", "l1Token"),
    "FinalizeWithdrawERC20(address,address,address,address,uint256,bytes)": _moved("in", "l1Token"),
    "WithdrawETH(address,address,uint256,bytes)": _moved("out", _COIN),
    "FinalizeDepositETH(address,address,uint256,bytes)": _moved("in", _COIN),
    "WithdrawERC20(address,address,address,address,uint256,bytes)": _moved("out", "l2Token"),
    "FinalizeDepositERC20(address,address,address,address,uint256,bytes)": _moved("in", "l2Token"),
    "SentMessage(address,address,uint256,uint256,uint256,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient="target",
        message_id=expr("str({messageNonce})"),
    ),
    "QueueTransaction(address,address,uint256,uint64,uint256,bytes)": says(
        BridgeTransfer,
        direction=literal("out"),
        token=None,
        amount=None,
        sender="sender",
        recipient="target",
        message_id=expr("str({queueIndex})"),
    ),
}
