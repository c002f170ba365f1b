"""The report of a score as one HTML file: what was found, what was not, each false alarm, and why.

It stands by itself: no scripts, nothing loaded from elsewhere, so that it can be mailed, kept and opened years later.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chainwatch.errors import BadInput
from chainwatch.evaluate.ablate import Ablated
from chainwatch.evaluate.folds import Compared, FoldScore
from chainwatch.evaluate.html import Html, bars, joined, page, said, table, tag
from chainwatch.evaluate.misses import FalseAlarm, Miss
from chainwatch.evaluate.saved import Losses, Saved
from chainwatch.evaluate.score import Row, Score

MISSES = 10
"""How many of the worst misses are told of, where nothing else is asked."""

AFTERWARDS = "What the attack's sender took from the victims later; labels do not call it theft"

_TIERS = ("alert", "act")
_PARTS = ("rules", "learned", "either")


def write_report(
    path: Path,
    score: Score,
    *,
    folds: FoldScore | None = None,
    ablation: Sequence[Ablated] = (),
    saved: Saved | None = None,
    misses: int = MISSES,
    today: str | None = None,
) -> None:
    """Write the file whole or not at all. Raises BadInput where it cannot be written. `today` is an ISO date."""
    text = report(score, folds=folds, ablation=ablation, saved=saved, misses=misses, today=today)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="replace")
        os.replace(partial, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}).", "Check its path and permissions.") from error


def report(
    score: Score,
    *,
    folds: FoldScore | None = None,
    ablation: Sequence[Ablated] = (),
    saved: Saved | None = None,
    misses: int = MISSES,
    today: str | None = None,
) -> Html:
    """The document. What was not asked for is left out."""
    day = today or datetime.now(UTC).date().isoformat()
    parts = [_head(score, day)]
    if folds is not None:
        parts.append(_folds(folds, misses))
    parts.append(_shipped(score, misses))
    if ablation:
        parts.append(_ablation(ablation))
    if saved is not None:
        parts.append(_saved(saved))
    if score.times is not None:
        parts.append(_times(score))
    return page("chainwatch score", *parts)


def _head(score: Score, day: str) -> Html:
    return tag(
        "p",
        f"{day}. {score.transactions:,} transactions judged, each by itself, in mode {score.mode}; {score.skipped:,} "
        "skipped, as they lack what this mode shows. Found means tier alert or higher. Whiskers are exact intervals "
        "(Clopper and Pearson, 95 %, one-sided where nothing or everything was counted).",
        class_="note",
    )


def _folds(folds: FoldScore, misses: int) -> Html:
    sections = [
        tag("h2", "Out of sample"),
        tag(
            "p",
            f"The learned detector was trained {folds.folds} times (seed {folds.seed}), each time without the incidents"
            f" and contracts that it was then asked, and names what ranks p = {folds.p_at_most:g} or less. Rules are "
            "not trained here: what they were made with they have seen.",
            class_="note",
        ),
    ]
    for title, rows, whole in (
        ("Attacks found, by kind", folds.attacks, True),
        ("Incidents found, by kind", folds.incidents, True),
        ("Attacks found by a model that had seen none of their kind", folds.left_out, True),
        ("False alarms, by stratum", folds.others, False),
    ):
        if rows:
            sections += [tag("h3", title), _compared(rows, whole=whole)]
    return joined(*sections, _alarms(folds.false_alarms), _misses(folds.misses, misses))


def _shipped(score: Score, misses: int) -> Html:
    sections = [
        tag("h2", "As shipped"),
        tag("p", "The learned detector has seen what it may have been trained with: no measure of it.", class_="note"),
    ]
    for title, rows, whole in (
        ("Attacks found, by kind", score.attacks, True),
        ("Attacks found, by chain", score.chains, True),
        ("Incidents found, by kind", score.incidents, True),
        ("False alarms, by stratum", score.strata, False),
        ("False alarms, by set", score.benign, False),
    ):
        if rows:
            lines = [(f"{row.what} ({row.alert.of:,})", (row.alert, row.act)) for row in rows]
            sections += [tag("h3", title), bars(lines, _TIERS, whole=whole), _rows(rows)]
    return joined(*sections, _alarms(score.false_alarms), _misses(score.misses, misses))


def _rows(rows: Sequence[Row]) -> Html:
    cells = [(row.what, said(row.watch), said(row.alert), said(row.act)) for row in rows]
    return table(("", "watch", *_TIERS), cells, (1, 2, 3))


def _compared(rows: Sequence[Compared], *, whole: bool) -> Html:
    lines = [(f"{row.what} ({row.rules.of:,})", (row.rules, row.learned, row.either)) for row in rows]
    cells = [(row.what, said(row.rules), said(row.learned), said(row.either)) for row in rows]
    return joined(bars(lines, _PARTS, whole=whole), table(("", *_PARTS), cells, (1, 2, 3)))


def _alarms(alarms: Sequence[FalseAlarm]) -> Html:
    title = tag("h3", f"Every false alarm ({len(alarms)})")
    if not alarms:
        return joined(title, tag("p", "None."))
    rows = [
        (a.set, tag("code", a.tx), a.label, a.what or "", a.kind or "", a.tier.value, ", ".join(a.detectors), a.says)
        for a in alarms
    ]
    return joined(title, table(("set", "transaction", "label", "what it is", "taken for", "tier", "by", "said"), rows))


def _misses(misses: Sequence[Miss], most: int) -> Html:
    shown = misses[:most]
    title = tag("h3", f"The worst misses ({len(shown)} of {len(misses)})")
    if not shown:
        return joined(title, tag("p", "None."))
    note = "The dearest first, as labelled; after those with a known loss, the ones with most calls."
    rows = [
        (
            joined(m.name or m.incident, Html("<br>"), m.kind or "", Html("<br>"), tag("code", f"{m.set} {m.tx}")),
            "" if m.loss_usd is None else f"{m.loss_usd:,.0f}",
            m.frames,
            m.transfers,
            joined(*(tag("div", sentence) for sentence in m.why), tag("div", _elsewhere(m))),
        )
        for m in shown
    ]
    columns = ("attack", "loss, USD", "calls", "transfers", "why not")
    return joined(title, tag("p", note, class_="note"), table(columns, rows, (1, 2, 3)))


def _elsewhere(miss: Miss) -> str:
    return "Another transaction of this incident was found." if miss.elsewhere else ""


def _ablation(rows: Sequence[Ablated]) -> Html:
    folded = any(row.with_learned for row in rows)
    columns = ["", "attacks, alert", "attacks, act", "false alarms", "at act", "on what was made to look like attacks"]
    columns += ["attacks with the learned, out of fold", "false alarms with it"] if folded else []
    cells = []
    for row in rows:
        line = [row.what, *map(said, (row.alert, row.act, row.false_alarms, row.false_acts, row.made_up))]
        if folded:
            line += [said(rate) if rate else "" for rate in (row.with_learned, row.with_learned_false)]
        cells.append(line)
    lines = [(row.what, (row.alert, row.act)) for row in rows]
    return joined(
        tag("h2", "Ablation"),
        tag("p", "Each family of rules left out, and each alone. A family that adds nothing here may need a profile "
            "(oracle, outflow, invariants).", class_="note"),
        bars(lines, _TIERS, whole=True),
        table(columns, cells, range(1, len(columns))),
    )  # fmt: skip


def _saved(found: Saved) -> Html:
    return joined(
        tag("h2", "What a pause in the block after the alert would have saved"),
        *(tag("p", sentence) for sentence in in_words(found)),
        *([_losses(found.several)] if found.several else []),
        *([tag("h3", AFTERWARDS), _losses(found.afterwards)] if found.afterwards else []),
    )


def in_words(found: Saved) -> tuple[str, ...]:
    """What could be measured, and of how many incidents."""
    single = found.single_alerted + found.single_missed
    return (
        f"Of {found.incidents} incidents {len(found.several)} have several transactions in a known order.",
        f"{single} are one transaction ({found.single_alerted} raised an alarm, {found.single_missed} did not; "
        f"{found.repeated} of them stand in several sets): not preventable by a pause after it.",
        *([f"{found.unordered} have several, but no block numbers to order them by."] if found.unordered else []),
    )


def _losses(rows: Sequence[Losses]) -> Html:
    cells = [
        (row.incident, row.set, row.transactions, "yes" if row.alerted else "no", tag("code", row.token or ""),
         f"{row.lost:.4g}", f"{row.later:.4g}", f"{row.share:.1%}", "" if row.usd is None else f"{row.usd:,.0f}")
        for row in rows
    ]  # fmt: skip
    columns = (
        "incident",
        "set",
        "transactions",
        "alarm",
        "token",
        "lost, base units",
        "in later blocks",
        "share",
        "USD",
    )
    return table(columns, cells, (2, 5, 6, 7, 8))


def _times(score: Score) -> Html:
    times = score.times
    assert times is not None
    return joined(
        tag("h2", "Speed"),
        tag(
            "p",
            f"Decoding, detection and triage, processor time of one core: {times.per_second:,.0f} transactions a "
            f"second, p50 {times.p50_ms:.2f} ms, p99 {times.p99_ms:.2f} ms a transaction. Apart from these, the "
            f"largest tree: {times.largest_frames:,} calls in {times.largest_ms:.1f} ms.",
        ),
    )
