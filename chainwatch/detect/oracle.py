"""Oracle deviation: a price that protected contracts depend on is not what its references say.

Inside a transaction: a pool is moved away from its feed and a consumer of that price acts before it is back.
After a block: feed against pool, pool against its own time-weighted average, staleness, bounds, a jump from
one block to the next, and which source moved. Evidence is reserves (`Sync`), Probes and the consumer's own
event; never trades or token transfers, which the flash-loan family uses. See docs/detectors/oracle.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from chainwatch.chain.probes import feed_probe, pool_probe
from chainwatch.config.models import FeedConfig, OracleConfig, PoolConfig, Profile
from chainwatch.detect.base import View
from chainwatch.detect.touching import touching
from chainwatch.types import (
    Address,
    Block,
    BlockRef,
    Borrow,
    Event,
    Evidence,
    Execution,
    Finding,
    Liquidation,
    ProbeReading,
    ReservesUpdate,
    Stage,
    Withdraw,
)

_BPS = 10_000
# What pays out at a price. Putting something in hurts nobody until something is taken out for it.
_ACTS = (Borrow, Withdraw, Liquidation)

# Measured on the benign sets of the development corpus (docs/detectors/oracle.md): how often a transaction
# moves a pool that far, as an upper bound, against how often an attack does.
LIKELIHOOD_RATIO_IN_TRANSACTION = 300.0
# A price that is off after a block has everyday causes (a volatile hour, a slow feed): it weighs little.
LIKELIHOOD_RATIO_AFTER_BLOCK = 10.0


class _Price(msgspec.Struct, frozen=True):
    value: float
    at: int | None
    ref: str


class Oracle:
    """Inspects Executions and Blocks. Needs a profile with oracles; without one it says nothing."""

    name = "oracle"
    family = "oracle"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """Findings about every oracle of the profile."""
        if view.profile is None:
            return
        for oracle in view.profile.oracles:
            if isinstance(subject, Execution):
                yield from _in_transaction(oracle, subject, view, view.profile)
            else:
                yield from _after_block(oracle, subject, view, view.profile)


def pool_price(pool: PoolConfig, reserve0: int, reserve1: int) -> float | None:
    """Quote per base of a Uniswap v2 pool, from its reserves in base units; None for an empty pool."""
    base, quote = (reserve0, reserve1) if pool.base_is_token0 else (reserve1, reserve0)
    if base <= 0 or quote <= 0:
        return None
    price: float = (quote / 10**pool.quote_decimals) / (base / 10**pool.base_decimals)
    return price


def _in_transaction(oracle: OracleConfig, execution: Execution, view: View, profile: Profile) -> Iterable[Finding]:
    if oracle.pool is None or not oracle.consumers:
        return
    reference = _reference(oracle, view.probes)
    if reference is None:
        return
    consumers = {profile.address_of(name) for name in oracle.consumers}
    tx = execution.transaction.hash
    # The pool may have been moved in an earlier block already; then this transaction starts with it.
    before = _pool_price(oracle.pool, view.probes.get(pool_probe(oracle)))
    off = before if before is not None and _is_off(before.value, reference.value, oracle) else None
    worst: tuple[float, _Price, Event] | None = None
    for event in view.facts[0].events:
        if isinstance(event, ReservesUpdate) and event.pool == oracle.pool.address:
            price = pool_price(oracle.pool, event.reserve0, event.reserve1)
            moved = price is not None and _is_off(price, reference.value, oracle)
            off = _Price(price, None, f"log:{tx}:{event.log_index}") if price is not None and moved else None
        elif off is not None and isinstance(event, _ACTS) and event.address in consumers:
            distance = _distance(off.value, reference.value)
            if worst is None or distance > worst[0]:
                worst = (distance, off, event)
    if worst is None:
        return
    distance, pool, act = worst
    consumer = next(c.name for c in profile.contracts if c.address == act.address)
    yield Finding(
        detector=Oracle.name,
        family=Oracle.family,
        kind="oracle_deviation",
        confidence=0.9,
        likelihood_ratio=LIKELIHOOD_RATIO_IN_TRANSACTION,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx,),
        victims=(act.address,),
        suspects=tuple(dict.fromkeys(a for a in (execution.transaction.from_, execution.transaction.to) if a)),
        loss={},
        loss_usd=None,
        evidence=(
            Evidence(ref=pool.ref, what=f"{oracle.name}'s pool when {consumer} acted", values={"price": pool.value}),
            Evidence(ref=reference.ref, what="the reference before the transaction", values={"price": reference.value}),
            Evidence(ref=f"log:{tx}:{act.log_index}", what=f"{consumer}: {type(act).__name__}", values={}),
        ),
        formula=f"{oracle.name}: max(pool, reference) / min(pool, reference) - 1 > max_deviation, when a consumer acts",
        explanation=(
            f"In this transaction the pool behind {oracle.name} stood at {pool.value:,.6g}, {distance:,.0%} away from "
            f"its reference of {reference.value:,.6g}, at the moment when {consumer} did a {type(act).__name__}. "
            f"Allowed are {oracle.max_deviation_bps / _BPS:.1%}."
        ),
    )


def _after_block(oracle: OracleConfig, block: Block, view: View, profile: Profile) -> Iterable[Finding]:
    feed = _feed_price(oracle.feed, view.probes.get(feed_probe(oracle)))
    pool = _pool_price(oracle.pool, view.probes.get(pool_probe(oracle)))
    claims: list[tuple[str, float, str, list[_Price]]] = []
    if feed is not None and oracle.feed is not None:
        age = None if feed.at is None or block.ref.timestamp is None else block.ref.timestamp - feed.at
        if age is not None and age > oracle.feed.heartbeat_seconds:
            text = f"its feed is {age} s old; its heartbeat is {oracle.feed.heartbeat_seconds} s"
            claims.append(("oracle_stale", 0.5, text, [feed]))
    for what, price in (("feed", feed), ("pool", pool)):
        if price is None:
            continue
        low, high = oracle.min_price, oracle.max_price
        if price.value <= 0 or (low and price.value < low) or (high and price.value > high):
            claims.append(("oracle_bounds", 0.7, f"its {what} says {price.value:,.6g}, out of bounds", [price]))
        before = _before(what, oracle, view.history)
        if before is not None and _distance(price.value, before.value) > oracle.max_jump_bps / _BPS:
            text = f"its {what} went from {before.value:,.6g} to {price.value:,.6g} in one block"
            claims.append(("oracle_jump", 0.6, text, [price, before]))
    if feed is not None and pool is not None and _is_off(pool.value, feed.value, oracle):
        moved = _who_moved(oracle, view.history, pool, feed)
        text = f"its pool says {pool.value:,.6g} and its feed {feed.value:,.6g}; {moved}"
        claims.append(("oracle_deviation", 0.7, text, [pool, feed]))
    elif pool is not None and feed is None:
        average = _average(oracle, view.history)
        if average is not None and _is_off(pool.value, average.value, oracle):
            text = f"its pool says {pool.value:,.6g}, its average over {oracle.twap_seconds} s is {average.value:,.6g}"
            claims.append(("oracle_deviation", 0.6, text, [pool, average]))
    for kind, confidence, text, prices in claims:
        yield _block_finding(oracle, block, view, profile, kind, confidence, text, prices)


def _block_finding(
    oracle: OracleConfig,
    block: Block,
    view: View,
    profile: Profile,
    kind: str,
    confidence: float,
    text: str,
    prices: Sequence[_Price],
) -> Finding:
    consumers = tuple(profile.address_of(name) for name in oracle.consumers)
    sources: set[Address] = {s.address for s in (oracle.pool, oracle.feed) if s is not None}
    movers = touching(block, view.facts, frozenset(sources)) if kind != "oracle_stale" else []
    return Finding(
        detector=Oracle.name,
        family=Oracle.family,
        kind=kind,
        confidence=confidence,
        likelihood_ratio=LIKELIHOOD_RATIO_AFTER_BLOCK,
        chain_id=block.chain_id,
        stage=Stage.INCLUDED,
        block=block.ref,
        tx_hashes=tuple(e.transaction.hash for e in movers),
        victims=consumers,
        suspects=tuple(dict.fromkeys(e.transaction.from_ for e in movers)),
        loss={},
        loss_usd=None,
        evidence=tuple(Evidence(ref=p.ref, what="a price", values={"price": p.value}) for p in prices),
        formula=f"{oracle.name}: {kind}",
        explanation=f"Oracle {oracle.name} of {profile.name}: {text}.",
        condition=True,
    )


def _distance(a: float, b: float) -> float:
    """How far apart two prices are, the same whichever is called the reference."""
    return max(a, b) / min(a, b) - 1 if min(a, b) > 0 else float("inf")


def _is_off(price: float, reference: float, oracle: OracleConfig) -> bool:
    return _distance(price, reference) > oracle.max_deviation_bps / _BPS


def _reference(oracle: OracleConfig, readings: Mapping[str, ProbeReading]) -> _Price | None:
    """What the pool should say: the feed, else the pool itself before the transaction."""
    feed = _feed_price(oracle.feed, readings.get(feed_probe(oracle)))
    return feed or _pool_price(oracle.pool, readings.get(pool_probe(oracle)))


def _feed_price(feed: FeedConfig | None, reading: ProbeReading | None) -> _Price | None:
    if feed is None or reading is None or len(reading.values) < 4:
        return None
    return _Price(reading.values[1] / 10**feed.decimals, reading.values[3], _ref(reading))


def _pool_price(pool: PoolConfig | None, reading: ProbeReading | None) -> _Price | None:
    if pool is None or reading is None or len(reading.values) < 2:
        return None
    price = pool_price(pool, reading.values[0], reading.values[1])
    return None if price is None else _Price(price, reading.block.timestamp, _ref(reading))


def _before(what: str, oracle: OracleConfig, history: Mapping[str, Sequence[ProbeReading]]) -> _Price | None:
    window = history.get(feed_probe(oracle) if what == "feed" else pool_probe(oracle), ())
    if not window:
        return None
    return _feed_price(oracle.feed, window[-1]) if what == "feed" else _pool_price(oracle.pool, window[-1])


def _average(oracle: OracleConfig, history: Mapping[str, Sequence[ProbeReading]]) -> _Price | None:
    """The pool's time-weighted average price; None until the window is at least half full."""
    prices = [p for r in history.get(pool_probe(oracle), ()) if (p := _pool_price(oracle.pool, r)) is not None]
    if not prices or prices[-1].at is None:
        return None
    end = prices[-1].at
    recent = [p for p in prices if p.at is not None and p.at >= end - oracle.twap_seconds]
    first = recent[0].at
    if first is None or end - first < oracle.twap_seconds / 2:
        return None
    weighed = sum(a.value * (b.at - a.at) for a, b in pairwise(recent) if a.at and b.at)
    return _Price(weighed / (end - first), end, f"twap:{oracle.name}@{end}")


def _who_moved(oracle: OracleConfig, history: Mapping[str, Sequence[ProbeReading]], pool: _Price, feed: _Price) -> str:
    """Which source left the other, judged by the pool's average and by the block before."""
    average = _average(oracle, history)
    pool_before, feed_before = _before("pool", oracle, history), _before("feed", oracle, history)
    if average is not None:
        nearer_feed = _distance(feed.value, average.value) < _distance(pool.value, average.value)
        return f"the pool's average is {average.value:,.6g}, so the {'pool' if nearer_feed else 'feed'} moved"
    if pool_before is not None and feed_before is not None:
        pool_moved = _distance(pool.value, pool_before.value) >= _distance(feed.value, feed_before.value)
        return f"since the block before, the {'pool' if pool_moved else 'feed'} moved more"
    return "which of them moved is not known yet"


def _ref(reading: ProbeReading) -> str:
    return f"probe:{reading.name}@{_hash(reading.block)}"


def _hash(block: BlockRef) -> str:
    return block.hash or "?"
