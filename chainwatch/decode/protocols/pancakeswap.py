"""PancakeSwap: v3 pools (as Uniswap v3, but for Swap and fee settings), StableSwap (as Curve's) and MasterChefs.

What v3 pools share with Uniswap v3 says the same here. A chef's token is its pool's, which the event gives by number; a
deposit in MasterChefV3 is an item of the position manager, and its amount is liquidity.
"""

from chainwatch.decode.mappers import change, settings
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.decode.protocols.curve import ADDED, REMOVED, exchange, removed_one
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.decode.protocols.uniswap_v3 import MAPPERS as UNISWAP_V3
from chainwatch.decode.protocols.uniswap_v3 import flash
from chainwatch.types import Deposit, PauseChange, RewardClaim, Swap, Withdraw

_COINS = ("uint256[2]", "uint256[3]")
_SHARED = (
    "Mint(address,address,int24,int24,uint128,uint256,uint256)",
    "Burn(address,int24,int24,uint128,uint256,uint256)",
    "Initialize(uint160,int24)",
    "PoolCreated(address,address,uint24,int24,address)",
    "IncreaseObservationCardinalityNext(uint16,uint16)",
    "FeeAmountEnabled(uint24,int24)",
)

MAPPERS: Mappers = {
    **{signature: UNISWAP_V3[signature] for signature in _SHARED},
    "Flash(address,address,uint256,uint256,uint256,uint256)": flash("pancakeswap"),
    "OwnerChanged(address,address)": handover("pancakeswap", "owner"),
    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="recipient",
        amount0="amount0",
        amount1="amount1",
        sqrt_price_x96="sqrtPriceX96",
    ),
    # As slot0 holds it: that of token0 in the lower sixteen bits, that of token1 above them.
    "SetFeeProtocol(uint32,uint32,uint32,uint32)": change(
        "feeProtocol",
        expr("{feeProtocol0New} + ({feeProtocol1New} << 16)"),
        expr("{feeProtocol0Old} + ({feeProtocol1Old} << 16)"),
    ),
    "SetLmPoolEvent(address)": change("lmPool", "addr"),
    "SetLmPoolDeployer(address)": change("lmPoolDeployer", "lmPoolDeployer"),
    "TokenExchange(address,uint256,uint256,uint256,uint256)": exchange(),
    **{f"AddLiquidity(address,{coins},{coins},uint256,uint256)": ADDED for coins in _COINS},
    **{f"RemoveLiquidity(address,{coins},{coins},uint256)": REMOVED for coins in _COINS},
    **{f"RemoveLiquidityImbalance(address,{coins},{coins},uint256,uint256)": REMOVED for coins in _COINS},
    "RemoveLiquidityOne(address,uint256,uint256,uint256)": removed_one("index"),
    "NewFee(uint256,uint256)": settings("pancakeswap", fee=0, admin_fee=1),
    "RampA(uint256,uint256,uint256,uint256)": change("A", "new_A", "old_A"),
    "StopRampA(uint256,uint256)": change("A", "A"),
    "Kill()": says(PauseChange, paused=True, actor=None),
    "Unkill()": says(PauseChange, paused=False, actor=None),
    "Deposit(address,uint256,uint256)": says(Deposit, account="user", token=None, amount="amount"),
    "Withdraw(address,uint256,uint256)": says(Withdraw, account="user", token=None, amount="amount"),
    "EmergencyWithdraw(address,uint256,uint256)": says(Withdraw, account="user", token=None, amount="amount"),
    "Deposit(address,uint256,uint256,uint256,int24,int24)": says(
        Deposit, account="from", token=None, amount="liquidity"
    ),
    "SetEmergency(bool)": says(PauseChange, paused="emergency", actor=None, scope=literal("rewards")),
    "NewReceiver(address)": change("receiver", "receiver"),
    "NewOperatorAddress(address)": change("operator", "operator"),
    "NewLMPoolDeployerAddress(address)": change("LMPoolDeployer", "deployer"),
    "UpdateFarmBoostContract(address)": change("farmBoostContract", "farmBoostContract"),
    "NewPeriodDuration(uint256)": change("periodDuration", "periodDuration"),
    "SetPool(uint256,uint256)": change("allocPoint", "allocPoint", subject=expr("str({pid})")),
    "Harvest(address,address,uint256,uint256,uint256)": says(
        RewardClaim, account="sender", token=None, amount="reward"
    ),
}
