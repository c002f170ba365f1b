"""The three signs of the `access` family in one Execution: a right taken, a stranger's word trusted, a deputy confused.

What each needs is said at its function, and why in docs/detectors/access.md.
"""

from collections.abc import Iterator, Mapping

import msgspec

from chainwatch.decode.calls import BORROWED_CODE, address_word
from chainwatch.decode.flows import TRANSFER_FROM
from chainwatch.detect.access_scene import HOOKS, MAKES_OWNER, TAKES_OFFERED, Scene, initialisers
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Event, Frame, RoleChange, Transfer

MAX_LOOKED_AT = 64
"""Suspicious calls of one kind that are looked at closely, and words of call data that are read: one is enough for the
claim, and who writes the call tree of an attack may make it as long as he likes."""

MAX_TAKEN = 8
"""Contracts whose rights were taken that are followed up."""

_ASKS_ABOUT = frozenset(("0x70a08231", "0xdd62ed3e"))  # balanceOf(address), allowance(address,address)
_ADDRESS_PADDING = "0" * 24


class Sign(msgspec.Struct, frozen=True):
    """One sign. `contract` let it happen, `losers` what each lost, positive, by token; `gains` is the side's.

    `steps` are the frames and events that show it, each with what it shows; `what` says it in a sentence.
    """

    kind: str
    contract: Address
    losers: Mapping[Address, Mapping[Address, int]]
    side: frozenset[Address]
    gains: Mapping[Address, int]
    steps: tuple[tuple[Frame | Event, str], ...]


def taken_rights(scene: Scene) -> Iterator[Sign]:
    """A right at a contract that existed before was taken, then it, or who relies on it, paid and got nothing.

    Taken is: initialised by the side, made its own owner by the caller itself, or passed to the side while the owner
    until then took no part and had offered nothing.
    """
    frames, side = scene.facts.frames, scene.side
    offered = {f.to for f in frames if f.selector in TAKES_OFFERED}
    taken: dict[Address, tuple[Frame | Event, str]] = {}
    for f in frames:
        if f.kind != "CALL" or f.reverted or f.to in side or f.to in taken or f.sender == f.to:
            continue
        if f.sender in side and f.selector in initialisers():
            taken[f.to] = f, f"{initialisers()[f.selector]} was called on {f.to}, which existed before"
        elif f.selector in MAKES_OWNER and address_word(f.input, 0) == f.sender:
            taken[f.to] = f, f"the caller made itself the owner of {f.to}"
    owners: dict[Address, Address] = {}
    for e in scene.facts.events:
        if not isinstance(e, RoleChange) or e.role != "owner" or e.address in side or e.address in taken:
            continue
        if not e.granted:
            owners[e.address] = e.account
            continue
        old = owners.get(e.address, ZERO_ADDRESS)  # none before: it was made just now, or never initialised
        stranger = old != ZERO_ADDRESS and old not in scene.active and old not in side
        if e.account in side and e.address not in offered and stranger:
            taken[e.address] = e, f"{e.address} passed from {old}, which took no part, to the sender's side"
    for contract, step in list(taken.items())[:MAX_TAKEN]:
        yield from _after_taking(scene, contract, step)


def _after_taking(scene: Scene, contract: Address, step: tuple[Frame | Event, str]) -> Iterator[Sign]:
    frame = step[0] if isinstance(step[0], Frame) else None
    side = scene.side | {frame.sender} if frame else scene.side
    gains = scene.gains(side)
    losers: dict[Address, Mapping[Address, int]] = {}
    for address in (contract, *(_relying(scene.facts.frames, frame) - {contract} - side if frame else ())):
        if lost := scene.lost_only(address, frozenset((contract, *side))):
            losers[address] = lost
    if contract not in losers and (paid := scene.paid(contract, side)):
        losers[contract] = paid
    if gains and losers:
        yield Sign("right_taken", contract, losers, side, gains, (step,))


def _relying(frames: tuple[Frame, ...], taken: Frame) -> frozenset[Address]:
    """Contracts in whose execution the taken one was called afterwards: they go by what it says."""
    marked = [False] * len(frames)
    for f in reversed(frames[taken.index + 1 :]):
        if (f.to == taken.to or marked[f.index]) and not f.reverted:
            marked[f.index] = True
            if f.parent >= 0:
                marked[f.parent] = True
    return frozenset(f.acting_as for f in frames[taken.index + 1 :] if marked[f.index])


def trusted_word(scene: Scene) -> Iterator[Sign]:
    """A contract was handed one of the side's contracts in call data, asked it, and then paid and got nothing.

    Or another one paid that had asked it in turn; then the contract that was handed over must be new in this
    transaction: nobody has a reason to trust it. A hook that tells a recipient what it got asks nothing.
    """
    frames = scene.facts.frames
    gains = scene.gains(scene.side)
    told: dict[tuple[Address, Address], Frame] = {}
    if gains:
        for f in frames:
            if scene.entry[f.index] == f.index and not f.reverted:
                for contract in _named(f, scene.side):
                    told.setdefault((f.to, contract), f)
    asked: set[tuple[Address, Address]] = set()
    losers: dict[Address, Mapping[Address, int]] = {}
    steps: list[tuple[Frame | Event, str]] = []
    trusting = ""
    for f in frames if told else ():
        by = f.acting_as if f.kind in BORROWED_CODE else f.sender
        teller = told.get((by, f.to))
        if teller is None or f.reverted or not f.selector or f.selector in HOOKS or len(asked) == MAX_LOOKED_AT:
            continue
        payer = frames[scene.entry[f.index]].to if scene.entry[f.index] >= 0 else by
        # A reading call of a contract that was there before may be one of a token or a wallet, and asks for no leave.
        fit = f.kind == "CALL" if payer == by else f.to in scene.facts.created
        if not fit or scene.last_paid.get(payer, -1) < f.index or (by, payer) in asked:
            continue
        asked.add((by, payer))
        lost = scene.lost_only(payer, scene.side)
        taken = lost if payer != by else {t: n for t, n in lost.items() if t in gains}
        if taken:
            trusting = trusting or by
            losers[payer] = taken
            steps += ((teller, f"{by} was handed {f.to}, the sender's"), (f, f"it asked {f.to}, then {payer} paid"))
    if losers:
        yield Sign("word_trusted", trusting, losers, scene.side, gains, tuple(steps))


def _named(frame: Frame, side: frozenset[Address]) -> Iterator[Address]:
    """Contracts of the side that are arguments of the call."""
    data = frame.input
    for start in range(10, min(len(data), 10 + 64 * MAX_LOOKED_AT), 64):
        if data.startswith(_ADDRESS_PADDING, start) and (named := "0x" + data[start + 24 : start + 64]) in side:
            yield named


def confused_deputy(scene: Scene) -> Iterator[Sign]:
    """A contract that is not the side's used an allowance given to it, on the side's word, for the side's good.

    The side's contract called it and named the victim in the call data (or gave it code to run as its own); the
    victim made and got no call, received nothing and signed nothing; the side chose the amount, too: it named it or
    had asked what the victim has or allows (who charges what is due goes by his own books); the tokens went to the
    side, or were carried on for its gain, or went to an account that a contract made in this transaction named.
    """
    frames = scene.facts.frames
    losers: dict[Address, Mapping[Address, int]] = {}
    steps: list[tuple[Frame | Event, str]] = []
    named_by_new: set[Address] = set()
    asked = {(f.to, address_word(f.input, 0)) for f in frames if f.selector in _ASKS_ABOUT and f.sender in scene.side}
    deputy, looked_at = "", 0
    for f in frames[: scene.signed]:
        if f.selector != TRANSFER_FROM or f.kind != "CALL" or f.reverted or looked_at == MAX_LOOKED_AT:
            continue
        victim, to, entered = address_word(f.input, 0), address_word(f.input, 1), scene.entry[f.index]
        ordered = scene.foreign[f.index] >= 0
        if not victim or not to or entered < 0 or f.sender in scene.side or f.to in scene.side:
            continue
        if entered == 0 and not ordered:
            continue  # the sender itself called it, as those do who run it
        if victim in scene.active or victim in scene.served or victim in scene.side or victim == ZERO_ADDRESS:
            continue
        looked_at += 1
        call, token, lost = frames[entered], scene.coin(f.to), scene.lost_only(victim, scene.side)
        if not lost.get(token) or not (ordered or victim[2:] in call.input):
            continue
        if not (ordered or f.input[138:202] in call.input or (f.to, victim) in asked):
            continue
        if to not in scene.side and scene.book.changes.get(to, {}).get(token):
            if call.sender not in scene.facts.created or to[2:] not in call.input or to in scene.active:
                continue
            named_by_new.add(to)
        if not deputy:
            deputy = f.sender
            how = "gave it code to run as its own" if ordered else f"named {victim}"
            steps.append((call, f"the sender's side called {call.to} and {how}"))
        steps.append((f, f"{f.sender} moved what {victim} had let it move"))
        losers[victim] = lost
    side = scene.side | named_by_new
    gains = scene.gains(side)
    if deputy and gains and not _went_elsewhere(scene, side, gains):
        yield Sign("deputy_confused", deputy, losers, side, gains, tuple(steps))


def _went_elsewhere(scene: Scene, side: frozenset[Address], gains: Mapping[Address, int]) -> bool:
    """Whether somebody else got more than the side, for nothing: he was paid, and the side had a fee for it.

    What the side paid out of its own pocket does not count, nor coin that it sent on (it tips who builds the block).
    """
    own, tipped = scene.book.net(side), set()
    for e in scene.facts.events:
        if isinstance(e, Transfer) and e.token == NATIVE and e.sender in side:
            tipped.add(e.recipient)
    for address in scene.book.changes:
        if address in side or address in scene.book.folded:
            continue
        net = {t: n for t, n in scene.book.net((address,)).items() if t not in side and t != address}
        for token, amount in net.items() if all(n > 0 for n in net.values()) else ():
            tip = token == NATIVE and address in tipped
            if own.get(token, 0) >= 0 and amount > gains.get(token, 0) and not tip:
                return True
    return False
