"""`chainwatch act` and `chainwatch disarm`: what a person does by hand in an incident."""

from typing import Annotated

import typer
from rich.markup import escape

from chainwatch.chain.pool import Pool
from chainwatch.cli.common import (
    ConfigOption,
    JsonOption,
    config_path,
    err,
    load_config,
    out,
    print_json,
    run,
    wants_json,
)
from chainwatch.config.load import Loaded
from chainwatch.errors import BadInput
from chainwatch.respond.arming import Arming
from chainwatch.respond.responder import Responder
from chainwatch.respond.sender import ActionResult
from chainwatch.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(act)
    app.command()(disarm)


def act(
    context: typer.Context,
    playbook: Annotated[str, typer.Argument(help="Name of the playbook whose action to run.")],
    arm: Annotated[bool, typer.Option("--arm", help="Send it. Without: check and simulate only.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return once a node has acknowledged it.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run a playbook's action by hand, now: no alert needed, the role, simulation and disarm checks stay.

    Exits 0 when it is done and verified, was done already, or (without --arm) would succeed; 1 when it failed on
    chain; 3 when a check says no.
    """
    loaded = _chain_of(load_config(context, config), playbook)
    result = run(_act(loaded, playbook, arm, wait=not no_wait))
    as_json = wants_json(context, json)
    if isinstance(result, str):
        print_json({"playbook": playbook, "state": result}) if as_json else out.print(f"{playbook}: {result}")
        return
    print_json(result) if as_json else out.print(escape(result.text()))
    if not result.verified:
        raise typer.Exit(1)


def _chain_of(loaded: Loaded, playbook: str) -> Loaded:
    """What concerns the chain of the playbook's profile."""
    for chain in loaded.by_chain():
        if any(p.name == playbook for p in chain.playbooks):
            return chain
    known = ", ".join(p.name for p in loaded.playbooks) or "none"
    raise BadInput(f"There is no playbook {playbook!r}.", f"Known are: {known}.")


async def _act(loaded: Loaded, name: str, arm: bool, *, wait: bool) -> ActionResult | str:
    async with Pool(loaded.chain) as pool:
        await pool.open()
        store = await Store.open(loaded.store)
        try:
            responder = await Responder.create(loaded, store, pool, armed=arm, exclusive=False)
            if await responder.already_done(name):
                return "done already"
            try:
                result = await responder.act(name, wait=wait)
            finally:
                await responder.drain(0.0 if not wait else loaded.config.sending.give_up_seconds)
            return result or ("sent" if arm else "dry run: it would succeed; add --arm to send it")
        finally:
            await store.close()


def disarm(
    context: typer.Context,
    clear: Annotated[bool, typer.Option("--clear", help="Take the disarming back.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Stop every action at once: a bot that runs sends nothing more from now on. Detection goes on.

    Works from any terminal, also with the database locked, and survives a restart. What was broadcast before may
    still be included.
    """
    path = config_path(context, config)
    if not path.is_file():  # only that it exists: a configuration that is broken must not keep anybody from this
        raise BadInput(f"{path} does not exist, so no bot looks beside it.", "Name the bot's file with --config.")
    arming = Arming(path.resolve().parent, armed=True)
    if clear:
        was = arming.clear()
        text = "No longer disarmed. A bot that runs with --arm acts again." if was else "It was not disarmed."
    else:
        arming.disarm()
        text = f"Disarmed: {arming.path}. Take it back with `chainwatch disarm --clear`."
    print_json({"disarmed": arming.disarmed(), "file": str(arming.path)}) if wants_json(context, json) else err.print(
        text
    )
