"""Compound v2 markets and their forks. The cToken is the address, its underlying the market's own asset."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Borrow, Deposit, Event, Liquidation, Repay, Withdraw

_PROTOCOL = "compound_v2"


def _mint(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    minter, amount, shares = args
    events.append(
        Deposit(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=minter,
            token=None,
            amount=amount,
            shares=shares,
        )
    )


def _redeem(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    redeemer, amount, shares = args
    events.append(
        Withdraw(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=redeemer,
            token=None,
            amount=amount,
            shares=shares,
        )
    )


def _borrow(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    borrower, amount, _account_borrows, _total_borrows = args
    events.append(
        Borrow(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=borrower,
            token=None,
            amount=amount,
        )
    )


def _repay(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    payer, borrower, amount, _account_borrows, _total_borrows = args
    events.append(
        Repay(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=borrower,
            payer=payer,
            token=None,
            amount=amount,
        )
    )


def _liquidate(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The collateral is named by its cToken, and seized in it."""
    liquidator, borrower, repaid, collateral, seized = args
    events.append(
        Liquidation(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            account=borrower,
            liquidator=liquidator,
            debt_token=None,
            collateral_token=collateral,
            repaid=repaid,
            seized=seized,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    (_PROTOCOL, "Mint(address,uint256,uint256)"): _mint,
    (_PROTOCOL, "Redeem(address,uint256,uint256)"): _redeem,
    (_PROTOCOL, "Borrow(address,uint256,uint256,uint256)"): _borrow,
    (_PROTOCOL, "RepayBorrow(address,address,uint256,uint256,uint256)"): _repay,
    (_PROTOCOL, "LiquidateBorrow(address,address,uint256,address,uint256)"): _liquidate,
}
