"""`chainwatch score`: hold the detectors against labelled Recordings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, TextColumn
from rich.table import Table

from chainwatch.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    config_path,
    err,
    load_config,
    out,
    print_json,
    wants_json,
)
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import DETECTORS
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.errors import BadInput
from chainwatch.evaluate.folds import FoldScore, fold_scores
from chainwatch.evaluate.labels import read_labels
from chainwatch.evaluate.score import Mode, Rate, Row, Score
from chainwatch.evaluate.score import score as run_score


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(score)


def score(
    context: typer.Context,
    recordings: Annotated[list[Path], typer.Argument(help="Recordings (*.jsonl, *.jsonl.gz), or directories of them.")],
    labels: Annotated[Path, typer.Option(help="Label file: one JSON object a line with set, tx, label, kind.")],
    mode: Annotated[
        Mode, typer.Option(help="What the detectors are shown: all there is, call trees only, or logs only.")
    ] = "full",
    protect_labelled: Annotated[
        bool, typer.Option("--protect-labelled", help="Protect each attack's victims as its label names them.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(help="Train the learned detector so many times, each without what it is then asked, and compare."),
    ] = None,
    seed: Annotated[int, typer.Option(help="With --folds: decides what is in which.")] = 0,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the detectors: the share of attacks found by kind and incident, and of others falsely raised.

    Every transaction is judged by itself. Intervals are exact (Clopper and Pearson), 95 %. Exits 0 whatever was found.
    """
    if folds is not None and protect_labelled:
        raise BadInput("--folds does not go with --protect-labelled.", "Leave one of them out.")
    path = config_path(context, config)
    loaded = load_config(context, config) if path.exists() or path != DEFAULT_CONFIG else None
    extra = [loaded.root / p for p in loaded.config.abi] if loaded else []
    decoder = Decoder(load_registry(extra, loaded.protocols if loaded else None))
    files = recording_files(recordings)
    with Progress(TextColumn("{task.description}"), console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("")
        if folds is not None:
            compared = fold_scores(
                files,
                read_labels(labels),
                decoder,
                [detector for detector in DETECTORS if detector.family != LearnedAnomaly.family],
                folds=folds,
                seed=seed,
                profiles=loaded.profiles if loaded else (),
                mode=mode,
                told=lambda p: shown.update(task, description=escape(p.name)),
            )
            (print_json if wants_json(context, json) else _print_folds)(compared)
            return
        result = run_score(
            files,
            read_labels(labels),
            decoder,
            DETECTORS,
            profiles=loaded.profiles if loaded else (),
            mode=mode,
            protect_labelled=protect_labelled,
            told=lambda p: shown.update(task, description=escape(p.name)),
        )
    if wants_json(context, json):
        print_json(result)
    else:
        _print(result)


def recording_files(given: list[Path]) -> list[Path]:
    """The Recordings named, those of a directory in order. Raises BadInput for a directory without any."""
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            found = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")])
            if not found:
                raise BadInput(f"{path} holds no Recording.", "Name a directory with *.jsonl or *.jsonl.gz files.")
            files += found
        else:
            files.append(path)
    return files


def _print(result: Score) -> None:
    for title, rows in (
        ("Attacks found, by kind", result.attacks),
        ("Incidents found, by kind", result.incidents),
        ("Raised without an attack, by set", result.benign),
    ):
        if rows:
            out.print(_table(title, rows))
    if result.detectors:
        parts = ", ".join(f"{name} {right} of attacks, {wrong} of others" for name, (right, wrong) in
                          result.detectors.items())  # fmt: skip
        out.print(f"Detectors: {parts}")
    err.print(f"{result.transactions} transactions scored in mode {result.mode}, {result.skipped} skipped")


def _table(title: str, rows: tuple[Row, ...]) -> Table:
    table = _empty(title, "watch", "alert", "act")
    for row in rows:
        table.add_row(escape(row.what), str(row.watch.of), _rate(row.watch), _rate(row.alert), _rate(row.act))
    return table


def _print_folds(result: FoldScore) -> None:
    for title, rows in (
        ("Attacks found, by kind, each by a model that had not seen its incident", result.attacks),
        ("Incidents found, by kind", result.incidents),
        ("Attacks found, each by a model that had seen none of its kind", result.left_out),
        ("Raised without an attack, by a model that had not seen the contract called", result.others),
    ):
        if rows:
            table = _empty(title, "rules", "learned", "either")
            for row in rows:
                of = str(row.rules.of)
                table.add_row(escape(row.what), of, _rate(row.rules), _rate(row.learned), _rate(row.either))
            out.print(table)
    err.print(
        f"{result.transactions} transactions scored in mode {result.mode}, {result.skipped} skipped; "
        f"{result.folds} folds, seed {result.seed}, p at most {result.p_at_most:g}, tier alert"
    )


def _empty(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("", "n", *columns):
        table.add_column(name, justify="right" if name else "left")
    return table


def _rate(rate: Rate) -> str:
    if rate.of == 0:
        return "-"
    if rate.count == 0:
        return f"0 (< {rate.high:.2%})"
    return (
        f"{rate.count} ({rate.low:.2f} to {rate.high:.2f})" if rate.of < 1_000 else f"{rate.count} (< {rate.high:.2%})"
    )
