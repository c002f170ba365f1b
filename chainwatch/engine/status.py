"""What the engine of one chain knows of itself; `web` and `cli` read it."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from chainwatch.chain.l2 import facts_of
from chainwatch.chain.provider import ProviderStatus
from chainwatch.notify.channel import NotifyCounts
from chainwatch.sources.blocks import SourceStatus
from chainwatch.sources.mempool import PendingCounts
from chainwatch.types import Gap

_FAILURE_SECONDS = 300.0  # how long a detector or part that failed keeps readiness red
_LATENCIES_KEPT = 1_000
_LAG_SECONDS = 2.0  # a block that is unhandled for longer, with others behind it, is a lag


SequencerState = Literal["up", "down", "back"]
"""Of an L2: up, down, or back for less than an hour. `up` where no feed says anything."""


class Span(msgspec.Struct):
    """Heights that are not in the ledger, `first` to `last` inclusive."""

    first: int
    last: int


class Missing:
    """The heights of all open Gaps, as spans."""

    def __init__(self, gaps: list[Gap]) -> None:
        self._spans: list[Span] = []
        for gap in gaps:
            self.add(gap.first, gap.last)

    def add(self, first: int, last: int) -> None:
        """These heights were not read."""
        for span in [s for s in self._spans if s.first <= last + 1 and first <= s.last + 1]:
            first, last = min(first, span.first), max(last, span.last)
            self._spans.remove(span)
        self._spans.append(Span(first, last))
        self._spans.sort(key=lambda s: s.first)

    def fill(self, number: int) -> None:
        """This height was read after all."""
        for i, span in enumerate(self._spans):
            if span.first <= number <= span.last:
                parts = [Span(span.first, number - 1), Span(number + 1, span.last)]
                self._spans[i : i + 1] = [p for p in parts if p.first <= p.last]
                return

    @property
    def lowest(self) -> int | None:
        """The lowest missing height."""
        return self._spans[0].first if self._spans else None

    @property
    def count(self) -> int:
        """How many heights are missing."""
        return sum(span.last - span.first + 1 for span in self._spans)


class EngineStatus(msgspec.Struct):
    """What the engine knows of itself. Counts are since the start, times by time.monotonic() unless said."""

    chain_id: int
    armed: bool
    blocks: SourceStatus
    pending: PendingCounts | None
    notifications: NotifyCounts
    blind_after_seconds: float = 40.0
    lag_after_blocks: int = 32
    missing: Missing = msgspec.field(default_factory=lambda: Missing([]))
    handled: int | None = None
    handled_at: float = 0.0
    executions: int = 0
    malformed_logs: int = 0
    unknown_logs: int = 0
    gaps: int = 0
    reorgs: int = 0
    alerts: dict[str, int] = msgspec.field(default_factory=dict)
    detector_failures: dict[str, int] = msgspec.field(default_factory=dict)
    task_failures: dict[str, int] = msgspec.field(default_factory=dict)
    failed_at: dict[str, float] = msgspec.field(default_factory=dict)
    store_failures: int = 0
    blind_since: datetime | None = None
    seconds_blind: float = 0.0
    store_failing: str | None = None
    writes_lost: int = 0
    writes_refused: int = 0
    probe_failures: int = 0
    untraced: int = 0
    clock_skew_seconds: float = 0.0
    safe: int | None = None
    finalized: int | None = None
    channels_failing: list[str] = []
    disagreements: list[str] = []
    providers: list[ProviderStatus] = []
    header_to_handled: list[float] = []
    started: bool = False
    sequencer: SequencerState = "up"
    quorum: tuple[int, int] = (1, 1)
    """How many providers can be heard, and how many are needed."""
    mempool_deaf: bool = False
    was_armed: bool = False
    lease_lost: bool = False
    implementation_changes: int = 0
    refresh: Callable[[], None] = lambda: None
    """Brings what others keep up to date; called before it is asked whether anything stands against readiness."""

    @property
    def newest_contiguous_block(self) -> int | None:
        """The highest block up to which nothing is missing since the ledger begins."""
        lowest = self.missing.lowest
        if lowest is not None and self.handled is not None and lowest <= self.handled:
            return lowest - 1
        return self.handled

    @property
    def lag_blocks(self) -> int:
        """How many blocks the head is ahead of what was handled."""
        if self.blocks.head_number is None or self.handled is None:
            return 0
        return max(0, self.blocks.head_number - self.handled)

    def _unhandled_seconds(self, now: float) -> float:
        """How long ago the oldest head was heard that is not handled, as far back as heads are remembered."""
        handled = -1 if self.handled is None else self.handled
        return next((now - at for number, at in self.blocks.heard if number > handled), 0.0)

    def blind_reason(self, now: float) -> str | None:
        """Why nothing new is seen, None where it is. `now` by time.monotonic()."""
        unheard = now - self.blocks.head_read_at
        if self.blocks.head_read_at and unheard <= self.blind_after_seconds:
            still = now - max(self.blocks.advanced_at, self.handled_at)
            if still <= self.blind_after_seconds:
                return None
            if self.lag_blocks:
                return f"heads come, but blocks cannot be read: {self.blocks.last_error or 'no reason known'}"
            who = "its sequencer" if facts_of(self.chain_id).private_sequencer else "the chain"
            return f"the head has not moved for {still:.0f} s: {who} stands still, or the providers do"
        return f"no head has been read: {self.blocks.last_error or 'the providers say nothing'}"

    def took(self, seconds: float) -> None:
        """A block was handled, so long after its header was heard."""
        self.header_to_handled.append(seconds)
        if len(self.header_to_handled) > _LATENCIES_KEPT:
            del self.header_to_handled[: _LATENCIES_KEPT // 2]

    def failed(self, part: str) -> None:
        """A detector or a part of the bot failed just now."""
        self.failed_at[part] = time.monotonic()

    def not_ready(self) -> list[str]:
        """Why `/ready` is red; nothing where it is green. Red never silences detection."""
        self.refresh()
        now = time.monotonic()
        reasons = []
        if not self.started:
            return ["starting: no block has been handled yet"]
        if (why := self.blind_reason(now)) is not None:
            reasons.append(f"blind: {why}")
        if self.lag_blocks > 2 and self._unhandled_seconds(now) > _LAG_SECONDS:
            reasons.append(f"lagging: {self.lag_blocks} blocks behind the head")
        if self.blocks.behind:
            reasons.append(f"catching up: {self.blocks.behind} blocks of a gap are still unread")
        if self.blocks.parked:
            reasons.append(f"parked: {self.blocks.parked} blocks could not be read and are tried again")
        heard, needed = self.quorum
        if heard < needed:
            reasons.append(
                f"quorum lost: {heard} providers can be heard, {needed} have to agree before anything is done"
            )
        if self.mempool_deaf:
            reasons.append("mempool: no provider pushes pending transactions")
        if self.was_armed and not self.armed:
            reasons.append("disarmed: nothing is sent")
        if self.lease_lost:
            reasons.append("the lease was lost to another responder: nothing is sent")
        reasons += [f"disagreement: {text}" for text in self.disagreements]
        reasons += [
            f"failing: {part}, {now - at:.0f} s ago"
            for part, at in self.failed_at.items()
            if now - at < _FAILURE_SECONDS
        ]
        reasons += [f"channel: {name} does not take messages" for name in self.channels_failing]
        if self.store_failing is not None:
            reasons.append(f"store: {self.store_failing}")
        return reasons
