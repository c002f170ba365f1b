"""`chainwatch ready`: could every playbook act right now?"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from chainwatch.chain.pool import Pool
from chainwatch.cli.common import ChainOption, ConfigOption, JsonOption, load_config, out, print_json, run, wants_json
from chainwatch.config.load import Loaded
from chainwatch.respond.ready import Check, Colour, readiness, worst
from chainwatch.respond.responder import unlock
from chainwatch.respond.shadow import LEAST_DAYS, LEAST_EXECUTIONS, shadow_of
from chainwatch.store import Store

_MARKS = {Colour.RED: "[bold red]red[/]", Colour.AMBER: "[yellow]amber[/]", Colour.GREEN: "[green]green[/]"}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(ready)


def ready(
    context: typer.Context, chain: ChainOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Try everything an action needs, short of sending it: red, amber (cannot be known), green.

    Every chain, or the one named with --chain.

    Exits 0 when nothing is red, 3 otherwise.
    """
    loaded = load_config(context, config)
    checks = run(_checks(loaded if chain is None else loaded.for_chain(chain)))
    colour = worst(checks)
    if wants_json(context, json):
        print_json({"ready": colour, "checks": checks})
    else:
        _show(checks, colour)
    if colour is Colour.RED:
        raise typer.Exit(3)


async def _checks(loaded: Loaded) -> list[Check]:
    checks: list[Check] = []
    chains = loaded.by_chain()
    for chain in chains:
        async with Pool(chain.chain) as pool:
            found = await readiness(chain, pool, partial(unlock, chain))
        prefix = f"{chain.chain.id}: " if len(chains) > 1 else ""
        checks += [msgspec.structs.replace(check, name=prefix + check.name) for check in found]
    checks.append(await _shadow(loaded, [chain.chain.id for chain in chains]))
    return checks


async def _shadow(loaded: Loaded, chain_ids: list[int]) -> Check:
    """What the dry run has shown so far. Never red: it says nothing of whether an action would work."""
    location = loaded.store
    if isinstance(location, Path) and not location.exists():
        return Check("dry run", Colour.AMBER, "nothing was watched yet", "Run `chainwatch watch` without --arm.")
    store = await Store.open(location)
    try:
        shadow = await shadow_of(store, chain_ids)
    finally:
        await store.close()
    if not shadow.too_short:
        return Check("dry run", Colour.GREEN, shadow.text())
    mend = f"Watch without --arm: {LEAST_DAYS:.0f} days and {LEAST_EXECUTIONS:,} transactions."
    return Check("dry run", Colour.AMBER, shadow.text(), mend)


def _show(checks: Sequence[Check], colour: Colour) -> None:
    table = Table(title="Readiness", title_justify="left")
    for name in ("check", "", "found", "mend"):
        table.add_column(name, overflow="fold")
    for check in checks:
        table.add_row(escape(check.name), _MARKS[check.colour], escape(check.detail), escape(check.mend))
    out.print(table)
    out.print(f"Overall: {_MARKS[colour]}")
