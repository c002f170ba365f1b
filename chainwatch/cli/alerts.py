"""`chainwatch alerts`: list, acknowledge, silence, and say what an alert turned out to be."""

import getpass
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from chainwatch.cli.common import ChainOption, ConfigOption, JsonOption, load_config, out, print_json, run, wants_json
from chainwatch.config.load import Loaded
from chainwatch.errors import BadInput
from chainwatch.store import Store
from chainwatch.store.desk import ENDED, Feedback, Verdict
from chainwatch.types import Alert, Silence, Tier

app = typer.Typer(help="Alerts: list them, acknowledge, silence, say what they turned out to be.", no_args_is_help=True)

AlertId = Annotated[str, typer.Argument(help="The alert's id, or how it begins.")]
By = Annotated[str | None, typer.Option(help="Who says so (default: the user of this machine).", show_default=False)]
_HOURS = re.compile(r"(\d+(?:\.\d+)?)([mhd])")


def register(main: typer.Typer) -> None:
    """Add the commands to `main`."""
    main.add_typer(app, name="alerts")


@app.command("list")
def list_(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended, the newest last.")] = False,
    count: Annotated[int, typer.Option(min=1, help="With --all: how many.")] = 50,
    chain: ChainOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Live alerts, the gravest first: by tier, by expected loss (confidence times dollars), by severity; who
    acknowledged them, what is silenced, and what past ones turned out to be."""
    loaded = load_config(context, config)
    chains = loaded.by_chain() if chain is None else (loaded.for_chain(chain),)
    found = run(_list(loaded, [c.chain.id for c in chains], count if all_ else None))
    if wants_json(context, json):
        print_json(found)
        return
    _show(found)


async def _list(loaded: Loaded, chains: list[int], count: int | None) -> dict[str, Any]:
    async with _store(loaded) as store:
        alerts: list[Alert] = []
        for chain in chains:
            alerts += await store.live_alerts(chain) if count is None else await store.desk.newest(chain, count)
        if count is None:
            alerts.sort(key=_urgency)
        return {
            "alerts": alerts,
            "acknowledged": await store.desk.acknowledged([a.alert_id for a in alerts]),
            "silences": await store.desk.silences(time.time()),
            "feedback": await store.desk.judged(),
        }


def _show(found: dict[str, Any]) -> None:
    if found["alerts"]:
        table = Table(title="Alerts", title_justify="left")
        for name in ("id", "event", "tier", "severity", "expected loss", "kind", "on", "block", "acknowledged by"):
            table.add_column(name, no_wrap=name == "id")
        for a in found["alerts"]:
            by = found["acknowledged"].get(a.alert_id, "-")
            block = "-" if a.block_number is None else str(a.block_number)
            loss = _expected_loss(a)
            dollars = f"${loss:,.0f}" if loss else "-"
            on = escape(a.protocol or "-")
            table.add_row(a.alert_id, a.event, a.tier, a.severity, dollars, a.kind, on, block, escape(by))
        out.print(table)
    else:
        out.print("No alerts.")
    for silence in found["silences"]:
        until = datetime.fromtimestamp(silence.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        what = escape(f"{silence.kind or 'everything below act'} on {silence.protocol}")
        out.print(f"Silenced until {until}: {what}, by {escape(silence.by)}: {escape(silence.why)}")
    verdicts = Counter((feedback.kind, feedback.verdict) for feedback in found["feedback"])
    for (kind, verdict), times in sorted(verdicts.items()):
        out.print(f"Feedback: {escape(kind)} was {verdict} {times} times")


def _expected_loss(alert: Alert) -> float:
    """Dollars, as far as prices are known."""
    return alert.confidence * float(alert.loss_estimate.get("usd") or 0.0)


def _urgency(alert: Alert) -> tuple[int, float, str]:
    return -list(Tier).index(alert.tier), -_expected_loss(alert), alert.severity


@app.command()
def ack(
    context: typer.Context,
    alert_id: AlertId,
    note: Annotated[str, typer.Option(help="What you know or do.")] = "",
    by: By = None,
    config: ConfigOption = None,
) -> None:
    """Acknowledge: somebody is on it, and nobody else need be called. Exits 2 where there is no such alert."""
    loaded = load_config(context, config)

    async def acknowledge() -> Alert:
        async with _store(loaded) as store:
            alert = await _one(store, alert_id)
            await store.desk.acknowledge(alert, _who(by), note)
            return alert

    alert = run(acknowledge())
    ended = f" It had ended already ({alert.event})." if alert.event in ENDED else ""
    out.print(f"{alert.alert_id} ({alert.kind}) is acknowledged by {escape(_who(by))}.{ended}", soft_wrap=True)


@app.command()
def silence(
    context: typer.Context,
    protocol: Annotated[str, typer.Argument(help="The profile whose alerts are not to wake anybody.")],
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d; 0m ends a silence.")],
    why: Annotated[str, typer.Option(help="The reason, for the audit log.")],
    kind: Annotated[str | None, typer.Option(help="Only alerts of this kind.", show_default=False)] = None,
    by: By = None,
    config: ConfigOption = None,
) -> None:
    """Wake nobody by a protocol's alerts for a while: planned maintenance. Tier act is never silenced, everything is
    still recorded, and playbooks act as ever."""
    loaded = load_config(context, config)
    if protocol not in {profile.name for profile in loaded.profiles}:
        known = ", ".join(profile.name for profile in loaded.profiles) or "none"
        raise BadInput(f"There is no profile {protocol!r}.", f"Profiles are: {known}.")
    match = _HOURS.fullmatch(for_)
    seconds = float(match[1]) * {"m": 60, "h": 3_600, "d": 86_400}[match[2]] if match else -1.0
    if not 0 <= seconds <= 7 * 86_400:
        raise BadInput(f"--for {for_} is no time of at most seven days.", "Write 30m, 2h or 1d.")
    until = time.time() + seconds
    said = Silence(protocol=protocol, kind=kind, until=until, by=_who(by), why=why)

    async def keep() -> None:
        async with _store(loaded, create=True) as store:
            await store.desk.silence(said)

    run(keep())
    end = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    out.print(f"Silenced until {end}: {escape(kind or 'everything below act')} on {escape(protocol)}.")


@app.command()
def feedback(
    context: typer.Context,
    alert_id: AlertId,
    verdict: Annotated[Verdict, typer.Argument(help="An attack, a false alarm, or expected (planned).")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    by: By = None,
    config: ConfigOption = None,
) -> None:
    """Say what an alert turned out to be. Counted by kind in `alerts list`; the last word on an alert counts."""
    loaded = load_config(context, config)

    async def judge() -> Alert:
        async with _store(loaded) as store:
            a = await _one(store, alert_id)
            said = Feedback(
                alert_id=a.alert_id, kind=a.kind, detectors=a.detectors, verdict=verdict, by=_who(by), note=note
            )
            await store.desk.judge(said)
            return a

    alert = run(judge())
    out.print(f"{alert.alert_id} ({alert.kind}): {verdict}.", soft_wrap=True)


@asynccontextmanager
async def _store(loaded: Loaded, *, create: bool = False) -> AsyncIterator[Store]:
    location = loaded.store
    if not create and isinstance(location, Path) and not location.exists():
        raise BadInput(f"There is no store at {location}.", "Run `chainwatch watch` first, or correct store.path.")
    store = await Store.open(location)
    try:
        yield store
    finally:
        await store.close()


async def _one(store: Store, alert_id: str) -> Alert:
    found = await store.desk.find(alert_id) if alert_id else []
    if len(found) != 1:
        several = "Several alerts begin" if found else "No alert begins"
        raise BadInput(f"{several} with {alert_id!r}.", "Give the id as `chainwatch alerts list --all` shows it.")
    return found[0]


def _who(by: str | None) -> str:
    if by:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
