"""Could every playbook act right now? Honest red, amber, green.

Red: it could not, or something is wrong. Amber: it cannot be known, or it would work with a risk. Green: it was
tried and works. An exception in a check is red, never green; a role whose holder is the zero address is no role.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from chainwatch.chain.l2 import facts_of, l1_data_fee
from chainwatch.chain.rpc import Caller, chain_id, quantity
from chainwatch.config.load import Loaded
from chainwatch.config.models import PlaybookConfig
from chainwatch.errors import BadInput, ChainwatchError, NodeRejected, NotReady
from chainwatch.respond.adapters import ADAPTERS, Adapter, has_role_call, is_true, role_id, selector
from chainwatch.respond.arming import Arming
from chainwatch.respond.fees import GWEI, worst_cost
from chainwatch.respond.signer import Signer
from chainwatch.types import ZERO_ADDRESS, Address


class Colour(StrEnum):
    """What a check found."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


class Check(msgspec.Struct, frozen=True):
    """One check. `mend` is empty where it is green."""

    name: str
    colour: Colour
    detail: str
    mend: str = ""


def worst(checks: Sequence[Check]) -> Colour:
    """Red if any is red, amber if any is amber, else green; nothing checked is red."""
    colours = {check.colour for check in checks}
    if not colours or Colour.RED in colours:
        return Colour.RED
    return Colour.AMBER if Colour.AMBER in colours else Colour.GREEN


async def readiness(loaded: Loaded, rpc: Caller, unlock: Callable[[], Awaitable[Signer]]) -> list[Check]:
    """Every check of every playbook. `unlock` opens the keystore."""
    config = loaded.config
    checks = [await _guarded("node", _node(rpc, loaded.chain.id))]
    if checks[0].colour is Colour.RED:
        return checks  # nothing else can be asked
    checks.append(await _guarded("simulation", _simulation(rpc)))
    checks.append(_disarmed(Arming(loaded.root, armed=True)))
    if config.signer is None:
        checks.append(Check("signer", Colour.RED, "no [signer] is configured", "Add one, or stay in dry run."))
        return checks
    checks.append(await _guarded("signer", _unlocks(unlock)))
    checks.append(await _guarded("funds", _funds(loaded, rpc, config.signer.address)))
    if not loaded.playbooks:
        checks.append(Check("playbooks", Colour.RED, "there is no playbook", "Write one, or stay in dry run."))
    for playbook in loaded.playbooks:
        checks += await playbook_checks(playbook, rpc, config.signer.address)
    return checks


async def playbook_checks(playbook: PlaybookConfig, rpc: Caller, sender: Address) -> list[Check]:
    """The checks of one playbook: code, role, rights, simulation, state."""
    action, adapter = playbook.action, ADAPTERS[playbook.action.adapter]
    name = playbook.name
    return [
        await _guarded(f"{name}: code", _code(rpc, action.target)),
        await _guarded(f"{name}: role", _role(rpc, action.target, action.role, sender)),
        await _guarded(f"{name}: least privilege", _no_more_rights(rpc, action.target, action.role, sender, adapter)),
        await _guarded(f"{name}: state", _not_done(rpc, action.target, adapter.read)),
        await _guarded(f"{name}: simulates", _simulates(rpc, action.target, adapter.act, adapter.read, sender)),
        await _guarded(f"{name}: others cannot", _others_cannot(rpc, action.target, adapter.act, adapter.read)),
    ]


async def refuse_unfit_key(
    playbooks: Sequence[PlaybookConfig], rpc: Caller, sender: Address, *, trusted: frozenset[Address] = frozenset()
) -> list[str]:
    """Refuse to arm where a target has no code or the key lacks a playbook's role (BadInput), or the key holds more
    rights than it (NotReady).

    At a target in `trusted`, where this key was armed before, more rights are no reason to leave the protocol
    undefended (DESIGN section 4.7): they are returned, in words, to be told.
    """
    excess = []
    for playbook in playbooks:
        action = playbook.action
        code = await _guarded("code", _code(rpc, action.target))
        if code.colour is Colour.RED:
            raise BadInput(f"Playbook {playbook.name!r} cannot act: {code.detail}.", code.mend)
        role = await _guarded("role", _role(rpc, action.target, action.role, sender))
        if role.colour is Colour.RED:
            raise BadInput(f"Playbook {playbook.name!r} cannot act: {role.detail}.", role.mend)
        adapter = ADAPTERS[action.adapter]
        if role.colour is Colour.AMBER and not await _asked(rpc, action.target, adapter.read):
            # Who may act cannot be asked for: then only trying it says so.
            tried = await _guarded("simulates", _simulates(rpc, action.target, adapter.act, adapter.read, sender))
            if tried.colour is Colour.RED:
                raise BadInput(f"Playbook {playbook.name!r} cannot act: {tried.detail}.", tried.mend)
        rights = await _guarded("rights", _no_more_rights(rpc, action.target, action.role, sender, adapter))
        if rights.colour is Colour.RED and action.target not in trusted:
            raise NotReady(f"Playbook {playbook.name!r}: {rights.detail}.", rights.mend)
        if rights.colour is Colour.RED:
            excess.append(f"Playbook {playbook.name!r}: {rights.detail}. {rights.mend}")
    return excess


async def _guarded(name: str, check: Awaitable[Check]) -> Check:
    try:
        found = await check
    except ChainwatchError as error:
        return Check(name, Colour.RED, error.problem, error.mend)
    except Exception as error:  # a check that breaks has not found anything good
        return Check(name, Colour.RED, f"the check failed: {type(error).__name__}: {error}", "Report this.")
    return msgspec.structs.replace(found, name=name)


async def _node(rpc: Caller, wanted: int) -> Check:
    actual = await chain_id(rpc)
    if actual != wanted:
        return Check(
            "",
            Colour.RED,
            f"it is on chain {actual}, chain.id is {wanted}",
            "Correct the provider's http, or chains.id.",
        )
    head = quantity(await rpc.call("eth_blockNumber", as_=str))
    return Check("", Colour.GREEN, f"chain {actual}, block {head}")


async def _simulation(rpc: Caller) -> Check:
    try:
        await rpc.call("eth_simulateV1", [{"blockStateCalls": [{"calls": []}]}, "latest"])
    except NodeRejected as error:
        mend = "Use a node with eth_simulateV1 (geth 1.14.9, Nethermind, Reth, Anvil)."
        return Check("", Colour.AMBER, f"no eth_simulateV1, so every Proof is inconclusive ({error.message})", mend)
    return Check("", Colour.GREEN, "eth_simulateV1 answers")


def _disarmed(arming: Arming) -> Check:
    if arming.disarmed():
        return Check("disarm", Colour.RED, f"disarmed {arming.why()}", "chainwatch disarm --clear")
    return Check("disarm", Colour.GREEN, "not disarmed")


async def _unlocks(unlock: Callable[[], Awaitable[Signer]]) -> Check:
    signer = await unlock()
    return Check("", Colour.GREEN, f"unlocked, {signer.address}")


_ACTION_BYTES = b"\xff" * 250  # a signed pause has some 180 bytes, and these don't compress


async def _funds(loaded: Loaded, rpc: Caller, sender: Address) -> Check:
    sending = loaded.config.sending
    balance = quantity(await rpc.call("eth_getBalance", [sender, "latest"], as_=str))
    needed = worst_cost(sending.gas_limit, round(sending.max_fee_gwei * GWEI))
    text = f"for one action with {sending.max_bumps} bumps at the fee cap"
    family = facts_of(loaded.chain.id).family
    if (for_data := await l1_data_fee(rpc, family, _ACTION_BYTES)) and family != "arbitrum":
        needed += 2 * for_data  # it is charged on top, and may double before the action is in
        text += f" and {2 * for_data / 1e18:.6f} for its data on L1"
    text = f"{balance / 1e18:.4f} of {needed / 1e18:.4f} {text}"
    if balance < needed:
        return Check("", Colour.RED, text, f"Send {(needed - balance) / 1e18:.4f} to {sender}.")
    return Check("", Colour.GREEN, text)


async def _code(rpc: Caller, target: Address) -> Check:
    code = await rpc.call("eth_getCode", [target, "latest"], as_=str)
    if len(code) <= 2:
        return Check("", Colour.RED, f"there is no code at {target}", "Correct action.target.")
    return Check("", Colour.GREEN, f"{len(code) // 2 - 1} bytes at {target}")


async def _role(rpc: Caller, target: Address, role: str, sender: Address) -> Check:
    mend = f"Grant it to {sender}, or correct action.role."
    if sender == ZERO_ADDRESS:
        return Check("", Colour.RED, "the sender is the zero address", "Correct signer.address.")
    if role == "owner":
        owner = await _address(rpc, target, selector("owner()"))
        if owner is None:
            return Check("", Colour.AMBER, "owner() does not answer: who may act cannot be known", mend)
        if owner == ZERO_ADDRESS:
            return Check("", Colour.RED, "the owner is the zero address: nobody can act", mend)
        if owner != sender:
            return Check("", Colour.RED, f"the owner is {owner}, not {sender}", mend)
        return Check("", Colour.GREEN, f"{sender} is the owner")
    held = await _asked(rpc, target, has_role_call(role, sender))
    if held is None:
        return Check("", Colour.AMBER, "hasRole does not answer: who holds the role cannot be known", mend)
    if not held:
        return Check("", Colour.RED, f"{sender} does not hold {role}", mend)
    if await _asked(rpc, target, has_role_call(role, ZERO_ADDRESS)):
        mend = "Revoke it from the zero address; until then this contract's word on roles means nothing."
        return Check("", Colour.RED, f"the zero address holds {role} too", mend)
    return Check("", Colour.GREEN, f"{sender} holds {role}")


async def _no_more_rights(rpc: Caller, target: Address, role: str, sender: Address, adapter: Adapter) -> Check:
    """Rights that the playbook did not declare: the admin role, ownership, undoing what it did."""
    more = []
    admin = role_id("DEFAULT_ADMIN_ROLE")
    if role_id(role) != admin and await _asked(rpc, target, has_role_call(admin, sender)):
        more.append("DEFAULT_ADMIN_ROLE")
    if role != "owner" and await _address(rpc, target, selector("owner()")) == sender:
        more.append("ownership")
    if role != "owner" and not more and await _may_undo(rpc, target, adapter, sender):
        more.append("the right to undo it")
    if more:
        mend = "Use a key that may pause and nothing else."
        return Check("", Colour.RED, f"the key holds more than {role}: {' and '.join(more)}", mend)
    if role == "owner":
        mend = "Give pausing to a role of its own: an owner can do far more."
        return Check("", Colour.AMBER, "the key owns the contract, which is more than pausing takes", mend)
    return Check("", Colour.GREEN, f"no admin role and no ownership beside {role}")


async def _not_done(rpc: Caller, target: Address, read: str) -> Check:
    word = await _word(rpc, target, read)
    if word is None:
        return Check("", Colour.RED, "its state cannot be read", "Is this the right adapter for the contract?")
    if is_true(word):
        return Check("", Colour.RED, "it is paused already", "Reopen it by governance before relying on this playbook.")
    return Check("", Colour.GREEN, "not paused")


async def _simulates(rpc: Caller, target: Address, act: str, read: str, sender: Address) -> Check:
    """The action, from this sender, and its effect where the node can show it."""
    try:
        await rpc.call("eth_call", [{"from": sender, "to": target, "data": act}, "latest"])
    except NodeRejected as error:
        return Check("", Colour.RED, f"the action reverts from {sender}: {error.message}", "Check role and state.")
    effect = await _effect(rpc, target, act, read, sender)
    if effect is None:
        return Check(
            "", Colour.AMBER, "it does not revert; its effect cannot be simulated", "Use a node with eth_simulateV1."
        )
    if not effect:
        return Check("", Colour.RED, "it does not revert, and has no effect", "Is this the right adapter and target?")
    return Check("", Colour.GREEN, "it succeeds and the state shows it")


async def _others_cannot(rpc: Caller, target: Address, act: str, read: str) -> Check:
    """The same call from an account nobody has: it must not work, or the role check above proved nothing."""
    stranger = "0x" + secrets.token_hex(20)
    try:
        await rpc.call("eth_call", [{"from": stranger, "to": target, "data": act}, "latest"])
    except NodeRejected:
        return Check("", Colour.GREEN, "a stranger's call reverts")
    if await _effect(rpc, target, act, read, stranger) is False:
        return Check("", Colour.GREEN, "a stranger's call has no effect")
    return Check("", Colour.RED, "anybody may make this call", "Anyone could pause it: that is a hole of its own.")


async def _effect(rpc: Caller, target: Address, act: str, read: str, sender: Address) -> bool | None:
    calls = [{"from": sender, "to": target, "input": act}, {"to": target, "input": read}]
    funds = {sender: {"balance": hex(10**21)}}
    simulation = {"blockStateCalls": [{"stateOverrides": funds, "calls": calls}], "validation": False}
    try:
        blocks = await rpc.call("eth_simulateV1", [simulation, "latest"])
    except NodeRejected:
        return None
    return is_true(blocks[0]["calls"][1].get("returnData"))


async def _may_undo(rpc: Caller, target: Address, adapter: Adapter, sender: Address) -> bool:
    """Whether the same key could undo the action: automation may only reduce risk."""
    acts = [{"from": sender, "to": target, "input": data} for data in (adapter.act, adapter.undo)]
    funds = {sender: {"balance": hex(10**21)}}
    simulation = {"blockStateCalls": [{"stateOverrides": funds, "calls": acts}], "validation": False}
    try:
        blocks = await rpc.call("eth_simulateV1", [simulation, "latest"])
    except NodeRejected:
        return False  # not known; the checks by role stand
    return all(call["status"] == "0x1" for call in blocks[0]["calls"])


async def _word(rpc: Caller, target: Address, data: str) -> Any:
    try:
        word = await rpc.call("eth_call", [{"to": target, "data": data}, "latest"])
    except NodeRejected:
        return None
    return word if isinstance(word, str) and len(word) == 66 else None


async def _asked(rpc: Caller, target: Address, data: str) -> bool | None:
    word = await _word(rpc, target, data)
    return None if word is None else is_true(word)


async def _address(rpc: Caller, target: Address, data: str) -> Address | None:
    word = await _word(rpc, target, data)
    return None if word is None or int(word[2:26], 16) else "0x" + word[26:].lower()
