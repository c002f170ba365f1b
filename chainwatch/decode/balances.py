"""Who ended a transaction with more or less of which token, from its Transfers.

The chain's coin and its wrapped form count as one (NATIVE). Making a token counts as the token contract giving,
burning as it taking, so that a vault that pays out against its own shares has taken something for what it gave.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Event, Frame, Transfer

DUST, DUST_SHARE = 1_000, 10**9
"""A change of at most so many base units, or below one in so many of what went through, is rounding. The share is
small, because whoever steals decides what else goes through: a flash loan sent to and fro a hundred times must not hide
it."""

PASSES_ON = 1e-3
"""Who keeps no more than this of the largest single amount of every token that went through it is a route, not a party.
Routers round. Not of the sum: whoever steals could send the same money through his victim again and again."""


class Ledger(msgspec.Struct, frozen=True):
    """Net changes, gross flows and the largest single amount by address and token, in base units. `folded` are the
    wrapped coins."""

    changes: Mapping[Address, Mapping[Address, int]]
    gross: Mapping[Address, Mapping[Address, int]]
    largest: Mapping[Address, Mapping[Address, int]]
    folded: frozenset[Address]

    def net(self, addresses: Iterable[Address]) -> dict[Address, int]:
        """What `addresses` together gained (positive) or lost, by token, without dust."""
        total: dict[Address, int] = {}
        through: dict[Address, int] = {}
        for address in addresses:
            for token, change in self.changes.get(address, {}).items():
                total[token] = total.get(token, 0) + change
                through[token] = through.get(token, 0) + self.gross[address][token]
        return {t: change for t, change in total.items() if abs(change) > max(DUST, through[t] // DUST_SHARE)}

    def passes_on(self, address: Address) -> bool:
        """Whether `address` kept and lost next to nothing of what went through it."""
        largest = self.largest.get(address, {})
        return all(abs(change) <= PASSES_ON * largest[t] for t, change in self.changes.get(address, {}).items())


def ledger(events: Sequence[Event]) -> Ledger:
    """The Ledger of one Execution's events."""
    transfers = [e for e in events if isinstance(e, Transfer) and e.amount]
    folded = _wrapped(transfers)
    changes: dict[Address, dict[Address, int]] = {}
    gross: dict[Address, dict[Address, int]] = {}
    largest: dict[Address, dict[Address, int]] = {}
    for t in transfers:
        if _is_wrapping(t, folded) or t.sender == t.recipient:
            continue
        token = NATIVE if t.token in folded else t.token
        for address, amount in ((giver(t), -t.amount), (taker(t), t.amount)):
            own, through = changes.setdefault(address, {}), gross.setdefault(address, {})
            own[token] = own.get(token, 0) + amount
            through[token] = through.get(token, 0) + t.amount
            most = largest.setdefault(address, {})
            most[token] = max(most.get(token, 0), t.amount)
    return Ledger(changes, gross, largest, folded)


def outflow(events: Sequence[Event], accounts: frozenset[Address]) -> dict[Address, int]:
    """What left `accounts`, taken together, less what came in, by token as it is written (the chain's coin and its
    wrapped form apart). Negative where more came in."""
    transfers = [e for e in events if isinstance(e, Transfer) and e.amount]
    folded = _wrapped(transfers)
    net: dict[Address, int] = {}
    for t in transfers:
        leaves, comes = t.sender in accounts, t.recipient in accounts
        if leaves != comes and not _is_wrapping(t, folded):
            net[t.token] = net.get(t.token, 0) + (t.amount if leaves else -t.amount)
    return net


def _is_wrapping(transfer: Transfer, folded: frozenset[Address]) -> bool:
    """One leg of wrapping or unwrapping, which changes nothing for anybody; without a call tree only one is seen."""
    if transfer.token == NATIVE:
        return transfer.sender in folded or transfer.recipient in folded
    return transfer.token in folded and ZERO_ADDRESS in (transfer.sender, transfer.recipient)


def giver(transfer: Transfer) -> Address:
    """Who gave: the token contract where the token was made."""
    return transfer.token if transfer.sender == ZERO_ADDRESS else transfer.sender


def taker(transfer: Transfer) -> Address:
    """Who took: the token contract where the token was burnt."""
    return transfer.token if transfer.recipient == ZERO_ADDRESS else transfer.recipient


def _wrapped(transfers: Sequence[Transfer]) -> frozenset[Address]:
    """Tokens that are the native coin in another form: made and burnt against as much of it."""
    coins = {(t.sender, t.recipient, t.amount) for t in transfers if t.token == NATIVE}
    return frozenset(
        t.token
        for t in transfers
        if t.token != NATIVE
        and (
            t.protocol == "weth"
            or (t.sender == ZERO_ADDRESS and (t.recipient, t.token, t.amount) in coins)
            or (t.recipient == ZERO_ADDRESS and (t.token, t.sender, t.amount) in coins)
        )
    )


def sinks(events: Sequence[Event], frames: Sequence[Frame], insiders: frozenset[Address]) -> frozenset[Address]:
    """Addresses that insiders paid, that gave nothing, and that ran no code: where a gain is carried off to.

    Only a call tree shows that no code ran; without one this is empty.
    """
    if not frames:
        return frozenset()
    transfers = [e for e in events if isinstance(e, Transfer) and e.amount]
    givers = {giver(t) for t in transfers}
    ran = {f.to for f in frames if f.selector or f.end > f.index + 1}
    paid = {t.recipient for t in transfers if t.sender in insiders}
    return frozenset(paid - givers - ran - insiders - {ZERO_ADDRESS})
