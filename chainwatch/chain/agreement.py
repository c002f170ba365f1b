"""Probes on whose values the quorum agrees: one provider's wrong number is no reading."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

from chainwatch.chain.heads import Disagreement
from chainwatch.chain.pool import OTHERS_SECONDS, Pool
from chainwatch.chain.probes import ProbeReader, ProbeSpec
from chainwatch.chain.provider import Patience, Provider
from chainwatch.types import BlockRef, ProbeReading

_AGAIN_SECONDS = 0.1
_SECONDS = 3.0  # waiting for the others; then what most of those say who answered

_Votes = dict[str, tuple[int, ...]]
_Told = tuple[str, dict[str, ProbeReading]]


class AgreedProbes:
    """Reads the Probes of one chain, block after block."""

    def __init__(self, pool: Pool, specs: Sequence[ProbeSpec]) -> None:
        self._pool = pool
        self._specs = tuple(specs)
        self._one = ProbeReader(pool, specs)
        self._readers = {p.name: ProbeReader(p, specs) for p in pool.having("reads")}
        self._stragglers: set[asyncio.Task[_Told]] = set()
        self.dissent: dict[str, Disagreement] = {}
        """By provider: the last Probe it told otherwise than the quorum, until it agrees again."""

    async def read(self, block: BlockRef) -> dict[str, ProbeReading]:
        """Every Probe at the hash of `block`. Never raises: failures and disagreements are readings with an error."""
        if not self._specs:
            return {}
        if self._pool.needed == 1 or len(self._readers) == 1:
            return await self._one.read(block)
        asked = [p for p in self._pool.ranked("reads") if p.name in self._readers]
        tasks = {asyncio.create_task(self._read_from(provider, block)): provider for provider in asked}
        waiting = Patience(tasks, OTHERS_SECONDS, _SECONDS)
        told: dict[str, dict[str, ProbeReading]] = {}
        try:
            while not self._agreed(told) and (done := await waiting.next()):
                told |= dict(task.result() for task in done)
        except BaseException:
            await waiting.end()
            raise
        for task in tasks:  # those who come too late are not waited for, but held to what was agreed
            if not task.done():
                self._stragglers.add(task)
                task.add_done_callback(partial(self._late, block, told))
        return {spec.name: self._weighed(spec.name, block, told) for spec in self._specs}

    def _late(self, block: BlockRef, told: dict[str, dict[str, ProbeReading]], task: "asyncio.Task[_Told]") -> None:
        self._stragglers.discard(task)
        if not task.cancelled() and task.exception() is None:
            name, readings = task.result()
            for spec in self._specs:
                self._weighed(spec.name, block, {**told, name: readings})

    async def close(self) -> None:
        """Give up on those who have not answered yet."""
        for task in self._stragglers:
            task.cancel()
        await asyncio.gather(*self._stragglers, return_exceptions=True)

    async def _read_from(self, provider: Provider, block: BlockRef) -> "_Told":
        """Its readings. One that does not have the block yet is asked again for a moment."""
        deadline = time.monotonic() + OTHERS_SECONDS
        while True:
            readings = await self._readers[provider.name].read(block)
            nothing = all(reading.error is not None for reading in readings.values())
            if not nothing or time.monotonic() + _AGAIN_SECONDS > deadline or not provider.is_responsive:
                return provider.name, readings
            await asyncio.sleep(_AGAIN_SECONDS)

    def _agreed(self, told: dict[str, dict[str, ProbeReading]]) -> bool:
        return all(
            max(_counts(_votes(spec.name, told)).values(), default=0) >= self._pool.needed for spec in self._specs
        )

    def _weighed(self, probe: str, block: BlockRef, told: dict[str, dict[str, ProbeReading]]) -> ProbeReading:
        votes = _votes(probe, told)
        counts = _counts(votes)
        if not counts:
            error = next((r[probe].error for r in told.values()), None) or "no provider answered in time"
            return ProbeReading(name=probe, block=block, values=(), error=error)
        most = max(counts.values())
        winners = [values for values, count in counts.items() if count == most]
        says = {name: ", ".join(map(str, values)) for name, values in votes.items()}
        self._note(probe, block, votes, winners[0] if most >= self._pool.needed else None, says)
        # Of those worth waiting for enough are there, but do not say so: then one's word is no reading.
        dumb = {name for name, r in told.items() if all(reading.error is not None for reading in r.values())}
        able = sum(p.is_responsive and p.name not in dumb for p in self._pool.having("reads"))
        if len(winners) > 1 or most < min(self._pool.needed, able):
            text = "; ".join(f"{name} says {said}" for name, said in says.items())
            return ProbeReading(name=probe, block=block, values=(), error=f"no quorum for it: {text}")
        return ProbeReading(name=probe, block=block, values=winners[0])

    def _note(
        self, probe: str, block: BlockRef, votes: _Votes, agreed: tuple[int, ...] | None, says: dict[str, str]
    ) -> None:
        if agreed is None:
            return
        what = f"Probe {probe} at block {block.number}"
        for name, values in votes.items():
            before = self.dissent.get(name)
            if values != agreed:
                since = before.since if before is not None else time.monotonic()
                self.dissent[name] = Disagreement(what, block.number, says, since, time.monotonic())
            elif before is not None and before.what.split()[1] == probe:
                del self.dissent[name]


def _votes(probe: str, told: dict[str, dict[str, ProbeReading]]) -> _Votes:
    return {name: r[probe].values for name, r in told.items() if r[probe].error is None}


def _counts(votes: _Votes) -> dict[tuple[int, ...], int]:
    counts: dict[tuple[int, ...], int] = {}
    for values in votes.values():
        counts[values] = counts.get(values, 0) + 1
    return counts
