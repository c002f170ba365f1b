"""What code the protected contracts run, and telling people when that changes.

Read once at the start; again where an upgrade's event names a contract or its beacon, and where a reorganisation takes
blocks away; and every hour in any case, because not every upgrade says so. A change is told, whether it was announced
or not: what a plan was proven against may be gone with it.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog
from apprise import NotifyType

from chainwatch.chain.pool import Pool
from chainwatch.chain.proxies import Implementation, Proxies
from chainwatch.engine.status import EngineStatus
from chainwatch.errors import NodeError
from chainwatch.notify.channel import Notifier
from chainwatch.types import Address, BlockRef

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3_600.0
_RETRY_SECONDS = 5.0


class Implementations:
    """Counts `implementation_changes` of the status. Owned by the engine of one chain."""

    def __init__(self, pool: Pool, protected: Iterable[Address], status: EngineStatus, notifier: Notifier) -> None:
        self._proxies = Proxies(pool)
        self._protected = sorted(protected)
        self._status = status
        self._notifier = notifier
        self._known: dict[Address, Implementation] = {}
        self._announced: set[Address] = set()
        self._wake = asyncio.Event()

    def upgraded(self, addresses: Iterable[Address]) -> None:
        """Events of the newest block say that these contracts run other code."""
        for address in addresses:
            self._proxies.invalidate(address)
            self._announced.add(address)
            self._wake.set()

    def orphaned(self, ancestor: BlockRef) -> None:
        """What was read above `ancestor` is no longer part of the chain."""
        self._proxies.forget_since((ancestor.number or 0) + 1)
        self._wake.set()

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            self._wake.clear()
            newest = self._status.blocks.newest
            seconds = _AGAIN_SECONDS
            try:
                if newest is None:
                    seconds = _RETRY_SECONDS
                else:
                    await self.look(newest)
            except NodeError as error:
                log.warning("what the protected contracts run is not known", error=str(error))
                seconds = _RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)
                continue
            self._proxies.forget_since(0)  # an hour without a word: a slot may have changed without an event

    async def look(self, block: BlockRef) -> None:
        """Compare what the protected contracts run at `block` with what they ran before. Raises NodeError."""
        for address, now in (await self._proxies.at(self._protected, block)).items():
            before = self._known.get(address)
            self._known[address] = now
            if before is not None and before.runs != now.runs:
                self._tell(before, now)
        self._announced.clear()

    def _tell(self, before: Implementation, now: Implementation) -> None:
        self._status.implementation_changes += 1
        announced = not self._announced.isdisjoint({now.address, now.by, before.by} - {None})
        how = "An event announced it" if announced else "NO event announced it"
        log.warning("a protected contract runs other code", contract=now.address, runs=now.runs, announced=announced)
        self._notifier.message(
            f"chainwatch: {now.address} runs other code on chain {self._status.chain_id}",
            f"Until now {_code(before)}, at block {now.block.number} {_code(now)}. {how}. If nobody of yours did this, "
            "treat it as an attack; if somebody did, test the playbooks again: chainwatch ready.",
            NotifyType.WARNING if announced else NotifyType.FAILURE,
        )


def _code(implementation: Implementation) -> str:
    if implementation.kind == "no_code":
        return "no code"
    if implementation.kind == "none":
        return "its own code"
    return f"{', '.join(implementation.runs)} ({implementation.kind})"
