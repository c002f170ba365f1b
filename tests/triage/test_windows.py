"""Windows of outflow: right over days, and bounded."""

from chainwatch.triage.windows import Outflows
from tests.builders import address, ref

TOKEN = address(0xD1)


def test_sums_stay_right_and_memory_bounded_over_many_blocks() -> None:
    windows = Outflows()
    for n in range(1, 10_000):  # twelve seconds each: a day and a half
        sums = windows.add(ref(n), {TOKEN: 1})
    assert abs(sums["hour", TOKEN] - 300) < 5  # to the minute
    assert abs(sums["day", TOKEN] - 7_200) < 5
    assert len(windows._recent) + len(windows._minutes) < 5_000


def test_blocks_without_movement_cost_nothing() -> None:
    windows = Outflows()
    windows.add(ref(1), {TOKEN: 5})
    for n in range(2, 5_000):
        windows.add(ref(n), {})
    assert len(windows._recent) == 1
    assert windows.add(ref(5_000), {})["day", TOKEN] == 5
