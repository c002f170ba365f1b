"""`chainwatch score`: hold the detectors against labelled Recordings."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import Progress, TextColumn

from chainwatch.cli.common import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    config_path,
    err,
    load_config,
    print_json,
    wants_json,
)
from chainwatch.cli.score_tables import print_ablation, print_folds, print_saved, print_score
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.families import DETECTORS
from chainwatch.errors import BadInput
from chainwatch.evaluate.ablate import ablate as run_ablation
from chainwatch.evaluate.folds import cases_of, check_folds, compare, heard
from chainwatch.evaluate.labels import Label, find_labels, find_recordings, read_labels
from chainwatch.evaluate.report import MISSES, write_report
from chainwatch.evaluate.saved import saved as run_saved
from chainwatch.evaluate.score import tally
from chainwatch.evaluate.verdicts import Mode, examine
from chainwatch.types import Hash


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(score)


def score(
    context: typer.Context,
    recordings: Annotated[
        list[Path],
        typer.Argument(help="Recordings (*.jsonl, *.jsonl.gz), directories of them, or directories with recordings/."),
    ],
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="Label file: one JSON object a line with set, tx, label, kind. May be given again.",
            show_default="labels.jsonl.gz or labels.jsonl there",
        ),
    ] = None,
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
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Count again without each family of rules, and with each alone.")
    ] = False,
    saved: Annotated[
        bool, typer.Option("--saved", help="What a pause in the block after the first alert would have saved.")
    ] = False,
    misses: Annotated[int, typer.Option(min=0, help="How many of the worst misses to tell of.")] = MISSES,
    report: Annotated[
        Path | None, typer.Option(help="Write all of it as one HTML file, without scripts.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the detectors: the share of attacks found by kind and incident, and of others falsely raised.

    Every transaction is judged by itself. Intervals are exact (Clopper and Pearson), 95 %. Exits 0 whatever was found.
    """
    if folds is not None:
        if protect_labelled:
            raise BadInput("--folds does not go with --protect-labelled.", "Leave one of them out.")
        check_folds(folds)
    if report is not None and not report.parent.is_dir():
        raise BadInput(f"{report.parent} is no directory.", "Make it, or write elsewhere.")
    path = config_path(context, config)
    loaded = load_config(context, config) if path.exists() or path != DEFAULT_CONFIG else None
    extra = [loaded.root / p for p in loaded.config.abi] if loaded else []
    decoder = Decoder(load_registry(extra, loaded.protocols if loaded else None))
    profiles = loaded.profiles if loaded else ()
    known: dict[tuple[str, Hash], Label] = {}
    files = recording_files(recordings)
    for file in labels or find_labels(recordings):
        known |= read_labels(file)
    with Progress(TextColumn("{task.description}"), console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("")
        found = examine(
            files,
            known,
            decoder,
            DETECTORS,
            profiles=profiles,
            mode=mode,
            protect_labelled=protect_labelled,
            learning=folds is not None,
            told=lambda p: shown.update(task, description=escape(p.name)),
        )
        result = tally(found.verdicts, mode, found.skipped)
        compared, by_all = None, found.verdicts
        if folds is not None:
            shown.update(task, description=f"training {folds} models, and one for each kind")
            cases = cases_of(found.verdicts, profiles)
            compared = compare(cases, found.more, folds=folds, seed=seed, mode=mode, skipped=found.skipped)
            by_all = tuple(heard(cases, compared))
    by_learned = compared.by_learned if compared else None
    ablation = run_ablation(found.verdicts, DETECTORS, profiles=profiles, by_learned=by_learned) if ablate else ()
    losses = run_saved(by_all) if saved else None
    if report is not None:
        write_report(report, result, folds=compared, ablation=ablation, saved=losses, misses=misses)
    if wants_json(context, json):
        told = msgspec.to_builtins(compared or result) | ({"shipped": result} if compared else {})
        print_json(told | {"ablation": ablation or None, "saved": losses})
        return
    if compared is not None:
        print_folds(compared, misses)
    else:
        print_score(result, misses)
    if ablation:
        print_ablation(ablation)
    if losses is not None:
        print_saved(losses)


def recording_files(given: list[Path]) -> list[Path]:
    """The Recordings named, those of a directory in order. Raises BadInput for a directory without any."""
    return [file for path in given for file in (find_recordings(path) if path.is_dir() else [path])]
