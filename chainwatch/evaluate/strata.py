"""How hard an ordinary transaction is to tell from an attack: the groups by which false alarms are counted."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from chainwatch.evaluate.rows import Row

T = TypeVar("T")

MANY_TRANSFERS, MANY_FRAMES = 5, 50
"""What makes an ordinary transaction a hard one."""

STRATA: Mapping[str, Callable[[Row], bool]] = {
    "contract calls": lambda row: row.is_call,
    f"{MANY_TRANSFERS} transfers or more": lambda row: row.transfers >= MANY_TRANSFERS,
    f"{MANY_FRAMES} calls or more": lambda row: row.frames >= MANY_FRAMES,
    "with a lender's callback": lambda row: row.is_flash,
}
"""Of what was not made to look like an attack; one transaction may be in several."""

MADE_UP, ALL = "made to look like attacks", "all"


def stratified(items: Sequence[T], row_of: Callable[[T], Row | None]) -> list[tuple[str, list[T]]]:
    """`items` by stratum. Those without a row failed, hence did nothing: they are in "all" alone."""
    known = [(item, row) for item in items if (row := row_of(item)) is not None]
    found = [(what, [item for item, row in known if not row.is_made and belongs(row)])
             for what, belongs in STRATA.items()]  # fmt: skip
    if made := [item for item, row in known if row.is_made]:
        found.append((MADE_UP, made))
    return [*found, (ALL, list(items))]
