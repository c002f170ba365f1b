"""SushiSwap besides its pairs (which are Uniswap v2's and v3's): BentoBox, MasterChef and MiniChef.

BentoBox counts shares of what it holds of each token; LogTransfer moves shares, not tokens, and has no mapper. A chef's
token is its pool's, which the event gives by number only.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import Deposit, FlashLoan, RewardClaim, RoleChange, Withdraw

STAKED = says(Deposit, account="user", token=None, amount="amount")
UNSTAKED = says(Withdraw, account="user", token=None, amount="amount")

MAPPERS: Mappers = {
    "LogDeposit(address,address,address,uint256,uint256)": says(
        Deposit, account="to", token="token", amount="amount", shares="share"
    ),
    "LogWithdraw(address,address,address,uint256,uint256)": says(
        Withdraw, account="from", token="token", amount="amount", shares="share"
    ),
    "LogFlashLoan(address,address,uint256,uint256,address)": says(
        FlashLoan, lender=EMITTER, borrower="borrower", token="token", amount="amount", fee="feeAmount"
    ),
    "LogSetMasterContractApproval(address,address,bool)": says(
        RoleChange, role=literal("master contract"), account="masterContract", granted="approved", actor="user"
    ),
    "LogWhiteListMasterContract(address,bool)": says(
        RoleChange,
        role=literal("whitelisted master contract"),
        account="masterContract",
        granted="approved",
        actor=None,
    ),
    "LogStrategySet(address,address)": change("strategy", "strategy", subject="token"),
    "LogStrategyTargetPercentage(address,uint256)": change(
        "strategyTargetPercentage", "targetPercentage", subject="token"
    ),
    "Deposit(address,uint256,uint256)": STAKED,
    "Withdraw(address,uint256,uint256)": UNSTAKED,
    "EmergencyWithdraw(address,uint256,uint256)": UNSTAKED,
    "Deposit(address,uint256,uint256,address)": says(Deposit, account="to", token=None, amount="amount"),
    "Withdraw(address,uint256,uint256,address)": UNSTAKED,
    "EmergencyWithdraw(address,uint256,uint256,address)": UNSTAKED,
    "LogSetPool(uint256,uint256,address,bool)": change("allocPoint", "allocPoint", subject=expr("str({pid})")),
    "LogSushiPerSecond(uint256)": change("sushiPerSecond", "sushiPerSecond"),
    "Harvest(address,uint256,uint256)": says(RewardClaim, account="user", token=None, amount="amount"),
}
