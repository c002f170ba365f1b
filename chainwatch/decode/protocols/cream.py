"""Cream and Iron Bank: what their markets write beside compound_v2. The cToken is the address, and lends its asset."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.decode.protocols.compound_v2 import change
from chainwatch.types import FlashLoan

MAPPERS: Mappers = {
    "Flashloan(address,uint256,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="receiver", token=None, amount="amount", fee="totalFee"
    ),
    "NewCollateralCap(address,uint256)": change("collateral_cap", "newCap", subject="token"),
}
