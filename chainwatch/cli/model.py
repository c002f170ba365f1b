"""`chainwatch model`: train the learned detector, and read the card of a model."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, TextColumn
from rich.table import Table

from chainwatch.cli.common import JsonOption, err, out, print_json, wants_json
from chainwatch.cli.score import recording_files
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.trees import Model, default_model, encoded, read_model
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import read_labels
from chainwatch.evaluate.train import train as run_train


def register(app: typer.Typer) -> None:
    """Add the command group to `app`."""
    group = typer.Typer(help="The learned detector's models: train one, read its card.", no_args_is_help=True)
    group.command()(train)
    group.command()(show)
    app.add_typer(group, name="model")


def train(
    context: typer.Context,
    recordings: Annotated[list[Path], typer.Argument(help="Recordings (*.jsonl, *.jsonl.gz), or directories of them.")],
    labels: Annotated[Path, typer.Option(help="Label file: one JSON object a line with set, tx, label, kind.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write (*.json).")],
    seed: Annotated[int, typer.Option(help="The same data and seed give the same model.")] = 0,
    note: Annotated[str, typer.Option(help="A sentence for the card: where the data are from, what to mind.")] = "",
    json: JsonOption = False,
) -> None:
    """Train a model on labelled Recordings, measure it out of fold, and write it with its card."""
    if not output.parent.is_dir():
        raise BadInput(f"{output.parent} is no directory.", "Make it, or write elsewhere.")
    decoder = Decoder(load_registry())
    with Progress(TextColumn("{task.description}"), console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("")
        model = run_train(
            recording_files(recordings),
            read_labels(labels),
            decoder,
            seed=seed,
            note=note,
            told=lambda p: shown.update(task, description=escape(p.name)),
        )
    partial = output.with_name(output.name + ".partial")
    try:
        partial.write_bytes(encoded(model))
        os.replace(partial, output)
    except OSError as error:
        raise BadInput(f"{output} cannot be written ({error.strerror}).", "Check its path and permissions.") from error
    _say(context, model, json)


def show(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A model file.", show_default="the one in use")] = None,
    json: JsonOption = False,
) -> None:
    """Print a model's card: what it was trained on, and how it did on what it had not seen."""
    _say(context, default_model() if file is None else read_model(file), json)


def _say(context: typer.Context, model: Model, json: bool) -> None:
    card = model.card
    if wants_json(context, json):
        print_json({"version": model.version, "card": card})
        return
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    nodes = sum(len(s.supervised.feature) + len(s.benign_only.feature) for s in (model.tree, model.logs) if s)
    rows = {
        "version": str(model.version),
        "trained": card.trained,
        "for": "call trees and logs" if model.logs else "call trees",
        "size": f"{nodes:,} nodes, {len(model.tree.names)} features",
        "seed": str(card.seed),
        "labels": card.labels,
        **{f"data {name}": digest for name, digest in card.data.items()},
        **{f"rows {part}": ", ".join(f"{kind} {n:,}" for kind, n in own.items()) for part, own in card.counts.items()},
        **{f"out of fold, {what}": f"{n:.4g}" for what, n in card.measured.items()},
        **{f"library {name}": number for name, number in card.libraries.items()},
        "note": card.note,
    }
    for what, text in rows.items():
        if text:
            table.add_row(escape(what), escape(text))
    out.print(table)
