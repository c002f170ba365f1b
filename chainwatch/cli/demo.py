"""`chainwatch demo`: the whole loop on an embedded Anvil."""

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from chainwatch.cli.common import JsonOption, err, out, print_json, run, set_up_logging, wants_json
from chainwatch.config.models import LogConfig
from chainwatch.drill.demo import DemoResult, run_demo


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(demo)


def demo(context: typer.Context, json: JsonOption = False) -> None:
    """Attack a real market on an embedded chain; detect, pause, prove, and say what was saved.

    Needs the drill's artefacts and Uniswap's (`make setup` in a checkout) and anvil. Exits 1 when the attack
    was not contained.
    """
    as_json = wants_json(context, json)
    set_up_logging(LogConfig(level="error"))
    result = run(run_demo(lambda text: err.print(f"[cyan]▸[/] {escape(text)}")))
    if as_json:
        print_json(result)
    else:
        _show(result)
    if not (result.detected and result.contained and result.second_attack_reverted and not result.benign_alerts):
        raise typer.Exit(1)


def _show(result: DemoResult) -> None:
    table = Table(title="Timeline", title_justify="left", show_lines=False)
    table.add_column("ms", justify="right")
    table.add_column("what")
    table.add_column("detail", overflow="fold")
    for step in result.timeline:
        table.add_row(f"{step.seconds * 1e3:,.0f}", escape(step.what), escape(step.detail))
    out.print(table)
    out.print(Panel(escape(result.explanation), title="What the alert said", title_align="left", border_style="red"))
    out.print(
        f"{result.benign_transactions} honest transactions raised {result.benign_alerts} alerts. "
        f"Undefended the market lost [red]${result.loss_undefended_usd:,.0f}[/], "
        f"defended [yellow]${result.loss_defended_usd:,.0f}[/]; "
        f"[green]${result.loss_undefended_usd - result.loss_defended_usd:,.0f} saved[/]."
    )
    stages = ", ".join(f"{name.replace('_', ' ')} {ms:.1f}" for name, ms in result.timings_ms.items())
    out.print(f"[dim]Milliseconds a stage: {stages}[/]")
