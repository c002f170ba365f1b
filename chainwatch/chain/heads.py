"""What each provider says the newest block is, and whom to follow.

Every provider with the role `heads` is followed on its own, by subscription with polling as a safety net, or by
polling alone. What it says is a claim: a block hash at a height, and by its parent hash one at the height before.
Where as many as the quorum claim the same block, that one is confirmed, and whoever claims another there dissents:
its heads are not followed, it is asked last, and people are told who said what.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import msgspec
import structlog

from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.provider import Provider
from chainwatch.chain.subscribe import subscribe
from chainwatch.chain.wire import WireHeader
from chainwatch.errors import NodeError
from chainwatch.types import Hash

log = structlog.get_logger(__name__)

_KEPT_HEIGHTS = 512
_RECENT_HEIGHTS = 8
_LEAD_SECONDS = 2.0
_PLAUSIBLE_LEAD = 64  # what is claimed further ahead than this of what the quorum knows is not even noted
_NOBODY = "(no majority)"
_AHEAD = " (ahead)"
_SILENT_SECONDS = 5.0  # a provider not heard for this long has no say in how high the chain is


class Claim(msgspec.Struct, frozen=True):
    """The newest head a provider told us: `at` by time.monotonic(), `seen_at` by time.perf_counter()."""

    header: WireHeader
    number: int
    at: float
    seen_at: float
    advanced_at: float


class Disagreement(msgspec.Struct, frozen=True):
    """Providers say different things. `says` is who says what; times by time.monotonic()."""

    what: str
    number: int | None
    says: dict[str, str]
    since: float
    at: float = 0.0  # when it was seen last

    def text(self) -> str:
        """For a person."""
        return f"{self.what}: " + "; ".join(f"{name} says {said}" for name, said in sorted(self.says.items())) + "."


class Heads:
    """Follows the heads of one chain. `run()` in a task of its own; then `best()` and `wait()`."""

    def __init__(self, pool: Pool, poll_seconds: float) -> None:
        self._pool = pool
        self._poll_seconds = poll_seconds
        self._silent_seconds = max(_SILENT_SECONDS, 3 * poll_seconds)
        # A provider may be quicker than the others by what they need to push or to be polled; not by more.
        block_seconds = facts_of(pool.chain_id).block_time_seconds
        self._followed_lead = 2 + math.ceil(max(_LEAD_SECONDS, 2 * poll_seconds) / block_seconds)
        self._claims: dict[int, dict[str, Hash]] = {}
        self._newest: dict[str, Claim] = {}
        self._split: dict[str, Disagreement] = {}
        self._changed = asyncio.Event()
        self.subscribed: set[str] = set()
        self.reconnects = 0
        self.errors: dict[str, str] = {}

    async def run(self) -> None:
        """Follow every provider; ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            for provider in self._pool.having("heads"):
                group.create_task(self._for_ever(provider, self._poll))
                if provider.config.ws is not None:
                    group.create_task(self._for_ever(provider, self._subscribe))

    async def _for_ever(self, provider: Provider, follow: Callable[[Provider], Awaitable[None]]) -> None:
        """What one provider sends must not end the following of the others, whatever it is."""
        while True:
            try:
                await follow(provider)
            except Exception as error:
                log.exception("following a provider's heads failed", provider=provider.name)
                self._failed(provider, error)
                await asyncio.sleep(1.0)

    async def wait(self, timeout: float) -> None:
        """Until a provider told something new, at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def wake(self) -> None:
        """End a `wait` now."""
        self._changed.set()

    def best(self) -> Claim | None:
        """The head to follow: the first of `candidates`."""
        return next(iter(self.candidates()), None)

    def candidates(self) -> list[Claim]:
        """Heads that may be followed, of those who do not dissent: plausible ones first, then by height, then by how
        many agree, then by who was first."""
        claims = {
            p.name: self._newest[p.name]
            for p in self._pool.having("heads")
            if p.name in self._newest and p.why_not is None and p.dissents is None
        }
        # Who cannot be read from just now still tells how far the chain is.
        told = [
            self._newest[p.name]
            for p in self._pool.having("heads")
            if p.name in self._newest and not p.is_wrong and p.dissents is None
        ]
        highest = self._highest_plausible(told, self._followed_lead)

        def weight(claim: Claim) -> tuple[bool, int, int, float]:
            return (
                claim.number <= highest,
                claim.number,
                self._votes(claim.number)[claim.header.hash],
                -claim.advanced_at,
            )

        return sorted((c for c in claims.values() if c.number <= highest), key=weight, reverse=True)

    def voices(self) -> int:
        """How many providers have told their head lately and can be asked."""
        now = time.monotonic()
        recent = [name for name, claim in self._newest.items() if now - claim.at < self._silent_seconds]
        return sum(self._provider(name).why_not is None for name in recent)

    def _highest_plausible(self, claims: Iterable[Claim], lead: int = _PLAUSIBLE_LEAD) -> float:
        """How high a head may be, by the heights that those we hear from have reached, and a `lead`."""
        now = time.monotonic()
        heights = sorted((c.number for c in claims if now - c.at < self._silent_seconds), reverse=True)
        return heights[min(self._pool.needed, len(heights)) - 1] + lead if heights else math.inf

    def read_at(self) -> float:
        """When a provider that does not dissent last told us its head, by time.monotonic(); 0 for never."""
        return max((c.at for n, c in self._newest.items() if self._provider(n).dissents is None), default=0.0)

    def confirmed(self, number: int) -> Hash | None:
        """The block at this height on which as many as the quorum agree."""
        votes = self._votes(number).most_common(1)
        return votes[0][0] if votes and votes[0][1] >= self._pool.needed else None

    def disagreements(self) -> list[Disagreement]:
        """Who disagrees about blocks now, of those who can be asked."""
        named = {key: d for key, d in self._split.items() if key != _NOBODY}
        nobody = [self._split[_NOBODY]] if _NOBODY in self._split else []
        return nobody + [d for key, d in named.items() if self._provider(key.removesuffix(_AHEAD)).why_not is None]

    def _provider(self, name: str) -> Provider:
        return next(p for p in self._pool.providers if p.name == name)

    def _votes(self, number: int) -> Counter[Hash]:
        return Counter(self._claims.get(number, {}).values())

    def heard(self, provider: Provider, header: WireHeader) -> None:
        """`provider` says that `header` is the newest."""
        number, now = int(header.number, 16), time.monotonic()
        before = self._newest.get(provider.name)
        advanced = before is None or before.header.hash != header.hash
        self._newest[provider.name] = Claim(
            header, number, now, time.perf_counter() if advanced or before is None else before.seen_at,
            now if advanced or before is None else before.advanced_at,
        )  # fmt: skip
        provider.head, provider.head_at = number, now
        self.errors.pop(provider.name, None)
        if not advanced:
            return
        if number > self._highest_plausible(self._newest.values()):
            return  # what somebody makes up must not push out what the others say
        self._claims.setdefault(number, {})[provider.name] = header.hash
        self._claims.setdefault(number - 1, {})[provider.name] = header.parent_hash
        # What it said of greater heights before, it has taken back.
        for height in range(number + 1, min(before.number, number + _KEPT_HEIGHTS) + 1 if before else 0):
            self._claims.get(height, {}).pop(provider.name, None)
        while len(self._claims) > _KEPT_HEIGHTS:
            self._claims.pop(min(self._claims))
        self._compare()
        self._changed.set()

    def _compare(self) -> None:
        """Who dissents: whose claim differs at the greatest height it spoke of that is confirmed.

        A provider that runs ahead is held to what it said of the heights that the others reach after it.
        """
        for name, claim in self._newest.items():
            provider = self._provider(name)
            conflict = None
            for height in range(claim.number, max(0, claim.number - _PLAUSIBLE_LEAD - _RECENT_HEIGHTS), -1):
                agreed, own = self.confirmed(height), self._claims.get(height, {}).get(name)
                if agreed is not None and own is not None:
                    conflict = height if own != agreed and self._pool.needed > 1 else None
                    break
            if conflict is None:
                self._split.pop(name, None)
                provider.dissents = None
                continue
            says = dict(self._claims[conflict])
            provider.dissents = f"says that block {conflict} is {says[name]}"
            since = self._split[name].since if name in self._split else time.monotonic()
            self._split[name] = Disagreement(f"Block {conflict}", conflict, says, since, time.monotonic())
        self._compare_without_majority()
        self._look_for_runaways()

    def _look_for_runaways(self) -> None:
        """Who is further ahead than the others can be behind: it is not followed, and that is said."""
        highest = self._highest_plausible(self._newest.values(), self._followed_lead)
        for name, claim in self._newest.items():
            key = f"{name}{_AHEAD}"
            if claim.number <= highest or self._pool.needed < 2:
                self._split.pop(key, None)
                continue
            says = {n: f"block {c.number}" for n, c in self._newest.items()}
            since = self._split[key].since if key in self._split else time.monotonic()
            self._split[key] = Disagreement("The head", None, says, since, time.monotonic())

    def _compare_without_majority(self) -> None:
        """Near the top, different blocks are claimed at one height, and none has enough votes."""
        highest = min(self._highest_plausible(self._newest.values()), max(self._claims, default=0))
        heights: list[int] = []
        for height in range(int(highest), max(0, int(highest) - _RECENT_HEIGHTS), -1):
            if self.confirmed(height) is not None:
                break  # what is below is settled with it
            if self.contested(height):
                heights.append(height)
        if not heights or self._pool.needed < 2:
            self._split.pop(_NOBODY, None)
            return
        since = self._split[_NOBODY].since if _NOBODY in self._split else time.monotonic()
        says = dict(self._claims[heights[0]])
        what = f"Block {heights[0]}"
        self._split[_NOBODY] = Disagreement(what, heights[0], says, since, time.monotonic())

    def contested(self, number: int) -> bool:
        """Whether different blocks are claimed at this height, and none is confirmed."""
        return len(self._votes(number)) > 1 and self.confirmed(number) is None

    async def _poll(self, provider: Provider) -> None:
        """Ask for the head where none was pushed within the poll interval."""
        last = 0.0
        while True:
            claim = self._newest.get(provider.name)
            due = max(last, claim.at if claim and provider.name in self.subscribed else 0.0) + self._poll_seconds
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
                continue
            last = time.monotonic()
            try:
                header = await provider.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
                if header is None:
                    raise NodeError(f"Provider {provider.name} has no latest block.", "Check it.")
                self.heard(provider, header)
            except (NodeError, ValueError) as error:  # ValueError: a header whose quantities are not hex
                self._failed(provider, error)

    async def _subscribe(self, provider: Provider) -> None:
        ws = provider.config.ws
        assert ws is not None
        decoder = msgspec.json.Decoder(WireHeader)
        delay = 0.2
        while True:
            try:
                await provider.verify()
                async for raw in subscribe(ws, ["newHeads"], opened=partial(self.subscribed.add, provider.name)):
                    self.heard(provider, decoder.decode(raw))
                    delay = 0.2
            except (NodeError, msgspec.MsgspecError, ValueError) as error:
                self.subscribed.discard(provider.name)
                self.reconnects += 1
                log.warning("head subscription lost", provider=provider.name, error=str(error), retry_seconds=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)

    def _failed(self, provider: Provider, error: Exception) -> None:
        self.errors[provider.name] = str(error)
        self._changed.set()
