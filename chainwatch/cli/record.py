"""`chainwatch record`: write a node's blocks as a Recording."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from chainwatch.chain.probes import specs_of
from chainwatch.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    config_path,
    err,
    load_config,
    on_signals,
    print_json,
    run,
    wants_json,
)
from chainwatch.cli.history import history
from chainwatch.config.load import Loaded
from chainwatch.errors import BadInput
from chainwatch.sources.recordings import RecordedCall, RecordingWriter


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(record)


def record(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Recording to write (*.jsonl or *.jsonl.gz).")],
    first: Annotated[int, typer.Option("--from", min=0, help="First block.")],
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last block (default: the head).")] = None,
    rpc: Annotated[
        str | None, typer.Option(help="The node's HTTP endpoint (default: the configured providers).")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write blocks of a node, verbatim, with receipts, call trees and what the profiles' Probes read.

    The file appears when it is whole. SIGINT finishes the block in hand and keeps what was recorded so far.
    """
    if file.exists() and not overwrite:
        raise BadInput(f"{file} exists.", "Choose another name, or add --overwrite.")
    path = config_path(context, config)
    loaded = load_config(context, config) if path.exists() or path != DEFAULT_CONFIG else None
    blocks, transactions = run(_record(loaded, rpc, file, first, last))
    if wants_json(context, json):
        print_json({"file": str(file), "blocks": blocks, "transactions": transactions})
    else:
        err.print(f"{file}: {blocks} blocks, {transactions} transactions")


async def _record(loaded: Loaded | None, url: str | None, file: Path, first: int, last: int | None) -> tuple[int, int]:
    specs = [s for p in loaded.profiles for s in specs_of(p)] if loaded else []
    stopped: list[bool] = []
    on_signals(lambda: stopped.append(True))
    blocks = transactions = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    async with history(loaded, url, first, last, specs) as (total, items):
        with (
            RecordingWriter(file) as writer,
            Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress,
        ):
            task = progress.add_task("blocks", total=total)
            async for fetched, answers in items:
                calls = [RecordedCall(spec.contract, spec.data, result) for spec, result in answers]
                block = fetched.block
                writer.write(block.chain_id, fetched.raw_block, fetched.raw_receipts, fetched.traces, calls)
                blocks += 1
                transactions += len(block.executions)
                progress.advance(task)
                if stopped:
                    break
    return blocks, transactions
