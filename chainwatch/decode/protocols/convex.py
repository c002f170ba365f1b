"""Convex: deposits of pool tokens with the Booster, stakes in reward pools (whose events are those of Synthetix staking
rewards, and of their many copies), and locked CVX. A deposit that is staked at once is said by both contracts.
"""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Deposit, RewardClaim, Withdraw

IN = says(Deposit, account="user", token=None, amount="amount")
OUT = says(Withdraw, account="user", token=None, amount="amount")

MAPPERS: Mappers = {
    "Deposited(address,uint256,uint256)": IN,
    "Withdrawn(address,uint256,uint256)": OUT,
    "Staked(address,uint256)": IN,
    "Withdrawn(address,uint256)": OUT,
    "Staked(address,uint256,uint256,uint256)": says(Deposit, account="user", token=None, amount="lockedAmount"),
    "Withdrawn(address,uint256,bool)": OUT,
    "RewardPaid(address,uint256)": says(RewardClaim, account="user", token=None, amount="reward"),
    "RewardPaid(address,address,uint256)": says(RewardClaim, account="user", token="rewardsToken", amount="reward"),
}
