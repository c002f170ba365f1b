"""How far the chain is safe and final: by the nodes' tags, or by depth where they have none."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog

from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import quantity
from chainwatch.config.models import ChainConfig
from chainwatch.engine.status import EngineStatus
from chainwatch.errors import NodeError
from chainwatch.types import BlockRef

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 6.0


class Finality:
    """Keeps `safe` and `finalized` of the status."""

    def __init__(
        self, pool: Pool, chain: ChainConfig, status: EngineStatus, settled: Callable[[int, int], Awaitable[None]]
    ) -> None:
        """`settled` is told how far the chain is safe and final, whenever that has moved."""
        self._pool = pool
        self._status = status
        self._settled = settled
        self._depth = chain.finality_depth

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            before = self._status.safe, self._status.finalized
            try:
                await self._look()
                safe, final = self._status.safe, self._status.finalized
                if safe is not None and final is not None and (safe, final) != before:
                    await self._settled(safe, final)
            except NodeError as error:
                log.debug("finality is not known", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        if self._depth is None:
            tags = [("eth_getBlockByNumber", [tag, False]) for tag in ("safe", "finalized")]
            known: list[list[int]] = []
            async with aclosing(self._pool.each(tags)) as each:
                async for _, answers in each:
                    if not isinstance(answers, NodeError) and all(isinstance(a, dict) for a in answers):
                        known.append([quantity(a["number"]) for a in answers if isinstance(a, dict)])
            if known:
                # What as many as the quorum have reached; one that runs ahead makes nothing final.
                place = min(self._pool.needed, len(known)) - 1
                safe, final = (sorted((k[i] for k in known), reverse=True)[place] for i in (0, 1))
                self._status.safe, self._status.finalized = safe, max(final, self._status.finalized or 0)
                return
        depth = self._depth or facts_of(self._status.chain_id).finality_depth
        if self._status.handled is not None:
            final = max(0, self._status.handled - depth)
            self._status.safe, self._status.finalized = final, max(final, self._status.finalized or 0)

    def reaches(self, ancestor: BlockRef) -> bool:
        """Whether a reorganisation back to `ancestor` takes final blocks away."""
        final = self._status.finalized
        return final is not None and ancestor.number is not None and ancestor.number < final
