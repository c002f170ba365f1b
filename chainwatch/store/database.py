"""The connection to the database: pragmas, transactions, migrations, and errors that name the mend.

Writes are short transactions, one at a time within this process; between processes SQLite's own lock decides,
for which a write waits `busy_timeout` and then raises StoreError. It is short on purpose: a database locked by
somebody else must not hold up detection.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chainwatch.errors import StoreError

BUSY_TIMEOUT_MS = 500
_OPERATION_TIMEOUT_SECONDS = 10.0  # a disk that hangs, as opposed to one that is locked
_MIGRATION_TIMEOUT_SECONDS = 120.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One database. Open with `Database.open`, close when done."""

    def __init__(self, path: Path, engine: AsyncEngine) -> None:
        self.path = path
        self._engine = engine
        self._writer = engine.execution_options(immediate=True)
        self._write_lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> "Database":
        """Connect to the SQLite file at `path`, creating it if needed, and migrate it to the newest schema.

        Raises StoreError where that cannot be done.
        """
        if not path.parent.is_dir():
            raise StoreError(
                f"The store cannot be opened: the directory {path.parent} does not exist.",
                "Create it, or correct store.path in chainwatch.toml.",
            )
        try:
            # aiosqlite leaves a thread behind where a file cannot be opened, which prints a traceback once the loop
            # is closed. Opening reads nothing: it does not wait for a lock.
            sqlite3.connect(path).close()
        except sqlite3.Error as error:
            raise _explained(path, error) from error
        # Made of parts: in a URL's text a `?` or `%` of the path would mean something else.
        url = URL.create("sqlite+aiosqlite", database=str(path))
        engine = create_async_engine(url, pool_size=4, max_overflow=4, pool_timeout=5)
        _set_up_sqlite(engine, busy_timeout_ms)
        database = cls(path, engine)
        try:
            async with asyncio.timeout(_MIGRATION_TIMEOUT_SECONDS):
                async with engine.connect() as connection:
                    current = await connection.run_sync(_is_current)
                if not current:
                    async with database._writer.begin() as connection:
                        await connection.run_sync(_migrate)
        except CommandError as error:
            await engine.dispose()
            raise StoreError(
                f"The store {path} was written by another version of chainwatch ({error}).",
                "Use that version, or name a fresh file in store.path.",
            ) from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            await engine.dispose()
            raise _explained(path, error) from error
        return database

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction, committed at the end.

        Raises StoreError; an IntegrityError passes, because it says something to the one who wrote.
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
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _explained(self.path, error) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read transaction: one consistent snapshot, which writers neither see nor disturb. Raises StoreError."""
        try:
            async with asyncio.timeout(_OPERATION_TIMEOUT_SECONDS), self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _explained(self.path, error) from error


def _set_up_sqlite(engine: AsyncEngine, busy_timeout_ms: int) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(dbapi_connection: Any, _: object) -> None:
        # The driver's own transactions would leave schema changes outside; we say BEGIN ourselves.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_timeout_ms:d}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # WAL's default may lose the last commits with the power; an outbox must not.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        # A transaction that reads before it writes cannot wait for the lock any more: it takes it at once.
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _is_current(connection: Connection) -> bool:
    # Asked before a write lock is taken: a store in use, even a locked one, can be opened.
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _migrate(connection: Connection) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _explained(path: Path, error: Exception) -> StoreError:
    """What went wrong with the file at `path`, and the mend."""
    reason = str(getattr(error, "orig", None) or error) or type(error).__name__
    lowered = reason.lower()
    if isinstance(error, TimeoutError):
        reason, mend = "it did not answer in time", "Check the disk it is on."
    elif "locked" in lowered or "busy" in lowered:
        mend = "End the other program that holds the file open for writing; chainwatch tries again by itself."
    elif "full" in lowered or "no space" in lowered:
        mend = "Free space on its disk; chainwatch tries again by itself."
    elif "not a database" in lowered or "malformed" in lowered:
        mend = "Move the file away or restore a backup; chainwatch makes a new one where none is."
    elif "readonly" in lowered or "unable to open" in lowered or "permission" in lowered:
        mend = "Check that the file and its directory may be written by this user."
    else:
        mend = "Check the file and its disk."
    return StoreError(f"The store {path} failed: {reason}.", mend)
