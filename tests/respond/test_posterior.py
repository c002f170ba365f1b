"""Bayes' rule over Findings: independent evidence multiplies, the same thing said twice does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwatch.triage.posterior import posterior
from chainwatch.types import Evidence, Finding
from tests.builders import finding


def says(family: str, ratio: float, *refs: str) -> Finding:
    return finding(family=family, likelihood_ratio=ratio, evidence=tuple(Evidence(ref=r, what="") for r in refs))


def test_without_findings_the_prior_stands() -> None:
    assert posterior(1e-6, []).p == pytest.approx(1e-6)


def test_odds_are_multiplied() -> None:
    found = posterior(0.01, [says("a", 100, "log:1"), says("b", 10, "log:2")])
    assert found.likelihood_ratio == 1_000
    assert found.p == pytest.approx((1_000 / 99) / (1 + 1_000 / 99))
    assert [f.family for f in found.used] == ["a", "b"]


def test_one_family_counts_once_with_its_strongest() -> None:
    found = posterior(0.01, [says("a", 10, "log:1"), says("a", 100, "log:2"), says("a", 50, "log:3")])
    assert found.likelihood_ratio == 100


def test_shared_evidence_counts_once_whatever_the_family() -> None:
    found = posterior(0.01, [says("a", 10, "log:1", "log:2"), says("b", 100, "log:2"), says("c", 5, "log:3")])
    assert [f.family for f in found.used] == ["b", "c"]
    assert found.likelihood_ratio == 500


def test_a_family_whose_strongest_overlaps_still_counts_with_another() -> None:
    found = posterior(0.01, [says("a", 100, "log:1"), says("b", 50, "log:1"), says("b", 20, "log:2")])
    assert found.likelihood_ratio == 2_000


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan])
def test_a_ratio_that_is_none_counts_for_nothing(ratio: float) -> None:
    assert posterior(0.01, [says("a", ratio, "log:1")]).used == ()


def test_an_infinite_ratio_is_certainty() -> None:
    assert posterior(0.01, [says("a", math.inf, "log:1")]).p == 1.0


def test_evidence_against_lowers_it() -> None:
    assert posterior(0.5, [says("a", 0.1, "log:1")]).p == pytest.approx(1 / 11)


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, 1.5])
def test_a_prior_that_is_no_chance_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="prior"):
        posterior(prior, [])


findings = st.lists(
    st.builds(
        says,
        st.sampled_from("abc"),
        st.floats(0, 1e9),
        st.sampled_from(["log:1", "log:2", "log:3", "probe:x"]),
        st.sampled_from(["log:1", "log:4", "log:5"]),
    ),
    max_size=8,
)


@given(st.floats(1e-9, 0.999), findings)
def test_what_is_used_is_independent_and_the_order_does_not_matter(prior: float, found: list[Finding]) -> None:
    result = posterior(prior, found)
    assert 0 <= result.p <= 1
    families = [f.family for f in result.used]
    refs = [e for f in result.used for e in {e.ref for e in f.evidence}]
    assert len(set(families)) == len(families)
    assert len(set(refs)) == len(refs)
    if len({f.likelihood_ratio for f in found}) == len(found):  # ties may fall either way
        assert posterior(prior, found[::-1]).p == pytest.approx(result.p)
