"""KyberSwap: DMM ("classic") and Elastic pools, the aggregator, and the proxy of the former KyberNetwork.

Elastic pools write what Uniswap v3 does. A DMM pool prices by virtual reserves, which are what its Sync says first
and what is said here.
"""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.decode.protocols.one_inch import ROUTED
from chainwatch.decode.protocols.uniswap_v2 import MAPPERS as UNISWAP_V2
from chainwatch.decode.protocols.uniswap_v3 import flash
from chainwatch.types import InstrumentUpdate, LiquidityChange, ReservesUpdate, Swap

_KYBER_NETWORK = traded(
    "trader", sold="src", bought="dest", sold_amount="actualSrcAmount", bought_amount="actualDestAmount"
)

MAPPERS: Mappers = {
    **{s: UNISWAP_V2[s] for s in ("Mint(address,uint256,uint256)", "Burn(address,uint256,uint256,address)")},
    "Swap(address,uint256,uint256,uint256,uint256,address,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="to",
        amount0=expr("{amount0In} - {amount0Out}"),
        amount1=expr("{amount1In} - {amount1Out}"),
    ),
    "Sync(uint256,uint256,uint256,uint256)": says(
        ReservesUpdate, pool=EMITTER, reserve0="vReserve0", reserve1="vReserve1"
    ),
    "Initialize(uint160,int24)": says(InstrumentUpdate, instrument=EMITTER, what=literal("listed"), value="sqrtP"),
    "Swap(address,address,int256,int256,uint160,uint128,int24)": says(
        Swap,
        pool=EMITTER,
        sender="sender",
        recipient="recipient",
        amount0="deltaQty0",
        amount1="deltaQty1",
        sqrt_price_x96="sqrtP",
    ),
    "Mint(address,address,int24,int24,uint128,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="owner", amounts=expr("({qty0}, {qty1})"), shares="qty"
    ),
    "Burn(address,int24,int24,uint128,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="owner", amounts=expr("(-{qty0}, -{qty1})"), shares="qty"
    ),
    "BurnRTokens(address,uint256,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="owner", amounts=expr("(-{qty0}, -{qty1})")
    ),
    "Flash(address,address,uint256,uint256,uint256,uint256)": flash("kyber"),
    "Swapped(address,address,address,address,uint256,uint256)": ROUTED,
    "ExecuteTrade(address,address,address,uint256,uint256)": _KYBER_NETWORK,
    "ExecuteTrade(address,address,address,address,uint256,uint256,address,uint256)": _KYBER_NETWORK,
}
