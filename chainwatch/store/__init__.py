"""What must survive a restart: blocks seen, alerts, findings, the outbox, the audit log, leases."""

from chainwatch.store.outbox import Attempt, NewAction, OutboxAction, OutboxRepository, OutboxState
from chainwatch.store.store import AuditEntry, Lease, Store

__all__ = [
    "Attempt",
    "AuditEntry",
    "Lease",
    "NewAction",
    "OutboxAction",
    "OutboxRepository",
    "OutboxState",
    "Store",
]
