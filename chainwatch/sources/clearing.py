"""The cheap pass: which transactions can do without a call tree.

Trees are the dearest thing a node is asked for. A transaction is cleared when nothing that is known without its tree
(whom it calls, its calldata, its logs) names a watched address. What is missed is an attack that reaches a watched
contract by inner calls alone, of which neither a log nor the calldata tells; the rate is measured on the corpus
(docs/watching.md).
"""

from collections.abc import Sequence

from chainwatch.types import Address, Log, Transaction


class Clearing:
    """Clears transactions of one chain. Without watched addresses nothing is cleared."""

    def __init__(self, watched: frozenset[Address]) -> None:
        self._watched = watched
        self._words = frozenset("0x" + address[2:].rjust(64, "0") for address in watched)
        self._needles = tuple(address[2:] for address in watched)

    def clears(self, transaction: Transaction, logs: Sequence[Log]) -> bool:
        """Whether its call tree is not needed."""
        if not self._watched or transaction.to is None or transaction.to in self._watched:
            return False  # a creation runs code that names whom it likes
        if any(needle in transaction.input for needle in self._needles):
            return False
        for log in logs:
            if log.address in self._watched or not self._words.isdisjoint(log.topics):
                return False
            if any(needle in log.data for needle in self._needles):
                return False
        return True
