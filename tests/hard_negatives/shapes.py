"""All shapes: importing the files of scenes registers them."""

from tests.hard_negatives import lending, services, trading
from tests.hard_negatives.scenes import SHAPES

__all__ = ["SHAPES", "lending", "services", "trading"]
