"""Curve: StableSwap pools (classic, factory, NG), CryptoSwap and Tricrypto pools, their factories, gauges and the DAO.

Amounts are in the order of the pool's coins, `pair` is "i-j" with the smaller index first and amount 0 of coin i;
`TokenExchangeUnderlying` counts the underlying coins, in pairs "u0-1". Who receives is not said. `shares` are pool
tokens burnt where the event tells them; its `token_supply` is the supply afterwards. Where only the amount of one coin
is said, and not which, `amounts` is that alone.
"""

from chainwatch.decode.mappers import amount_of_two, change, listed, settings
from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, Says, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    LiquidityChange,
    RewardClaim,
    RoleChange,
    Swap,
    Withdraw,
)

_MOST_COINS = 8  # of any pool; no amount of a coin or of pool tokens is as small as an index
_SOLD_FIRST = "{sold_id} < {bought_id}"


def exchange(prefix: str = "") -> Says:
    """A trade of the coin `sold_id` for the coin `bought_id`."""
    return says(
        Swap,
        pool=EMITTER,
        sender="buyer",
        recipient="buyer",
        amount0=expr(f"{{tokens_sold}} if {_SOLD_FIRST} else -{{tokens_bought}}"),
        amount1=expr(f"-{{tokens_bought}} if {_SOLD_FIRST} else {{tokens_sold}}"),
        pair=expr(f"'{prefix}%d-%d' % (min({{sold_id}}, {{bought_id}}), max({{sold_id}}, {{bought_id}}))"),
    )


ADDED = says(LiquidityChange, pool=EMITTER, account="provider", amounts="token_amounts")
REMOVED = says(LiquidityChange, pool=EMITTER, account="provider", amounts=expr("tuple(-a for a in {token_amounts})"))


def removed_one(index: str) -> Says:
    """One coin was taken out, whose place is the parameter `index`."""
    return says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr(f"(0,) * ({{{index}}} if {{{index}}} < {_MOST_COINS} else 0) + (-{{coin_amount}},)"),
        shares="token_amount",
    )


def _removed_one_of_three_layouts(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """StableSwap says (burnt, amount, supply), CryptoSwap (burnt, index, amount), Pancake (index, burnt, amount)."""
    provider, first, second, third = args
    if first < _MOST_COINS:
        index, shares, amount = first, second, third
    elif second < _MOST_COINS:
        shares, index, amount = first, second, third
    else:
        shares, index, amount = first, 0, second
    events.append(
        LiquidityChange(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="curve",
            pool=address,
            account=provider,
            amounts=(0,) * index + (-amount,),
            shares=shares,
        )
    )


_STABLE = ("uint256[2]", "uint256[3]", "uint256[4]", "uint256[5]", "uint256[6]", "uint256[]")
_CRYPTO = ("uint256[2]", "uint256[3]")

MAPPERS: Mappers = {
    "TokenExchange(address,int128,uint256,int128,uint256)": exchange(),
    "TokenExchange(address,uint256,uint256,uint256,uint256)": exchange(),
    "TokenExchange(address,uint256,uint256,uint256,uint256,uint256,uint256)": exchange(),
    "TokenExchangeUnderlying(address,int128,uint256,int128,uint256)": exchange("u"),
    **{f"AddLiquidity(address,{coins},{coins},uint256,uint256)": ADDED for coins in _STABLE},
    **{f"RemoveLiquidity(address,{coins},{coins},uint256)": REMOVED for coins in _STABLE},
    **{f"RemoveLiquidityImbalance(address,{coins},{coins},uint256,uint256)": REMOVED for coins in _STABLE},
    **{f"AddLiquidity(address,{coins},uint256,uint256)": ADDED for coins in _CRYPTO},
    **{f"AddLiquidity(address,{coins},uint256,uint256,uint256)": ADDED for coins in _CRYPTO},
    **{f"RemoveLiquidity(address,{coins},uint256)": REMOVED for coins in _CRYPTO},
    "RemoveLiquidityOne(address,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="provider",
        amounts=expr("(-{coin_amount},)"),
        shares="token_amount",
    ),
    "RemoveLiquidityOne(address,uint256,uint256,uint256)": _removed_one_of_three_layouts,
    "RemoveLiquidityOne(address,int128,uint256,uint256,uint256)": removed_one("token_id"),
    "RemoveLiquidityOne(address,uint256,uint256,uint256,uint256,uint256)": removed_one("coin_index"),
    # What is only committed to does not hold yet, and is no change.
    "RampA(uint256,uint256,uint256,uint256)": change("A", "new_A", "old_A"),
    "StopRampA(uint256,uint256)": change("A", "A"),
    "RampAgamma(uint256,uint256,uint256,uint256,uint256,uint256)": settings("curve", A=(0, 1), gamma=(2, 3)),
    "StopRampA(uint256,uint256,uint256)": settings("curve", A=0, gamma=1),
    "NewFee(uint256,uint256)": settings("curve", fee=0, admin_fee=1),
    "NewFee(uint256,uint256,uint256)": settings("curve", fee=0, admin_fee=1, offpeg_fee_multiplier=2),
    "ApplyNewFee(uint256)": change("fee", "fee"),
    "ApplyNewFee(uint256,uint256)": settings("curve", fee=0, offpeg_fee_multiplier=1),
    "NewParameters(uint256,uint256,uint256)": settings("curve", A=0, fee=1, admin_fee=2),
    "NewParameters(uint256,uint256,uint256,uint256,uint256,uint256)": settings(
        "curve", mid_fee=0, out_fee=1, fee_gamma=2, allowed_extra_profit=3, adjustment_step=4, ma_time=5
    ),
    "NewAdmin(address)": says(RoleChange, role=literal("owner"), account="admin", granted=True, actor=None),
    "ApplyOwnership(address)": says(RoleChange, role=literal("owner"), account="admin", granted=True, actor=None),
    "ApplyAdmin(address)": says(RoleChange, role=literal("owner"), account="admin", granted=True, actor=None),
    "TransferOwnership(address,address)": handover("curve", "owner"),
    "TricryptoPoolDeployed(address,string,string,address,address[3],address,bytes32,"
    "uint256,uint256,uint256,uint256,uint256,address)": listed("pool"),
    "TwocryptoPoolDeployed(address,string,string,address[2],address,bytes32,"
    "uint256[2],uint256,uint256,uint256,uint256,address)": listed("pool"),
    "UpdateFeeReceiver(address,address)": change("fee_receiver", "_new_fee_receiver", "_old_fee_receiver"),
    "UpdatePoolImplementation(address,address)": change(
        "pool_implementation", "_new_pool_implementation", "_old_pool_implementation"
    ),
    "UpdatePoolImplementation(uint256,address,address)": change(
        "pool_implementation", "_new_pool_implementation", "_old_pool_implementation"
    ),
    "UpdateGaugeImplementation(address,address)": change(
        "gauge_implementation", "_new_gauge_implementation", "_old_gauge_implementation"
    ),
    "UpdateTokenImplementation(address,address)": change(
        "token_implementation", "_new_token_implementation", "_old_token_implementation"
    ),
    "UpdateMathImplementation(address,address)": change(
        "math_implementation", "_new_math_implementation", "_old_math_implementation"
    ),
    "UpdateViewsImplementation(address,address)": change(
        "views_implementation", "_new_views_implementation", "_old_views_implementation"
    ),
    "Deposit(address,uint256)": says(Deposit, account="provider", token=None, amount="value"),
    "Withdraw(address,uint256)": says(Withdraw, account="provider", token=None, amount="value"),
    "Deposit(address,uint256,uint256,int128,uint256)": says(Deposit, account="provider", token=None, amount="value"),
    "Withdraw(address,uint256,uint256)": amount_of_two(Withdraw, "curve", second=False),
    "NewGauge(address,int128,uint256)": listed("addr"),
    "Claimed(address,uint256,uint256,uint256)": says(RewardClaim, account="recipient", token=None, amount="amount"),
}
