"""Coverage: gaps, what was parked, blindness, and one account of them that a simple model agrees with."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from chainwatch.store import BlindPeriod, Coverage, ParkedKind, Store
from chainwatch.types import Gap, MalformedLog
from tests.builders import block, hash_, ref
from tests.store.conftest import rows

BAD = MalformedLog(tx_hash=hash_(1), reason="a topic is not 32 bytes", raw=b"[]")


async def seen(store: Store, *numbers: int) -> None:
    for number in numbers:
        await store.record_block(block(number))


# Gaps


async def test_a_height_read_later_is_cut_out_of_its_gap_and_kept_as_filled(store: Store) -> None:
    await store.record_gap(1, Gap(10, 20, "the node was away"))
    await store.record_block(block(15))
    assert await store.gaps(1) == [Gap(10, 14, "the node was away"), Gap(16, 20, "the node was away")]
    for number in (10, 20, 15, 99):  # its ends; again; none of it
        await store.record_block(block(number))
    assert await store.gaps(1) == [Gap(11, 14, "the node was away"), Gap(16, 19, "the node was away")]
    filled = "SELECT first, last, reason FROM gaps WHERE filled_at >= at ORDER BY first"
    assert await rows(store, filled) == [(n, n, "the node was away") for n in (10, 15, 20)]


@pytest.mark.parametrize("order", [1, -1])
async def test_a_gap_filled_block_by_block_is_one_row_and_not_one_a_block(store: Store, order: int) -> None:
    await store.record_gap(1, Gap(10, 29, "the node was away"))
    for number in range(10, 30)[::order]:
        await store.record_block(block(number))
    assert await store.gaps(1) == []
    assert await rows(store, "SELECT first, last FROM gaps WHERE filled_at IS NOT NULL") == [(10, 29)]


async def test_a_block_that_is_recorded_fills_its_gap(store: Store) -> None:
    await store.record_gap(1, Gap(5, 6, "poison"))
    await store.record_gap(2, Gap(5, 6, "another chain"))
    await seen(store, 5)
    assert await store.gaps(1) == [Gap(6, 6, "poison")]
    assert await store.gaps(2) == [Gap(5, 6, "another chain")]


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ([(5, 8), (5, 8)], [(5, 8)]),  # tried again in vain
        ([(5, 8), (6, 7)], [(5, 8)]),
        ([(6, 7), (5, 8)], [(5, 5), (6, 7), (8, 8)]),
        ([(5, 8), (7, 10)], [(5, 8), (9, 10)]),
        ([(7, 10), (5, 8)], [(5, 6), (7, 10)]),
        ([(5, 6), (7, 8)], [(5, 6), (7, 8)]),  # side by side
        ([(2, 3), (6, 7), (9, 9), (1, 10)], [(1, 1), (2, 3), (4, 5), (6, 7), (8, 8), (9, 9), (10, 10)]),
    ],
)
async def test_gaps_never_overlap(store: Store, noted: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    for first, last in noted:
        await store.record_gap(1, Gap(first, last, "r"))
    assert await store.gaps(1) == [Gap(first, last, "r") for first, last in expected]


async def test_a_height_that_was_filled_can_be_lost_again(store: Store) -> None:
    await store.record_gap(1, Gap(5, 5, "first"))
    await seen(store, 5)
    await store.record_orphans(1, [ref(5)])
    await store.record_gap(1, Gap(5, 5, "second"))
    assert await store.gaps(1) == [Gap(5, 5, "second")]
    assert len(await rows(store, "SELECT 1 FROM gaps")) == 2


# Parked


async def test_what_is_parked_counts_its_attempts_until_it_is_worked_through(store: Store) -> None:
    for error in ("first", "second"):
        await store.park(1, "block", 10, hash_(10), None, error)
        await store.park(1, ParkedKind.TRANSACTION, 10, hash_(10), hash_(1), error)
    await store.park(1, "transaction", None, None, hash_(2), "pending")
    await store.park(2, "block", 10, hash_(10), None, "another chain")
    a_block, transaction, pending = await store.parked(1)
    assert (a_block.kind, a_block.number, a_block.attempts, a_block.error) == (ParkedKind.BLOCK, 10, 2, "second")
    assert a_block.first_at < a_block.last_at
    assert (transaction.tx_hash, transaction.attempts, pending.number, pending.attempts) == (hash_(1), 2, None, 1)
    await store.unpark(1, hash_(10))
    assert await store.parked(1) == [transaction, pending]
    await store.unpark(1, hash_(1))
    assert await store.parked(1) == [pending]
    await store.park(1, "block", 10, hash_(10), None, "third")  # a new beginning, beside what is known of the first
    assert [one.attempts for one in await store.parked(1)] == [1, 1]
    assert len(await store.parked(2)) == 1


async def test_what_is_parked_of_an_orphaned_block_is_no_longer_waited_for(store: Store) -> None:
    await store.park(1, "block", 10, ref(10).hash, None, "x")
    await store.park(1, "transaction", 10, ref(10).hash, hash_(1), "x")
    await store.park(1, "block", 11, ref(11).hash, None, "x")
    await store.record_orphans(1, [ref(10)])
    assert [one.number for one in await store.parked(1)] == [11]


# Blindness


async def test_blindness_is_counted_while_it_lasts_and_once(store: Store) -> None:
    await store.blind_begins(1, 100.0, "no head")
    assert await store.seconds_blind(1, 130.0) == 30.0
    await store.blind_ends(1, 140.0)
    await store.blind_ends(1, 999.0)  # it has ended already
    await store.blind_begins(1, 200.0, "again")
    assert await store.blind_periods(1) == [
        BlindPeriod(since=100.0, until=140.0, reason="no head"), BlindPeriod(since=200.0, until=None, reason="again"),
    ]  # fmt: skip
    assert await store.seconds_blind(1, 210.0) == 50.0
    assert await store.seconds_blind(2, 210.0) == 0.0


async def test_a_period_that_a_killed_process_left_open_ends_where_the_next_begins(store: Store) -> None:
    await store.blind_begins(1, 100.0, "killed")
    await store.blind_begins(1, 150.0, "next")
    assert await store.close_blind(1, 160.0)
    assert not await store.close_blind(1, 170.0)
    assert [(period.since, period.until) for period in await store.blind_periods(1)] == [(100, 150), (150, 160)]
    assert await store.seconds_blind(1, 500.0) == 60.0


async def test_a_clock_that_was_set_back_makes_no_negative_blindness(store: Store) -> None:
    await store.blind_begins(1, 100.0, "x")
    await store.blind_ends(1, 50.0)
    await store.blind_begins(1, 20.0, "y")
    await store.blind_ends(1, 110.0)
    assert await store.seconds_blind(1, 200.0) == 90.0


# Coverage


async def test_a_chain_that_was_never_seen_has_no_coverage(store: Store) -> None:
    nothing = await store.coverage(1)
    assert nothing == Coverage(
        chain_id=1, first_block=None, newest_block=None, newest_contiguous_block=None, blocks_seen=0, orphaned=0,
        gaps=(), missing=(), parked=(), malformed_logs=0, detector_failures=0, untraced_blocks=0, blind_seconds=0.0,
        blind_now=False,
    )  # fmt: skip
    assert not nothing.is_whole
    assert nothing.unsound_because == ("no block was seen",)
    assert await store.newest_contiguous_block(1) is None


async def test_coverage_names_what_was_seen_in_part(store: Store) -> None:
    await store.record_block(block(5), traced=True, confirmed_by=2)
    await store.record_block(block(6), malformed=[BAD, BAD], detector_failures=3)
    await store.record_block(block(7), malformed=[BAD], detector_failures=1, traced=True)
    await store.record_block(block(7, branch=1), malformed=[BAD] * 9, detector_failures=9)
    await store.record_orphans(1, [ref(7, branch=1)])
    await store.blind_begins(1, time.time() - 100, "x")
    await store.blind_ends(1, time.time() - 40)
    coverage = await store.coverage(1)
    assert (coverage.blocks_seen, coverage.orphaned) == (3, 1)
    assert (coverage.malformed_logs, coverage.detector_failures, coverage.untraced_blocks) == (3, 4, 1)
    assert coverage.blind_seconds == pytest.approx(60, abs=1)
    assert await rows(store, "SELECT confirmed_by FROM blocks WHERE canonical ORDER BY number") == [(2,), (1,), (1,)]
    assert coverage.is_whole
    assert coverage.unsound_because == ("detectors failed 4 times",)


async def test_blindness_now_and_failed_detectors_are_not_sound_and_missing_trees_are(store: Store) -> None:
    await store.record_block(block(5), traced=False)
    assert (await store.coverage(1)).is_sound
    await store.blind_begins(1, time.time() - 10, "x")
    blind = await store.coverage(1)
    assert (blind.is_whole, blind.blind_now, blind.is_sound) == (True, True, False)
    assert blind.unsound_because == ("the chain cannot be seen now",)
    await store.blind_ends(1, time.time())
    assert (await store.coverage(1)).is_sound
    await store.record_block(block(6), detector_failures=1)
    assert not (await store.coverage(1)).is_sound


async def test_coverage_of_a_range_is_of_that_range(store: Store) -> None:
    await seen(store, *range(10, 31))
    await store.record_gap(1, Gap(31, 40, "away"))
    await seen(store, *range(41, 50))
    within = await store.coverage(1, 12, 35)
    assert (within.first_block, within.newest_block, within.blocks_seen) == (12, 30, 19)
    assert (within.gaps, within.newest_contiguous_block) == ((Gap(31, 35, "away"),), 30)
    assert (await store.coverage(1, 41)).newest_contiguous_block == 49
    assert (await store.coverage(1, 5, 12)).missing == ((5, 9),)  # asked for, and never seen
    assert (await store.coverage(1, 45, 900)).missing == ()  # a height nobody heard of is not missing


async def test_a_height_that_is_nowhere_is_missing_and_said(store: Store) -> None:
    await seen(store, 1, 2, 3, 5, 9)
    await store.record_gap(1, Gap(6, 7, "away"))
    await store.record_gap(1, Gap(12, 13, "away"))
    coverage = await store.coverage(1)
    assert coverage.missing == ((4, 4), (8, 8), (10, 11))
    assert coverage.newest_contiguous_block == await store.newest_contiguous_block(1) == 3
    assert not coverage.is_whole


async def test_an_orphan_without_a_successor_is_missing(store: Store) -> None:
    await seen(store, 1, 2, 3)
    await store.record_orphans(1, [ref(1)])
    coverage = await store.coverage(1)
    assert (coverage.first_block, coverage.missing, coverage.newest_contiguous_block) == (1, ((1, 1),), None)
    assert await store.newest_contiguous_block(1) is None


async def test_a_parked_transaction_holds_the_contiguous_back_although_its_block_is_there(store: Store) -> None:
    await seen(store, 1, 2, 3)
    await store.park(1, "transaction", 3, ref(3).hash, hash_(1), "x")
    coverage = await store.coverage(1)
    assert (coverage.newest_contiguous_block, coverage.missing, len(coverage.parked)) == (2, (), 1)
    await store.unpark(1, hash_(1))
    assert (await store.coverage(1)).newest_contiguous_block == 3


# The model


class Model:
    """What coverage should say: sets of heights, and nothing clever."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[int, int], bool] = {}
        self.details: dict[tuple[int, int], tuple[int, int, bool]] = {}
        self.open: dict[int, str] = {}
        self.parked: dict[tuple[int, int], int] = {}

    def record(self, at: tuple[int, int], details: tuple[int, int, bool]) -> None:
        self.blocks[at] = True
        self.details[at] = details
        self.open.pop(at[0], None)

    def orphan(self, at: tuple[int, int]) -> None:
        if at in self.blocks:
            self.blocks[at] = False
        self.parked.pop(at, None)

    def gap(self, first: int, last: int, reason: str) -> None:
        for height in range(first, last + 1):
            self.open.setdefault(height, reason)

    def park(self, at: tuple[int, int]) -> None:
        self.parked[at] = self.parked.get(at, 0) + 1

    def check(self, coverage: Coverage, first: int | None, last: int | None) -> None:
        low, high = -1 if first is None else first, 99 if last is None else last
        inside = {at: canonical for at, canonical in self.blocks.items() if low <= at[0] <= high}
        canonical = [at for at, is_canonical in inside.items() if is_canonical]
        heights = {number for number, _ in canonical}
        unseen = {height for height in self.open if low <= height <= high}
        parked = {number for number, _ in self.parked if low <= number <= high}
        lowest = min((number for number, _ in inside), default=None)
        begin = lowest if first is None else first
        contiguous = None
        if begin is not None:
            for height in itertools.count(begin):
                if height not in heights or height in unseen or height in parked:
                    break
                contiguous = height
        known = heights | unseen | parked
        everything: set[int] = set()
        if known:
            since = first if first is not None else min({number for number, _ in inside} | known)
            everything = set(range(since, max(known) + 1))
        assert coverage.first_block == lowest
        assert coverage.newest_block == max(heights, default=None)
        assert coverage.newest_contiguous_block == contiguous
        assert coverage.blocks_seen == len(canonical)
        assert coverage.orphaned == len(inside) - len(canonical)
        assert {height: gap.reason for gap in coverage.gaps for height in range(gap.first, gap.last + 1)} == {
            height: self.open[height] for height in unseen
        }
        assert sum(gap.last - gap.first + 1 for gap in coverage.gaps) == len(unseen)  # none twice
        missing = [height for start, end in coverage.missing for height in range(start, end + 1)]
        assert missing == sorted(everything - known)
        assert all(end + 1 < start for (_, end), (start, _) in itertools.pairwise(coverage.missing))
        assert {(one.number, one.hash): one.attempts for one in coverage.parked} == {
            (number, ref(number, branch=branch).hash): attempts
            for (number, branch), attempts in self.parked.items()
            if low <= number <= high
        }
        details = [self.details[at] for at in canonical]
        assert coverage.malformed_logs == sum(malformed for malformed, _, _ in details)
        assert coverage.detector_failures == sum(failures for _, failures, _ in details)
        assert coverage.untraced_blocks == sum(not traced for _, _, traced in details)


HEIGHT = st.integers(0, 14)
AT = st.tuples(HEIGHT, st.integers(0, 1))
STEP = st.one_of(
    st.tuples(st.just("record"), AT, st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans())),
    st.tuples(st.just("orphan"), AT),
    st.tuples(st.just("gap"), HEIGHT, st.integers(0, 5), st.sampled_from(["away", "poison"])),
    st.tuples(st.just("fill"), HEIGHT),
    st.tuples(st.just("park"), AT),
    st.tuples(st.just("unpark"), AT),
)
BOUND = st.none() | HEIGHT
_chains = itertools.count(1_000)


@pytest.fixture
def looped(location: Path | str) -> Iterator[tuple[asyncio.Runner, Store]]:
    """A store, and a loop that outlives an example."""
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(location))
        yield runner, store
        runner.run(store.close())


@given(steps=st.lists(STEP, max_size=30), first=BOUND, last=BOUND)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_coverage_is_what_a_simple_model_says(
    looped: tuple[asyncio.Runner, Store], steps: list[tuple[object, ...]], first: int | None, last: int | None
) -> None:
    runner, store = looped
    runner.run(compare(store, next(_chains), steps, first, last))


async def compare(
    store: Store, chain: int, steps: list[tuple[object, ...]], first: int | None, last: int | None
) -> None:
    model = Model()
    for step in steps:
        match step:
            case ("record", (number, branch), (malformed, failures, traced)):
                new = msgspec.structs.replace(block(number, branch=branch), chain_id=chain)
                await store.record_block(
                    new, malformed=[BAD] * malformed, detector_failures=failures, traced=traced
                )  # fmt: skip
                model.record((number, branch), (malformed, failures, traced))
            case ("orphan", (number, branch)):
                await store.record_orphans(chain, [ref(number, branch=branch)])
                model.orphan((number, branch))
            case ("gap", first_unread, more, reason):
                await store.record_gap(chain, Gap(first_unread, first_unread + more, reason))
                model.gap(first_unread, first_unread + more, reason)
            case ("park", (number, branch)):
                await store.park(chain, "block", number, ref(number, branch=branch).hash, None, "x")
                model.park((number, branch))
            case ("unpark", (number, branch)):
                await store.unpark(chain, ref(number, branch=branch).hash)
                model.parked.pop((number, branch), None)
    model.check(await store.coverage(chain, first, last), first, last)
    whole = await store.coverage(chain)
    model.check(whole, None, None)
    assert await store.newest_contiguous_block(chain) == whole.newest_contiguous_block


async def test_many_blocks_are_counted_by_the_index_alone(file_store: Store) -> None:
    await seen(file_store, 1)
    asked: list[str] = []

    @event.listens_for(file_store._database._engine.sync_engine, "before_cursor_execute")
    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "FROM blocks" in statement:
            for value in parameters:
                statement = statement.replace("?", str(value), 1)
            asked.append(statement)

    await file_store.coverage(1)
    await file_store.newest_contiguous_block(1)
    event.remove(file_store._database._engine.sync_engine, "before_cursor_execute", keep)
    assert len(asked) >= 6
    for statement in asked:
        plan = " ".join(str(row) for row in await rows(file_store, f"EXPLAIN QUERY PLAN {statement}"))
        assert "COVERING INDEX ix_blocks_coverage" in plan, statement
        assert plan.count("TEMP B-TREE") <= 1, statement  # of the breaks, which are few
