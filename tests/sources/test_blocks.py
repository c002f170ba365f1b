"""The block stream: ordered, gap-free, and honest about reorganisations, against a real Anvil."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.errors import NodeError
from chainwatch.sources.blocks import BlockSource
from chainwatch.sources.fetch import FetchedBlock, Fetcher
from chainwatch.types import BlockItem, BlockRef, Gap, LateBlock, NewBlock, Reorg

pytestmark = pytest.mark.anvil


class Collected:
    """What a source yielded, and a way to wait for it."""

    def __init__(self) -> None:
        self.items: list[BlockItem] = []
        self._grew = asyncio.Event()

    def add(self, item: BlockItem) -> None:
        self.items.append(item)
        self._grew.set()

    async def until(self, done: Callable[[], bool], timeout: float = 10.0) -> None:
        async with asyncio.timeout(timeout):
            while not done():
                self._grew.clear()
                await self._grew.wait()

    def numbers(self) -> list[int | None]:
        return [i.block.ref.number for i in self.items if isinstance(i, NewBlock)]

    def late(self) -> list[int | None]:
        return [i.block.ref.number for i in self.items if isinstance(i, LateBlock)]

    def canonical(self) -> list[BlockRef]:
        """Replay the stream: what a follower believes the chain to be."""
        chain: list[BlockRef] = []
        for item in self.items:
            match item:
                case NewBlock(block):
                    assert not chain or block.ref.parent_hash == chain[-1].hash, "the stream is not linked"
                    chain.append(block.ref)
                case Reorg(orphaned, ancestor):
                    for ref in orphaned:
                        assert chain.pop().hash == ref.hash, "orphaned out of order"
                    assert not chain or chain[-1].hash == ancestor.hash
                case Gap():
                    chain.clear()
        return chain


@asynccontextmanager
async def following(
    anvil: Anvil,
    rpc: Rpc,
    *,
    resume_from: list[BlockRef] | None = None,
    ws: bool = True,
    catch_up: int = 1_000,
    kept: int = 512,
) -> AsyncIterator[Collected]:
    provider = ProviderConfig(name="node", http=anvil.http, ws=anvil.ws if ws else None)
    config = ChainConfig(id=31337, providers=(provider,), poll_seconds=0.1, max_catch_up_blocks=catch_up)
    pool = Pool(config)
    source = BlockSource(pool, Fetcher(pool, 31337, "parity"), config, resume_from=resume_from or (), kept_blocks=kept)
    collected = Collected()

    async def collect() -> None:
        async for item in source.items():
            collected.add(item)

    task = asyncio.create_task(collect())
    try:
        yield collected
    finally:
        source.stop()
        await asyncio.wait_for(task, 10)
        await pool.close()


async def head(rpc: Rpc) -> BlockRef:
    block = await rpc.call("eth_getBlockByNumber", ["latest", False])
    return BlockRef(number=int(block["number"], 16), hash=block["hash"], parent_hash=block["parentHash"])


async def mine(rpc: Rpc, count: int = 1) -> None:
    for _ in range(count):
        await rpc.call("evm_mine", [])


@pytest.mark.parametrize("ws", [True, False], ids=["subscribed", "polling"])
async def test_yields_every_block_once_in_order(anvil: Anvil, rpc: Rpc, ws: bool) -> None:
    async with following(anvil, rpc, ws=ws) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        await mine(rpc, 30)
        await seen.until(lambda: seen.numbers()[-1:] == [30])
    assert seen.numbers() == list(range(31))


async def test_a_block_carries_receipts_and_call_trees(anvil: Anvil, rpc: Rpc) -> None:
    accounts = await rpc.call("eth_accounts")
    async with following(anvil, rpc) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        # init code that returns one byte of code and logs nothing
        create = {"from": accounts[0], "data": "0x6001600c60003960016000f300"}
        await rpc.call("eth_sendTransaction", [create])
        await rpc.call("eth_sendTransaction", [{"from": accounts[0], "to": accounts[1], "value": "0x5"}])
        await seen.until(lambda: len(seen.items) >= 3)
    executions = [e for i in seen.items if isinstance(i, NewBlock) for e in i.block.executions]
    assert [e.succeeded for e in executions] == [True, True]
    assert executions[0].trace is not None and executions[0].trace.type == "CREATE"
    assert executions[1].trace is not None and executions[1].trace.value == "0x5"
    assert all(e.logs == [] for e in executions)


async def test_a_reorganisation_is_followed_by_parent_hash(anvil: Anvil, rpc: Rpc) -> None:
    async with following(anvil, rpc) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        await mine(rpc, 6)
        await seen.until(lambda: seen.numbers()[-1:] == [6])
        await rpc.call("anvil_reorg", [3, []])
        await mine(rpc)
        await seen.until(lambda: bool(seen.canonical()) and seen.canonical()[-1].number == 7)
        at_head = await head(rpc)
    reorgs = [i for i in seen.items if isinstance(i, Reorg)]
    assert [ref.number for ref in reorgs[0].orphaned] == [6, 5, 4]
    assert reorgs[0].ancestor.number == 3
    assert seen.canonical()[-1].hash == at_head.hash
    assert [ref.number for ref in seen.canonical()] == list(range(8))


async def test_a_rollback_without_new_blocks_is_noticed_by_polling(anvil: Anvil, rpc: Rpc) -> None:
    async with following(anvil, rpc) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        await mine(rpc, 4)
        await seen.until(lambda: seen.numbers()[-1:] == [4])
        await rpc.call("anvil_rollback", [2])  # pushes nothing at all
        await seen.until(lambda: isinstance(seen.items[-1], Reorg))
    assert [ref.number for ref in seen.canonical()] == [0, 1, 2]


async def test_resumes_from_the_checkpoint_without_a_hole(anvil: Anvil, rpc: Rpc) -> None:
    await mine(rpc, 3)
    checkpoint = await head(rpc)
    await mine(rpc, 5)
    async with following(anvil, rpc, resume_from=[checkpoint]) as seen:
        await seen.until(lambda: seen.numbers()[-1:] == [8])
    assert seen.numbers() == [4, 5, 6, 7, 8]


async def test_a_checkpoint_that_was_orphaned_meanwhile_is_retracted(anvil: Anvil, rpc: Rpc) -> None:
    await mine(rpc, 3)
    blocks = [await rpc.call("eth_getBlockByNumber", [hex(n), False]) for n in range(4)]
    refs = [BlockRef(number=int(b["number"], 16), hash=b["hash"], parent_hash=b["parentHash"]) for b in blocks]
    await rpc.call("anvil_reorg", [2, []])
    await mine(rpc)
    async with following(anvil, rpc, resume_from=refs) as seen:
        await seen.until(lambda: seen.numbers()[-1:] == [4])
    first = seen.items[0]
    assert isinstance(first, Reorg)
    assert [ref.number for ref in first.orphaned] == [3, 2]
    assert seen.numbers() == [2, 3, 4]


async def test_a_reorganisation_deeper_than_memory_orphans_all_and_says_gap(anvil: Anvil, rpc: Rpc) -> None:
    await mine(rpc, 5)
    remembered = await head(rpc)
    await rpc.call("anvil_reorg", [4, []])
    await mine(rpc, 2)
    async with following(anvil, rpc, resume_from=[remembered]) as seen:
        await seen.until(lambda: seen.numbers()[-1:] == [7])
    assert isinstance(seen.items[0], Reorg)
    assert seen.items[0].orphaned == (remembered,)
    # the branch is read down to the lowest height remembered; whether what is below it changed too is not known
    assert [(i.first, i.last) for i in seen.items if isinstance(i, Gap)] == [(4, 4)]
    assert seen.numbers() == [5, 6, 7]


async def test_an_outage_beyond_the_limit_is_a_gap_and_said(anvil: Anvil, rpc: Rpc) -> None:
    checkpoint = await head(rpc)
    await mine(rpc, 20)
    async with following(anvil, rpc, resume_from=[checkpoint], catch_up=5) as seen:
        await seen.until(lambda: seen.late()[-1:] == [19])
    assert [(i.first, i.last) for i in seen.items if isinstance(i, Gap)] == [(1, 14), (15, 19)]
    assert seen.numbers() == [20]
    assert seen.late() == [15, 16, 17, 18, 19]


async def test_far_behind_new_blocks_come_first_and_the_others_beside_them_oldest_first(anvil: Anvil, rpc: Rpc) -> None:
    checkpoint = await head(rpc)
    await rpc.call("anvil_mine", [hex(60)])
    async with following(anvil, rpc, resume_from=[checkpoint]) as seen:
        await seen.until(lambda: bool(seen.late()))
        await mine(rpc, 3)
        await seen.until(lambda: seen.late()[-1:] == [59] and seen.numbers()[-1:] == [63])
    gap, first = seen.items[:2]
    assert isinstance(gap, Gap)
    assert (gap.first, gap.last) == (1, 59)
    assert isinstance(first, NewBlock)
    assert seen.numbers() == [60, 61, 62, 63]
    assert seen.late() == list(range(1, 60))


async def test_far_behind_what_was_orphaned_meanwhile_is_said_first(anvil: Anvil, rpc: Rpc) -> None:
    await mine(rpc, 3)
    blocks = [await rpc.call("eth_getBlockByNumber", [hex(n), False]) for n in range(4)]
    refs = [BlockRef(number=int(b["number"], 16), hash=b["hash"], parent_hash=b["parentHash"]) for b in blocks]
    await rpc.call("anvil_reorg", [2, []])
    await rpc.call("anvil_mine", [hex(50)])
    async with following(anvil, rpc, resume_from=refs) as seen:
        await seen.until(lambda: seen.late()[-1:] == [52])
    reorg, gap = seen.items[:2]
    assert isinstance(reorg, Reorg)
    assert [ref.number for ref in reorg.orphaned] == [3, 2]
    assert isinstance(gap, Gap)
    assert (gap.first, gap.last) == (2, 52)
    assert seen.late() == list(range(2, 53))


async def test_a_block_that_cannot_be_read_is_a_gap_and_the_next_ones_are_seen(
    anvil: Anvil, rpc: Rpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Fetcher.fetch

    async def poisoned(self: Fetcher, block_hash: str, number: int) -> FetchedBlock:
        if number == 2:
            raise NodeError("receipts that are none.", "")
        return await whole(self, block_hash, number)

    monkeypatch.setattr(Fetcher, "fetch", poisoned)
    async with following(anvil, rpc) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        await mine(rpc, 4)
        await seen.until(lambda: seen.numbers()[-1:] == [4], timeout=20)
    assert seen.numbers() == [0, 1, 3, 4]
    assert [(i.first, i.last) for i in seen.items if isinstance(i, Gap)] == [(2, 2)]


async def test_survives_the_node_going_away_and_coming_back(rpc: Rpc) -> None:
    first = Anvil("--no-mining")
    await first.start()
    port = int(first.http.rsplit(":", 1)[1])
    async with Rpc(first.http) as client, following(first, client) as seen:
        await seen.until(lambda: len(seen.items) == 1)
        await client.call("anvil_mine", ["0x2"])
        await seen.until(lambda: seen.numbers()[-1:] == [2])
        state = await client.call("anvil_dumpState")
        await first.stop()
        await asyncio.sleep(0.5)
        async with Anvil("--no-mining", port=port) as second, Rpc(second.http) as other:
            await other.call("anvil_loadState", [state])
            await other.call("anvil_mine", ["0x3"])
            latest = await head(other)
            await seen.until(lambda: bool(seen.canonical()) and seen.canonical()[-1].hash == latest.hash, timeout=30)
