"""Compound v2 markets and their forks. The cToken is the address, its underlying the market's own asset."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import Borrow, Deposit, IndexUpdate, Liquidation, Repay, Withdraw

MAPPERS: Mappers = {
    "Mint(address,uint256,uint256)": says(
        Deposit, account="minter", token=None, amount="mintAmount", shares="mintTokens"
    ),
    "Redeem(address,uint256,uint256)": says(
        Withdraw, account="redeemer", token=None, amount="redeemAmount", shares="redeemTokens"
    ),
    "Borrow(address,uint256,uint256,uint256)": says(Borrow, account="borrower", token=None, amount="borrowAmount"),
    "RepayBorrow(address,address,uint256,uint256,uint256)": says(
        Repay, account="borrower", payer="payer", token=None, amount="repayAmount"
    ),
    # The collateral is named by its cToken, and seized in it.
    "LiquidateBorrow(address,address,uint256,address,uint256)": says(
        Liquidation,
        account="borrower",
        liquidator="liquidator",
        debt_token=None,
        collateral_token="cTokenCollateral",
        repaid="repayAmount",
        seized="seizeTokens",
    ),
    "AccrueInterest(uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, borrow_index="borrowIndex", total_borrowed="totalBorrows"
    ),
}
