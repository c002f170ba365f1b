"""What a database must bring along to be a store: engines, errors and a clock. Two do: `sqlite`, `postgresql`."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from chainwatch.errors import StoreError

MIGRATION_SECONDS = 120.0
"""How long a migration may take, or wait for another process's."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A database that can be connected to.

    A transaction of `reader` sees one snapshot; transactions of `writer` run one after the other, between
    processes too. `name` says which database it is and holds no secret; `fresh` is how to choose an empty one.
    """

    name: str
    fresh: str
    reader: AsyncEngine
    writer: AsyncEngine
    migrator: AsyncEngine
    """A writer that waits for another process that migrates."""
    failures: tuple[type[Exception], ...]
    """What the driver raises beside SQLAlchemy's own errors."""
    explain: Callable[[Exception], StoreError]
    refuses: Callable[[Exception], bool]
    """Whether a failure is of the data, beside those that are so everywhere; all others are outages."""
    allow: Callable[[float], str] | None = None
    """The statement by which a transaction may take that many seconds; None where nothing limits it."""
    now: str | None = None
    """Selects the seconds since the epoch where several machines share the database; None is our own clock."""
