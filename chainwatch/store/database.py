"""The connection to the database: transactions, migrations, and errors that name the mend.

A path is an SQLite file, a URL a PostgreSQL database; above this module nothing differs. Writes are short
transactions, one at a time within this process and, by the database's own lock, between processes. Where somebody
else holds that lock a write soon raises StoreError: it must not hold up detection.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from chainwatch.errors import StoreError, StoreRefused
from chainwatch.store.backend import MIGRATION_SECONDS, Backend
from chainwatch.store.postgresql import postgresql
from chainwatch.store.sqlite import sqlite

BUSY_TIMEOUT_MS = 500
_OPERATION_TIMEOUT_SECONDS = 10.0  # a disk or server that hangs, as opposed to one that is locked
_UNWRITABLE = (OverflowError, UnicodeError)  # a number of more than 64 bits, half a surrogate pair
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One database. Open with `Database.open`, close when done."""

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self._backend = backend
        self._engine = backend.reader
        self._writer = backend.writer
        own: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *_UNWRITABLE)
        self._failures = own + backend.failures
        self._write_lock = asyncio.Lock()

    @classmethod
    async def open(cls, location: Path | str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> "Database":
        """Connect to the SQLite file (a Path) or PostgreSQL URL (text), and migrate it to the newest schema.

        The file is created if needed, the database must exist. Raises StoreError where that cannot be done.
        """
        if isinstance(location, Path):
            database = cls(sqlite(location, busy_timeout_ms))
        else:
            database = cls(postgresql(location, busy_timeout_ms))
        try:
            await database._migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction, alone in the database, committed at the end.

        Raises StoreError, StoreRefused where it is the data; an IntegrityError passes, because it says something to
        the one who wrote.
        """
        try:
            async with (
                asyncio.timeout(_OPERATION_TIMEOUT_SECONDS),
                self._write_lock,
                self._writer.begin() as connection,
            ):
                yield connection
        except IntegrityError:
            raise
        except self._failures as error:
            raise self._explained(error) from error

    @asynccontextmanager
    async def read(self, *, timeout_seconds: float = _OPERATION_TIMEOUT_SECONDS) -> AsyncIterator[AsyncConnection]:
        """A read transaction: one consistent snapshot, which writers neither see nor disturb. Raises StoreError."""
        try:
            async with asyncio.timeout(timeout_seconds), self._engine.connect() as connection:
                if timeout_seconds > _OPERATION_TIMEOUT_SECONDS:
                    await self._allow(connection, timeout_seconds)
                yield connection
        except self._failures as error:
            raise self._explained(error) from error

    async def now(self, connection: AsyncConnection) -> float:
        """Seconds since the epoch by the clock that all who share this database go by."""
        if self._backend.now is None:
            return time.time()
        return float((await connection.execute(text(self._backend.now))).scalar_one())

    def _explained(self, error: Exception) -> StoreError:
        explained = self._backend.explain(error)
        # SQLAlchemy's own errors over a statement, not the driver's: a value that cannot be made a parameter.
        cause = error.orig if isinstance(error, StatementError) and not isinstance(error, DBAPIError) else None
        of_a_value = isinstance(cause, TypeError | ValueError | OverflowError)
        if of_a_value or isinstance(error, (DataError, *_UNWRITABLE)) or self._backend.refuses(error):
            mend = "Check where these data come from: no try will get them into the database."
            return StoreRefused(explained.problem, mend)
        return explained

    async def _allow(self, connection: AsyncConnection, seconds: float) -> None:
        if self._backend.allow is not None:
            await connection.exec_driver_sql(self._backend.allow(seconds))

    async def _migrate(self) -> None:
        try:
            async with asyncio.timeout(MIGRATION_SECONDS):
                async with self._engine.connect() as connection:
                    current = await connection.run_sync(_is_current)
                if not current:
                    async with self._backend.migrator.begin() as connection:
                        await connection.run_sync(_upgrade)
        except CommandError as error:
            raise StoreError(
                f"The store {self.name} was written by another version of chainwatch ({error}).",
                f"Use that version, or {self._backend.fresh}.",
            ) from error
        except self._failures as error:
            raise self._explained(error) from error


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _is_current(connection: Connection) -> bool:
    # Asked before a write lock is taken: a store in use, even a locked one, can be opened.
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _upgrade(connection: Connection) -> None:
    # Looks again, now alone: another process may have done it while this one waited.
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
