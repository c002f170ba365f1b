"""The bot: wires sources, pipeline, responder, store and notifier of one chain, and supervises them.

It owns no rules. For each item of the block stream it reads the Probes, runs the pipeline, lets the responder
decide on every Alert that opened or grew, and only then writes to the store and tells people, because what
stops an attack goes first. Nothing but `stop()` ends it: a task that fails is restarted and counted, a store
that fails does not stop detection, and the status says so.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import structlog
from apprise import NotifyType

from chainwatch.chain.probes import ProbeSpec, read_probes, specs_of
from chainwatch.chain.rpc import Rpc, chain_id
from chainwatch.config.load import Loaded
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import DETECTORS
from chainwatch.errors import ChainwatchError, StoreError, WrongChain
from chainwatch.notify.channel import Notifier, NotifyCounts
from chainwatch.respond.adapters import ADAPTERS
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.sources.blocks import BlockSource, SourceStatus
from chainwatch.sources.fetch import Fetcher, detect_trace_mode
from chainwatch.sources.mempool import MempoolSource, PendingCounts
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome, Pipeline
from chainwatch.types import Alert, AlertEvent, BlockItem, Execution, Gap, NewBlock, ProbeReading, Reorg, Tier

log = structlog.get_logger(__name__)

_RESTART_DELAY_SECONDS = 1.0
_DRAIN_SECONDS = 20.0
_KEPT_EXECUTIONS = 500
_MAX_UNWRITTEN = 10_000  # writes kept while the store fails: half an hour of Ethereum, an alert in each block
_REWRITE_SECONDS = 1.0
_BLIND_SECONDS = 30.0  # two and a half Ethereum slots
_ACTED_ON = (AlertEvent.OPENED, AlertEvent.UPDATED)


class EngineStatus(msgspec.Struct):
    """What the engine knows of itself; `web` and `cli` read it."""

    chain_id: int
    armed: bool
    blocks: SourceStatus
    pending: PendingCounts | None
    notifications: NotifyCounts
    executions: int = 0
    malformed_logs: int = 0
    gaps: int = 0
    detector_failures: dict[str, int] = msgspec.field(default_factory=dict)
    task_failures: dict[str, int] = msgspec.field(default_factory=dict)
    store_failures: int = 0
    blind_since: datetime | None = None
    store_failing: str | None = None
    writes_lost: int = 0
    probe_failures: int = 0


class Observer:
    """What somebody outside is told as it happens; the defaults do nothing."""

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        """An item of the block stream was handled, in `seconds`."""

    def alert(self, alert: Alert) -> None:
        """An Alert made a transition."""

    def decision(self, alert: Alert, decision: Decision) -> None:
        """The responder decided on an Alert."""

    def result(self, result: ActionResult) -> None:
        """An action came to its end."""


class Engine:
    """One chain's bot. `async with Engine(...) as engine: await engine.run()`."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        responder_factory: Callable[[Store, Rpc], Awaitable[Responder]],
        observer: Observer | None = None,
    ) -> None:
        self._loaded = loaded
        self._chain = loaded.config.chain
        self._make_responder = responder_factory
        self._observer = observer or Observer()
        self._stack = AsyncExitStack()
        self._stopped = asyncio.Event()
        self._lock = asyncio.Lock()
        self._unwritten: deque[Callable[[], Awaitable[object]]] = deque()
        self._rested_on: dict[str, Execution] = {}

    async def __aenter__(self) -> "Engine":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        config = self._loaded.config
        self.rpc = Rpc(self._chain.http)
        self._stack.push_async_callback(self.rpc.close)
        # First of all: nothing may be read into the store from another chain. Arming asks again.
        if (actual := await chain_id(self.rpc)) != self._chain.id:
            raise WrongChain(
                f"The node is on chain {actual}, chain.id is {self._chain.id}.", "Correct chain.http or chain.id."
            )
        self.store = await Store.open(self._loaded.root / config.store.path)
        self._stack.push_async_callback(self.store.close)
        self.notifier = Notifier(config.notify)
        self._specs: tuple[ProbeSpec, ...] = tuple(s for p in self._loaded.profiles for s in specs_of(p))
        root = self._loaded.root
        registry = load_registry([root / path for path in config.abi])
        self.pipeline = Pipeline(Decoder(registry), DETECTORS, self._loaded.profiles)
        self.pipeline.triage.restore(await self.store.live_alerts(self._chain.id))
        fetcher = Fetcher(self.rpc, self._chain.id, await detect_trace_mode(self.rpc, self._chain.traces))
        self.source = BlockSource(
            self.rpc,
            fetcher,
            ws=self._chain.ws,
            poll_seconds=self._chain.poll_seconds,
            max_catch_up_blocks=self._chain.max_catch_up_blocks,
            resume_from=await self.store.recent_blocks(self._chain.id, 256),
        )
        protected = frozenset(a for p in self._loaded.profiles for a in p.protected)
        self.mempool = (
            MempoolSource(self.rpc, self._chain.ws, self._chain.id, protected)
            if self._chain.mempool and self._chain.ws
            else None
        )
        self.responder = await self._make_responder(self.store, self.rpc)
        self.responder.on_result = self._action_ended
        self.responder.on_late_decision = self._observer.decision
        for excess in self.responder.excess_rights:
            self.notifier.message(
                "[P2] chainwatch: the key holds more rights than declared", excess, NotifyType.WARNING
            )
        self.status = EngineStatus(
            chain_id=self._chain.id,
            armed=self.responder.armed,
            blocks=self.source.status,
            pending=self.mempool.counts if self.mempool else None,
            notifications=self.notifier.counts,
        )

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def stop(self) -> None:
        """Finish the block in hand and end `run()`."""
        self.source.stop()
        self._stopped.set()

    async def run(self) -> None:
        """Watch until `stop()`. Resumes what an earlier run left in the outbox first."""
        await self._write(
            partial(self.store.audit, "watch_started", chain_id=self._chain.id, armed=self.responder.armed)
        )
        await self._guarded("resume", self.responder.resume)
        self._say_what_was_before()
        background = [
            self._supervise("notify", self.notifier.run),
            self._supervise("store", self._write_later),
            self._supervise("sight", self._watch_sight),
        ]
        if self.mempool is not None:
            background.append(self._supervise("mempool", self._watch_pending))
        try:
            while not self._stopped.is_set():
                await self._guarded("blocks", self._watch_blocks)
        finally:
            await self.responder.drain(_DRAIN_SECONDS)
            await self.notifier.drain(_DRAIN_SECONDS)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._write(partial(self.store.audit, "watch_stopped", chain_id=self._chain.id))
            if self._unwritten:
                log.error("stopped with the store failing", unwritten=len(self._unwritten))

    def _say_what_was_before(self) -> None:
        """An Alert of an earlier run is not decided on again: its state has moved on. A person has to look."""
        for alert in self.pipeline.triage.live():
            if alert.tier is Tier.ACT:
                text = f"{alert.explanation}\n\nIt is from before this start and is not acted on again: chainwatch act."
                log.warning("an alert from before this start is still open", alert=alert.alert_id, kind=alert.kind)
                self.notifier.message(f"[{alert.severity}] still open: {alert.kind}", text, NotifyType.WARNING)

    async def _watch_blocks(self) -> None:
        async for item in self.source.items():
            async with self._lock:
                try:
                    await self._handle(item)
                except Exception as error:  # a block we choke on is a gap that is said, not the end of the watch
                    log.exception("a block could not be handled", item=type(item).__name__)
                    if isinstance(item, NewBlock) and (number := item.block.ref.number) is not None:
                        await self._handle(Gap(number, number, f"handling it failed: {type(error).__name__}: {error}"))
                    else:
                        raise

    async def _handle(self, item: BlockItem) -> None:
        started = time.perf_counter()
        outcome: Outcome | None = None
        match item:
            case NewBlock(block):
                readings = await self._readings(item)
                outcome = self.pipeline.block(block, readings)
                await self._decide(outcome.alerts, block.executions)
                self._observer.block(item, outcome, time.perf_counter() - started)
                self._count(outcome, len(block.executions))
                await self.responder.on_block(block)
                await self._write(partial(self.store.record_block, block, malformed=outcome.malformed))
                await self._write(partial(self.store.record_findings, outcome.findings))
                await self._publish(outcome.alerts)
            case Reorg(orphaned):
                alerts = self.pipeline.orphan(orphaned)
                self.responder.on_orphans(orphaned)
                log.warning(
                    "reorganisation", orphaned=len(orphaned), ancestor=item.ancestor.number, retracted=len(alerts)
                )
                self._observer.block(item, None, time.perf_counter() - started)
                await self._write(partial(self.store.record_orphans, self._chain.id, orphaned))
                await self._publish(alerts)
            case Gap(first, last, reason):
                self.status.gaps += 1
                log.error("blocks were not seen", first=first, last=last, reason=reason)
                self._observer.block(item, None, time.perf_counter() - started)
                await self._write(partial(self.store.record_gap, self._chain.id, item))
                self.notifier.message(f"chainwatch did not see blocks {first} to {last}", reason)

    async def _watch_pending(self) -> None:
        assert self.mempool is not None
        async for execution in self.mempool.items():
            async with self._lock:
                outcome = self.pipeline.pending(execution)
                await self._decide(outcome.alerts, (execution,))
                self._count(outcome, 0)
                await self._write(partial(self.store.record_findings, outcome.findings))
                await self._publish(outcome.alerts)

    async def _readings(self, item: NewBlock) -> dict[str, ProbeReading]:
        readings = await read_probes(self.rpc, self._specs, item.block.ref)
        failed = [r for r in readings.values() if r.error is not None]
        self.status.probe_failures += len(failed)
        for reading in failed:
            log.warning("probe failed", probe=reading.name, error=reading.error, block=item.block.ref.number)
        return readings

    async def _decide(self, alerts: tuple[Alert, ...], subjects: tuple[Execution, ...]) -> None:
        """Let the responder decide. What an Alert rests on is kept: its Proof may need it again later."""
        if not any(alert.event in _ACTED_ON for alert in alerts):
            return
        now = {execution.transaction.hash: execution for execution in subjects}
        for alert in alerts:
            if alert.event not in _ACTED_ON:
                continue
            self._rested_on |= {h: now[h] for h in alert.tx_hashes if h in now}
            executions = [self._rested_on[h] for h in alert.tx_hashes if h in self._rested_on]
            findings = self.pipeline.triage.findings_of(alert.fingerprint)
            try:
                decision = await self.responder.consider(alert, findings, executions, self.pipeline.usd)
            except ChainwatchError as error:
                log.error("no decision on an alert", alert=alert.alert_id, error=str(error))
                self.notifier.message("chainwatch could not decide on an alert", f"{alert.explanation}\n\n{error}")
                continue
            self._observer.decision(alert, decision)
        while len(self._rested_on) > _KEPT_EXECUTIONS:
            self._rested_on.pop(next(iter(self._rested_on)))

    async def _publish(self, alerts: tuple[Alert, ...] | list[Alert]) -> None:
        for alert in alerts:
            self._observer.alert(alert)
            self.notifier.alert(alert)
            await self._write(partial(self.store.append_alert, alert))

    def _action_ended(self, result: ActionResult) -> None:
        """Tell people what was done, who answers for it, and until when they have to decide what follows."""
        self._observer.result(result)
        playbook = next((p for p in self._loaded.playbooks if p.name == result.playbook), None)
        lines = [result.text()]
        if playbook is not None:
            lines += [f"Owner: {playbook.owner}.", ADAPTERS[playbook.action.adapter].harm()]
            if result.verified and playbook.action.max_pause_seconds is not None:
                until = datetime.now(UTC) + timedelta(seconds=playbook.action.max_pause_seconds)
                lines.append(f"Decide on reopening until {until:%Y-%m-%d %H:%M:%S} UTC.")
        log.info("action", owner=playbook.owner if playbook else None, **result.summary())
        type_ = NotifyType.SUCCESS if result.verified else NotifyType.FAILURE
        self.notifier.message(f"chainwatch: {result.playbook} {result.state}", "\n".join(lines), type_)

    def _count(self, outcome: Outcome, executions: int) -> None:
        self.status.executions += executions
        self.status.malformed_logs += len(outcome.malformed)
        for name in outcome.failures:
            self.status.detector_failures[name] = self.status.detector_failures.get(name, 0) + 1

    async def _write(self, write: Callable[[], Awaitable[object]]) -> None:
        """Write now, or keep it until the store works again, in order: detection goes on, the operator is told."""
        self._unwritten.append(write)
        if len(self._unwritten) > _MAX_UNWRITTEN:
            self._unwritten.popleft()
            self.status.writes_lost += 1
        if len(self._unwritten) == 1 or self.status.store_failing is None:
            await self._write_all()

    async def _write_all(self) -> None:
        while self._unwritten:
            try:
                await self._unwritten[0]()
            except StoreError as error:
                self.status.store_failures += 1
                if self.status.store_failing is None:
                    log.error("the store fails; what is to be written is kept", error=str(error))
                    self.notifier.message("chainwatch cannot write to its store", str(error), NotifyType.FAILURE)
                self.status.store_failing = str(error)
                return
            self._unwritten.popleft()
        if self.status.store_failing is not None:
            self.status.store_failing = None
            log.warning("the store works again; what was kept is written", lost=self.status.writes_lost)

    async def _watch_sight(self) -> None:
        """Say once when no head has been read for too long, and once when there is sight again."""
        limit = max(_BLIND_SECONDS, 3 * self._chain.poll_seconds)
        started, blind_since = time.monotonic(), None
        while True:
            await asyncio.sleep(1.0)
            unseen = time.monotonic() - max(self.source.status.head_read_at, started)
            if unseen > limit and blind_since is None:
                blind_since = datetime.now(UTC) - timedelta(seconds=unseen)
                reason = self.source.status.last_error or "the node says nothing"
                log.error("blind: no head has been read", seconds=round(unseen), reason=reason)
                title = f"chainwatch is blind on chain {self._chain.id} since {blind_since:%H:%M:%S} UTC"
                self.notifier.message(title, reason, NotifyType.FAILURE)
            elif unseen <= limit and blind_since is not None:
                seconds = (datetime.now(UTC) - blind_since).total_seconds()
                log.warning("sight again", blind_seconds=round(seconds))
                self.notifier.message(f"chainwatch sees again after {seconds:.0f} s", "It catches up by itself.")
                blind_since = None
            self.status.blind_since = blind_since

    async def _write_later(self) -> None:
        while True:
            await asyncio.sleep(_REWRITE_SECONDS)
            if self.status.store_failing is not None:
                async with self._lock:
                    await self._write_all()

    def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def forever() -> None:
            while True:
                await self._guarded(name, run)

        return asyncio.create_task(forever(), name=name)

    async def _guarded(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run once; a failure is counted, told, and followed by a short wait before the caller tries again."""
        try:
            await run()
        except Exception as error:
            self.status.task_failures[name] = self.status.task_failures.get(name, 0) + 1
            log.exception("a part of the bot failed and is restarted", part=name, error=str(error))
            self.notifier.message(f"chainwatch: {name} failed and is restarted", f"{type(error).__name__}: {error}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _RESTART_DELAY_SECONDS)
