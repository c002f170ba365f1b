"""Gaps: heights that could not be read, and what became of them.

Open gaps never overlap: what is noted twice is one gap, with its first reason. A height that is read later is cut
out of its gap and kept beside it as filled, so that what was once unseen stays known.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chainwatch.store.models import GapRow
from chainwatch.types import Gap


async def open_gaps(connection: AsyncConnection, chain_id: int) -> list[Gap]:
    """What is still unseen, by height."""
    query = select(GapRow.first, GapRow.last, GapRow.reason).where(_open(chain_id)).order_by(GapRow.first)
    return [Gap(row.first, row.last, row.reason) for row in (await connection.execute(query)).all()]


async def add(connection: AsyncConnection, chain_id: int, gap: Gap, at: float) -> None:
    """Note `gap`, as far as it is not noted already."""
    query = select(GapRow.first, GapRow.last).where(_open(chain_id), GapRow.first <= gap.last, GapRow.last >= gap.first)
    known = (await connection.execute(query.order_by(GapRow.first))).all()
    rows = [
        {"chain_id": chain_id, "first": first, "last": last, "reason": gap.reason, "at": at}
        for first, last in without((gap.first, gap.last), [(row.first, row.last) for row in known])
    ]
    if rows:
        await connection.execute(insert(GapRow), rows)


async def fill(connection: AsyncConnection, chain_id: int, number: int, at: float) -> bool:
    """Cut `number` out of the open gap it is in; False where it is in none."""
    below = select(GapRow.__table__).where(_open(chain_id), GapRow.first <= number)
    gap = (await connection.execute(below.order_by(GapRow.first.desc()).limit(1))).one_or_none()
    if gap is None or gap.last < number:
        return False
    same = GapRow.seq == gap.seq
    parts = without((gap.first, gap.last), [(number, number)])
    if parts:
        await connection.execute(update(GapRow).where(same).values(first=parts[0][0], last=parts[0][1]))
    else:
        await connection.execute(delete(GapRow).where(same))
    rows = [_like(gap, *part, None) for part in parts[1:]]
    if not await _joined(connection, gap, number, at):
        rows.append(_like(gap, number, number, at))
    if rows:
        await connection.execute(insert(GapRow), rows)
    return True


def without(whole: tuple[int, int], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of the range `whole` that no range of `taken` covers. All inclusive, `taken` by its beginning."""
    first, last = whole
    left = []
    for begin, end in taken:
        if begin > last:
            break
        if begin > first:
            left.append((first, begin - 1))
        first = max(first, end + 1)
    return [*left, (first, last)] if first <= last else left


async def _joined(connection: AsyncConnection, gap: Row[*tuple[object, ...]], number: int, at: float) -> bool:
    """Whether a filled part of the same gap beside `number` now reaches to it: a long gap must not be a row a block."""
    for beside, grown in (
        (GapRow.last == number - 1, {"last": number}),
        (GapRow.first == number + 1, {"first": number}),
    ):
        part = (GapRow.chain_id == gap.chain_id) & (GapRow.at == gap.at) & GapRow.filled_at.is_not(None) & beside
        changed = await connection.execute(update(GapRow).where(part).values(filled_at=at, **grown))
        if changed.rowcount:
            return True
    return False


def _open(chain_id: int) -> ColumnElement[bool]:
    return (GapRow.chain_id == chain_id) & GapRow.filled_at.is_(None)


def _like(gap: Row[*tuple[object, ...]], first: int, last: int, filled_at: float | None) -> dict[str, object]:
    return {
        "chain_id": gap.chain_id, "first": first, "last": last, "reason": gap.reason, "at": gap.at,
        "filled_at": filled_at,
    }  # fmt: skip
