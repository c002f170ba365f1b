"""The tables. Portable SQL only: SQLite for one machine, PostgreSQL for teams.

Times are seconds since the epoch, UTC, as floating point (our clock) or integer (the chain's). `body` columns
hold the whole struct as JSON; the columns beside it exist to be searched. Hashes and addresses are lower-case
`0x` hex. `alerts`, `findings` and `audit` are append-only.
"""

from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class _AnyText(TypeDecorator[str]):
    """Text that comes from anywhere, such as a contract's reason for reverting.

    PostgreSQL refuses NUL in a text, and neither database takes half a surrogate pair: nobody may hide behind one.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as both databases can hold it."""
        if value is None:
            return None
        return str(value).encode(errors="replace").decode().replace("\0", "\ufffd")


# SQLite numbers rows by itself only where the type is exactly INTEGER, which has 64 bits there.
_Serial = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {str: _AnyText}


class BlockRow(Base):
    """One block that was seen (DESIGN section 4.4), by hash; `canonical` turns false when it is orphaned.

    `malformed` is how many of its logs could not be decoded, `detector_failures` how many detectors raised on it,
    `traced` whether the call trees of all its transactions were there, `confirmed_by` how many providers agreed.
    """

    __tablename__ = "blocks"
    __table_args__ = (
        UniqueConstraint("chain_id", "hash", name="uq_blocks_chain_hash"),
        # All that `coverage` asks, so that it reads this and not the table.
        Index("ix_blocks_coverage", "chain_id", "canonical", "number", "traced", "malformed", "detector_failures"),
    )

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[str]
    parent_hash: Mapped[str | None]
    timestamp: Mapped[int | None] = mapped_column(BigInteger)
    canonical: Mapped[bool] = mapped_column(Boolean)
    executions: Mapped[int] = mapped_column(BigInteger)
    malformed: Mapped[int] = mapped_column(BigInteger)
    traced: Mapped[bool] = mapped_column(Boolean)
    confirmed_by: Mapped[int] = mapped_column(BigInteger)
    detector_failures: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[float] = mapped_column(Float)


class MalformedLogRow(Base):
    """A log that could not be decoded, as the node gave it. At most `store.KEPT_MALFORMED` of a block."""

    __tablename__ = "malformed_logs"
    __table_args__ = (Index("ix_malformed_chain_block", "chain_id", "block_hash"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str | None]
    tx_hash: Mapped[str]
    reason: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class GapRow(Base):
    """Blocks that could not be read, `first` to `last` inclusive. Rows that are still open never overlap.

    `filled_at` is when the last of them was read after all. A gap filled in part is split; its parts share `at`.
    """

    __tablename__ = "gaps"
    __table_args__ = (
        Index("ix_gaps_chain", "chain_id", "first"),
        Index(
            "ix_gaps_open",
            "chain_id",
            "first",
            sqlite_where=text("filled_at IS NULL"),
            postgresql_where=text("filled_at IS NULL"),
        ),
    )

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    at: Mapped[float] = mapped_column(Float)
    filled_at: Mapped[float | None] = mapped_column(Float)


class ParkedRow(Base):
    """A block or transaction that was set aside because working on it failed, to be tried again."""

    __tablename__ = "parked"
    __table_args__ = (
        Index(
            "ix_parked_open",
            "chain_id",
            "number",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
    )

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    number: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[str | None]
    tx_hash: Mapped[str | None]
    error: Mapped[str]
    attempts: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[float] = mapped_column(Float)
    last_at: Mapped[float] = mapped_column(Float)
    resolved_at: Mapped[float | None] = mapped_column(Float)


class BlindRow(Base):
    """A time in which the chain could not be seen; `until` is null while it lasts."""

    __tablename__ = "blind"
    __table_args__ = (Index("ix_blind_chain", "chain_id", "since"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[float] = mapped_column(Float)
    until: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str]


class AlertTransitionRow(Base):
    """One transition of an Alert; the last one of a fingerprint wins."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_chain_fingerprint", "chain_id", "fingerprint", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    alert_id: Mapped[str] = mapped_column(index=True)
    fingerprint: Mapped[str]
    event: Mapped[str]
    kind: Mapped[str]
    tier: Mapped[str]
    severity: Mapped[str]
    stage: Mapped[str]
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None]
    at: Mapped[float] = mapped_column(Float)
    body: Mapped[str]


class FindingRow(Base):
    """One Finding, whether or not an Alert came of it."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_chain_block", "chain_id", "block_number"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    detector: Mapped[str]
    family: Mapped[str]
    kind: Mapped[str]
    stage: Mapped[str]
    confidence: Mapped[float] = mapped_column(Float)
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None]
    tx_hash: Mapped[str | None] = mapped_column(index=True)
    at: Mapped[float] = mapped_column(Float)
    body: Mapped[str]


class OutboxRow(Base):
    """One action, written before it is signed.

    `key` is the idempotency key. `nonce` is null once the action no longer needs one, so that the next action
    may take it: SQL holds nulls distinct.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("key", name="uq_outbox_key"),
        UniqueConstraint("chain_id", "sender", "nonce", name="uq_outbox_nonce"),
        Index("ix_outbox_playbook", "chain_id", "playbook", "created_at"),
        Index("ix_outbox_state", "chain_id", "state"),
    )

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    key: Mapped[str]
    chain_id: Mapped[int] = mapped_column(BigInteger)
    playbook: Mapped[str]
    playbook_version: Mapped[int] = mapped_column(BigInteger)
    adapter: Mapped[str]
    target: Mapped[str]
    data: Mapped[str]
    sender: Mapped[str]
    gas_limit: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str]
    alert_id: Mapped[str | None]
    fingerprint: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str]
    tx_hash: Mapped[str | None]
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None]
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)


class AttemptRow(Base):
    """One signed transaction of an action, kept so that a restart sends the very same bytes."""

    __tablename__ = "outbox_attempts"
    __table_args__ = (Index("ix_attempts_action", "action_id", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"))
    nonce: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str]
    raw: Mapped[str]
    max_fee_per_gas: Mapped[int] = mapped_column(BigInteger)
    max_priority_fee_per_gas: Mapped[int] = mapped_column(BigInteger)
    signed_at: Mapped[float] = mapped_column(Float)


class AuditRow(Base):
    """What was done, by whom and why. Append-only."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_kind", "kind", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    kind: Mapped[str]
    body: Mapped[str]


class LeaseRow(Base):
    """Who may act now. `token` grows with every change of hands, so that a late holder can be refused."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    token: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[float] = mapped_column(Float)
