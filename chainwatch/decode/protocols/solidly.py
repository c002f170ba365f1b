"""Solidly and what came from it (Velodrome, Aerodrome, Thena, Ramses …): pairs, gauges, voters and vote escrows.

Pairs of the first kind write Swap and Burn as Uniswap v2 does, those of the second (Velodrome v2, Aerodrome) with the
recipient second; both write Sync in full words. A gauge's token is its pool's. Fees, and claims of fees and rewards,
say nothing in our vocabulary.
"""

from chainwatch.decode.mappers import amount_of_two, change, listed
from chainwatch.decode.protocols.base import AFTER_SYNC, EMITTER, Mappers, expr, says
from chainwatch.decode.protocols.uniswap_v2 import MAPPERS as UNISWAP_V2
from chainwatch.types import Deposit, LiquidityChange, PauseChange, ReservesUpdate, RewardClaim, Swap, Withdraw

_V1_SWAP = "Swap(address,uint256,uint256,uint256,uint256,address)"
_V1_MINT = "Mint(address,uint256,uint256)"
_V1_BURN = "Burn(address,uint256,uint256,address)"

UNSTAKED = says(Withdraw, account="from", token=None, amount="amount")
LOCKED = says(Deposit, account="provider", token=None, amount="value")

MAPPERS: Mappers = {
    _V1_SWAP: UNISWAP_V2[_V1_SWAP],
    _V1_MINT: UNISWAP_V2[_V1_MINT],
    _V1_BURN: UNISWAP_V2[_V1_BURN],
    "Swap(address,address,uint256,uint256,uint256,uint256)": says(
        Swap,
        when=AFTER_SYNC,  # Aave v1 writes the same layout and means a change of rate
        pool=EMITTER,
        sender="sender",
        recipient="to",
        amount0=expr("{amount0In} - {amount0Out}"),
        amount1=expr("{amount1In} - {amount1Out}"),
    ),
    "Burn(address,address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="to", amounts=expr("(-{amount0}, -{amount1})")
    ),
    "Sync(uint256,uint256)": says(ReservesUpdate, pool=EMITTER, reserve0="reserve0", reserve1="reserve1"),
    "PairCreated(address,address,bool,address,uint256)": listed("pair"),
    "PoolCreated(address,address,bool,address,uint256)": listed("pool"),
    "PoolCreated(address,address,int24,address)": listed("pool"),
    "SetCustomFee(address,uint256)": change("fee", "fee", subject="pool"),
    "SetFeeManager(address)": change("feeManager", "feeManager"),
    "SetPauser(address)": change("pauser", "pauser"),
    "SetVoter(address)": change("voter", "voter"),
    "SetPauseState(bool)": says(PauseChange, paused="state", actor=None),
    "Deposit(address,address,uint256)": says(Deposit, account="to", token=None, amount="amount"),
    "Withdraw(address,uint256)": UNSTAKED,
    "Deposit(address,uint256,uint256)": amount_of_two(Deposit, "solidly", second=False),
    "Withdraw(address,uint256,uint256)": amount_of_two(Withdraw, "solidly", second=False),
    "GaugeCreated(address,address,address,address,address)": listed("gauge"),
    "GaugeKilled(address)": says(PauseChange, paused=True, actor=None, scope="gauge"),
    "GaugeRevived(address)": says(PauseChange, paused=False, actor=None, scope="gauge"),
    "Deposit(address,uint256,uint256,uint256,uint8,uint256)": LOCKED,
    "Deposit(address,uint256,uint8,uint256,uint256,uint256)": LOCKED,
    "Withdraw(address,uint256,uint256,uint256)": says(Withdraw, account="provider", token=None, amount="value"),
    "ClaimRewards(address,uint256)": says(RewardClaim, account="from", token=None, amount="amount"),
    "ClaimRewards(address,address,uint256)": says(RewardClaim, account="from", token="reward", amount="amount"),
}
