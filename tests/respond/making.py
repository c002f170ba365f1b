"""What tests of responding build: Alerts and playbooks."""

from typing import Any

from chainwatch.config.models import PlaybookConfig
from chainwatch.types import Alert, AlertEvent, Severity, Stage, Tier
from tests.builders import address, hash_


def alert(**fields: Any) -> Alert:
    """An Alert that a playbook acts on."""
    given: dict[str, Any] = {
        "event": AlertEvent.OPENED, "alert_id": "a1", "fingerprint": "f1", "kind": "flash_price_manipulation",
        "tier": Tier.ACT, "severity": Severity.P1, "confidence": 0.9, "stage": Stage.INCLUDED, "chain_id": 1,
        "block_number": 10, "block_hash": hash_(10), "tx_hashes": (hash_(1),), "protocol": "p",
        "loss_estimate": {"usd": None, "tokens": {}}, "detectors": ("flash",), "explanation": "because",
        "evidence": (), "victims": (address(0xB1),),
    }  # fmt: skip
    return Alert(**(given | fields))


def playbook(*, guards: dict[str, Any] | None = None, **action: Any) -> PlaybookConfig:
    """A playbook that pauses 0xb1."""
    acts = {"adapter": "oz_pausable", "target": address(0xB1), "role": "GUARDIAN_ROLE", "cost_usd": 1_000.0} | action
    return PlaybookConfig.model_validate(
        {
            "name": "pause", "version": 1, "owner": "tests", "guards": guards or {}, "action": acts,
            "trigger": {"profile": "p", "kinds": ["flash_price_manipulation"]},
        }
    )  # fmt: skip
