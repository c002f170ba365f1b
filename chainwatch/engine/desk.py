"""What people said of alerts, read from the store while the bot runs; and who is called next when nobody answers.

`chainwatch alerts` writes, this reads, so that a person may answer from any machine that reaches the store.
"""

import asyncio
import time

import structlog

from chainwatch.errors import StoreError
from chainwatch.notify.channel import Notifier
from chainwatch.store import Store

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0


class Desk:
    """Of all chains together. Owned by the bot."""

    def __init__(self, store: Store, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.warning("what people said of alerts cannot be read", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Take over what was said, and escalate what nobody answered in time."""
        self._notifier.silences = await self._store.desk.silences(time.time())
        if waiting := self._notifier.unanswered():
            self._notifier.answered(await self._store.desk.acknowledged(waiting))
        self._notifier.escalate()
