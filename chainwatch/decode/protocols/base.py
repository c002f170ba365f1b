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
from collections.abc import Callable, Mapping
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


def says(kind: type[Event], **fields: str | int | bool | Expr | None) -> Says:
    """One Event of `kind` with `fields`; `order`, `log_index`, `address` and `protocol` are filled in.

    Raises TypeError at once where `kind` has no such field or needs another one.
    """
    given = {name: _expr(value) for name, value in fields.items()}
    own = {field.name: field.required for field in msgspec.structs.fields(kind) if field.name not in _FILLED_IN}
    odd = set(given) - set(own) or {name for name, required in own.items() if required} - set(given)
    if odd:
        raise TypeError(f"{kind.__name__}: {', '.join(sorted(odd))}")
    return Says(kind, given)


def _expr(value: str | int | bool | Expr | None) -> Expr:
    if isinstance(value, Expr):
        return value
    return Expr(f"{{{value}}}") if isinstance(value, str) else Expr(repr(value))
