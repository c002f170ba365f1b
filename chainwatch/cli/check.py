"""`chainwatch check`: is the configuration sound, alone and against the node?"""

from typing import Annotated, Any

import typer

from chainwatch.chain.cost import estimated_calls
from chainwatch.chain.l2 import facts_of
from chainwatch.chain.pool import Pool, WrongProvider
from chainwatch.chain.probes import ProbeSpec, read_probes, specs_of
from chainwatch.chain.rpc import Caller
from chainwatch.chain.wire import WireHeader
from chainwatch.cli.common import ConfigOption, JsonOption, load_config, out, print_json, run, wants_json
from chainwatch.config.load import Loaded
from chainwatch.decode import load_registry
from chainwatch.detect.invariants import check_invariant
from chainwatch.errors import BadConfig, WrongChain
from chainwatch.notify.channel import Notifier


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(check)


def check(
    context: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the node.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Read configuration, profiles, playbooks and ABIs, and hold them against the node.

    Exits 2 with the first thing that is wrong: file, key, line, and the mend.
    """
    loaded = load_config(context, config)
    checked = _check_files(loaded)
    checked["calls_a_day"] = {str(c.chain.id): estimated_calls(c) for c in loaded.by_chain()}
    if not offline:
        for chain in loaded.by_chain():
            run(_check_nodes(chain))
    if wants_json(context, json):
        print_json({"ok": True, "node_checked": not offline, **checked})
    else:
        what = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in checked.items() if isinstance(n, int))
        for chain_id, calls in checked["calls_a_day"].items():
            each = ", ".join(f"{name} {count:,}" for name, count in calls.items())
            facts = facts_of(int(chain_id))
            notes = [f"final {facts.finality_depth} blocks deep where the node does not say"]
            notes += ["its sequencer keeps pending transactions to itself"] if facts.private_sequencer else []
            notes += [f"{facts.preconfirmations} are not used: blocks are"] if facts.preconfirmations else []
            out.print(f"Chain {chain_id} ({facts.name}): {'; '.join(notes)}. About {each} calls a day.")
        node = "the nodes were not asked" if offline else "its nodes agree"
        out.print(f"[green]{loaded.path} is sound[/]: {what}; {node}.")


def _check_files(loaded: Loaded) -> dict[str, Any]:
    registry = load_registry([loaded.root / path for path in loaded.config.abi])
    Notifier(loaded.config.notify)
    for profile in loaded.profiles:
        values = {spec.name: len(spec.returns) for spec in specs_of(profile)}
        for invariant in profile.invariants:
            check_invariant(invariant, values)
    return {
        "profiles": len(loaded.profiles),
        "playbooks": len(loaded.playbooks),
        "probes": sum(len(specs_of(p)) for p in loaded.profiles),
        "known_events": len(registry),
    }


async def _check_nodes(loaded: Loaded) -> None:
    """Every provider on its own: one that is away or on another chain is a mistake to mend before it is relied on."""
    async with Pool(loaded.chain) as pool:
        for provider in pool.providers:
            try:
                await provider.verify(again=True)
            except WrongProvider as error:
                raise WrongChain(f"{loaded.path}: {error.problem}", error.mend) from error
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
