"""Uniswap v4: trades, liquidity and donations of all pools are written by one PoolManager; a pool is named by its id.

Pools have no address: the first 20 bytes of the id stand in. ModifyLiquidity tells no amounts, so that its `shares`
carry the sign. Claims (ERC-6909) are items whose id is the currency's address.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import (
    ALL_ITEMS,
    Approval,
    InstrumentUpdate,
    LiquidityChange,
    NftTransfer,
    ParameterChange,
    Swap,
)

POOL = expr("{id}[:42]")

MAPPERS: Mappers = {
    # The event counts from the trader's side, we from the pool's.
    "Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)": says(
        Swap,
        pool=POOL,
        sender="sender",
        recipient="sender",
        amount0=expr("-{amount0}"),
        amount1=expr("-{amount1}"),
        sqrt_price_x96="sqrtPriceX96",
    ),
    "ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)": says(
        LiquidityChange, pool=POOL, account="sender", amounts=literal(()), shares="liquidityDelta"
    ),
    "Donate(bytes32,address,uint256,uint256)": says(
        LiquidityChange, pool=POOL, account="sender", amounts=expr("({amount0}, {amount1})"), shares=0
    ),
    "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)": says(
        InstrumentUpdate, instrument=POOL, what=literal("listed"), value="sqrtPriceX96"
    ),
    "ProtocolFeeUpdated(bytes32,uint24)": says(
        ParameterChange, what=literal("protocolFee"), subject=POOL, after="protocolFee"
    ),
    "ProtocolFeeControllerUpdated(address)": says(
        ParameterChange, what=literal("protocolFeeController"), after="protocolFeeController"
    ),
    "Transfer(address,address,address,uint256,uint256)": says(
        NftTransfer, token=EMITTER, sender="from", recipient="to", token_id="id", amount="amount"
    ),
    "Approval(address,address,uint256,uint256)": says(
        Approval, token=EMITTER, owner="owner", spender="spender", amount="amount", token_id="id"
    ),
    "OperatorSet(address,address,bool)": says(
        Approval, token=EMITTER, owner="owner", spender="operator", amount=expr(f"{ALL_ITEMS} if {{approved}} else 0")
    ),
}
