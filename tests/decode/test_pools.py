"""Swaps get the tokens that moved, and pools their prices in order."""

from chainwatch.decode.pools import excursion, name_tokens, price_path
from chainwatch.types import Event, Swap, Transfer
from tests.builders import address

POOL, TRADER, GOLD, SILVER, JUNK = (address(n) for n in (0xB1, 0xA1, 0xC1, 0xC2, 0xC3))


def transfer(events: list[Event], token: str, sender: str, recipient: str, amount: int) -> None:
    events.append(
        Transfer(order=len(events), address=token, protocol="erc20", token=token, sender=sender, recipient=recipient,
                 amount=amount)
    )  # fmt: skip


def swap(events: list[Event], amount0: int, amount1: int, pair: str = "") -> Swap:
    events.append(
        Swap(order=len(events), address=POOL, protocol="uniswap_v2", pool=POOL, sender=TRADER, recipient=TRADER,
             amount0=amount0, amount1=amount1, pair=pair)
    )  # fmt: skip
    return events[-1]  # type: ignore[return-value]


def named(events: list[Event]) -> list[tuple[str | None, str | None]]:
    name_tokens(events)
    return [(e.token0, e.token1) for e in events if isinstance(e, Swap)]


def test_a_swap_is_of_the_tokens_that_moved_in_these_amounts() -> None:
    events: list[Event] = []
    transfer(events, GOLD, TRADER, POOL, 10)
    transfer(events, SILVER, POOL, TRADER, 30)
    swap(events, 10, -30)
    transfer(events, SILVER, TRADER, POOL, 6)
    swap(events, -2, 6)
    transfer(events, GOLD, POOL, TRADER, 2)
    assert named(events) == [(GOLD, SILVER), (GOLD, SILVER)]


def test_of_two_tokens_that_moved_in_the_same_amount_neither_is_taken() -> None:
    events: list[Event] = []
    transfer(events, GOLD, TRADER, POOL, 10)
    transfer(events, JUNK, TRADER, POOL, 10)
    transfer(events, SILVER, POOL, TRADER, 30)
    swap(events, 10, -30)
    assert named(events) == [(None, SILVER)]


def test_a_swap_beside_whose_amounts_nothing_moved_stays_without_tokens() -> None:
    events: list[Event] = []
    transfer(events, GOLD, TRADER, POOL, 9)  # a fee on the transfer
    swap(events, 10, -30)
    assert named(events) == [(None, None)]


def test_prices_are_those_of_each_pair_in_order() -> None:
    events: list[Event] = []
    swap(events, 10, -30)
    swap(events, -10, 60)
    swap(events, 5, -5, pair="1-2")
    swap(events, 7, 7)  # no trade: both came in
    path = price_path(events)
    assert [(p.order, p.price) for p in path[POOL, ""]] == [(0, 3.0), (1, 6.0)]
    assert [p.price for p in path[POOL, "1-2"]] == [1.0]
    assert excursion(path[POOL, ""]) == 2.0
