"""What mappers ask of earlier Events is the same as looking through them all, and each Event is looked at once."""

import random
from typing import Any

from chainwatch.decode.before import said_before
from chainwatch.types import ZERO_ADDRESS, Event, Transfer, Withdraw
from tests.builders import address

PARTIES = [ZERO_ADDRESS, *(address(n) for n in range(1, 5))]


class Counting(list[Event]):
    """A list that counts what is taken out of it."""

    taken = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        self.taken += len(found) if isinstance(at, slice) else 1
        return found


def random_event(rng: random.Random, order: int) -> Event:
    given: dict[str, Any] = {"order": order, "log_index": order, "address": rng.choice(PARTIES), "protocol": "test"}
    if rng.random() < 0.2:
        return Withdraw(**given, account=rng.choice(PARTIES), token=None, amount=rng.randrange(4))
    token, sender, recipient = (rng.choice(PARTIES) for _ in range(3))
    return Transfer(**given, token=token, sender=sender, recipient=recipient, amount=rng.randrange(4))


def test_it_answers_as_looking_through_all_would() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        events: list[Event] = []
        for order in range(30):
            events.append(random_event(rng, order))
            said, amount, (one, other) = said_before(events), rng.randrange(4), rng.choices(PARTIES, k=2)
            moved = [e for e in events if isinstance(e, Transfer)]
            tokens = {e.token for e in moved if (e.sender, e.recipient, e.amount) == (one, other, amount)}
            assert said.token_sent(one, other, amount) == (tokens.pop() if len(tokens) == 1 else None)
            assert said.came(one, amount) == any(
                e.recipient == one and e.amount == amount and e.token != one for e in moved
            )
            assert said.went(one, amount) == any(
                e.sender == one and e.amount == amount and e.token != one for e in moved
            )
            assert said.made(one, amount) == any(
                e.token == one and e.amount == amount and e.sender == ZERO_ADDRESS for e in moved
            )
            assert said.burnt(one, amount) == any(
                e.token == one and e.amount == amount and e.recipient == ZERO_ADDRESS for e in moved
            )
            taken = [e for e in events if isinstance(e, Withdraw) and (e.address, e.account) == (one, other)]
            assert said.last(Withdraw, one, other) == (taken[-1] if taken else None)


def test_each_event_is_looked_at_once() -> None:
    rng = random.Random(1)
    events = Counting()
    for order in range(2_000):
        events.append(random_event(rng, order))
        said_before(events).token_sent(*PARTIES[:2], 1)
        said_before(events).came(PARTIES[1], 1)
    assert events.taken == 2_000
