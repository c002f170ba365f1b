"""How much a dry run has shown, and that arming before takes a reason."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chainwatch.errors import NotReady
from chainwatch.respond import shadow as module
from chainwatch.respond.shadow import Shadow, poisson_bound, refuse_unproven, shadow_of
from chainwatch.store import Store
from chainwatch.store.desk import Feedback
from tests.builders import block, execution


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "chainwatch.db")
    yield opened
    await opened.close()


@pytest.mark.parametrize(("count", "bound"), [(0, 2.9957), (1, 4.7439), (3, 7.7537), (20, 29.0620), (400, 434.4968)])
def test_the_bound_is_the_exact_one(count: int, bound: float) -> None:
    """Half the 95th percentile of chi-squared with 2 n + 2 degrees of freedom."""
    assert poisson_bound(count) == pytest.approx(bound, rel=1e-4)


def test_false_pauses_a_year() -> None:
    assert Shadow(2_000_000, 365.0, 0, 0).false_pauses_a_year == pytest.approx(2.996, abs=0.001)
    assert Shadow(2_000_000, 36.5, 3, 3).false_pauses_a_year == pytest.approx(29.96, abs=0.01)
    assert Shadow(2_000_000, 36.5, 3, 2).false_pauses_a_year > 40
    assert math.isinf(Shadow(0, 0.0, 0, 0).false_pauses_a_year)
    assert "no bound" in Shadow(0, 0.0, 0, 0).text()


@pytest.mark.parametrize(
    ("executions", "days", "short"), [(10**6, 30.0, False), (10**6, 29.9, True), (999_999, 90, True)]
)
def test_what_is_too_short(executions: int, days: float, short: bool) -> None:
    assert Shadow(executions, days, 0, 0).too_short == short


async def test_what_would_have_been_done_is_counted_once_an_alert(store: Store) -> None:
    await store.record_block(block(10, execution(1), execution(2)))
    for alert, against in (("a", ["armed"]), ("a", ["armed"]), ("b", ["armed", "cost"]), ("c", ["armed"])):
        await store.audit("decision", alert=alert, sent=False, against=against)
    await store.audit("decision", alert="d", sent=True, against=[])
    await store.desk.judge(Feedback(alert_id="c", kind="k", detectors=(), verdict="attack", by="ann", note=""))
    assert await shadow_of(store, [1]) == Shadow(2, 0.0, 3, 1)
    assert await shadow_of(store, [7]) == Shadow(0, 0.0, 3, 1)


async def test_arming_takes_a_month_or_a_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.record_block(block(10, execution(1)))
    with pytest.raises(NotReady, match="too short to arm: 1 transactions"):
        await refuse_unproven(store, [1], None)
    await refuse_unproven(store, [1], "we go live tonight")
    (kept,) = await store.audited("armed_unproven")
    assert kept.body["why"] == "we go live tonight"
    monkeypatch.setattr(module, "LEAST_EXECUTIONS", 1)
    monkeypatch.setattr(module, "LEAST_DAYS", 0.0)
    await refuse_unproven(store, [1], None)
    assert len(await store.audited("armed_unproven")) == 1
