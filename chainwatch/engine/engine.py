"""The bot: wires sources, pipeline, responder, store and notifier of one chain, and supervises them.

It owns no rules. For each item of the block stream it reads the Probes, runs the pipeline, lets the responder
decide on every Alert that opened or grew, and only then writes to the store and tells people, because what
stops an attack goes first. Nothing but `stop()` ends it: a task that fails is restarted and counted, a store
that fails does not stop detection, and the status says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType

import msgspec
import structlog
from apprise import NotifyType

from chainwatch.chain.agreement import AgreedProbes
from chainwatch.chain.heads import Disagreement
from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec, specs_of
from chainwatch.config.load import Loaded
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import detectors
from chainwatch.engine.canary import Canary
from chainwatch.engine.finality import Finality
from chainwatch.engine.implementations import Implementations
from chainwatch.engine.sequencer import Sequencer
from chainwatch.engine.sight import Sight
from chainwatch.engine.staging import StagedContracts
from chainwatch.engine.status import EngineStatus, Missing
from chainwatch.engine.writes import Writes
from chainwatch.errors import ChainwatchError
from chainwatch.notify.channel import Notifier
from chainwatch.respond.adapters import ADAPTERS
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.sources.blocks import BlockSource
from chainwatch.sources.clearing import Clearing
from chainwatch.sources.fetch import Fetcher, detect_trace_mode
from chainwatch.sources.mempool import Gone, MempoolSource, Simulated
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome, Pipeline
from chainwatch.types import (
    Alert,
    AlertEvent,
    Block,
    BlockItem,
    BlockRef,
    Execution,
    Finding,
    Gap,
    LateBlock,
    NewBlock,
    ProbeReading,
    Reorg,
    Tier,
)

log = structlog.get_logger(__name__)

_RESTART_DELAY_SECONDS = 1.0
_DRAIN_SECONDS = 20.0
_KEPT_EXECUTIONS = 500
_RESUMED_BLOCKS = 4_096
_DISAGREEMENT_SECONDS = 15.0  # one about a block's content is over when it has not come again for this long
_FAILURES_SAID = 3  # blocks in a row whose Probes fail before readiness turns red
_CONFIRMATION_SECONDS = 2.0
_SLICE_SECONDS = 0.003
_ACTED_ON = (AlertEvent.OPENED, AlertEvent.UPDATED)


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
    """One chain's bot. `async with Engine(...) as engine: await engine.run()`.

    `loaded` concerns one chain (`Loaded.for_chain`). A `store` and a `notifier` that are given are shared with other
    chains' engines and belong to the caller; without them it opens its own.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        responder_factory: Callable[[Store, Pool], Awaitable[Responder]],
        observer: Observer | None = None,
        store: Store | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self._loaded = loaded
        self._chain = loaded.chain
        self._make_responder = responder_factory
        self._observer = observer or Observer()
        self._shared_store = store
        self._shared_notifier = notifier
        self._stack = AsyncExitStack()
        self._stopped = asyncio.Event()
        self._lock = asyncio.Lock()
        self._rested_on: dict[str, Execution] = {}
        self._late_readings: dict[str, ProbeReading] = {}
        self._blocks_without_probes = 0
        self._trees_expected = True
        self._held: dict[str, tuple[BlockRef, tuple[Alert, ...]]] = {}

    async def __aenter__(self) -> "Engine":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        config, chain = self._loaded.config, self._chain
        self.pool = Pool(chain)
        self._stack.push_async_callback(self.pool.close)
        await self.pool.open()  # first of all: nothing may be read into the store from another chain
        self.store = self._shared_store or await Store.open(self._loaded.store)
        if self._shared_store is None:
            self._stack.push_async_callback(self.store.close)
        self.notifier = self._shared_notifier or Notifier(config.notify)
        self._writes = Writes(self._store_trouble)
        self._stack.push_async_callback(self._writes.close)
        specs: tuple[ProbeSpec, ...] = tuple(s for p in self._loaded.profiles for s in specs_of(p))
        self._probes = AgreedProbes(self.pool, specs)
        self._stack.push_async_callback(self._probes.close)
        registry = load_registry([self._loaded.root / path for path in config.abi], self._loaded.protocols)
        decoder = Decoder(registry)
        self.pipeline = Pipeline(decoder, detectors(), self._loaded.profiles)
        self.pipeline.triage.restore(await self.store.live_alerts(chain.id))
        protected = frozenset(a for p in self._loaded.profiles for a in p.protected)
        watched = protected | {spec.contract for spec in specs}
        mode = await detect_trace_mode(self.pool, chain.traces)
        self._trees_expected = mode != "none"  # a node without them was said so at the start
        clearing = Clearing(watched) if chain.call_trees == "suspicious" else None
        self._fetcher = Fetcher(self.pool, chain.id, mode, watched, clearing=clearing)
        gaps = await self.store.gaps(chain.id)
        self.source = BlockSource(
            self.pool,
            self._fetcher,
            chain,
            resume_from=await self.store.recent_blocks(chain.id, _RESUMED_BLOCKS),
            backlog=gaps,
            parked=await self.store.parked(chain.id),
        )
        self.mempool = MempoolSource(self.pool, chain, protected, specs) if chain.mempool else None
        self.responder = await self._make_responder(self.store, self.pool)
        self.responder.on_result = self._action_ended
        self.responder.on_late_decision = self._observer.decision
        for excess in self.responder.excess_rights:
            self.notifier.message(
                "[P2] chainwatch: the key holds more rights than declared", excess, NotifyType.WARNING
            )
        newest = self.source.status.newest
        self.status = EngineStatus(
            chain_id=chain.id,
            armed=self.responder.armed,
            blocks=self.source.status,
            pending=self.mempool.counts if self.mempool else None,
            notifications=self.notifier.counts,
            blind_after_seconds=chain.blind_after_seconds,
            missing=Missing(gaps),
            handled=newest.number if newest else None,
            handled_at=time.monotonic(),
        )
        self.status.refresh = self._refresh
        self._sight = Sight(
            self.status,
            self.pool,
            self.store,
            self._writes,
            self.notifier,
            self._disagreements,
            self._observer.alert,
            self._refresh,
        )
        self._finality = Finality(self.pool, chain, self.status, self._settled)
        self._sequencer = Sequencer(self.pool, self.status, self.notifier)
        self._canary = Canary(decoder, detectors(), self.status, self.notifier, config.notify.alive_hours)
        self._implementations = Implementations(self.pool, protected, self.status, self.notifier)
        self.staging = (
            StagedContracts(self.pool, chain.id, self.pipeline.judge, self._staged) if chain.staging else None
        )
        if chain.mempool and facts_of(chain.id).private_sequencer:
            log.warning("this chain's sequencer keeps pending transactions to itself", chain_id=chain.id)

    def _refresh(self) -> None:
        """Bring the status up to date, also while a block takes long."""
        self.source.refresh()
        status = self.status
        if self.pool.needed > 1:  # one alone is missed as blindness
            status.quorum = (self.source.heads.voices(), self.pool.needed)
        writes = self._writes
        if writes.refused + writes.lost > status.writes_refused + status.writes_lost:
            status.failed("writes to the store (skipped or given up)")
        status.store_failures, status.writes_lost, status.writes_refused = writes.failures, writes.lost, writes.refused
        status.armed = self.responder.armed
        status.was_armed = status.was_armed or status.armed
        status.lease_lost = self.responder.lease_lost
        status.mempool_deaf = self.mempool is not None and not self.mempool.subscribed and status.started

    def _disagreements(self) -> list[Disagreement]:
        recent = time.monotonic() - _DISAGREEMENT_SECONDS
        content = [*self._fetcher.dissent.values(), *self._probes.dissent.values(), *self.responder.dissent.values()]
        return [*self.source.heads.disagreements(), *(d for d in content if d.at > recent)]

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def stop(self) -> None:
        """Finish the block in hand and end `run()`."""
        self.source.stop()
        self._stopped.set()

    async def run(self) -> None:
        """Watch until `stop()`. Resumes what an earlier run left in the outbox first."""
        chain = self._chain.id
        self.source.status.advanced_at = time.monotonic()
        await self._writes.write(partial(self.store.close_blind, chain, time.time()))
        await self._writes.write(partial(self.store.audit, "watch_started", chain_id=chain, armed=self.responder.armed))
        await self._guarded("resume", self.responder.resume)
        self._say_what_was_before()
        background = [
            self._supervise("store", self._writes.again),
            self._supervise("sight", self._sight.watch),
            self._supervise("finality", self._finality.follow),
            self._supervise("sequencer", self._sequencer.follow),
            self._supervise("canary", self._canary.follow),
        ]
        if any(profile.protected for profile in self._loaded.profiles):
            background.append(self._supervise("implementations", self._implementations.follow))
        if self.staging is not None:
            background.append(self._supervise("staging", self.staging.follow))
        if self._shared_notifier is None:
            background.append(self._supervise("notify", self.notifier.run))
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
            await self._sight.close()
            await self._writes.write(partial(self.store.audit, "watch_stopped", chain_id=chain))
            if not await self._writes.drain(_DRAIN_SECONDS):
                log.error("stopped with the store failing", unwritten=len(self._writes))

    def _say_what_was_before(self) -> None:
        """An Alert of an earlier run is not decided on again: its state has moved on. A person has to look."""
        before = [alert for alert in self.pipeline.triage.live() if alert.tier is Tier.ACT]
        for alert in before:
            log.warning("an alert from before this start is still open", alert=alert.alert_id, kind=alert.kind)
        if before:
            newest = before[-1]
            self.notifier.message(
                f"[{newest.severity}] {len(before)} alerts from before this start are still open",
                f"They are not acted on again: chainwatch act. The newest: {newest.kind}. {newest.explanation}",
                NotifyType.WARNING,
            )

    async def _watch_blocks(self) -> None:
        async with aclosing(self.source.items()) as items:
            async for item in items:
                async with self._lock:
                    try:
                        await self._handle(item)
                    except Exception as error:  # a block we choke on is a gap that is said, not the end of the watch
                        log.exception("a block could not be handled", item=type(item).__name__)
                        number = item.block.ref.number if isinstance(item, NewBlock | LateBlock) else None
                        if not isinstance(item, NewBlock | LateBlock) or number is None:
                            raise
                        why = f"handling it failed: {type(error).__name__}: {error}"
                        self.status.failed("blocks")
                        await self._handle(self.source.park(item.block.ref, why))

    async def _handle(self, item: BlockItem) -> None:
        if self._held:
            await self._release_held()
        match item:
            case NewBlock(block) | LateBlock(block):
                await self._handle_block(block, item)
            case Reorg(orphaned):
                alerts = self.pipeline.orphan(orphaned)
                untold = {a.alert_id for ref in orphaned for a in self._held.pop(ref.hash or "", (None, ()))[1]}
                alerts = [alert for alert in alerts if alert.alert_id not in untold]
                self.responder.on_orphans(orphaned)
                if self.staging is not None:
                    self.staging.orphaned(orphaned)
                self.status.reorgs += 1
                self.status.handled = item.ancestor.number
                self._implementations.orphaned()
                if self._finality.reaches(item.ancestor):
                    title = f"chainwatch: chain {self._chain.id} reorganised below what was final"
                    self.notifier.message(title, f"{len(orphaned)} blocks down to {item.ancestor}", NotifyType.FAILURE)
                log.warning(
                    "reorganisation", orphaned=len(orphaned), ancestor=item.ancestor.number, retracted=len(alerts)
                )
                self._observer.block(item, None, 0.0)
                await self._writes.write(partial(self.store.record_orphans, self._chain.id, orphaned, alerts))
                self._publish(alerts)
            case Gap(first, last, reason):
                await self._handle_gap(item, first, last, reason)

    async def _handle_gap(self, gap: Gap, first: int, last: int, reason: str) -> None:
        chain = self._chain.id
        if gap.attempts <= 1:
            self.status.gaps += 1
            self.status.missing.add(first, last)
            log.error("blocks were not seen", first=first, last=last, reason=reason)
            self._observer.block(gap, None, 0.0)
            await self._writes.write(partial(self.store.record_gap, chain, gap))
            self.notifier.message(f"chainwatch did not see blocks {first} to {last} of chain {chain}", reason)
        if gap.attempts:
            await self._writes.write(partial(self.store.park, chain, "block", first, gap.hash, None, reason))

    async def _handle_block(self, block: Block, item: NewBlock | LateBlock) -> None:
        """Detect and act first; then write block, findings and alerts as one, and tell people."""
        started = time.perf_counter()
        if isinstance(item, LateBlock) and item.again:
            await self._found((), self.pipeline.orphan((block.ref,)))
        late = item if isinstance(item, LateBlock) else None
        readings = await self._readings(block.ref)
        before = await self._before_late(block.ref, readings) if late is not None else None
        if late is None and readings and not self.pipeline.knows(block.ref.parent_hash):
            # The first block after a start, or after one that could not be read: what was it like before?
            self.pipeline.remember(await self._parents_readings(block.ref))
        outcome = await _in_slices(self.pipeline.steps(block, readings, late_before=before))
        await self._decide(outcome.alerts, block.executions, readings)
        if outcome.alerts and late is None and not await self._stands(block):
            log.warning("providers differ about a block that raised alerts, which are held", block=block.ref.hash)
            self._held[block.ref.hash or ""] = (block.ref, outcome.alerts)
            outcome = msgspec.structs.replace(outcome, alerts=())
        self._observer.block(item, outcome, time.perf_counter() - started)
        self._count(outcome, block, late=late is not None)
        if self.staging is not None:
            self.staging.note(block, outcome.findings if outcome.alerts else ())
        if self.mempool is not None:
            self.mempool.note_block(block)
        if late is None:
            await self.responder.on_block(block)
        self._implementations.upgraded(outcome.upgraded)
        if late is not None and late.partial:
            await self._found(outcome.findings, outcome.alerts)
            for execution in block.executions:
                await self._writes.write(partial(self.store.unpark, self._chain.id, execution.transaction.hash))
            return
        record = partial(
            self.store.record_block,
            block,
            malformed=outcome.malformed,
            traced=all(e.trace is not None or e.cleared for e in block.executions),
            detector_failures=len(outcome.failures),
            confirmed_by=block.confirmed_by,
            findings=outcome.findings,
            alerts=outcome.alerts,
        )
        await self._writes.write(record, weight=1 + sum(1 + len(e.logs or ()) for e in block.executions))
        if late is not None and block.ref.hash is not None:
            await self._writes.write(partial(self.store.unpark, self._chain.id, block.ref.hash))
        for one in block.parked:
            log.error("a transaction could not be read", block=block.ref.number, tx=one.hash, reason=one.reason)
            park = partial(self.store.park, self._chain.id, "transaction", block.ref.number, block.ref.hash)
            await self._writes.write(partial(park, one.hash, one.reason))
        self._publish(outcome.alerts)

    async def _stands(self, block: Block) -> bool:
        """Whether anybody is to be woken by this block: the quorum has it, or nobody says otherwise in time. Those who
        are behind are waited for a moment. What was decided on is decided: that had a quorum of its own."""
        ref = block.ref
        if self.pool.needed < 2 or block.confirmed_by >= self.pool.needed or ref.number is None:
            return True
        deadline = time.monotonic() + _CONFIRMATION_SECONDS
        while time.monotonic() < deadline:
            confirmed = self.source.heads.confirmed(ref.number)
            if confirmed is not None:
                return confirmed == ref.hash
            await asyncio.sleep(0.02)
        return not self.source.heads.contested(ref.number)

    async def _release_held(self) -> None:
        """Alerts that were held are told once the quorum is on their block's branch."""
        newest = self.source.status.newest
        if newest is None or newest.number is None or self.source.heads.confirmed(newest.number) != newest.hash:
            return
        for block_hash, (_, alerts) in list(self._held.items()):
            if self.source.is_canonical(block_hash):
                del self._held[block_hash]
                await self._found((), alerts)

    async def _before_late(self, ref: BlockRef, readings: dict[str, ProbeReading]) -> dict[str, ProbeReading]:
        """The Probes at the parent of a late block: those of the late block before it, else asked for."""
        before = self._late_readings
        if not before or any(r.block.hash != ref.parent_hash for r in before.values()):
            before = await self._parents_readings(ref)
        self._late_readings = readings
        return before

    async def _parents_readings(self, ref: BlockRef) -> dict[str, ProbeReading]:
        number = None if ref.number is None else ref.number - 1
        return await self._probes.read(BlockRef(number=number, hash=ref.parent_hash))

    async def _watch_pending(self) -> None:
        assert self.mempool is not None
        async for item in self.mempool.items():
            async with self._lock:
                match item:
                    case Gone(tx_hash, reason):
                        await self._found((), self.pipeline.gone(tx_hash, reason))
                    case Simulated(execution, readings):
                        outcome = self.pipeline.pending(execution, readings)
                        await self._decide(outcome.alerts, (execution,), readings)
                        self._count(outcome)
                        await self._found(outcome.findings, outcome.alerts)

    async def _staged(self, findings: tuple[Finding, Finding]) -> None:
        """A contract that looked staged does, simulated, what an attack does: people are told, unless it is gone."""
        async with self._lock:
            block = findings[0].block
            if block is not None and self.source.is_canonical(block.hash or ""):
                await self._found(findings[1:], self.pipeline.triage.take(findings))

    async def _settled(self, safe: int, finalized: int) -> None:
        """Alerts follow the chain: what they rest on is safe or final now. Nobody is woken by that."""
        async with self._lock:
            for alert in self.pipeline.triage.settle(safe, finalized):
                self._observer.alert(alert)
                await self._writes.write(partial(self.store.append_alert, alert))

    async def _found(self, findings: Sequence[Finding], alerts: Sequence[Alert]) -> None:
        if findings or alerts:
            await self._writes.write(partial(self.store.record_findings, findings, alerts))
            self._publish(alerts)

    async def _readings(self, ref: BlockRef) -> dict[str, ProbeReading]:
        readings = await self._probes.read(ref)
        failed = [r for r in readings.values() if r.error is not None]
        self.status.probe_failures += len(failed)
        self._blocks_without_probes = self._blocks_without_probes + 1 if failed else 0
        if self._blocks_without_probes >= _FAILURES_SAID:
            self.status.failed("probes")
        for reading in failed:
            log.warning("probe failed", probe=reading.name, error=reading.error, block=ref.number)
        return readings

    async def _decide(
        self,
        alerts: tuple[Alert, ...],
        subjects: tuple[Execution, ...],
        readings: Mapping[str, ProbeReading] = MappingProxyType({}),
    ) -> None:
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
                decision = await self.responder.consider(alert, findings, executions, self.pipeline.usd, readings)
            except ChainwatchError as error:
                log.error("no decision on an alert", alert=alert.alert_id, error=str(error))
                self.notifier.message("chainwatch could not decide on an alert", f"{alert.explanation}\n\n{error}")
                continue
            self._observer.decision(alert, decision)
        while len(self._rested_on) > _KEPT_EXECUTIONS:
            self._rested_on.pop(next(iter(self._rested_on)))

    def _publish(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.status.alerts[alert.event] = self.status.alerts.get(alert.event, 0) + 1
            self._observer.alert(alert)
            self.notifier.alert(alert)

    def _store_trouble(self, why: str | None) -> None:
        if why is not None:
            self.notifier.message("chainwatch cannot write to its store", why, NotifyType.FAILURE)
        self.status.store_failing = why

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

    def _count(self, outcome: Outcome, block: Block | None = None, *, late: bool = False) -> None:
        status = self.status
        status.malformed_logs += len(outcome.malformed)
        status.unknown_logs += outcome.unknown_logs
        for name in outcome.failures:
            status.detector_failures[name] = status.detector_failures.get(name, 0) + 1
            status.failed(f"detector {name}")
        if block is None:
            return
        status.executions += len(block.executions)
        untraced = any(e.trace is None and not e.cleared for e in block.executions)
        status.untraced += untraced
        if untraced and self._trees_expected:  # no provider gave what the cheap pass did not clear
            status.failed("call trees")
        if block.ref.number is not None:
            status.missing.fill(block.ref.number)
        if late:
            return
        status.handled, status.handled_at, status.started = block.ref.number, time.monotonic(), True
        if block.ref.number == status.blocks.head_number:
            status.took(time.perf_counter() - status.blocks.head_seen_at)
            if block.ref.timestamp is not None:
                status.clock_skew_seconds = time.time() - block.ref.timestamp

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
            self.status.failed(name)
            log.exception("a part of the bot failed and is restarted", part=name, error=str(error))
            self.notifier.message(f"chainwatch: {name} failed and is restarted", f"{type(error).__name__}: {error}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _RESTART_DELAY_SECONDS)


async def _in_slices(steps: Generator[None, None, Outcome]) -> Outcome:
    """Run to the end, giving the loop to others every few milliseconds: a flooded chain must not delay another."""
    began = time.perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome
        if time.perf_counter() - began > _SLICE_SECONDS:
            await asyncio.sleep(0)
            began = time.perf_counter()
