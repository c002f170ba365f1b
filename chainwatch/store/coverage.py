"""Coverage: what of a chain was seen, and what was not. Its answer is made to be held against us.

Every height from the first block ever seen is in the ledger, in an open gap, or parked; one that is in none of
them is `missing`, and that is a fault of ours. What was seen only in part (no call trees, a detector that raised,
logs that could not be decoded) is counted beside it, and so is the time in which the chain could not be seen.
"""

from collections.abc import AsyncIterator, Iterable
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chainwatch.store import gaps
from chainwatch.store.models import BlindRow, BlockRow, ParkedRow
from chainwatch.types import Gap, Hash


class ParkedKind(StrEnum):
    """What was set aside."""

    BLOCK = "block"
    TRANSACTION = "transaction"


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A block or transaction set aside because working on it failed `attempts` times, with the last `error`.

    `number` and `hash` are the block's; times in seconds since the epoch.
    """

    kind: ParkedKind
    number: int | None
    hash: Hash | None
    tx_hash: Hash | None
    error: str
    attempts: int
    first_at: float
    last_at: float


class BlindPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the chain could not be seen, in seconds since the epoch; `until` is None while it lasts."""

    since: float
    until: float | None
    reason: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a chain. Block counts are of canonical blocks; ranges are inclusive heights.

    `newest_contiguous_block` is the highest up to which, from `first_block` on, every height is in the ledger and
    none is in a gap or parked. `missing` heights are nowhere at all: there must be none. `blind_seconds` and
    `blind_now` are of all time, whatever heights were asked for.
    """

    chain_id: int
    first_block: int | None
    newest_block: int | None
    newest_contiguous_block: int | None
    blocks_seen: int
    orphaned: int
    gaps: tuple[Gap, ...]
    missing: tuple[tuple[int, int], ...]
    parked: tuple[Parked, ...]
    malformed_logs: int
    detector_failures: int
    untraced_blocks: int
    blind_seconds: float
    blind_now: bool

    @property
    def is_whole(self) -> bool:
        """Whether every height was seen and none is parked. Where no block was seen nothing is whole."""
        return self.blocks_seen > 0 and not (self.gaps or self.missing or self.parked)

    @property
    def is_sound(self) -> bool:
        """Whether nothing stands against it: whole, every detector came through, and the chain is seen now.

        Blocks without call trees do not count: a node may have none, and is watched by its logs.
        """
        return not self.unsound_because

    @property
    def unsound_because(self) -> tuple[str, ...]:
        """What stands against it, for a person; nothing where it is sound."""
        reasons = {
            "no block was seen": self.blocks_seen == 0,
            "there are gaps": bool(self.gaps),
            "heights are missing": bool(self.missing),
            "something is parked": bool(self.parked),
            f"detectors failed {self.detector_failures} times": self.detector_failures > 0,
            "the chain cannot be seen now": self.blind_now,
        }
        return tuple(reason for reason, holds in reasons.items() if holds)


async def read_coverage(
    connection: AsyncConnection, chain_id: int, first: int | None, last: int | None, now: float
) -> Coverage:
    """The coverage of heights `first` to `last`; None is the first block ever seen and the newest height known."""
    inside = _inside(chain_id, first, last)
    canonical = (
        await connection.execute(
            select(
                func.count().label("seen"),
                func.min(BlockRow.number).label("lowest"),
                func.max(BlockRow.number).label("highest"),
                func.coalesce(func.sum(BlockRow.malformed), 0).label("malformed"),
                func.coalesce(func.sum(BlockRow.detector_failures), 0).label("failures"),
                func.count().filter(not_(BlockRow.traced)).label("untraced"),
            ).where(inside, BlockRow.canonical)
        )
    ).one()
    orphaned = (
        await connection.execute(
            select(func.count().label("seen"), func.min(BlockRow.number).label("lowest")).where(
                inside, not_(BlockRow.canonical)
            )
        )
    ).one()
    runs = [run async for run in _runs(connection, inside)]
    unseen = _clipped(await gaps.open_gaps(connection, chain_id), first, last)
    parked = [one for one in await read_parked(connection, chain_id) if _holds(one.number, first, last)]
    excused = [(gap.first, gap.last) for gap in unseen]
    excused += [(one.number, one.number) for one in parked if one.kind is ParkedKind.BLOCK and one.number is not None]
    lowest = min((number for number in (canonical.lowest, orphaned.lowest) if number is not None), default=None)
    accounted = sorted(runs + excused)
    missing: list[tuple[int, int]] = []
    if accounted:
        edges = (accounted[0][0] if lowest is None else min(lowest, accounted[0][0]), max(end for _, end in accounted))
        missing = gaps.without((edges[0] if first is None else first, edges[1]), accounted)
    blind = await read_blind(connection, chain_id)
    broken = excused + [(one.number, one.number) for one in parked if one.number is not None]
    return Coverage(
        chain_id=chain_id,
        first_block=lowest,
        newest_block=canonical.highest,
        newest_contiguous_block=_contiguous(runs, broken, lowest if first is None else first),
        blocks_seen=canonical.seen,
        orphaned=orphaned.seen,
        gaps=tuple(unseen),
        missing=tuple(missing),
        parked=tuple(parked),
        malformed_logs=int(canonical.malformed),
        detector_failures=int(canonical.failures),
        untraced_blocks=canonical.untraced,
        blind_seconds=seconds_of(blind, now),
        blind_now=any(period.until is None for period in blind),
    )


async def read_newest_contiguous(connection: AsyncConnection, chain_id: int) -> int | None:
    """`Coverage.newest_contiguous_block` alone, without counting anything."""
    inside = _inside(chain_id, None, None)
    begins = [
        (await connection.execute(select(func.min(BlockRow.number)).where(inside, which))).scalar_one()
        for which in (BlockRow.canonical, not_(BlockRow.canonical))
    ]
    begin = min((number for number in begins if number is not None), default=None)
    broken = [(gap.first, gap.last) for gap in await gaps.open_gaps(connection, chain_id)]
    broken += [(one.number, one.number) for one in await read_parked(connection, chain_id) if one.number is not None]
    async for run in _runs(connection, inside, limit=1):
        return _contiguous([run], broken, begin)
    return None


async def read_parked(connection: AsyncConnection, chain_id: int) -> list[Parked]:
    """What is still set aside, longest first."""
    columns = [getattr(ParkedRow, name) for name in Parked.__struct_fields__]
    query = select(*columns).where(ParkedRow.chain_id == chain_id, ParkedRow.resolved_at.is_(None))
    rows = (await connection.execute(query.order_by(ParkedRow.seq))).all()
    return [msgspec.convert(dict(row._mapping), Parked) for row in rows]


async def read_blind(connection: AsyncConnection, chain_id: int) -> list[BlindPeriod]:
    """All periods of blindness, oldest first."""
    query = select(BlindRow.since, BlindRow.until, BlindRow.reason).where(BlindRow.chain_id == chain_id)
    rows = (await connection.execute(query.order_by(BlindRow.since, BlindRow.seq))).all()
    return [BlindPeriod(since=row.since, until=row.until, reason=row.reason) for row in rows]


def seconds_of(periods: Iterable[BlindPeriod], now: float) -> float:
    """How long `periods`, by their beginning, last together until `now`; what overlaps counts once."""
    total, seen = 0.0, float("-inf")
    for period in periods:
        until = now if period.until is None else min(period.until, now)
        total += max(0.0, until - max(period.since, seen))
        seen = max(seen, until)
    return total


async def _runs(
    connection: AsyncConnection, inside: ColumnElement[bool], limit: int | None = None
) -> AsyncIterator[tuple[int, int]]:
    """The unbroken runs of canonical heights, lowest first. The database compares neighbours; only breaks leave it."""
    canonical = and_(inside, BlockRow.canonical)
    heights = select(BlockRow.number).where(canonical).subquery()
    following = func.lead(heights.c.number).over(order_by=heights.c.number)
    pairs = select(heights.c.number, following.label("following")).subquery()
    ends = select(pairs.c.number, pairs.c.following).where(
        or_(pairs.c.following.is_(None), pairs.c.following - pairs.c.number > 1)
    )
    begin: int = (await connection.execute(select(func.min(BlockRow.number)).where(canonical))).scalar_one() or 0
    for row in await connection.execute(ends.order_by(pairs.c.number).limit(limit)):
        assert row.number is not None
        yield begin, row.number
        begin = row.following


def _contiguous(runs: Iterable[tuple[int, int]], broken: Iterable[tuple[int, int]], begin: int | None) -> int | None:
    """How far an unbroken run reaches from `begin` on before anything of `broken`; None where not even `begin` is."""
    if begin is None:
        return None
    reached = next((end for first, end in runs if first <= begin <= end), begin - 1)
    reached = min([reached, *(first - 1 for first, end in broken if end >= begin)])
    return reached if reached >= begin else None


def _inside(chain_id: int, first: int | None, last: int | None) -> ColumnElement[bool]:
    conditions = [BlockRow.chain_id == chain_id, BlockRow.number.is_not(None)]
    if first is not None:
        conditions.append(BlockRow.number >= first)
    if last is not None:
        conditions.append(BlockRow.number <= last)
    return and_(*conditions)


def _holds(number: int | None, first: int | None, last: int | None) -> bool:
    """Whether `number` is within `first` to `last`; a height that is not known always is."""
    return number is None or ((first is None or number >= first) and (last is None or number <= last))


def _clipped(unseen: Iterable[Gap], first: int | None, last: int | None) -> list[Gap]:
    clipped = [
        Gap(
            gap.first if first is None else max(gap.first, first),
            gap.last if last is None else min(gap.last, last),
            gap.reason,
        )
        for gap in unseen
    ]
    return [gap for gap in clipped if gap.first <= gap.last]
