"""Writes to the store that must neither be lost nor hold up detection."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from chainwatch.errors import StoreError

log = structlog.get_logger(__name__)

_MAX_UNWRITTEN = 10_000  # half an hour of Ethereum, an alert in each block
_AGAIN_SECONDS = 1.0

Write = Callable[[], Awaitable[object]]


class Writes:
    """Writes are made at once; while the store fails they are kept, in order, and made when it works again."""

    def __init__(self, on_trouble: Callable[[str | None], None]) -> None:
        """`on_trouble` is told what is wrong when the store begins to fail, and None when it works again."""
        self._kept: deque[Write] = deque()
        self._lock = asyncio.Lock()
        self._on_trouble = on_trouble
        self.failing: str | None = None
        self.failures = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def write(self, write: Write) -> None:
        """Write now, or keep it until the store works again."""
        self._kept.append(write)
        if len(self._kept) > _MAX_UNWRITTEN:
            self._kept.popleft()
            self.lost += 1
        if self.failing is None:
            await self._write_all()

    async def again(self) -> None:
        """Try what was kept, every second; ends only by cancellation."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            if self._kept:
                await self._write_all()

    async def _write_all(self) -> None:
        async with self._lock:
            while self._kept:
                write = self._kept[0]
                try:
                    await write()
                except StoreError as error:
                    self.failures += 1
                    if self.failing is None:
                        log.error("the store fails; what is to be written is kept", error=str(error))
                        self._on_trouble(str(error))
                    self.failing = str(error)
                    return
                if self._kept and self._kept[0] is write:  # else it was pushed out meanwhile, as the oldest
                    self._kept.popleft()
            if self.failing is not None:
                self.failing = None
                log.warning("the store works again; what was kept is written", lost=self.lost)
                self._on_trouble(None)
