"""Airdrops by Uniswap's MerkleDistributor and its many copies, of one token each."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import RewardClaim

MAPPERS: Mappers = {
    "Claimed(uint256,address,uint256)": says(RewardClaim, account="account", token=None, amount="amount"),
}
