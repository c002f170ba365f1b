"""What people say of alerts: acknowledged, silenced, right or wrong. It stands in the audit log, by whom and why."""

import time
from collections.abc import Collection
from typing import Literal

import msgspec
from sqlalchemy import Insert, func, insert, select

from chainwatch.store.database import Database
from chainwatch.store.models import AlertTransitionRow, AuditRow, BlockRow
from chainwatch.types import Alert, AlertEvent, Silence

Verdict = Literal["attack", "false", "expected"]
"""What an alert turned out to be: an attack, nothing, or something planned that had not been announced to the bot."""

_COUNT_TIMEOUT_SECONDS = 120.0  # over all blocks there are
_ACKNOWLEDGED, _SILENCED, _FEEDBACK = "alert_acknowledged", "alerts_silenced", "alert_feedback"
ENDED = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict; of several on one alert the last counts."""

    alert_id: str
    kind: str
    detectors: tuple[str, ...]
    verdict: Verdict
    by: str
    note: str


class Desk:
    """`store.desk`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, alert_id: str) -> list[Alert]:
        """The last transition of each Alert whose id begins so, at most two."""
        newest = (
            select(func.max(AlertTransitionRow.seq))
            .where(AlertTransitionRow.alert_id.startswith(alert_id, autoescape=True))
            .group_by(AlertTransitionRow.alert_id)
        )
        query = select(AlertTransitionRow.body).where(AlertTransitionRow.seq.in_(newest)).limit(2)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [msgspec.json.decode(row.body, type=Alert) for row in rows]

    async def newest(self, chain_id: int, count: int) -> list[Alert]:
        """The last transition of the `count` Alerts that moved last, the oldest of them first."""
        newest = (
            select(func.max(AlertTransitionRow.seq).label("seq"))
            .where(AlertTransitionRow.chain_id == chain_id)
            .group_by(AlertTransitionRow.alert_id)
        )
        query = select(AlertTransitionRow.body).where(AlertTransitionRow.seq.in_(newest))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(AlertTransitionRow.seq.desc()).limit(count))).all()
        return [msgspec.json.decode(row.body, type=Alert) for row in rows[::-1]]

    async def acknowledge(self, alert: Alert, by: str, note: str) -> None:
        """Somebody has seen `alert` and answers for it. One that has ended meanwhile stays ended."""
        last = (
            select(AlertTransitionRow.event)
            .where(AlertTransitionRow.alert_id == alert.alert_id)
            .order_by(AlertTransitionRow.seq.desc())
            .limit(1)
        )
        told = msgspec.structs.replace(alert, event=AlertEvent.ACKNOWLEDGED)
        async with self._database.write() as connection:
            event = (await connection.execute(last)).scalar_one_or_none()
            if event not in ENDED:
                row = {
                    "chain_id": alert.chain_id, "alert_id": alert.alert_id, "fingerprint": alert.fingerprint,
                    "event": told.event, "kind": alert.kind, "tier": alert.tier, "severity": alert.severity,
                    "stage": alert.stage, "block_number": alert.block_number, "block_hash": alert.block_hash,
                    "at": time.time(), "body": msgspec.json.encode(told).decode(),
                }  # fmt: skip
                await connection.execute(insert(AlertTransitionRow).values(row))
            await connection.execute(_audited(_ACKNOWLEDGED, {"alert_id": alert.alert_id, "by": by, "note": note}))

    async def acknowledged(self, alert_ids: Collection[str]) -> dict[str, str]:
        """Which of these were acknowledged, and by whom first."""
        wanted = set(alert_ids)
        found: dict[str, str] = {}
        for body in await self._said(_ACKNOWLEDGED):
            said = msgspec.json.decode(body, type=dict[str, str])
            if said["alert_id"] in wanted:
                found.setdefault(said["alert_id"], said["by"])
        return found

    async def silence(self, silence: Silence) -> None:
        """Keep people undisturbed by what it covers. One that ends now takes an earlier one back."""
        async with self._database.write() as connection:
            await connection.execute(_audited(_SILENCED, msgspec.to_builtins(silence)))

    async def silences(self, now: float) -> list[Silence]:
        """Those that hold at `now` (seconds since 1970); of one protocol and kind the last counts."""
        said = [msgspec.json.decode(body, type=Silence) for body in await self._said(_SILENCED)]
        newest = {(silence.protocol, silence.kind): silence for silence in said}
        return [silence for silence in newest.values() if silence.until > now]

    async def judge(self, feedback: Feedback) -> None:
        """Keep what an alert turned out to be."""
        async with self._database.write() as connection:
            await connection.execute(_audited(_FEEDBACK, msgspec.to_builtins(feedback)))

    async def judged(self) -> list[Feedback]:
        """The last verdict on each alert."""
        said = [msgspec.json.decode(body, type=Feedback) for body in await self._said(_FEEDBACK)]
        return list({feedback.alert_id: feedback for feedback in said}.values())

    async def seen(self, chain_ids: Collection[int]) -> tuple[int, float, float]:
        """How many transactions of these chains went through detection, and when the first and the last block was seen
        (seconds since 1970; 0 where none was)."""
        query = select(func.sum(BlockRow.executions), func.min(BlockRow.seen_at), func.max(BlockRow.seen_at)).where(
            BlockRow.chain_id.in_(chain_ids)
        )
        async with self._database.read(timeout_seconds=_COUNT_TIMEOUT_SECONDS) as connection:
            executions, first, last = (await connection.execute(query)).one()
        return int(executions or 0), float(first or 0.0), float(last or 0.0)

    async def _said(self, kind: str) -> list[str]:
        query = select(AuditRow.body).where(AuditRow.kind == kind).order_by(AuditRow.seq)
        async with self._database.read() as connection:
            return [row.body for row in (await connection.execute(query)).all()]


def _audited(kind: str, body: object) -> Insert:
    return insert(AuditRow).values({"at": time.time(), "kind": kind, "body": msgspec.json.encode(body).decode()})
