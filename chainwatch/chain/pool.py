"""All providers of one chain behind one face: whoever asks neither knows nor cares which of them answers.

A call goes to the best provider that has its role; where that one fails, is slow, refuses for reasons of its own
(limits, a block it lacks, a method it does not offer) or answers null for what others may have, the next one is
asked, so that no request is lost while any provider can answer it. `each` asks all of them, for what must be
agreed on. Every provider is on our chain, by chain id and genesis block, before it is believed, and again after
every failure.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
import structlog

from chainwatch.chain.rpc import DEFAULT_TIMEOUT_SECONDS, NO_SUCH_METHOD, RateLimited, Rpc, quantity, redacted
from chainwatch.config.models import ChainConfig, ProviderConfig, Role
from chainwatch.errors import NodeError, NodeRejected, WrongChain

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LATENCY_WEIGHT = 0.2
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.25, 15.0
_VERIFY_SECONDS = 60.0
_RECHECK_SECONDS = 1.0
OTHERS_SECONDS = 1.0
"""How long the others are waited for once one provider has answered what must be agreed on."""

_UNRESPONSIVE_SECONDS = 10.0
_HEDGE_FLOOR_SECONDS, _HEDGE_CEILING_SECONDS = 0.15, 1.5
_LAGGING_BLOCKS = 3

# Where null means "I do not have it", which another provider may.
_MAY_BE_BEHIND = frozenset(
    {"eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getTransactionReceipt"}
)
# Refusals that are the answer: every honest node gives the same one.
_FINAL_CODES = (3, -32602)  # execution reverted (geth), invalid params
_FINAL_WORDS = ("revert", "invalid opcode", "out of gas", "insufficient funds", "nonce too", "underpriced")
_TROUBLE_CODES = (-32603, -32005)  # internal error, limit exceeded (EIP-1474)
_NOT_FINAL_WORDS = ("not found", "unknown block", "missing trie", "unavailable", "not available", "pruned", "limit")


def role_of(method: str) -> Role:
    """The role a provider must have to be asked for `method`."""
    if method.startswith(("trace_", "debug_")):
        return "traces"
    return "send" if method == "eth_sendRawTransaction" else "reads"


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
        refusals = [result for result in results if isinstance(result, NodeRejected) and _is_trouble(result)]
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
                self._log("a provider is on another chain and is not asked", found=wrong)
            elif wrong is None and self._wrong is not None:
                self._log("a provider is on our chain again")
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
            self._log("a provider failed", error=error.problem, not_asked_seconds=round(wait, 2))
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

    def _log(self, event: str, **details: Any) -> None:
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


class WrongProvider(NodeError):
    """A provider is on another chain than the configuration says."""

    exit_code = 2


class Pool:
    """The providers of one chain. Speaks as `Rpc` does; close it when done."""

    def __init__(self, chain: ChainConfig) -> None:
        self.chain_id = chain.id
        self.needed = chain.needed
        alone = len(chain.providers) == 1
        self.providers = tuple(Provider(config, chain.id, alone=alone) for config in chain.providers)

    @classmethod
    def of(cls, http: str, chain_id: int, ws: str | None = None) -> "Pool":
        """One provider, by its endpoint."""
        return cls(ChainConfig(id=chain_id, providers=(ProviderConfig(name="node", http=http, ws=ws),)))

    @classmethod
    def over(cls, rpc: Rpc, chain_id: int) -> "Pool":
        """One provider that speaks through `rpc`, which the caller closes."""
        pool = cls.of(rpc.url, chain_id)
        pool.providers[0].rpc = rpc
        return pool

    def __repr__(self) -> str:
        return f"Pool({', '.join(map(repr, self.providers))})"

    async def __aenter__(self) -> "Pool":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        for provider in self.providers:
            await provider.rpc.close()

    async def open(self) -> None:
        """Verify all providers before anything is read.

        Raises WrongChain where one is on another chain or they do not share a genesis block, NodeError where none
        answers. One of several that does not answer is only told: it may come back.
        """
        outcomes = await asyncio.gather(*(p.verify(again=True) for p in self.providers), return_exceptions=True)
        failures = [o for o in outcomes if isinstance(o, BaseException)]
        for provider, outcome in zip(self.providers, outcomes, strict=True):
            if isinstance(outcome, WrongProvider):
                raise WrongChain(outcome.problem, outcome.mend)
            if isinstance(outcome, NodeError):
                provider._log("a provider does not answer", error=outcome.problem)
            elif isinstance(outcome, BaseException):
                raise outcome
        if len(failures) == len(self.providers):
            raise failures[0]
        geneses = {p.genesis for p in self.providers if p.genesis is not None}
        if len(geneses) > 1:
            who = ", ".join(f"{p.name}: {p.genesis}" for p in self.providers)
            raise WrongChain(f"The providers of chain {self.chain_id} have different genesis blocks ({who}).", "Mend.")
        for provider in self.providers:
            provider.genesis = next(iter(geneses), None)

    def having(self, role: Role) -> list[Provider]:
        """The providers with `role`, in the order of the configuration."""
        return [provider for provider in self.providers if role in provider.config.roles]

    def ranked(self, role: Role, method: str = "") -> list[Provider]:
        """Whom to ask, best first: those that answer, agree with the others and are not behind, then the quickest.

        Providers that failed lately come last instead of never: where all have failed, the least bad is asked.
        """
        heads = sorted((p.head for p in self.providers if p.head is not None), reverse=True)
        highest = heads[min(self.needed, len(heads)) - 1] if heads else 0

        def rank(provider: Provider) -> tuple[bool, bool, bool, bool, bool, float]:
            behind = provider.head is not None and provider.head < highest - _LAGGING_BLOCKS
            lacks = bool(method) and method in provider.unsupported
            last = role not in provider.config.roles
            troubled = provider.why_not is not None, provider.dissents is not None, behind
            return (last, lacks, *troubled, provider.latency)

        found = self.having(role)
        if role == "reads":  # what the others have forgotten
            found += [p for p in self.having("archive") if p not in found]
        return sorted((p for p in found if not p.is_wrong or len(self.providers) == 1), key=rank)

    async def call(
        self,
        method: str,
        params: Sequence[Any] = (),
        *,
        as_: Any = Any,
        timeout: float | None = None,
        accept: Callable[[Any], bool] | None = None,
    ) -> Any:
        """As `Rpc.call`, from whichever provider answers; an answer that `accept` refuses is asked for elsewhere.

        Raises the refusal (NodeRejected) where every provider refuses, else NodeError where none answers.
        """
        if method == "eth_sendRawTransaction":
            return await self._send(params, timeout)
        if accept is None and method in _MAY_BE_BEHIND:
            accept = _is_something

        async def ask(provider: Provider) -> Any:
            return await provider.call(method, params, as_=as_, timeout=timeout)

        return await self._first(role_of(method), method, ask, accept or _anything)

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], *, timeout: float | None = None
    ) -> list[Any | NodeRejected]:
        """As `Rpc.batch`. What one provider refuses for reasons of its own is asked of the others."""
        if not calls:
            return []
        role, method = role_of(calls[0][0]), calls[0][0]

        async def ask(provider: Provider) -> list[Any | NodeRejected]:
            return await provider.batch(calls, timeout=timeout)

        def whole(results: list[Any]) -> bool:
            return all(
                not _asks_another(result) if isinstance(result, NodeRejected) else _has(name, result)
                for (name, _), result in zip(calls, results, strict=True)
            )

        results: list[Any | NodeRejected] = await self._first(role, method, ask, whole)
        return results

    async def each(
        self,
        calls: Sequence[tuple[str, Sequence[Any]]],
        *,
        timeout: float | None = None,
        others_seconds: float = OTHERS_SECONDS,
    ) -> AsyncGenerator[tuple[str, list[Any | NodeRejected] | NodeError], None]:
        """The answers of every provider with the role `reads` to the same batch, as they come, with its name.

        Those who have not answered `others_seconds` after the first one are not waited for. Close it (`aclosing`)
        when enough have answered.
        """

        async def ask(provider: Provider) -> tuple[str, list[Any | NodeRejected] | NodeError]:
            try:
                return provider.name, await provider.batch(calls, timeout=timeout)
            except NodeError as error:
                return provider.name, error

        asked = [p for p in self.ranked("reads") if "reads" in p.config.roles]
        tasks = {asyncio.create_task(ask(provider)): provider for provider in asked}
        waiting = Patience(tasks, others_seconds, timeout or DEFAULT_TIMEOUT_SECONDS)
        try:
            while done := await waiting.next():
                for task in done:
                    yield task.result()
        finally:
            await waiting.end()

    async def agree(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any | NodeRejected]:
        """As `batch`, each answer being the one that as many as the quorum give; for what must not be believed of one.

        Raises NodeError where there is no such answer: some have not got there yet, or they disagree. While fewer
        than the quorum can be asked, what most of them say counts.
        """
        if self.needed == 1 or len(self.having("reads")) == 1:
            return await self.batch(calls)
        told: list[list[Any | NodeRejected]] = []
        async with aclosing(self.each(calls)) as each:
            async for _, answer in each:
                if not isinstance(answer, NodeError):
                    told.append(answer)
                if len(told) >= self.needed and all(_most(told, i)[1] >= self.needed for i in range(len(calls))):
                    break
        if not told:
            raise NodeError(f"No provider answered {calls[0][0]}.", "Check [[chains.providers]].")
        enough = min(self.needed, sum(p.is_responsive for p in self.having("reads")) or 1)
        found = [_most(told, i) for i in range(len(calls))]
        for (method, _), (_, votes) in zip(calls, found, strict=True):
            if votes < enough:
                raise NodeError(f"The providers do not agree on {method} (yet).", "It is asked again.")
        return [answer for answer, _ in found]

    async def recheck(self) -> None:
        """Verify anew every provider that answers in time: before a reorganisation is believed."""
        tasks = [asyncio.create_task(p.verify(again=True)) for p in self.providers if p.why_not is None or p.is_wrong]
        if tasks:
            await asyncio.wait(tasks, timeout=_RECHECK_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _first(
        self,
        role: Role,
        method: str,
        ask: Callable[[Provider], Awaitable[Any]],
        accept: Callable[[Any], bool],
    ) -> Any:
        waiting = deque(self.ranked(role, method))
        if not waiting:
            raise NodeError(
                f"No provider of chain {self.chain_id} can be asked for {method}.", "Check [[chains.providers]]."
            )
        if len(waiting) == 1:
            return await self._noting(waiting[0], method, ask)
        under_way: dict[asyncio.Task[Any], tuple[Provider, float]] = {}
        refused: NodeRejected | None = None
        failed: NodeError | None = None
        unaccepted: list[Any] = []
        try:
            while True:
                if waiting and not under_way:
                    _start(waiting, under_way, lambda p: self._noting(p, method, ask))
                if not under_way:
                    break
                hedge = _hedge_after(max(p.latency for p, _ in under_way.values())) if waiting else None
                done, _ = await asyncio.wait(under_way, timeout=hedge, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    for provider, started in under_way.values():
                        provider.slow(time.monotonic() - started)
                    _start(waiting, under_way, lambda p: self._noting(p, method, ask))
                for task in done:
                    under_way.pop(task)
                    try:
                        result = task.result()
                    except NodeRejected as error:
                        if not _asks_another(error):
                            raise
                        refused = refused or error
                    except NodeError as error:
                        failed = failed or error
                    else:
                        if accept(result):
                            return result
                        unaccepted.append(result)
        finally:
            for task in under_way:
                task.cancel()
            if under_way:
                await asyncio.gather(*under_way, return_exceptions=True)
        if unaccepted:
            return unaccepted[0]
        raise refused or failed or NodeError(f"No provider answered {method}.", "Check [[chains.providers]].")

    async def _noting(self, provider: Provider, method: str, ask: Callable[[Provider], Awaitable[Any]]) -> Any:
        try:
            return await ask(provider)
        except NodeRejected as error:
            if error.code in NO_SUCH_METHOD:
                provider.unsupported.add(method)
            elif _is_trouble(error) and role_of(method) != "traces":
                provider.failed(error)
            raise

    async def _send(self, params: Sequence[Any], timeout: float | None) -> Any:
        """To every provider that sends, at once: the first acknowledgement counts, the others go on in their time."""
        method = "eth_sendRawTransaction"
        tasks = {
            asyncio.create_task(provider.call(method, params, timeout=timeout))
            for provider in self.having("send")
            if not provider.is_wrong
        }
        refused: list[NodeRejected] = []
        failed: list[NodeError] = []
        for task in tasks:
            task.add_done_callback(_heard)
        for next_ in asyncio.as_completed(tasks):
            try:
                return await next_
            except NodeRejected as error:
                refused.append(error)
            except NodeError as error:
                failed.append(error)
        if refused:
            raise refused[0]
        if failed:
            raise failed[0]
        raise NodeError(f"No provider of chain {self.chain_id} can send.", "Give one the role `send`.")

    def status(self) -> list[ProviderStatus]:
        """How each provider does."""
        return [provider.status() for provider in self.providers]


def _most(told: Sequence[Sequence[Any]], index: int) -> tuple[Any, int]:
    """The answer at `index` that most give, and how many do."""
    counts = Counter(_comparable(answers[index]) for answers in told)
    best, votes = counts.most_common(1)[0]
    return next(answers[index] for answers in told if _comparable(answers[index]) == best), votes


def _comparable(answer: Any) -> str:
    """What two honest providers say alike: of a receipt, where and how it ended; of a refusal, that it is one."""
    if isinstance(answer, NodeRejected):
        return "refused"
    if isinstance(answer, dict) and "transactionHash" in answer:
        answer = [answer.get(key) for key in ("transactionHash", "blockHash", "status")]
    return msgspec.json.encode(answer).decode().lower()


def _start(
    waiting: deque[Provider],
    under_way: dict[asyncio.Task[Any], tuple[Provider, float]],
    ask: Callable[[Provider], Awaitable[Any]],
) -> None:
    async def asked(provider: Provider) -> Any:
        return await ask(provider)

    provider = waiting.popleft()
    under_way[asyncio.create_task(asked(provider))] = (provider, time.monotonic())


def _hedge_after(latency: float) -> float:
    return min(max(3 * latency, _HEDGE_FLOOR_SECONDS), _HEDGE_CEILING_SECONDS)


def _heard(task: asyncio.Task[Any]) -> None:
    """What a later answer says no longer matters; that it failed is counted by its provider."""
    if not task.cancelled():
        task.exception()


def _asks_another(error: NodeRejected) -> bool:
    """Whether another provider may answer what this one refused."""
    message = error.message.lower()
    if any(words in message for words in _NOT_FINAL_WORDS):
        return True
    return error.code not in _FINAL_CODES and not any(words in message for words in _FINAL_WORDS)


def _is_trouble(error: NodeRejected) -> bool:
    """Whether a refusal says something about the provider's health rather than about what was asked."""
    return error.code in _TROUBLE_CODES or "rate limit" in error.message.lower()


def _has(method: str, result: Any) -> bool:
    return method not in _MAY_BE_BEHIND or _is_something(result)


def _is_something(result: Any) -> bool:
    if isinstance(result, msgspec.Raw):
        return bytes(result).strip() != b"null"
    return result is not None


def _anything(_result: Any) -> bool:
    return True
