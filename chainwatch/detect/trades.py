"""Trades of a transaction and how far a price moved between them, from Swaps and Transfers alone.

Where a pool's Swaps are known they are its trades. At every other contract trades are lifted from Transfers, as
DeFiRanger does (arXiv 2104.15068): one token in and another out, or the other way round. Reserves (`Sync`) are
not looked at: they are the evidence of the oracle family, and the two must not rest on the same thing.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from chainwatch.decode.balances import Ledger, giver, taker
from chainwatch.types import Address, Event, FlashLoan, Frame, Swap, Transfer

MANY = 5
"""Successive trades of one pair in one direction that make a price: the KRP pattern of LeiShen (ICDCS 2023)."""

KEPT_AFTER_FEE = tuple(1 - step * 0.0005 for step in range(13))
"""What constant-product pools may keep of an amount in: fees of 0 to 0.6 % in steps of 0.05 %. Uniswap v2 takes 0.3 %,
PancakeSwap 0.25 % (at first 0.2 %), BiSwap 0.1 %, Solidly 0.01 to 0.05 %."""

_MULTI_POOL_CALLS = frozenset(
    (
        "0x52bbbe29",  # Balancer v2 swap((bytes32,uint8,address,address,uint256,bytes),(…),uint256,uint256)
        "0x945bcec9",  # Balancer v2 batchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],…)
        "0x48c89491",  # Uniswap v4 and Balancer v3 unlock(bytes)
    )
)
_Q96 = 2.0**96


class Trade(msgspec.Struct, frozen=True):
    """`amount_in` of one token went into `venue` and `amount_out` of another came out.

    `pair` orders the two tokens, `price` is the first per the second; `forward` is true where the first went
    in. `price_after` is the pool's own price afterwards where it says so. `events` are what it was read from.
    """

    venue: Address
    pair: tuple[str, str]
    forward: bool
    amount_in: int
    amount_out: int
    price: float
    events: tuple[Event, ...]
    price_after: float | None = None


class Excursion(msgspec.Struct, frozen=True):
    """How far the price of `pair` at `venue` moved: highest over lowest. `method` is how that was found."""

    venue: Address
    pair: tuple[str, str]
    ratio: float
    method: str
    round_trip: bool
    trades: tuple[Trade, ...]


def excursions(events: Sequence[Event], frames: Sequence[Frame], insiders: frozenset[Address], book: Ledger,
               ) -> list[Excursion]:  # fmt: skip
    """Every venue and pair that was traded in both directions, or at least MANY times in one; widest first."""
    found: list[Excursion] = []
    for venue, trades in _trades(events, frames, insiders, book).items():
        pairs: dict[tuple[str, str], list[Trade]] = {}
        for trade in trades:
            pairs.setdefault(trade.pair, []).append(trade)
        for pair, own in pairs.items():
            round_trip = len({t.forward for t in own}) == 2
            if round_trip or len(own) >= MANY:
                ratio, method = _ratio(own)
                found.append(Excursion(venue, pair, ratio, method, round_trip, tuple(own)))
    return sorted(found, key=lambda e: -e.ratio)


def _ratio(trades: Sequence[Trade]) -> tuple[float, str]:
    prices = [t.price for t in trades] + [t.price_after for t in trades if t.price_after]
    ratio = max(prices) / min(prices)
    implied = max((r for a, b in pairwise(trades) if (r := implied_ratio(a, b)) is not None), default=0.0)
    if implied > ratio:
        return implied, "at least, by the reserves that opposite trades imply"
    return ratio, "prices of the trades"


def implied_ratio(first: Trade, second: Trade) -> float | None:
    """How far the first of two opposite trades moved a constant-product pool, from their amounts alone.

    The two amounts out are two equations in the two reserves before: with g kept after the fee, a in and b out,
    then c in and d out, b (r0 + g a) = g a r1 and d (r1 - b + g c) = g c (r0 + a). The fee is not known, so the
    least ratio over the fees in use is taken: at most the truth, and often well below it. A pool with a higher fee
    than all of these can look shallower than it is; there the answer may be too high.
    None where no fee fits (another kind of pool, a token with a fee on transfers).
    """
    if first.forward == second.forward or not _is_constant_product(first):
        return None
    a, b, c, d = (float(n) for n in (first.amount_in, first.amount_out, second.amount_in, second.amount_out))
    ratios: list[float] = []
    for g in KEPT_AFTER_FEE:
        divisor = d * b / (g * a) - g * c
        r0 = g * c * (a - d) / divisor if divisor else float("inf")
        if r0 == float("inf"):
            ratios.append(1.0)
            continue
        r1 = b * (r0 + g * a) / (g * a)
        if r0 > 0 and r1 > b:
            ratios.append((r0 + a) / (r1 - b) * r1 / r0)
    return min(ratios, default=None)


def _is_constant_product(trade: Trade) -> bool:
    return isinstance(trade.events[0], Swap) and trade.events[0].protocol == "uniswap_v2"


def _trades(events: Sequence[Event], frames: Sequence[Frame], insiders: frozenset[Address], book: Ledger,
            ) -> Mapping[Address, list[Trade]]:  # fmt: skip
    venues: dict[Address, list[Trade]] = {}
    known = {f.to for f in frames if f.selector in _MULTI_POOL_CALLS}
    for event in events:
        if isinstance(event, Swap):
            known |= {event.pool, event.address}
            if (trade := _of_swap(event)) is not None:
                venues.setdefault(event.pool, []).append(trade)
    flows: dict[Address, list[Transfer]] = {}
    for event in events:
        if isinstance(event, Transfer) and event.amount and event.sender != event.recipient:
            for party in (giver(event), taker(event)):
                if party not in known and party not in insiders and party not in book.folded:
                    flows.setdefault(party, []).append(event)
    loans = [e for e in events if isinstance(e, FlashLoan)]
    for venue, own in flows.items():
        if len(own) > 3 and not book.passes_on(venue):
            lifted = list(_lifted(venue, _without_loans(venue, own, loans)))
            if lifted:
                venues[venue] = lifted
    return venues


def _of_swap(swap: Swap) -> Trade | None:
    forward = swap.amount0 > 0
    amount_in, amount_out = (swap.amount0, -swap.amount1) if forward else (swap.amount1, -swap.amount0)
    if amount_in <= 0 or amount_out <= 0:
        return None
    # Uniswap's sqrtPriceX96 is the root of token1 per token0.
    after = (_Q96 / swap.sqrt_price_x96) ** 2 if swap.sqrt_price_x96 else None
    price = amount_in / amount_out if forward else amount_out / amount_in
    pair = ("token0", "token1") if not swap.pair else ("token0", swap.pair)
    return Trade(swap.pool, pair, forward, amount_in, amount_out, price, (swap,), after)


def _without_loans(venue: Address, flows: Sequence[Transfer], loans: Sequence[FlashLoan]) -> list[Transfer]:
    """A lender's flows without what it lent and got back, which is no trade."""
    left = list(flows)
    for loan in loans:
        if loan.lender != venue or not loan.amount:
            continue
        out = next((t for t in left if giver(t) == venue and t.amount == loan.amount), None)
        if out is None:
            continue
        back = next((t for t in reversed(left) if taker(t) == venue and t.token == out.token), None)
        left = [t for t in left if t is not out and t is not back]
    return left


def _lifted(venue: Address, flows: Sequence[Transfer]) -> Iterator[Trade]:
    """Runs of inflow and outflow alternate; each two neighbours of one token each are a trade."""
    runs: list[tuple[bool, list[Transfer]]] = []
    for transfer in flows:
        inward = taker(transfer) == venue
        if runs and runs[-1][0] == inward:
            runs[-1][1].append(transfer)
        else:
            runs.append((inward, [transfer]))
    i = 0
    while i + 1 < len(runs):
        (inward, one), (_, two) = runs[i], runs[i + 1]
        paid, given = (one, two) if inward else (two, one)
        tokens_in, tokens_out = {t.token for t in paid}, {t.token for t in given}
        if len(tokens_in) == 1 and len(tokens_out) == 1 and tokens_in != tokens_out:
            yield _of_transfers(venue, paid, given)
            i += 2
        else:
            i += 1


def _of_transfers(venue: Address, paid: Sequence[Transfer], given: Sequence[Transfer]) -> Trade:
    amount_in, amount_out = sum(t.amount for t in paid), sum(t.amount for t in given)
    token_in, token_out = paid[0].token, given[0].token
    forward = token_in < token_out
    pair = (token_in, token_out) if forward else (token_out, token_in)
    price = amount_in / amount_out if forward else amount_out / amount_in
    return Trade(venue, pair, forward, amount_in, amount_out, price, (*paid, *given))
