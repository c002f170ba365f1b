"""Drips v1: what a user collects of the streams and splits it receives. The token is the hub's own (DAI)."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import Withdraw

MAPPERS: Mappers = {
    "Collected(address,uint128,uint128)": says(Withdraw, account="user", token=None, amount="collected"),
}
