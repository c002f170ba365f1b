"""Chaos: the armed bot on a chain that reorganises, between providers that fail and lie, while attacks come.

    python -m tests.chaos --minutes 20 --seed 1 [--json]

One Anvil that mines a block a second, one world, three fault proxies as three providers, quorum 2. Honest users
trade all the time, attacks come every half minute, faults come and go by a plan made of the seed. It measures what
chainwatch promises, by what Anvil itself says, and ends with 1 where a promise was broken.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import structlog

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.load import load
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import World, deploy_world
from chainwatch.engine import Engine, Observer
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, AlertEvent, BlockItem, Gap, Hash, LateBlock, NewBlock, Reorg, Tier
from tests.chaos_lies import Rehearsal
from tests.chaos_people import People
from tests.chaos_plan import ALL, PROVIDERS, Episode, Plan, Stage
from tests.chaos_truth import Truth
from tests.proxy import FaultProxy

_SAMPLE_SECONDS = 0.25
_BLIND_SECONDS = 5.0
_SETTLE_SECONDS = 30.0
_TELLING = (Tier.ALERT, Tier.ACT)
_ENDED = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)

PROMISED = (
    "blocks_missed", "blocks_extra", "alerts_lost", "alerts_duplicated", "alerts_false", "alerts_false_opened",
    "actions_false", "attacks_uncontained", "blind_while_green_seconds", "recoveries_over_two_blocks",
    "failures_of_parts", "unsettled",
)  # fmt: skip
"""Numbers that have to be 0."""


class Watcher(Observer):
    """What the bot did, and when, by time.monotonic()."""

    def __init__(self) -> None:
        self.handled: dict[Hash, float] = {}
        self.newest = 0
        self.alerts: list[tuple[float, Alert]] = []
        self.decisions: list[tuple[float, Alert, Decision]] = []
        self.results: list[tuple[float, ActionResult]] = []
        self.items: list[tuple[float, str]] = []
        self.on_block = lambda _number, _hash: None

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        now = time.monotonic()
        match item:
            case NewBlock(block) | LateBlock(block):
                assert block.ref.hash is not None and block.ref.number is not None
                self.handled.setdefault(block.ref.hash, now)
                if isinstance(item, NewBlock):
                    self.on_block(block.ref.number, block.ref.hash)
                self.items.append((now, f"{type(item).__name__} {block.ref.number} {block.ref.hash[:10]}"))
            case Reorg(orphaned, ancestor):
                gone = ", ".join(f"{ref.number} {str(ref.hash)[:10]}" for ref in orphaned)
                self.items.append((now, f"Reorg to {ancestor.number}: {gone}"))
            case Gap(first, last, reason):
                self.items.append((now, f"Gap {first} to {last}: {reason}"))

    def alert(self, alert: Alert) -> None:
        self.alerts.append((time.monotonic(), alert))

    def decision(self, alert: Alert, decision: Decision) -> None:
        self.decisions.append((time.monotonic(), alert, decision))

    def result(self, result: ActionResult) -> None:
        self.results.append((time.monotonic(), result))


@dataclass
class Recovery:
    """After faults were healed: how many blocks came until a block made since was handled."""

    at: float
    head: int
    after: str
    blocks: int | None = None


@dataclass
class Measured:
    """What is sampled while it runs."""

    samples: int = 0
    blind_seconds: float = 0.0
    blind_green: list[tuple[float, str]] = field(default_factory=list)
    green_samples: int = 0
    longest_stall: float = 0.0
    recoveries: list[Recovery] = field(default_factory=list)


class Chaos:
    """One run."""

    def __init__(self, plan: Plan, *, verbose: bool) -> None:
        self._plan = plan
        self._verbose = verbose
        self._began = time.monotonic()
        self.events: list[tuple[float, str]] = []
        self.faults: Counter[str] = Counter()
        self.faulted: Counter[str] = Counter()
        self.watcher = Watcher()
        self.measured = Measured()
        self.healed_at = time.monotonic()
        self.now_on = ""
        self.details: dict[str, list[str]] = defaultdict(list)

    def say(self, what: str) -> None:
        at = time.monotonic()
        self.events.append((at, what))
        if self._verbose:
            print(f"{at - self._began:8.2f}  {what}", file=sys.stderr, flush=True)

    async def run(self) -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chainwatch-chaos-")))
            anvil = await stack.enter_async_context(Anvil("--block-time", "1", "--accounts", "12"))
            rpc = await stack.enter_async_context(Rpc(anvil.http))
            world = await deploy_world(anvil.http)
            rehearsal = await Rehearsal.of(world)
            proxies = {
                name: await stack.enter_async_context(FaultProxy(anvil.http, anvil.ws, name)) for name in PROVIDERS
            }
            path = _configured(world, directory, proxies)
            roles = world.roles
            truth = Truth(rpc, frozenset({roles.attacker, roles.guardian}))
            await truth.look()
            people = People(rpc, world, truth, self._plan.seed, self.say, lambda: self.healed_at)
            loaded = load(path)

            async def responder(store: Store, pool: Pool) -> Responder:
                return await Responder.create(loaded, store, pool, armed=True)

            following = asyncio.create_task(truth.follow())
            engine = await stack.enter_async_context(Engine(loaded, responder_factory=responder, observer=self.watcher))
            self.watcher.on_block = lambda number, _hash: self._recovered(number, truth)
            rss = _memory(anvil)
            running = asyncio.create_task(engine.run())
            others = [
                asyncio.create_task(work) for work in (people.trade(), people.attack(), self._sample(engine, truth))
            ]
            self._began = time.monotonic()
            try:
                await self._faults(proxies, people, truth, Stage(world, rehearsal), [following, running, *others])
                await self._finished(people, [following, running, *others])
                others[0].cancel()
                others[2].cancel()
                await rpc.call("evm_setIntervalMining", [0])
                unsettled = await self._settle(truth, directory / "chainwatch.db")
                await truth.look()
                report = self._report(truth, people, engine, directory / "chainwatch.db", unsettled)
                report["memory_mb"] = {"start": rss, "end": _memory(anvil)}
            finally:
                for task in [following, *others]:
                    task.cancel()
                await asyncio.gather(following, *others, return_exceptions=True)
                engine.stop()
                await asyncio.wait_for(running, 60)
            return report

    # While it runs

    async def _faults(
        self,
        proxies: dict[str, FaultProxy],
        people: People,
        truth: Truth,
        stage: Stage,
        tasks: list[asyncio.Task[Any]],
    ) -> None:
        for episode in self._plan.episodes:
            await self._until(episode.start)
            for task in tasks:
                if task.done():
                    task.result()
            chance = random.Random(episode.seed)
            for name, ill in episode.ills:
                ALL[ill](proxies[name], chance, stage)
                self.faults[ill] += 1
            if episode.outage:
                self.faults["outage"] += 1
            self.now_on = episode.text()
            self.say(f"ON {self.now_on} for {episode.seconds:.1f} s")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._heal(episode, proxies, truth))
                if episode.attack_after is not None:
                    group.create_task(self._attack(episode, people))
                if episode.reorganisation is not None:
                    group.create_task(self._reorganise(episode, people))

    async def _until(self, seconds: float) -> None:
        await asyncio.sleep(self._began + seconds - time.monotonic())

    async def _heal(self, episode: Episode, proxies: dict[str, FaultProxy], truth: Truth) -> None:
        await self._until(episode.start + episode.seconds)
        for proxy in proxies.values():
            for fault, count in proxy.faulted.items():
                self.faulted[str(fault)] += count
            proxy.faulted.clear()
            proxy.heal()
        await truth.look()
        self.healed_at = time.monotonic()
        self.measured.recoveries.append(Recovery(self.healed_at, truth.head, episode.text()))
        self.say(f"OFF {self.now_on} at {truth.head}")
        self.now_on = ""

    async def _attack(self, episode: Episode, people: People) -> None:
        assert episode.attack_after is not None
        await self._until(episode.start + episode.attack_after)
        if people.busy:
            self.say("the world is not repaired yet: no attack")
            return
        people.wanted.put_nowait(episode.text())

    async def _reorganise(self, episode: Episode, people: People) -> None:
        assert episode.reorganisation is not None
        await self._until(episode.start + episode.reorganisation.after)
        await people.reorganise(episode.reorganisation.depth, episode.reorganisation.seed)

    async def _finished(self, people: People, tasks: list[asyncio.Task[Any]]) -> None:
        """Until the last attack is contained and repaired."""
        self.say("all faults are over")
        while people.busy:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.2)
        await asyncio.sleep(2.0)

    async def _settle(self, truth: Truth, ledger: Path) -> bool:
        """Whether the ledger does not hold what the chain is, in time."""
        began = time.monotonic()
        while time.monotonic() - began < _SETTLE_SECONDS:
            await truth.look()
            missed, extra = self._compared(truth, ledger)
            if not missed and not extra:
                return False
            await asyncio.sleep(0.5)
        return True

    def _recovered(self, number: int, truth: Truth) -> None:
        for recovery in self.measured.recoveries[-3:]:
            if recovery.blocks is None and number > recovery.head:
                recovery.blocks = max(truth.head, number) - recovery.head
                if recovery.blocks > 2:
                    self.say(f"SLOW: {recovery.blocks} blocks until detection was back after {recovery.after}")

    async def _sample(self, engine: Engine, truth: Truth) -> None:
        measured, blind_green_before, expected = self.measured, False, time.monotonic()
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = time.monotonic()
            measured.longest_stall = max(measured.longest_stall, now - expected - _SAMPLE_SECONDS)
            expected = now
            late = self._blind(truth, now)
            reasons = engine.status.not_ready()
            measured.samples += 1
            measured.green_samples += not reasons
            if late is not None:
                measured.blind_seconds += _SAMPLE_SECONDS
            blind_green = late is not None and not reasons
            if blind_green and blind_green_before:
                measured.blind_green.append((now, f"{late}; status {engine.status.handled} on: {self.now_on}"))
                self.say(f"BLIND WHILE GREEN: {late}")
            blind_green_before = blind_green

    def _blind(self, truth: Truth, now: float) -> str | None:
        """Why chainwatch is blind by the truth: the oldest block after the newest handled one is too old."""
        unhandled = None
        for number in range(truth.head, max(0, truth.head - 200), -1):
            block_hash = truth.chain.get(number)
            if block_hash is None or block_hash in self.watcher.handled:
                break
            unhandled = truth.blocks[block_hash]
        if unhandled is None or now - unhandled.at <= _BLIND_SECONDS:
            return None
        return f"block {unhandled.number} of {truth.head} is unhandled for {now - unhandled.at:.1f} s"

    # In the end

    def _compared(self, truth: Truth, ledger: Path) -> tuple[list[str], list[str]]:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT number, hash FROM blocks WHERE canonical").fetchall()
        if not rows:
            return ["all of them"], []
        ours = {block_hash: number for number, block_hash in rows}
        first = min(ours.values())
        theirs = {h: n for n, h in truth.chain.items() if n >= first}
        missed = [f"{n} {h}" for h, n in sorted(theirs.items(), key=lambda item: item[1]) if h not in ours]
        extra = [f"{n} {h}" for h, n in sorted(ours.items(), key=lambda item: item[1]) if h not in theirs]
        return missed, extra

    def _note(self, what: str, at: float | None, text: str) -> None:
        where = "" if at is None else f"t={at - self._began:.2f}: "
        self.details[what].append(f"{where}{text}")

    def _report(self, truth: Truth, people: People, engine: Engine, ledger: Path, unsettled: bool) -> dict[str, Any]:
        missed, extra = self._compared(truth, ledger)
        for name, blocks in (("blocks_missed", missed), ("blocks_extra", extra)):
            for block in blocks:
                mined = truth.blocks.get(block.split()[1]) if " " in block else None
                self._note(name, mined.at if mined else None, block)
        self._judge_alerts(truth, people)
        self._judge_actions(truth, people)
        for attack in people.attacks:
            if attack.uncontained:
                self._note("attacks_uncontained", attack.sent_at, f"attack {attack.number} during {attack.during}")
        for at, text in self.measured.blind_green:
            self._note("blind_while_green_seconds", at, text)
        for recovery in self.measured.recoveries:
            if recovery.blocks is None or recovery.blocks > 2:
                text = f"{recovery.blocks} blocks after {recovery.after} ended at block {recovery.head}"
                self._note("recoveries_over_two_blocks", recovery.at, text)
        failed = engine.status.task_failures | engine.status.detector_failures
        for part, count in failed.items():
            self._note("failures_of_parts", None, f"{part}: {count}")
        if unsettled:
            self._note("unsettled", None, f"the ledger was not the chain after {_SETTLE_SECONDS:.0f} s")
        promised: dict[str, float] = {name: len(self.details[name]) for name in PROMISED}
        promised["blind_while_green_seconds"] = len(self.measured.blind_green) * _SAMPLE_SECONDS
        stayed = [a for a in people.attacks if (found := truth.where(a.tx_hash)) and found[1]]
        contained = [a.contained for a in stayed if a.contained is not None]
        recoveries = [r.blocks for r in self.measured.recoveries if r.blocks is not None]
        opened = Counter(alert.kind for _, alert in self.watcher.alerts if alert.event is AlertEvent.OPENED)
        return {
            "seed": self._plan.seed,
            "seconds": round(time.monotonic() - self._began, 1),
            "promised": promised,
            "faults": dict(sorted(self.faults.items())),
            "faults_done": dict(sorted(self.faulted.items())),
            "blocks_produced": len([b for b in truth.blocks.values() if b.number > min(truth.chain)]),
            "blocks_canonical": len(truth.chain) - 1,
            "benign_transactions": people.benign,
            "reorgs": dict(sorted(Counter(people.reorganisations).items())),
            "attacks": len(people.attacks),
            "attacks_canonical": len(stayed),
            "attacks_orphaned": len([a for a in people.attacks if a.lost]),
            "attacks_reverted": len([a for a in people.attacks if a.failed]),
            "contained_within_blocks": dict(sorted(Counter(contained).items())),
            "alerts_opened": dict(sorted(opened.items())),
            "actions": len(self.watcher.results),
            "blind_seconds": self.measured.blind_seconds,
            "green_share": round(self.measured.green_samples / max(1, self.measured.samples), 3),
            "status_blind_seconds": round(engine.status.seconds_blind, 1),
            "gaps": engine.status.gaps,
            "late_blocks": sum(text.startswith("Late") for _, text in self.watcher.items),
            "probe_failures": engine.status.probe_failures,
            "untraced_blocks": engine.status.untraced,
            "clock_skew_seconds": round(engine.status.clock_skew_seconds, 1),
            "recovery_blocks_most": max(recoveries, default=0),
            "loop_stalled_seconds_most": round(self.measured.longest_stall, 2),
            "details": {name: lines for name, lines in self.details.items() if lines},
        }

    def _judge_alerts(self, truth: Truth, people: People) -> None:
        told = [(at, a) for at, a in self.watcher.alerts if a.kind != "provider_disagreement" and a.tier in _TELLING]
        attacks = {a.tx_hash: a for a in people.attacks}
        last = {alert.alert_id: (at, alert) for at, alert in told}
        last |= {alert.alert_id: (at, alert) for at, alert in self.watcher.alerts if alert.alert_id in last}
        live = [alert for _, alert in last.values() if alert.event not in _ENDED]
        for attack in attacks.values():
            found = truth.where(attack.tx_hash)
            own = [a for a in live if attack.tx_hash in a.tx_hashes]
            if found is not None and found[1] and not own:
                lines = [f"{at - self._began:.1f} {a.event} {a.tier} {a.block_number} {str(a.block_hash)[:10]}"
                         for at, a in self.watcher.alerts if attack.tx_hash in a.tx_hashes]  # fmt: skip
                handled = found[0].hash in self.watcher.handled
                text = f"attack {attack.number} {attack.tx_hash} in block {found[0].number} {found[0].hash[:10]}"
                text += f" (handled: {handled}) during {attack.during}; transitions: {lines}"
                self._note("alerts_lost", attack.sent_at, text)
            if len(own) > 1:
                ids = ", ".join(f"{a.alert_id} {a.kind}" for a in own)
                self._note("alerts_duplicated", attack.sent_at, f"attack {attack.number}: live are {ids}")
            is_open = False
            for at, alert in told:
                if attack.tx_hash in alert.tx_hashes:
                    if alert.event is AlertEvent.OPENED and is_open:
                        self._note("alerts_duplicated", at, f"attack {attack.number} was opened again")
                    is_open = alert.event not in _ENDED
        for at, alert in told:
            if alert.event is not AlertEvent.OPENED:
                continue
            real = any(h in attacks and truth.succeeded_ever(h) for h in alert.tx_hashes)
            if not real and not (not alert.tx_hashes and people.was_dirty(at)):
                self._note("alerts_false_opened", at, self._about(alert))
        for alert in live:
            at, _ = last[alert.alert_id]
            stays = any((f := truth.where(h)) and f[1] for h in alert.tx_hashes if h in attacks)
            if not stays:
                self._note("alerts_false", at, f"still live: {self._about(alert)}")

    def _about(self, alert: Alert) -> str:
        return (
            f"{alert.kind} {alert.tier} {alert.alert_id} block {alert.block_number} {str(alert.block_hash)[:10]} "
            f"tx {[h[:10] for h in alert.tx_hashes]} by {alert.detectors}: {alert.explanation[:300]!r}"
        )

    def _judge_actions(self, truth: Truth, people: People) -> None:
        attacks = {a.tx_hash for a in people.attacks}
        for at, alert, decision in self.watcher.decisions:
            real = any(h in attacks and truth.succeeded_ever(h) for h in alert.tx_hashes)
            if decision.sent and not real and not (not alert.tx_hashes and people.was_dirty(at)):
                self._note("actions_false", at, f"{decision.outcome} for {self._about(alert)}")
        sent = {decision.tx_hash for _, _, decision in self.watcher.decisions if decision.sent}
        sent |= {result.tx_hash for _, result in self.watcher.results}
        guardian = people.guardian
        for mined in truth.blocks.values():
            for tx_hash in mined.transactions:
                if truth.sent_by.get(tx_hash) == guardian and not any(
                    m.at <= mined.at for a in people.attacks for m in truth.succeeded_ever(a.tx_hash)
                ):
                    self._note("actions_false", mined.at, f"the guardian sent {tx_hash} before any attack")

    def around(self, at: float, seconds: float = 6.0) -> list[str]:
        """All that happened about then."""
        lines = [*self.events, *self.watcher.items]
        lines += [(t, f"Alert {a.event} {a.tier} {a.kind} block {a.block_number} {a.alert_id}: {a.explanation[:160]!r}")
                  for t, a in self.watcher.alerts]  # fmt: skip
        lines += [(t, f"Decision: {d.text()!r}") for t, _, d in self.watcher.decisions]
        lines += [(t, f"Result: {r.text()}") for t, r in self.watcher.results]
        return [f"{t - self._began:8.2f}  {text}" for t, text in sorted(lines) if abs(t - at) < seconds]

    def story(self) -> list[str]:
        """All that happened."""
        return self.around(0.0, float("inf"))


def _configured(world: World, directory: Path, proxies: dict[str, FaultProxy]) -> Path:
    first = proxies["a"]
    path = write_configuration(world, directory, http=first.http, ws=first.ws, mempool=False)
    text = path.read_text()
    one = f'[[chains.providers]]\nname = "anvil"\nhttp = "{first.http}"\nws = "{first.ws}"\n'
    assert one in text
    chain = "quorum = 2\npoll_seconds = 0.5\nblind_after_seconds = 4.0\n\n"
    three = [f'[[chains.providers]]\nname = "{n}"\nhttp = "{p.http}"\nws = "{p.ws}"\n' for n, p in proxies.items()]
    path.write_text(text.replace(one, chain + "\n".join(three)))
    playbook = directory / "playbooks" / "pause-market.toml"
    text = playbook.read_text().replace("cooldown_seconds = 600", "cooldown_seconds = 0")
    playbook.write_text(text.replace("daily_limit = 3", "daily_limit = 10000"))
    return path


def _memory(anvil: Anvil) -> dict[str, float]:
    """Resident memory of this process and of Anvil, in MB."""
    gc.collect()
    assert anvil._process is not None
    found = {}
    for name, pid in (("chainwatch", "self"), ("anvil", str(anvil._process.pid))):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                found[name] = round(int(line.split()[1]) / 1024, 1)
    return found


@contextlib.contextmanager
def _logging_to(file: TextIO) -> Iterator[None]:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()


async def chaos(plan: Plan, *, log: Path | None = None, verbose: bool = False) -> dict[str, Any]:
    """Run, and report. `log`: where the bot's log and the story go."""
    run = Chaos(plan, verbose=verbose)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context((log or Path(os.devnull)).open("w"))
        stack.enter_context(_logging_to(file))
        report = await run.run()
    if log is not None:
        log.with_suffix(".story").write_text("\n".join(run.story()) + "\n")
    return report


def broken(report: dict[str, Any]) -> dict[str, float]:
    """The promised numbers that are not 0."""
    return {name: value for name, value in report["promised"].items() if value}


def _table(report: dict[str, Any]) -> str:
    lines = []
    for name, value in report.items():
        if name == "details":
            continue
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key:<30} {number}" for key, number in value.items()]
        else:
            lines.append(f"{name:<32} {value}")
    for name, texts in report["details"].items():
        lines += ["", f"{name}:", *(f"  {text}" for text in texts[:20])]
        if len(texts) > 20:
            lines.append(f"  … and {len(texts) - 20} more")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--log", type=Path, help="file for the bot's log; beside it, *.story tells what happened")
    parser.add_argument("--verbose", action="store_true", help="say what happens as it happens, on standard error")
    parser.add_argument("--plan", action="store_true", help="print the plan only")
    parser.add_argument("--only", nargs="+", default=(), choices=sorted(ALL), help="no other faults than these")
    given = parser.parse_args()
    plan = Plan.of(given.seed, given.minutes * 60.0, tuple(given.only))
    if given.plan:
        for episode in plan.episodes:
            more = f"attack after {episode.attack_after:.1f} s" if episode.attack_after is not None else ""
            times = f"{episode.start:8.1f} {episode.seconds:5.1f} s"
            print(times, episode.text(), more, episode.reorganisation or "", sep="  ")
        return 0
    report = asyncio.run(chaos(plan, log=given.log, verbose=given.verbose))
    print(json.dumps(report) if given.json else _table(report))
    return 1 if broken(report) else 0


if __name__ == "__main__":
    sys.exit(main())
