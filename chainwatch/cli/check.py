"""`chainwatch check`: is the configuration sound, alone and against the node?"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import text

from chainwatch.chain.cost import PENDING_A_SECOND, Pace, estimated_calls
from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec, read_probes, specs_of
from chainwatch.chain.provider import WrongProvider
from chainwatch.chain.rpc import Caller, quantity
from chainwatch.chain.wire import WireHeader
from chainwatch.cli.common import ConfigOption, JsonOption, fail, load_config, out, print_json, run, wants_json
from chainwatch.config.load import Loaded
from chainwatch.config.models import ProviderConfig
from chainwatch.decode import load_registry
from chainwatch.detect.invariants import check_invariant
from chainwatch.detect.rules import check_rule
from chainwatch.errors import BadConfig, ChainwatchError, NodeError, StoreError, WrongChain
from chainwatch.notify.channel import Notifier
from chainwatch.store.database import BUSY_TIMEOUT_MS, Database
from chainwatch.store.postgresql import postgresql
from chainwatch.store.sqlite import sqlite

_MEASURED_BLOCKS, _FEWEST_BLOCKS = 20, 5


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(check)


def check(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither nodes nor a PostgreSQL server.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Read configuration, profiles, playbooks and ABIs, and hold them against the nodes, environment and store.

    Exits 2 with all that is wrong with providers, environment and store, or with the first thing that is wrong in a
    file: file, key, line, and the mend. Writes nothing.
    """
    loaded = load_config(context, config)
    checked = _check_files(loaded)
    wrong, paces = run(_check_around(loaded, offline))
    if wrong:
        fail(_all_of(wrong))
    checked["calls_a_day"] = {str(c.chain.id): estimated_calls(c, paces.get(c.chain.id)) for c in loaded.by_chain()}
    checked["measured"] = {str(chain_id): pace for chain_id, pace in paces.items()}
    if wants_json(context, json):
        print_json({"ok": True, "node_checked": not offline, **checked})
    else:
        what = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in checked.items() if isinstance(n, int))
        for chain in loaded.by_chain():
            _show(chain, checked["calls_a_day"][str(chain.chain.id)], paces.get(chain.chain.id))
        node = "the nodes were not asked" if offline else "its nodes agree"
        out.print(f"[green]{loaded.path} is sound[/]: {what}; {node}.")


def _show(loaded: Loaded, calls: dict[str, int], pace: Pace | None) -> None:
    chain_id = loaded.chain.id
    facts = facts_of(chain_id)
    each = ", ".join(f"{name} {count:,}" for name, count in calls.items())
    notes = [f"final {facts.finality_depth} blocks deep where the node does not say"]
    notes += ["its sequencer keeps pending transactions to itself"] if facts.private_sequencer else []
    notes += [f"{facts.preconfirmations} are not used: blocks are"] if facts.preconfirmations else []
    measured = "" if pace is None else f", measured: {pace.transactions:.0f} transactions each"
    assumed = [f"a block every {pace.block_seconds if pace else facts.block_time_seconds:.3g} s{measured}"]
    assumed += [f"{PENDING_A_SECOND:g} pending transactions a second to simulate"] if loaded.chain.mempool else []
    out.print(f"Chain {chain_id} ({facts.name}): {'; '.join(notes)}. About {each} calls a day ({'; '.join(assumed)}).")


def _all_of(wrong: Sequence[ChainwatchError]) -> ChainwatchError:
    """All of them as one error, exit code 2."""
    if len(wrong) == 1:
        return BadConfig(wrong[0].problem, wrong[0].mend)
    *others, last = (f"({n}) {error.problem} {error.mend}" for n, error in enumerate(wrong, start=1))
    return BadConfig(f"{len(wrong)} things are wrong. {' '.join(others)}", last)


def _check_files(loaded: Loaded) -> dict[str, Any]:
    registry = load_registry([loaded.root / path for path in loaded.config.abi], loaded.protocols)
    Notifier(loaded.config.notify)
    for profile in loaded.profiles:
        values = {spec.name: len(spec.returns) for spec in specs_of(profile)}
        for invariant in profile.invariants:
            check_invariant(invariant, values)
        for rule in profile.rules:
            check_rule(rule, profile)
    return {
        "profiles": len(loaded.profiles),
        "playbooks": len(loaded.playbooks),
        "probes": sum(len(specs_of(p)) for p in loaded.profiles),
        "known_events": len(registry),
    }


async def _check_around(loaded: Loaded, offline: bool) -> tuple[list[ChainwatchError], dict[int, Pace]]:
    """What is wrong around the files, and how fast the chains go."""
    wrong: list[ChainwatchError] = []
    paces: dict[int, Pace] = {}
    web = loaded.config.web
    if web.listen is not None and web.token_env is not None and not os.environ.get(web.token_env):
        problem = f"web.token_env names the environment variable {web.token_env}, which is not set."
        wrong.append(BadConfig(problem, "Set it to a secret."))
    try:
        location = loaded.store
        if isinstance(location, Path) and not location.exists():
            _check_place(location)
        else:
            await _check_store(location, offline)
    except StoreError as error:
        wrong.append(error)
    if not offline:
        for chain in loaded.by_chain():
            pace = await _check_nodes(chain, wrong)
            if pace is not None:
                paces[chain.chain.id] = pace
    return wrong, paces


def _check_place(location: Path) -> None:
    """Whether a store can be made there. Makes none."""
    if not location.parent.is_dir():
        raise StoreError(
            f"The store cannot be opened: the directory {location.parent} does not exist.",
            "Create it, or correct store.path in chainwatch.toml.",
        )
    if not os.access(location.parent, os.W_OK | os.X_OK):
        raise StoreError(
            f"The store cannot be created: the directory {location.parent} cannot be written.",
            "Let this user write there, or correct store.path in chainwatch.toml.",
        )


async def _check_store(location: Path | str, offline: bool) -> None:
    """Whether it can be opened and read. Migrates nothing."""
    if isinstance(location, str):
        backend, statement = postgresql(location, BUSY_TIMEOUT_MS), "SELECT 1"
        if offline:
            return
    else:
        backend, statement = sqlite(location, BUSY_TIMEOUT_MS), "SELECT count(*) FROM sqlite_master"
        if not os.access(location, os.W_OK):
            raise StoreError(f"The store {location} cannot be written.", "Let this user write it.")
    database = Database(backend)
    try:
        async with database.read() as connection:
            await connection.execute(text(statement))
    finally:
        await database.close()


async def _check_nodes(loaded: Loaded, wrong: list[ChainwatchError]) -> Pace | None:
    """Every provider on its own: one that is away or on another chain is a mistake to mend before it is relied on.

    What is wrong is added to `wrong`, and the others are gone on with. Returns how fast the chain goes, if known.
    """
    errors = await asyncio.gather(*(_trouble_with(loaded, provider) for provider in loaded.chain.providers))
    wrong += [error for error in errors if error is not None]
    good = tuple(p for p, error in zip(loaded.chain.providers, errors, strict=True) if error is None)
    if not any("reads" in provider.roles for provider in good):
        return None
    async with Pool(loaded.chain.model_copy(update={"providers": good, "quorum": None})) as pool:
        try:
            await pool.open()
            await _check_code(loaded, pool)
            head = await pool.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
            specs: list[ProbeSpec] = [s for p in loaded.profiles for s in specs_of(p)]
            for name, reading in (await read_probes(pool, specs, head.ref())).items():
                if reading.error is not None:
                    raise BadConfig(
                        f"Probe {name!r} cannot be read at the latest block: {reading.error}.",
                        "Check its contract and call in the profile.",
                    )
            return await _pace(pool, int(head.number, 16))
        except ChainwatchError as error:
            wrong.append(error)
        except ValueError as error:  # a header whose quantities are not hex
            wrong.append(
                NodeError(f"The latest block of chain {loaded.chain.id} cannot be read: {error}.", "Check it.")
            )
    return None


async def _trouble_with(loaded: Loaded, config: ProviderConfig) -> ChainwatchError | None:
    """What is wrong with one provider. Asked alone, it fails without being logged about."""
    async with Pool(loaded.chain.model_copy(update={"providers": (config,), "quorum": None})) as pool:
        try:
            await pool.providers[0].verify(again=True)
        except WrongProvider as error:
            return WrongChain(f"{loaded.path}: {error.problem}", error.mend)
        except NodeError as error:
            return NodeError(f"Provider {config.name} of chain {loaded.chain.id}: {error.problem}", error.mend)
    return None


async def _pace(pool: Pool, head: int) -> Pace | None:
    """How fast the last blocks came, without the genesis block; None where they do not say."""
    first = max(1, head - _MEASURED_BLOCKS)
    calls = [("eth_getBlockByNumber", [hex(number), False]) for number in (range(first, head + 1))]
    blocks = [b for b in await pool.batch(calls) if isinstance(b, dict)]
    try:
        times = [quantity(block["timestamp"]) for block in blocks]
        transactions = sum(len(block["transactions"]) for block in blocks) / max(1, len(blocks))
    except (KeyError, TypeError, ValueError):
        return None
    if len(times) < _FEWEST_BLOCKS or len(times) < len(calls) or times[-1] <= times[0]:
        return None
    return Pace(block_seconds=(times[-1] - times[0]) / (len(times) - 1), transactions=transactions)


async def _check_code(loaded: Loaded, rpc: Caller) -> None:
    named = [(f"profile {p.name!r}: contract {c.name!r}", c.address) for p in loaded.profiles for c in p.contracts]
    named += [(f"profile {p.name!r}: token {t.symbol!r}", t.address) for p in loaded.profiles for t in p.tokens]
    for profile in loaded.profiles:
        for oracle in profile.oracles:
            for what, source in (("pool", oracle.pool), ("feed", oracle.feed)):
                if source is not None:
                    named.append((f"profile {profile.name!r}: {what} of oracle {oracle.name!r}", source.address))
        named += [(f"profile {profile.name!r}: probe {probe.name!r}", probe.contract) for probe in profile.probes]
    named += [(f"playbook {p.name!r}: action.target", p.action.target) for p in loaded.playbooks]
    codes = await rpc.batch([("eth_getCode", [address, "latest"]) for _, address in named])
    for (what, address), code in zip(named, codes, strict=True):
        if code in ("0x", None):
            raise BadConfig(
                f"{what}: there is no code at {address} on chain {loaded.chain.id}.",
                "Correct the address, or the chain.",
            )
