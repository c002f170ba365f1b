"""Our own LendingMarket (contracts/drill). Its FlashLoan has Balancer's layout and is mapped there."""

from collections.abc import Callable

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Borrow, Deposit, Event, Liquidation, Repay, Withdraw

_PROTOCOL = "chainwatch"


def _position(kind: Callable[..., Event]) -> Mapper:
    """Deposit or Withdraw, of the asset or of the collateral: the event does not name which token."""

    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        events.append(
            kind(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                account=args[0],
                token=None,
                amount=args[1],
            )
        )

    return mapper


def _borrow(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    account, amount, price = args
    events.append(
        Borrow(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=account,
            token=None,
            amount=amount,
            collateral_price=price,
        )
    )


def _repay(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    payer, account, amount = args
    events.append(
        Repay(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=account,
            payer=payer,
            token=None,
            amount=amount,
        )
    )


def _liquidation(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    liquidator, account, repaid, seized, _price = args
    events.append(
        Liquidation(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=account,
            liquidator=liquidator,
            debt_token=None,
            collateral_token=None,
            repaid=repaid,
            seized=seized,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    (_PROTOCOL, "Deposit(address,uint256,uint256)"): _position(Deposit),
    (_PROTOCOL, "Withdraw(address,uint256,uint256)"): _position(Withdraw),
    (_PROTOCOL, "CollateralDeposited(address,uint256)"): _position(Deposit),
    (_PROTOCOL, "CollateralWithdrawn(address,uint256)"): _position(Withdraw),
    (_PROTOCOL, "Borrow(address,uint256,uint256)"): _borrow,
    (_PROTOCOL, "Repay(address,address,uint256)"): _repay,
    (_PROTOCOL, "Liquidation(address,address,uint256,uint256,uint256)"): _liquidation,
}
