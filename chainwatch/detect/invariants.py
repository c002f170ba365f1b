"""Invariants of the protocol: CEL expressions over Probes that must be true after every block.

What it proves: the state that the profile calls impossible is there. What it does not prove: who did it, or
that the profile is right; `false_alarm_rate` is its owner's judgement, not a measurement. An invariant whose
Probes could not all be read decides nothing. See docs/detectors/invariants.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import cel

from chainwatch.config.models import InvariantConfig, Profile
from chainwatch.detect.base import View
from chainwatch.detect.touching import touching
from chainwatch.errors import BadConfig
from chainwatch.types import Block, Evidence, Execution, Finding, ProbeReading, Stage


class Invariants:
    """Inspects Blocks."""

    name = "invariants"
    family = "invariant"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """One Finding for each broken invariant of the profile."""
        if not isinstance(subject, Block) or view.profile is None:
            return
        for invariant in view.profile.invariants:
            if holds(invariant, view.probes) is False:
                yield _finding(invariant, subject, view, view.profile)


def holds(invariant: InvariantConfig, readings: Mapping[str, ProbeReading]) -> bool | None:
    """Whether it holds at `readings`; None where a Probe it needs was not read."""
    program = _program(invariant.expression)
    known = _variables(readings)
    needed = program.variables()
    if any(name not in known for name in needed):
        return None
    return bool(program.execute({name: known[name] for name in needed}))


def check_invariant(invariant: InvariantConfig, probe_values: Mapping[str, int]) -> None:
    """Raise BadConfig unless the expression compiles, knows its probes and mixes no types.

    `probe_values` says how many values each probe of the profile has.
    """
    where = f"Invariant {invariant.name!r}"
    try:
        program = _program(invariant.expression)
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise BadConfig(f"{where} is not a CEL expression: {first}", "Mend the expression.") from error
    known = {n for name, count in probe_values.items() for n in _names(name, count)}
    for name in program.variables():
        if name not in known:
            raise BadConfig(
                f"{where} uses {name!r}, which no probe of the profile gives.",
                f"Known are: {', '.join(sorted(known))}.",
            )
    try:
        result = program.execute(dict.fromkeys(known, 1.0))
    except (TypeError, RuntimeError, ValueError) as error:
        first = str(error).split(". ")[0]
        raise BadConfig(f"{where} cannot be evaluated: {first}.", "Write numbers as doubles: 0.8, 100.0.") from error
    if not isinstance(result, bool):
        raise BadConfig(f"{where} is not true or false but {result!r}.", "End it in a comparison.")


@lru_cache(maxsize=256)
def _program(expression: str) -> cel.Program:
    return cel.compile(expression)


def _names(probe: str, count: int) -> list[str]:
    base = probe.replace(".", "_").replace("-", "_")
    return [base if i == 0 else f"{base}_{i}" for i in range(count)]


def _variables(readings: Mapping[str, ProbeReading]) -> dict[str, float]:
    return {
        name: float(value)
        for reading in readings.values()
        if reading.error is None
        for name, value in zip(_names(reading.name, len(reading.values)), reading.values, strict=True)
    }


def _finding(invariant: InvariantConfig, block: Block, view: View, profile: Profile) -> Finding:
    # Broken already before this block (or before we looked): true, and worth a page, but no news to act on.
    before = _readings_before(view.history)
    fresh = holds(invariant, before) is True
    victims = tuple(profile.address_of(name) for name in invariant.victims)
    culprits = touching(block, view.facts, frozenset(victims)) if fresh else []
    values = _variables(view.probes)
    used = _program(invariant.expression).variables()
    now = ", ".join(f"{name} = {values[name]:.6g}" for name in used)
    evidence = [
        Evidence(
            ref=f"probe:{reading.name}@{block.ref.hash}",
            what=f"what {reading.name} read after this block",
            values={n: repr(values[n]) for n in _names(reading.name, len(reading.values)) if n in used},
        )
        for reading in view.probes.values()
        if any(n in used for n in _names(reading.name, len(reading.values)))
    ]
    since = "held one block ago and no longer does" if fresh else "does not hold (it did not when we began to look)"
    return Finding(
        detector=Invariants.name,
        family=Invariants.family,
        kind="invariant_broken",
        confidence=0.99 if fresh else 0.6,
        likelihood_ratio=1.0 / invariant.false_alarm_rate if fresh else 1.0,
        chain_id=block.chain_id,
        stage=Stage.INCLUDED,
        block=block.ref,
        tx_hashes=tuple(e.transaction.hash for e in culprits),
        victims=victims,
        suspects=tuple(dict.fromkeys(e.transaction.from_ for e in culprits)),
        loss={},
        loss_usd=None,
        evidence=tuple(evidence),
        formula=f"{invariant.name}: {invariant.expression}",
        explanation=f"Invariant {invariant.name!r} of {profile.name} {since}: {invariant.expression}, with {now}.",
        broken_invariant=fresh,
        condition=True,
    )


def _readings_before(history: Mapping[str, Sequence[ProbeReading]]) -> dict[str, ProbeReading]:
    return {name: window[-1] for name, window in history.items() if window}
