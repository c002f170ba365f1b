"""Invariants: broken is broken, unread is undecided, and a mistake in one is found before it matters."""

from collections.abc import Sequence
from typing import Any

import pytest

from chainwatch.detect.base import View
from chainwatch.detect.invariants import Invariants, check_invariant, holds
from chainwatch.errors import BadConfig
from chainwatch.types import Finding, ProbeReading
from tests.builders import address, block, execution, facts, hash_, profile, reading, ref, transaction

MARKET = address(0xB1)


def protocol(expression: str = "debt <= collateral * 0.8", **fields: Any) -> Any:
    return profile(invariants=[{"name": "solvent", "expression": expression, "victims": ["market"]} | fields])


def inspect(now: Sequence[ProbeReading], before: Sequence[ProbeReading] = (), *calls: int) -> list[Finding]:
    view = View(
        facts=tuple(facts() for _ in calls),
        protected=frozenset({MARKET}),
        profile=protocol(),
        probes={r.name: r for r in now},
        history={r.name: (r,) for r in before},
    )
    executions = [execution(n, transaction=transaction(n, to=address(to))) for n, to in enumerate(calls)]
    return list(Invariants().inspect(block(10, *executions), view))


def state(debt: int, collateral: int) -> list[ProbeReading]:
    return [reading("debt", debt, at=ref(10)), reading("collateral", collateral, at=ref(10))]


def test_what_holds_says_nothing() -> None:
    assert inspect(state(80, 100), state(80, 100)) == []


def test_what_breaks_in_this_block_is_enough_to_act_and_names_who_touched_the_victim() -> None:
    (found,) = inspect(state(81, 100), state(80, 100), 0xC3, 0xB1)
    assert found.broken_invariant
    assert found.tx_hashes == (hash_(1),)
    assert "debt = 81" in found.explanation
    assert found.likelihood_ratio == pytest.approx(1e7)


def test_what_was_broken_before_we_looked_pages_but_never_acts() -> None:
    (first,) = inspect(state(81, 100))
    assert not first.broken_invariant
    (still,) = inspect(state(81, 100), state(81, 100))
    assert not still.broken_invariant


def test_an_unread_probe_decides_nothing() -> None:
    unread = [reading("debt", 81), reading("collateral", error="timeout")]
    assert holds(protocol().invariants[0], {r.name: r for r in unread}) is None
    assert inspect(unread, state(80, 100)) == []


def test_values_beyond_64_bits_are_compared() -> None:
    assert inspect(state(2**200, 2**201), state(1, 2)) == []
    assert len(inspect(state(2**200, 2**200), state(1, 2))) == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("debt <=", "is not a CEL expression"),
        ("debt <= colateral", "'colateral', which no probe"),
        ("debt <= collateral * 2", "Write numbers as doubles"),
        ("debt + collateral", "is not true or false"),
    ],
)
def test_a_mistaken_invariant_is_refused_by_check(expression: str, said: str) -> None:
    with pytest.raises(BadConfig, match="solvent") as caught:
        check_invariant(protocol(expression).invariants[0], {"debt": 1, "collateral": 1})
    assert said in str(caught.value)


def test_the_second_value_of_a_probe_has_its_own_name() -> None:
    check_invariant(protocol("oracle_eth_feed_1 > 0.0").invariants[0], {"oracle.eth.feed": 5})
