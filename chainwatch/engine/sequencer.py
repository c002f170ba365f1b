"""Is the L2's sequencer up? Asked of Chainlink's uptime feed, where it publishes one for the chain.

While it is down only those who can force transactions through L1 move; for an hour after it is back, prices and
positions are catching up. Both are told, and stand in the status.
"""

import asyncio
import time

import structlog
from apprise import NotifyType
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from chainwatch.chain.l2 import facts_of, is_sequencer_feed_down
from chainwatch.chain.pool import Pool
from chainwatch.engine.status import EngineStatus, SequencerState
from chainwatch.errors import NodeError
from chainwatch.notify.channel import Notifier

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 10.0
_GRACE_SECONDS = 3_600  # Chainlink's own recommendation
_LATEST_ROUND_DATA = "0xfeaf968c"
_ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")


class Sequencer:
    """Keeps `sequencer` of the status. Does nothing on chains without a feed."""

    def __init__(self, pool: Pool, status: EngineStatus, notifier: Notifier) -> None:
        self._pool = pool
        self._status = status
        self._notifier = notifier
        self._feed = facts_of(status.chain_id).sequencer_uptime_feed

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            if self._feed is not None:
                await self.look(self._feed)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, feed: str) -> None:
        """Ask `feed` once. What cannot be read changes nothing."""
        try:
            [word] = await self._pool.agree([("eth_call", [{"to": feed, "data": _LATEST_ROUND_DATA}, "latest"])])
            if not isinstance(word, str):
                raise NodeError("The uptime feed does not answer.", "It is asked again.")
            _, answer, started_at, _, _ = abi_decode(_ROUND, bytes.fromhex(word[2:]))
        except (NodeError, DecodingError, ValueError) as error:
            log.debug("the sequencer's uptime feed cannot be read", error=str(error))
            return
        doubtful = is_sequencer_feed_down(answer, started_at, int(time.time()), _GRACE_SECONDS)
        state: SequencerState = "down" if answer != 0 else "back" if doubtful else "up"
        if state != self._status.sequencer:
            self._status.sequencer = state
            chain = self._status.chain_id
            since = f"since {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(started_at))} UTC"
            if state == "down":
                title, text = f"chainwatch: the sequencer of chain {chain} is down {since}", "Prices stand still."
            elif state == "back":
                title = f"chainwatch: the sequencer of chain {chain} is back {since}"
                text = "For an hour, prices and positions catch up: expect liquidations."
            else:
                title, text = f"chainwatch: the sequencer of chain {chain} is up", "The hour after its return is over."
            log.warning("sequencer", state=state, answer=answer, started_at=started_at)
            self._notifier.message(title, text, NotifyType.SUCCESS if state == "up" else NotifyType.WARNING)
