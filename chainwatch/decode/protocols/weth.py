"""Wrapped native coins: WETH9 makes and burns tokens without a Transfer log.

Its Deposit(address,uint256) and Withdrawal(address,uint256) are also the events of many staking contracts,
which make no token. So the mapper writes the Transfer provisionally, and `settle` keeps it only where the
contract is seen to be a wrapper: as much native coin went the other way (call tree, or the transaction's own
value), or, without a call tree, the contract also moves an ERC-20 token of its own. Otherwise the Transfer
becomes what a staking contract means: a Deposit or Withdraw.
"""

from chainwatch.decode.protocols.base import Args, Mappers
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Deposit, Event, Transfer, Withdraw

PROTOCOL = "weth"


def _deposit(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account, amount = args
    _wrap(events, log_index, address, ZERO_ADDRESS, account, amount)


def _withdrawal(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account, amount = args
    _wrap(events, log_index, address, account, ZERO_ADDRESS, amount)


def _wrap(
    events: list[Event], log_index: int, token: Address, sender: Address, recipient: Address, amount: int
) -> None:
    events.append(
        Transfer(
            order=len(events),
            log_index=log_index,
            address=token,
            protocol=PROTOCOL,
            token=token,
            sender=sender,
            recipient=recipient,
            amount=amount,
        )
    )


def settle(events: list[Event], *, has_trace: bool) -> None:
    """Keep each provisional Transfer or turn it, in place, into a Deposit or Withdraw."""
    provisional = [e for e in events if e.protocol == PROTOCOL and isinstance(e, Transfer)]
    if not provisional:
        return
    others = [e for e in events if isinstance(e, Transfer) and e.protocol != PROTOCOL]
    said = {(e.token, e.sender, e.recipient, e.amount) for e in others}
    coins_in = {(e.recipient, e.amount) for e in others if e.token == NATIVE}
    coins_out = {(e.sender, e.amount) for e in others if e.token == NATIVE}
    moving = {e.token for e in others if ZERO_ADDRESS not in (e.sender, e.recipient)}
    for event in provisional:
        made = event.sender == ZERO_ADDRESS
        is_wrapper = (event.token, event.amount) in (coins_in if made else coins_out)
        if not has_trace:
            is_wrapper = is_wrapper or event.token in moving
        # Some forks write the Transfer as well: then it is there already.
        if is_wrapper and (event.token, event.sender, event.recipient, event.amount) not in said:
            continue
        kind = Deposit if made else Withdraw
        events[event.order] = kind(
            order=event.order,
            log_index=event.log_index,
            address=event.address,
            protocol=PROTOCOL,
            account=event.recipient if made else event.sender,
            token=None,
            amount=event.amount,
        )


MAPPERS: Mappers = {
    "Deposit(address,uint256)": _deposit,
    "Withdrawal(address,uint256)": _withdrawal,
}
