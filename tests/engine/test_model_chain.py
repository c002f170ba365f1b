"""Three nodes over a model chain: whatever happens to chain and nodes, the bot ends up with the truth.

The model knows which blocks are canonical and when the market was broken; the bot's ledger and alerts are held
against that. One node at a time misbehaves, as the quorum of two promises to bear.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chainwatch.chain.pool import Pool
from chainwatch.config.load import Loaded, load
from chainwatch.engine import Engine
from chainwatch.respond.responder import Responder
from chainwatch.store import Store
from chainwatch.types import Alert, AlertEvent, Gap, LateBlock, NewBlock, Tier
from tests.chain.model import (
    BROKEN,
    CHAIN_ID,
    SOUND,
    ModelBlock,
    ModelChain,
    ModelNode,
    Tx,
    attack,
    configuration,
    repair,
    transfer,
)
from tests.engine.conftest import Seen

_FIRST = 20
_WARM_UP = 13
"""Blocks seen before anything happens: one more than the deepest reorganisation."""

_ENDED = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)


class Watched:
    """The chain, its three nodes, and the bot that watches them."""

    def __init__(self, directory: Path, chain: ModelChain, nodes: Sequence[ModelNode]) -> None:
        self.path = directory / "chainwatch.toml"
        self.chain = chain
        self.nodes = nodes
        self.first = 0
        self._nonce = 0

    def benign(self, count: int) -> list[Tx]:
        """Transactions that never were before."""
        self._nonce += count
        return [transfer(1_000 * n) for n in range(self._nonce - count, self._nonce)]

    def some_nonce(self) -> int:
        self._nonce += 1
        return self._nonce

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[tuple[Engine, Seen]]:
        """The engine, running; at the first start it has seen a block."""
        loaded, seen = load(self.path), Seen()

        async def responder(store: Store, pool: Pool) -> Responder:
            return await _unarmed(loaded, store, pool)

        async with Engine(loaded, responder_factory=responder, observer=seen) as engine:
            running = asyncio.create_task(engine.run())
            try:
                if not self.first:
                    await seen.until(lambda: bool(seen.numbers()))
                    self.first = min(n for n in seen.numbers() if n is not None)
                yield engine, seen
            finally:
                engine.stop()
                for node in self.nodes:  # a silent one would hold up the end of a test that failed
                    await node.heal()
                await asyncio.wait_for(running, 30)

    async def settled(self, engine: Engine, timeout: float = 12.0) -> None:
        """Wait until the ledger is the canonical chain, and fail saying where it is not."""
        last: str | None = "nothing was looked at"
        try:
            async with asyncio.timeout(timeout):
                while (last := await self._unsettled(engine)) is not None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"the bot does not settle: {last}; {engine.source.status}") from None

    async def _unsettled(self, engine: Engine) -> str | None:
        status, head = engine.status, self.chain.head
        if status.blocks.newest is None or status.blocks.newest.hash != head.hash or status.handled != head.number:
            return f"newest {status.blocks.newest}, handled {status.handled}, head {head.number} {head.hash}"
        ledger = [ref.hash for ref in await engine.store.recent_blocks(CHAIN_ID, 100_000)]
        truth = [block.hash for block in self.chain.canonical(self.first)]
        if ledger != truth:
            return f"the ledger holds {len(ledger)} linked blocks, the chain has {len(truth)} since {self.first}"
        if (seen := await engine.store.blocks_seen(CHAIN_ID)) != len(truth):
            return f"the ledger holds {seen} canonical blocks for {len(truth)} of the chain"
        coverage = await engine.store.coverage(CHAIN_ID)
        if not coverage.is_whole:
            return f"gaps {coverage.gaps}, missing {coverage.missing}, parked {coverage.parked}"
        if coverage.first_block != self.first or coverage.newest_contiguous_block != head.number:
            return f"whole from {coverage.first_block} to {coverage.newest_contiguous_block}"
        return None

    def breaks(self) -> list[ModelBlock]:
        """The canonical blocks in which the market broke."""
        blocks = self.chain.canonical(self.first)
        return [b for a, b in pairwise(blocks) if b.broken and not a.broken]


async def _unarmed(loaded: Loaded, store: Store, pool: Pool) -> Responder:
    return await Responder.create(loaded, store, pool, armed=False)


@asynccontextmanager
async def three_nodes(directory: Path, chain_options: str = "") -> AsyncIterator[Watched]:
    chain = ModelChain()
    chain.mine_all([[] for _ in range(_FIRST)])
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(ModelNode(chain, name).serving()) for name in "abc"]
        for name, text in configuration(nodes, chain=f"poll_seconds = 0.05\n{chain_options}").items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
        yield Watched(directory, chain, nodes)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with three_nodes(tmp_path) as it:
        yield it


def broken_alerts(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == "invariant_broken"]


async def live(engine: Engine) -> list[Alert]:
    return broken_alerts(await engine.store.live_alerts(CHAIN_ID))


async def eventually(true: Callable[[], Awaitable[bool]], timeout: float = 15.0) -> None:
    async with asyncio.timeout(timeout):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- Whatever happens -------------------------------------------------------------------------------------

FAULTS: dict[str, dict[str, Any]] = {
    "dead": {"dead": True},
    "stalls": {"stalls": True},
    "lags": {"lag": 3},
    "lags far": {"lag": 8},
    "errors": {"errors": True},
    "truncates": {"truncates": True},
    "says sound": {"call_value": SOUND},
    "says broken": {"call_value": BROKEN},
    "hides logs": {"hides_logs": True},
    "invents logs": {"invents_logs": True},
    "duplicates": {"duplicates": True},
    "reorders": {"reorders": True},
}

_CONTENTS = st.sampled_from(["transfer", "transfers", "empty", "attack", "repair"])
_BLOCKS = st.lists(_CONTENTS, min_size=1, max_size=4)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), _BLOCKS),
        st.tuples(st.just("reorg"), st.integers(1, 12), st.lists(_CONTENTS, min_size=1, max_size=14)),
        st.tuples(st.just("fault"), st.integers(0, 2), st.sampled_from([*FAULTS, "forks", "forks with an attack"])),
        st.tuples(st.just("heal")),
        st.tuples(st.just("pause"), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=12,
)

IN_CI = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def block_of(watched: Watched, content: str) -> list[Tx]:
    match content:
        case "attack":
            return [*watched.benign(1), attack(watched.some_nonce())]
        case "repair":
            return [repair(watched.some_nonce())]
        case "transfers":
            return watched.benign(3)
        case "transfer":
            return watched.benign(1)
        case _:
            return []


async def play(watched: Watched, steps: Sequence[tuple[Any, ...]]) -> None:
    """Do all `steps`, then heal."""
    for step in steps:
        match step:
            case ("mine", contents):
                watched.chain.mine_all([block_of(watched, c) for c in contents])
            case ("reorg", depth, contents):
                known = watched.chain.head.number - watched.first  # below the first block seen the bot knows nothing
                watched.chain.reorg(min(depth, known), [block_of(watched, c) for c in contents])
            case ("fault", index, name):
                for node in watched.nodes:
                    await node.heal()
                if name in FAULTS:
                    await watched.nodes[index].break_(**FAULTS[name])
                else:
                    watched.nodes[index].forked(*([attack(0)] if "attack" in name else []))
            case ("heal",):
                for node in watched.nodes:
                    await node.heal()
            case ("pause", milliseconds):
                await asyncio.sleep(milliseconds / 1e3)
        await asyncio.sleep(0)
    for node in watched.nodes:
        await node.heal()


@IN_CI
@given(STEPS)
@example([("fault", 0, "says broken"), ("mine", ["transfer"] * 3), ("pause", 30)])
@example([("mine", ["attack"]), ("pause", 30), ("reorg", 3, ["transfer"] * 4), ("pause", 30)])
@example([("mine", ["attack", "repair", "attack"]), ("pause", 30), ("reorg", 2, ["empty"]), ("mine", ["attack"])])
def test_the_ledger_is_the_chain_and_each_break_was_told_once(steps: list[tuple[Any, ...]]) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with (
                three_nodes(Path(directory), "live_first_after = 1_000") as watched,
                watched.bot() as (bot, seen),
            ):
                watched.chain.mine_all([watched.benign(1) for _ in range(_WARM_UP)])
                await watched.settled(bot)
                await play(watched, steps)
                await watched.settled(bot)
                _assert_alerts_are_true(watched, await bot.store.alerts(CHAIN_ID), await live(bot))
                assert not seen.gaps()

    asyncio.run(scenario())


def _assert_alerts_are_true(watched: Watched, transitions: Sequence[Alert], now: Sequence[Alert]) -> None:
    assert len(now) == watched.chain.head.broken
    canonical = {block.hash for block in watched.chain.canonical()}
    opened: dict[str | None, list[Alert]] = {}
    ended: set[str] = set()
    for alert in broken_alerts(transitions):
        if alert.event in _ENDED:
            ended.add(alert.alert_id)
        else:
            ended.discard(alert.alert_id)
            opened.setdefault(alert.block_hash, []).append(alert)
    for block in watched.breaks():
        assert Tier.ACT in [a.tier for a in opened.get(block.hash, [])], f"block {block.number}, a break, was not told"
    for block_hash, alerts in opened.items():
        if block_hash not in canonical:
            assert {a.alert_id for a in alerts} <= ended, "an alert about an orphaned block is still live"
        else:
            block = watched.chain.by_hash(block_hash or "")
            assert block is not None
            assert block.broken, "an alert about a block in which nothing was broken"


@IN_CI
@given(STEPS)
def test_the_ledger_is_whole_also_where_new_blocks_come_first(steps: list[tuple[Any, ...]]) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as directory:
            options = "live_first_after = 3\ncatch_up_at_once = 2"
            async with three_nodes(Path(directory), options) as watched, watched.bot() as (bot, _):
                for _ in range(_WARM_UP):
                    watched.chain.mine(*watched.benign(1))
                    await watched.settled(bot)
                await play(watched, steps)
                await watched.settled(bot)
                watched.chain.mine()  # the end of a condition is read from new blocks only
                await watched.settled(bot)
                assert len(await live(bot)) == watched.chain.head.broken

    asyncio.run(scenario())


@IN_CI
@given(STEPS, STEPS)
def test_a_restart_anywhere_changes_nothing(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with three_nodes(Path(directory), "live_first_after = 6") as watched:
                async with watched.bot() as (bot, _):
                    for _ in range(3):
                        watched.chain.mine_all([watched.benign(1) for _ in range(5)])
                        await watched.settled(bot)
                    await play(watched, before)
                await play(watched, after)
                async with watched.bot() as (bot, _):
                    watched.chain.mine()
                    await watched.settled(bot)
                    watched.chain.mine()
                    await watched.settled(bot)
                    assert len(await live(bot)) == watched.chain.head.broken

    asyncio.run(scenario())


# --- One of three -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize("how", ["wrong value", "another block", "invented logs"])
async def test_an_attack_that_one_of_three_invents_opens_nothing(watched: Watched, liar: int, how: str) -> None:
    async with watched.bot() as (bot, seen):
        watched.chain.mine()
        await watched.settled(bot)
        match how:
            case "wrong value":
                await watched.nodes[liar].break_(call_value=BROKEN)
            case "another block":
                watched.nodes[liar].forked(attack(1))
            case "invented logs":
                await watched.nodes[liar].break_(invents_logs=True)
        for _ in range(10):
            watched.chain.mine(*watched.benign(2))
            await watched.settled(bot)
        await watched.nodes[liar].heal()
        watched.chain.mine()
        await watched.settled(bot)
        assert not broken_alerts(seen.alerts)
        assert not await live(bot)


@pytest.mark.parametrize("liar", [0, 1, 2])
@pytest.mark.parametrize(
    "how", ["dead", "stalls", "lags", "errors", "truncates", "says sound", "hides logs", "forks", "reorders"]
)
async def test_an_attack_that_one_of_three_hides_is_told_all_the_same(watched: Watched, liar: int, how: str) -> None:
    async with watched.bot() as (bot, _):
        watched.chain.mine()
        await watched.settled(bot)
        if how == "forks":
            watched.nodes[liar].forked()
        else:
            await watched.nodes[liar].break_(**FAULTS[how])
        watched.chain.mine(attack(1))
        await watched.settled(bot)
        [told] = await live(bot)
        assert told.tier is Tier.ACT
        assert told.block_hash == watched.chain.head.hash


# --- Behind -----------------------------------------------------------------------------------------------


async def test_after_an_outage_the_new_block_comes_first_and_then_all_the_others(watched: Watched) -> None:
    async with watched.bot() as (bot, seen):
        await _all(watched, dead=True)
        watched.chain.mine_all([watched.benign(1) for _ in range(100)] + [[attack(1)]])
        watched.chain.mine_all([watched.benign(1) for _ in range(98)] + [[repair(2)]])
        await _all(watched)
        await watched.settled(bot)
        gap, new, *late = seen.items[1:]
        assert isinstance(gap, Gap)
        assert (gap.first, gap.last) == (_FIRST + 1, _FIRST + 199)
        assert isinstance(new, NewBlock)
        assert new.block.ref.number == _FIRST + 200
        assert [i.block.ref.number for i in late if isinstance(i, LateBlock)] == [*range(_FIRST + 1, _FIRST + 200)]
        [told] = await live(bot)
        assert (told.tier, told.block_number) == (Tier.ACT, _FIRST + 101)
        watched.chain.mine()
        await watched.settled(bot)
        assert not await live(bot)


async def test_blocks_mined_while_it_catches_up_are_not_held_up(tmp_path: Path) -> None:
    async with three_nodes(tmp_path, "catch_up_at_once = 2") as watched, watched.bot() as (bot, seen):
        await _all(watched, dead=True)
        watched.chain.mine_all([watched.benign(1) for _ in range(200)])
        await _all(watched)
        await seen.until(lambda: any(isinstance(item, LateBlock) for item in seen.items))
        for _ in range(5):
            head = watched.chain.mine(*watched.benign(1))
            await seen.until(lambda number=head.number: number in seen.numbers())  # type: ignore[misc]
            assert bot.status.missing.count > 100
        await watched.settled(bot)


async def test_what_was_not_caught_up_at_the_end_is_caught_up_after_the_next_start(tmp_path: Path) -> None:
    async with three_nodes(tmp_path, "catch_up_at_once = 2") as watched:
        async with watched.bot():
            pass
        watched.chain.mine_all([watched.benign(1) for _ in range(100)] + [[attack(1)]])
        watched.chain.mine_all([watched.benign(1) for _ in range(100)])
        async with watched.bot() as (bot, seen):
            await seen.until(lambda: sum(isinstance(item, LateBlock) for item in seen.items) > 20)
        assert bot.status.missing.count
        watched.chain.mine_all([watched.benign(1) for _ in range(3)])
        async with watched.bot() as (bot, _):
            await watched.settled(bot)
            [told] = await live(bot)
            assert (told.tier, told.block_number) == (Tier.ACT, _FIRST + 101)


async def _all(watched: Watched, **faults: Any) -> None:
    for node in watched.nodes:
        await node.break_(**faults)


async def test_a_block_that_cannot_be_read_is_parked_and_holds_up_nobody(watched: Watched) -> None:
    async with watched.bot() as (bot, seen):
        watched.chain.mine()
        await watched.settled(bot)
        poison = watched.chain.head.number + 1
        await _all(watched, garbles={poison})
        watched.chain.mine(attack(1))
        after = [watched.chain.mine(*watched.benign(1)) for _ in range(3)]
        await seen.until(lambda: {b.number for b in after} <= set(seen.numbers()))
        assert [(p.kind, p.number) for p in await bot.store.parked(CHAIN_ID)] == [("block", poison)]
        assert [(g.first, g.last) for g in await bot.store.gaps(CHAIN_ID)] == [(poison, poison)]
        assert any("parked" in reason for reason in bot.status.not_ready())
        await _all(watched)
        await watched.settled(bot)
        assert not await bot.store.parked(CHAIN_ID)
        [told] = await live(bot)
        assert told.tier is Tier.ACT
        assert told.block_number in (poison, poison + 1)  # seen first in the block after it


async def test_a_parked_block_is_read_after_a_restart(watched: Watched) -> None:
    async with watched.bot() as (bot, seen):
        await _all(watched, garbles={_FIRST + 1})
        watched.chain.mine(attack(1))
        watched.chain.mine()
        await seen.until(lambda: _FIRST + 2 in seen.numbers())
    await _all(watched)
    async with watched.bot() as (bot, _):
        await watched.settled(bot)
        assert not await bot.store.parked(CHAIN_ID)


# --- What random steps seldom meet ------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [0, 1, 2])
async def test_a_reorganisation_is_followed_while_one_of_three_says_nothing(watched: Watched, silent: int) -> None:
    async with watched.bot() as (bot, _):
        watched.chain.mine_all([watched.benign(1) for _ in range(5)])
        await watched.settled(bot)
        await watched.nodes[silent].break_(stalls=True)
        watched.chain.reorg(3, [[attack(1)], *(watched.benign(1) for _ in range(3))])
        await watched.settled(bot, timeout=4.0)
        assert len(await live(bot)) == 1


async def test_a_late_block_is_not_held_to_have_broken_what_was_broken_before_it(watched: Watched) -> None:
    # Broken before we looked, mended within the gap: the late blocks before the mending brought nothing about.
    watched.chain.mine(attack(1))
    watched.chain.mine()
    async with watched.bot() as (bot, seen):
        await watched.settled(bot)
        await _all(watched, dead=True)
        watched.chain.mine_all([watched.benign(1) for _ in range(50)] + [[repair(2)]])
        await _all(watched)
        await watched.settled(bot)
        watched.chain.mine()
        await watched.settled(bot)
        assert not [a for a in broken_alerts(seen.alerts) if a.tier is Tier.ACT]
        assert not await live(bot)
