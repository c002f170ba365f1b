"""The outbox: every action is written here before it is signed, and what became of it afterwards.

One idempotency key is one row, one row is one nonce. The signed bytes are kept, so that a restart sends the
very same transaction again and never a second one.
"""

import time
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chainwatch.errors import StoreError
from chainwatch.store.database import Database
from chainwatch.store.models import AttemptRow, LeaseRow, OutboxRow
from chainwatch.types import Address, Hash, HexData


class OutboxState(StrEnum):
    """How far an action has come. The last three are ends."""

    PLANNED = "planned"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    INCLUDED = "included"
    VERIFIED = "verified"
    FAILED = "failed"
    ABANDONED = "abandoned"


ENDED = (OutboxState.VERIFIED, OutboxState.FAILED, OutboxState.ABANDONED)


class NonceTaken(StoreError):
    """Another action that has not ended holds the nonce."""


class NewAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action as it is decided on. `key` is its idempotency key."""

    key: str
    chain_id: int
    playbook: str
    playbook_version: int
    adapter: str
    target: Address
    data: HexData
    sender: Address
    gas_limit: int
    nonce: int
    alert_id: str | None
    fingerprint: str
    reason: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One signed transaction of an action; fees in wei. `raw` is its bytes in hex."""

    nonce: int
    tx_hash: Hash
    raw: HexData
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    signed_at: float


class OutboxAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action as it stands in the outbox. `nonce` is None once it needs none any more."""

    id: int
    key: str
    chain_id: int
    playbook: str
    playbook_version: int
    adapter: str
    target: Address
    data: HexData
    sender: Address
    gas_limit: int
    nonce: int | None
    state: OutboxState
    alert_id: str | None
    fingerprint: str
    reason: str
    detail: str
    tx_hash: Hash | None
    block_number: int | None
    block_hash: Hash | None
    created_at: float
    updated_at: float
    attempts: tuple[Attempt, ...] = ()


class OutboxRepository:
    """Reads and writes the outbox. All methods raise StoreError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uncertain: dict[str, float] = {}

    async def rehearse(self) -> None:
        """Write an action and an attempt and take both back.

        Proves that the outbox can be written, and leaves every statement compiled: the first real action is
        the one that must not wait.
        """
        action = NewAction(
            key="rehearsal", chain_id=0, playbook="", playbook_version=0, adapter="", target="", data="", sender="",
            gas_limit=0, nonce=0, alert_id=None, fingerprint="", reason="",
        )  # fmt: skip
        row = _row(action)  # the same columns in the same order, or it would compile another statement
        attempt = Attempt(
            nonce=0, tx_hash="", raw="", max_fee_per_gas=0, max_priority_fee_per_gas=0, signed_at=0.0
        )  # fmt: skip
        try:
            async with self._database.write() as connection:
                await _check_fencing(connection, "rehearsal", None)
                result = await connection.execute(insert(OutboxRow).values(row))
                key = result.inserted_primary_key
                assert key is not None
                await _add_attempt(connection, key[0], attempt)
                raise _TakenBack
        except _TakenBack:
            pass

    async def plan(self, action: NewAction, *, fencing: tuple[str, int] | None = None) -> OutboxAction | None:
        """Write `action`; None where its key is there already: somebody has decided it before.

        `fencing` is the name and token of the lease under which it was decided; a token that is no longer the
        newest raises StoreError, a nonce that another action holds NonceTaken.
        """
        row = _row(action)
        try:
            async with self._database.write() as connection:
                if fencing is not None:
                    await _check_fencing(connection, *fencing)
                result = await connection.execute(insert(OutboxRow).values(row))
                key = result.inserted_primary_key
                assert key is not None
                planned = OutboxAction(id=key[0], tx_hash=None, block_number=None, block_hash=None, **row)
        except IntegrityError as error:
            return await self._planned_before(action, error)
        except StoreError:
            # A server that dies over a commit may have kept it: the next try must then find its own action.
            self._uncertain[action.key] = row["created_at"]
            raise
        self._uncertain.pop(action.key, None)
        return planned

    async def _planned_before(self, action: NewAction, error: IntegrityError) -> OutboxAction | None:
        """What stands in the way of planning `action`: its own earlier try, its key (None), or its nonce."""
        async with self._database.read() as connection:
            query = select(OutboxRow.__table__).where(OutboxRow.key == action.key)
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NonceTaken(
                    f"Another action holds nonce {action.nonce} of {action.sender}.",
                    "Wait for it to end; a restart resumes it.",
                ) from error
            mine = self._uncertain.pop(action.key, None) == row.created_at and row.state == OutboxState.PLANNED
            return await _whole(connection, row) if mine else None

    async def next_nonce(self, chain_id: int, sender: Address) -> int:
        """The nonce after those that actions of `sender` hold; 0 where none does."""
        query = select(func.max(OutboxRow.nonce)).where(OutboxRow.chain_id == chain_id, OutboxRow.sender == sender)
        async with self._database.read() as connection:
            highest = (await connection.execute(query)).scalar_one()
        return 0 if highest is None else int(highest) + 1

    async def add_attempt(self, action_id: int, attempt: Attempt) -> None:
        """Keep a signed transaction, before it is sent."""
        async with self._database.write() as connection:
            await _add_attempt(connection, action_id, attempt)

    async def move(self, action_id: int, state: OutboxState, **fields: Any) -> None:
        """Record a step: `state` and any of detail, tx_hash, block_number, block_hash, nonce. An end frees the
        nonce: if a transaction with it is on chain the node offers another, and if that is reorganised away the
        next action needs it. Raises StoreError, also where `nonce` is held by another action by now."""
        if state in ENDED:
            fields["nonce"] = None
        try:
            async with self._database.write() as connection:
                await _change(connection, action_id, state=state, **fields)
        except IntegrityError as error:
            raise StoreError(
                f"Action {action_id} cannot be {state}: another one holds nonce {fields.get('nonce')} by now.",
                "Wait for that one to end; a restart resumes it.",
            ) from error

    async def get(self, action_id: int) -> OutboxAction:
        """The action with all its attempts."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(OutboxRow.__table__).where(OutboxRow.id == action_id))).one()
            return await _whole(connection, row)

    async def unfinished(self, chain_id: int) -> list[OutboxAction]:
        """Actions that have not come to an end, oldest first."""
        query = select(OutboxRow.__table__).where(OutboxRow.chain_id == chain_id, OutboxRow.state.not_in(ENDED))
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(OutboxRow.id))).all()
            return [await _whole(connection, row) for row in rows]

    async def sent_since(self, chain_id: int, playbook: str, since: float) -> list[float]:
        """When `playbook` acted since `since` (seconds since the epoch); abandoned actions do not count."""
        query = select(OutboxRow.created_at).where(
            OutboxRow.chain_id == chain_id,
            OutboxRow.playbook == playbook,
            OutboxRow.created_at >= since,
            OutboxRow.state != OutboxState.ABANDONED,
        )
        async with self._database.read() as connection:
            return [row[0] for row in (await connection.execute(query.order_by(OutboxRow.created_at))).all()]

    async def count(self, chain_id: int) -> int:
        """How many actions there are, of any state."""
        query = select(func.count()).select_from(OutboxRow).where(OutboxRow.chain_id == chain_id)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


def _row(action: NewAction) -> dict[str, Any]:
    now = time.time()
    return msgspec.structs.asdict(action) | {
        "state": OutboxState.PLANNED, "detail": "", "created_at": now, "updated_at": now,
    }  # fmt: skip


class _TakenBack(Exception):
    pass


async def _add_attempt(connection: AsyncConnection, action_id: int, attempt: Attempt) -> None:
    values = msgspec.structs.asdict(attempt) | {"action_id": action_id}
    await connection.execute(insert(AttemptRow).values(values))
    await _change(connection, action_id, state=OutboxState.SIGNED, tx_hash=attempt.tx_hash)


async def _change(connection: AsyncConnection, action_id: int, **fields: Any) -> None:
    values = fields | {"updated_at": time.time()}
    await connection.execute(update(OutboxRow).where(OutboxRow.id == action_id).values(values))


async def _whole(connection: AsyncConnection, row: Any) -> OutboxAction:
    query = select(AttemptRow.__table__).where(AttemptRow.action_id == row.id).order_by(AttemptRow.seq)
    attempts = tuple(
        msgspec.convert({k: v for k, v in a._mapping.items() if k in Attempt.__struct_fields__}, Attempt)
        for a in (await connection.execute(query)).all()
    )
    return msgspec.convert(dict(row._mapping) | {"attempts": attempts}, OutboxAction)


async def _check_fencing(connection: AsyncConnection, name: str, token: int | None) -> None:
    query = select(LeaseRow.token).where(LeaseRow.name == name)
    newest = (await connection.execute(query)).scalar_one_or_none()
    if newest != token:
        raise StoreError(
            f"The lease {name!r} has changed hands (token {newest}, ours is {token}).",
            "Another responder acts now; this one may not.",
        )
