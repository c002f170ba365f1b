"""dYdX Solo: withdraw, call, deposit in one go is its flash loan; the call marks it."""

from chainwatch.decode.protocols.base import Args, Mappers
from chainwatch.types import Address, Deposit, Event, FlashLoan, Withdraw

_PROTOCOL = "dydx"


def _withdraw(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    owner, _number, _market, (delta, _par), _to = args
    events.append(
        Withdraw(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=owner,
            token=None,
            amount=delta[1],
        )
    )


def _deposit(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    owner, _number, _market, (delta, _par), _from = args
    events.append(
        Deposit(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=owner,
            token=None,
            amount=delta[1],
        )
    )


def _call(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """A call after a withdrawal by the same account; the market is a number, so the token is not known."""
    owner, _number, callee = args
    taken = next(
        (e for e in reversed(events) if isinstance(e, Withdraw) and e.address == address and e.account == owner), None
    )
    if taken is not None:
        events.append(
            FlashLoan(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                lender=address,
                borrower=callee,
                token=None,
                amount=taken.amount,
            )
        )


_UPDATE = "((bool,uint256),(bool,uint128))"

MAPPERS: Mappers = {
    f"LogWithdraw(address,uint256,uint256,{_UPDATE},address)": _withdraw,
    f"LogDeposit(address,uint256,uint256,{_UPDATE},address)": _deposit,
    "LogCall(address,uint256,address)": _call,
}
