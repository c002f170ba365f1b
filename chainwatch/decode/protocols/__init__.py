"""Protocol mappers, one small file each, by (folder under `abi/`, event signature)."""

from collections.abc import Mapping

from chainwatch.decode.protocols import (
    aave,
    balancer_v2,
    chainlink,
    chainwatch,
    compound_v2,
    dydx,
    erc20,
    erc4626,
    openzeppelin,
    uniswap_v2,
    uniswap_v3,
    uniswap_v4,
    weth,
)
from chainwatch.decode.protocols.base import Args, Mapper

MAPPERS: Mapping[tuple[str, str], Mapper] = {
    **aave.MAPPERS,
    **balancer_v2.MAPPERS,
    **chainlink.MAPPERS,
    **chainwatch.MAPPERS,
    **compound_v2.MAPPERS,
    **dydx.MAPPERS,
    **erc20.MAPPERS,
    **erc4626.MAPPERS,
    **openzeppelin.MAPPERS,
    **uniswap_v2.MAPPERS,
    **uniswap_v3.MAPPERS,
    **uniswap_v4.MAPPERS,
    **weth.MAPPERS,
}

__all__ = ["MAPPERS", "Args", "Mapper"]
