"""What every command shares: options, output, logging, and errors as one paragraph with an exit code."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import structlog
import typer
from rich.console import Console
from rich.markup import escape

from chainwatch.config.load import Loaded, load
from chainwatch.config.models import LogConfig
from chainwatch.errors import ChainwatchError

T = TypeVar("T")

DEFAULT_CONFIG = Path("chainwatch.toml")

# Without emoji: what others wrote is printed as they wrote it.
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file.", show_default="chainwatch.toml")
]
ChainOption = Annotated[
    int | None, typer.Option("--chain", help="Chain id, where the configuration names several.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print data as JSON for machines.")]


class Globals(msgspec.Struct):
    """Global options given before the command."""

    config: Path | None = None
    json: bool = False


def wants_json(context: typer.Context, json: bool) -> bool:
    """`--json`, given before or after the command."""
    return json or bool(context.obj and context.obj.json)


def config_path(context: typer.Context, config: Path | None) -> Path:
    """`--config`, given before or after the command, or its default."""
    return config or (context.obj.config if context.obj else None) or DEFAULT_CONFIG


def load_config(context: typer.Context, config: Path | None) -> Loaded:
    """The configuration, with logging set up as it says."""
    loaded = load(config_path(context, config))
    set_up_logging(loaded.config.log)
    return loaded


def for_chain(loaded: Loaded, chain: int | None) -> Loaded:
    """What concerns the chain named, or the only one. Raises BadInput where it must be named."""
    return loaded.for_chain(loaded.chain.id if chain is None else chain)


def set_up_logging(config: LogConfig) -> None:
    """Structured logs on standard error; standard output belongs to results."""
    level = getattr(logging, config.level.upper())
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if config.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        # Not cached: a logger must follow whatever standard error is now.
        cache_logger_on_first_use=False,
    )


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; our errors become one paragraph on standard error and an exit code."""
    try:
        return asyncio.run(main)
    except ChainwatchError as error:
        fail(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(error: ChainwatchError) -> NoReturn:
    """Print `error` as one paragraph and exit with its code."""
    err.print(f"[bold red]chainwatch:[/] {escape(error.problem)} {escape(error.mend)}")
    raise typer.Exit(error.exit_code) from error


def on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT or SIGTERM, so that the work in hand is finished and the exit code is 0."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
