"""The interface of detectors (DESIGN section 4.1): pure, no I/O, the same code live, in scans and in tests.

A detector is given a subject (an Execution or a Block) and a `View`: what decoding found in it, what the
Probes read, what the profile protects. It returns Findings and keeps nothing between calls; windows belong
to the engine, which rolls them back on a reorganisation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from chainwatch.config.models import Profile
from chainwatch.types import Address, Block, Execution, Facts, Finding, ProbeReading


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector may look at besides its subject.

    `facts`: of the subject Execution, or, for a Block, of each of its Executions in order.
    `protected`: addresses of special interest; empty means that every contract is of equal interest.
    `profile`: None when nothing is configured (a scan without a profile).
    `probes`: readings by name, for a Block at its hash, for an Execution at its parent's hash (the state it
    started from) or, for a simulated one, of the block it was simulated on.
    `history`: earlier readings by probe name, oldest first, ending with the parent block's.
    `usd`: dollar value of an amount of a token in base units, None where no price is known.
    """

    facts: tuple[Facts, ...]
    protected: frozenset[Address] = frozenset()
    profile: Profile | None = None
    probes: Mapping[str, ProbeReading] = {}
    history: Mapping[str, Sequence[ProbeReading]] = {}
    usd: Callable[[Address, int], float | None] = lambda _token, _amount: None


class Detector(Protocol):
    """One family of detection. `name` and `family` are stable identifiers that alerts carry."""

    name: str
    family: str

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """The Findings about `subject`; nothing for subjects of the other kind."""
        ...
