"""Uniswap v1: an exchange trades its token against the chain's coin, which is amount 0.

The buyer is sender and recipient: the event does not name the recipient of a `…Transfer…` call. A trade of token for
token is one EthPurchase here and one TokenPurchase, bought by this exchange, at the other.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import InstrumentUpdate, LiquidityChange, Swap

MAPPERS: Mappers = {
    "TokenPurchase(address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0="eth_sold",
        amount1=expr("-{tokens_bought}"),
    ),
    "EthPurchase(address,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0=expr("-{eth_bought}"),
        amount1="tokens_sold",
    ),
    "AddLiquidity(address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="provider", amounts=expr("({eth_amount}, {token_amount})")
    ),
    "RemoveLiquidity(address,uint256,uint256)": says(
        LiquidityChange, pool=EMITTER, account="provider", amounts=expr("(-{eth_amount}, -{token_amount})")
    ),
    "NewExchange(address,address)": says(InstrumentUpdate, instrument="exchange", what=literal("listed")),
}
