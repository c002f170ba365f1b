"""Aave: positions of v3 and v2, flash loans of v3, v2 and v1. The pool is the address, the reserve the token.

Withdraw and LiquidationCall look alike in v2 and v3, so those of v2 are read as v3.
"""

from collections.abc import Callable

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Borrow, Deposit, Event, FlashLoan, Liquidation, Repay, Withdraw


def _supply(protocol: str) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        reserve, _user, on_behalf_of, amount, _referral = args
        events.append(
            Deposit(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=on_behalf_of,
                token=reserve,
                amount=amount,
            )
        )

    return mapper


def _withdraw(protocol: str) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        reserve, user, _to, amount = args
        events.append(
            Withdraw(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=user,
                token=reserve,
                amount=amount,
            )
        )

    return mapper


def _borrow(protocol: str) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        reserve, _user, on_behalf_of, amount, *_terms = args
        events.append(
            Borrow(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=on_behalf_of,
                token=reserve,
                amount=amount,
            )
        )

    return mapper


def _repay(protocol: str) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        reserve, user, repayer, amount, *_terms = args
        events.append(
            Repay(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=user,
                payer=repayer,
                token=reserve,
                amount=amount,
            )
        )

    return mapper


def _liquidation(protocol: str) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        collateral, debt, user, repaid, seized, liquidator, _receive_a_token = args
        events.append(
            Liquidation(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                account=user,
                liquidator=liquidator,
                debt_token=debt,
                collateral_token=collateral,
                repaid=repaid,
                seized=seized,
            )
        )

    return mapper


def _flash_loan(protocol: str, pick: Callable[[Args], tuple[Address, Address, int, int]]) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        target, asset, amount, fee = pick(args)
        events.append(
            FlashLoan(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                lender=address,
                borrower=target,
                token=asset,
                amount=amount,
                fee=fee,
            )
        )

    return mapper


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("aave_v3", "Supply(address,address,address,uint256,uint16)"): _supply("aave_v3"),
    ("aave_v3", "Withdraw(address,address,address,uint256)"): _withdraw("aave_v3"),
    ("aave_v3", "Borrow(address,address,address,uint256,uint8,uint256,uint16)"): _borrow("aave_v3"),
    ("aave_v3", "Repay(address,address,address,uint256,bool)"): _repay("aave_v3"),
    ("aave_v3", "LiquidationCall(address,address,address,uint256,uint256,address,bool)"): _liquidation("aave_v3"),
    # target, initiator, asset, amount, interestRateMode, premium, referralCode
    ("aave_v3", "FlashLoan(address,address,address,uint256,uint8,uint256,uint16)"): _flash_loan(
        "aave_v3", lambda a: (a[0], a[2], a[3], a[5])
    ),
    ("aave_v2", "Deposit(address,address,address,uint256,uint16)"): _supply("aave_v2"),
    ("aave_v2", "Borrow(address,address,address,uint256,uint256,uint256,uint16)"): _borrow("aave_v2"),
    ("aave_v2", "Repay(address,address,address,uint256)"): _repay("aave_v2"),
    # target, initiator, asset, amount, premium, referralCode
    ("aave_v2", "FlashLoan(address,address,address,uint256,uint256,uint16)"): _flash_loan(
        "aave_v2", lambda a: (a[0], a[2], a[3], a[4])
    ),
    # target, reserve, amount, totalFee, protocolFee, timestamp
    ("aave_v1", "FlashLoan(address,address,uint256,uint256,uint256,uint256)"): _flash_loan(
        "aave_v1", lambda a: (a[0], a[1], a[2], a[3])
    ),
}
