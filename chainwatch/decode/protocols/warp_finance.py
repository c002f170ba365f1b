"""Warp Finance v1: vaults of stable coins and of LP tokens, and WarpControl, which lends.

A vault's own asset is None. Lending is a deposit for wrapped shares; a borrowing is told by WarpControl, with the coin.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, literal, says
from chainwatch.types import Borrow, Deposit, IndexUpdate, InstrumentUpdate, ParameterChange, Repay, Withdraw

MAPPERS: Mappers = {
    "InterestAccrued(uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, borrow_index="borrowIndex", total_borrowed="totalBorrows"
    ),
    "StableCoinLent(address,uint256,uint256)": says(
        Deposit, account="lender", token=None, amount="amountLent", shares="amountOfWarpMinted"
    ),
    "StableCoinWithdraw(address,uint256,uint256)": says(
        Withdraw, account="lender", token=None, amount="amountWithdrawn", shares="amountOfWarpBurnt"
    ),
    "LoanRepayed(address,uint256,uint256,uint256)": says(
        Repay, account="borrower", payer="borrower", token=None, amount="repayAmount"
    ),
    "CollateralProvided(address,uint256)": says(Deposit, account="account", token=None, amount="amount"),
    "CollateralWithdraw(address,uint256)": says(Withdraw, account="account", token=None, amount="amount"),
    "NewBorrow(address,address,uint256)": says(Borrow, account="borrower", token="stableCoin", amount="amountBorrowed"),
    "NewLPVault(address)": says(InstrumentUpdate, instrument="newVault", what=literal("listed")),
    "NewSCVault(address,address)": says(InstrumentUpdate, instrument="newVault", what=literal("listed")),
    "WarpControlChanged(address,address)": says(
        ParameterChange, what=literal("control"), before="oldControl", after="newControl"
    ),
}
