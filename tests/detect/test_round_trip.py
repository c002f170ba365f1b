"""The round-trip family: money in and more of it out again is found, and its honest likenesses are not."""

from typing import Any

import msgspec

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View
from chainwatch.detect.round_trip import CONFIDENCE_TREES_ONLY, RoundTrip
from chainwatch.types import CallFrame, Finding
from tests.builders import address, block, execution, hash_, transaction
from tests.detect.test_access import call, data, move

SENDER, BOT, VAULT, TOKEN, OTHER, POOL, SHARE = (address(n) for n in range(0xA1, 0xA8))
UNIT = 10**18
DECODER = Decoder(load_registry())
DEPOSIT, WITHDRAW = data("stake(uint256)", 10 * UNIT), data("leave(uint256)", 10 * UNIT)


def pull(by: str, from_: str, amount: int, token: str = TOKEN) -> CallFrame:
    return call(by, token, data("transferFrom(address,address,uint256)", from_, by, amount))


def put_in(amount: int = 10 * UNIT, **fields: Any) -> CallFrame:
    return call(BOT, VAULT, DEPOSIT, pull(VAULT, BOT, amount), **fields)


def take_out(amount: int = 15 * UNIT, *more: CallFrame, **fields: Any) -> CallFrame:
    return call(BOT, VAULT, WITHDRAW, move(TOKEN, VAULT, BOT, amount), *more, **fields)


def findings(*calls: CallFrame, **view: Any) -> list[Finding]:
    trace = call(SENDER, BOT, "0x12345678", *calls)
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), logs=None, trace=trace)
    return list(RoundTrip().inspect(shown, View(facts=(DECODER.facts(shown),), **view)))


def test_more_out_than_in() -> None:
    (found,) = findings(put_in(), take_out())
    assert (found.kind, found.family, found.confidence) == ("round_trip_profit", "round_trip", CONFIDENCE_TREES_ONLY)
    assert found.victims == (VAULT,)
    assert found.loss == {TOKEN: 5 * UNIT}
    assert found.suspects[:2] == (SENDER, BOT)
    assert [e.ref for e in found.evidence] == [f"frame:{hash_(1)}:1", f"frame:{hash_(1)}:3"]
    assert "base units" in found.explanation


def test_money_that_the_side_sends_itself_counts_too() -> None:
    (found,) = findings(move(TOKEN, BOT, VAULT, 10 * UNIT), take_out())
    assert found.loss == {TOKEN: 5 * UNIT}


def test_native_coin() -> None:
    paid = call(BOT, VAULT, "0xd0e30db1", value=hex(10 * UNIT))
    got = call(BOT, VAULT, WITHDRAW, call(VAULT, BOT, "0x", value=hex(11 * UNIT)))
    (found,) = findings(paid, got)
    assert list(found.loss.values()) == [UNIT]


class TestHonestLikenesses:
    def test_no_more_out_than_in(self) -> None:
        assert not findings(put_in(), take_out(10 * UNIT))
        assert not findings(put_in(), take_out(9 * UNIT))

    def test_what_it_gave_to_others_is_not_the_sides_profit(self) -> None:
        elsewhere = call(BOT, VAULT, data("pay()"), move(TOKEN, VAULT, OTHER, 50 * UNIT))
        bonus = call(OTHER, TOKEN, data("transfer(address,uint256)", BOT, 2 * UNIT))
        assert not findings(put_in(), take_out(9 * UNIT), elsewhere, bonus)
        assert findings(put_in(), take_out(11 * UNIT), elsewhere)

    def test_only_out(self) -> None:
        assert not findings(take_out())

    def test_out_first_and_then_some_of_it_back_in(self) -> None:
        assert not findings(take_out(), put_in())

    def test_rewards_paid_while_more_is_put_in(self) -> None:
        both = call(BOT, VAULT, DEPOSIT, pull(VAULT, BOT, 10 * UNIT), move(TOKEN, VAULT, BOT, 15 * UNIT))
        assert not findings(both)

    def test_the_contract_got_something_else_for_it(self) -> None:
        other = call(VAULT, SHARE, data("transferFrom(address,address,uint256)", OTHER, VAULT, 50 * UNIT))
        assert not findings(put_in(), take_out(15 * UNIT, other))

    def test_the_side_gave_something_else(self) -> None:
        assert not findings(put_in(), move(SHARE, BOT, OTHER, UNIT), take_out())

    def test_arbitrage_between_two_contracts(self) -> None:
        out_here = call(BOT, POOL, data("buy()"), pull(POOL, BOT, 10 * UNIT), move(SHARE, POOL, BOT, 7 * UNIT))
        in_there = call(BOT, VAULT, data("sell()"), pull(VAULT, BOT, 7 * UNIT, SHARE),
                        move(TOKEN, VAULT, BOT, 11 * UNIT))  # fmt: skip
        assert not findings(out_here, in_there)

    def test_arbitrage_between_two_pools_of_one_vault(self) -> None:
        swap = "0x52bbbe29" + "00" * 64
        buys = call(BOT, VAULT, swap, pull(VAULT, BOT, 10 * UNIT), move(SHARE, VAULT, BOT, 7 * UNIT))
        sells = call(BOT, VAULT, swap, pull(VAULT, BOT, 7 * UNIT, SHARE), move(TOKEN, VAULT, BOT, 11 * UNIT))
        assert not findings(buys, sells)
        other = "0x52bbbe28" + "00" * 64
        assert findings(*(msgspec.structs.replace(c, input=other) for c in (buys, sells)))

    def test_what_was_reverted(self) -> None:
        assert not findings(put_in(), take_out(error="execution reverted"))

    def test_a_person_who_is_paid_back(self) -> None:
        """No code ran at the other end: two people settle something."""
        assert not findings(move(TOKEN, BOT, VAULT), call(OTHER, TOKEN, data("transfer(address,uint256)", BOT, 1)),
                            pull_from_person(15 * UNIT))  # fmt: skip

    def test_a_loan_repaid_with_a_fee(self) -> None:
        lend = call(BOT, VAULT, data("flashLoan(uint256)", 10 * UNIT), move(TOKEN, VAULT, BOT, 10 * UNIT),
                    call(VAULT, BOT, "0x23e30c8b", move(TOKEN, BOT, VAULT, 10 * UNIT + 10**16)))  # fmt: skip
        assert not findings(lend, call(BOT, OTHER, data("claim()"), move(TOKEN, OTHER, BOT)))


def pull_from_person(amount: int) -> CallFrame:
    return call(BOT, TOKEN, data("transferFrom(address,address,uint256)", VAULT, BOT, amount))


def test_only_protected_contracts_count_where_some_are() -> None:
    assert findings(put_in(), take_out(), protected=frozenset((VAULT,)))
    assert findings(put_in(), take_out(), protected=frozenset((TOKEN,)))
    assert not findings(put_in(), take_out(), protected=frozenset((OTHER,)))


def test_without_a_call_tree_nothing_is_said() -> None:
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), logs=[], trace=None)
    assert not list(RoundTrip().inspect(shown, View(facts=(DECODER.facts(shown),))))
    assert not list(RoundTrip().inspect(block(), View(facts=())))


def test_a_tree_of_thousands_of_frames() -> None:
    calls = [c for _ in range(1_000) for c in (put_in(), take_out())]
    (found,) = findings(*calls)
    assert found.loss == {TOKEN: 1_000 * 5 * UNIT}
    assert len(found.evidence) == 2


def test_prices_make_dollars() -> None:
    (found,) = findings(put_in(), take_out(), usd=lambda _token, amount: amount / UNIT * 2)
    assert found.loss_usd == 10.0
    assert "$10" in found.explanation
