"""From Executions to Alert transitions: decode, detect, fuse. No I/O, so that live watching, history scans,
drills and tests all run this very code.

Windows of Probe readings live here, keyed by block hash, and are rolled back on a reorganisation. A detector
that raises is counted and named in the outcome; it never stops the others or the block.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec
import structlog

from chainwatch.chain.l2 import sent_from_l1
from chainwatch.chain.probes import PriceBook
from chainwatch.config.models import Profile
from chainwatch.decode import Decoder
from chainwatch.decode.balances import outflow
from chainwatch.decode.bytecode import held
from chainwatch.detect.base import Detector, View, Words
from chainwatch.detect.staging_signs import creations
from chainwatch.triage.fuse import Triage
from chainwatch.triage.windows import Outflows
from chainwatch.types import (
    Address,
    Alert,
    Block,
    BlockRef,
    Execution,
    Facts,
    Finding,
    MalformedLog,
    ProbeReading,
    Stage,
    Upgrade,
)

log = structlog.get_logger(__name__)

WINDOW_BLOCKS = 2_048
"""Readings kept for averages: half an hour at a block a second; bounds memory."""


class Outcome(msgspec.Struct, frozen=True):
    """What one block or one pending transaction led to. `failures` names detectors that raised, `unknown_logs`
    counts those that no decoder knows, `upgraded` are proxies and beacons whose events say that they run other code."""

    alerts: tuple[Alert, ...]
    findings: tuple[Finding, ...]
    malformed: tuple[MalformedLog, ...] = ()
    failures: tuple[str, ...] = ()
    unknown_logs: int = 0
    upgraded: frozenset[Address] = frozenset()


class Pipeline:
    """Decoder, detectors and triage of one chain. Owned by one task."""

    def __init__(
        self,
        decoder: Decoder,
        detectors: Sequence[Detector],
        profiles: Sequence[Profile] = (),
        protected: frozenset[Address] = frozenset(),
    ) -> None:
        self._decoder = decoder
        self._detectors = tuple(detectors)
        self._profiles = tuple(profiles)
        self._protected = protected
        self._prices = PriceBook(self._profiles)
        self._words = {profile.name: Words.of(profile) for profile in self._profiles}
        self._watched = {profile.name: _watched(profile) for profile in self._profiles}
        self._history: dict[str, deque[ProbeReading]] = {}
        self._outflows = {profile.name: Outflows() for profile in self._profiles if profile.outflow}
        self.triage = Triage(profiles)

    def block(self, block: Block, readings: Mapping[str, ProbeReading]) -> Outcome:
        """All that `block` leads to; `readings` are the Probes at its hash."""
        steps = self.steps(block, readings)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                outcome: Outcome = done.value
                return outcome

    def steps(
        self,
        block: Block,
        readings: Mapping[str, ProbeReading],
        *,
        late_before: Mapping[str, ProbeReading] | None = None,
    ) -> Generator[None, None, Outcome]:
        """As `block`, in steps of at most one Execution, so that a huge block holds up nothing else on the loop.

        `late_before`: this block comes after newer ones, and these are the Probes at its parent. Then it leaves the
        windows alone, and the end of a condition is not read from it.
        """
        facts_: list[Facts] = []
        for execution in block.executions:
            facts_.append(self._decoder.facts(execution))
            yield
        facts = tuple(facts_)
        late = late_before is not None
        before = late_before if late_before is not None else self._latest(block.ref.parent_hash)
        findings: list[Finding] = []
        failures: list[str] = []
        history = {n: deque([r]) for n, r in late_before.items()} if late_before is not None else self._history
        for view in self._views(facts, before, history):
            for execution, own in zip(block.executions, facts, strict=True):
                if not execution.succeeded or not self._concerns(view, execution, own):
                    continue
                narrowed = msgspec.structs.replace(view, facts=(own,))
                own_findings: list[Finding] = []
                self._inspect(execution, narrowed, own_findings, failures)
                findings += (_with_origin(finding, execution) for finding in own_findings)
                yield
        for view in self._views(facts, readings, history):
            self._inspect(block, self._with_outflows(view, block), findings, failures)
            yield
        if not late:
            self.remember(readings)
        readable = not late and bool(readings) and not failures and all(r.error is None for r in readings.values())
        alerts = self.triage.take(findings, block=block.ref, conditions_readable=readable)
        alerts += self.triage.forget_pending(
            [e.transaction.hash for e in block.executions], "It was included without doing what its simulation showed."
        )
        malformed = tuple(m for own in facts for m in own.malformed)
        unknown = sum(own.unknown_logs for own in facts)
        upgrades = (e for own in facts for e in own.events if isinstance(e, Upgrade))
        upgraded = frozenset(e.address for e in upgrades if e.what != "admin")
        return Outcome(tuple(alerts), tuple(findings), malformed, tuple(failures), unknown, upgraded)

    def knows(self, block_hash: str | None) -> bool:
        """Whether the newest readings are those of this block, and good: what changed after it can then be told."""
        newest = [window[-1] for window in self._history.values() if window]
        return bool(newest) and all(r.block.hash == block_hash and r.error is None for r in newest)

    def remember(self, readings: Mapping[str, ProbeReading]) -> None:
        """Readings of the block before the next one, where that one was not handled here: at a start, after a Gap."""
        for name, reading in readings.items():
            self._history.setdefault(name, deque(maxlen=WINDOW_BLOCKS)).append(reading)

    def pending(self, execution: Execution, after: Mapping[str, ProbeReading] = MappingProxyType({})) -> Outcome:
        """What a simulated pending transaction leads to. Failing ones would do nothing.

        `after` are the Probes after it: a state that it would bring about, and that is not there already.
        """
        if not execution.succeeded:
            return Outcome((), ())
        facts = self._decoder.facts(execution)
        before = self._latest(None)
        findings, failures = self._judged(execution, facts, before)
        if after and execution.block is not None:
            findings += self._brought_about(execution, before, after, failures)
        alerts = tuple(self.triage.take(findings))
        return Outcome(alerts, tuple(findings), facts.malformed, tuple(failures), facts.unknown_logs)

    def judge(self, execution: Execution) -> tuple[list[Finding], list[str]]:
        """What the detectors say of an Execution that nobody sent, and which of them raised; no Alert comes of it."""
        if not execution.succeeded:
            return [], []
        return self._judged(execution, self._decoder.facts(execution), self._latest(None))

    def gone(self, tx_hash: str, reason: str) -> list[Alert]:
        """A pending transaction was replaced, cancelled or dropped: what rests on it is resolved."""
        return self.triage.forget_pending([tx_hash], reason)

    def _judged(
        self, execution: Execution, facts: Facts, before: Mapping[str, ProbeReading]
    ) -> tuple[list[Finding], list[str]]:
        findings: list[Finding] = []
        failures: list[str] = []
        for view in self._views((facts,), before):
            if self._concerns(view, execution, facts):
                self._inspect(execution, view, findings, failures)
        return findings, failures

    def _brought_about(
        self,
        execution: Execution,
        before: Mapping[str, ProbeReading],
        after: Mapping[str, ProbeReading],
        failures: list[str],
    ) -> list[Finding]:
        """Findings about the state after the transaction that are none about the state before it."""
        assert execution.block is not None
        state = Block(chain_id=execution.chain_id, ref=execution.block, executions=())
        known: list[Finding] = []
        new: list[Finding] = []
        for view in self._views((), before):
            self._inspect(state, view, known, failures)
        for view in self._views((), after):
            self._inspect(state, view, new, failures)
        was = {(f.detector, f.kind, f.victims) for f in known}
        tx_hash = execution.transaction.hash
        return [
            msgspec.structs.replace(f, stage=Stage.PENDING, tx_hashes=(tx_hash,), condition=False)
            for f in new
            if (f.detector, f.kind, f.victims) not in was
        ]

    def _with_outflows(self, view: View, block: Block) -> View:
        """`view` with what left the profile's contracts up to `block`, which the windows keep."""
        profile = view.profile
        if profile is None or not profile.outflow:
            return view
        limited = {token.address for token in profile.tokens if any(token.symbol == o.token for o in profile.outflow)}
        net: dict[Address, int] = {}
        for own in view.facts:
            for token, amount in outflow(own.events, profile.protected).items():
                if token in limited:
                    net[token] = net.get(token, 0) + amount
        return msgspec.structs.replace(view, outflows=self._outflows[profile.name].add(block.ref, net))

    def orphan(self, orphaned: Iterable[BlockRef]) -> list[Alert]:
        """Roll back the windows and retract what rests on orphaned blocks."""
        refs = tuple(orphaned)
        hashes = {ref.hash for ref in refs}
        for name, window in self._history.items():
            kept = (reading for reading in window if reading.block.hash not in hashes)
            self._history[name] = deque(kept, maxlen=WINDOW_BLOCKS)
        for windows in self._outflows.values():
            windows.orphan(hashes)
        return self.triage.orphan(refs)

    def _views(
        self,
        facts: tuple[Facts, ...],
        readings: Mapping[str, ProbeReading],
        history: Mapping[str, deque[ProbeReading]] | None = None,
    ) -> list[View]:
        """One view for each profile; without profiles, one that looks at everything."""
        usd = self._usd_at(readings)
        if not self._profiles:
            return [View(facts=facts, protected=self._protected, usd=usd)]
        return [
            View(
                facts=facts,
                protected=p.protected | self._protected,
                profile=p,
                probes=readings,
                history=self._history if history is None else history,
                words=self._words[p.name],
                usd=usd,
            )
            for p in self._profiles
        ]

    def usd(self, token: Address, amount: int) -> float | None:
        """Dollars for `amount` base units of `token` at the newest readings, None where no price is known."""
        return self._usd_at(self._latest(None))(token, amount)

    def _usd_at(self, readings: Mapping[str, ProbeReading]) -> Callable[[Address, int], float | None]:
        prices = self._prices.at(readings)

        def usd(token: Address, amount: int) -> float | None:
            price = prices.get(token)
            return None if price is None else amount * price

        return usd

    def _latest(self, block_hash: str | None) -> dict[str, ProbeReading]:
        """The newest readings, or {} where they are not those of `block_hash` (None: whatever they are)."""
        newest = {name: window[-1] for name, window in self._history.items() if window}
        if block_hash is not None and any(r.block.hash != block_hash for r in newest.values()):
            return {}
        return newest

    def _inspect(self, subject: Execution | Block, view: View, findings: list[Finding], failures: list[str]) -> None:
        for detector in self._detectors:
            try:
                findings.extend(detector.inspect(subject, view))
            except Exception as error:  # a broken detector must not blind the others; it is counted and shown
                failures.append(detector.name)
                log.exception("detector failed", detector=detector.name, error=str(error))

    def _concerns(self, view: View, execution: Execution, facts: Facts) -> bool:
        """Whether the Execution touches what the profile protects, or a price it depends on, or makes a contract whose
        code names one of them."""
        if view.profile is None:
            return True
        watched = self._watched[view.profile.name]
        if execution.transaction.to in watched or any(frame.to in watched for frame in facts.frames):
            return True
        if any(event.address in watched for event in facts.events):
            return True
        if not facts.created and execution.transaction.to is not None:
            return False
        return any(held(text, watched) for made in creations(execution, facts) for text in made.texts)


def _with_origin(finding: Finding, execution: Execution) -> Finding:
    """On an L2, what a contract on L1 sent comes from its alias: whoever looks for it needs its own address."""
    transaction = execution.transaction
    origin = sent_from_l1(int(transaction.type, 16), execution.chain_id, transaction.from_)
    if origin is None:
        return finding
    kind, contract = origin
    text = f"{finding.explanation} It is a {kind}; if a contract sent it, that is {contract} there."
    return msgspec.structs.replace(finding, explanation=text, suspects=(*finding.suspects, contract))


def _watched(profile: Profile) -> frozenset[Address]:
    sources = {s.address for o in profile.oracles for s in (o.pool, o.feed) if s is not None}
    return profile.protected | sources
