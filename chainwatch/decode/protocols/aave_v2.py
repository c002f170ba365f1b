"""Aave v2: as v3, with the events that differ. The pool is the address, the reserve the token."""

from chainwatch.decode.protocols.aave_v3 import BORROW, FLASH_LOAN, LIQUIDATION, REPAY, RESERVE_DATA, WITHDRAW
from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Deposit

MAPPERS: Mappers = {
    "Deposit(address,address,address,uint256,uint16)": says(
        Deposit, account="onBehalfOf", token="reserve", amount="amount"
    ),
    "Withdraw(address,address,address,uint256)": WITHDRAW,
    "Borrow(address,address,address,uint256,uint256,uint256,uint16)": BORROW,
    "Repay(address,address,address,uint256)": REPAY,
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)": LIQUIDATION,
    "FlashLoan(address,address,address,uint256,uint256,uint16)": FLASH_LOAN,
    "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)": RESERVE_DATA,
}
