"""The tables. Portable SQL only: SQLite today, PostgreSQL for teams later.

Times are seconds since the epoch, UTC, as floating point (our clock) or integer (the chain's). `body` columns
hold the whole struct as JSON; the columns beside it exist to be searched. Hashes and addresses are lower-case
`0x` hex. `alerts`, `findings` and `audit` are append-only.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only where the type is exactly INTEGER, which has 64 bits there.
_Serial = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""


class BlockRow(Base):
    """One block that was seen (DESIGN section 4.4), by hash; `canonical` turns false when it is orphaned."""

    __tablename__ = "blocks"
    __table_args__ = (
        UniqueConstraint("chain_id", "hash", name="uq_blocks_chain_hash"),
        Index("ix_blocks_chain_number", "chain_id", "number"),
    )

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(66))
    parent_hash: Mapped[str | None] = mapped_column(String(66))
    timestamp: Mapped[int | None] = mapped_column(BigInteger)
    canonical: Mapped[bool] = mapped_column(Boolean)
    executions: Mapped[int] = mapped_column(BigInteger)
    malformed: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[float] = mapped_column(Float)


class MalformedLogRow(Base):
    """A log that could not be decoded, as the node gave it. At most `store.KEPT_MALFORMED` of a block."""

    __tablename__ = "malformed_logs"
    __table_args__ = (Index("ix_malformed_chain_block", "chain_id", "block_hash"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    block_hash: Mapped[str | None] = mapped_column(String(66))
    tx_hash: Mapped[str] = mapped_column(String(66))
    reason: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class GapRow(Base):
    """Blocks that could not be read, `first` to `last` inclusive."""

    __tablename__ = "gaps"
    __table_args__ = (Index("ix_gaps_chain", "chain_id", "first"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[float] = mapped_column(Float)


class AlertTransitionRow(Base):
    """One transition of an Alert; the last one of a fingerprint wins."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_chain_fingerprint", "chain_id", "fingerprint", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    alert_id: Mapped[str] = mapped_column(String(64), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(64))
    tier: Mapped[str] = mapped_column(String(8))
    severity: Mapped[str] = mapped_column(String(2))
    stage: Mapped[str] = mapped_column(String(16))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None] = mapped_column(String(66))
    at: Mapped[float] = mapped_column(Float)
    body: Mapped[str] = mapped_column(Text)


class FindingRow(Base):
    """One Finding, whether or not an Alert came of it."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_chain_block", "chain_id", "block_number"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    detector: Mapped[str] = mapped_column(String(64))
    family: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    stage: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float] = mapped_column(Float)
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None] = mapped_column(String(66))
    tx_hash: Mapped[str | None] = mapped_column(String(66), index=True)
    at: Mapped[float] = mapped_column(Float)
    body: Mapped[str] = mapped_column(Text)


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
    key: Mapped[str] = mapped_column(String(64))
    chain_id: Mapped[int] = mapped_column(BigInteger)
    playbook: Mapped[str] = mapped_column(String(64))
    playbook_version: Mapped[int] = mapped_column(BigInteger)
    adapter: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(42))
    data: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(String(42))
    gas_limit: Mapped[int] = mapped_column(BigInteger)
    nonce: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    alert_id: Mapped[str | None] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    tx_hash: Mapped[str | None] = mapped_column(String(66))
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None] = mapped_column(String(66))
    created_at: Mapped[float] = mapped_column(Float)
    updated_at: Mapped[float] = mapped_column(Float)


class AttemptRow(Base):
    """One signed transaction of an action, kept so that a restart sends the very same bytes."""

    __tablename__ = "outbox_attempts"
    __table_args__ = (Index("ix_attempts_action", "action_id", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"))
    nonce: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[str] = mapped_column(String(66))
    raw: Mapped[str] = mapped_column(Text)
    max_fee_per_gas: Mapped[int] = mapped_column(BigInteger)
    max_priority_fee_per_gas: Mapped[int] = mapped_column(BigInteger)
    signed_at: Mapped[float] = mapped_column(Float)


class AuditRow(Base):
    """What was done, by whom and why. Append-only."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_kind", "kind", "seq"),)

    seq: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    kind: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)


class LeaseRow(Base):
    """Who may act now. `token` grows with every change of hands, so that a late holder can be refused."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(128))
    token: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[float] = mapped_column(Float)
