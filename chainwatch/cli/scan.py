"""`chainwatch scan`: run the detectors over Recordings or over history from a node."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from chainwatch.chain.probes import ProbeSpec, recorded_probes, specs_of
from chainwatch.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    config_path,
    err,
    load_config,
    out,
    print_json,
    run,
    wants_json,
)
from chainwatch.cli.history import history
from chainwatch.config.load import Loaded
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import detectors
from chainwatch.errors import BadInput
from chainwatch.sources.recordings import read_recording
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import Alert, AlertEvent, Block, ProbeReading


class _Counts(msgspec.Struct):
    blocks: int = 0
    executions: int = 0
    malformed: int = 0
    unknown: int = 0
    failures: Counter[str] = msgspec.field(default_factory=Counter)
    alerts: dict[str, Alert] = msgspec.field(default_factory=dict)


class Scanner:
    """Runs the pipeline over blocks in the order they come and counts what it saw."""

    def __init__(self, loaded: Loaded | None, protect: Sequence[str]) -> None:
        extra = [loaded.root / path for path in loaded.config.abi] if loaded else []
        self._decoder = Decoder(load_registry(extra, loaded.protocols if loaded else None))
        self._profiles = loaded.profiles if loaded else ()
        self._protected = frozenset(protect)
        self.specs: tuple[ProbeSpec, ...] = tuple(s for p in self._profiles for s in specs_of(p))
        self._pipeline = self._fresh()
        self._previous: str | None = None
        self.counts = _Counts()

    def block(self, block: Block, readings: dict[str, ProbeReading]) -> list[Alert]:
        """The transitions that `block` causes. A block that does not follow the one before stands on its own."""
        if block.ref.parent_hash is None or block.ref.parent_hash != self._previous:
            self._pipeline = self._fresh()
        self._previous = block.ref.hash
        outcome = self._pipeline.block(block, readings)
        self.counts.blocks += 1
        self.counts.executions += len(block.executions)
        self.counts.malformed += len(outcome.malformed)
        self.counts.unknown += outcome.unknown_logs
        self.counts.failures.update(outcome.failures)
        for alert in outcome.alerts:
            if alert.event in (AlertEvent.OPENED, AlertEvent.UPDATED):
                self.counts.alerts[alert.alert_id] = alert
        return list(outcome.alerts)

    def _fresh(self) -> Pipeline:
        return Pipeline(self._decoder, detectors(), self._profiles, self._protected)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(scan)


def scan(
    context: typer.Context,
    recordings: Annotated[list[Path] | None, typer.Argument(help="Recordings (*.jsonl, *.jsonl.gz).")] = None,
    protect: Annotated[
        list[str] | None,
        typer.Option(
            help="Contract to protect; repeatable. Without it, and without profiles, all are of equal interest."
        ),
    ] = None,
    first: Annotated[int | None, typer.Option("--from", min=0, help="Scan a node: first block.")] = None,
    last: Annotated[
        int | None, typer.Option("--to", min=0, help="Scan a node: last block (default: the head).")
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(help="Scan a node: its HTTP endpoint (default: the configured providers).")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run the detectors over Recordings, or over a node's history with --from.

    Prints one JSON object for each transition of an alert with --json, a table otherwise. Exits 0 when everything
    was read, whatever was found.
    """
    as_json = wants_json(context, json)
    path = config_path(context, config)
    loaded = load_config(context, config) if path.exists() or path != DEFAULT_CONFIG else None
    protected = [_address(text) for text in protect or []]
    if bool(recordings) == (first is not None):
        raise BadInput("scan needs either Recordings or --from.", "Name files, or give --from (and --to) for a node.")
    run(_scan(loaded, protected, recordings or [], first, last, rpc, as_json))


def _address(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise BadInput(f"--protect {text!r} is not an address.", "Give 0x and 40 hex digits.")
    return text.lower()


async def _scan(
    loaded: Loaded | None,
    protect: Sequence[str],
    recordings: Sequence[Path],
    first: int | None,
    last: int | None,
    rpc: str | None,
    as_json: bool,
) -> None:
    scanner = Scanner(loaded, protect)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        if first is None:
            task = progress.add_task("files", total=len(recordings))
            for path in recordings:
                progress.update(task, description=escape(path.name))
                for block, readings in _recorded(path, scanner.specs):
                    _show(scanner.block(block, readings), as_json)
                progress.advance(task)
        else:
            task = progress.add_task("blocks")
            async for total, block, readings in _from_node(loaded, rpc, first, last, scanner.specs):
                _show(scanner.block(block, readings), as_json)
                progress.update(task, total=total, advance=1)
    _summary(scanner.counts, as_json)


def _recorded(path: Path, specs: Sequence[ProbeSpec]) -> Iterator[tuple[Block, dict[str, ProbeReading]]]:
    for recorded in read_recording(path):
        answers = {(call.to, call.data): call.result for call in recorded.calls}
        yield recorded.block, recorded_probes(specs, recorded.block.ref, answers)


async def _from_node(
    loaded: Loaded | None, url: str | None, first: int, last: int | None, specs: Sequence[ProbeSpec]
) -> AsyncIterator[tuple[int, Block, dict[str, ProbeReading]]]:
    async with history(loaded, url, first, last, specs) as (total, blocks):
        async for fetched, calls in blocks:
            answers = {(spec.contract, spec.data): result for spec, result in calls}
            yield total, fetched.block, recorded_probes(specs, fetched.block.ref, answers)


def _show(alerts: Sequence[Alert], as_json: bool) -> None:
    if as_json:
        for alert in alerts:
            print_json(alert)


def _summary(counts: _Counts, as_json: bool) -> None:
    if not as_json and counts.alerts:
        table = Table(title="Alerts", title_justify="left")
        for name in ("tier", "severity", "kind", "block", "transaction", "explanation"):
            table.add_column(name, overflow="fold" if name == "explanation" else "ellipsis")
        for alert in counts.alerts.values():
            tx = alert.tx_hashes[0] if alert.tx_hashes else "-"
            block = "-" if alert.block_number is None else str(alert.block_number)
            table.add_row(alert.tier, alert.severity, alert.kind, block, tx, escape(alert.explanation))
        out.print(table)
    tiers = Counter(alert.tier for alert in counts.alerts.values())
    told = ", ".join(f"{n} {tier}" for tier, n in tiers.items()) or "none"
    failed = "".join(f"; detector {name} failed {n} times" for name, n in counts.failures.items())
    err.print(
        f"{counts.blocks} blocks, {counts.executions} transactions, {counts.malformed} malformed logs, "
        f"{counts.unknown} of unknown events; "
        f"alerts: {told}{failed}"
    )
