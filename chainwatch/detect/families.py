"""The detectors that run, in the order they run: ours, then those of installed packages.

A package brings detectors by entry points of the group `chainwatch.detectors` (docs/own-detectors.md). Who installs a
package trusts it: a detector runs within the bot.
"""

from functools import cache
from importlib.metadata import entry_points

from chainwatch.detect.access import Access
from chainwatch.detect.base import Detector
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.detect.governance import Governance
from chainwatch.detect.invariants import Invariants
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.detect.oracle import Oracle
from chainwatch.detect.outflow import Outflow
from chainwatch.detect.reentrancy import Reentrancy
from chainwatch.detect.round_trip import RoundTrip
from chainwatch.detect.rules import Rules
from chainwatch.detect.staging import Staging
from chainwatch.detect.supply import Supply
from chainwatch.errors import BadConfig

DETECTORS: tuple[Detector, ...] = (
    FlashPriceManipulation(),
    Reentrancy(),
    Access(),
    RoundTrip(),
    Outflow(),
    Supply(),
    Governance(),
    Staging(),
    Oracle(),
    Invariants(),
    Rules(),
    LearnedAnomaly(),
)

GROUP = "chainwatch.detectors"


@cache
def detectors() -> tuple[Detector, ...]:
    """All of them. Raises BadConfig where one that is installed cannot be loaded, is none, or takes a name that is
    taken."""
    found: list[Detector] = list(DETECTORS)
    for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        try:
            loaded = entry.load()
            one = loaded() if isinstance(loaded, type) else loaded
        except Exception as error:
            raise BadConfig(
                f"The detector {entry.name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}.",
                "Mend or uninstall its package.",
            ) from error
        if not all(isinstance(getattr(one, a, None), str) for a in ("name", "family")) or not callable(
            getattr(one, "inspect", None)
        ):
            raise BadConfig(
                f"{entry.value}, which the entry point {entry.name!r} names, is no detector.",
                "It needs name, family and inspect(subject, view): chainwatch.detect.base.Detector.",
            )
        if one.name in {other.name for other in found}:
            raise BadConfig(f"Two detectors are named {one.name!r}.", f"Rename the one of {entry.value}.")
        found.append(one)
    return tuple(found)
