"""How likely an attack is, given what detectors found: Bayes' rule in odds form (DESIGN section 4.13).

Likelihood ratios may be multiplied only where the Findings are independent given the truth. Two detectors of
one family, or two Findings that rest on the same log, say the same thing twice; hence one Finding a family,
and only those that share no evidence with one already counted.
"""

import math
from collections.abc import Iterable

import msgspec

from chainwatch.types import Finding, evidence_overlaps


class Posterior(msgspec.Struct, frozen=True):
    """`p` is the chance of an attack, from `prior` odds times `likelihood_ratio`, the product over `used`."""

    p: float
    prior: float
    likelihood_ratio: float
    used: tuple[Finding, ...]


def posterior(prior: float, findings: Iterable[Finding]) -> Posterior:
    """The chance of an attack after `findings`, from the chance `prior` (0 to 1, exclusive) before them.

    Of each family the strongest Finding counts that shares no evidence with a stronger one of another family.
    An advisory Finding, and a likelihood ratio that is not a positive number, count for nothing.
    """
    if not 0.0 < prior < 1.0:
        raise ValueError(f"a prior lies between 0 and 1, exclusive; this is {prior}")
    used: list[Finding] = []
    usable = (f for f in findings if not f.advisory and f.likelihood_ratio > 0 and not math.isnan(f.likelihood_ratio))
    for finding in sorted(usable, key=lambda f: f.likelihood_ratio, reverse=True):
        if any(f.family == finding.family or evidence_overlaps(f.evidence, finding.evidence) for f in used):
            continue
        used.append(finding)
    ratio = math.prod(f.likelihood_ratio for f in used)
    odds = prior / (1.0 - prior) * ratio
    p = 1.0 if math.isinf(odds) else odds / (1.0 + odds)
    return Posterior(p, prior, ratio, tuple(used))
