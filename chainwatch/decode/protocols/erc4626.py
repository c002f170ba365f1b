"""ERC-4626 vaults: Deposit and Withdraw, in the vault's own asset, with the shares made or burnt."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Deposit, Withdraw

MAPPERS: Mappers = {
    "Deposit(address,address,uint256,uint256)": says(
        Deposit, account="owner", token=None, amount="assets", shares="shares"
    ),
    "Withdraw(address,address,address,uint256,uint256)": says(
        Withdraw, account="owner", token=None, amount="assets", shares="shares"
    ),
}
