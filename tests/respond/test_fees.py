"""Fees: under the cap always, replacements that a node accepts."""

from hypothesis import given
from hypothesis import strategies as st

from chainwatch.respond.fees import GWEI, Fees, bumped, first_fees, worst_cost

wei = st.integers(0, 10**15)
positive = st.integers(1, 10**15)


def test_twice_the_base_fee_and_the_tip() -> None:
    assert first_fees(10 * GWEI, 3 * GWEI, 300 * GWEI) == Fees(23 * GWEI, 3 * GWEI)


def test_the_first_fees_stop_at_the_cap_and_the_tip_stays_below_them() -> None:
    assert first_fees(200 * GWEI, 3 * GWEI, 300 * GWEI) == Fees(300 * GWEI, 3 * GWEI)
    assert first_fees(200 * GWEI, 3 * GWEI, 2 * GWEI) == Fees(2 * GWEI, 2 * GWEI)


def test_a_replacement_follows_a_base_fee_that_rose() -> None:
    before = first_fees(10 * GWEI, 3 * GWEI, 300 * GWEI)
    assert bumped(before, 50 * GWEI, 300 * GWEI) == Fees(103_375_000_000, 3_375_000_000)


def test_the_last_replacement_goes_to_the_cap_and_no_further() -> None:
    before = Fees(100 * GWEI, 3 * GWEI)
    assert bumped(before, 80 * GWEI, 113 * GWEI) == Fees(113 * GWEI, 3_375_000_000)
    assert bumped(before, 80 * GWEI, 112 * GWEI) is None  # less than an eighth more: a node would refuse it


@given(wei, positive, positive)
def test_first_fees_are_valid_and_capped(base_fee: int, tip: int, cap: int) -> None:
    fees = first_fees(base_fee, tip, cap)
    assert 0 < fees.max_priority_fee_per_gas <= fees.max_fee_per_gas <= cap


@given(wei, positive, positive, st.lists(wei, max_size=60))
def test_every_replacement_raises_both_fields_by_a_tenth_under_the_cap(
    base_fee: int, tip: int, cap: int, later: list[int]
) -> None:
    fees = first_fees(base_fee, tip, cap)
    for now in later:
        after = bumped(fees, now, cap)
        if after is None:
            # only at the cap: an eighth more of one of them would be above it
            assert max(fees.max_fee_per_gas, fees.max_priority_fee_per_gas) * 9 > (cap - 1) * 8
            return
        assert after.max_fee_per_gas * 10 >= fees.max_fee_per_gas * 11
        assert after.max_priority_fee_per_gas * 10 >= fees.max_priority_fee_per_gas * 11
        assert after.max_priority_fee_per_gas <= after.max_fee_per_gas <= cap
        fees = after


@given(positive, st.integers(21_000, 16_777_216))
def test_one_action_costs_at_most_gas_at_the_cap(cap: int, gas: int) -> None:
    assert worst_cost(gas, cap) == gas * cap
