"""The ledger of blocks, alerts, findings, the audit log and leases: what a restart finds again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.errors import StoreError
from chainwatch.store import Store
from chainwatch.store.store import KEPT_MALFORMED
from chainwatch.types import Alert, AlertEvent, Block, BlockRef, Gap, MalformedLog, Severity, Stage, Tier
from tests.builders import block, execution, finding, hash_, ref
from tests.store.conftest import rows

BAD = MalformedLog(tx_hash=hash_(1), reason="a topic is not 32 bytes", raw=b'{"topics": ["0x1"]}')


def alert(n: int = 1, **fields: Any) -> Alert:
    """An opened Alert about transaction `n`."""
    given: dict[str, Any] = {
        "event": AlertEvent.OPENED, "alert_id": f"a{n}", "fingerprint": f"f{n}", "kind": "oracle_deviation",
        "tier": Tier.ALERT, "severity": Severity.P3, "confidence": 0.7, "stage": Stage.INCLUDED, "chain_id": 1,
        "block_number": 10, "block_hash": hash_(10), "tx_hashes": (hash_(n),), "protocol": "p",
        "loss_estimate": {"usd": 1.5, "tokens": {hash_(1): "123456789012345678901234567890"}},
        "detectors": ("oracle",), "explanation": "because", "evidence": (),
    }  # fmt: skip
    return Alert(**(given | fields))


async def test_blocks_are_taken_up_where_they_were_left(store: Store) -> None:
    for number in range(5, 12):
        await store.record_block(block(number))
    assert await store.recent_blocks(1, 256) == [ref(number) for number in range(5, 12)]
    assert await store.recent_blocks(1, 3) == [ref(9), ref(10), ref(11)]
    assert await store.recent_blocks(2, 3) == []  # another chain


async def test_a_restart_resumes_only_as_far_back_as_blocks_are_linked(store: Store) -> None:
    for number in (3, 4, 7, 8):
        await store.record_block(block(number))
    await store.record_gap(1, Gap(5, 6, "the node was away"))
    assert await store.recent_blocks(1, 256) == [ref(7), ref(8)]
    assert await store.gaps(1) == [Gap(5, 6, "the node was away")]
    assert await store.gaps(2) == []


async def test_an_orphaned_block_leaves_the_chain_and_its_successor_links(store: Store) -> None:
    for number in (8, 9, 10):
        await store.record_block(block(number))
    await store.record_orphans(1, [ref(10)])
    assert await store.recent_blocks(1, 256) == [ref(8), ref(9)]
    other = BlockRef(number=10, hash=hash_(77), parent_hash=ref(9).hash, timestamp=120)
    await store.record_block(Block(chain_id=1, ref=other, executions=()))
    assert await store.recent_blocks(1, 256) == [ref(8), ref(9), other]
    assert await store.blocks_seen(1) == 3


async def test_orphans_of_another_chain_are_left_alone(store: Store) -> None:
    await store.record_block(block(10))
    await store.record_orphans(2, [ref(10)])
    assert await store.blocks_seen(1) == 1


async def test_an_orphaned_block_seen_again_is_canonical_again_and_there_once(store: Store) -> None:
    await store.record_block(block(10), malformed=[BAD])
    await store.record_orphans(1, [ref(10)])
    assert await store.blocks_seen(1) == 0
    await store.record_block(block(10, execution(1), execution(2)), malformed=[BAD] * 3)
    assert await store.recent_blocks(1, 256) == [ref(10)]
    assert await rows(store, "SELECT number, canonical, executions, malformed FROM blocks") == [(10, True, 2, 3)]


async def test_malformed_logs_are_kept_as_they_came_but_not_without_end(store: Store) -> None:
    await store.record_block(block(10), malformed=[BAD])
    assert await store.malformed_logs(1) == [BAD]
    await store.record_block(block(11), malformed=[BAD] * (KEPT_MALFORMED + 5))
    assert len(await store.malformed_logs(1)) == 1 + KEPT_MALFORMED


async def test_live_alerts_are_the_last_word_on_each_that_has_not_ended(store: Store) -> None:
    one, two, three, elsewhere = alert(1), alert(2), alert(3), alert(4, chain_id=2)
    grown = msgspec.structs.replace(one, event=AlertEvent.UPDATED, tier=Tier.ACT, severity=Severity.P1)
    retracted = msgspec.structs.replace(two, event=AlertEvent.RETRACTED, stage=Stage.ORPHANED)
    resolved = msgspec.structs.replace(three, event=AlertEvent.RESOLVED)
    for transition in (one, two, three, elsewhere, grown, retracted, resolved):
        await store.append_alert(transition)
    assert await store.live_alerts(1) == [grown]
    assert await store.live_alerts(2) == [elsewhere]
    assert await store.alerts(1) == [one, two, three, grown, retracted, resolved]


async def test_an_alert_opened_again_after_its_retraction_is_live(store: Store) -> None:
    opened = alert(block_hash=hash_(1))
    again = alert(alert_id="b1", block_hash=hash_(2))
    for transition in (opened, msgspec.structs.replace(opened, event=AlertEvent.RETRACTED), again):
        await store.append_alert(transition)
    assert await store.live_alerts(1) == [again]


async def test_findings_are_kept_whole(store: Store) -> None:
    about_a_block = finding(tx_hashes=(), condition=True)
    pending = finding(stage=Stage.PENDING, block=None, loss={hash_(1): 2**200})
    await store.record_findings([])
    await store.record_findings([finding(), about_a_block, pending])
    kept = await rows(store, "SELECT tx_hash, block_number, stage, body FROM findings ORDER BY seq")
    assert [row[:3] for row in kept] == [
        (hash_(1), 10, "included"), (None, 10, "included"), (hash_(1), None, "pending"),
    ]  # fmt: skip
    assert [msgspec.json.decode(row[3], type=type(pending)) for row in kept] == [finding(), about_a_block, pending]


async def test_the_audit_log_keeps_its_order_and_writes_what_is_not_json_as_text(store: Store) -> None:
    await store.audit("watch_started", chain_id=1, armed=True)
    await store.audit("decision", path=Path("x"), laps={"send": 1.5})
    started, decision = await store.audit_log()
    assert (started.kind, started.body) == ("watch_started", {"chain_id": 1, "armed": True})
    assert (decision.kind, decision.body) == ("decision", {"path": "x", "laps": {"send": 1.5}})
    assert started.at <= decision.at


async def test_text_that_a_database_cannot_hold_is_kept_all_the_same(store: Store) -> None:
    # A contract's reason for reverting is any bytes; nobody may get out of the ledger with a NUL or half a pair.
    await store.record_gap(1, Gap(1, 1, "a\x00b\ud800"))
    assert await store.gaps(1) == [Gap(1, 1, "a\ufffdb?")]
    long = "x" * 1_000
    await store.audit(long)
    assert [entry.kind for entry in await store.audited(long)] == [long]


async def test_a_number_above_64_bits_is_an_error_of_the_store(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.record_block(block(2**63))
    await store.record_block(block(2**59))
    assert await store.blocks_seen(1) == 1


# Leases


async def test_a_second_holder_is_refused_while_the_first_lives(store: Store) -> None:
    first = await store.acquire_lease("responder-1", "a", 60)
    assert first is not None and first.token == 1
    assert await store.acquire_lease("responder-1", "b", 60) is None
    other = await store.acquire_lease("responder-2", "b", 60)
    assert other is not None  # another name is another lease


async def test_renewing_keeps_the_token_and_moves_the_end(store: Store) -> None:
    first = await store.acquire_lease("responder-1", "a", 60)
    again = await store.acquire_lease("responder-1", "a", 600)
    assert first is not None and again is not None
    assert (again.token, again.holder) == (first.token, "a")
    assert again.expires_at > first.expires_at + 500


@pytest.mark.parametrize("how", ["expired", "dead", "released"])
async def test_a_lease_changes_hands_under_a_higher_token(store: Store, how: str) -> None:
    first = await store.acquire_lease("responder-1", "a", -1 if how == "expired" else 60)
    assert first is not None
    if how == "released":
        await store.release_lease(first)
    second = await store.acquire_lease("responder-1", "b", 60, is_dead=lambda holder: how == "dead" and holder == "a")
    assert second is not None
    assert (second.holder, second.token) == ("b", first.token + 1)
    assert await store.acquire_lease("responder-1", "a", 60) is None


async def test_a_late_holder_cannot_give_back_what_is_no_longer_his(store: Store) -> None:
    first = await store.acquire_lease("responder-1", "a", -1)
    assert first is not None
    await store.acquire_lease("responder-1", "b", 60)
    await store.release_lease(first)
    assert await store.acquire_lease("responder-1", "c", 60) is None
