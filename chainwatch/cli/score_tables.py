"""How `chainwatch score` prints what it counted."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from chainwatch.cli.common import err, out
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.evaluate.ablate import Ablated
from chainwatch.evaluate.folds import FoldScore
from chainwatch.evaluate.misses import FalseAlarm, Miss
from chainwatch.evaluate.report import AFTERWARDS, in_words
from chainwatch.evaluate.saved import Losses, Saved
from chainwatch.evaluate.score import Rate, Row, Score


def print_score(result: Score, misses: int) -> None:
    """As shipped: tables, each false alarm, the worst misses, and time."""
    for title, rows in (
        ("Attacks found, by kind", result.attacks),
        ("Attacks found, by chain", result.chains),
        ("Incidents found, by kind", result.incidents),
        ("Raised without an attack, by set", result.benign),
        ("Raised without an attack, by how hard it is", result.strata),
    ):
        if rows:
            out.print(_table(title, rows))
    if result.detectors:
        parts = ", ".join(f"{name} {right} of attacks, {wrong} of others" for name, (right, wrong) in
                          result.detectors.items())  # fmt: skip
        out.print(f"Detectors: {parts}")
    _print_cases(result.false_alarms, result.misses, misses)
    if LearnedAnomaly.name in result.detectors:
        err.print("The learned detector may have been trained on these very transactions: --folds measures it.")
    if times := result.times:
        err.print(
            f"{times.per_second:,.0f} transactions/s in processor time, p50 {times.p50_ms:.2f} ms, "
            f"p99 {times.p99_ms:.2f} ms; apart from these the largest tree, {times.largest_frames:,} calls, "
            f"{times.largest_ms:.1f} ms"
        )
    err.print(f"{result.transactions} transactions scored in mode {result.mode}, {result.skipped} skipped")


def print_folds(result: FoldScore, misses: int) -> None:
    """Out of fold: rules and learned side by side, each false alarm, the worst misses."""
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
    _print_cases(result.false_alarms, result.misses, misses)
    err.print(
        f"{result.transactions} transactions scored in mode {result.mode}, {result.skipped} skipped; "
        f"{result.folds} folds, seed {result.seed}, p at most {result.p_at_most:g}, tier alert"
    )


def print_ablation(rows: Sequence[Ablated]) -> None:
    """Each family left out, and each alone."""
    folded = any(row.with_learned for row in rows)
    names = [
        "attacks, alert",
        "act",
        "false alarms",
        "at act",
        "on made-up",
        *(["+ learned", "false"] if folded else []),
    ]
    table = _empty("Families left out, and alone (+ learned: out of fold)", *names, count=False)
    for row in rows:
        rates: list[Rate | None] = [row.alert, row.act, row.false_alarms, row.false_acts, row.made_up]
        rates += [row.with_learned, row.with_learned_false] if folded else []
        table.add_row(escape(row.what), *(str(rate.count) if rate and rate.of else "-" for rate in rates))
    out.print(table)
    out.print(f"Of {rows[0].alert.of} attacks and {rows[0].false_alarms.of} others, {rows[0].made_up.of} made up.")


def print_saved(found: Saved) -> None:
    """What a pause after the alert would have saved, and of how many incidents that can be told."""
    for sentence in in_words(found):
        out.print(sentence)
    for title, rows in (("Incidents of several transactions", found.several), (AFTERWARDS, found.afterwards)):
        if rows:
            out.print(_losses(title, rows))


def _losses(title: str, rows: Sequence[Losses]) -> Table:
    table = _empty(title, "alarm", "lost (base units)", "in later blocks", "share", "USD")
    for row in rows:
        usd = "-" if row.usd is None else f"{row.usd:,.0f}"
        table.add_row(
            escape(f"{row.incident}, {row.set}, {row.token}"), str(row.transactions), "yes" if row.alerted else "no",
            f"{row.lost:.4g}", f"{row.later:.4g}", f"{row.share:.1%}", usd,
        )  # fmt: skip
    return table


def _print_cases(alarms: Sequence[FalseAlarm], missed: Sequence[Miss], most: int) -> None:
    if alarms:
        out.print(f"Every false alarm ({len(alarms)}):")
    for a in alarms:
        what = f", {a.what}" if a.what else ""
        what += " after the attack" if a.label == "after_attack" else ""
        text = f"- {a.set} {a.tx}{what}: {a.tier.value}, {a.kind}, by {', '.join(a.detectors)}. {a.says}"
        out.print(escape(text), soft_wrap=True)
    if missed and most:
        out.print(f"The worst misses ({len(missed[:most])} of {len(missed)}), the dearest first, then by calls:")
    for m in missed[:most]:
        loss = "" if m.loss_usd is None else f", {m.loss_usd:,.0f} USD"
        found = " Another transaction of this incident was found." if m.elsewhere else ""
        text = f"- {m.name or m.incident}, {m.kind}{loss}, {m.frames} calls, {m.set} {m.tx}: {' '.join(m.why)}{found}"
        out.print(escape(text), soft_wrap=True)


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = _empty(title, "watch", "alert", "act")
    for row in rows:
        table.add_row(escape(row.what), str(row.watch.of), _rate(row.watch), _rate(row.alert), _rate(row.act))
    return table


def _empty(title: str, *columns: str, count: bool = True) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("", *(("n",) if count else ()), *columns):
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
