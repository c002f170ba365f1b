"""The connection to the database: durable, migrated, and failing with a name and a mend, soon."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import IntegrityError

from chainwatch.errors import StoreError
from chainwatch.store import Store
from chainwatch.store.database import Database
from chainwatch.store.models import AttemptRow, AuditRow, Base
from tests.builders import block


async def scalar(database: Database, statement: str) -> Any:
    async with database.read() as connection:
        return (await connection.execute(text(statement))).scalar_one()


async def audited(store: Store) -> list[str]:
    return [entry.kind for entry in await store.audit_log()]


@pytest.fixture
def holder(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the same file. Take `file_store` first: it makes the tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


# Durability and schema


async def test_every_connection_is_wal_full_and_holds_foreign_keys(file_store: Store) -> None:
    database = file_store._database
    async with database.read() as one, database.write() as two:  # two connections of the pool
        for connection in (one, two):
            asked = {
                pragma: (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one()
                for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 500}


async def test_an_attempt_without_its_action_is_refused(store: Store) -> None:
    values = {
        "action_id": 99, "nonce": 0, "tx_hash": "", "raw": "", "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0,
        "signed_at": 0.0,
    }  # fmt: skip
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        async with store._database.write() as connection:
            await connection.execute(insert(AttemptRow).values(values))


async def test_migrations_from_nothing_lead_to_the_models(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))

    async with store._database.read() as connection:
        assert await connection.run_sync(differences) == []
    assert await scalar(store._database, "SELECT version_num FROM alembic_version") == "0001"


async def test_a_store_opened_again_keeps_what_it_holds(location: Path | str) -> None:
    for expected in (["first"], ["first", "first"]):
        store = await Store.open(location)
        await store.audit("first")
        assert await audited(store) == expected
        await store.close()


async def test_a_write_that_raises_leaves_nothing_behind(store: Store) -> None:
    async def half() -> None:
        async with store._database.write() as connection:
            await connection.execute(insert(AuditRow).values(at=0.0, kind="half", body="{}"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert await audited(store) == []


async def test_a_reader_sees_one_snapshot_while_somebody_writes(store: Store) -> None:
    await store.audit("before")
    async with store._database.read() as reading:
        assert len((await reading.execute(select(AuditRow.seq))).all()) == 1
        await store.audit("meanwhile")
        assert len((await reading.execute(select(AuditRow.seq))).all()) == 1
    assert await audited(store) == ["before", "meanwhile"]


@pytest.mark.parametrize("name", ["what?.db", "50%20.db", "a#b.db", "a b.db"])
async def test_any_file_name_is_that_file(tmp_path: Path, name: str) -> None:
    store = await Store.open(tmp_path / name)
    await store.close()
    assert (tmp_path / name).is_file()


# Failing


async def test_a_locked_database_is_said_within_a_second_and_works_afterwards(
    file_store: Store, holder: sqlite3.Connection
) -> None:
    holder.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(StoreError, match="locked") as raised:
        await file_store.record_block(block())
    assert 0.3 < time.monotonic() - started < 1.5  # it waited a moment, and no longer
    assert "holds the file open" in raised.value.mend
    assert await file_store.blocks_seen(1) == 0  # reading goes on
    holder.execute("ROLLBACK")
    await file_store.record_block(block())
    assert await file_store.blocks_seen(1) == 1


async def test_a_store_locked_by_somebody_else_can_be_opened(path: Path, file_store: Store, holder: Any) -> None:
    holder.execute("BEGIN IMMEDIATE")
    another = await Store.open(path)
    assert await audited(another) == []
    await another.close()


async def test_a_fresh_file_that_is_locked_is_refused(path: Path, holder: sqlite3.Connection) -> None:
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        await Store.open(path)


async def test_a_full_disk_is_said_with_its_mend_and_writing_goes_on_once_there_is_room(file_store: Store) -> None:
    database = file_store._database
    pages = 1  # SQLite takes what the file has already for less than that

    @event.listens_for(database._engine.sync_engine, "begin")
    def limited(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="full") as raised:
        await file_store.audit("much", text="x" * 100_000)
    assert "Free space" in raised.value.mend
    pages = 10_000
    await file_store.audit("much", text="x" * 100_000)
    assert await audited(file_store) == ["much"]


def _missing_directory(path: Path) -> Path:
    return path.parent / "nowhere" / "chainwatch.db"


def _not_a_database(path: Path) -> Path:
    path.write_text("[chain]\nid = 1\n" * 100)
    return path


def _a_directory(path: Path) -> Path:
    path.mkdir()
    return path


def _of_a_later_version(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('9999');")
    connection.close()
    return path


def _of_another_program(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alerts (what)")
    connection.close()
    return path


@pytest.mark.parametrize(
    ("broken", "problem", "mend"),
    [
        (_missing_directory, "does not exist", "store.path"),
        (_not_a_database, "not a database", "Move the file away"),
        (_a_directory, "unable to open", "may be written"),
        (_of_a_later_version, "another version", "Use that version"),
        (_of_another_program, "already exists", "Check the file"),
    ],
)
async def test_a_store_that_cannot_be_opened_says_why(
    path: Path, broken: Callable[[Path], Path], problem: str, mend: str
) -> None:
    with pytest.raises(StoreError, match=problem) as raised:
        await Store.open(broken(path))
    assert mend in raised.value.mend
    assert str(path.parent) in raised.value.problem  # the file is named


_OPEN = """
import asyncio, ctypes, sys
from pathlib import Path
from chainwatch.errors import StoreError
from chainwatch.store import Store
libc = ctypes.CDLL(None)
if hasattr(libc, "capset"):  # root may write everything: give that right up (capset(2), version 3, no capability)
    libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
try:
    asyncio.run(Store.open(Path(sys.argv[1])))
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("mode", "of"), [(0o444, "file"), (0o555, "directory")])
def test_what_may_not_be_written_is_said(path: Path, mode: int, of: str) -> None:
    path = path.parent / "kept" / path.name
    path.parent.mkdir()
    if of == "file":
        path.touch()
        path.chmod(mode)
    else:
        path.parent.chmod(mode)
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert str(path) in done.stdout
    assert "may be written by this user" in done.stdout


_OPEN_MANY_TIMES = """
import asyncio, contextlib, sys
from pathlib import Path
from chainwatch.errors import StoreError
from chainwatch.store import Store
for _ in range(20):
    with contextlib.suppress(StoreError):
        asyncio.run(Store.open(Path(sys.argv[1])))
"""


def test_a_store_that_cannot_be_opened_leaves_no_traceback_of_a_thread(path: Path) -> None:
    path.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_MANY_TIMES, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""


async def test_a_file_that_turns_into_rubbish_is_said(file_store: Store, path: Path) -> None:
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.write_bytes(b"rubbish " * 2_000)
    with pytest.raises(StoreError, match=r"not a database|malformed|I/O"):
        await file_store.audit("x")
