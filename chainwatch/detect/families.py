"""The detectors that run, in the order they run."""

from chainwatch.detect.access import Access
from chainwatch.detect.base import Detector
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.detect.invariants import Invariants
from chainwatch.detect.oracle import Oracle
from chainwatch.detect.reentrancy import Reentrancy

DETECTORS: tuple[Detector, ...] = (FlashPriceManipulation(), Reentrancy(), Access(), Oracle(), Invariants())
