"""What must survive a restart: blocks seen, alerts, findings, gaps, the outbox, the audit log, leases."""

from chainwatch.store.coverage import BlindPeriod, Coverage, Parked, ParkedKind
from chainwatch.store.outbox import Attempt, NewAction, OutboxAction, OutboxRepository, OutboxState
from chainwatch.store.store import AuditEntry, Lease, Store

__all__ = [
    "Attempt",
    "AuditEntry",
    "BlindPeriod",
    "Coverage",
    "Lease",
    "NewAction",
    "OutboxAction",
    "OutboxRepository",
    "OutboxState",
    "Parked",
    "ParkedKind",
    "Store",
]
