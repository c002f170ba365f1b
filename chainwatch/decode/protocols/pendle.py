"""Pendle v2: markets of principal tokens (PT), yield tokens (YT), standardized yield (SY), vote escrow.

A market's token 0 is PT, token 1 SY; its events count what goes out. The router repeats what markets and tokens say,
and has no mappers. What an SY takes in and gives out is named; PT and YT are made of SY, which the event does not name.
A yield token's Burn has the layout of those of Aave's tokens and of Aerodrome's pools.
"""

from chainwatch.decode.mappers import change, listed
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import Deposit, InstrumentUpdate, LiquidityChange, RewardClaim, Swap, Withdraw

MAPPERS: Mappers = {
    "Swap(address,address,int256,int256,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="caller",
        recipient="receiver",
        amount0=expr("-{netPtOut}"),
        amount1=expr("-{netSyOut}"),
    ),
    "Mint(address,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="receiver",
        amounts=expr("({netPtUsed}, {netSyUsed})"),
        shares="netLpMinted",
    ),
    "Burn(address,address,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="receiverSy",
        amounts=expr("(-{netPtOut}, -{netSyOut})"),
        shares="netLpBurned",
    ),
    "UpdateImpliedRate(uint256,uint256)": says(
        InstrumentUpdate, instrument=EMITTER, what=literal("parameter"), value="lnLastImpliedRate"
    ),
    "CreateNewMarket(address,address,int256,int256,uint256)": listed("market"),
    "CreateYieldContract(address,uint256,address,address)": listed("YT"),
    "SetOverriddenFee(address,address,uint80)": change("lnFeeRateRoot", "lnFeeRateRoot", subject="market"),
    "NewTreasuryAndFeeReserve(address,uint8)": change("treasury", "treasury"),
    "SetTreasury(address)": change("treasury", "treasury"),
    "SetInterestFeeRate(uint256)": change("interestFeeRate", "newInterestFeeRate"),
    "SetRewardFeeRate(uint256)": change("rewardFeeRate", "newRewardFeeRate"),
    "SetExpiryDivisor(uint256)": change("expiryDivisor", "newExpiryDivisor"),
    "Mint(address,address,address,uint256,uint256)": says(
        Deposit, account="receiverPT", token=None, amount="amountSyToMint", shares="amountPYOut"
    ),
    "Burn(address,address,uint256,uint256)": says(
        Withdraw, account="caller", token=None, amount="amountSyOut", shares="amountPYToRedeem"
    ),
    "Deposit(address,address,address,uint256,uint256)": says(
        Deposit, account="receiver", token="tokenIn", amount="amountDeposited", shares="amountSyOut"
    ),
    "Redeem(address,address,address,uint256,uint256)": says(
        Withdraw, account="caller", token="tokenOut", amount="amountTokenOut", shares="amountSyToRedeem"
    ),
    "NewLockPosition(address,uint128,uint128)": says(Deposit, account="user", token=None, amount="amount"),
    "Withdraw(address,uint128)": says(Withdraw, account="user", token=None, amount="amount"),
    "Claimed(address,uint256)": says(RewardClaim, account="user", token=None, amount="amountOut"),
}
