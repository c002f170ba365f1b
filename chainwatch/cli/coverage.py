"""`chainwatch coverage`: what was seen of each chain, and what was not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from chainwatch.cli.common import ChainOption, ConfigOption, JsonOption, load_config, out, print_json, run, wants_json
from chainwatch.config.load import Loaded
from chainwatch.errors import BadInput
from chainwatch.store import BlindPeriod, Coverage, Store


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(coverage)


def coverage(
    context: typer.Context,
    chain: ChainOption = None,
    first: Annotated[int | None, typer.Option("--from", min=0, help="First block (default: the first seen).")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last block (default: the newest known).")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """What was seen: blocks by hash, gaps, what is parked, and when the chain could not be seen at all.

    Reads the store, also while the bot runs. Exits 0 where it is sound: every block was seen and worked through, no
    detector failed, and the chain is seen now. Exits 3 otherwise, and where nothing was seen. Blocks without call
    trees are shown and change nothing: a node may have none.
    """
    loaded = load_config(context, config)
    chains = loaded.by_chain() if chain is None else (loaded.for_chain(chain),)
    if first is not None and last is not None and first > last:
        raise BadInput(f"--from {first} is above --to {last}.", "Exchange them.")
    found = run(_read(loaded, chains, first, last))
    if wants_json(context, json):
        chains_found = [
            {"coverage": c, "blind_periods": p, "whole": c.is_whole, "sound": c.is_sound, "because": c.unsound_because}
            for c, p in found
        ]
        print_json({"chains": chains_found})
    else:
        for covered, periods in found:
            _show(covered, periods)
    if not all(c.is_sound for c, _ in found):
        raise typer.Exit(3)


async def _read(
    loaded: Loaded, chains: tuple[Loaded, ...], first: int | None, last: int | None
) -> list[tuple[Coverage, list[BlindPeriod]]]:
    location = loaded.store
    if isinstance(location, Path) and not location.exists():
        raise BadInput(f"There is no store at {location}.", "Run `chainwatch watch` first, or correct store.path.")
    store = await Store.open(location)
    try:
        ids = [chain.chain.id for chain in chains]
        return [(await store.coverage(i, first, last), await store.blind_periods(i)) for i in ids]
    finally:
        await store.close()


def _show(covered: Coverage, periods: list[BlindPeriod]) -> None:
    table = Table(title=f"Coverage of chain {covered.chain_id}", title_justify="left", show_header=False)
    rows = {
        "first block seen": covered.first_block,
        "newest block seen": covered.newest_block,
        "newest contiguous block": covered.newest_contiguous_block,
        "blocks seen": covered.blocks_seen,
        "orphaned by reorganisations": covered.orphaned,
        "without all call trees": covered.untraced_blocks,
        "malformed logs": covered.malformed_logs,
        "detector failures": covered.detector_failures,
        "seconds blind": round(covered.blind_seconds, 1),
    }
    for name, value in rows.items():
        table.add_row(name, "-" if value is None else str(value))
    for gap in covered.gaps:
        table.add_row("[red]gap[/]", escape(f"{gap.first} to {gap.last}: {gap.reason}"))
    for begin, end in covered.missing:
        table.add_row("[bold red]missing[/]", f"{begin} to {end}: in no gap either, which is a fault of chainwatch")
    for one in covered.parked:
        what = one.tx_hash or one.hash or ""
        table.add_row("[red]parked[/]", escape(f"{one.kind} {what} at {one.number}, {one.attempts} times: {one.error}"))
    for period in periods[-10:]:
        until = "now" if period.until is None else _clock(period.until)
        table.add_row("[yellow]blind[/]", escape(f"{_clock(period.since)} to {until}: {period.reason}"))
    table.add_row("whole", "[green]yes[/]" if covered.is_whole else "[red]no[/]")
    for reason in covered.unsound_because:
        table.add_row("[red]not sound[/]", reason)
    if covered.is_sound:
        table.add_row("sound", "[green]yes[/]")
    out.print(table)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
