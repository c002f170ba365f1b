"""Which tokens a Swap was of, and at what prices a pool traded in the course of a transaction.

Most pools write amounts and not tokens. The tokens are those that moved into and out of the pool in just these amounts;
where two different tokens did, or none (a fee on the transfer), the Swap stays without a name rather than with a guess.
"""

from collections.abc import Iterable, Sequence

import msgspec

from chainwatch.types import Address, Event, Swap, Transfer

_Movement = tuple[Address, int]  # who took or gave, how much


class PricePoint(msgspec.Struct, frozen=True):
    """One trade: `price` is what was paid of the pair's second token for one of its first, in base units;
    `order` is the place of its Swap among the Events."""

    order: int
    price: float


def name_tokens(events: list[Event]) -> None:
    """Put the tokens into every Swap that does not name them, in place."""
    unnamed = [e for e in events if type(e) is Swap and e.token0 is None]
    if not unnamed:
        return
    parties = {e.pool for e in unnamed} | {e.address for e in unnamed}
    came: dict[_Movement, Address | None] = {}
    went: dict[_Movement, Address | None] = {}
    for event in events:
        if type(event) is Transfer:
            if event.recipient in parties:
                _note(came, event.recipient, event)
            if event.sender in parties:
                _note(went, event.sender, event)
    if not came and not went:
        return
    for swap in unnamed:
        token0, token1 = (_token(swap, amount, came, went) for amount in (swap.amount0, swap.amount1))
        if (token0 or token1) and token0 != token1:
            events[swap.order] = msgspec.structs.replace(swap, token0=token0, token1=token1)


def _note(known: dict[_Movement, Address | None], party: Address, event: Transfer) -> None:
    key = (party, event.amount)
    known[key] = event.token if known.get(key, event.token) == event.token else None


def _token(
    swap: Swap, amount: int, came: dict[_Movement, Address | None], went: dict[_Movement, Address | None]
) -> Address | None:
    known = came if amount > 0 else went
    return known.get((swap.pool, abs(amount))) or known.get((swap.address, abs(amount)))


def price_path(events: Iterable[Event]) -> dict[tuple[Address, str], list[PricePoint]]:
    """The prices of each pool and pair (`Swap.pair`), in the order of the trades."""
    path: dict[tuple[Address, str], list[PricePoint]] = {}
    for event in events:
        if isinstance(event, Swap) and (price := event.price) is not None:
            path.setdefault((event.pool, event.pair), []).append(PricePoint(event.order, price))
    return path


def excursion(points: Sequence[PricePoint]) -> float:
    """Highest over lowest price of a path; 1 where there is one point."""
    prices = [point.price for point in points]
    return max(prices) / min(prices) if min(prices) else float("inf")
