"""Hegic: what liquidity providers put in and take out, and what an option paid its holder."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Deposit, Withdraw

MAPPERS: Mappers = {
    "Provide(address,uint256,uint256)": says(
        Deposit, account="account", token=None, amount="amount", shares="writeAmount"
    ),
    "Provide(address,uint256,uint256,bool)": says(Deposit, account="account", token=None, amount="amount"),
    "Withdraw(address,uint256,uint256)": says(
        Withdraw, account="account", token=None, amount="amount", shares="writeAmount"
    ),
    "Paid(uint256,address,uint256)": says(Withdraw, account="account", token=None, amount="amount"),
}

BOUND_ONLY = ("Provide(address,uint256,uint256)", "Paid(uint256,address,uint256)")
