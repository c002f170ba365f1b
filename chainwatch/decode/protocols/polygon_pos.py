"""Polygon PoS: what predicates lock and release on Ethereum, state sync, and the coin's contract on Polygon.

LogTransfer of 0x…1010 is every movement of the coin, which the call tree tells; it says nothing here. Its Deposit is
coin that came from Ethereum, its Withdraw coin that goes there. A state sync is a message.
"""

from typing import Literal

from chainwatch.decode.protocols.base import Expr, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, BridgeTransfer


def _out(token: str | Expr, sender: str = "depositor", recipient: str | None = "depositReceiver") -> Says:
    return says(
        BridgeTransfer, direction=literal("out"), token=token, amount="amount", sender=sender, recipient=recipient
    )


def _in(token: str | Expr, recipient: str = "exitor") -> Says:
    return says(BridgeTransfer, direction=literal("in"), token=token, amount="amount", sender=None, recipient=recipient)


def _message(direction: Literal["in", "out"], number: str, recipient: str | None) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=None,
        amount=None,
        sender=None,
        recipient=recipient,
        message_id=expr(f"str({{{number}}})"),
    )


_COIN = literal(NATIVE)

MAPPERS: Mappers = {
    "LockedERC20(address,address,address,uint256)": _out("rootToken"),
    "LockedMintableERC20(address,address,address,uint256)": _out("rootToken"),
    "LockedEther(address,address,uint256)": _out(_COIN),
    "ExitedERC20(address,address,uint256)": _in("rootToken"),
    "ExitedMintableERC20(address,address,uint256)": _in("rootToken"),
    "ExitedEther(address,uint256)": _in(_COIN),
    "FxDepositERC20(address,address,address,uint256)": _out("rootToken", recipient="userAddress"),
    "FxWithdrawERC20(address,address,address,uint256)": _in("rootToken", "userAddress"),
    "NewDepositBlock(address,address,uint256,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="token",
        amount="amountOrNFTId",
        sender=None,
        recipient="owner",
        message_id=expr("str({depositBlockId})"),
    ),
    "Withdraw(uint256,address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="token",
        amount="amount",
        sender=None,
        recipient="user",
        message_id=expr("str({exitId})"),
    ),
    "Deposit(address,address,uint256,uint256,uint256)": _in(_COIN, "from"),
    "Withdraw(address,address,uint256,uint256,uint256)": _out(_COIN, "from", None),
    "StateSynced(uint256,address,bytes)": _message("out", "id", "contractAddress"),
    "StateCommitted(uint256,bool)": _message("in", "stateId", None),
}
