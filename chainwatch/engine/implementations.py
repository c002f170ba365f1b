"""What code the protected contracts run, and telling people when that changes.

Read at the start; when an event of one of them, of its beacon or of what it runs says that it was upgraded; after a
reorganisation; and every hour in any case, because a slot may be written, and code replaced, without an event. What the
quorum of providers says counts. A change is told, announced or not: what a plan was proven against may be gone with it.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
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
_FAILURES_SAID = 12  # a minute of retries


class Implementations:
    """Counts `implementation_changes` of the status. Owned by the engine of one chain."""

    def __init__(self, pool: Pool, protected: Iterable[Address], status: EngineStatus, notifier: Notifier) -> None:
        self._proxies = Proxies(pool, pool.agree)
        self._protected = sorted(protected)
        self._status = status
        self._notifier = notifier
        self._known: dict[Address, Implementation] = {}
        self._announced: set[Address] = set()
        self._reorganised = False
        self._failures = 0
        self._wake = asyncio.Event()

    def upgraded(self, addresses: Iterable[Address]) -> None:
        """Events of a block say that these contracts run other code. Anybody writes such events: only those count of
        protected contracts and of what these are known to rest on."""
        concerned = {a for k in self._known.values() for a in (k.by, *k.runs) if a} | set(self._protected)
        if announced := concerned.intersection(addresses):
            self._announced |= announced
            self._wake.set()

    def orphaned(self) -> None:
        """Blocks were taken back, and with them perhaps what was read."""
        self._reorganised = True
        self._wake.set()

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if self._wake.is_set() or now >= due:
                self._wake.clear()
                due = now + (_AGAIN_SECONDS if await self._try() else _RETRY_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, due - time.monotonic()))

    async def _try(self) -> bool:
        """Look at the newest block; whether everything could be read."""
        newest = self._status.blocks.newest
        missing = self._protected
        if newest is not None:
            try:
                missing = await self.look(newest)
            except NodeError as error:
                log.warning("what the protected contracts run cannot be read", error=str(error))
        self._failures = self._failures + 1 if missing and newest is not None else 0
        if self._failures >= _FAILURES_SAID:
            self._status.failed("implementations")
        if self._failures == _FAILURES_SAID:
            self._notifier.message(
                f"chainwatch cannot read what code runs on chain {self._status.chain_id}",
                f"Of {', '.join(missing)}: an upgrade would not be noticed. It is tried again.",
                NotifyType.WARNING,
            )
        return not missing

    async def look(self, block: BlockRef) -> list[Address]:
        """Compare what runs at `block` with what ran before; returns the contracts that could not be read.

        Raises NodeError. What is announced meanwhile is for the next look.
        """
        announced, self._announced = self._announced, set()
        reorganised, self._reorganised = self._reorganised, False
        try:
            found = await self._proxies.at(self._protected, block)
        except NodeError:
            self._announced |= announced
            self._reorganised |= reorganised
            raise
        missing = [address for address in self._protected if address not in found]
        if missing:
            self._announced |= announced
            self._reorganised |= reorganised
        for address, now in found.items():
            before = self._known.get(address)
            self._known[address] = now
            if before is None:
                continue
            said = not announced.isdisjoint({address, now.by, before.by, *before.runs} - {None})
            if (before.runs, before.code) != (now.runs, now.code):
                self._tell_change(before, now, said=said, reorganised=reorganised)
            elif address in announced and not missing:
                self._tell_nothing_seen(now)
        return missing

    def _tell_change(self, before: Implementation, now: Implementation, *, said: bool, reorganised: bool) -> None:
        self._status.implementation_changes += 1
        if before.kind == "no_code":
            how, kind = "It was deployed.", NotifyType.WARNING
        elif said:
            how, kind = "An event announced it.", NotifyType.WARNING
        elif reorganised:
            how, kind = (
                "No event of the new branch announced it: a reorganisation may have undone what was.",
                (NotifyType.WARNING),
            )
        else:
            how, kind = "NO event announced it.", NotifyType.FAILURE
        log.warning("a protected contract runs other code", contract=now.address, runs=now.runs, announced=said)
        self._notifier.message(
            f"chainwatch: {now.address} runs other code on chain {self._status.chain_id}",
            f"Until now {_code(before)}, at block {now.block.number} {_code(now)}. {how} If nobody of yours did this, "
            "treat it as an attack; if somebody did, test the playbooks again: chainwatch ready.",
            kind,
        )

    def _tell_nothing_seen(self, now: Implementation) -> None:
        self._notifier.message(
            f"chainwatch: {now.address} says that it was upgraded on chain {self._status.chain_id}",
            f"At block {now.block.number} it runs {_code(now)}, as before, as far as the known kinds of proxies show: "
            "look at what its event names.",
            NotifyType.WARNING,
        )


def _code(implementation: Implementation) -> str:
    if implementation.kind == "no_code":
        return "no code"
    marks: Mapping[Address, str] = dict(zip(implementation.runs, implementation.code, strict=False))
    where = ", ".join(f"{a} (code {marks.get(a, '?')[:10]}…)" for a in implementation.runs)
    return f"its own code, {where}" if implementation.kind == "none" else f"{where}, by {implementation.kind}"
