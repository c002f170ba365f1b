"""The interface of detectors (DESIGN section 4.1): pure, no I/O, the same code live, in scans and in tests.

A detector is given a subject (an Execution or a Block) and a `View`: what decoding found in it, what the
Probes read, what the profile protects. It returns Findings and keeps nothing between calls; windows belong
to the engine, which rolls them back on a reorganisation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from chainwatch.config.models import Profile
from chainwatch.types import NATIVE, Address, Block, Execution, Facts, Finding, ProbeReading


class Words(msgspec.Struct, frozen=True):
    """How a profile's addresses and amounts are called, for explanations that a person reads at 3 a.m."""

    names: Mapping[Address, str] = {}
    tokens: Mapping[Address, tuple[str, int]] = {}

    @classmethod
    def of(cls, profile: Profile) -> "Words":
        """The names, symbols and decimals that `profile` states."""
        names = {contract.address: contract.name for contract in profile.contracts}
        for oracle in profile.oracles:
            if oracle.pool is not None:
                names.setdefault(oracle.pool.address, f"the pool of {oracle.name}")
        return cls(names, {token.address: (token.symbol, token.decimals) for token in profile.tokens})

    def name(self, address: Address) -> str:
        """The contract's name, else its address, shortened."""
        return self.names.get(address) or f"{address[:8]}…{address[-4:]}"

    def amount(self, token: Address, amount: int) -> str:
        """`amount` base units in whole tokens where the decimals are known."""
        if token == NATIVE:
            return f"{amount / 1e18:,.6g} of the chain's coin"
        if token in self.tokens:
            symbol, decimals = self.tokens[token]
            return f"{amount / 10**decimals:,.2f} {symbol}"
        return f"{amount:.4g} base units of {self.name(token)}"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector may look at besides its subject.

    `facts`: of the subject Execution, or, for a Block, of each of its Executions in order.
    `protected`: addresses of special interest; empty means that every contract is of equal interest.
    `profile`: None when nothing is configured (a scan without a profile).
    `probes`: readings by name, for a Block at its hash, for an Execution at its parent's hash (the state it
    started from) or, for a simulated one, of the block it was simulated on.
    `history`: earlier readings by probe name, oldest first, ending with the parent block's.
    `words`: what addresses and amounts are called.
    `outflows`: what left the profile's contracts net of what came in, by window ("block", "hour", "day") and token, up
    to and with the Block; only tokens that have a limit.
    `usd`: dollar value of an amount of a token in base units, None where no price is known.
    """

    facts: tuple[Facts, ...]
    protected: frozenset[Address] = frozenset()
    profile: Profile | None = None
    probes: Mapping[str, ProbeReading] = {}
    history: Mapping[str, Sequence[ProbeReading]] = {}
    words: Words = Words()
    outflows: Mapping[tuple[str, Address], int] = {}
    usd: Callable[[Address, int], float | None] = lambda _token, _amount: None


class Detector(Protocol):
    """One family of detection. `name` and `family` are stable identifiers that alerts carry."""

    name: str
    family: str

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """The Findings about `subject`; nothing for subjects of the other kind."""
        ...
