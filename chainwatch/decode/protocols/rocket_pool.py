"""Rocket Pool: coin that is deposited, rETH that is burnt for coin, and the balances that set the rate of rETH.

The index is the coin behind 10**18 rETH.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, literal, says
from chainwatch.types import NATIVE, Deposit, IndexUpdate, Withdraw

_ONE = 10**18
_BALANCES = says(
    IndexUpdate,
    market=EMITTER,
    token=literal(NATIVE),
    supply_index=expr(f"{_ONE} * {{totalEth}} // {{rethSupply}} if {{rethSupply}} else None"),
    total_supplied="totalEth",
)

MAPPERS: Mappers = {
    "DepositReceived(address,uint256,uint256)": says(Deposit, account="from", token=None, amount="amount"),
    "TokensBurned(address,uint256,uint256,uint256)": says(
        Withdraw, account="from", token=literal(NATIVE), amount="ethAmount", shares="amount"
    ),
    "BalancesUpdated(uint256,uint256,uint256,uint256,uint256)": _BALANCES,
    "BalancesUpdated(uint256,uint256,uint256,uint256,uint256,uint256)": _BALANCES,
}

BOUND_ONLY = ("DepositReceived(address,uint256,uint256)", "TokensBurned(address,uint256,uint256,uint256)")
