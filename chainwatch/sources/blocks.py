"""The block stream of one chain: ordered, gap-free, and it says `Reorg` and `Gap`.

Every block is linked to the one before by its parent hash; where that fails the stream walks back to the common
ancestor and says which blocks are orphaned (never by `removed` logs, which nodes get wrong). It resumes from the
references that the store kept.

The lag policy: up to `live_first_after` blocks behind, blocks are yielded in order. Further behind, a `Gap` says so,
new blocks are yielded at once, and those of the Gap come beside them as `LateBlock`, oldest first. What is older than
`max_catch_up_blocks` stays a Gap. A block that cannot be read is a Gap too; it is parked, tried again, and never
holds up the ones after it.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, retry_if_not_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential

from chainwatch.chain.heads import Heads
from chainwatch.chain.pool import Pool
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import ChainConfig
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.sources.fetch import BlockVanished, FetchedBlock, Fetcher
from chainwatch.sources.trail import Trail
from chainwatch.store import Parked
from chainwatch.types import BlockItem, BlockRef, Gap, LateBlock, NewBlock, Reorg

log = structlog.get_logger(__name__)

KEPT_BLOCKS = 8_192
"""How many references are remembered: more than any chain here takes to finalise (Arbitrum, 15 minutes, 3,600)."""

_HEARD_KEPT = 64
_STALE_POLLS_BEFORE_ROLLBACK = 3
_BELIEVED_DEPTH = 4
_DOUBTFUL_SECONDS, _LOOKS_AGAIN, _MOST_DOUBTFUL = 1.0, 12, 256
_ATTEMPTS_BEFORE_GAP = 4
_PARKED_SECONDS = (2.0, 10.0, 60.0, 300.0)  # when a block that could not be read is tried again, and again


class SourceStatus(msgspec.Struct):
    """What the stream has seen; the engine reads it for its status."""

    newest: BlockRef | None = None
    head_number: int | None = None
    head_read_at: float = 0.0  # time.monotonic() when a provider last told us its head
    advanced_at: float = 0.0  # time.monotonic() when the head last was another one
    head_seen_at: float = 0.0  # time.perf_counter() when the newest head was pushed
    heard: deque[tuple[int, float]] = msgspec.field(default_factory=lambda: deque(maxlen=_HEARD_KEPT))
    """Heads by number, and time.monotonic() when each was the highest for the first time."""
    subscribed: bool = False
    last_error: str | None = None
    reconnects: int = 0
    behind: int = 0  # blocks of Gaps still to be caught up
    parked: int = 0  # blocks that could not be read and are tried again
    deepest_reorg: int = 0


class _Parked(msgspec.Struct):
    """A block that could not be read; `due` by time.monotonic()."""

    ref: BlockRef
    attempts: int
    due: float
    transactions: frozenset[str] = frozenset()  # only these, of a block that could be read otherwise
    digest: bytes = b""  # what one provider told of a block that was yielded on its word


class _Unconfirmed(BlockVanished):
    """A reorganisation of which the quorum does not know (yet)."""


class BlockSource:
    """Yields the chain's blocks. One consumer; `items()` may be called again after it failed, never twice at once."""

    def __init__(
        self,
        pool: Pool,
        fetcher: Fetcher,
        config: ChainConfig,
        *,
        resume_from: Sequence[BlockRef] = (),
        backlog: Sequence[Gap] = (),
        parked: Sequence[Parked] = (),
        kept_blocks: int = KEPT_BLOCKS,
    ) -> None:
        self._pool = pool
        self._fetcher = fetcher
        self._config = config
        self.heads = Heads(pool, config.poll_seconds)
        self._trail = Trail(resume_from, kept_blocks)
        self._backlog: deque[tuple[int, int]] = deque(self._recent(backlog))
        self._parked: dict[int, _Parked] = {}
        self._doubtful: dict[int, _Parked] = {}
        self._take_up(parked)
        self._stop = asyncio.Event()
        self._stale_polls = 0
        self._mismatches = 0
        self.status = SourceStatus(newest=self._trail.tip)
        self.status.behind = sum(last - first + 1 for first, last in self._backlog)

    def _recent(self, gaps: Sequence[Gap]) -> list[tuple[int, int]]:
        """Of an earlier run's Gaps what may still be caught up."""
        tip = self._trail.tip
        if tip is None or tip.number is None:
            return []
        lowest = tip.number - self._config.max_catch_up_blocks
        return [(max(g.first, lowest), g.last) for g in gaps if g.last >= lowest]

    def is_canonical(self, block_hash: str | None) -> bool:
        """Whether it is among the canonical blocks that are remembered."""
        return block_hash in self._trail

    def stop(self) -> None:
        """Let `items()` end after the item in hand."""
        self._stop.set()
        self.heads.wake()

    async def items(self) -> AsyncGenerator[BlockItem, None]:
        """The stream. It survives failures of the nodes by waiting and asking again, and ends only by `stop()`."""
        following = asyncio.create_task(self.heads.run())
        try:
            while not self._stop.is_set():
                try:
                    heads = await self._next_heads(following)
                    for head in heads:
                        try:
                            async for item in self._advance_to(head):
                                yield item
                                if self._stop.is_set():
                                    return
                        except _Unconfirmed as error:  # somebody else's head may follow ours
                            self.status.last_error = str(error)
                            continue
                        break
                    async for item in self._catch_up_some():
                        yield item
                except BlockVanished as error:
                    self.status.last_error = str(error)  # reorganised away under our hands: the next head shows where
                    await self.heads.wait(0.05)
                except (NodeError, ValueError) as error:  # ValueError: a header whose quantities are not hex
                    self.status.last_error = str(error)
                    log.warning("cannot read blocks", error=str(error), newest=self.status.newest)
                    await self.heads.wait(min(self._config.poll_seconds, 0.5))
                else:
                    if heads:
                        self.status.last_error = None
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def refresh(self) -> None:
        """Bring the status up to date: a block may take long, and the head moves on meanwhile."""
        status, heads = self.status, self.heads
        status.reconnects, status.subscribed = heads.reconnects, bool(heads.subscribed)
        status.head_read_at = heads.read_at()
        if (claim := heads.best()) is not None:
            status.advanced_at = max(status.advanced_at, claim.advanced_at)
            status.head_number = claim.number
            if not status.heard or claim.number > status.heard[-1][0]:
                status.heard.append((claim.number, time.monotonic()))

    async def _next_heads(self, following: asyncio.Task[None]) -> list[BlockRef]:
        """The heads that may be followed, the best first, once there is news, or the poll interval is over, or there is
        a backlog to work on."""
        if not self._backlog or self._mismatches:
            await self.heads.wait(self._config.poll_seconds)
        if following.done() and not self._stop.is_set():
            following.result()
            raise NodeError("Following heads ended.", "It is started again.")
        self.refresh()
        status, heads = self.status, self.heads
        claims = heads.candidates()
        if not claims:
            if heads.errors:
                status.last_error = "; ".join(heads.errors.values())
            return []
        status.head_seen_at = claims[0].seen_at
        return [claim.header.ref() for claim in claims]

    async def _advance_to(self, ref: BlockRef) -> AsyncIterator[BlockItem]:
        """What happened between the newest block yielded and the head `ref`."""
        assert ref.number is not None
        tip = self._trail.tip
        if tip is None:
            yield await self._take(ref)  # first start: history is scanned, not watched
            return
        assert tip.number is not None
        if ref.hash == tip.hash:
            self._stale_polls = 0
            return
        if ref.hash in self._trail:
            async for item in self._rolled_back(ref):
                yield item
            return
        self._stale_polls = 0
        if ref.number - tip.number > min(self._config.live_first_after, self._config.max_catch_up_blocks):
            async for item in self._jump_to(ref):
                yield item
        else:
            async for item in self._link(ref):
                yield item

    async def _jump_to(self, ref: BlockRef) -> AsyncIterator[BlockItem]:
        """Far behind: what is canonical of what we know, a Gap, and the head at once."""
        async for item in self._unknown_orphaned():
            yield item
        tip = self._trail.tip
        first = tip.number + 1 if tip is not None and tip.number is not None else ref.number
        assert first is not None and ref.number is not None
        oldest = max(first, ref.number - self._config.max_catch_up_blocks)
        if oldest > first:
            limit = self._config.max_catch_up_blocks
            yield Gap(first, oldest - 1, f"the outage was longer than max_catch_up_blocks = {limit}")
        if ref.number > oldest:
            count = ref.number - oldest
            yield Gap(oldest, ref.number - 1, f"{count} blocks behind: new blocks come first, these are caught up")
            self._backlog.append((oldest, ref.number - 1))
            self.status.behind += count
        yield await self._take(ref)

    async def _unknown_orphaned(self) -> AsyncIterator[BlockItem]:
        """A Reorg for those of our newest blocks that the providers no longer have in their chain."""
        tip = self._trail.tip
        number = tip.number if tip is not None else None
        good = number
        while good is not None and good >= self._trail.lowest:
            ours = self._trail.at(good)
            if ours is not None:
                theirs = await self._canonical(good)
                if theirs.hash == ours.hash:
                    break
            good -= 1
        if good is not None and number is not None and good < number:
            yield await self._orphan_from(good + 1)

    async def _canonical(self, number: int) -> BlockRef:
        """The block at `number` as most providers have it."""
        votes: Counter[str] = Counter()
        found: dict[str, BlockRef] = {}
        error: NodeError | None = None
        async with aclosing(self._pool.each([("eth_getBlockByNumber", [hex(number), False])])) as each:
            async for _, answer in each:
                if isinstance(answer, NodeError):
                    error = error or answer
                    continue
                if not isinstance(answer[0], dict):
                    continue
                try:
                    ref = msgspec.convert(answer[0], WireHeader).ref()
                except (msgspec.MsgspecError, ValueError) as unreadable:
                    error = error or NodeError(f"Header {number} cannot be read: {unreadable}.", "Check the provider.")
                    continue
                found[str(ref.hash)] = ref
                votes[str(ref.hash)] += 1
                if votes[str(ref.hash)] >= self._pool.needed:
                    return ref
        if not votes:
            raise error or BlockVanished(f"No provider has block {number}.", "It is followed by itself.")
        return found[votes.most_common(1)[0][0]]

    async def _link(self, ref: BlockRef) -> AsyncIterator[BlockItem]:
        """Yield `ref` as the next block; where it does not follow the tip, after a Reorg and its branch's blocks."""
        branch = await self._branch_to(ref)  # newest first
        oldest = branch[-1]
        assert oldest.number is not None
        tip = self._trail.tip
        assert tip is not None and tip.number is not None
        if oldest.number <= tip.number:
            lowest = self._trail.lowest
            reorg = await self._orphan_from(oldest.number, oldest.parent_hash, branch)
            yield reorg
            if oldest.number == lowest > 0:
                why = "a reorganisation went deeper than the blocks that were kept: what is below may be orphaned too"
                yield Gap(lowest - 1, lowest - 1, why)
                self._backlog.append((lowest - 1, lowest - 1))
                self.status.behind += 1
        asked: str | None = None
        async for item in self._take_all(branch[::-1]):
            yield item
            if self._stop.is_set() or self._is_contradicted(branch):
                return
            best = self.heads.best()
            if best is None or best.header.hash in (ref.hash, asked) or self.status.newest == ref:
                continue
            if self._pool.needed > 1 and self.heads.confirmed(best.number) == best.header.hash:
                asked = best.header.hash
                if not await self._is_still_there(ref):
                    return

    def _is_contradicted(self, branch: Sequence[BlockRef]) -> bool:
        """Whether the quorum has come to know better than whoever told of this branch."""
        return any(self.heads.confirmed(b.number) not in (None, b.hash) for b in branch if b.number is not None)

    async def _is_still_there(self, ref: BlockRef) -> bool:
        """Whether most providers have `ref` at its height, now that they agree on another head: does that follow it?"""
        assert ref.number is not None
        try:
            return (await self._canonical(ref.number)).hash == ref.hash
        except NodeError:
            return True

    async def _branch_to(self, ref: BlockRef) -> list[BlockRef]:
        """`ref` and its ancestors down to the first whose parent we know, or whose parent's height we have not read."""
        assert ref.number is not None
        tip = self._trail.tip
        assert tip is not None and tip.number is not None
        ahead = {r.hash: r for r in await self._headers(tip.number + 1, ref.number - 1)}
        branch = [ref]
        while True:
            oldest = branch[-1]
            assert oldest.number is not None
            if oldest.number - 1 <= tip.number:
                below = self._trail.at(oldest.number - 1)
                if below is None or below.hash == oldest.parent_hash:
                    return branch
                if tip.number - oldest.number >= _BELIEVED_DEPTH:  # before we walk far back on somebody's word
                    self._refuse_unconfirmed(branch)
            parent = ahead.get(oldest.parent_hash) or await self._header(oldest.parent_hash)
            branch.append(parent)

    async def _headers(self, first: int, last: int) -> list[BlockRef]:
        """Headers by height, in one round trip; a saving, not a truth: what does not link is not used."""
        if first > last:
            return []
        calls = [("eth_getBlockByNumber", [hex(n), False]) for n in range(first, last + 1)]
        try:
            return [msgspec.convert(a, WireHeader).ref() for a in await self._pool.batch(calls) if isinstance(a, dict)]
        except (NodeRejected, msgspec.MsgspecError):
            return []

    async def _header(self, block_hash: str | None) -> BlockRef:
        header = await self._pool.call("eth_getBlockByHash", [block_hash, False], as_=WireHeader)
        if header is None:
            raise BlockVanished("A parent block is no longer known to the node.", "It is followed by itself.")
        ref: BlockRef = header.ref()
        return ref

    async def _orphan_from(self, number: int, parent_hash: str | None = None, branch: Sequence[BlockRef] = ()) -> Reorg:
        """Orphan what we have from `number` up, for `branch` (newest first), if that is to be believed.

        Raises _Unconfirmed where it is not: whoever says so has to be on our chain, and where as many as the quorum
        speak they have to agree on a block of the branch. One provider, or one on another chain, takes nothing away.
        """
        await self._pool.recheck()
        followed = {claim.header.hash for claim in self.heads.candidates()}
        if not followed or (branch and branch[0].hash not in followed):
            raise _Unconfirmed("Whoever told of a reorganisation is not believed any more.", "It is looked at again.")
        self._refuse_unconfirmed(branch)
        orphaned = self._trail.cut(number)
        self.status.newest = self._trail.tip
        self.status.deepest_reorg = max(self.status.deepest_reorg, len(orphaned))
        return Reorg(orphaned, self._trail.at(number - 1) or BlockRef(number=number - 1, hash=parent_hash))

    def _refuse_unconfirmed(self, branch: Sequence[BlockRef]) -> None:
        if branch and self._pool.needed > 1 and self.heads.voices() >= self._pool.needed:
            agreed = (self.heads.confirmed(b.number) == b.hash for b in branch if b.number is not None)
            if not any(agreed):
                what = f"A branch at block {branch[0].number} that is not ours is not confirmed."
                raise _Unconfirmed(what, "It is waited for.")

    async def _rolled_back(self, head: BlockRef) -> AsyncIterator[BlockItem]:
        """The head is a block we have passed. A lagging node says that too, so believe it only when it stays so."""
        self._stale_polls += 1
        tip = self._trail.tip
        if self._stale_polls < _STALE_POLLS_BEFORE_ROLLBACK or tip is None:
            return
        known = await self._pool.call("eth_getBlockByHash", [tip.hash, False])
        claim = self.heads.best()
        if known is None and claim is not None and claim.header.hash == head.hash:
            assert head.number is not None
            self._stale_polls = 0
            yield await self._orphan_from(head.number + 1)

    # Reading blocks

    async def _take(self, ref: BlockRef) -> BlockItem:
        """Fetch `ref` and make it the tip. After many failures the block is a Gap, parked, and the chain goes on."""
        async for item in self._take_all([ref]):
            return item
        raise AssertionError("unreachable: each block yields an item")

    async def _take_all(self, refs: Sequence[BlockRef]) -> AsyncIterator[BlockItem]:
        """Each of `refs`, in order; several are fetched at once."""
        tasks: deque[tuple[BlockRef, asyncio.Task[FetchedBlock | NodeError]]] = deque()
        waiting = deque(refs)
        try:
            while tasks or waiting:
                while waiting and len(tasks) < self._config.catch_up_at_once:
                    ref = waiting.popleft()
                    tasks.append((ref, asyncio.create_task(self._fetch(ref))))
                ref, task = tasks.popleft()
                fetched = await task
                if isinstance(fetched, NodeError) and not await self._node_is_well():
                    raise fetched
                self._trail.add(ref)
                self.status.newest = self._trail.tip
                if isinstance(fetched, NodeError):
                    # The nodes answer other things (they gave us the header) but not this block.
                    yield self._park(ref, fetched)
                else:
                    self._note_parked(fetched)
                    yield NewBlock(fetched.block)
        finally:
            for _, task in tasks:
                task.cancel()
            await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)

    async def _fetch(self, ref: BlockRef) -> FetchedBlock | NodeError:
        """The block, or why it could not be read after several attempts. Raises BlockVanished."""
        assert ref.hash is not None and ref.number is not None
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(_ATTEMPTS_BEFORE_GAP),
                wait=wait_exponential(multiplier=0.05, max=2.0),
                retry=retry_if_exception_type(NodeError) & retry_if_not_exception_type(BlockVanished),
                reraise=True,
            ):
                with attempt:
                    return await self._fetcher.fetch(ref.hash, ref.number)
        except BlockVanished:
            raise
        except NodeError as error:
            return error
        raise AssertionError("unreachable: tenacity reraises")

    def _take_up(self, parked: Sequence[Parked]) -> None:
        """Transactions that an earlier run could not read; its blocks are in its Gaps."""
        for one in parked:
            ref = None if one.number is None else self._trail.at(one.number)
            if ref is None or ref.hash != one.hash or one.number is None or one.tx_hash is None:
                continue
            known = self._parked.setdefault(one.number, _Parked(ref, one.attempts, time.monotonic()))
            known.transactions |= {one.tx_hash}

    def park(self, ref: BlockRef, why: str) -> Gap:
        """A block that was read and could not be worked through: it is read again, as one that could not be read."""
        return self._park(ref, NodeError(why, "It is tried again."))

    def _park(self, ref: BlockRef, error: NodeError) -> Gap:
        assert ref.number is not None
        self._parked[ref.number] = _Parked(ref, 1, time.monotonic() + _PARKED_SECONDS[0])
        self.status.parked = len(self._parked)
        return Gap(ref.number, ref.number, f"the block could not be read: {error}", attempts=1, hash=ref.hash)

    def _note_parked(self, fetched: FetchedBlock) -> None:
        """Transactions of it that could not be read are asked for again, and so is a block on one provider's word."""
        if fetched.digest and fetched.block.ref.number is not None:
            due = time.monotonic() + _DOUBTFUL_SECONDS
            doubt = _Parked(fetched.block.ref, 1, due, digest=fetched.digest)
            self._doubtful[fetched.block.ref.number] = doubt
            while len(self._doubtful) > _MOST_DOUBTFUL:
                self._doubtful.pop(next(iter(self._doubtful)))
        ref, hashes = fetched.block.ref, frozenset(p.hash for p in fetched.block.parked if p.hash is not None)
        if hashes and ref.number is not None:
            self._parked[ref.number] = _Parked(ref, 1, time.monotonic() + _PARKED_SECONDS[0], hashes)
            self.status.parked = len(self._parked)

    async def _node_is_well(self) -> bool:
        try:
            await self._pool.call("eth_blockNumber")
        except NodeError:
            return False
        return True

    # Catching up beside the new blocks

    async def _catch_up_some(self) -> AsyncIterator[BlockItem]:
        """The next few blocks of the oldest Gap, or a parked block whose time has come."""
        if not self._backlog:
            async for item in self._retry_parked():
                yield item
            async for item in self._look_again():
                yield item
            return
        first, last = self._backlog[0]
        upto = min(last, first + self._config.catch_up_at_once - 1)
        refs = await self._chunk(first, upto)
        below = self._trail.at(first - 1)
        if below is not None and below.hash != refs[0].parent_hash:
            # What was the tip when we fell behind has been orphaned meanwhile.
            yield await self._orphan_late(first, refs[0])
            return
        fetched = await asyncio.gather(*(self._fetch(ref) for ref in refs))
        if any(isinstance(f, NodeError) for f in fetched) and not await self._node_is_well():
            raise next(f for f in fetched if isinstance(f, NodeError))
        if upto == last:
            self._backlog.popleft()
        else:
            self._backlog[0] = (upto + 1, last)
        self.status.behind -= len(refs)
        for ref, got in zip(refs, fetched, strict=True):
            self._trail.add(ref)
            if isinstance(got, NodeError):
                yield self._park(ref, got)
            else:
                self._note_parked(got)
                yield LateBlock(got.block)

    async def _chunk(self, first: int, last: int) -> list[BlockRef]:
        """Headers from `first` to `last` that link to each other and to the block above, where we have it."""
        for refs in (
            (await self._headers(first, last)) if self._mismatches == 0 else [],
            [await self._canonical(n) for n in range(first, last + 1)] if self._mismatches else [],
        ):
            above = self._trail.at(last + 1)
            links = [above.parent_hash] if above is not None else []
            links = [r.parent_hash for r in refs[1:]] + links
            if len(refs) == last - first + 1 and all(r.hash == h for r, h in zip(refs, links, strict=False)):
                self._mismatches = 0
                return refs
        self._mismatches += 1
        raise BlockVanished(f"Blocks {first} to {last} do not link to those after them.", "They are asked for again.")

    async def _orphan_late(self, first: int, ref: BlockRef) -> Reorg:
        """The blocks just below `first` are not its ancestors: orphan them, and put their heights into the backlog."""
        below, good = ref, first - 1
        while (ours := self._trail.at(good)) is not None and ours.hash != below.parent_hash:
            below = await self._header(below.parent_hash)
            good -= 1
        orphaned = [ours for n in range(first - 1, good, -1) if (ours := self._trail.at(n)) is not None]
        for gone in orphaned:
            assert gone.number is not None
            self._trail.drop(gone.number)
        last = self._backlog[0][1]
        self._backlog[0] = (good + 1, last)
        self.status.behind += first - good - 1
        return Reorg(tuple(orphaned), self._trail.at(good) or BlockRef(number=good, hash=below.parent_hash))

    async def _look_again(self) -> AsyncIterator[BlockItem]:
        """A block that was yielded on one provider's word: does the quorum tell the same by now?"""
        now = time.monotonic()
        number, due = next(((n, p) for n, p in self._doubtful.items() if p.due <= now), (-1, None))
        if due is None:
            return
        due.due = now + _DOUBTFUL_SECONDS * due.attempts
        due.attempts += 1
        if due.ref.hash is None or due.ref.hash not in self._trail or due.attempts > _LOOKS_AGAIN:
            self._doubtful.pop(number)
            return
        try:
            fetched = await self._fetcher.fetch(due.ref.hash, number)
        except NodeError:
            return
        if not fetched.digest:
            self._doubtful.pop(number)
            if self._fetcher.digest_of(fetched) != due.digest:
                log.error("a block was told otherwise than the quorum has it", block=number, hash=due.ref.hash)
                yield LateBlock(fetched.block, again=True)

    async def _retry_parked(self) -> AsyncIterator[BlockItem]:
        now = time.monotonic()
        number, due = next(((n, p) for n, p in self._parked.items() if p.due <= now), (-1, None))
        if due is None:
            return
        if due.ref.hash not in self._trail:  # orphaned or forgotten: there is nothing to read any more
            self._parked.pop(number)
        else:
            assert due.ref.hash is not None
            try:
                fetched = await self._fetcher.fetch(due.ref.hash, number)
                if due.transactions and any(p.hash in due.transactions for p in fetched.block.parked):
                    raise NodeError(fetched.block.parked[0].reason, "It is tried again.")
            except NodeError as error:
                due.due = time.monotonic() + _PARKED_SECONDS[min(due.attempts, len(_PARKED_SECONDS) - 1)]
                due.attempts += 1
                reason = f"the block could not be read: {error}"
                log.warning(
                    "a parked block still cannot be read", block=number, attempts=due.attempts, error=str(error)
                )
                if not due.transactions:
                    yield Gap(number, number, reason, attempts=due.attempts, hash=due.ref.hash)
            else:
                self._parked.pop(number)
                whole = fetched.block
                some = tuple(e for e in whole.executions if e.transaction.hash in due.transactions)
                if due.transactions:
                    yield LateBlock(msgspec.structs.replace(whole, executions=some), partial=True)
                else:
                    yield LateBlock(whole)
        self.status.parked = len(self._parked)
