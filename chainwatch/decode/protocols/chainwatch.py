"""Our own LendingMarket (contracts/drill). Its FlashLoan has Balancer's layout and is mapped there."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Borrow, Deposit, Liquidation, Repay, Withdraw

# A position's event does not name which token, asset or collateral.
MAPPERS: Mappers = {
    "Deposit(address,uint256,uint256)": says(Deposit, account="account", token=None, amount="amount"),
    "Withdraw(address,uint256,uint256)": says(Withdraw, account="account", token=None, amount="amount"),
    "CollateralDeposited(address,uint256)": says(Deposit, account="account", token=None, amount="amount"),
    "CollateralWithdrawn(address,uint256)": says(Withdraw, account="account", token=None, amount="amount"),
    "Borrow(address,uint256,uint256)": says(
        Borrow, account="account", token=None, amount="amount", collateral_price="collateralPrice"
    ),
    "Repay(address,address,uint256)": says(Repay, account="account", payer="payer", token=None, amount="amount"),
    "Liquidation(address,address,uint256,uint256,uint256)": says(
        Liquidation,
        account="account",
        liquidator="liquidator",
        debt_token=None,
        collateral_token=None,
        repaid="repaid",
        seized="collateralSeized",
    ),
}
