"""Proxies before ERC-1967 (EIP-897, ZeppelinOS, USDC's): the implementation is not indexed, or has a version."""

from chainwatch.decode.protocols.base import Mappers, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import Upgrade

_UPGRADE = says(Upgrade, implementation="implementation", what=literal("implementation"))

MAPPERS: Mappers = {
    "Upgraded(address)": _UPGRADE,
    "Upgraded(string,address)": _UPGRADE,
    "Upgraded(uint256,address)": _UPGRADE,
    "ProxyOwnershipTransferred(address,address)": handover("zeppelinos", "proxy_owner"),
}
