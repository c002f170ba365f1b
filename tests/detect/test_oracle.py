"""The oracle family: what is off, which source moved, and what is nobody's fault."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from chainwatch.detect.base import View
from chainwatch.detect.oracle import Oracle, pool_price
from chainwatch.types import Borrow, Finding, ProbeReading, ReservesUpdate, Swap
from tests.builders import address, block, execution, facts, profile, reading, ref

POOL, FEED, MARKET = address(0xC0), address(0xFE), address(0xB1)
NOW = 10 * 12


def protocol(**oracle: Any) -> Any:
    given = {
        "name": "eth",
        "consumers": ["market"],
        "pool": {"address": POOL, "base_is_token0": True, "base_decimals": 18, "quote_decimals": 6},
        "feed": {"address": FEED, "decimals": 8, "heartbeat_seconds": 3_600},
    }
    return profile(oracles=[given | oracle])


def pool(price: float, number: int = 10) -> ProbeReading:
    return reading("oracle.eth.pool", 1_000 * 10**18, int(1_000 * price * 10**6), 0, at=ref(number))


def feed(price: float, number: int = 10, updated: int = NOW) -> ProbeReading:
    return reading("oracle.eth.feed", 1, int(price * 10**8), updated, updated, 1, at=ref(number))


def after_block(
    readings: Sequence[ProbeReading], history: Sequence[ProbeReading] = (), timestamp: int = NOW, **oracle: Any
) -> list[Finding]:
    by_name: dict[str, list[ProbeReading]] = {}
    for r in history:
        by_name.setdefault(r.name, []).append(r)
    view = View(
        facts=(), protected=frozenset({MARKET}), profile=protocol(**oracle), probes={r.name: r for r in readings},
        history=by_name,
    )  # fmt: skip
    return list(Oracle().inspect(block(10, timestamp=timestamp), view))


def kinds(findings: Sequence[Finding]) -> list[str]:
    return [f.kind for f in findings]


def sync(price: float) -> ReservesUpdate:
    return ReservesUpdate(
        order=0,
        log_index=3,
        address=POOL,
        protocol="uniswap_v2",
        pool=POOL,
        reserve0=10**18,
        reserve1=int(price * 10**6),
    )


def borrow() -> Borrow:
    return Borrow(order=0, log_index=4, address=MARKET, protocol="x", account=address(0xA1), token=None, amount=1)


def in_transaction(*events: Any, before: float = 2_000) -> list[Finding]:
    probes = {"oracle.eth.feed": feed(2_000), "oracle.eth.pool": pool(before)}
    view = View(facts=(facts(*events),), protected=frozenset({MARKET}), profile=protocol(), probes=probes)
    return list(Oracle().inspect(execution(), view))


def test_a_price_is_quote_per_base_whichever_token_is_first() -> None:
    given = protocol().oracles[0].pool
    assert pool_price(given, 10**18, 2_000 * 10**6) == pytest.approx(2_000)
    turned = given.model_copy(update={"base_is_token0": False})
    assert pool_price(turned, 2_000 * 10**6, 10**18) == pytest.approx(2_000)
    assert pool_price(given, 0, 5) is None


def test_agreeing_sources_say_nothing() -> None:
    assert after_block([pool(2_000), feed(2_010)]) == []


def test_a_pool_away_from_its_feed_is_a_deviation_and_says_who_moved() -> None:
    found = after_block([pool(2_300), feed(2_000)], history=[pool(2_000, 9), feed(2_000, 9)], max_jump_bps=5_000)
    assert kinds(found) == ["oracle_deviation"]
    assert "the pool moved more" in found[0].explanation
    assert found[0].victims == (MARKET,)


def test_a_moved_feed_is_told_from_a_moved_pool() -> None:
    found = after_block([pool(2_000), feed(1_700)], history=[pool(2_000, 9), feed(2_000, 9)], max_jump_bps=5_000)
    assert "the feed moved more" in found[0].explanation


def test_staleness_counts_from_the_feeds_own_time() -> None:
    assert kinds(after_block([feed(2_000, updated=NOW - 3_601)])) == ["oracle_stale"]
    assert after_block([feed(2_000, updated=NOW - 3_600)]) == []


def test_bounds() -> None:
    assert kinds(after_block([feed(0)])) == ["oracle_bounds"]
    assert kinds(after_block([feed(9)], min_price=10.0)) == ["oracle_bounds"]
    assert kinds(after_block([feed(11)], max_price=10.0)) == ["oracle_bounds"]


def test_a_jump_from_one_block_to_the_next() -> None:
    assert kinds(after_block([feed(2_300)], history=[feed(2_000, 9)])) == ["oracle_jump"]
    assert after_block([feed(2_190)], history=[feed(2_000, 9)]) == []


def test_without_a_feed_the_pool_is_held_against_its_own_average() -> None:
    history = [pool(2_000, n) for n in range(1, 10)]
    away = after_block([pool(2_180)], history=history, feed=None, twap_seconds=100)
    assert kinds(away) == ["oracle_deviation"]
    assert "average over 100 s is 2,000" in away[0].explanation


def test_an_average_that_is_not_warm_yet_decides_nothing() -> None:
    history = [pool(2_000, n) for n in range(7, 10)]
    assert after_block([pool(2_180)], history=history, feed=None, twap_seconds=100) == []


def test_a_failed_reading_decides_nothing() -> None:
    assert after_block([reading("oracle.eth.feed", error="reverted"), pool(9)]) == []


def test_a_consumer_that_acts_on_a_moved_pool_is_found() -> None:
    found = in_transaction(sync(32_000), borrow(), sync(2_000))
    assert kinds(found) == ["oracle_deviation"]
    assert "32,000" in found[0].explanation and "Borrow" in found[0].explanation
    assert {e.ref.split(":")[0] for e in found[0].evidence} == {"log", "probe"}


def test_a_pool_that_is_moved_and_moved_back_before_anyone_acts_is_not() -> None:
    assert in_transaction(sync(32_000), sync(2_000), borrow()) == []


def test_a_trade_that_moves_the_pool_without_a_consumer_is_not() -> None:
    trade = Swap(
        order=0,
        log_index=1,
        address=POOL,
        protocol="uniswap_v2",
        pool=POOL,
        sender="",
        recipient="",
        amount0=1,
        amount1=-1,
    )
    assert in_transaction(trade, sync(32_000)) == []


def test_a_consumer_that_acts_on_a_pool_moved_in_an_earlier_block_is_found() -> None:
    (found,) = in_transaction(borrow(), before=32_000)
    assert {e.ref.split(":")[0] for e in found.evidence} == {"log", "probe"}
    assert in_transaction(sync(2_000), borrow(), before=32_000) == []


def test_who_does_not_use_the_price_may_act_on_a_moved_pool() -> None:
    other = msgspec.structs.replace(borrow(), address=address(0xB9))
    assert in_transaction(sync(3_000), other) == []
    assert in_transaction(sync(3_000), other, borrow()) != []


def test_a_borrow_at_a_sound_price_is_not() -> None:
    assert in_transaction(sync(2_050), borrow()) == []


def test_nothing_is_said_without_a_profile() -> None:
    assert list(Oracle().inspect(block(10), View(facts=()))) == []
