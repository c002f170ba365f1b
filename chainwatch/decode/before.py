"""What was said before in a transaction, for mappers that need it: found at once, however long the transaction is.

Anybody may write ten thousand logs of one kind; a mapper that looked through all Events before each would stand still.
"""

from collections import defaultdict

from chainwatch.types import ZERO_ADDRESS, Address, BridgeTransfer, Event, Trade, Transfer, Withdraw


class Before:
    """The Events of one transaction so far, each looked at once."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self._seen = 0
        self._sent: defaultdict[tuple[Address, Address, int], set[Address]] = defaultdict(set)
        self._came: defaultdict[tuple[Address, int], set[Address]] = defaultdict(set)
        self._went: defaultdict[tuple[Address, int], set[Address]] = defaultdict(set)
        self._last: dict[tuple[type[Event], Address, Address], Event] = {}
        self._burnt: dict[tuple[Address, Address], int] = {}
        self._bridged: set[tuple[str, str, int | None]] = set()

    def _read(self) -> None:
        for event in self.events[self._seen :]:
            if isinstance(event, Transfer):
                token, sender, recipient, amount = event.token, event.sender, event.recipient, event.amount
                self._sent[sender, recipient, amount].add(token)
                self._came[recipient, amount].add(token)
                self._went[sender, amount].add(token)
                if recipient == ZERO_ADDRESS:
                    self._burnt[token, sender] = amount
            elif isinstance(event, Withdraw | Trade):
                self._last[type(event), event.address, event.account] = event
            elif isinstance(event, BridgeTransfer) and event.token is not None:
                self._bridged.add((event.protocol, event.direction, event.amount))
        self._seen = len(self.events)

    def token_sent(self, sender: Address, recipient: Address, amount: int) -> Address | None:
        """The token of which just `amount` was sent; None where there was none, or several."""
        self._read()
        tokens = self._sent.get((sender, recipient, amount), ())
        return next(iter(tokens)) if len(tokens) == 1 else None

    def made(self, token: Address, amount: int) -> bool:
        """Whether so much of it was made for somebody."""
        self._read()
        return token in self._went.get((ZERO_ADDRESS, amount), ())

    def burnt(self, token: Address, amount: int) -> bool:
        """Whether so much of it was burnt."""
        self._read()
        return token in self._came.get((ZERO_ADDRESS, amount), ())

    def came(self, recipient: Address, amount: int) -> bool:
        """Whether `recipient` got so much of a token that is not its own."""
        self._read()
        tokens = self._came.get((recipient, amount), ())
        return len(tokens) > (recipient in tokens)

    def went(self, sender: Address, amount: int) -> bool:
        """Whether `sender` gave so much of a token that is not its own."""
        self._read()
        tokens = self._went.get((sender, amount), ())
        return len(tokens) > (sender in tokens)

    def last_burnt(self, token: Address, by: Address) -> int:
        """How much of `token` was burnt last from `by`; 0 where none was."""
        self._read()
        return self._burnt.get((token, by), 0)

    def last(self, kind: type[Withdraw] | type[Trade], address: Address, account: Address) -> Event | None:
        """The last of `kind` that `address` said of `account`."""
        self._read()
        return self._last.get((kind, address, account))

    def bridged(self, protocol: str, direction: str, amount: int) -> bool:
        """Whether a BridgeTransfer of so much, with its token, was said."""
        self._read()
        return (protocol, direction, amount) in self._bridged


_kept = [Before([])]


def said_before(events: list[Event]) -> Before:
    """What `events`, the list that a mapper is given, hold so far. The last transaction's is kept for its next log."""
    if _kept[0].events is not events:
        _kept[0] = Before(events)
    return _kept[0]
