"""The detectors that run, in the order they run."""

from chainwatch.detect.base import Detector
from chainwatch.detect.flash_price_manipulation import FlashPriceManipulation
from chainwatch.detect.invariants import Invariants
from chainwatch.detect.oracle import Oracle

DETECTORS: tuple[Detector, ...] = (FlashPriceManipulation(), Oracle(), Invariants())
