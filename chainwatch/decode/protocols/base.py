"""How a protocol's file says what its events mean: a table from event signature to what is said by it.

    MAPPERS: Mappers = {
        "Supply(address,address,address,uint256,uint16)": says(
            Deposit, account="onBehalfOf", token="reserve", amount="amount"
        ),
    }

A text names a parameter of the event, as its ABI under `abi/` does. Other values: EMITTER (the contract that wrote
the log), `expr("{in0} - {out0}")` (a Python expression over parameters), `literal("created")`, and plain numbers,
booleans and None. Such a table is compiled into the event's decoder. What a table cannot say (several Events of one
log, conditions) is a function `mapper(events, log_index, address, arguments)` instead.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from chainwatch.types import Address, Event

Args = tuple[Any, ...]

Mapper = Callable[[list[Event], int, Address, Args], None]
"""`mapper(events, log_index, address, arguments)` appends what the log says to `events`, nothing, one Event or
several, each with `order=len(events)`. It sees what came before it and changes none of it."""


class Expr(NamedTuple):
    """A Python expression over the parameters named in braces."""

    code: str

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters it needs."""
        return tuple(dict.fromkeys(_NAMES.findall(self.code)))


class Says(NamedTuple):
    """One Event for each log: its class and where its fields come from."""

    kind: type[Event]
    fields: Mapping[str, Expr]
    when: Expr | None = None


Mappers = Mapping[str, Says | Mapper]
"""By event signature."""

_FILLED_IN = ("order", "log_index", "frame", "address", "protocol")
_NAMES = re.compile(r"\{([A-Za-z_]\w*)\}")

EMITTER = Expr("address")
"""The contract that wrote the log."""


def expr(code: str) -> Expr:
    """`code` with parameters in braces, for example `{amount0In} - {amount0Out}`. Addresses and byte strings are
    `0x` hex texts, integers int, arrays and tuples of them tuples."""
    return Expr(code)


def literal(value: str | tuple[Any, ...]) -> Expr:
    """`value` itself."""
    return Expr(repr(value))


AFTER_SYNC = Expr("events and events[-1].address == address and events[-1].__class__.__name__ == 'ReservesUpdate'")
"""A condition: the pool has just told its reserves, as pairs of the Uniswap v2 kind do before they tell a trade or a
change of liquidity. It tells them from others who write the same layout."""


def says(kind: type[Event], when: Expr | None = None, **fields: str | int | bool | Expr | None) -> Says:
    """One Event of `kind` with `fields`; `order`, `log_index`, `address` and `protocol` are filled in.

    Where `when` does not hold, the log says nothing; it may look at `events`, what was said before in the transaction.

    Raises TypeError at once where `kind` has no such field or needs another one.
    """
    given = {name: _expr(value) for name, value in fields.items()}
    own = {field.name: field.required for field in msgspec.structs.fields(kind) if field.name not in _FILLED_IN}
    odd = set(given) - set(own) or {name for name, required in own.items() if required} - set(given)
    if odd:
        raise TypeError(f"{kind.__name__}: {', '.join(sorted(odd))}")
    return Says(kind, given, when)


def same_meaning(
    one: Says | Mapper | None, other: Says | Mapper | None, names: Sequence[str], others: Sequence[str]
) -> bool:
    """Whether two tables say the same of one layout, whose parameters they call `names` and `others`."""
    if not isinstance(one, Says) or not isinstance(other, Says):
        return one is other
    return one.kind is other.kind and _by_place(one, names) == _by_place(other, others)


def _by_place(mapper: Says, names: Sequence[str]) -> dict[str, str]:
    def place(match: re.Match[str]) -> str:
        return f"{{{names.index(match[1])}}}"

    fields = dict(mapper.fields) | ({"when": mapper.when} if mapper.when is not None else {})
    return {field: _NAMES.sub(place, expression.code) for field, expression in fields.items()}


def _expr(value: str | int | bool | Expr | None) -> Expr:
    if isinstance(value, Expr):
        return value
    return Expr(f"{{{value}}}") if isinstance(value, str) else Expr(repr(value))
