"""`chainwatch decode`: one transaction for a person."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from chainwatch.chain.pool import Pool
from chainwatch.chain.proxies import Implementation, Proxies
from chainwatch.chain.tokens import TokenFacts, Tokens
from chainwatch.cli.common import (
    DEFAULT_CONFIG,
    ChainOption,
    ConfigOption,
    JsonOption,
    config_path,
    for_chain,
    load_config,
    out,
    print_json,
    run,
    wants_json,
)
from chainwatch.cli.history import chain_of
from chainwatch.cli.story import Names, story
from chainwatch.config.load import Loaded
from chainwatch.decode import Registry, load_registry
from chainwatch.decode.explain import Explanation, explain
from chainwatch.errors import BadInput
from chainwatch.sources.fetch import detect_trace_mode
from chainwatch.sources.recordings import read_recording
from chainwatch.sources.single import fetch_transaction
from chainwatch.types import ZERO_ADDRESS, Address, BlockRef, Execution, Hash, Transfer

_WIDTH = 180
_MOST_ASKED = 50  # tokens and contracts of one transaction that a node is asked about
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(decode)


def decode(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="Transaction hash, or a Recording (*.jsonl, *.jsonl.gz).")],
    tx: Annotated[
        str | None, typer.Option(help="Which transaction of the Recording, by hash or the start of it.")
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(help="The node's HTTP endpoint (default: the configured providers).")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="ADDRESS=NAME: what this contract writes is read as this protocol's (a folder under abi/)."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every frame and log, and addresses, texts and lists whole.")
    ] = False,
    chain: ChainOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Explain one transaction: what was called, what was said, what moved, who gained and who lost.

    A hash is asked of a node, which also names tokens; a Recording needs none. What could not be decoded is said.
    """
    path = config_path(context, config)
    loaded = load_config(context, config) if path.exists() or path != DEFAULT_CONFIG else None
    if loaded is None and chain is not None:
        raise BadInput("--chain chooses from a configuration, and there is none.", "Leave it out, or give --config.")
    if loaded is not None and (chain is not None or len(loaded.config.chains) == 1):
        loaded = for_chain(loaded, chain)
    extra = [loaded.root / p for p in loaded.config.abi] if loaded else []
    registry = load_registry(extra, (loaded.protocols if loaded else {}) | dict(map(_bound, protocol or [])))
    if _HASH.fullmatch(what):
        if tx is not None:
            raise BadInput("--tx chooses from a Recording, and a hash was given.", "Leave one of them out.")
        told = run(_from_node(loaded, rpc, what.lower(), registry))
    else:
        if rpc is not None:
            raise BadInput("--rpc asks a node, and a Recording was given.", "Leave one of them out.")
        told = _Told(explain(_from_recording(what, tx), registry))
    if wants_json(context, json):
        print_json(told)
        return
    # What goes into a file or a pager is not cut to the 80 columns that are assumed there.
    narrow = not out.is_terminal and "COLUMNS" not in os.environ
    console = Console(highlight=False, width=_WIDTH, emoji=False) if narrow else out
    names = Names.of(loaded, told.tokens, told.proxies)
    for part in story(told.explanation, names, everything=everything):
        console.print(part)


def _bound(text: str) -> tuple[Address, str]:
    address, _, name = text.partition("=")
    if not _ADDRESS.fullmatch(address) or not name:
        raise BadInput(
            f"--protocol {text!r} is not ADDRESS=NAME.", "Give 0x and 40 hex digits, =, and a folder's name."
        )
    return address.lower(), name


class _Told(msgspec.Struct, frozen=True):
    """An explanation, and what a node knows of the tokens that moved and of the contracts that were called."""

    explanation: Explanation
    tokens: Mapping[Address, TokenFacts] = {}
    proxies: Mapping[Address, Implementation] = {}


async def _from_node(loaded: Loaded | None, url: str | None, tx_hash: str, registry: Registry) -> _Told:
    config = await chain_of(loaded, url)
    async with Pool(config) as pool:
        await pool.open()
        mode = await detect_trace_mode(pool, config.traces)
        execution = await fetch_transaction(pool, config.id, mode, tx_hash)
        explanation = explain(execution, registry)
        block = execution.block or BlockRef(number=None, hash=None)
        proxies = Proxies(pool)
        called = {call.to for call in explanation.calls} | ({explanation.target} if explanation.target else set())
        behind = await proxies.at(sorted(called)[:_MOST_ASKED], block)
        return _Told(
            explanation,
            await _tokens(Tokens(pool, proxies), explanation, block),
            {a: i for a, i in behind.items() if i.kind not in ("none", "no_code")},
        )


async def _tokens(tokens: Tokens, explanation: Explanation, block: BlockRef) -> dict[Address, TokenFacts]:
    """The tokens that moved. Whether they charge a fee is asked for one of those who took some."""
    takers: dict[Address, Address] = {}
    for event in explanation.events:
        if isinstance(event, Transfer) and event.amount and event.recipient != ZERO_ADDRESS:
            takers[event.token] = event.recipient
    found = await tokens.facts(list(takers)[:_MOST_ASKED], block)
    for token, facts in found.items():
        fee = await tokens.charges_a_fee(token, takers[token], block)
        found[token] = msgspec.structs.replace(facts, fee_on_transfer=fee)
    return found


def _from_recording(what: str, wanted: str | None) -> Execution:
    """The transaction of the file `what` whose hash begins with `wanted`. Nothing behind a whole hash is read."""
    path = _file(what)
    wanted = None if wanted is None else wanted.lower()
    found: dict[Hash, Execution] = {}  # the first of each: a Recording may hold one several times
    for execution in _executions(path):
        tx_hash = execution.transaction.hash
        if tx_hash == wanted:
            return execution
        if wanted is None or tx_hash.startswith(wanted):
            found.setdefault(tx_hash, execution)
        if len(found) > 1 and wanted is not None:
            raise BadInput(f"Several transactions of {path} begin with {wanted}.", "Give more of the hash.")
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise BadInput(f"{path} has no transaction {wanted or ''}.".replace(" .", "."), "Check the hash.")
    raise BadInput(f"{path} holds {len(found)} transactions.", f"Choose one with --tx: {_some(list(found))}")


def _file(what: str) -> Path:
    shown = what if 0 < len(what) <= 200 else repr(f"{what[:40]}…" if what else what)
    mend = "Give 0x and 64 hex digits, or a Recording."
    try:
        if what and Path(what).exists():
            return Path(what)
    except OSError as error:  # a name that no file can have
        raise BadInput(f"{shown} cannot be read ({error.strerror}).", mend) from error
    raise BadInput(f"{shown} is neither a transaction hash nor a file.", mend)


def _some(hashes: Sequence[Hash]) -> str:
    shown = ", ".join(hashes[:3])
    return f"{shown}, …" if len(hashes) > 3 else f"{shown}."


def _executions(path: Path) -> Iterator[Execution]:
    for recorded in read_recording(path):
        yield from recorded.block.executions
