"""GMX v1: the Vault's trades, positions and liquidations, GLP, requests for positions and orders.

Sizes, prices and fees of positions are dollars with 30 decimals; the instrument is the index token. A liquidation does
not name who did it, so that the Vault stands for the liquidator; its `repaid` is the size that was closed in dollars,
its `seized` the collateral in dollars. Orders and requests are numbered by account.
"""

from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    LiquidityChange,
    OrderCancelled,
    OrderPlaced,
    RoleChange,
    Swap,
    Trade,
    Withdraw,
)

# Tokens are ordered by address, so that the amounts of one pair keep their places.
_FORWARD = "{tokenIn} < {tokenOut}"
_LONGER = expr("{sizeDelta} if {isLong} else -{sizeDelta}")
_SHORTER = expr("-{sizeDelta} if {isLong} else {sizeDelta}")


def _liquidate(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The position is closed at the mark price, and what backed it is gone."""
    _key, account, collateral_token, index_token, is_long, size, collateral, _reserve, _pnl, mark_price = args
    events.append(
        Trade(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="gmx_v1",
            instrument=index_token,
            account=account,
            size=-size if is_long else size,
            price=mark_price,
        )
    )
    events.append(
        Liquidation(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="gmx_v1",
            account=account,
            liquidator=address,
            debt_token=None,
            collateral_token=collateral_token,
            repaid=size,
            seized=collateral,
        )
    )


def _traded(size: Expr) -> Says:
    return says(Trade, instrument="indexToken", account="account", size=size, price="price", fee="fee")


def _placed(size: Expr, price: str, number: str) -> Says:
    return says(
        OrderPlaced,
        instrument="indexToken",
        account="account",
        order_id=expr(f"{{account}} + ':' + str({{{number}}})"),
        size=size,
        price=price,
    )


_CANCELLED = says(
    OrderCancelled,
    order_id=expr("{account} + ':' + str({orderIndex})"),
    account="account",
    instrument="indexToken",
)

MAPPERS: Mappers = {
    "BuyUSDG(address,address,uint256,uint256,uint256)": says(
        Deposit, account="account", token="token", amount="tokenAmount", shares="usdgAmount"
    ),
    "SellUSDG(address,address,uint256,uint256,uint256)": says(
        Withdraw, account="account", token="token", amount="tokenAmount", shares="usdgAmount"
    ),
    "Swap(address,address,address,uint256,uint256,uint256,uint256)": says(
        Swap,
        pool=EMITTER,
        sender="account",
        recipient="account",
        amount0=expr(f"{{amountIn}} if {_FORWARD} else -{{amountOutAfterFees}}"),
        amount1=expr(f"-{{amountOutAfterFees}} if {_FORWARD} else {{amountIn}}"),
        token0=expr(f"{{tokenIn}} if {_FORWARD} else {{tokenOut}}"),
        token1=expr(f"{{tokenOut}} if {_FORWARD} else {{tokenIn}}"),
        pair=expr(f"{{tokenIn}} + {{tokenOut}} if {_FORWARD} else {{tokenOut}} + {{tokenIn}}"),
    ),
    "IncreasePosition(bytes32,address,address,address,uint256,uint256,bool,uint256,uint256)": _traded(_LONGER),
    "DecreasePosition(bytes32,address,address,address,uint256,uint256,bool,uint256,uint256)": _traded(_SHORTER),
    "LiquidatePosition(bytes32,address,address,address,bool,uint256,uint256,uint256,int256,uint256)": _liquidate,
    "UpdateFundingRate(address,uint256)": says(
        InstrumentUpdate, instrument="token", what=literal("funding"), value="fundingRate"
    ),
    "AddLiquidity(address,address,uint256,uint256,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="account",
        amounts=expr("({amount},)"),
        tokens=expr("({token},)"),
        shares="mintAmount",
    ),
    "RemoveLiquidity(address,address,uint256,uint256,uint256,uint256,uint256)": says(
        LiquidityChange,
        pool=EMITTER,
        account="account",
        amounts=expr("(-{amountOut},)"),
        tokens=expr("({token},)"),
        shares="glpAmount",
    ),
    "CreateIncreasePosition(address,address[],address,uint256,uint256,uint256,bool,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256)": _placed(_LONGER, "acceptablePrice", "index"),
    "CreateDecreasePosition(address,address[],address,uint256,uint256,bool,address,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256)": _placed(_SHORTER, "acceptablePrice", "index"),
    "CreateIncreaseOrder(address,uint256,address,uint256,address,address,uint256,bool,uint256,bool,uint256)": _placed(
        _LONGER, "triggerPrice", "orderIndex"
    ),
    "CreateDecreaseOrder(address,uint256,address,uint256,address,uint256,bool,uint256,bool,uint256)": _placed(
        _SHORTER, "triggerPrice", "orderIndex"
    ),
    "CancelIncreaseOrder(address,uint256,address,uint256,address,address,uint256,bool,uint256,bool,uint256)": (
        _CANCELLED
    ),
    "CancelDecreaseOrder(address,uint256,address,uint256,address,uint256,bool,uint256,bool,uint256)": _CANCELLED,
    "SetPositionKeeper(address,bool)": says(
        RoleChange, role=literal("position_keeper"), account="account", granted="isActive", actor=None
    ),
}
