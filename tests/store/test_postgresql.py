"""PostgreSQL as the store: reached, refused, hanging, killed and restarted; what a URL is and what of it is said."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chainwatch.errors import StoreError
from chainwatch.store import Store
from tests.builders import block
from tests.store.conftest import rows
from tests.store.server import PASSWORD, Server


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Another program's connection to the same database."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def refused(url: str) -> StoreError:
    """The error of opening `url`, which never tells the password."""
    with pytest.raises(StoreError) as raised:
        await Store.open(url)
    assert PASSWORD not in str(raised.value)
    return raised.value


# The URL


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_any_usual_url_is_that_database(url: str, scheme: str) -> None:
    store = await Store.open(url.replace("postgresql", scheme, 1) + "?sslmode=disable")
    assert await rows(store, "SELECT current_database()") == [(url.rpartition("/")[2],)]
    await store.close()


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "sqlite:///x.db", "chainwatch.db", "postgresql://u:secret@h:x/d"]
)
async def test_what_is_no_such_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StoreError, match="store") as raised:
        await Store.open(url)
    assert "postgresql://user:password@host:port/database" in raised.value.mend
    assert "secret" not in str(raised.value)


async def test_without_the_driver_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(StoreError, match=r"postgresql://h/d needs the package asyncpg") as raised:
        await Store.open("postgresql://u:secret@h/d")
    assert raised.value.mend == "pip install 'chainwatch[postgres]'"


async def test_a_database_that_is_not_there_is_said(server: Server) -> None:
    error = await refused(server.url("nowhere"))
    assert error.problem.startswith("The store postgresql://127.0.0.1/nowhere failed: database")
    assert "Create the database" in error.mend


async def test_a_wrong_password_is_said_and_not_shown(server: Server) -> None:
    error = await refused(server.url(password="guessed-wrong"))
    assert "password authentication failed" in error.problem
    assert "guessed-wrong" not in str(error)
    assert "user and the password" in error.mend


async def test_a_server_that_is_not_there_is_said() -> None:
    started = time.monotonic()
    error = await refused("postgresql://u:p@127.0.0.1:1/d")
    assert "Check that the server runs" in error.mend
    assert time.monotonic() - started < 5


async def test_a_user_who_may_not_write_is_said(server: Server, url: str) -> None:
    name = url.rpartition("/")[2]
    await server.run(f"CREATE ROLE reader_{name} LOGIN PASSWORD 'x'")
    error = await refused(server.url(name, user=f"reader_{name}", password="x"))
    assert "permission denied" in error.problem
    assert "create and write tables" in error.mend
    await server.run(f"DROP ROLE reader_{name}")


async def test_a_database_that_is_read_only_is_said(server: Server, server_store: Store, url: str) -> None:
    name = url.rpartition("/")[2]
    await server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store = await Store.open(url)  # it is there and migrated: it can be read
    with pytest.raises(StoreError, match="read-only") as raised:
        await store.audit("x")
    assert "primary" in raised.value.mend
    assert await store.audit_log() == []
    await store.close()


async def test_a_database_of_another_version_is_refused(
    server_store: Store, other: asyncpg.Connection, url: str
) -> None:
    await other.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "another version" in (await refused(url)).problem


async def test_a_database_of_another_program_is_refused(other: asyncpg.Connection, url: str) -> None:
    await other.execute("CREATE TABLE alerts (what text)")
    error = await refused(url)
    assert "already exists" in error.problem
    assert "chainwatch's own" in error.mend


# Sharing


_OPEN = """
import asyncio, sys
from chainwatch.store import Store
async def main():
    store = await Store.open(sys.argv[1])
    await store.audit("opened")
    await store.close()
asyncio.run(main())
"""


def _open_in_programs(url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", _OPEN, url], stderr=subprocess.PIPE) for _ in range(4)]
    for one in started:
        _, errors = one.communicate(timeout=60)
        assert (one.returncode, errors) == (0, b"")


async def test_programs_that_migrate_at_once_all_get_their_store(url: str) -> None:
    await asyncio.to_thread(_open_in_programs, url)
    store = await Store.open(url)
    assert len(await store.audit_log()) == 4
    await store.close()


async def test_a_migration_waits_for_somebody_elses_however_long_it_takes(url: str, other: asyncpg.Connection) -> None:
    await other.execute("BEGIN")
    await other.execute(f"SELECT pg_advisory_xact_lock({0x636861696E})")
    opening = asyncio.create_task(Store.open(url))
    await asyncio.sleep(1.0)  # twice as long as a write waits
    assert not opening.done()
    await other.execute("ROLLBACK")
    await (await opening).close()


@pytest.mark.parametrize("lock", [f"SELECT pg_advisory_xact_lock({0x636861696E})", "LOCK TABLE blocks"])
async def test_a_locked_database_is_said_within_a_second_and_works_afterwards(
    server_store: Store, other: asyncpg.Connection, lock: str
) -> None:
    await other.execute("BEGIN")
    await other.execute(lock)
    started = time.monotonic()
    with pytest.raises(StoreError, match="lock timeout") as raised:
        await server_store.record_block(block())
    assert 0.3 < time.monotonic() - started < 1.5
    assert "holds the lock" in raised.value.mend
    assert await server_store.audit_log() == []  # reading goes on
    await other.execute("ROLLBACK")
    await server_store.record_block(block())
    assert await server_store.blocks_seen(1) == 1


async def test_a_full_disk_is_said_with_its_mend_and_writing_goes_on_once_there_is_room(
    server_store: Store, other: asyncpg.Connection
) -> None:
    # The server's own disk cannot be filled in a test; a trigger says with its code what it would say.
    await other.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
    )
    await other.execute("CREATE TRIGGER full_disk BEFORE INSERT ON audit EXECUTE FUNCTION full_disk()")
    with pytest.raises(StoreError, match="No space left") as raised:
        await server_store.audit("much")
    assert "Free space on the server's disk" in raised.value.mend
    await other.execute("DROP TRIGGER full_disk ON audit")
    await server_store.audit("much")


async def test_a_commit_is_on_disk_whatever_the_server_is_set_to(server: Server, server_store: Store, url: str) -> None:
    await server.run(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    store = await Store.open(url)
    assert await rows(store, "SELECT current_setting('synchronous_commit')") == [("on",)]
    await store.close()


# A server that goes away. These have one of their own: the others go on.


@pytest.fixture
async def shaky(server: Server) -> AsyncIterator[Server]:
    """A server that a test may stop. `server` is asked for so that a machine without PostgreSQL skips these too."""
    running = Server()
    yield running
    running.close()


async def test_a_killed_server_is_said_and_a_restarted_one_is_used_without_opening_again(shaky: Server) -> None:
    store = await Store.open(shaky.url())
    await asyncio.gather(*(store.audit("before") for _ in range(5)), *(store.audit_log() for _ in range(5)))
    shaky.kill()
    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            await store.record_block(block())
        assert "Check that the server runs" in raised.value.mend
    shaky.start()
    await store.record_block(block())  # the very first try
    assert await store.blocks_seen(1) == 1
    assert len(await store.audit_log()) == 5
    shaky.kill()
    shaky.start()  # and where nobody asked while it was away
    await asyncio.gather(*(store.audit_log() for _ in range(5)))
    await store.close()


async def test_a_server_killed_within_a_transaction_takes_nothing_half(shaky: Server) -> None:
    store = await Store.open(shaky.url())

    async def half() -> None:
        async with store._database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO audit (at, kind, body) VALUES (0, 'half', '{}')")
            shaky.kill()
            await connection.exec_driver_sql("INSERT INTO audit (at, kind, body) VALUES (0, 'other', '{}')")

    with pytest.raises(StoreError):
        await half()
    shaky.start()
    assert await store.audit_log() == []
    await store.close()


async def test_a_server_that_hangs_is_said_in_time_and_used_again_once_it_answers(
    shaky: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(shaky.url())
    await store.audit("before")
    monkeypatch.setattr("chainwatch.store.database._OPERATION_TIMEOUT_SECONDS", 1.0)
    shaky.pause()
    started = time.monotonic()
    with pytest.raises(StoreError, match="did not answer in time"):
        await store.audit("meanwhile")
    assert time.monotonic() - started < 4  # a second, and what the driver takes to let go of the connection
    shaky.go_on()
    monkeypatch.undo()
    await store.audit("after")
    kinds = [entry.kind for entry in await store.audit_log()]
    assert (kinds[0], kinds[-1]) == ("before", "after")
    await store.close()
