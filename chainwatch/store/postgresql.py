"""PostgreSQL as the database, for teams: the same promises as the SQLite file, over a network.

Writers take one advisory lock at the beginning of their transaction, as SQLite's do with BEGIN IMMEDIATE: a
transaction that reads and then writes (the outbox, a lease) is alone while it does, whichever process it is in.
They wait as briefly for it. A server that hangs fails a statement in as many seconds as a disk that hangs.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine

from chainwatch.errors import StoreError
from chainwatch.store.backend import MIGRATION_SECONDS, Backend

_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 10
_WRITERS = 0x636861696E  # "chain": the advisory lock of this database's writers

_RETRIED = "chainwatch tries again by itself"
# By SQLSTATE, PostgreSQL's appendix A; the longest match counts.
_MENDS = {
    "08": f"Check that the server runs and can be reached from here; {_RETRIED}.",
    "25006": "Name the primary server: this one is a replica, or set to read only.",
    "28": "Correct the user and the password in the store's URL, or allow this machine in the server's pg_hba.conf.",
    "3D000": "Create the database, or correct its name in the store's URL.",
    "40": f"Another writer was in the way; {_RETRIED}.",
    "42501": "Let the user of the store's URL create and write tables in this database.",
    "42P07": "Check that the database is chainwatch's own, or name a fresh one in the store's URL.",
    "53100": f"Free space on the server's disk; {_RETRIED}.",
    "53200": f"Give the server more memory; {_RETRIED}.",
    "53300": f"Raise the server's max_connections, or end other programs that use it; {_RETRIED}.",
    "55P03": f"End the other session that holds the lock (see pg_locks); {_RETRIED}.",
    "57014": f"Check the server's load and its disk; {_RETRIED}.",
    "57P": f"Check that the server runs and stays up; {_RETRIED}.",
    "58": f"Check the server's disk and its log; {_RETRIED}.",
}


def postgresql(location: str, lock_timeout_ms: int) -> Backend:
    """The database at the URL `location`. Connects to nothing yet; raises StoreError where it is not such a URL."""
    url = _parsed(location)
    try:
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 -- an extra: only who has a PostgreSQL needs it
    except ImportError as error:
        raise StoreError(
            f"The store {_name(url)} needs the package asyncpg, which is not installed.",
            "pip install 'chainwatch[postgres]'",
        ) from error
    name = _name(url)
    arguments = _arguments(url, lock_timeout_ms)

    async def connect() -> Any:
        return await asyncpg.connect(**arguments)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="READ COMMITTED",  # with the lock held, every statement sees what the last holder wrote
        pool_size=4,
        max_overflow=4,
        pool_timeout=5,
        pool_pre_ping=True,  # a server that was restarted costs a round trip, not a failed action
    )
    writer = engine.execution_options(alone=True)

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("patient"):
            for limit in ("lock_timeout", "statement_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {limit} = {MIGRATION_SECONDS * 1000:.0f}")
        if options.get("alone"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")

    def explain(error: Exception) -> StoreError:
        return _explained(name, url.password, error)

    return Backend(
        name=name,
        fresh="name a fresh database in the store's URL",
        reader=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        writer=writer,
        migrator=writer.execution_options(patient=True),
        failures=(asyncpg.PostgresError, asyncpg.InterfaceError),
        explain=explain,
        refuses=_refuses,
        allow=lambda seconds: f"SET LOCAL statement_timeout = {seconds * 1000:.0f}",
        now="SELECT extract(epoch FROM clock_timestamp())::float8",
    )


def _refuses(error: Exception) -> bool:
    driver = getattr(error, "orig", None) or error
    states = (getattr(one, "sqlstate", None) or "" for one in (driver, driver.__cause__))
    return any(state.startswith(("22", "54")) for state in states)  # "data exception", "program limit exceeded"


def _parsed(location: str) -> URL:
    mend = "Write postgresql://user:password@host:port/database, with odd characters as %xx."
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        # Neither the text nor its error is shown: somewhere in it is a password.
        raise StoreError("The URL of the store cannot be read.", mend) from None
    if url.drivername not in _SCHEMES:
        raise StoreError(f"The store cannot be a database of the kind {url.drivername!r}.", mend)
    return url


def _name(url: URL) -> str:
    host = url.host or url.query.get("host") or "localhost"
    return f"postgresql://{host}/{url.database or ''}"


def _arguments(url: URL, lock_timeout_ms: int) -> Mapping[str, Any]:
    """What asyncpg is called with. The parts go in as parts; only options such as sslmode are left to its parser."""
    parts = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    settings = {
        "application_name": "chainwatch",
        "lock_timeout": str(lock_timeout_ms),
        "statement_timeout": str(_STATEMENT_SECONDS * 1000),
        # A process that hangs, or whose network went away, must not keep the writers' lock.
        "idle_in_transaction_session_timeout": str(_STATEMENT_SECONDS * 1000),
        # A server may be set to confirm before it has written; an outbox must not lose what was confirmed.
        "synchronous_commit": "on",
    }
    return {
        "dsn": "postgresql:///?" + urlencode(url.query, doseq=True),
        "database": url.database,
        "timeout": _CONNECT_SECONDS,
        "server_settings": settings,
        **{name: part for name, part in parts.items() if part is not None},
    }


def _explained(name: str, password: str | None, error: Exception) -> StoreError:
    """What went wrong with the database `name`, and the mend."""
    driver = getattr(error, "orig", None) or error
    state = getattr(driver, "sqlstate", None) or ""
    reason = str(driver.__cause__ or driver) or type(driver).__name__
    reason = reason.splitlines()[0].rstrip(".")
    if password:
        reason = reason.replace(password, "***")
    matching = [_MENDS[prefix] for prefix in sorted(_MENDS, key=len) if state.startswith(prefix)]
    if isinstance(error, TimeoutError) or state == "57014":
        return StoreError(f"The store {name} failed: it did not answer in time.", _MENDS["57014"])
    if matching:
        mend = matching[-1]
    elif isinstance(driver, OSError) or "connection" in reason.lower():
        mend = _MENDS["08"]
    else:
        mend = "Check the server and its log."
    return StoreError(f"The store {name} failed: {reason}.", mend)
