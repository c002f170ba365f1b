"""Aave v1: flash loans."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import FlashLoan

MAPPERS: Mappers = {
    "FlashLoan(address,address,uint256,uint256,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="target", token="reserve", amount="amount", fee="totalFee"
    ),
}
