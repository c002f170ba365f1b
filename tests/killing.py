"""Killing: the armed bot as a process of its own, killed again and again at random instants while attacks come.

    python -m tests.killing --kills 20 --store sqlite|postgres [--seed N] [--json]

One Anvil on which four blocks a second are mined, honest transactions in each, and a real attack as soon as the last
one is contained and repaired. SIGKILL comes 1 to 6 seconds after a start, or 0 to 60 ms after the block of an attack
or of a pause; the next process starts at once. In the end what the store holds is compared with what Anvil says:
nothing may be missing, nothing may be there twice. Ends with 1 where a promise was broken.
"""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from eth_abi.exceptions import EncodingError
from sqlalchemy import text

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import World, deploy_world
from chainwatch.errors import ChainwatchError, StoreError
from chainwatch.store import Store
from chainwatch.types import Alert, AlertEvent, Hash, Tier
from tests.chaos_people import Attack, People
from tests.chaos_truth import Mined, Truth
from tests.store.server import Server

ROOT = Path(__file__).resolve().parents[1]

_BLOCK_SECONDS = 0.25
_UNIFORM_SECONDS = (1.0, 6.0)  # after the start of the process
_FIRST_SECONDS = (0.0, 2.0)  # after the first block it handled: starting alone may take longer than the above
_AIMED_SECONDS = (0.0, 0.06)  # after the block aimed at was mined
_WARM_SECONDS = (0.2, 1.0)  # after its first block a bot is worth being aimed at
_AIM_PATIENCE_SECONDS = 30.0
_UNPAUSED_SECONDS = 30.0
_SETTLE_SECONDS = 60.0
_TELLING = (Tier.ALERT, Tier.ACT)
_ENDED = (AlertEvent.RESOLVED, AlertEvent.RETRACTED)

PROMISED = (
    "blocks_missed", "ledger_extra", "ledger_doubled", "gaps_open", "heights_missing", "blocks_parked", "alerts_lost",
    "alerts_doubled", "findings_doubled", "actions_doubled", "actions_lost", "actions_unfinished", "store_corrupt",
    "bot_ended_itself", "stop_failed", "unsettled",
)  # fmt: skip
"""Numbers that have to be 0."""


class Aim(StrEnum):
    """When a kill comes."""

    START = "uniformly after the start"
    FIRST = "uniformly after its first block"
    ATTACK = "after the block of an attack"
    PAUSE = "after the block of a pause"


_WHEN = {Aim.START: _UNIFORM_SECONDS, Aim.FIRST: _FIRST_SECONDS}


@dataclass(frozen=True)
class Kill:
    """One kill of the plan."""

    aim: Aim
    seconds: float
    """After what it is aimed at."""
    warm_seconds: float


def plan(kills: int, seed: int) -> list[Kill]:
    """When to kill, made of `seed` alone."""
    chance = random.Random(seed)
    planned = []
    for _ in range(kills):
        aim = chance.choices(list(Aim), weights=(4, 3, 9, 4))[0]
        seconds = chance.uniform(*_WHEN.get(aim, _AIMED_SECONDS))
        planned.append(Kill(aim, seconds, chance.uniform(*_WARM_SECONDS)))
    return planned


@dataclass
class Life:
    """One process of the bot; times by time.monotonic()."""

    number: int
    started: float
    first_block: float | None = None
    ended: float | None = None
    code: int | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def up_since(self, since: float, now: float) -> float:
        """For how long after `since` it was handling blocks."""
        if self.first_block is None:
            return 0.0
        return max(0.0, (self.ended or now) - max(since, self.first_block))


class Bot:
    """`chainwatch watch --arm`, started as often as it is killed."""

    def __init__(self, configuration: Path) -> None:
        self._configuration = configuration
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self.handling = asyncio.Event()
        self.lives: list[Life] = []

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        life = Life(len(self.lives), time.monotonic())
        self.lives.append(life)
        self.handling.clear()
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "chainwatch", "watch", "--arm", "--unproven", "a test", "--json",
            "--config", str(self._configuration),
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        self._readers = [
            asyncio.create_task(self._hear(process.stdout, life)),
            asyncio.create_task(self._read_log(process.stderr, life)),
        ]

    async def end(self, number: signal.Signals, timeout: float = 60.0) -> int:
        """Send a signal, and wait until it is gone."""
        process, life = self._process, self.life
        assert process is not None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            life.code = await asyncio.wait_for(process.wait(), timeout)
        except TimeoutError:
            process.kill()
            life.code = await process.wait()
        life.ended = time.monotonic()
        await asyncio.gather(*self._readers)
        return life.code

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.end(signal.SIGKILL)

    def up_since(self, since: float) -> float:
        """For how many seconds after `since` any of its processes was handling blocks."""
        now = time.monotonic()
        return sum(life.up_since(since, now) for life in self.lives)

    async def _hear(self, stream: asyncio.StreamReader, life: Life) -> None:
        async for line in stream:
            with contextlib.suppress(msgspec.DecodeError):  # the last line of one that was killed
                life.told.append(msgspec.json.decode(line))

    async def _read_log(self, stream: asyncio.StreamReader, life: Life) -> None:
        async for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            life.log.append(line)
            if life.first_block is None and '"event": "watching"' in line:
                life.first_block = time.monotonic()
                self.handling.set()


class Miner:
    """Mines, with honest transactions in each block, and tells at once that an attack or a pause is in one."""

    def __init__(self, rpc: Rpc, truth: Truth, people: People) -> None:
        self._rpc = rpc
        self._truth = truth
        self._people = people
        self._mined: dict[Aim, asyncio.Future[float]] = {}
        self.awaited: dict[Hash, Aim] = {}
        """Transactions to look out for."""

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + _BLOCK_SECONDS, time.monotonic())
            with contextlib.suppress(ChainwatchError, EncodingError):
                await self._people._swap()
                self._people.benign += 1
            await asyncio.sleep(due - time.monotonic())
            await self._rpc.call("evm_mine")
            at = time.monotonic()
            block = await self._rpc.call("eth_getBlockByNumber", ["latest", True])
            for transaction in block["transactions"]:
                if transaction["from"].lower() == self._people.guardian:
                    self._tell(Aim.PAUSE, at)
                elif transaction["hash"] in self.awaited:
                    self._tell(self.awaited.pop(transaction["hash"]), at)
            await self._truth.look()

    def next(self, aim: Aim) -> asyncio.Future[float]:
        """When the next block with such a transaction was mined, as soon as it was."""
        if aim not in self._mined or self._mined[aim].done():
            self._mined[aim] = asyncio.get_running_loop().create_future()
        return self._mined[aim]

    def _tell(self, aim: Aim, at: float) -> None:
        if (mined := self._mined.get(aim)) is not None and not mined.done():
            mined.set_result(at)


class Killing:
    """One run."""

    def __init__(self, kills: int, seed: int, store: str, *, verbose: bool) -> None:
        self._plan = plan(kills, seed)
        self._seed = seed
        self._kind = store
        self._verbose = verbose
        self._chance = random.Random(seed + 2)
        self._began = time.monotonic()
        self._over = False
        self.events: list[str] = []
        self.details: dict[str, list[str]] = defaultdict(list)
        self.killed: Counter[str] = Counter()

    def say(self, what: str) -> None:
        line = f"{time.monotonic() - self._began:8.3f}  {what}"
        self.events.append(line)
        if self._verbose:
            print(line, file=sys.stderr, flush=True)

    async def run(self) -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chainwatch-killing-")))
            location: Path | str = directory / "chainwatch.db"
            if self._kind == "postgres":
                location = await stack.enter_async_context(_database())
            anvil = await stack.enter_async_context(Anvil("--accounts", "12"))
            rpc = await stack.enter_async_context(Rpc(anvil.http))
            world = await deploy_world(anvil.http)
            await rpc.call("evm_setAutomine", [False])
            self._bot = Bot(_configured(world, directory, anvil, location))
            self._truth = Truth(rpc, frozenset({world.roles.attacker, world.roles.guardian}))
            await self._truth.look()
            self._people = People(rpc, world, self._truth, self._seed, self.say, lambda: 0.0)
            self._miner = Miner(rpc, self._truth, self._people)
            stack.push_async_callback(self._bot.close)
            mining = asyncio.create_task(self._miner.run())
            trading = asyncio.create_task(self._people.trade())
            attacking = asyncio.create_task(self._attack())
            tasks = (mining, trading, attacking)
            try:
                self._began = time.monotonic()
                await self._bot.start()
                for kill in self._plan:
                    await self._kill(kill, tasks)
                self._over = True
                self.say("all kills are done")
                await asyncio.wait({attacking, mining}, timeout=180, return_when=asyncio.FIRST_COMPLETED)
                _raise_from(tasks)
                trading.cancel()
                await asyncio.sleep(1.0)
                mining.cancel()
                await asyncio.gather(mining, return_exceptions=True)
                await self._truth.look()
                await self._settle(location)
                self._check_self_ended("in the end")
                code = await self._bot.end(signal.SIGINT)
                if code != 0:
                    self._note("stop_failed", f"SIGINT ended it with {code}: {self._bot.life.log[-5:]}")
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return await self._report(world.chain_id, location)

    # While it runs

    async def _kill(self, kill: Kill, tasks: tuple[asyncio.Task[None], ...]) -> None:
        life = self._bot.life
        if kill.aim is Aim.START:
            await asyncio.sleep(max(0.0, life.started + kill.seconds - time.monotonic()))
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AIM_PATIENCE_SECONDS):
                    await self._bot.handling.wait()
                    at = life.first_block or 0.0
                    if kill.aim is not Aim.FIRST:
                        await asyncio.sleep(kill.warm_seconds)
                        at = await asyncio.shield(self._miner.next(kill.aim))
                    await asyncio.sleep(max(0.0, at + kill.seconds - time.monotonic()))
        _raise_from(tasks)
        self._check_self_ended(f"before kill {life.number + 1}")
        await self._bot.end(signal.SIGKILL)
        self.killed[kill.aim if life.first_block else f"{kill.aim}, before its first block"] += 1
        when = f"{kill.seconds:.3f} s {kill.aim}"
        self.say(f"kill {life.number + 1}: {when}, head {self._truth.head}, lived {life.ended - life.started:.2f} s")  # type: ignore[operator]
        await self._bot.start()

    def _check_self_ended(self, when: str) -> None:
        if self._bot.ended:
            last = "\n".join(self._bot.life.log[-8:])
            self._note("bot_ended_itself", f"process {self._bot.life.number + 1} {when}: {last}")

    async def _attack(self) -> None:
        """Attack, see it contained, repair, and so on until the kills are done."""
        await asyncio.wait_for(self._bot.handling.wait(), 60)
        while not self._over or not self._people.attacks:
            await self._people._repair()
            await asyncio.sleep(self._chance.uniform(0.3, 2.0))
            attack = await self._people._signed(len(self._people.attacks) + 1, "")
            self._people.attacks.append(attack)
            self._miner.awaited[attack.tx_hash] = Aim.ATTACK
            await self._people._send(attack)
            await self._contained(attack)
            self.say(f"attack {attack.number} {attack.tx_hash[:10]}: {'; '.join(attack.detail)}")
            await asyncio.sleep(self._chance.uniform(0.2, 1.0))

    async def _contained(self, attack: Attack) -> None:
        """Until it is paused, reverted, or unpaused for too long while the bot was up."""
        while True:
            await asyncio.sleep(0.05)
            found = self._truth.where(attack.tx_hash)
            if found is None:
                continue
            block, succeeded = found
            if not succeeded:
                attack.failed = True
                attack.detail.append(f"it reverted in block {block.number}")
                return
            pause = self._truth.paused_at(self._people.guardian, block.number)
            if pause is not None:
                attack.contained = pause.number - block.number
                attack.detail.append(f"block {block.number}, paused in {pause.number}")
                return
            if self._bot.up_since(block.at) > _UNPAUSED_SECONDS:
                attack.uncontained = True
                attack.detail.append(f"block {block.number}, NOT PAUSED")
                text = f"attack {attack.number} {attack.tx_hash} in block {block.number}, bot {self._bot.life.number}"
                self._note("actions_lost", text)
                return

    async def _settle(self, location: Path | str) -> None:
        """Until the ledger holds the head, in time."""
        began = time.monotonic()
        while time.monotonic() - began < _SETTLE_SECONDS and not self._bot.ended:
            if any(self._truth.chain[self._truth.head] == row[1] for row in await _rows(location, _LEDGER)):
                return
            await asyncio.sleep(0.5)
        self._note("unsettled", f"head {self._truth.head} is not in the ledger after {_SETTLE_SECONDS:.0f} s")

    def _note(self, what: str, text_: str) -> None:
        self.say(f"{what}: {text_}")
        self.details[what].append(text_)

    def story(self) -> str:
        """What happened, and what every process logged."""
        logs = (line for life in self._bot.lives for line in (f"-- process {life.number + 1}", *life.log))
        return "\n".join([*self.events, *logs]) + "\n"

    # In the end

    async def _report(self, chain_id: int, location: Path | str) -> dict[str, Any]:
        alerts: list[Alert] = []
        try:
            if isinstance(location, Path):
                answer = [row[0] for row in await _rows(location, "PRAGMA integrity_check")]
                if answer != ["ok"]:
                    self._note("store_corrupt", str(answer))
            store = await Store.open(location)
            try:
                alerts = await store.alerts(chain_id)
                coverage = await store.coverage(chain_id)
            finally:
                await store.close()
            for gap in coverage.gaps:
                self._note("gaps_open", str(gap))
            for first, last in coverage.missing:
                self._note("heights_missing", f"{first} to {last}")
            for one in coverage.parked:
                self._note("blocks_parked", str(one))
            self._judge_ledger(await _rows(location, _LEDGER))
            self._judge_findings(await _rows(location, _FINDINGS))
            self._judge_actions(await _rows(location, _OUTBOX))
        except StoreError as error:
            self._note("store_corrupt", str(error))
        stayed = [a for a in self._people.attacks if (found := self._truth.where(a.tx_hash)) and found[1]]
        self._judge_alerts(alerts, stayed)
        lives = self._bot.lives
        restarts = [life.first_block - life.started for life in lives[1:] if life.first_block is not None]
        pauses = Counter(ok for m in self._truth.blocks.values() for h, ok in m.transactions.items() if self._ours(h))
        told = Counter(a["event"] for life in lives for a in life.told)
        errors = Counter(
            str(line.get("event")) for life in lives for line in map(_parsed, life.log)
            if line.get("level") in ("error", "critical")
        )  # fmt: skip
        return {
            "store": self._kind,
            "seed": self._seed,
            "seconds": round(time.monotonic() - self._began, 1),
            "promised": {name: len(self.details[name]) for name in PROMISED},
            "kills": dict(sorted(self.killed.items())),
            "kills_total": sum(self.killed.values()),
            "restart_seconds_p50": round(statistics.median(restarts), 2) if restarts else None,
            "restart_seconds_max": round(max(restarts), 2) if restarts else None,
            "blocks": self._truth.head - min(self._truth.chain),
            "benign_transactions": self._people.benign,
            "attacks": len(self._people.attacks),
            "attacks_canonical": len(stayed),
            "attacks_reverted": sum(a.failed for a in self._people.attacks),
            "contained_within_blocks": dict(sorted(Counter(a.contained for a in stayed).items(), key=str)),
            "pauses_succeeded": pauses[True],
            "pauses_reverted": pauses[False],
            "alerts_opened": dict(Counter(a.kind for a in alerts if a.event is AlertEvent.OPENED)),
            "alerts_told": dict(told),
            "alerts_untold": self._untold(alerts),
            "conditions_opened": sum(a.event is AlertEvent.OPENED and not a.tx_hashes for a in alerts),
            "errors_logged": dict(errors),
            "details": {name: lines for name, lines in self.details.items() if lines},
        }

    def _ours(self, tx_hash: Hash) -> bool:
        return self._truth.sent_by.get(tx_hash) == self._people.guardian

    def _judge_ledger(self, rows: list[tuple[Any, ...]]) -> None:
        ours = Counter((row[0], row[1]) for row in rows)
        first = min((number for number, _ in ours), default=0)
        theirs = {(number, hash_) for number, hash_ in self._truth.chain.items() if number >= first}
        for number, hash_ in sorted(theirs - ours.keys()):
            self._note("blocks_missed", f"{number} {hash_}")
        for number, hash_ in sorted(ours.keys() - theirs):
            self._note("ledger_extra", f"{number} {hash_}")
        for (number, hash_), times in ours.items():
            if times > 1:
                self._note("ledger_doubled", f"{number} {hash_} is there {times} times")

    def _judge_findings(self, rows: list[tuple[Any, ...]]) -> None:
        # A finding of a state has no transaction: the very same one twice is one too many.
        keys = Counter((f"{row[0]} {row[1]}", row[2] or row[3]) for row in rows)
        for (detector, about), times in keys.items():
            if times > 1:
                self._note("findings_doubled", f"{times} times {detector} about {about}")

    def _judge_alerts(self, alerts: list[Alert], attacks: list[Attack]) -> None:
        for attack in attacks:
            if not any(attack.tx_hash in a.tx_hashes and a.tier in _TELLING for a in alerts):
                mined = self._truth.where(attack.tx_hash)
                assert mined is not None
                text_ = f"attack {attack.number} {attack.tx_hash} in block {mined[0].number}"
                self._note("alerts_lost", text_)
        for name in ("alert_id", "fingerprint"):
            is_open: set[str] = set()
            for alert in alerts:
                key = getattr(alert, name)
                if alert.event is AlertEvent.OPENED and key in is_open:
                    self._note("alerts_doubled", f"{name} {key} ({alert.kind}) opened again: {_about(alert)}")
                (is_open.discard if alert.event in _ENDED else is_open.add)(key)
        live: dict[Hash, set[str]] = defaultdict(set)
        for alert in {a.alert_id: a for a in alerts}.values():
            if alert.event not in _ENDED:
                for tx_hash in alert.tx_hashes:
                    live[tx_hash].add(f"{alert.alert_id} {alert.kind}")
        for tx_hash, ids in live.items():
            if len(ids) > 1:
                self._note("alerts_doubled", f"live about {tx_hash} are {sorted(ids)}")

    def _judge_actions(self, rows: list[tuple[Any, ...]]) -> None:
        for alert_id, times in Counter(row[0] for row in rows if row[1] is not None).items():
            if times > 1:
                self._note("actions_doubled", f"{times} outbox rows with a transaction for alert {alert_id}")
        for alert_id, tx_hash, state in rows:
            if state not in ("verified", "failed", "abandoned"):
                self._note("actions_unfinished", f"{state} {tx_hash} for alert {alert_id}")
        attacks = {a.tx_hash for a in self._people.attacks}
        since: Mined | None = None
        pauses: list[str] = []
        for number in sorted(self._truth.chain):
            mined = self._truth.blocks[self._truth.chain[number]]
            for tx_hash, succeeded in mined.transactions.items():
                if tx_hash in attacks and succeeded:
                    since, pauses = mined, []
                elif self._ours(tx_hash) and succeeded:
                    pauses.append(f"{tx_hash} in block {number}")
                    if since is None or len(pauses) > 1:
                        after = "before any attack" if since is None else f"after the attack in block {since.number}"
                        self._note("actions_doubled", f"{len(pauses)} pauses {after}: {pauses}")

    def _untold(self, alerts: list[Alert]) -> int:
        """Alerts that are in the store and that no process printed."""
        told = {a["alert_id"] for life in self._bot.lives for a in life.told}
        return len({a.alert_id for a in alerts if a.tier in _TELLING} - told)


_LEDGER = "SELECT number, hash FROM blocks WHERE canonical"
_FINDINGS = "SELECT detector, stage, tx_hash, body FROM findings"
_OUTBOX = "SELECT alert_id, tx_hash, state FROM outbox"


async def _rows(location: Path | str, statement: str) -> list[tuple[Any, ...]]:
    store = await Store.open(location)
    try:
        async with store._database.read() as connection:
            return [tuple(row) for row in (await connection.execute(text(statement))).all()]
    finally:
        await store.close()


def _about(alert: Alert) -> str:
    return f"block {alert.block_number}, tx {[h[:10] for h in alert.tx_hashes]}, {alert.explanation[:160]!r}"


def _parsed(line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError:
        return {"level": "error", "event": line[:120]} if "Error" in line else {}
    return parsed if isinstance(parsed, dict) else {}


def _raise_from(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


@asynccontextmanager
async def _database() -> AsyncIterator[str]:
    """A fresh database of a real server."""
    server = await asyncio.to_thread(Server)
    try:
        await server.run("CREATE DATABASE killing")
        yield server.url("killing")
    finally:
        await asyncio.to_thread(server.close)


def _configured(world: World, directory: Path, anvil: Anvil, location: Path | str) -> Path:
    path = write_configuration(world, directory, http=anvil.http, ws=anvil.ws, mempool=False)
    more = '\n[log]\nformat = "json"\n'
    if isinstance(location, str):
        more += f"\n[store]\nurl = {json.dumps(location)}\n"
    path.write_text(path.read_text() + more)
    playbook = directory / "playbooks" / "pause-market.toml"
    text_ = playbook.read_text().replace("cooldown_seconds = 600", "cooldown_seconds = 0")
    playbook.write_text(text_.replace("daily_limit = 3", "daily_limit = 10000"))
    return path


async def killing(
    kills: int, *, store: str = "sqlite", seed: int = 1, log: Path | None = None, verbose: bool = False
) -> dict[str, Any]:
    """Run, and report. `log`: where the story and the logs of all processes go."""
    run = Killing(kills, seed, store, verbose=verbose)
    try:
        return await run.run()
    finally:
        if log is not None:
            await asyncio.to_thread(log.write_text, run.story())


def broken(report: dict[str, Any]) -> dict[str, int]:
    """The promised numbers that are not 0."""
    return {name: value for name, value in report["promised"].items() if value}


def _table(report: dict[str, Any]) -> str:
    lines = []
    for name, value in report.items():
        if name == "details":
            continue
        if isinstance(value, dict):
            lines.append(f"{name}:")
            lines += [f"  {key!s:<56} {number}" for key, number in value.items()]
        else:
            lines.append(f"{name:<32} {value}")
    for name, texts in report["details"].items():
        lines += ["", f"{name}:", *(f"  {line}" for line in texts[:20])]
        if len(texts) > 20:
            lines.append(f"  … and {len(texts) - 20} more")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--log", type=Path, help="file for the story and the logs of all processes")
    parser.add_argument("--verbose", action="store_true", help="say what happens as it happens, on standard error")
    given = parser.parse_args()
    report = asyncio.run(killing(given.kills, store=given.store, seed=given.seed, log=given.log, verbose=given.verbose))
    print(json.dumps(report) if given.json else _table(report))
    return 1 if broken(report) else 0


if __name__ == "__main__":
    sys.exit(main())
