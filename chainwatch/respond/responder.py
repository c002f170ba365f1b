"""From an Alert to an action: match a playbook, weigh, prove, send; and say why, whatever the outcome.

The hot path is one round trip (both simulations of the Proof, the action from this sender, the paused state and
the nonce in one batch), two commits to the outbox, a signature and the sending. What follows (replacing,
inclusion, verification) goes on in the sender's own task.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import structlog

from chainwatch.chain.heads import Disagreement
from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import specs_of
from chainwatch.chain.rpc import chain_id, quantity
from chainwatch.config.load import Loaded
from chainwatch.config.models import PlaybookConfig, Profile
from chainwatch.errors import (
    BadInput,
    ChainwatchError,
    NodeError,
    NotReady,
    SendFailed,
    StoreError,
    WrongChain,
)
from chainwatch.respond.adapters import ADAPTERS
from chainwatch.respond.arming import Arming
from chainwatch.respond.ask import Answers, ask
from chainwatch.respond.decision import Clock, Decision, Usd, declined, preventable
from chainwatch.respond.lease import LEASE_SECONDS, holder, is_dead, lease_name
from chainwatch.respond.policy import (
    DAY_SECONDS,
    Condition,
    cost_condition,
    evidence_conditions,
    proof_condition,
)
from chainwatch.respond.proof import Question
from chainwatch.respond.quorum import Witness
from chainwatch.respond.ready import refuse_unfit_key
from chainwatch.respond.sender import ActionResult, Sender
from chainwatch.respond.signer import Allowed, Signer, load_signer
from chainwatch.store import Lease, NewAction, OutboxState, Store
from chainwatch.types import NATIVE, Address, Alert, Block, BlockRef, Execution, Finding, ProbeReading, Severity, Tier

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 0.5
NOTHING_TO_CONFIRM = Witness()


class Responder:
    """Decides and acts for one chain. Create it with `Responder.create`."""

    def __init__(
        self, loaded: Loaded, store: Store, pool: Pool, arming: Arming, signer: Signer | None, lease: Lease | None
    ) -> None:
        config = loaded.config
        self._profiles = {profile.name: profile for profile in loaded.profiles}
        self._playbooks = loaded.playbooks
        self._store = store
        self._pool = pool
        self._arming = arming
        self._chain_id = loaded.chain.id
        self._gas_limit = config.sending.gas_limit
        self._lease = lease
        self._exclusive = True
        self._address = config.signer.address if config.signer else None
        self._acted: dict[str, list[float]] = {}
        self._last_failed: set[str] = set()
        self._retries: set[asyncio.Task[None]] = set()
        self._audits: set[asyncio.Task[None]] = set()
        self._retry_for = config.sending.give_up_seconds
        self._sender = Sender(pool, store, signer, arming, config.sending, loaded.chain.id) if signer else None
        self._specs = tuple(s for p in loaded.profiles for s in specs_of(p))
        self._renewing = False
        self.lease_lost = False
        self.dissent: dict[str, Disagreement] = {}
        """By provider: what it last said against the evidence of an alert."""
        self.excess_rights: tuple[str, ...] = ()
        """Rights beyond what playbooks declare, found after the first arming: a P2 to be told, not a stop."""
        self.on_result: Callable[[ActionResult], object] = lambda _result: None
        self.on_late_decision: Callable[[Alert, Decision], object] = lambda _alert, _decision: None
        if self._sender is not None:
            self._sender.on_result = self._finished

    @classmethod
    async def create(
        cls, loaded: Loaded, store: Store, pool: Pool, *, armed: bool, exclusive: bool = True
    ) -> "Responder":
        """A responder, armed if asked to be.

        Arming needs a signer whose key unlocks, holds each playbook's role and nothing beyond it, and the lease
        of this store (unless not `exclusive`: a person who acts by hand while the bot runs). Raises BadInput or
        NotReady, each with its mend. A dry run needs no key.
        """
        arming = Arming(loaded.root, armed=armed)
        signer: Signer | None = None
        lease: Lease | None = None
        excess: list[str] = []
        actual = await chain_id(pool)
        if actual != loaded.chain.id:
            raise WrongChain(f"The node is on chain {actual}, chain.id is {loaded.chain.id}.", "Correct one of them.")
        if armed:
            arming.refuse_if_disarmed()
            signer = await unlock(loaded)
            trusted = await _armed_before(store, signer.address)
            excess = await refuse_unfit_key(loaded.playbooks, pool, signer.address, trusted=trusted)
            if exclusive:
                lease = await store.acquire_lease(lease_name(actual), holder(), LEASE_SECONDS, is_dead=is_dead)
            if exclusive and lease is None:
                raise NotReady(
                    "Another responder holds the lease of this store.",
                    f"Stop it, or wait {LEASE_SECONDS:.0f} s after it died.",
                )
        responder = cls(loaded, store, pool, arming, signer, lease)
        responder._exclusive = exclusive
        for playbook in loaded.playbooks:
            since = time.time() - DAY_SECONDS
            responder._acted[playbook.name] = await store.outbox.sent_since(responder._chain_id, playbook.name, since)
        await responder._refresh_base_fee()
        if signer is not None:
            responder.excess_rights = tuple(excess)
            for text in excess:
                log.error("the key holds more rights than declared", detail=text, severity=Severity.P2)
            targets = [playbook.action.target for playbook in loaded.playbooks]
            await store.audit("armed", key=signer.address, targets=targets, excess_rights=excess)
            await store.outbox.rehearse()
            await asyncio.to_thread(signer.rehearse)
        return responder

    @property
    def armed(self) -> bool:
        """Whether an action could be sent now."""
        return self._arming.armed()

    async def resume(self) -> None:
        """Take up what an earlier run left in the outbox; in a dry run only say so."""
        if self._sender is not None:
            await self._sender.resume()
            return
        for action in await self._store.outbox.unfinished(self._chain_id):
            log.warning("an unfinished action is in the outbox; a dry run leaves it alone", action=action.id)

    async def on_block(self, block: Block) -> None:
        """A block was seen: look for receipts, keep the base fee, renew the lease."""
        if self._sender is not None:
            self._sender.wake(block.base_fee_per_gas)
        due = self._lease is not None and self._lease.expires_at - time.time() < LEASE_SECONDS / 2
        if due and not self._renewing:  # in a task: a store that hangs must not hold up the next block
            self._renewing = True
            self._in_background(self._renew_lease(), self._audits)

    async def _renew_lease(self) -> None:
        try:
            if self._lease is None:
                return
            try:
                self._lease = await self._store.acquire_lease(self._lease.name, self._lease.holder, LEASE_SECONDS)
            except StoreError as error:  # it is still ours until somebody else takes it
                log.error("the lease could not be renewed", error=str(error))
            if self._lease is None:
                log.error("the lease was lost to another responder: this one no longer acts")
                self.lease_lost = True
        finally:
            self._renewing = False

    def on_orphans(self, orphaned: tuple[BlockRef, ...]) -> None:
        """Blocks were reorganised away."""
        if self._sender is not None:
            self._sender.orphaned(orphaned)

    async def drain(self, timeout: float) -> None:
        """Wait for actions under way, then give the lease back."""
        for task in self._retries:
            task.cancel()
        await asyncio.gather(*self._retries, *self._audits, return_exceptions=True)
        if self._sender is not None:
            await self._sender.drain(timeout)
        if self._lease is not None:
            try:
                await self._store.release_lease(self._lease)
            except StoreError as error:  # it expires by itself
                log.error("the lease could not be given back", error=str(error))
            self._lease = None

    async def consider(
        self,
        alert: Alert,
        findings: Sequence[Finding],
        executions: Sequence[Execution],
        usd: Usd,
        readings: Mapping[str, ProbeReading] = MappingProxyType({}),
    ) -> Decision:
        """Decide on an Alert and, if all conditions hold, send the action of the first playbook it triggers.

        `executions` are the Executions the Alert rests on, `readings` the Probes at its block, both to be confirmed by
        the quorum; `usd` prices amounts at the newest block. While the quorum is not reached it is decided again,
        as after a failure. Raises
        SendFailed where the action could not be got out, StoreError where the outbox could not be written and
        NodeError where the node did not answer; after these two it is decided again every half second, in a task,
        for as long as an action may take.
        """
        kinds = {alert.kind, *(finding.kind for finding in findings)}
        for playbook in self._playbooks:
            if playbook.trigger.profile == alert.protocol and kinds.intersection(playbook.trigger.kinds):
                case = _Case(playbook, alert, tuple(findings), tuple(executions), usd, readings)
                try:
                    decision = await self._decide(case)
                except (StoreError, NodeError):
                    self._in_background(self._decide_later(case), self._retries)
                    raise
                if decision.undecided:
                    self._in_background(self._decide_later(case), self._retries)
                self._in_background(self._audit(alert, decision), self._audits)  # what stops an attack goes first
                return decision
        return Decision(playbook=None, sent=False, outcome="No playbook answers this alert.")

    def _in_background(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        """Run `work`, which tells of its own failures, in a task that `drain` knows of."""
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _decide_later(self, case: "_Case") -> None:
        """A database that is locked for a moment, a node that hiccups or one that lags must not cost the action."""
        alert, started = case.alert, time.monotonic()
        while time.monotonic() - started < self._retry_for:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                decision = await self._decide(case)
            except (StoreError, NodeError) as error:
                log.warning("still no decision on an alert", alert=alert.alert_id, error=str(error))
                continue
            except ChainwatchError as error:
                log.error("no decision on an alert", alert=alert.alert_id, error=str(error))
                return
            if decision.undecided:
                continue
            log.warning("decided late", alert=alert.alert_id, **decision.summary())
            self.on_late_decision(alert, decision)
            await self._audit(alert, decision)
            return

    async def act(self, name: str, *, wait: bool) -> ActionResult | None:
        """Run a playbook's action by hand: no tier and no cost rule, but role, simulation, state and disarm.

        Returns the result with `wait`, else None once it is acknowledged, or in a dry run. Raises BadInput for an
        unknown playbook, NotReady where it cannot or need not act.
        """
        playbook = next((p for p in self._playbooks if p.name == name), None)
        if playbook is None:
            known = ", ".join(p.name for p in self._playbooks) or "none"
            raise BadInput(f"There is no playbook {name!r}.", f"Known are: {known}.")
        facts = await self._ask(playbook, None)
        if facts.simulation_error is not None:
            raise NotReady(f"The action reverts: {facts.simulation_error}.", "See `chainwatch ready`.")
        if self._sender is None:
            return None  # a dry run: it would succeed
        done: asyncio.Future[ActionResult] = asyncio.get_running_loop().create_future()

        def finished(result: ActionResult) -> None:
            if not done.done():
                done.set_result(result)

        self.on_result = finished
        await self._send(playbook, None, facts.nonce, f"by hand: {name}", f"hand:{time.time_ns()}")
        return await done if wait else None

    async def already_done(self, name: str) -> bool:
        """Whether the state that playbook `name` brings about is there already."""
        playbook = next((p for p in self._playbooks if p.name == name), None)
        return playbook is not None and (await self._ask(playbook, None)).already_done

    async def _decide(self, case: "_Case") -> Decision:
        playbook, alert = case.playbook, case.alert
        clock = Clock()
        adapter = ADAPTERS[playbook.action.adapter]
        profile = self._profiles[playbook.trigger.profile]
        acted_at, last_failed = self._acted.get(playbook.name, ()), playbook.name in self._last_failed
        conditions = evidence_conditions(alert, playbook, adapter, acted_at, time.time(), last_failed=last_failed)
        against = {c.name for c in conditions if not c.holds}
        if against - ({"tier"} if playbook.guards.min_tier is Tier.ALERT else set()):
            return declined(playbook, conditions, None, clock)
        if self._address is None:
            conditions.append(Condition("signer", False, "no [signer] is configured, so nobody could act"))
            return declined(playbook, conditions, None, clock)
        executions = case.executions
        rests_on = {ref.ref.partition("@")[0].removeprefix("probe:") for ref in alert.evidence if "probe:" in ref.ref}
        specs = [spec for spec in self._specs if spec.name in rests_on]
        while True:
            question = self._question(playbook, profile, alert, executions)
            facts = await self._ask(playbook, question, Witness.of(executions, case.readings, specs))
            founded = tuple(e for e in executions if e.transaction.hash not in facts.quorum.unfounded)
            if not founded or len(founded) == len(executions):
                break
            executions = founded  # one that somebody invented must not stand in the way of those that are there
        clock.lap("proof")
        conditions += [
            Condition("simulates", facts.simulation_error is None, facts.simulation_error or "the action succeeds now"),
            facts.quorum.condition(playbook.guards),
            proof_condition(facts.proof),
            cost_condition(case.findings, profile, playbook, preventable(facts.proof, alert, profile, case.usd)),
            Condition("armed", self.armed, self._armed_detail()),
        ]
        if not conditions[_place_of(conditions, "quorum")].holds and not facts.quorum.refuted:
            # Whatever else was said, it was not said by enough of them: it is asked again.
            decision = declined(playbook, conditions, facts.proof, clock)
            return msgspec.structs.replace(decision, undecided=True)
        if facts.already_done:
            return Decision(
                playbook=playbook.name, sent=False, outcome="Nothing to do: the protected contract is paused already.",
                conditions=tuple(conditions), proof=facts.proof, timings_ms=clock.laps,
            )  # fmt: skip
        if not all(c.holds for c in conditions):
            return declined(playbook, conditions, facts.proof, clock)
        if self._sender is None or self._sender.under_way(playbook.action.target, adapter.act):
            outcome = "The action is under way already."
            return Decision(playbook=playbook.name, sent=False, outcome=outcome, conditions=tuple(conditions))
        tx_hash = await self._send(
            playbook, alert, facts.nonce, alert.explanation, f"{alert.fingerprint}:{alert.alert_id}"
        )
        clock.lap("send")
        return Decision(
            playbook=playbook.name,
            sent=tx_hash is not None,
            outcome=f"Sent {adapter.name} to {playbook.action.target}: {tx_hash}" if tx_hash else "It was sent before.",
            conditions=tuple(conditions),
            proof=facts.proof,
            tx_hash=tx_hash,
            timings_ms=clock.laps,
        )

    async def _send(
        self, playbook: PlaybookConfig, alert: Alert | None, nonce: int, reason: str, occasion: str
    ) -> str | None:
        """Plan, sign and send; once more with a fresh nonce where the node says that this one is used."""
        assert self._sender is not None and self._address is not None
        adapter = ADAPTERS[playbook.action.adapter]
        for attempt in range(2):
            action = NewAction(
                key=_key(playbook, self._chain_id, occasion, attempt),
                chain_id=self._chain_id,
                playbook=playbook.name,
                playbook_version=playbook.version,
                adapter=adapter.name,
                target=playbook.action.target,
                data=adapter.act,
                sender=self._address,
                gas_limit=self._gas_limit,
                nonce=nonce,
                alert_id=alert.alert_id if alert else None,
                fingerprint=alert.fingerprint if alert else occasion,
                reason=reason[:2_000],
            )
            fencing = self._fencing()
            try:
                sent = await self._sender.send(action, fencing=fencing)
            except SendFailed as error:
                if attempt or "nonce" not in error.problem.lower():
                    raise
                nonce = quantity(await self._pool.call("eth_getTransactionCount", [self._address, "pending"], as_=str))
                continue
            if sent is None:
                return None
            self._acted.setdefault(playbook.name, []).append(sent.created_at)
            self._last_failed.discard(playbook.name)
            return sent.tx_hash
        raise AssertionError("unreachable: the second refusal is raised")

    def _fencing(self) -> tuple[str, int] | None:
        """The lease under which an action is decided. One that was lost refuses; a person by hand needs none."""
        if not self._exclusive:
            return None
        return (self._lease.name, self._lease.token) if self._lease else (lease_name(self._chain_id), -1)

    def _question(
        self, playbook: PlaybookConfig, profile: Profile, alert: Alert, executions: Sequence[Execution]
    ) -> Question:
        # Only what the profile calls a token may speak for or against an action: an attacker's own token could
        # veto it (a balance that falls whatever is paused) or hold the simulation up (one that never answers).
        tokens = [token.address for token in profile.tokens]
        if NATIVE in alert.loss_estimate.get("tokens", {}):
            tokens.append(NATIVE)
        victims = tuple(v for v in alert.victims if v in profile.protected)
        return Question(
            sender=self._address or playbook.action.target,
            target=playbook.action.target,
            data=ADAPTERS[playbook.action.adapter].act,
            attacks=tuple(sorted((e for e in executions if e.succeeded), key=_place)),
            victims=victims or tuple(sorted(profile.protected)),
            tokens=tuple(tokens),
        )

    async def _ask(
        self, playbook: PlaybookConfig, question: Question | None, witness: Witness = NOTHING_TO_CONFIRM
    ) -> Answers:
        if self._address is None:
            raise NotReady("No [signer] is configured, so nobody could act.", "Add one to chainwatch.toml.")
        answers = await ask(self._pool, self._address, playbook, question, witness)
        for name, said in answers.quorum.deny.items():
            others = dict.fromkeys(answers.quorum.confirm, "what was seen")
            what, now = "Evidence of an alert", time.monotonic()
            self.dissent[name] = Disagreement(what, None, {**others, name: said}, now, now)
        return answers

    def _armed_detail(self) -> str:
        if self._arming.disarmed():
            return f"disarmed {self._arming.why()}"
        return "armed" if self.armed else "dry run: --arm was not given"

    def _finished(self, result: ActionResult) -> None:
        if result.state is OutboxState.FAILED:
            self._last_failed.add(result.playbook)
        self.on_result(result)

    async def _refresh_base_fee(self) -> None:
        if self._sender is not None:
            head = await self._pool.call("eth_getBlockByNumber", ["latest", False])
            self._sender.wake(quantity(head.get("baseFeePerGas")))

    async def _audit(self, alert: Alert, decision: Decision) -> None:
        if decision.sent or all(c.holds for c in decision.conditions if c.name != "armed"):
            try:
                await self._store.audit("decision", alert=alert.alert_id, **decision.summary())
            except StoreError as error:  # the action is out: its decision must reach the timeline all the same
                log.error("a decision could not be written to the audit log", alert=alert.alert_id, error=str(error))


class _Case(msgspec.Struct, frozen=True):
    """An Alert to decide on, with the playbook it triggers and all it rests on."""

    playbook: PlaybookConfig
    alert: Alert
    findings: tuple[Finding, ...]
    executions: tuple[Execution, ...]
    usd: Usd
    readings: Mapping[str, ProbeReading]


def _key(playbook: PlaybookConfig, chain: int, occasion: str, attempt: int) -> str:
    text = f"{playbook.name}\n{playbook.version}\n{chain}\n{playbook.action.target}\n{occasion}\n{attempt}"
    return hashlib.sha256(text.encode()).hexdigest()


def _place_of(conditions: Sequence[Condition], name: str) -> int:
    return next(i for i, condition in enumerate(conditions) if condition.name == name)


def _place(execution: Execution) -> tuple[int, int]:
    """Where on the chain it stands; what has no number yet comes last."""
    number = execution.block.number if execution.block else None
    return (2**63 if number is None else number, execution.index)


async def _armed_before(store: Store, key: Address) -> frozenset[Address]:
    """The targets at which `key` was armed before."""
    entries = await store.audited("armed")
    return frozenset(target for e in entries if e.body.get("key") == key for target in e.body.get("targets", ()))


async def unlock(loaded: Loaded) -> Signer:
    """Open the configured keystore, off the event loop. Raises BadInput naming what is wrong with it."""
    config = loaded.config
    if config.signer is None:
        raise BadInput("Arming needs a key, and no [signer] is configured.", "Add [signer] to chainwatch.toml.")
    allowed = frozenset(
        Allowed(loaded.chain.id, p.action.target, ADAPTERS[p.action.adapter].act) for p in loaded.playbooks
    )
    return await asyncio.to_thread(load_signer, config.signer, loaded.root, allowed)
