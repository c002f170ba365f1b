"""Writes to the store that must neither be lost nor hold up detection."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from chainwatch.errors import StoreError, StoreRefused

log = structlog.get_logger(__name__)

_MAX_UNWRITTEN = 10_000  # half an hour of Ethereum, an alert in each block
_MAX_WEIGHT = 200_000  # executions and logs: some hundred MB
_WAIT_SECONDS = 0.25  # how long a caller waits for its own write
_PACED, _PACED_WEIGHT = 500, 20_000  # with more than this unwritten, callers go at the pace of a store that works
_PACE_SECONDS = 2.0  # and wait no longer than this for it
_HANGS_SECONDS = 2.0
_AGAIN_SECONDS = 1.0
_ODD_TRIES = 3
_CLOSE_SECONDS = 5.0  # what a driver may take to let go of a server that hangs

Write = Callable[[], Awaitable[object]]


@dataclass(eq=False)
class _Entry:
    write: Write
    weight: int
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Made, given up, or not to be waited for."""
    odd: int = 0
    """How often it failed with what is no error of the store."""


class Writes:
    """Writes are made in order, by one task. What the store fails to take is kept and tried again every second; what
    it refuses, as no later try would do better, is logged and skipped."""

    def __init__(self, on_trouble: Callable[[str | None], None]) -> None:
        """`on_trouble` is told what is wrong when the store begins to fail or hang, and None when it works again."""
        self._kept: deque[_Entry] = deque()
        self._weight = 0
        self._on_trouble = on_trouble
        self._task: asyncio.Task[None] | None = None
        self._in_hand: _Entry | None = None
        self._behind = False  # somebody waited in vain
        self._closed = False
        self.failing: str | None = None
        self.failures = 0
        self.refused = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def write(self, write: Write, weight: int = 1) -> None:
        """Have it written. Returns once it is, but soon in any case, and at once where the store fails or hangs. With
        much unwritten, callers go at the store's own pace.

        `weight` says how much memory it holds; beyond a limit the oldest are given up.
        """
        entry = _Entry(write, max(weight, 1))
        self._kept.append(entry)
        self._weight += entry.weight
        self._push_out()
        self._start()
        if self.failing is not None or self._closed:
            return
        if self._behind:
            await self._pace()
            return
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await entry.settled.wait()
        except TimeoutError:
            self._behind = bool(self._kept)

    async def _pace(self) -> None:
        """A store that is merely slower than the chain, as while catching up, is not outrun: nothing would be lost but
        for our haste."""
        over = len(self._kept) - _PACED
        if over <= 0 and self._weight > _PACED_WEIGHT:
            over = len(self._kept) // 2
        if over <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_PACE_SECONDS):
                await self._kept[min(over, len(self._kept)) - 1].settled.wait()

    async def again(self) -> None:
        """See to it, every second, that what is kept is being written; ends only by cancellation."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            self._start()

    async def drain(self, timeout: float) -> bool:
        """Wait until nothing is kept, and say whether that came about in time."""
        until = time.monotonic() + timeout
        while self._kept and (left := until - time.monotonic()) > 0:
            self._start()
            if self._task is None or self._task.done():  # closed
                break
            await asyncio.wait({self._task}, timeout=left)
        return not self._kept

    async def close(self) -> None:
        """End the task; what is not written stays unwritten."""
        self._closed = True
        for entry in self._kept:
            entry.settled.set()
        if self._task is None:
            return
        self._task.cancel()
        _, hanging = await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)
        if hanging:
            log.error("a write to the store cannot be ended")
        else:
            self._say_why_ended(self._task)

    def _start(self) -> None:
        if self._closed or not self._kept:
            return
        if self._task is not None:
            if not self._task.done():
                return
            self._say_why_ended(self._task)
        self._task = asyncio.create_task(self._write_all(), name="writes")

    @staticmethod
    def _say_why_ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("writing to the store broke off", error=f"{type(error).__name__}: {error}")

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._kept:
            self._in_hand = entry = self._kept[0]
            alarm = loop.call_later(_HANGS_SECONDS, self._trouble, "the store does not answer")
            try:
                settled = await self._try(entry)
            finally:
                alarm.cancel()
                self._in_hand = None
            if settled:
                self._kept.popleft()  # the entry in hand is never pushed out
                self._weight -= entry.weight
                entry.settled.set()
            else:
                self._push_out()
                await asyncio.sleep(_AGAIN_SECONDS)
        self._behind = False
        if self.failing is not None:
            self.failing = None
            log.warning("the store works again; what was kept is written", lost=self.lost, refused=self.refused)
            self._on_trouble(None)

    async def _try(self, entry: _Entry) -> bool:
        """Whether that was the end of it: written, or refused."""
        try:
            await entry.write()
        except StoreRefused as error:
            self._refuse(entry, str(error))
        except StoreError as error:
            self.failures += 1
            self._trouble(str(error))
            return False
        except Exception as error:  # two rows in conflict, or a mistake of ours: it must not block the others for ever
            entry.odd += 1
            if entry.odd < _ODD_TRIES:
                return False
            self._refuse(entry, f"{type(error).__name__}: {error}")
        return True

    def _refuse(self, entry: _Entry, why: str) -> None:
        self.refused += 1
        log.error("the store refuses what was to be written; it is skipped", what=_what(entry.write), error=why[:1_000])

    def _trouble(self, what: str) -> None:
        news, self.failing = self.failing is None, what
        if not news:
            return
        for entry in self._kept:  # nobody waits any more
            entry.settled.set()
        log.error("the store fails; what is to be written is kept", error=what)
        self._on_trouble(what)

    def _push_out(self) -> None:
        """Give up the oldest where too much is kept; never the one being written, nor the newest."""
        first = 0 if self._in_hand is None else 1
        before = self.lost
        while len(self._kept) > first + 1 and (len(self._kept) > _MAX_UNWRITTEN or self._weight > _MAX_WEIGHT):
            oldest = self._kept[first]
            del self._kept[first]
            self._weight -= oldest.weight
            oldest.settled.set()
            self.lost += 1
        if self.lost > before == 0:
            log.error("too much is unwritten: the oldest is given up")


def _what(write: Write) -> str:
    """The function and those of its arguments that are short."""
    arguments: list[object] = []
    function: object = write
    while isinstance(function, partial):
        arguments = [*function.args, *arguments]
        function = function.func
    name = getattr(function, "__name__", type(function).__name__)
    shown = (
        repr(a)[:80] if isinstance(a, str | int | float) else str(getattr(a, "ref", type(a).__name__))
        for a in arguments
    )
    return f"{name}({', '.join(shown)})"
