"""The store: one object with everything that must survive a restart.

Blocks are a ledger: each one seen is there by hash, with gaps beside it. Alerts, findings and the audit log
are append-only.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Select, func, insert, select, update

from chainwatch.store.database import Database
from chainwatch.store.models import (
    AlertTransitionRow,
    AuditRow,
    BlockRow,
    FindingRow,
    GapRow,
    LeaseRow,
    MalformedLogRow,
)
from chainwatch.store.outbox import OutboxRepository
from chainwatch.types import Alert, AlertEvent, Block, BlockRef, Finding, Gap, MalformedLog

KEPT_MALFORMED = 100
"""Malformed logs kept of one block: enough to look into, too few to fill a disk on purpose."""

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

    @classmethod
    async def open(cls, path: Path) -> "Store":
        """The store in the SQLite file `path`, created and migrated where needed."""
        return cls(await Database.open(path))

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    # Blocks

    async def record_block(self, block: Block, *, malformed: Sequence[MalformedLog] = ()) -> None:
        """Remember that `block` was seen, and its malformed logs as they came.

        One seen again after a reorganisation is canonical again.
        """
        ref = block.ref
        values = {
            "chain_id": block.chain_id, "number": ref.number, "hash": ref.hash, "parent_hash": ref.parent_hash,
            "timestamp": ref.timestamp, "canonical": True, "executions": len(block.executions),
            "malformed": len(malformed), "seen_at": time.time(),
        }  # fmt: skip
        same = (BlockRow.chain_id == block.chain_id) & (BlockRow.hash == ref.hash)
        async with self._database.write() as connection:
            changed = await connection.execute(update(BlockRow).where(same).values(values))
            if changed.rowcount == 0:
                await connection.execute(insert(BlockRow).values(values))
                for log in malformed[:KEPT_MALFORMED]:
                    row = {"chain_id": block.chain_id, "block_hash": ref.hash, **msgspec.structs.asdict(log)}
                    await connection.execute(insert(MalformedLogRow).values(row))

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

    async def record_orphans(self, chain_id: int, orphaned: Iterable[BlockRef]) -> None:
        """Blocks that are no longer part of the chain."""
        hashes = [ref.hash for ref in orphaned]
        async with self._database.write() as connection:
            await connection.execute(
                update(BlockRow).where(BlockRow.chain_id == chain_id, BlockRow.hash.in_(hashes)).values(canonical=False)
            )

    async def record_gap(self, chain_id: int, gap: Gap) -> None:
        """Blocks that could not be read."""
        values = {"chain_id": chain_id, "first": gap.first, "last": gap.last, "reason": gap.reason, "at": time.time()}
        async with self._database.write() as connection:
            await connection.execute(insert(GapRow).values(values))

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

    async def gaps(self, chain_id: int) -> list[Gap]:
        """All gaps, oldest first."""
        query = select(GapRow.first, GapRow.last, GapRow.reason).where(GapRow.chain_id == chain_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(GapRow.seq))).all()
        return [Gap(row.first, row.last, row.reason) for row in rows]

    async def blocks_seen(self, chain_id: int) -> int:
        """How many canonical blocks the ledger holds."""
        query = select(func.count()).select_from(BlockRow).where(BlockRow.chain_id == chain_id, BlockRow.canonical)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    # Alerts, findings, audit

    async def append_alert(self, alert: Alert) -> None:
        """Add one transition."""
        values = {
            "chain_id": alert.chain_id, "alert_id": alert.alert_id, "fingerprint": alert.fingerprint,
            "event": alert.event, "kind": alert.kind, "tier": alert.tier, "severity": alert.severity,
            "stage": alert.stage, "block_number": alert.block_number, "block_hash": alert.block_hash,
            "at": time.time(), "body": msgspec.json.encode(alert).decode(),
        }  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(insert(AlertTransitionRow).values(values))

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

    async def record_findings(self, findings: Sequence[Finding]) -> None:
        """Keep Findings, whether or not an Alert came of them."""
        if not findings:
            return
        now = time.time()
        rows = [
            {
                "chain_id": f.chain_id, "detector": f.detector, "family": f.family, "kind": f.kind, "stage": f.stage,
                "confidence": f.confidence, "block_number": f.block and f.block.number,
                "block_hash": f.block and f.block.hash, "tx_hash": f.tx_hashes[0] if f.tx_hashes else None,
                "at": now, "body": msgspec.json.encode(f).decode(),
            }
            for f in findings
        ]  # fmt: skip
        async with self._database.write() as connection:
            await connection.execute(insert(FindingRow), rows)

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

        A change of hands raises the token, so that whoever held it before is refused.
        """
        now = time.time()
        async with self._database.write() as connection:
            row = (await connection.execute(select(LeaseRow.__table__).where(LeaseRow.name == name))).one_or_none()
            if row is not None and row.holder != holder and row.expires_at > now and not is_dead(row.holder):
                return None
            token = 1 if row is None else row.token + (row.holder != holder or row.expires_at <= now)
            values = {"name": name, "holder": holder, "token": token, "expires_at": now + seconds}
            if row is None:
                await connection.execute(insert(LeaseRow).values(values))
            else:
                await connection.execute(update(LeaseRow).where(LeaseRow.name == name).values(values))
        return Lease(**values)  # type: ignore[arg-type]

    async def release_lease(self, lease: Lease) -> None:
        """Give the lease back, if it is still ours."""
        mine = (LeaseRow.name == lease.name) & (LeaseRow.token == lease.token)
        async with self._database.write() as connection:
            await connection.execute(update(LeaseRow).where(mine).values(expires_at=0.0))
