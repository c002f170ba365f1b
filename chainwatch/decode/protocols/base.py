"""What a mapper is: from the decoded arguments of one log to Events of the vocabulary."""

from collections.abc import Callable
from typing import Any

from chainwatch.types import Address, Event

Args = tuple[Any, ...]

Mapper = Callable[[list[Event], int, Address, Args], None]
"""`mapper(events, log_index, address, arguments)` appends what the log says to `events`, nothing, one Event or
several, each with `order=len(events)`. It sees what came before it and changes none of it."""
