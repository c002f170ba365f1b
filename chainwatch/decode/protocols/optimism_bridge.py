"""The bridges and messengers of Optimism and all OP Stack chains, on both layers.

Since Bedrock a bridge writes each transfer twice, first in its old event and then in the new one: the second says
nothing then. Messages that carry it are messages only (no token and no amount), numbered as their contract does. On the
L2, 0xdead…0000 stands for the coin in old events.
"""

from typing import Literal

from chainwatch.decode.protocols.base import Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.types import NATIVE, Address, BridgeTransfer, Event, ParameterChange, PauseChange

_LEGACY_COIN = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"

_last_new: list[Event] = []
"""What a new event said last, if anything: an Event does not show whether an old or a new one said it."""


def _once(direction: Literal["in", "out"], of_coin: bool) -> Mapper:
    """The new event: (local token, remote token,) from, to, amount, data."""

    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        sender, recipient, amount = args[-4:-1]
        said = BridgeTransfer(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="optimism_bridge",
            direction=direction,
            token=NATIVE if of_coin else args[0],
            amount=amount,
            sender=sender,
            recipient=recipient,
        )
        before = events[-1:]
        if before and _same(before[0], said) and not (_last_new and before[0] is _last_new[0]):
            return
        events.append(said)
        _last_new[:] = [said]

    return mapper


def _same(event: Event, said: BridgeTransfer) -> bool:
    """Whether the log just before it was the old event of the same transfer."""
    return (
        isinstance(event, BridgeTransfer)
        and said.log_index is not None
        and event.log_index == said.log_index - 1
        and (event.address, event.direction, event.token) == (said.address, said.direction, said.token)
        and (event.amount, event.sender, event.recipient) == (said.amount, said.sender, said.recipient)
    )


def _moved(direction: Literal["in", "out"], token: str | Expr) -> Says:
    return says(
        BridgeTransfer, direction=literal(direction), token=token, amount="amount", sender="from", recipient="to"
    )


def _message(direction: Literal["in", "out"], number: str | Expr, sender: str | None, recipient: str | None) -> Says:
    return says(
        BridgeTransfer,
        direction=literal(direction),
        token=None,
        amount=None,
        sender=sender,
        recipient=recipient,
        message_id=number,
    )


_COIN = literal(NATIVE)
_L2_TOKEN = expr(f"{NATIVE!r} if {{l2Token}} == {_LEGACY_COIN!r} else {{l2Token}}")

MAPPERS: Mappers = {
    "ETHDepositInitiated(address,address,uint256,bytes)": _moved("out", _COIN),
    "ETHWithdrawalFinalized(address,address,uint256,bytes)": _moved("in", _COIN),
    "ERC20DepositInitiated(address,address,address,address,uint256,bytes)": _moved("out", "l1Token"),
    "ERC20WithdrawalFinalized(address,address,address,address,uint256,bytes)": _moved("in", "l1Token"),
    "WithdrawalInitiated(address,address,address,address,uint256,bytes)": _moved("out", _L2_TOKEN),
    "DepositFinalized(address,address,address,address,uint256,bytes)": _moved("in", _L2_TOKEN),
    "ETHBridgeInitiated(address,address,uint256,bytes)": _once("out", of_coin=True),
    "ETHBridgeFinalized(address,address,uint256,bytes)": _once("in", of_coin=True),
    "ERC20BridgeInitiated(address,address,address,address,uint256,bytes)": _once("out", of_coin=False),
    "ERC20BridgeFinalized(address,address,address,address,uint256,bytes)": _once("in", of_coin=False),
    "SentMessage(address,address,bytes,uint256,uint256)": _message(
        "out", expr("str({messageNonce})"), "sender", "target"
    ),
    "RelayedMessage(bytes32)": _message("in", "msgHash", None, None),
    "TransactionDeposited(address,address,uint256,bytes)": says(
        BridgeTransfer, direction=literal("out"), token=None, amount=None, sender="from", recipient="to"
    ),
    "WithdrawalFinalized(bytes32,bool)": _message("in", "withdrawalHash", None, None),
    "MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)": _message(
        "out", "withdrawalHash", "sender", "target"
    ),
    "OutputsDeleted(uint256,uint256)": says(
        ParameterChange, what=literal("outputs"), before="prevNextOutputIndex", after="newNextOutputIndex"
    ),
    "DisputeGameBlacklisted(address)": says(
        ParameterChange, what=literal("dispute_game_blacklisted"), subject="disputeGame", after=1
    ),
    "RespectedGameTypeSet(uint32,uint64)": says(
        ParameterChange, what=literal("respected_game_type"), after="newGameType"
    ),
    "ImplementationSet(address,uint32)": says(
        ParameterChange, what=literal("dispute_game"), subject=expr("str({gameType})"), after="impl"
    ),
    "Paused(string)": says(PauseChange, paused=True, actor=None, scope="identifier"),
    "Unpaused()": says(PauseChange, paused=False, actor=None),
}
