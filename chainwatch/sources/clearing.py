"""The cheap pass: which transactions can do without a call tree.

Trees are the dearest thing a node is asked for. Cleared is what is plain by itself: a payment to an account that
logs nothing, or a token's transfer or approval whose only log is that token's own, as long as nothing in it names a
watched address. Anybody can call a function of his own `transfer`: what is missed is an attack that leaves no log
but one of the contract it calls. The rates are measured on the corpus (docs/watching.md).
"""

from collections.abc import Sequence

from chainwatch.types import Address, Log, Transaction

_PLAIN_CALLS = frozenset(
    {
        "0xa9059cbb",  # transfer(address,uint256)
        "0x23b872dd",  # transferFrom(address,address,uint256)
        "0x095ea7b3",  # approve(address,uint256)
    }
)


class Clearing:
    """Clears transactions of one chain. Without watched addresses nothing is cleared: everything is of interest."""

    def __init__(self, watched: frozenset[Address]) -> None:
        self._watched = watched
        self._words = frozenset("0x" + address[2:].rjust(64, "0") for address in watched)
        self._needles = tuple(address[2:] for address in watched)

    def clears(self, transaction: Transaction, logs: Sequence[Log]) -> bool:
        """Whether its call tree is not needed."""
        if not self._watched or transaction.to is None or transaction.to in self._watched:
            return False  # a creation runs code that names whom it likes
        plain = transaction.input == "0x" and not logs
        if not plain and (transaction.input[:10] not in _PLAIN_CALLS or len(logs) > 1):
            return False
        if any(log.address != transaction.to or not self._words.isdisjoint(log.topics) for log in logs):
            return False
        return not any(needle in transaction.input for needle in self._needles)
