"""Ronin's gateways on Ethereum, of 2021 and of 2022. Amounts of an ERC-721 are its number, or none."""

from typing import Literal

from chainwatch.decode.protocols.base import Args, Mapper, Mappers, expr, literal, says
from chainwatch.types import Address, BridgeTransfer, Event

_ERC20 = 0


def _receipt(direction: Literal["in", "out"]) -> Mapper:
    """Both sides of a receipt hold owner, token and chain; the main chain is this one."""

    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        receipt_hash, (_id, _kind, here, there, (standard, _token_id, quantity)) = args
        sender, recipient = (here, there) if direction == "out" else (there, here)
        events.append(
            BridgeTransfer(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol="ronin_bridge",
                direction=direction,
                token=here[1],
                amount=quantity if standard == _ERC20 else None,
                sender=sender[0],
                recipient=recipient[0],
                remote_chain=there[2],
                message_id=receipt_hash,
            )
        )

    return mapper


_OWNER = "(address,address,uint256)"
_RECEIPT = f"(uint256,uint8,{_OWNER},{_OWNER},(uint8,uint256,uint256))"

MAPPERS: Mappers = {
    f"DepositRequested(bytes32,{_RECEIPT})": _receipt("out"),
    f"Withdrew(bytes32,{_RECEIPT})": _receipt("in"),
    "TokenDeposited(uint256,address,address,address,uint32,uint256)": says(
        BridgeTransfer,
        direction=literal("out"),
        token="tokenAddress",
        amount="tokenNumber",
        sender="owner",
        recipient="sidechainAddress",
        message_id=expr("str({depositId})"),
    ),
    "TokenWithdrew(uint256,address,address,uint256)": says(
        BridgeTransfer,
        direction=literal("in"),
        token="tokenAddress",
        amount="tokenNumber",
        sender=None,
        recipient="owner",
        message_id=expr("str({withdrawId})"),
    ),
}
