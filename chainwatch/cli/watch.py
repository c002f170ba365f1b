"""`chainwatch watch`: the bot."""

from typing import Annotated

import msgspec
import structlog
import typer
from rich.markup import escape

from chainwatch.bot import Bot
from chainwatch.chain.cost import estimated_calls
from chainwatch.chain.rpc import redacted
from chainwatch.cli.common import (
    ConfigOption,
    JsonOption,
    load_config,
    on_signals,
    out,
    print_json,
    run,
    wants_json,
)
from chainwatch.cli.render import alert_panel, clock
from chainwatch.config.load import Loaded
from chainwatch.engine import EngineStatus, Observer
from chainwatch.respond.decision import Decision
from chainwatch.respond.sender import ActionResult
from chainwatch.respond.shadow import refuse_unproven
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Alert, BlockItem, NewBlock
from chainwatch.web.server import serving

log = structlog.get_logger(__name__)

_SIGN_OF_LIFE_BLOCKS = 100


class _Printer(Observer):
    """Prints what one chain's engine does."""

    def __init__(self, chain_id: int, as_json: bool) -> None:
        self._chain_id = chain_id
        self._as_json = as_json
        self._blocks = 0
        self._decisions: dict[str, Decision] = {}
        self.status: EngineStatus | None = None

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if isinstance(item, NewBlock):
            self._blocks += 1
            if self._blocks % _SIGN_OF_LIFE_BLOCKS == 1:
                log.info("watching", last_block_ms=round(seconds * 1e3, 1), **self.counts())

    def counts(self) -> dict[str, object]:
        """What was seen, shed and failed so far; what is zero is left out."""
        status = self.status
        if status is None:
            return {}
        newest = status.blocks.newest
        all_counts: dict[str, object] = {
            "chain_id": status.chain_id,
            "block": newest.number if newest else None,
            "blocks": self._blocks,
            "executions": status.executions,
            "gaps": status.gaps,
            "malformed_logs": status.malformed_logs,
            "unknown_logs": status.unknown_logs,
            "probe_failures": status.probe_failures,
            "detector_failures": status.detector_failures,
            "task_failures": status.task_failures,
            "writes_lost": status.writes_lost,
            "writes_refused": status.writes_refused,
            "reconnects": status.blocks.reconnects,
            **{
                f"pending_{k}": v for k, v in (msgspec.structs.asdict(status.pending) if status.pending else {}).items()
            },
            **{f"notify_{k}": v for k, v in msgspec.structs.asdict(status.notifications).items()},
        }
        return {name: count for name, count in all_counts.items() if count or name == "block"}

    def alert(self, alert: Alert) -> None:
        if self._as_json:
            print_json(alert)
        else:
            out.print(alert_panel(alert))
            if (decision := self._decisions.pop(alert.alert_id, None)) is not None:
                out.print(escape(f"{clock()} {decision.text()}"))

    def decision(self, alert: Alert, decision: Decision) -> None:
        # Decided before it is told, because what stops an attack goes first; read the other way round.
        self._decisions[alert.alert_id] = decision
        log.info("decision", alert=alert.alert_id, **decision.summary())

    def result(self, result: ActionResult) -> None:
        if not self._as_json:
            out.print(escape(f"{clock()} {result.text()}"))


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(watch)


def watch(
    context: typer.Context,
    arm: Annotated[
        bool, typer.Option("--arm", help="Send actions. Without it: dry run, say what would be done.")
    ] = False,
    unproven: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="With --arm: why, although the dry run was shorter than 30 days or 1,000,000 transactions.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Watch the chain until interrupted: detect, decide, contain, verify.

    Dry run unless --arm, which wants a dry run of 30 days and a million transactions first (`chainwatch ready` shows
    what it has seen), or --unproven with a reason, which the audit log keeps. SIGINT and SIGTERM finish the block in
    hand and exit 0. With --json, one object for each transition of an alert on standard output.
    """
    loaded = load_config(context, config)
    run(_watch(loaded, arm, unproven, wants_json(context, json)))


async def _watch(loaded: Loaded, arm: bool, unproven: str | None, as_json: bool) -> None:
    printers: dict[int, _Printer] = {}

    def printer(chain_id: int) -> _Printer:
        return printers.setdefault(chain_id, _Printer(chain_id, as_json))

    async with Bot(loaded, armed=arm, observer=printer) as bot, serving(loaded, bot):
        if arm:
            await refuse_unproven(bot.store, [chain.chain.id for chain in loaded.by_chain()], unproven)
        for chain_id, status in bot.statuses().items():
            printers[chain_id].status = status
        on_signals(bot.stop)
        for chain in loaded.by_chain():
            log.info(
                "watch started",
                chain_id=chain.chain.id,
                providers={p.name: redacted(p.http) for p in chain.chain.providers},
                calls_a_day=estimated_calls(chain),
                profiles=[p.name for p in chain.profiles],
                playbooks=[p.name for p in chain.playbooks],
                mode="ARMED" if bot.armed else "dry run",
            )
        await bot.run()
        for each in printers.values():
            log.info("watch stopped", **each.counts())
