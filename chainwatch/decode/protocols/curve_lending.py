"""Curve's lending and crvUSD: the AMM in which collateral is sold and bought back softly (LLAMMA), and its Controller.

The AMM's Deposit is of collateral, for the borrower. Amounts of the controller are of the market's own collateral and
debt. Its Repay does not say who paid: the borrower stands for the payer.
"""

from chainwatch.decode.mappers import change, settings
from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.decode.protocols.curve import exchange
from chainwatch.types import Borrow, Deposit, Liquidation, Repay, Withdraw

MAPPERS: Mappers = {
    "TokenExchange(address,uint256,uint256,uint256,uint256)": exchange(),
    "Deposit(address,uint256,int256,int256)": says(Deposit, account="provider", token=None, amount="amount"),
    "Withdraw(address,uint256,uint256)": says(Withdraw, account="provider", token=None, amount="amount_collateral"),
    "Borrow(address,uint256,uint256)": says(Borrow, account="user", token=None, amount="loan_increase"),
    "Repay(address,uint256,uint256)": says(Repay, account="user", payer="user", token=None, amount="loan_decrease"),
    "RemoveCollateral(address,uint256)": says(Withdraw, account="user", token=None, amount="collateral_decrease"),
    "Liquidate(address,address,uint256,uint256,uint256)": says(
        Liquidation,
        account="user",
        liquidator="liquidator",
        debt_token=None,
        collateral_token=None,
        repaid="debt",
        seized="collateral_received",
    ),
    "SetRate(uint256,uint256,uint256)": change("rate", "rate"),
    "SetFee(uint256)": change("fee", "fee"),
    "SetAdminFee(uint256)": change("adminFee", "fee"),
    "SetPriceOracle(address)": change("priceOracle", "price_oracle"),
    "SetMonetaryPolicy(address)": change("monetaryPolicy", "monetary_policy"),
    "SetBorrowingDiscounts(uint256,uint256)": settings("curve_lending", loan_discount=0, liquidation_discount=1),
}
