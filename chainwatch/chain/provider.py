"""One endpoint of a chain and what is known of it: its health, its limits, whether it is on our chain at all.

A provider that failed is not asked for a while, longer each time, and is verified (chain id and genesis block)
before it is believed again. `Patience` waits for several of them, and not for those known to keep one waiting.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from chainwatch.chain.rpc import RateLimited, Rpc, quantity, redacted
from chainwatch.config.models import ProviderConfig
from chainwatch.errors import NodeError, NodeRejected

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LATENCY_WEIGHT = 0.2
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.25, 15.0
_VERIFY_SECONDS = 60.0
_UNRESPONSIVE_SECONDS = 10.0
_TROUBLE_CODES = (-32603, -32005)  # internal error, limit exceeded (EIP-1474)


class WrongProvider(NodeError):
    """A provider is on another chain than the configuration says."""

    exit_code = 2


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider does; for metrics, `/ready` and messages. `latency_ms` is a moving average."""

    name: str
    usable: bool
    reason: str | None
    latency_ms: float
    calls: int
    errors: int
    head: int | None
    head_age_seconds: float | None
    dissents: str | None


class _Bucket:
    """At most `rate` calls a second, with one second's worth saved up."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._tokens = rate or 0.0
        self._at = time.monotonic()

    def seconds_until(self, calls: int) -> float:
        """How long until `calls` may be made; they are taken when it is 0."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._at) * self._rate)
        self._at = now
        # A batch larger than the bucket goes when it is full, and is paid off afterwards.
        short = min(calls, max(self._rate, 1.0)) - self._tokens
        if short > 1e-9:
            return short / self._rate
        self._tokens -= calls
        return 0.0


class Provider:
    """One endpoint and what is known of it."""

    def __init__(self, config: ProviderConfig, chain_id: int, *, alone: bool) -> None:
        self.config = config
        self.name = config.name
        self.rpc = Rpc(config.http)
        self.head: int | None = None
        self.head_at: float | None = None
        self.dissents: str | None = None
        self.latency = 0.05
        self.calls: Counter[str] = Counter()
        self.errors = 0
        self.unsupported: set[str] = set()
        self.genesis: str | None = None
        self._chain_id = chain_id
        self._alone = alone  # then whoever asks gets the error itself, and it is not logged besides
        self._bucket = _Bucket(config.max_calls_per_second)
        self._failures = 0
        self._down_until = 0.0
        self._down_because: str | None = None
        self._wrong: str | None = None
        self._unresponsive_until = 0.0
        self._verified_at: float | None = None
        self._trusted = False
        self._verifying = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Provider({self.name}, {redacted(self.config.http)})"

    @property
    def is_wrong(self) -> bool:
        """Whether it is known to be on another chain."""
        return self._wrong is not None

    @property
    def why_not(self) -> str | None:
        """Why it is not asked now, None where it is."""
        if self._wrong is not None:
            return self._wrong
        return self._down_because if time.monotonic() < self._down_until else None

    def status(self) -> ProviderStatus:
        """How it does."""
        why = self.why_not
        return ProviderStatus(
            name=self.name, usable=why is None, reason=why, latency_ms=round(self.latency * 1e3, 2),
            calls=self.calls.total(), errors=self.errors, head=self.head,
            head_age_seconds=None if self.head_at is None else time.monotonic() - self.head_at, dissents=self.dissents,
        )  # fmt: skip

    async def call(
        self,
        method: str,
        params: Sequence[Any] = (),
        *,
        as_: Any = Any,
        timeout: float | None = None,
        accept: Callable[[Any], bool] | None = None,
    ) -> Any:
        """As `Rpc.call`, counted and timed; the provider is verified first."""
        await self.verify()
        return await self._timed([method], lambda: self.rpc.call(method, params, as_=as_, timeout=timeout))

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], *, timeout: float | None = None
    ) -> list[Any | NodeRejected]:
        """As `Rpc.batch`, split where the provider's limits want it."""
        await self.verify()
        results: list[Any] = []
        for start in range(0, len(calls), self.config.max_batch):
            some = calls[start : start + self.config.max_batch]
            results += await self._timed([m for m, _ in some], lambda some=some: self.rpc.batch(some, timeout=timeout))  # type: ignore[misc]
        refusals = [result for result in results if isinstance(result, NodeRejected) and is_trouble(result)]
        if refusals and len(refusals) == len(results):
            self.failed(refusals[0])
        return results

    async def agree(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any | NodeRejected]:
        """As `batch`: one provider is its own quorum."""
        return await self.batch(calls)

    async def verify(self, *, again: bool = False) -> None:
        """Make sure that it is on our chain, by id and genesis. Raises NodeError where it is not or cannot be asked."""
        if self._trusted or (not again and self._is_verified()):
            return
        async with self._verifying:
            if not again and self._is_verified():
                return
            calls: list[tuple[str, list[Any]]] = [("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])]
            answers = await self._timed([m for m, _ in calls], lambda: self.rpc.batch(calls))
            if isinstance(answers[0], NodeRejected):
                raise answers[0]
            try:
                actual = quantity(answers[0])
                genesis = answers[1]["hash"] if isinstance(answers[1], dict) else None  # a pruned node may lack it
            except (TypeError, ValueError, KeyError):
                raise NodeError(f"Provider {self.name} told no chain id.", "Check its endpoint.") from None
            wrong = None
            if actual != self._chain_id:
                wrong = f"is on chain {actual}, not {self._chain_id}"
            elif self.genesis is not None and genesis is not None and genesis != self.genesis:
                wrong = f"has another genesis block, {genesis}"
            if wrong is not None and self._wrong is None:
                self.say("a provider is on another chain and is not asked", found=wrong)
            elif wrong is None and self._wrong is not None:
                self.say("a provider is on our chain again")
            self._wrong = wrong
            self.genesis = self.genesis or genesis
            if wrong is not None:
                self._verified_at = None
                raise WrongProvider(f"Provider {self.name} {wrong}.", "Correct its http, or chains.id.")
            self._verified_at = time.monotonic()

    def _is_verified(self) -> bool:
        return self._verified_at is not None and time.monotonic() - self._verified_at < _VERIFY_SECONDS

    def trusted(self) -> None:
        """Whoever made it knows that it is on our chain."""
        self._trusted = True

    def failed(self, error: NodeError) -> None:
        """It gave no answer: not asked for a while, longer each time, and verified before it is believed again."""
        self.errors += 1
        self._failures += 1
        self._verified_at = None
        wait = min(_FIRST_BACKOFF_SECONDS * 2 ** min(self._failures - 1, 10), _LONGEST_BACKOFF_SECONDS)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            wait = max(wait, min(error.retry_after, 60.0))
        if self._failures == 1 or time.monotonic() >= self._down_until:
            self.say("a provider failed", error=error.problem, not_asked_seconds=round(wait, 2))
        self._down_until, self._down_because = time.monotonic() + wait, error.problem

    @property
    def is_responsive(self) -> bool:
        """Whether it is worth waiting for: it answers, and has not kept anybody waiting lately."""
        return self.why_not is None and time.monotonic() >= self._unresponsive_until

    def kept_waiting(self) -> None:
        """Others were asked the same, and it alone did not answer in time."""
        self._unresponsive_until = time.monotonic() + _UNRESPONSIVE_SECONDS

    def answered_in_time(self) -> None:
        """It did."""
        self._unresponsive_until = 0.0

    def slow(self, seconds: float) -> None:
        """It has not answered for `seconds`, and another was asked."""
        self.latency += _LATENCY_WEIGHT * (max(seconds, self.latency) - self.latency)

    def say(self, event: str, **details: Any) -> None:
        """Warn of it in the log, under its name."""
        if not self._alone:
            log.warning(event, provider=self.name, **details)

    async def _timed(self, methods: Sequence[str], ask: Callable[[], Awaitable[T]]) -> T:
        while (wait := self._bucket.seconds_until(len(methods))) > 0:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(wait)
        self.calls.update(methods)
        started = time.monotonic()
        try:
            result = await ask()
        except NodeRejected:
            self._answered(started)
            raise
        except NodeError as error:
            self.failed(error)
            raise
        self._answered(started)
        return result

    def _answered(self, started: float) -> None:
        self.latency += _LATENCY_WEIGHT * (time.monotonic() - started - self.latency)
        self._failures, self._down_because, self._down_until = 0, None, 0.0


class Patience:
    """Waits for the answers of several providers, and not for those who are known to keep one waiting.

    Who has not answered in time is not waited for during the next seconds, while it is still asked and heard.
    """

    def __init__(self, tasks: Mapping["asyncio.Task[Any]", Provider], others: float, at_most: float) -> None:
        self._tasks = dict(tasks)
        self._pending = set(tasks)
        self._others = others
        self._deadline = time.monotonic() + at_most
        responsive = {task for task, provider in tasks.items() if provider.is_responsive}
        self._waited = responsive or set(tasks)
        self._unhurried = False

    async def next(self) -> "set[asyncio.Task[Any]]":
        """Those that have answered meanwhile; none where nobody is waited for any more."""
        if not self._pending & self._waited:
            return set()
        left = max(0.0, self._deadline - time.monotonic())
        done, self._pending = await asyncio.wait(self._pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._tasks[task].answered_in_time()
        if done and not self._unhurried:
            self._unhurried = True
            self._deadline = min(self._deadline, time.monotonic() + self._others)
        if not done:
            for task in self._pending & self._waited:
                self._tasks[task].kept_waiting()
        return done

    async def end(self) -> None:
        """Give up on those who have not answered."""
        for task in self._pending:
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)


def is_trouble(error: NodeRejected) -> bool:
    """Whether a refusal says something about the provider's health rather than about what was asked."""
    return error.code in _TROUBLE_CODES or "rate limit" in error.message.lower()
