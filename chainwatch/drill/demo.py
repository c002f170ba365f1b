"""The demo: a real attack on a real market, detected and contained on a chain that runs on this machine.

Two worlds, built alike. In the first nobody watches: the attack and its repetition show what would be lost. In
the second the same bot as `chainwatch watch --arm` follows the chain while honest users trade, arbitrage,
liquidate and take leverage; then the same two attacks come. Every number that is reported was read from the
chains or measured here.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.config.load import load
from chainwatch.drill.actors import Actors
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import ETH, USD, World, deploy_world, victim_cash
from chainwatch.engine import Engine, Observer
from chainwatch.errors import SendFailed
from chainwatch.respond.decision import Decision
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, AlertEvent, BlockItem, Hash, NewBlock, Tier

_BLOCK_SECONDS = 1
_CONTAIN_TIMEOUT_SECONDS = 30.0
_FIRST_ATTACK = 700_000 * USD
_SECOND_ATTACK = 600_000 * USD


class Step(msgspec.Struct, frozen=True):
    """One line of the timeline: seconds since the first attack was sent, what happened, and details."""

    seconds: float
    what: str
    detail: str = ""


class DemoResult(msgspec.Struct, kw_only=True):
    """What the demo measured. Losses in dollars; `timings_ms` from one stage to the next."""

    detected: bool
    stage: str | None
    contained: bool
    blocks_to_contain: int | None
    second_attack_reverted: bool
    benign_transactions: int
    benign_alerts: int
    loss_undefended_usd: float
    loss_defended_usd: float
    timings_ms: dict[str, float]
    explanation: str
    timeline: list[Step]


class _Watcher(Observer):
    """Keeps what the bot did, with the time of each."""

    def __init__(self) -> None:
        self.alerts: list[tuple[float, Alert]] = []
        self.decisions: list[tuple[float, Alert, Decision]] = []
        self.blocks: set[int] = set()
        self.head_seen_at: Callable[[], float] = time.perf_counter
        self.header_at = 0.0
        self.transactions = 0
        self.decided = asyncio.Event()
        self.finished: asyncio.Future[tuple[float, ActionResult]] = asyncio.get_running_loop().create_future()
        self.grew = asyncio.Event()

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if isinstance(item, NewBlock) and item.block.ref.number is not None:
            self.blocks.add(item.block.ref.number)
            self.transactions += len(item.block.executions)
            self.grew.set()

    def alerts_of_people(self) -> int:
        """How many alerts would have told somebody so far."""
        return len({alert.alert_id for _, alert in self.alerts if alert.tier is not Tier.WATCH})

    def alert(self, alert: Alert) -> None:
        self.alerts.append((time.perf_counter(), alert))

    def decision(self, alert: Alert, decision: Decision) -> None:
        self.decisions.append((time.perf_counter(), alert, decision))
        if decision.sent and not self.decided.is_set():
            self.header_at = self.head_seen_at()
            self.decided.set()

    def result(self, result: ActionResult) -> None:
        if not self.finished.done():
            self.finished.set_result((time.perf_counter(), result))


async def run_demo(tell: Callable[[str], None]) -> DemoResult:
    """Run the whole loop; `tell` is told each stage as it begins."""
    tell("Without chainwatch: the same market, attacked twice while nobody watches.")
    async with Anvil() as anvil, Rpc(anvil.http) as rpc:
        world = await deploy_world(anvil.http)
        undefended = await _attacked_twice(rpc, world)
    tell(f"The market lost ${undefended:,.0f}. Now the same again, with chainwatch armed.")
    with tempfile.TemporaryDirectory(prefix="chainwatch-demo-") as directory:
        async with Anvil() as anvil, Rpc(anvil.http) as rpc:
            world = await deploy_world(anvil.http)
            path = write_configuration(world, Path(directory), http=anvil.http, ws=anvil.ws, mempool=False)
            return await _defended(rpc, world, path, undefended, tell)


async def _attacked_twice(rpc: Rpc, world: World) -> float:
    before = await victim_cash(rpc, world)
    actors = Actors(rpc, world)
    for amount in (_FIRST_ATTACK, _SECOND_ATTACK):
        await actors.attack_atomic(amount)
    return (before - await victim_cash(rpc, world)) / USD


class _Fight(msgspec.Struct):
    """What was measured while the bot and the attacker met; times by `time.perf_counter()`."""

    benign: int
    benign_alerts: int
    started: float
    done_at: float
    second_at: float
    first: Hash
    second: Hash
    second_reverted: bool
    loss_usd: float
    result: ActionResult


async def _defended(rpc: Rpc, world: World, path: Path, undefended: float, tell: Callable[[str], None]) -> DemoResult:
    loaded = load(path)
    watcher = _Watcher()

    async def responder(store: Store, pool: Pool) -> Responder:
        return await Responder.create(loaded, store, pool, armed=True)

    async with Engine(loaded, responder_factory=responder, observer=watcher) as engine:
        watcher.head_seen_at = lambda: engine.source.status.head_seen_at
        running = asyncio.create_task(engine.run())
        try:
            fight = await _fight(rpc, world, watcher, tell)
        except TimeoutError as error:
            raise SendFailed(
                "The demo's attack was not contained within 30 s.", "Run it again; report it if it stays so."
            ) from error
        finally:
            engine.stop()
            await running
    return await _report(rpc, watcher, fight, undefended)


async def _fight(rpc: Rpc, world: World, watcher: _Watcher, tell: Callable[[str], None]) -> _Fight:
    await _caught_up(rpc, watcher)
    watcher.transactions = 0
    tell("Honest users first: trades, a flash-loan arbitrage, a flash liquidation, a leverage loop.")
    await _benign_traffic(rpc, world)
    await _caught_up(rpc, watcher)
    benign, benign_alerts = watcher.transactions, watcher.alerts_of_people()
    await rpc.call("evm_setAutomine", [False])
    await rpc.call("evm_setIntervalMining", [_BLOCK_SECONDS])
    cash_before = await victim_cash(rpc, world)
    tell("The attack: flash loan, pump, borrow against the pumped price, repay. One transaction.")
    started = time.perf_counter()
    actors = Actors(rpc, world)
    first = await actors.attack_atomic(_FIRST_ATTACK)
    await asyncio.wait_for(watcher.decided.wait(), _CONTAIN_TIMEOUT_SECONDS)
    done_at, result = await asyncio.wait_for(watcher.finished, _CONTAIN_TIMEOUT_SECONDS)
    tell("The attacker tries again, for most of what is left.")
    second = await actors.attack_atomic(_SECOND_ATTACK)
    second_reverted = not await actors.succeeded(second)
    return _Fight(
        benign=benign,
        benign_alerts=benign_alerts,
        started=started,
        done_at=done_at,
        second_at=time.perf_counter(),
        first=first,
        second=second,
        second_reverted=second_reverted,
        loss_usd=(cash_before - await victim_cash(rpc, world)) / USD,
        result=result,
    )


async def _report(rpc: Rpc, watcher: _Watcher, fight: _Fight, undefended: float) -> DemoResult:
    decided_at, alert, decision = next(d for d in watcher.decisions if d[2].sent)
    receipt = await rpc.call("eth_getTransactionReceipt", [fight.first])
    attack_block = quantity(receipt["blockNumber"])
    timeline = _timeline(fight, watcher.header_at, alert, decision, decided_at)
    verdict = "reverts: the market is paused" if fight.second_reverted else "succeeds"
    seconds = fight.second_at - fight.started
    timeline.append(Step(seconds, f"second attack {verdict}", fight.second))
    timeline.append(Step(seconds, f"saved ${undefended - fight.loss_usd:,.0f}", f"of ${undefended:,.0f}"))
    block = fight.result.block_number
    return DemoResult(
        detected=any(a.event is AlertEvent.OPENED and fight.first in a.tx_hashes for _, a in watcher.alerts),
        stage=str(alert.stage),
        contained=fight.result.verified,
        blocks_to_contain=None if block is None else block - attack_block,
        second_attack_reverted=fight.second_reverted,
        benign_transactions=fight.benign,
        benign_alerts=fight.benign_alerts,
        loss_undefended_usd=undefended,
        loss_defended_usd=fight.loss_usd,
        timings_ms=_timings(decision, watcher.header_at, decided_at, fight.done_at),
        explanation=alert.explanation,
        timeline=timeline,
    )


async def _benign_traffic(rpc: Rpc, world: World) -> None:
    """What honest users do all day, flash loans among it."""
    actors = Actors(rpc, world)
    for act in (
        actors.deposit,
        actors.swap,
        actors.arbitrage,
        actors.borrow,
        lambda: actors.swap(2 * ETH, sell=True),
        actors.leverage_loop,
        actors.liquidate,
        actors.repay,
        actors.arbitrage,
    ):
        transaction = await act()
        if not await actors.succeeded(transaction):
            raise SendFailed(
                f"The honest transaction {transaction} reverted.", "Report it: the demo's world is broken."
            )


async def _caught_up(rpc: Rpc, watcher: _Watcher) -> None:
    head = quantity(await rpc.call("eth_blockNumber"))
    async with asyncio.timeout(_CONTAIN_TIMEOUT_SECONDS):
        while head not in watcher.blocks:
            watcher.grew.clear()
            await watcher.grew.wait()


def _timings(decision: Decision, header_at: float, decided_at: float, done_at: float) -> dict[str, float]:
    """Milliseconds a stage, from the header of the attack's block to the verified pause."""
    stages = dict(decision.timings_ms)
    total = (decided_at - header_at) * 1e3
    return {
        "fetch_decode_detect": total - sum(stages.values()),
        **stages,
        "header_to_pause_acknowledged": total,
        "acknowledged_to_verified": (done_at - decided_at) * 1e3,
    }


def _timeline(fight: _Fight, header_at: float, alert: Alert, decision: Decision, decided_at: float) -> list[Step]:
    """What happened, in order, in seconds since the attack was sent."""
    proof, result = decision.proof, fight.result
    assert proof is not None
    seen, decided, done = (at - fight.started for at in (header_at, decided_at, fight.done_at))
    proven = decided - decision.timings_ms.get("send", 0.0) / 1e3
    return [
        Step(0.0, "attack sent", fight.first),
        Step(seen, f"seen in block {alert.block_number}", "the header of its block arrived"),
        Step(seen, f"alert {alert.severity} {alert.tier}", f"{alert.kind}, by {', '.join(alert.detectors)}"),
        Step(proven, f"proof: {proof.verdict}", proof.explanation),
        Step(decided, "pause sent", f"acknowledged by the node: {result.tx_hash}"),
        Step(done, f"included in block {result.block_number}", f"{result.attempts} attempt(s)"),
        Step(done, "state read back", result.detail),
    ]
