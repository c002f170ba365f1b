"""False alarms that are known: of which shape, in which modes, and why. What is not here must raise nothing."""

from typing import NamedTuple


class Known(NamedTuple):
    """One kind of transaction that a detector takes for an attack."""

    kind: str
    detector: str
    modes: tuple[str, ...]
    why: str


KNOWN = (
    Known(
        "subscription_charge", "access", ("full", "trees"),
        "a merchant that names payer and amount looks like a stranger who does: that the deputy knows him it checks by "
        "reading storage, which no tree shows",
    ),
    Known(
        "late_initialise", "access", ("full", "trees"),
        "who made a clone earlier is not known here; to take one that nobody initialised looks the same",
    ),
)  # fmt: skip


def is_known(kind: str, detectors: tuple[str, ...], mode: str) -> bool:
    """Whether all that was said of it is known to be wrong."""
    return all(any(k.kind == kind and k.detector == d and mode in k.modes for k in KNOWN) for d in detectors)
