"""The store: one object with everything that must survive a restart.

Blocks are a ledger: each one seen is there by hash; beside it stand gaps, what was parked and when we were blind,
so that `coverage` can say what was not seen. Alerts, findings and the audit log are append-only.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from chainwatch.store import gaps
from chainwatch.store.coverage import (
    BlindPeriod,
    Coverage,
    Parked,
    ParkedKind,
    read_blind,
    read_coverage,
    read_newest_contiguous,
    read_parked,
    seconds_of,
)
from chainwatch.store.database import Database
from chainwatch.store.desk import Desk
from chainwatch.store.models import (
    AlertTransitionRow,
    AuditRow,
    BlindRow,
    BlockRow,
    FindingRow,
    LeaseRow,
    MalformedLogRow,
    ParkedRow,
)
from chainwatch.store.outbox import OutboxRepository
from chainwatch.types import Alert, AlertEvent, Block, BlockRef, Finding, Gap, MalformedLog

KEPT_MALFORMED = 100
"""Malformed logs kept of one block: enough to look into, too few to fill a disk on purpose."""

_COVERAGE_TIMEOUT_SECONDS = 120.0
_DEAD = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)


class AuditEntry(msgspec.Struct, frozen=True):
    """One line of the audit log; `at` in seconds since the epoch."""

    at: float
    kind: str
    body: dict[str, Any]


class Lease(msgspec.Struct, frozen=True):
    """The right to act, until `expires_at` (seconds since the epoch); `token` grows with each change of hands."""

    name: str
    holder: str
    token: int
    expires_at: float


class Store:
    """Open with `Store.open`, close when done. All methods raise StoreError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.outbox = OutboxRepository(database)
        self.desk = Desk(database)

    @classmethod
    async def open(cls, location: Path | str) -> "Store":
        """The store in the SQLite file (a Path) or PostgreSQL database (a URL), migrated where needed."""
        return cls(await Database.open(location))

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    # Blocks

    async def record_block(
        self,
        block: Block,
        *,
        malformed: Sequence[MalformedLog] = (),
        traced: bool = False,
        detector_failures: int = 0,
        confirmed_by: int = 1,
        findings: Sequence[Finding] = (),
        alerts: Sequence[Alert] = (),
    ) -> None:
        """Remember that `block` was seen, and its malformed logs as they came; a gap at its height is filled.

        With it, as one, go the Findings and Alerts it led to: a process killed in between has written all or nothing,
        and the next start sees the block again.

        `traced` says that the call trees of all its transactions were there, `detector_failures` how many
        detectors raised on it, `confirmed_by` how many providers agreed on it. One seen again, after a
        reorganisation or because it was parked, is canonical again, and what is said of it now counts.
        """
        ref = block.ref
        values = {
            "chain_id": block.chain_id, "number": ref.number, "hash": ref.hash, "parent_hash": ref.parent_hash,
            "timestamp": ref.timestamp, "canonical": True, "executions": len(block.executions),
            "malformed": len(malformed), "traced": traced, "confirmed_by": confirmed_by,
            "detector_failures": detector_failures, "seen_at": time.time(),
        }  # fmt: skip
        same = (BlockRow.chain_id == block.chain_id) & (BlockRow.hash == ref.hash)
        async with self._database.write() as connection:
            changed = await connection.execute(update(BlockRow).where(same).values(values))
            if changed.rowcount == 0:
                await connection.execute(insert(BlockRow).values(values))
                for log in malformed[:KEPT_MALFORMED]:
                    row = {"chain_id": block.chain_id, "block_hash": ref.hash, **msgspec.structs.asdict(log)}
                    await connection.execute(insert(MalformedLogRow).values(row))
            if ref.number is not None:
                await gaps.fill(connection, block.chain_id, ref.number, time.time())
            await _insert_findings(connection, findings)
            await _insert_alerts(connection, alerts)

    async def malformed_logs(self, chain_id: int) -> list[MalformedLog]:
        """Every malformed log that was kept, oldest first."""
        query = select(MalformedLogRow.tx_hash, MalformedLogRow.reason, MalformedLogRow.raw)
        async with self._database.read() as connection:
            rows = (
                await connection.execute(
                    query.where(MalformedLogRow.chain_id == chain_id).order_by(MalformedLogRow.seq)
                )
            ).all()
        return [MalformedLog(tx_hash=row.tx_hash, reason=row.reason, raw=bytes(row.raw)) for row in rows]

    async def record_orphans(self, chain_id: int, orphaned: Iterable[BlockRef], alerts: Sequence[Alert] = ()) -> None:
        """Blocks that are no longer part of the chain, and the Alerts that this retracts, as one. What was parked of
        them is no longer waited for."""
        hashes = [ref.hash for ref in orphaned]
        gone = ParkedRow.hash.in_(hashes)
        async with self._database.write() as connection:
            await connection.execute(
                update(BlockRow).where(BlockRow.chain_id == chain_id, BlockRow.hash.in_(hashes)).values(canonical=False)
            )
            await connection.execute(update(ParkedRow).where(_waiting(chain_id), gone).values(resolved_at=time.time()))
            await _insert_alerts(connection, alerts)

    async def recent_blocks(self, chain_id: int, limit: int) -> list[BlockRef]:
        """The newest canonical blocks, oldest first, as far back as they are linked: where to resume."""
        query = (
            select(BlockRow.number, BlockRow.hash, BlockRow.parent_hash, BlockRow.timestamp)
            .where(BlockRow.chain_id == chain_id, BlockRow.canonical, BlockRow.number.is_not(None))
            .order_by(BlockRow.number.desc(), BlockRow.seq.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        linked: list[BlockRef] = []
        for row in rows:
            ref = BlockRef(number=row.number, hash=row.hash, parent_hash=row.parent_hash, timestamp=row.timestamp)
            if linked and linked[-1].parent_hash != ref.hash:
                break
            linked.append(ref)
        return linked[::-1]

    async def blocks_seen(self, chain_id: int) -> int:
        """How many canonical blocks the ledger holds."""
        query = select(func.count()).select_from(BlockRow).where(BlockRow.chain_id == chain_id, BlockRow.canonical)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    # Coverage

    async def record_gap(self, chain_id: int, gap: Gap) -> None:
        """Blocks that could not be read. Heights that are in an open gap already stay in that one."""
        async with self._database.write() as connection:
            await gaps.add(connection, chain_id, gap, time.time())

    async def gaps(self, chain_id: int) -> list[Gap]:
        """The gaps that are still open, by height: exactly what is noted as unseen."""
        async with self._database.read() as connection:
            return await gaps.open_gaps(connection, chain_id)

    async def park(
        self,
        chain_id: int,
        kind: ParkedKind | str,
        number: int | None,
        hash: str | None,
        tx_hash: str | None,
        error: str,
    ) -> None:
        """Set aside block `hash` at `number`, or transaction `tx_hash` in it, because of `error`; again is once more
        tried in vain."""
        now = time.time()
        same = and_(
            _waiting(chain_id), ParkedRow.kind == kind, _is(ParkedRow.hash, hash), _is(ParkedRow.tx_hash, tx_hash)
        )
        again = {"attempts": ParkedRow.attempts + 1, "error": error, "last_at": now, "number": number}
        new = {
            "chain_id": chain_id, "kind": ParkedKind(kind), "number": number, "hash": hash, "tx_hash": tx_hash,
            "error": error, "attempts": 1, "first_at": now, "last_at": now,
        }  # fmt: skip
        async with self._database.write() as connection:
            if (await connection.execute(update(ParkedRow).where(same).values(again))).rowcount == 0:
                await connection.execute(insert(ParkedRow).values(new))

    async def parked(self, chain_id: int) -> list[Parked]:
        """What is still set aside, longest first."""
        async with self._database.read() as connection:
            return await read_parked(connection, chain_id)

    async def unpark(self, chain_id: int, hash_or_tx: str) -> None:
        """The parked block or transaction of that hash was worked through. A block's transactions stay parked."""
        this = or_(
            and_(ParkedRow.kind == ParkedKind.BLOCK, ParkedRow.hash == hash_or_tx),
            and_(ParkedRow.kind == ParkedKind.TRANSACTION, ParkedRow.tx_hash == hash_or_tx),
        )
        async with self._database.write() as connection:
            await connection.execute(update(ParkedRow).where(_waiting(chain_id), this).values(resolved_at=time.time()))

    async def blind_begins(self, chain_id: int, since: float, reason: str) -> None:
        """From `since` on (seconds since the epoch) the chain cannot be seen. A period still open ends here."""
        async with self._database.write() as connection:
            await _close_blind(connection, chain_id, since)
            values = {"chain_id": chain_id, "since": since, "reason": reason}
            await connection.execute(insert(BlindRow).values(values))

    async def blind_ends(self, chain_id: int, until: float) -> None:
        """The chain is seen again, from `until` on."""
        await self.close_blind(chain_id, until)

    async def close_blind(self, chain_id: int, until: float) -> bool:
        """End a period that is still open, as one is that a killed process left; whether there was one."""
        async with self._database.write() as connection:
            return await _close_blind(connection, chain_id, until)

    async def blind_periods(self, chain_id: int) -> list[BlindPeriod]:
        """All periods of blindness, oldest first."""
        async with self._database.read() as connection:
            return await read_blind(connection, chain_id)

    async def seconds_blind(self, chain_id: int, now: float) -> float:
        """How long the chain could not be seen, until `now`; overlapping periods count once."""
        return seconds_of(await self.blind_periods(chain_id), now)

    async def coverage(self, chain_id: int, first: int | None = None, last: int | None = None) -> Coverage:
        """What was seen of heights `first` to `last`; None is the first block ever seen and the newest known.

        Reads the whole ledger of these heights: for reports. The engine keeps its own count.
        """
        async with self._database.read(timeout_seconds=_COVERAGE_TIMEOUT_SECONDS) as connection:
            return await read_coverage(connection, chain_id, first, last, time.time())

    async def newest_contiguous_block(self, chain_id: int) -> int | None:
        """The highest block up to which nothing is missing, in a gap or parked; None where nothing was seen."""
        async with self._database.read(timeout_seconds=_COVERAGE_TIMEOUT_SECONDS) as connection:
            return await read_newest_contiguous(connection, chain_id)

    # Alerts, findings, audit

    async def append_alert(self, alert: Alert) -> None:
        """Add one transition."""
        async with self._database.write() as connection:
            await _insert_alerts(connection, [alert])

    async def alerts(self, chain_id: int) -> list[Alert]:
        """Every transition, oldest first."""
        query = select(AlertTransitionRow.body).where(AlertTransitionRow.chain_id == chain_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(AlertTransitionRow.seq))).all()
        return [msgspec.json.decode(row.body, type=Alert) for row in rows]

    async def live_alerts(self, chain_id: int) -> list[Alert]:
        """The last transition of each fingerprint that has not come to an end, oldest first."""
        newest = (
            select(func.max(AlertTransitionRow.seq))
            .where(AlertTransitionRow.chain_id == chain_id)
            .group_by(AlertTransitionRow.fingerprint)
        )
        query = select(AlertTransitionRow.body).where(
            AlertTransitionRow.seq.in_(newest), AlertTransitionRow.event.not_in(_DEAD)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(AlertTransitionRow.seq))).all()
        return [msgspec.json.decode(row.body, type=Alert) for row in rows]

    async def record_findings(self, findings: Sequence[Finding], alerts: Sequence[Alert] = ()) -> None:
        """Keep Findings, whether or not an Alert came of them, and those that did, as one."""
        if not findings and not alerts:
            return
        async with self._database.write() as connection:
            await _insert_findings(connection, findings)
            await _insert_alerts(connection, alerts)

    async def audit(self, kind: str, **body: Any) -> None:
        """Add a line to the audit log. `body` must be JSON and hold no secret."""
        values = {"at": time.time(), "kind": kind, "body": msgspec.json.encode(body, enc_hook=str).decode()}
        async with self._database.write() as connection:
            await connection.execute(insert(AuditRow).values(values))

    async def audit_log(self) -> list[AuditEntry]:
        """The audit log, oldest first."""
        return await self._audited(select(AuditRow.at, AuditRow.kind, AuditRow.body))

    async def audited(self, kind: str) -> list[AuditEntry]:
        """The lines of `kind` of the audit log, oldest first."""
        return await self._audited(select(AuditRow.at, AuditRow.kind, AuditRow.body).where(AuditRow.kind == kind))

    async def _audited(self, query: Select[float, str, str]) -> list[AuditEntry]:
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(AuditRow.seq))).all()
        return [AuditEntry(row.at, row.kind, msgspec.json.decode(row.body)) for row in rows]

    # Leases

    async def acquire_lease(
        self, name: str, holder: str, seconds: float, *, is_dead: Callable[[str], bool] = lambda _holder: False
    ) -> Lease | None:
        """Take or renew the lease `name`; None while somebody else holds it who, as far as we know, lives.

        A change of hands raises the token, so that whoever held it before is refused. The database's clock
        decides whether it expired; `Lease.expires_at` is by ours.
        """
        async with self._database.write() as connection:
            now = await self._database.now(connection)
            row = (await connection.execute(select(LeaseRow.__table__).where(LeaseRow.name == name))).one_or_none()
            if row is not None and row.holder != holder and row.expires_at > now and not is_dead(row.holder):
                return None
            token = 1 if row is None else row.token + (row.holder != holder or row.expires_at <= now)
            values = {"name": name, "holder": holder, "token": token, "expires_at": now + seconds}
            if row is None:
                await connection.execute(insert(LeaseRow).values(values))
            else:
                await connection.execute(update(LeaseRow).where(LeaseRow.name == name).values(values))
        return Lease(name=name, holder=holder, token=token, expires_at=time.time() + seconds)

    async def release_lease(self, lease: Lease) -> None:
        """Give the lease back, if it is still ours."""
        mine = (LeaseRow.name == lease.name) & (LeaseRow.token == lease.token)
        async with self._database.write() as connection:
            await connection.execute(update(LeaseRow).where(mine).values(expires_at=0.0))


def _waiting(chain_id: int) -> ColumnElement[bool]:
    return and_(ParkedRow.chain_id == chain_id, ParkedRow.resolved_at.is_(None))


def _is(column: InstrumentedAttribute[str | None], value: str | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


async def _close_blind(connection: AsyncConnection, chain_id: int, until: float) -> bool:
    # A clock that was set back must not make a period end before it began.
    end = case((BlindRow.since > until, BlindRow.since), else_=until)
    open_ = and_(BlindRow.chain_id == chain_id, BlindRow.until.is_(None))
    return (await connection.execute(update(BlindRow).where(open_).values(until=end))).rowcount > 0


async def _insert_alerts(connection: AsyncConnection, alerts: Sequence[Alert]) -> None:
    rows = [
        {
            "chain_id": a.chain_id, "alert_id": a.alert_id, "fingerprint": a.fingerprint, "event": a.event,
            "kind": a.kind, "tier": a.tier, "severity": a.severity, "stage": a.stage, "block_number": a.block_number,
            "block_hash": a.block_hash, "at": time.time(), "body": msgspec.json.encode(a).decode(),
        }
        for a in alerts
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(AlertTransitionRow), rows)


async def _insert_findings(connection: AsyncConnection, findings: Sequence[Finding]) -> None:
    rows = [
        {
            "chain_id": f.chain_id, "detector": f.detector, "family": f.family, "kind": f.kind, "stage": f.stage,
            "confidence": f.confidence, "block_number": f.block and f.block.number,
            "block_hash": f.block and f.block.hash, "tx_hash": f.tx_hashes[0] if f.tx_hashes else None,
            "at": time.time(), "body": msgspec.json.encode(f).decode(),
        }
        for f in findings
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(FindingRow), rows)
