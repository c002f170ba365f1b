"""The outbox: one key, one row, one nonce; attempts in order; nothing doubled by a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chainwatch.errors import StoreError
from chainwatch.store import Attempt, NewAction, OutboxAction, OutboxState, Store
from chainwatch.store.outbox import ENDED
from tests.builders import address, hash_


def action(n: int = 1, **fields: Any) -> NewAction:
    """A pause with key and nonce `n`."""
    given: dict[str, Any] = {
        "key": f"key-{n}", "chain_id": 1, "playbook": "pause", "playbook_version": 1, "adapter": "oz_pausable",
        "target": address(0xB1), "data": "0x8456cb59", "sender": address(0xC1), "gas_limit": 100_000, "nonce": n,
        "alert_id": "a", "fingerprint": "f", "reason": "because",
    }  # fmt: skip
    return NewAction(**(given | fields))


def attempt(n: int, **fields: Any) -> Attempt:
    """A signed transaction with hash `n`."""
    given: dict[str, Any] = {
        "nonce": 1, "tx_hash": hash_(n), "raw": f"0x02{n:02x}", "max_fee_per_gas": 10**9 * n,
        "max_priority_fee_per_gas": 10**8 * n, "signed_at": float(n),
    }  # fmt: skip
    return Attempt(**(given | fields))


async def planned(store: Store, n: int = 1, **fields: Any) -> OutboxAction:
    made = await store.outbox.plan(action(n, **fields))
    assert made is not None
    return made


async def test_what_was_planned_is_read_back_as_it_was(store: Store) -> None:
    made = await planned(store)
    assert await store.outbox.get(made.id) == made
    assert (made.state, made.attempts, made.tx_hash) == (OutboxState.PLANNED, (), None)


async def test_the_same_key_twice_is_one_action(store: Store) -> None:
    first = await planned(store)
    assert await store.outbox.plan(action()) is None
    assert await store.outbox.plan(action(nonce=7)) is None  # also with a fresh nonce
    await store.outbox.move(first.id, OutboxState.VERIFIED)
    assert await store.outbox.plan(action(nonce=7)) is None  # also once it has ended
    assert await store.outbox.count(1) == 1


async def test_two_at_once_with_one_key_are_one_action(store: Store) -> None:
    made = await asyncio.gather(*(store.outbox.plan(action(nonce=n)) for n in range(5)))
    assert sum(one is not None for one in made) == 1


async def test_a_nonce_that_another_action_holds_is_refused(store: Store) -> None:
    await planned(store)
    with pytest.raises(StoreError, match="holds nonce 1"):
        await store.outbox.plan(action(key="other"))
    await planned(store, 1, key="other sender", sender=address(0xC2))
    await planned(store, 1, key="other chain", chain_id=5)
    assert await store.outbox.count(1) == 2


@pytest.mark.parametrize("state", ENDED)
async def test_an_end_frees_the_nonce(store: Store, state: OutboxState) -> None:
    first = await planned(store)
    await store.outbox.move(first.id, state, detail="the end")
    assert (await store.outbox.get(first.id)).nonce is None
    assert (await planned(store, 1, key="next")).nonce == 1


@pytest.mark.parametrize("state", [state for state in OutboxState if state not in ENDED])
async def test_a_step_keeps_the_nonce(store: Store, state: OutboxState) -> None:
    first = await planned(store)
    await store.outbox.move(first.id, state)
    with pytest.raises(StoreError, match="holds nonce 1"):
        await store.outbox.plan(action(key="next"))


async def test_an_action_that_needs_its_nonce_again_says_so_where_another_has_it(store: Store) -> None:
    first = await planned(store)
    await store.outbox.move(first.id, OutboxState.VERIFIED)
    await planned(store, 1, key="next")
    with pytest.raises(StoreError, match="nonce"):
        await store.outbox.move(first.id, OutboxState.BROADCAST, nonce=1)


async def test_attempts_are_kept_in_order_with_their_bytes(store: Store) -> None:
    one, two = await planned(store, 1), await planned(store, 2)
    for n in (3, 1, 2):
        await store.outbox.add_attempt(one.id, attempt(n))
    await store.outbox.add_attempt(two.id, attempt(9, max_fee_per_gas=2**60))
    kept = await store.outbox.get(one.id)
    assert kept.attempts == (attempt(3), attempt(1), attempt(2))
    assert (kept.state, kept.tx_hash) == (OutboxState.SIGNED, hash_(2))
    assert (await store.outbox.get(two.id)).attempts == (attempt(9, max_fee_per_gas=2**60),)


async def test_unfinished_are_those_that_have_not_ended_oldest_first(store: Store) -> None:
    made = [await planned(store, n) for n in range(len(OutboxState))]
    for one, state in zip(made, OutboxState, strict=True):
        await store.outbox.move(one.id, state)
    await planned(store, 50, chain_id=5)
    await store.outbox.add_attempt(made[1].id, attempt(1))
    unfinished = await store.outbox.unfinished(1)
    assert [one.id for one in unfinished] == [one.id for one in made[:4]]
    assert [len(one.attempts) for one in unfinished] == [0, 1, 0, 0]


async def test_a_step_says_where_it_was_included(store: Store) -> None:
    made = await planned(store)
    where = {"tx_hash": hash_(5), "block_number": 12, "block_hash": hash_(12)}
    await store.outbox.move(made.id, OutboxState.INCLUDED, **where)
    now = await store.outbox.get(made.id)
    expected = msgspec.structs.replace(made, state=OutboxState.INCLUDED, updated_at=now.updated_at, **where)
    assert now == expected
    assert now.updated_at >= made.updated_at


async def test_sent_since_counts_this_playbook_and_not_what_was_abandoned(store: Store) -> None:
    started = time.time()
    kept, abandoned = await planned(store, 1), await planned(store, 2)
    await planned(store, 3, playbook="other")
    await planned(store, 4, chain_id=5)
    await store.outbox.move(abandoned.id, OutboxState.ABANDONED)
    await store.outbox.move(kept.id, OutboxState.FAILED)
    assert await store.outbox.sent_since(1, "pause", started) == [kept.created_at]
    assert await store.outbox.sent_since(1, "pause", time.time() + 1) == []


async def test_rehearsing_leaves_nothing_behind(store: Store) -> None:
    await store.outbox.rehearse()
    await store.outbox.rehearse()
    async with store._database.read() as connection:
        for table in ("outbox", "outbox_attempts"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
    await planned(store)


async def test_a_rehearsal_on_a_store_that_cannot_be_written_fails(store: Store) -> None:
    async with store._database.write() as connection:
        await connection.execute(text("DROP TABLE outbox_attempts"))
    with pytest.raises(StoreError, match="outbox_attempts"):
        await store.outbox.rehearse()


async def test_the_fencing_token_refuses_a_late_holder(store: Store) -> None:
    late = await store.acquire_lease("responder-1", "a", 60)
    assert late is not None
    assert await store.outbox.plan(action(1), fencing=("responder-1", late.token)) is not None
    now = await store.acquire_lease("responder-1", "b", 60, is_dead=lambda _: True)
    assert now is not None
    with pytest.raises(StoreError, match="changed hands"):
        await store.outbox.plan(action(2), fencing=("responder-1", late.token))
    assert await store.outbox.plan(action(2), fencing=("responder-1", now.token)) is not None
    with pytest.raises(StoreError, match="changed hands"):
        await store.outbox.plan(action(3), fencing=("responder-9", 1))  # a lease that nobody ever took
    assert await store.outbox.count(1) == 2


async def test_a_plan_whose_commit_got_lost_is_found_again_by_its_next_try(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store._database.write

    @asynccontextmanager
    async def written_but_not_confirmed() -> AsyncIterator[AsyncConnection]:
        async with write() as connection:
            yield connection
        raise StoreError("The server died over the commit.", "Again.")

    monkeypatch.setattr(store._database, "write", written_but_not_confirmed)
    with pytest.raises(StoreError, match="died"):
        await store.outbox.plan(action())
    monkeypatch.undo()
    again = await store.outbox.plan(action())
    assert again is not None and again.key == "key-1"
    assert await store.outbox.plan(action()) is None  # from now on it is decided
    assert await store.outbox.count(1) == 1


# Two programs on one database


@pytest.fixture
async def other(location: Path | str, store: Store) -> AsyncIterator[Store]:
    """The same store in another program, as far as the database can tell."""
    opened = await Store.open(location)
    yield opened
    await opened.close()


async def test_two_programs_with_one_key_plan_one_action(store: Store, other: Store) -> None:
    for n in range(10):
        made = await asyncio.gather(store.outbox.plan(action(n)), other.outbox.plan(action(n, nonce=100 + n)))
        assert sum(one is not None for one in made) == 1


async def test_two_programs_take_a_lease_once(store: Store, other: Store) -> None:
    for n in range(10):
        both = await asyncio.gather(
            *(one.acquire_lease(f"responder-{n}", name, 60) for one, name in ((store, "a"), (other, "b")))
        )
        assert [lease.token for lease in both if lease is not None] == [1]


async def test_a_lease_that_many_want_never_has_two_holders_of_one_token(store: Store, other: Store) -> None:
    tokens = []
    for _ in range(10):
        both = await asyncio.gather(
            *(one.acquire_lease("responder-1", name, -1) for one, name in ((store, "a"), (other, "b")))
        )
        tokens += [lease.token for lease in both if lease is not None]
    assert tokens and len(set(tokens)) == len(tokens)


async def test_a_lease_that_changes_hands_during_a_plan_is_noticed(store: Store, other: Store) -> None:
    for n in range(10):
        mine = await store.acquire_lease(f"responder-{n}", "a", 60)
        assert mine is not None

        async def planned_late(n: int = n, token: int = mine.token) -> float:
            made = await store.outbox.plan(action(n), fencing=(f"responder-{n}", token))
            assert made is not None
            return made.created_at

        late, taken = await asyncio.gather(
            planned_late(),
            other.acquire_lease(f"responder-{n}", "b", 60, is_dead=lambda _: True),
            return_exceptions=True,
        )
        assert not isinstance(taken, BaseException)
        # Either the plan came before the change of hands, or it was refused: it never slips in afterwards.
        assert isinstance(late, float) or "changed hands" in str(late)
        with pytest.raises(StoreError, match="changed hands"):
            await store.outbox.plan(action(n, key=f"late-{n}", nonce=50 + n), fencing=(f"responder-{n}", mine.token))
