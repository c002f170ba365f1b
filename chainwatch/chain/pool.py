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
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
import structlog

from chainwatch.chain.provider import Patience, Provider, ProviderStatus, WrongProvider, is_trouble
from chainwatch.chain.rpc import DEFAULT_TIMEOUT_SECONDS, NO_SUCH_METHOD, Rpc
from chainwatch.config.models import ChainConfig, ProviderConfig, Role
from chainwatch.errors import NodeError, NodeRejected, WrongChain

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RECHECK_SECONDS = 1.0
OTHERS_SECONDS = 1.0
"""How long the others are waited for once one provider has answered what must be agreed on."""

_HEDGE_FLOOR_SECONDS, _HEDGE_CEILING_SECONDS = 0.15, 1.5
_LAGGING_BLOCKS = 3

# Where null means "I do not have it", which another provider may.
_MAY_BE_BEHIND = frozenset(
    {"eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getTransactionReceipt"}
)
# Refusals that are the answer: every honest node gives the same one.
_FINAL_CODES = (3, -32602)  # execution reverted (geth), invalid params
_FINAL_WORDS = ("revert", "invalid opcode", "out of gas", "insufficient funds", "nonce too", "underpriced")
_NOT_FINAL_WORDS = ("not found", "unknown block", "missing trie", "unavailable", "not available", "pruned", "limit")


def role_of(method: str) -> Role:
    """The role a provider must have to be asked for `method`."""
    if method.startswith(("trace_", "debug_")):
        return "traces"
    return "send" if method == "eth_sendRawTransaction" else "reads"


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
                provider.say("a provider does not answer", error=outcome.problem)
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
                not asks_another(result) if isinstance(result, NodeRejected) else _has(name, result)
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
                        if not asks_another(error):
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
            elif is_trouble(error) and role_of(method) != "traces":
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


def asks_another(error: NodeRejected) -> bool:
    """Whether another provider may answer what this one refused."""
    message = error.message.lower()
    if any(words in message for words in _NOT_FINAL_WORDS):
        return True
    return error.code not in _FINAL_CODES and not any(words in message for words in _FINAL_WORDS)


def _has(method: str, result: Any) -> bool:
    return method not in _MAY_BE_BEHIND or _is_something(result)


def _is_something(result: Any) -> bool:
    if isinstance(result, msgspec.Raw):
        return bytes(result).strip() != b"null"
    return result is not None


def _anything(_result: Any) -> bool:
    return True
