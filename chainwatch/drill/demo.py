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
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.config.load import load
from chainwatch.drill.actors import Actors
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import ETH, USD, World, deploy_world, victim_cash
from chainwatch.engine import Engine, Observer
from chainwatch.errors import SendFailed
from chainwatch.respond.responder import Decision, Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, AlertEvent, BlockItem, NewBlock, Tier

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
        self.grew = asyncio.Event()

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if isinstance(item, NewBlock) and item.block.ref.number is not None:
            self.blocks.add(item.block.ref.number)
            self.transactions += len(item.block.executions)
            self.grew.set()

    def alert(self, alert: Alert) -> None:
        self.alerts.append((time.perf_counter(), alert))

    def decision(self, alert: Alert, decision: Decision) -> None:
        self.decisions.append((time.perf_counter(), alert, decision))
        if decision.sent and not self.decided.is_set():
            self.header_at = self.head_seen_at()
            self.decided.set()


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


async def _defended(rpc: Rpc, world: World, path: Path, undefended: float, tell: Callable[[str], None]) -> DemoResult:
    loaded = load(path)
    watcher = _Watcher()
    finished: asyncio.Future[tuple[float, ActionResult]] = asyncio.get_running_loop().create_future()

    async def responder(store: Store, client: Rpc) -> Responder:
        made = await Responder.create(loaded, store, client, armed=True)

        def keep(result: ActionResult) -> None:
            if not finished.done():
                finished.set_result((time.perf_counter(), result))

        made.on_result = keep
        return made

    async with Engine(loaded, responder_factory=responder, observer=watcher) as engine:
        watcher.head_seen_at = lambda: engine.source.status.head_seen_at
        running = asyncio.create_task(engine.run())
        try:
            await _caught_up(rpc, watcher)
            watcher.transactions = 0
            tell("Honest users first: trades, a flash-loan arbitrage, a flash liquidation, a leverage loop.")
            await _benign_traffic(rpc, world)
            await _caught_up(rpc, watcher)
            benign = watcher.transactions
            benign_alerts = len({a.alert_id for _, a in watcher.alerts if a.tier is not Tier.WATCH})
            await rpc.call("evm_setAutomine", [False])
            await rpc.call("evm_setIntervalMining", [_BLOCK_SECONDS])
            cash_before = await victim_cash(rpc, world)
            tell("The attack: flash loan, pump, borrow against the pumped price, repay. One transaction.")
            started = time.perf_counter()
            actors = Actors(rpc, world)
            first = await actors.attack_atomic(_FIRST_ATTACK)
            await asyncio.wait_for(watcher.decided.wait(), _CONTAIN_TIMEOUT_SECONDS)
            done_at, result = await asyncio.wait_for(finished, _CONTAIN_TIMEOUT_SECONDS)
            tell("The attacker tries again, for most of what is left.")
            second = await actors.attack_atomic(_SECOND_ATTACK)
            second_reverted = not await actors.succeeded(second)
            second_at = time.perf_counter()
            cash_after = await victim_cash(rpc, world)
        except TimeoutError as error:
            raise SendFailed(
                "The demo's attack was not contained within 30 s.", "Run it again; report it if it stays so."
            ) from error
        finally:
            engine.stop()
            await running
    decided_at, alert, decision = next(d for d in watcher.decisions if d[2].sent)
    receipt = await rpc.call("eth_getTransactionReceipt", [first])
    attack_block = quantity(receipt["blockNumber"])
    header_at = watcher.header_at
    contained = result.verified
    times = {"seen": header_at, "decided": decided_at, "done": done_at}
    times["proven"] = decided_at - decision.timings_ms.get("send", 0.0) / 1e3
    timeline = _timeline(started, alert, decision, result, times)
    verdict = "reverts: the market is paused" if second_reverted else "succeeds"
    timeline.append(Step(second_at - started, f"second attack {verdict}", second))
    defended = (cash_before - cash_after) / USD
    timeline.append(Step(second_at - started, f"saved ${undefended - defended:,.0f}", f"of ${undefended:,.0f}"))
    return DemoResult(
        detected=any(a.event is AlertEvent.OPENED and first in a.tx_hashes for _, a in watcher.alerts),
        stage=str(alert.stage),
        contained=contained,
        blocks_to_contain=None if result.block_number is None else result.block_number - attack_block,
        second_attack_reverted=second_reverted,
        benign_transactions=benign,
        benign_alerts=benign_alerts,
        loss_undefended_usd=undefended,
        loss_defended_usd=defended,
        timings_ms=_timings(decision, header_at, decided_at, done_at),
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


def _timeline(
    started: float, alert: Alert, decision: Decision, result: ActionResult, times: dict[str, float]
) -> list[Step]:
    """What happened, in order, in seconds since the attack was sent."""
    seen, attack_block = times["seen"], alert.block_number
    proof = decision.proof
    assert proof is not None
    return [
        Step(0.0, "attack sent", alert.tx_hashes[0]),
        Step(seen - started, f"seen in block {attack_block}", "the header of its block arrived"),
        Step(seen - started, f"alert {alert.severity} {alert.tier}", f"{alert.kind}, by {', '.join(alert.detectors)}"),
        Step(times["proven"] - started, f"proof: {proof.verdict}", proof.explanation),
        Step(times["decided"] - started, "pause sent", f"acknowledged by the node: {result.tx_hash}"),
        Step(times["done"] - started, f"included in block {result.block_number}", f"{result.attempts} attempt(s)"),
        Step(times["done"] - started, "state read back", result.detail),
    ]
