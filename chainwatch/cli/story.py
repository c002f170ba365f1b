"""How an explained transaction looks: the outcome first, then who gained and lost, then how it came about."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.tree import Tree

from chainwatch.chain.proxies import Implementation
from chainwatch.chain.tokens import TokenFacts
from chainwatch.config.load import Loaded
from chainwatch.decode.explain import Call, Explanation, Said
from chainwatch.decode.pools import PricePoint, excursion
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Event, FlashLoan, Transfer

_MOST_FRAMES = 120
_MOST_LOGS = 150
_LONG, _LONG_REASON = 48, 500
_MOST_ITEMS, _MOST_PRICES = 6, 8
_DEEPEST = 20  # levels of the tree that are indented
_NATIVE = TokenFacts(address=NATIVE, symbol="native", decimals=18)
_NOTHING = "[none][/none]"  # markup that does nothing, but ends what stands before it
_OWN_FIELDS = frozenset(("order", "log_index", "frame", "address", "protocol", "event"))
_HARMFUL = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))


def _text(text: str) -> str:
    """What somebody else wrote, harmless to a terminal: no control characters, none that turn the writing around or
    begin a line, no markup, whatever stands before and behind it."""
    shown = "".join(c if unicodedata.category(c) not in _HARMFUL else "·" for c in text)
    shown = shown.replace("[", "[" + _NOTHING)
    slashes = len(shown) - len(shown.rstrip("\\"))
    return shown + "\\" * slashes + _NOTHING if slashes else shown  # those before a tag count half


class Names(msgspec.Struct, frozen=True):
    """What addresses and tokens are called: by the configuration, by the chain, else a short form of the address.
    `whole`: nothing is shortened or cut."""

    labels: Mapping[Address, str]
    tokens: Mapping[Address, TokenFacts]
    proxies: Mapping[Address, Implementation] = {}
    whole: bool = False

    @classmethod
    def of(
        cls,
        loaded: Loaded | None,
        tokens: Mapping[Address, TokenFacts],
        proxies: Mapping[Address, Implementation] | None = None,
    ) -> "Names":
        """Contracts and tokens of the profiles, and the tokens that a node told of."""
        labels: dict[Address, str] = {ZERO_ADDRESS: "nobody", NATIVE: "native"}
        known = dict(tokens)
        for profile in loaded.profiles if loaded else ():
            labels |= {c.address: f"{profile.name}.{c.name}" for c in profile.contracts}
            for token in profile.tokens:
                known[token.address] = TokenFacts(address=token.address, symbol=token.symbol, decimals=token.decimals)
        return cls(labels, known, proxies or {})

    def account(self, address: Address) -> str:
        """A contract or account."""
        named = self.labels.get(address)
        token = self.tokens.get(address)
        if named is None and token is not None and token.symbol:
            named = token.symbol
        short = f"{address[:8]}…{address[-4:]}" if len(address) == 42 and not self.whole else address
        return _text(f"{named} {short}" if named and address not in (ZERO_ADDRESS, NATIVE) else named or short)

    def cut(self, text: str, longest: int) -> str:
        """`text`, its beginning where it is longer."""
        return text if self.whole or len(text) <= longest else f"{text[:longest]}… ({len(text)})"

    def amount(self, token: Address | None, amount: int) -> str:
        """An amount in the token's own units where its decimals are known, else in base units."""
        facts = _NATIVE if token == NATIVE else self.tokens.get(token or "")
        if facts is None or facts.decimals is None:
            return f"{amount:,} {'' if token is None else self.account(token)}".rstrip()
        whole = amount / 10**facts.decimals
        text = f"{whole:,.6g}" if abs(whole) < 1_000 else f"{whole:,.2f}"
        return f"{text} {_text(facts.symbol or self.account(facts.address))}"


def story(explanation: Explanation, names: Names, *, everything: bool = False) -> Iterator[RenderableType]:
    """The parts to print, one after the other; `everything`: all of each."""
    names = msgspec.structs.replace(names, whole=everything)
    yield _head(explanation, names)
    if explanation.changes:
        yield _gains(explanation, names)
    loans = [e for e in explanation.events if isinstance(e, FlashLoan)]
    if loans:
        yield _loans(loans, names)
    if explanation.prices:
        yield _prices(explanation, names)
    if names.proxies:
        yield _proxies(names)
    if told := [t for t in names.tokens.values() if t.fee_on_transfer or t.rebasing]:
        yield _odd_tokens(told, names)
    if explanation.calls:
        yield _tree(explanation.calls, names, everything)
    if explanation.logs:
        yield _logs(explanation, names, everything)
    elif explanation.events:
        yield _events(explanation.events, names)


def _head(explanation: Explanation, names: Names) -> Panel:
    call = explanation.call
    target = names.account(explanation.target) if explanation.target else ""
    if not target:
        what = "creates a contract"
    elif call is not None:
        what = f"calls {_text(call.name)} ({_text(call.protocol)}) of [bold]{target}[/]"
    elif explanation.calls and not explanation.calls[0].name:
        what = f"sends to [bold]{target}[/]"
    else:
        what = f"calls a function nobody knows of [bold]{target}[/]"
    outcome = "[bold green]succeeded[/]" if explanation.succeeded else "[bold red]reverted[/]"
    lines = [
        f"{outcome}: [bold]{names.account(explanation.sender)}[/] {what}"
        + (f" with {names.amount(NATIVE, explanation.value)}" if explanation.value else ""),
        f"[dim]chain {explanation.chain_id}, block {explanation.block_number or '?'}, {len(explanation.calls)} frames, "
        f"{len(explanation.logs)} logs ({explanation.unknown_logs} of unknown events, "
        f"{len(explanation.malformed)} malformed), {len(explanation.created)} contracts created[/]",
    ]
    if explanation.degraded:
        unread = any(m.reason.startswith("trace: ") for m in explanation.malformed)
        no_trace = "the call tree cannot be read" if unread else "no call tree was given"
        said = {"no_logs": "no logs were given", "no_trace": no_trace}
        lines.append(f"[yellow]Seen in part only: {', '.join(said[d] for d in explanation.degraded)}.[/]")
    lines += [f"[red]malformed: {reason}[/]" for reason in _reasons(explanation, names)]
    first = explanation.calls[0] if explanation.calls else None
    if not explanation.succeeded and first is not None and first.failed:
        lines.append(f"[red]{_text(names.cut(first.failed, _LONG_REASON))}[/]")
    return Panel("\n".join(lines), title=explanation.tx_hash, title_align="left", expand=False)


def _reasons(explanation: Explanation, names: Names) -> list[str]:
    """Why what is malformed is so, but for what the table of logs says."""
    in_logs = {log.malformed for log in explanation.logs}
    reasons = dict.fromkeys(m.reason for m in explanation.malformed if m.reason not in in_logs)
    shown = [_text(names.cut(reason, _LONG_REASON)) for reason in reasons]
    return shown if names.whole or len(shown) <= _MOST_ITEMS else [*shown[:_MOST_ITEMS], "… and more: --all"]


def _gains(explanation: Explanation, names: Names) -> Table:
    table = Table(title="Who gained and who lost", title_justify="left")
    for column in ("account", "role", "gained", "lost"):
        table.add_column(column, overflow="fold")
    own = {explanation.sender, *explanation.created}

    def row(account: str, role: str, change: Mapping[Address, int]) -> None:
        gained = [names.amount(t, a) for t, a in change.items() if a > 0]
        lost = [names.amount(t, -a) for t, a in change.items() if a < 0]
        table.add_row(account, role, f"[green]{chr(10).join(gained)}[/]", f"[red]{chr(10).join(lost)}[/]")

    if len(own & set(explanation.changes)) > 1:
        row("[bold]sender and what it created[/]", "together", explanation.cluster)
    if explanation.target in explanation.changes and explanation.with_target not in ({}, explanation.cluster):
        row("[bold]these and the target[/]", "together", explanation.with_target)
    roles = dict.fromkeys(explanation.created, "created") | {explanation.target: "target", explanation.sender: "sender"}
    for account, change in sorted(explanation.changes.items(), key=lambda item: item[0] not in own):
        row(names.account(account), roles.get(account) or ("issuer" if account in change else ""), change)
    return table


def _loans(loans: list[FlashLoan], names: Names) -> Table:
    table = Table(title="Borrowed and repaid within the transaction", title_justify="left")
    for column in ("lender", "borrower", "amount", "fee", "known by"):
        table.add_column(column, overflow="fold")
    for loan in loans:
        amount = "?" if loan.amount is None else names.amount(loan.token, loan.amount)
        fee = "" if loan.fee is None else names.amount(loan.token, loan.fee)
        table.add_row(names.account(loan.lender), names.account(loan.borrower), amount, fee, loan.evidence)
    return table


def _prices(explanation: Explanation, names: Names) -> Table:
    table = Table(title="Prices at pools (second token for one of the first, base units)", title_justify="left")
    for column in ("pool", "trades", "prices in order", "highest / lowest"):
        table.add_column(column, overflow="fold")
    for pool, prices in explanation.prices.items():
        address, _, pair = pool.partition(" ")
        ratio = excursion([PricePoint(0, price) for price in prices])
        shown = _listed([f"{price:.6g}" for price in prices], _MOST_PRICES, names)
        colour = "red" if ratio >= 1.1 else "default"
        name = names.account(address) + (f" {_text(pair)}" if len(pair) < 10 or names.whole else "")
        table.add_row(name, str(len(prices)), shown, f"[{colour}]{ratio:.4g}[/]")
    return table


def _proxies(names: Names) -> Table:
    table = Table(title="Proxies, and what they run at this block", title_justify="left")
    for column in ("contract", "kind", "runs"):
        table.add_column(column, overflow="fold")
    for address, found in names.proxies.items():
        kind = found.kind + (f" by {names.account(found.by)}" if found.by else "")
        table.add_row(names.account(address), kind, ", ".join(map(names.account, found.runs)))
    return table


def _odd_tokens(tokens: Sequence[TokenFacts], names: Names) -> Table:
    table = Table(title="Tokens whose transfers or balances are not what they seem", title_justify="left")
    for column in ("token", "what"):
        table.add_column(column, overflow="fold")
    for token in tokens:
        fee = ["takes a fee on transfers"] if token.fee_on_transfer else []
        rebasing = ["has the functions of a token whose balances change without transfers"] if token.rebasing else []
        table.add_row(names.account(token.address), "; ".join(fee + rebasing))
    return table


def _tree(calls: tuple[Call, ...], names: Names, everything: bool) -> Tree:
    tree = Tree("[bold]Calls[/]")
    nodes: dict[int, Tree] = {-1: tree}
    depths: dict[int, int] = {}
    shown = hidden = 0
    for call in calls:
        parent = call.parent
        while parent not in nodes:
            parent = calls[parent].parent
        plain = call.kind == "STATICCALL" and not call.failed
        if not everything and call.parent >= 0 and (plain or shown >= _MOST_FRAMES):
            hidden += 1
            continue
        shown += 1
        # Deeper than a screen is wide, frames stand below their ancestor with their depth in front.
        above, deep = nodes[parent], depths.get(parent, 0) >= _DEEPEST
        text = f"[dim]depth {call.depth}[/] {_call(call, names)}" if deep else _call(call, names)
        nodes[call.index] = above if deep else above.add(text)
        depths[call.index] = depths.get(parent, 0) + (not deep)
        if deep:
            above.add(text)
    if hidden:
        tree.add(f"[dim]… {hidden} more frames (static calls, and beyond {_MOST_FRAMES}): --all[/]")
    return tree


def _call(call: Call, names: Names) -> str:
    style = "red" if call.reverted else "default"
    value = f" [magenta]{{{names.amount(NATIVE, call.value)}}}[/]" if call.value else ""
    if call.kind in ("CREATE", "CREATE2"):
        made = "fails to create a contract" if call.to == ZERO_ADDRESS else f"creates {names.account(call.to)}"
        text = f"[{style}]{made}[/]{value}"
    else:
        arguments = ", ".join(f"{name}={_value(value, names)}" for name, value in call.arguments.items())
        name = _text(call.name) or "(value)"
        kind = "" if call.kind == "CALL" else f" [dim]{call.kind.lower()}[/]"
        text = f"[{style}]{names.account(call.to)}.[bold]{name}[/]({arguments})[/]{value}{kind}"
    return text + (f" [red]✗ {_text(names.cut(call.failed, _LONG_REASON))}[/]" if call.failed else "")


def _logs(explanation: Explanation, names: Names, everything: bool) -> Table:
    table = Table(title="Logs, and what they mean", title_justify="left")
    for column in ("#", "contract", "event", "means"):
        table.add_column(column, overflow="fold")
    logs = explanation.logs if everything else explanation.logs[:_MOST_LOGS]
    for log in logs:
        means = "\n".join(_event(event, names) for event in log.means)
        table.add_row(str(log.log_index), names.account(log.address), _said(log, names), means)
    if len(logs) < len(explanation.logs):
        table.caption = f"… {len(explanation.logs) - len(logs)} more logs: --all"
    return table


def _said(log: Said, names: Names) -> str:
    if log.malformed is not None:
        return f"[red]malformed: {_text(log.malformed)}[/]"
    if log.name is None and names.whole:
        return f"[yellow]unknown {_text(' '.join((*log.topics, log.data)))}[/]"
    if log.name is None:
        return f"[yellow]unknown {_text(log.topics[0][:10]) if log.topics else 'anonymous'}[/]"
    arguments = ", ".join(f"{name}={_value(value, names)}" for name, value in log.arguments.items())
    return f"[bold]{_text(log.name)}[/]({arguments}) [dim]{_text(log.protocol or '')}[/]"


def _events(events: tuple[Event, ...], names: Names) -> Table:
    table = Table(title="What moved and happened, read from the call tree", title_justify="left")
    table.add_column("at", overflow="fold")
    table.add_column("what", overflow="fold")
    shown = events if names.whole else events[:_MOST_LOGS]
    for event in shown:
        table.add_row(names.account(event.address), _event(event, names))
    if len(shown) < len(events):
        table.caption = f"… {len(events) - len(shown)} more: --all"
    return table


def _event(event: Event, names: Names) -> str:
    if isinstance(event, Transfer):
        amount = names.amount(event.token, event.amount)
        return f"[cyan]transfer[/] {amount} from {names.account(event.sender)} to {names.account(event.recipient)}"
    fields = msgspec.to_builtins(event)
    tag = str(fields["event"]).replace("_", " ")
    shown = [
        f"{name}={_value(value, names)}"
        for name, value in fields.items()
        if name not in _OWN_FIELDS and value is not None and value != ""
    ]
    return f"[cyan]{tag}[/] {', '.join(shown)}"


def _value(value: Any, names: Names) -> str:
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return names.account(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return "max" if value == 2**256 - 1 else f"{value:,}"
    if isinstance(value, list | tuple):
        return f"({_listed([_value(item, names) for item in value], _MOST_ITEMS, names)})"
    return _text(names.cut(str(value), _LONG))


def _listed(items: Sequence[str], most: int, names: Names) -> str:
    return ", ".join(items if names.whole or len(items) <= most else [*items[:most], "…"])
