"""Writes that wait for nobody: in order, kept through outages, bounded, and what is refused stops nothing."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from chainwatch.engine import writes as module
from chainwatch.engine.writes import Writes
from chainwatch.errors import StoreError, StoreRefused
from chainwatch.store import Store
from tests.builders import block
from tests.store.server import Server

OUTAGE = StoreError("The store failed: disk full.", "Free space.")
HANGS = "the store does not answer"


class Fake:
    """A store that hangs while `answers` is cleared and raises `error` while there is one."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.tries = 0
        self.written: list[int] = []

    async def put(self, number: int) -> None:
        self.tries += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        self.written.append(number)


async def raising(error: Exception) -> None:
    raise error


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def told() -> list[str | None]:
    return []


@pytest.fixture
async def writes(told: list[str | None], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Writes]:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.1)
    made = Writes(told.append)
    yield made
    await made.close()
    assert "writes" not in {task.get_name() for task in asyncio.all_tasks()}


async def seconds(what: Awaitable[object]) -> float:
    started = time.monotonic()
    await what
    return time.monotonic() - started


async def until(done: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not done():  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)


async def test_a_write_is_made_before_its_caller_goes_on(writes: Writes, fake: Fake) -> None:
    for number in range(3):
        await writes.write(partial(fake.put, number))
        assert fake.written == [*range(number + 1)]
    assert len(writes) == 0
    assert await writes.drain(0)


async def test_an_outage_is_told_once_and_all_is_written_in_order_after_it(
    writes: Writes, fake: Fake, told: list[str | None]
) -> None:
    fake.error = OUTAGE
    for number in range(5):
        assert await seconds(writes.write(partial(fake.put, number))) < 0.2
    await until(lambda: writes.failures >= 3)
    assert writes.failing == str(OUTAGE)
    assert not await writes.drain(0.1)
    fake.error = None
    assert await writes.drain(5)
    assert fake.written == [*range(5)]
    assert told == [str(OUTAGE), None]
    assert (writes.lost, writes.refused) == (0, 0)


async def test_a_hang_holds_nobody_and_is_told(writes: Writes, fake: Fake, told: list[str | None]) -> None:
    fake.answers.clear()
    assert 0.2 < await seconds(writes.write(partial(fake.put, 0))) < 0.4
    for number in range(1, 100):  # known to be late: not a quarter of a second each
        assert await seconds(writes.write(partial(fake.put, number))) < 0.1
    assert told == []
    await until(lambda: bool(told))
    assert (told, writes.failing, fake.tries) == ([HANGS], HANGS, 1)
    assert await seconds(writes.write(partial(fake.put, 100))) < 0.1
    fake.answers.set()
    assert await writes.drain(5)
    assert fake.written == [*range(101)]
    assert told == [HANGS, None]
    fake.answers.clear()
    assert 0.2 < await seconds(writes.write(partial(fake.put, 101))) < 0.4  # waited for again


async def test_a_hang_that_ends_in_an_error_is_one_trouble(
    writes: Writes, fake: Fake, told: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HANGS_SECONDS", 0.05)
    fake.answers.clear()
    fake.error = OUTAGE
    await writes.write(partial(fake.put, 0))
    fake.answers.set()
    await until(lambda: writes.failures > 0)
    assert writes.failing == str(OUTAGE)
    assert told == [HANGS]


async def test_a_caller_that_is_cancelled_does_not_take_its_write_along(writes: Writes, fake: Fake) -> None:
    fake.answers.clear()
    caller = asyncio.create_task(writes.write(partial(fake.put, 0)))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    fake.answers.set()
    assert await writes.drain(5)
    assert fake.written == [0]


async def test_a_store_that_is_merely_slow_sets_the_pace_and_loses_nothing(
    writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_PACED", 20), ("_MAX_UNWRITTEN", 100), ("_WAIT_SECONDS", 0.01)):
        monkeypatch.setattr(module, name, value)
    written: list[int] = []

    async def slowly(number: int) -> None:
        await asyncio.sleep(0.002 if number else 0.05)  # the first one lets all others fall behind
        written.append(number)

    most = 0
    for number in range(400):
        await writes.write(partial(slowly, number))
        most = max(most, len(writes))
    assert await writes.drain(10)
    assert (written, writes.lost) == (list(range(400)), 0)
    assert 10 < most <= 25


async def test_what_is_refused_is_counted_and_the_next_is_written(
    writes: Writes, fake: Fake, told: list[str | None]
) -> None:
    await writes.write(partial(raising, StoreRefused("Too large.", "Check.")))
    await writes.write(partial(fake.put, 1))
    assert (fake.written, writes.refused, told) == ([1], 1, [])


@pytest.mark.parametrize("error", [IntegrityError("INSERT", {}, Exception("unique")), TypeError("a mistake")])
async def test_what_fails_otherwise_is_given_up_after_some_tries(writes: Writes, fake: Fake, error: Exception) -> None:
    await writes.write(partial(raising, error))
    await writes.write(partial(fake.put, 1))
    assert await writes.drain(5)
    assert (fake.written, writes.refused, writes.failures) == ([1], 1, 0)


async def test_what_is_kept_is_bounded_by_number_and_by_weight(writes: Writes, fake: Fake) -> None:
    fake.error = OUTAGE
    await writes.write(partial(fake.put, 0))
    for number in range(1, 10_010):
        await writes.write(partial(fake.put, number))
    assert (len(writes), writes.lost) == (10_000, 10)
    for number in range(10_010, 10_014):
        await writes.write(partial(fake.put, number), 60_000)
    # Three of them and as many small ones as there is room for would be 200 000; the oldest went first.
    assert (len(writes), writes.lost) == (3, 10_011)
    await writes.write(partial(fake.put, 10_014), weight=10**9)  # the newest is kept whatever it weighs
    assert len(writes) == 1
    fake.error = None
    assert await writes.drain(5)
    assert fake.written == [10_014]
    await writes.write(partial(fake.put, 10_015))
    assert writes.lost == 10_014


async def test_the_write_in_hand_is_not_pushed_out(writes: Writes, fake: Fake) -> None:
    fake.answers.clear()
    for number in range(3):
        await writes.write(partial(fake.put, number), 150_000)
    assert (len(writes), writes.lost) == (2, 1)
    fake.answers.set()
    assert await writes.drain(5)
    assert fake.written == [0, 2]


async def test_a_task_that_broke_off_is_started_again(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.05)
    calls = 0

    def tell(_: str | None) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError

    writes = Writes(tell)
    again = asyncio.create_task(writes.again())
    fake.error = OUTAGE
    await writes.write(partial(fake.put, 0))
    fake.error = None
    await until(lambda: fake.written == [0])
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)
    await writes.close()


async def test_closing_ends_a_write_that_hangs_and_nothing_starts_after_it(writes: Writes, fake: Fake) -> None:
    await Writes(print).close()  # never used
    fake.answers.clear()
    await writes.write(partial(fake.put, 0))
    assert await seconds(writes.close()) < 0.5
    assert await seconds(writes.write(partial(fake.put, 1))) < 0.1
    assert not await writes.drain(1)
    assert (len(writes), fake.tries) == (2, 1)


# Real stores


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "chainwatch.db")
    yield opened
    await opened.close()


@pytest.fixture
def holder(store: Store, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "chainwatch.db", isolation_level=None)
    yield connection
    connection.close()


async def kinds(store: Store) -> list[str]:
    return [entry.kind for entry in await store.audit_log()]


async def test_a_file_locked_by_somebody_else_holds_nobody_up(
    writes: Writes, store: Store, holder: sqlite3.Connection, told: list[str | None]
) -> None:
    holder.execute("BEGIN IMMEDIATE")
    for number in range(20):
        assert await seconds(writes.write(partial(store.audit, f"{number}"))) < 0.4
    await until(lambda: bool(told))
    assert "locked" in str(told[0])
    holder.execute("ROLLBACK")
    assert await writes.drain(10)
    assert await kinds(store) == [f"{number}" for number in range(20)]
    assert told[1:] == [None]


async def refuses_what_is_too_large(writes: Writes, store: Store) -> None:
    await writes.write(partial(store.record_block, block(10, timestamp=2**63)))
    await writes.write(partial(store.record_block, block(2**64)))
    await writes.write(partial(store.record_block, block(11)))
    assert await writes.drain(10)
    assert [ref.number for ref in await store.recent_blocks(1, 9)] == [11]
    assert (writes.refused, writes.failures, writes.failing) == (2, 0, None)


async def test_a_file_refuses_what_is_too_large_and_takes_the_next(writes: Writes, store: Store) -> None:
    await refuses_what_is_too_large(writes, store)


async def test_a_lock_is_no_refusal_whatever_the_row_says(store: Store, holder: sqlite3.Connection) -> None:
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked") as raised:
        await store.audit("Error binding parameter 1: too large to convert")
    assert not isinstance(raised.value, StoreRefused)


async def test_a_server_refuses_what_is_too_large_and_takes_the_next(writes: Writes, server: Server) -> None:
    store = await Store.open(server.url())
    await refuses_what_is_too_large(writes, store)
    await store.close()


async def test_a_server_that_hangs_holds_nobody_up(writes: Writes, server: Server, told: list[str | None]) -> None:
    store = await Store.open(server.url())
    await writes.write(partial(store.audit, "before"))
    server.pause()
    try:
        for number in range(10):
            assert await seconds(writes.write(partial(store.audit, f"{number}"))) < 0.4
        await until(lambda: bool(told))
    finally:
        server.go_on()
    assert await writes.drain(20)
    assert await kinds(store) == ["before", *(f"{number}" for number in range(10))]
    assert told == [HANGS, None]
    server.pause()
    try:
        await writes.write(partial(store.audit, "never"))
        assert await seconds(writes.close()) < 6
    finally:
        server.go_on()
    await store.close()
