"""EigenLayer: what its pods take and give in coin, and rewards.

Deposits into strategies and queued withdrawals count shares, not tokens, and say nothing here. An event of a pod is its
owner's.
"""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.types import NATIVE, Deposit, InstrumentUpdate, RewardClaim, Withdraw

_COIN = literal(NATIVE)

MAPPERS: Mappers = {
    "BeaconChainETHDeposited(address,uint256)": says(Deposit, account="podOwner", token=_COIN, amount="amount"),
    "BeaconChainETHWithdrawalCompleted(address,uint256,uint96,address,address,bytes32)": says(
        Withdraw, account="podOwner", token=_COIN, amount="shares"
    ),
    "RewardsClaimed(bytes32,address,address,address,address,uint256)": says(
        RewardClaim, account="earner", token="token", amount="claimedAmount"
    ),
    "StrategyAddedToDepositWhitelist(address)": says(InstrumentUpdate, instrument="strategy", what=literal("listed")),
    "StrategyRemovedFromDepositWhitelist(address)": says(
        InstrumentUpdate, instrument="strategy", what=literal("halted")
    ),
}
