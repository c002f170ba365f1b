"""Lido: staking of ETH for stETH, its daily rebase, and the withdrawal queue.

The supply index is ETH for 1e27 shares. TransferShares repeats stETH's Transfer in shares and has no mapper. What is
put into the withdrawal queue is stETH, what is claimed from it ETH.
"""

from chainwatch.decode.mappers import change, settings
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import NATIVE, Deposit, IndexUpdate, PauseChange, Withdraw

_ONE = 10**27  # shares

MAPPERS: Mappers = {
    "Submitted(address,uint256,address)": says(Deposit, account="sender", token=literal(NATIVE), amount="amount"),
    "TokenRebased(uint256,uint256,uint256,uint256,uint256,uint256,uint256)": says(
        IndexUpdate,
        market=EMITTER,
        supply_index=expr(f"{_ONE} * {{postTotalEther}} // {{postTotalShares}} if {{postTotalShares}} else None"),
        total_supplied="postTotalEther",
    ),
    "PostTotalShares(uint256,uint256,uint256,uint256)": says(
        IndexUpdate,
        market=EMITTER,
        supply_index=expr(f"{_ONE} * {{postTotalPooledEther}} // {{totalShares}} if {{totalShares}} else None"),
        total_supplied="postTotalPooledEther",
    ),
    "WithdrawalRequested(uint256,address,address,uint256,uint256)": says(
        Deposit, account="owner", token=None, amount="amountOfStETH", shares="amountOfShares"
    ),
    "WithdrawalClaimed(uint256,address,address,uint256)": says(
        Withdraw, account="owner", token=literal(NATIVE), amount="amountOfETH"
    ),
    "StakingPaused()": says(PauseChange, paused=True, actor=None, scope=literal("staking")),
    "StakingResumed()": says(PauseChange, paused=False, actor=None, scope=literal("staking")),
    "Stopped()": says(PauseChange, paused=True, actor=None),
    "Resumed()": says(PauseChange, paused=False, actor=None),
    "Paused(uint256)": says(PauseChange, paused=True, actor=None),
    "BunkerModeEnabled(uint256)": says(PauseChange, paused=True, actor=None, scope=literal("turbo withdrawals")),
    "BunkerModeDisabled()": says(PauseChange, paused=False, actor=None, scope=literal("turbo withdrawals")),
    "StakingLimitSet(uint256,uint256)": settings("lido", maxStakeLimit=0, stakeLimitIncreasePerBlock=1),
    "StakingLimitRemoved()": change("maxStakeLimit"),
    "MaxExternalRatioBPSet(uint256)": change("maxExternalRatioBP", "maxExternalRatioBP"),
    "LidoLocatorSet(address)": change("lidoLocator", "lidoLocator"),
}
