"""`chainwatch tune`: propose limits of outflow from a protocol's history."""

from itertools import chain
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from chainwatch.cli.common import JsonOption, err, out, print_json, wants_json
from chainwatch.config.load import read
from chainwatch.config.models import Profile
from chainwatch.decode import Decoder, load_registry
from chainwatch.errors import BadInput
from chainwatch.evaluate.tune import (
    MOST_SHARE,
    History,
    Left,
    Proposal,
    changed,
    difference,
    episodes_of,
    propose,
    read_history,
)
from chainwatch.sources.recordings import read_recording


class Tuned(msgspec.Struct):
    """What `tune --json` prints. `later` is what exceeds the limits from --until-block on, by token and window."""

    weeks: float
    transactions: int
    proposals: list[Proposal]
    later: dict[str, tuple[Left, ...]]
    diff: str


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(tune)


def tune(
    context: typer.Context,
    recordings: Annotated[list[Path], typer.Argument(help="The protocol's history: Recordings, oldest first.")],
    profile: Annotated[Path, typer.Option(help="The profile (TOML) that the limits are for.")],
    pages_per_week: Annotated[
        float, typer.Option(help="How many false pages a week are bearable, all limits together.")
    ] = 0.1,
    most_share: Annotated[
        float, typer.Option(min=0, max=1, help="No limit above this share of what the contracts held.")
    ] = MOST_SHARE,
    until_block: Annotated[
        int | None, typer.Option(help="Learn from blocks before this one only; what later ones do is shown.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the diff here, for patch.")] = None,
    json: JsonOption = False,
) -> None:
    """Propose limits of what may leave the protected contracts, for a stated budget of false pages a week.

    Nothing is changed: the diff of the profile is printed (or written) to be reviewed and applied. Exits 0 when limits
    were proposed.
    """
    as_json = wants_json(context, json)
    stated = read(profile, Profile)
    protocols = {c.address: c.protocol for c in stated.contracts if c.protocol is not None}
    decoder = Decoder(load_registry((), protocols))
    blocks = [line.block for line in chain.from_iterable(read_recording(path) for path in recordings)]
    before = [b for b in blocks if until_block is None or (b.ref.number is not None and b.ref.number < until_block)]
    if not before:
        raise BadInput("No block is left to learn from.", "Give Recordings of the time before --until-block.")
    history = read_history(before, stated, decoder)
    proposals = propose(history, stated.tokens, pages_per_week, most_share)
    later: dict[str, tuple[Left, ...]] = {}
    if until_block is not None:
        whole = read_history(blocks, stated, decoder)
        later = {f"{p.token}, {p.window}": found for p in proposals if (found := _later(whole, stated, p, until_block))}
    text = profile.read_text(encoding="utf-8")
    diff = difference(text, changed(text, proposals, history), profile.name)
    if output is not None:
        output.write_text(diff, encoding="utf-8")
    if as_json:
        print_json(Tuned(history.weeks, history.transactions, proposals, later, diff))
        return
    _show(history, proposals, later)
    if output is None:
        out.print(diff, markup=False, highlight=False, soft_wrap=True)
    else:
        err.print(f"The diff is in {output}: review it, then apply it with patch.")


def _later(whole: History, profile: Profile, proposal: Proposal, block: int) -> tuple[Left, ...]:
    token = next(t for t in profile.tokens if t.symbol == proposal.token)
    least = proposal.max_amount * 10**token.decimals
    series = whole.left.get((token.address, proposal.window), [])
    return tuple(
        one
        for one in episodes_of([s for s in series if s.amount > least], proposal.window)
        if one.block is not None and one.block >= block
    )


def _show(history: History, proposals: list[Proposal], later: dict[str, tuple[Left, ...]]) -> None:
    table = Table(
        title=f"Limits from {history.transactions} transactions in {history.weeks:.1f} weeks", title_justify="left"
    )
    for name in ("token", "window", "limit", "most before", "amounts", "tail", "false pages a week", "fired before"):
        table.add_column(name, justify="left" if name in ("token", "window") else "right", no_wrap=name == "window")
    for p in proposals:
        table.add_row(
            p.token, p.window, f"{p.max_amount:,.10g}", f"{p.most_before:,.6g}", str(p.amounts), f"{p.tail:.2f}",
            f"{p.pages_per_week:.2g}{'*' if p.capped else ''}", str(len(p.fired)),
        )  # fmt: skip
    out.print(table)
    if any(p.capped for p in proposals):
        out.print("* capped at a share of what the contracts held: the budget is not kept.", highlight=False)
    for name, found in later.items():
        for one in found:
            out.print(f"Later, {name}: block {one.block} exceeds it, at {one.tx}", highlight=False, soft_wrap=True)
