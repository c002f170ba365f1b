"""SQLite as the database: one file, pragmas that make it durable, and what its errors mean.

Between processes SQLite's own lock decides: a write waits `busy_timeout` for it and then fails. That is short on
purpose: a database locked by somebody else must not hold up detection.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chainwatch.errors import StoreError
from chainwatch.store.backend import Backend


def sqlite(path: Path, busy_timeout_ms: int) -> Backend:
    """The SQLite file at `path`, created if needed. Raises StoreError where it cannot be opened."""
    if not path.parent.is_dir():
        raise StoreError(
            f"The store cannot be opened: the directory {path.parent} does not exist.",
            "Create it, or correct store.path in chainwatch.toml.",
        )

    def explain(error: Exception) -> StoreError:
        return _explained(path, error)

    try:
        # aiosqlite leaves a thread behind where a file cannot be opened, which prints a traceback once the loop
        # is closed. Opening reads nothing: it does not wait for a lock.
        sqlite3.connect(path).close()
    except sqlite3.Error as error:
        raise explain(error) from error
    # Made of parts: in a URL's text a `?` or `%` of the path would mean something else.
    url = URL.create("sqlite+aiosqlite", database=str(path))
    engine = create_async_engine(url, pool_size=4, max_overflow=4, pool_timeout=5)
    _set_up(engine, busy_timeout_ms)
    writer = engine.execution_options(immediate=True)
    return Backend(
        name=str(path),
        fresh="name a fresh file in store.path",
        reader=engine,
        writer=writer,
        migrator=writer,
        failures=(sqlite3.Error,),
        explain=explain,
        refuses=lambda error: (
            "binding parameter" in str(getattr(error, "orig", None))
        ),  # a type or a value that it has no column for
    )


def _set_up(engine: AsyncEngine, busy_timeout_ms: int) -> None:
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
