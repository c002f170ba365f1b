"""The `chainwatch` command."""

from pathlib import Path
from typing import Annotated

import typer

from chainwatch import __version__
from chainwatch.cli import act, alerts, check, coverage, decode, demo, model, ready, record, scan, score, tune, watch
from chainwatch.cli.common import Globals, fail, set_up_logging
from chainwatch.config.models import LogConfig
from chainwatch.errors import ChainwatchError

app = typer.Typer(
    name="chainwatch",
    help="Incident response for DeFi: watch a protocol, recognise an attack, contain it, prove it.\n\n"
    "Exit codes: 0 done, 1 failed, 2 bad input or configuration, 3 not ready or condition not met.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chainwatch {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print data as JSON for machines.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that every command knows; they may also follow the command."""
    context.obj = Globals(config, json)
    set_up_logging(LogConfig())


for module in (demo, check, ready, watch, record, scan, decode, coverage, alerts, score, tune, model, act):
    module.register(app)


def run() -> None:
    """Entry point: anything of ours that escapes a command is still one paragraph, never a traceback."""
    try:
        app()
    except ChainwatchError as error:
        try:
            fail(error)
        except typer.Exit as ended:
            raise SystemExit(ended.exit_code) from None
