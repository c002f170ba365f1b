"""The detectors that run, in the order they run."""

from chainwatch.detect.access import Access
from chainwatch.detect.base import Detector
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.detect.invariants import Invariants
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.detect.oracle import Oracle
from chainwatch.detect.outflow import Outflow
from chainwatch.detect.reentrancy import Reentrancy
from chainwatch.detect.round_trip import RoundTrip
from chainwatch.detect.staging import Staging

DETECTORS: tuple[Detector, ...] = (
    FlashPriceManipulation(),
    Reentrancy(),
    Access(),
    RoundTrip(),
    Outflow(),
    Staging(),
    Oracle(),
    Invariants(),
    LearnedAnomaly(),
)
