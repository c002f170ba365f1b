"""Aave v3: positions, liquidations, flash loans and interest. The pool is the address, the reserve the token.

Withdraw and LiquidationCall look alike in v2 and v3, so that those of v2 are read as v3 where nobody says otherwise.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import Borrow, Deposit, FlashLoan, IndexUpdate, Liquidation, Repay, Withdraw

LIQUIDATION = says(
    Liquidation,
    account="user",
    liquidator="liquidator",
    debt_token="debtAsset",
    collateral_token="collateralAsset",
    repaid="debtToCover",
    seized="liquidatedCollateralAmount",
)
WITHDRAW = says(Withdraw, account="user", token="reserve", amount="amount")
BORROW = says(Borrow, account="onBehalfOf", token="reserve", amount="amount")
REPAY = says(Repay, account="user", payer="repayer", token="reserve", amount="amount")
FLASH_LOAN = says(FlashLoan, lender=EMITTER, borrower="target", token="asset", amount="amount", fee="premium")
RESERVE_DATA = says(
    IndexUpdate, market=EMITTER, token="reserve", supply_index="liquidityIndex", borrow_index="variableBorrowIndex"
)

MAPPERS: Mappers = {
    "Supply(address,address,address,uint256,uint16)": says(
        Deposit, account="onBehalfOf", token="reserve", amount="amount"
    ),
    "Withdraw(address,address,address,uint256)": WITHDRAW,
    "Borrow(address,address,address,uint256,uint8,uint256,uint16)": BORROW,
    "Repay(address,address,address,uint256,bool)": REPAY,
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)": LIQUIDATION,
    "FlashLoan(address,address,address,uint256,uint8,uint256,uint16)": FLASH_LOAN,
    "ReserveDataUpdated(address,uint256,uint256,uint256,uint256,uint256)": RESERVE_DATA,
}
