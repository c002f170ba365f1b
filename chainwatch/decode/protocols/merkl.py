"""Merkl: rewards that a user claims."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import RewardClaim

MAPPERS: Mappers = {
    "Claimed(address,address,uint256)": says(RewardClaim, account="user", token="token", amount="amount"),
}

BOUND_ONLY = ("Claimed(address,address,uint256)",)  # others say the token first
