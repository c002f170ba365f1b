"""GMX v2: everything is said through one EventEmitter, as an event name and lists of named values.

Sizes and prices of positions are dollars with 30 decimals (a price is per base unit of the token); the instrument is
the market, whose address is its token. A decrease whose order is a liquidation is a Trade and a Liquidation; its
`repaid` is the size that was closed in dollars, its liquidator the contract that did it. Anyone can write such logs, so
that a name without its values says nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from chainwatch.decode.protocols.base import Args, Mappers
from chainwatch.types import (
    Address,
    Deposit,
    Event,
    InstrumentUpdate,
    Liquidation,
    LiquidityChange,
    OrderCancelled,
    OrderPlaced,
    ParameterChange,
    PriceUpdate,
    Swap,
    Trade,
)

# Order.OrderType
_SWAPS = (0, 1)
_INCREASES = (2, 3, 8)
_LIQUIDATION = 7


class _Said(NamedTuple):
    """What one log says: who made the emitter say it, and its named values by kind."""

    sender: Address
    addresses: dict[str, Address]
    uints: dict[str, int]
    ints: dict[str, int]
    bools: dict[str, bool]
    words: dict[str, str]
    bytes: dict[str, str]


_Found = tuple[type[Event], dict[str, Any]]


def _event(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    sender, name, data = args[0], args[1], args[-1]
    mapper = _BY_NAME.get(name)
    if mapper is None:
        return
    try:
        found = mapper(_Said(sender, *(dict(items) for items, _arrays in data[:6])))
    except KeyError:  # a name without its values
        return
    for kind, fields in found:
        events.append(kind(order=len(events), log_index=log_index, address=address, protocol="gmx_v2", **fields))


def _increase(said: _Said) -> list[_Found]:
    size = said.uints["sizeDeltaUsd"]
    return [_trade(said, size if said.bools["isLong"] else -size)]


def _decrease(said: _Said) -> list[_Found]:
    size = said.uints["sizeDeltaUsd"]
    found = [_trade(said, -size if said.bools["isLong"] else size)]
    if said.uints["orderType"] == _LIQUIDATION:
        fields = {
            "account": said.addresses["account"],
            "liquidator": said.sender,
            "debt_token": None,
            "collateral_token": said.addresses["collateralToken"],
            "repaid": size,
            "seized": said.uints["collateralDeltaAmount"],
        }
        found.append((Liquidation, fields))
    return found


def _trade(said: _Said, size: int) -> _Found:
    return Trade, {
        "instrument": said.addresses["market"],
        "account": said.addresses["account"],
        "size": size,
        "price": said.uints["executionPrice"],
        "order_id": said.words["orderKey"],
    }


def _order_created(said: _Said) -> list[_Found]:
    order_type, size = said.uints["orderType"], said.uints["sizeDeltaUsd"]
    longer = (order_type in _INCREASES) == said.bools["isLong"]
    fields = {
        "instrument": said.addresses["market"],
        "account": said.addresses["account"],
        "order_id": said.words["key"],
        "size": None if order_type in _SWAPS else size if longer else -size,
        "price": said.uints["triggerPrice"] or said.uints["acceptablePrice"] or None,
    }
    return [(OrderPlaced, fields)]


def _order_cancelled(said: _Said) -> list[_Found]:
    return [(OrderCancelled, {"order_id": said.words["key"], "account": said.addresses.get("account")})]


def _swap(said: _Said) -> list[_Found]:
    """Tokens are ordered by address, so that the amounts of one market keep their places."""
    moved = sorted(
        (
            (said.addresses["tokenIn"], said.uints["amountIn"]),
            (said.addresses["tokenOut"], -said.uints["amountOut"]),
        )
    )
    fields = {
        "pool": said.addresses["market"],
        "sender": said.sender,
        "recipient": said.addresses["receiver"],
        "amount0": moved[0][1],
        "amount1": moved[1][1],
        "token0": moved[0][0],
        "token1": moved[1][0],
    }
    return [(Swap, fields)]


def _price(said: _Said) -> list[_Found]:
    """The middle of the two prices that it names."""
    fields = {
        "feed": said.addresses["token"],
        "answer": (said.uints["minPrice"] + said.uints["maxPrice"]) // 2,
        "updated_at": said.uints["timestamp"],
    }
    return [(PriceUpdate, fields)]


def _deposit_created(said: _Said) -> list[_Found]:
    """What was put in to be made liquidity, one Deposit for each of the two tokens."""
    return [
        (Deposit, {"account": said.addresses["account"], "token": said.addresses[token], "amount": said.uints[amount]})
        for token, amount in (
            ("initialLongToken", "initialLongTokenAmount"),
            ("initialShortToken", "initialShortTokenAmount"),
        )
        if said.uints[amount]
    ]


def _deposit_executed(said: _Said) -> list[_Found]:
    """Older versions do not name the market; then the tokens that are made name it."""
    if "market" not in said.addresses:
        return []
    fields = {
        "pool": said.addresses["market"],
        "account": said.addresses["account"],
        "amounts": (said.uints["longTokenAmount"], said.uints["shortTokenAmount"]),
        "shares": said.uints["receivedMarketTokens"],
    }
    return [(LiquidityChange, fields)]


def _market_created(said: _Said) -> list[_Found]:
    return [(InstrumentUpdate, {"instrument": said.addresses["marketToken"], "what": "listed"})]


def _setting(kind: Callable[[_Said], dict[str, Any]]) -> Callable[[_Said], list[_Found]]:
    """A value of the DataStore: which one is a hash of its name, `data` what it is about."""

    def mapper(said: _Said) -> list[_Found]:
        value = kind(said)["value"]
        fields = {
            "what": said.words["baseKey"],
            "subject": said.bytes.get("data"),
            "after": int(value) if isinstance(value, bool) else value,
        }
        return [(ParameterChange, fields)]

    return mapper


_BY_NAME: dict[str, Callable[[_Said], list[_Found]]] = {
    "PositionIncrease": _increase,
    "PositionDecrease": _decrease,
    "OrderCreated": _order_created,
    "OrderCancelled": _order_cancelled,
    "SwapInfo": _swap,
    "OraclePriceUpdate": _price,
    "DepositCreated": _deposit_created,
    "DepositExecuted": _deposit_executed,
    "MarketCreated": _market_created,
    "SetAddress": _setting(lambda said: said.addresses),
    "SetUint": _setting(lambda said: said.uints),
    "SetInt": _setting(lambda said: said.ints),
    "SetBool": _setting(lambda said: said.bools),
    "SetBytes32": _setting(lambda said: said.words),
}

_DATA = "(" + ",".join(
    f"((string,{kind})[],(string,{kind}[])[])"
    for kind in ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")
) + ")"  # fmt: skip

MAPPERS: Mappers = {
    f"EventLog(address,string,string,{_DATA})": _event,
    f"EventLog1(address,string,string,bytes32,{_DATA})": _event,
    f"EventLog2(address,string,string,bytes32,bytes32,{_DATA})": _event,
}
