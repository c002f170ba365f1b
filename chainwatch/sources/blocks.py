"""The block stream of one chain: ordered, gap-free, and it says `Reorg` and `Gap`.

Heads come by subscription with polling as a safety net, or by polling alone. Every block is linked to the
one before by its parent hash; where that fails the stream walks back to the common ancestor and says which
blocks are orphaned (never by `removed` logs, which nodes get wrong). It resumes from the references that the
store kept; what was missed is caught up oldest first, and what is not caught up is a `Gap`, never silence.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, retry_if_not_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential

from chainwatch.chain.rpc import Rpc
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import WireHeader
from chainwatch.errors import NodeError
from chainwatch.sources.fetch import BlockVanished, FetchedBlock, Fetcher
from chainwatch.types import BlockItem, BlockRef, Gap, NewBlock, Reorg

log = structlog.get_logger(__name__)

KEPT_BLOCKS = 512
"""How many references are remembered for following reorganisations; Ethereum finalises after 64 to 96."""

_STALE_POLLS_BEFORE_ROLLBACK = 3
_ATTEMPTS_BEFORE_GAP = 6


class SourceStatus(msgspec.Struct):
    """What the stream has seen; the engine reads it for its status."""

    newest: BlockRef | None = None
    head_number: int | None = None
    head_read_at: float = 0.0  # time.monotonic() when the node last told us its head
    head_seen_at: float = 0.0  # time.perf_counter() when the newest head was pushed
    subscribed: bool = False
    last_error: str | None = None
    reconnects: int = 0


class BlockSource:
    """Yields the chain's blocks. One consumer; `items()` may be called once."""

    def __init__(
        self,
        rpc: Rpc,
        fetcher: Fetcher,
        *,
        ws: str | None,
        poll_seconds: float,
        max_catch_up_blocks: int,
        resume_from: Sequence[BlockRef] = (),
    ) -> None:
        self._rpc = rpc
        self._fetcher = fetcher
        self._ws = ws
        self._poll_seconds = poll_seconds
        self._max_catch_up = max_catch_up_blocks
        self._chain: deque[BlockRef] = deque(resume_from, maxlen=KEPT_BLOCKS)
        self._head: WireHeader | None = None
        self._woken = asyncio.Event()
        self._stop = asyncio.Event()
        self._stale_polls = 0
        self.status = SourceStatus(newest=self._chain[-1] if self._chain else None)

    def stop(self) -> None:
        """Let `items()` end after the item in hand."""
        self._stop.set()
        self._woken.set()

    async def items(self) -> AsyncIterator[BlockItem]:
        """The stream. It survives failures of the node by waiting and asking again, and ends only by `stop()`."""
        subscription = asyncio.create_task(self._follow_heads()) if self._ws else None
        try:
            while not self._stop.is_set():
                try:
                    head = await self._next_head()
                    if head is not None:
                        async for item in self._advance_to(head):
                            yield item
                            if self._stop.is_set():
                                return
                except BlockVanished:
                    continue  # reorganised away under our hands: the next head shows where to
                except (NodeError, ValueError) as error:  # ValueError: a header whose quantities are not hex
                    self.status.last_error = str(error)
                    log.warning("cannot read blocks", error=str(error), newest=self.status.newest)
                    await self._pause()
                else:
                    self.status.last_error = None
        finally:
            if subscription is not None:
                subscription.cancel()
                await asyncio.gather(subscription, return_exceptions=True)

    async def _next_head(self) -> WireHeader | None:
        """The newest head pushed, or asked for when none was pushed within the poll interval."""
        if self._chain or self._ws:
            await self._pause()
        head, self._head = self._head, None
        return head or await self._rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._poll_seconds)
        if not self._stop.is_set():
            self._woken.clear()

    async def _follow_heads(self) -> None:
        """Keep `_head` the newest pushed header; reconnect for ever. Polling covers the time in between."""
        assert self._ws is not None
        decoder = msgspec.json.Decoder(WireHeader)
        delay = 0.2
        while True:
            try:
                async for raw in subscribe(self._ws, ["newHeads"], opened=self._opened):
                    self._head = decoder.decode(raw)
                    self.status.head_seen_at = time.perf_counter()
                    delay = 0.2
                    self._woken.set()
            except (NodeError, msgspec.MsgspecError) as error:
                self.status.subscribed = False
                self.status.reconnects += 1
                log.warning("head subscription lost", error=str(error), retry_seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)

    def _opened(self) -> None:
        self.status.subscribed = True

    async def _advance_to(self, head: WireHeader) -> AsyncIterator[BlockItem]:
        """What happened between the newest block yielded and `head`."""
        ref = head.ref()
        assert ref.number is not None
        self.status.head_number = ref.number
        self.status.head_read_at = time.monotonic()
        if not self._chain:
            yield await self._take(ref)  # first start: history is scanned, not watched
            return
        tip = self._chain[-1]
        assert tip.number is not None
        if ref.hash == tip.hash:
            self._stale_polls = 0
            return
        if any(known.hash == ref.hash for known in self._chain):
            async for item in self._rolled_back(ref):
                yield item
            return
        self._stale_polls = 0
        if ref.number - tip.number > self._max_catch_up:
            last = ref.number - self._max_catch_up
            yield Gap(tip.number + 1, last, f"the outage was longer than max_catch_up_blocks = {self._max_catch_up}")
            self._chain.clear()
            yield await self._take(await self._header_at(last + 1))
        # Catch up by height while the chain is further ahead than what parent hashes can walk cheaply.
        while (tip_number := self._number_of_tip()) + 1 < ref.number and not self._stop.is_set():
            header = await self._header_at(tip_number + 1)
            async for item in self._link(header):
                yield item
        async for item in self._link(ref):
            yield item

    async def _link(self, ref: BlockRef) -> AsyncIterator[BlockItem]:
        """Yield `ref` as the next block; where it does not follow the tip, after a Reorg and its branch's blocks."""
        branch = [ref]
        known = {block.hash: i for i, block in enumerate(self._chain)}
        while branch[-1].parent_hash not in known:
            oldest = self._chain[0].number
            number = branch[-1].number
            assert number is not None and oldest is not None
            if number <= oldest:
                # Everything that was kept is orphaned: where the branches part is before what we remember.
                orphaned = tuple(reversed(self._chain))
                self._chain.clear()
                yield Reorg(orphaned, BlockRef(number=oldest - 1, hash=None))
                if ref.number is not None and ref.number > oldest:
                    yield Gap(oldest, ref.number - 1, "a reorganisation went deeper than the blocks that were kept")
                yield await self._take(ref)
                return
            parent = await self._rpc.call("eth_getBlockByHash", [branch[-1].parent_hash, False], as_=WireHeader)
            if parent is None:
                raise BlockVanished("A parent block is no longer known to the node.", "It is followed by itself.")
            branch.append(parent.ref())
        ancestor_index = known[branch[-1].parent_hash]
        if ancestor_index != len(self._chain) - 1:
            yield self._orphan_after(ancestor_index)
        for block in reversed(branch):
            yield await self._take(block)

    def _orphan_after(self, index: int) -> Reorg:
        orphaned = []
        while len(self._chain) - 1 > index:
            orphaned.append(self._chain.pop())
        self.status.newest = self._chain[-1]
        return Reorg(tuple(orphaned), self._chain[-1])

    async def _rolled_back(self, head: BlockRef) -> AsyncIterator[BlockItem]:
        """The head is a block we have passed. A lagging node says that too, so believe it only when it stays so."""
        self._stale_polls += 1
        if self._stale_polls < _STALE_POLLS_BEFORE_ROLLBACK:
            return
        tip = await self._rpc.call("eth_getBlockByHash", [self._chain[-1].hash, False])
        latest = await self._rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
        if tip is None and latest.hash == head.hash:
            self._stale_polls = 0
            index = next(i for i, block in enumerate(self._chain) if block.hash == head.hash)
            yield self._orphan_after(index)

    async def _take(self, ref: BlockRef) -> BlockItem:
        """Fetch `ref` and make it the tip. After many failures the block is a Gap, and the chain goes on."""
        assert ref.hash is not None and ref.number is not None
        try:
            fetched = await self._fetch(ref.hash, ref.number)
        except NodeError as error:
            # The node answers other things (it gave us the header) but not this block.
            if isinstance(error, BlockVanished) or not await self._node_is_well():
                raise
            self._append(ref)
            return Gap(ref.number, ref.number, f"the block could not be read: {error}")
        self._append(fetched.block.ref)
        return NewBlock(fetched.block)

    async def _fetch(self, block_hash: str, number: int) -> FetchedBlock:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS_BEFORE_GAP),
            wait=wait_exponential(multiplier=0.05, max=2.0),
            retry=retry_if_exception_type(NodeError) & retry_if_not_exception_type(BlockVanished),
            reraise=True,
        ):
            with attempt:
                return await self._fetcher.fetch(block_hash, number)
        raise AssertionError("unreachable: tenacity reraises")

    async def _node_is_well(self) -> bool:
        try:
            await self._rpc.call("eth_blockNumber")
        except NodeError:
            return False
        return True

    def _append(self, ref: BlockRef) -> None:
        self._chain.append(ref)
        self.status.newest = ref

    def _number_of_tip(self) -> int:
        number = self._chain[-1].number
        assert number is not None
        return number

    async def _header_at(self, number: int) -> BlockRef:
        header = await self._rpc.call("eth_getBlockByNumber", [hex(number), False], as_=WireHeader)
        if header is None:
            raise BlockVanished(f"Block {number} is no longer known to the node.", "It is followed by itself.")
        return header.ref()
