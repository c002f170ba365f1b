"""How Alerts, decisions and checks look to a person at 3 a.m.: the fact first, then why, then what was done."""

from datetime import UTC, datetime

from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from chainwatch.types import Alert, AlertEvent, Tier

_COLOURS = {Tier.ACT: "bold red", Tier.ALERT: "yellow", Tier.WATCH: "dim"}


def clock() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).strftime("%H:%M:%S")


def alert_panel(alert: Alert) -> Panel:
    """One transition of an Alert as a box."""
    where = f"block {alert.block_number}" if alert.block_number is not None else "not in a block"
    usd = alert.loss_estimate.get("usd")
    lines = [escape(alert.explanation)]
    if usd is not None:
        lines.append(f"[bold]Loss estimate: ${usd:,.0f}[/]")
    lines.append(f"[dim]{alert.stage}, {where}, confidence {alert.confidence:.2f}, by {', '.join(alert.detectors)}[/]")
    lines += [f"[dim]{tx}[/]" for tx in alert.tx_hashes]
    title = f"{clock()} {alert.severity} {alert.tier.upper()} {alert.event}: {alert.kind}"
    ended = alert.event in (AlertEvent.RESOLVED, AlertEvent.RETRACTED)
    style = "green" if ended else _COLOURS[alert.tier]
    return Panel("\n".join(lines), title=Text(title), title_align="left", border_style=style, expand=False)
