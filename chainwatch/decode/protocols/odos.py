"""Odos: an aggregator; the pools it uses write their own Swaps. The chain's coin is the zero address."""

from chainwatch.decode.mappers import traded
from chainwatch.decode.protocols.base import Mappers

_SWAP = traded("sender", sold="inputToken", bought="outputToken", sold_amount="inputAmount", bought_amount="amountOut")

MAPPERS: Mappers = {
    "Swap(address,uint256,address,uint256,address,int256,uint32)": _SWAP,
    "Swap(address,uint256,address,uint256,address,int256,uint64,uint64,address)": _SWAP,
}
