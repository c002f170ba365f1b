"""The supply family: what was made beyond a limit, made for nothing and sold, or burnt out of a pool's hands."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from pydantic import ValidationError

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View, Words
from chainwatch.detect.supply import CONFIDENCE, CONFIDENCE_LIMIT, Supply
from chainwatch.detect.supply_signs import SYNC
from chainwatch.evaluate.labels import read_labels
from chainwatch.evaluate.score import score
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    CallFrame,
    Event,
    Finding,
    LiquidityChange,
    ReservesUpdate,
    Swap,
    Transfer,
)
from tests.builders import address, block, execution, facts, hash_, profile, transaction
from tests.detect.test_access import call, data, move

SENDER, BOT, TOKEN, QUOTE, POOL, OTHER, FARM = (address(n) for n in range(0xA1, 0xA8))
UNIT = 10**18
DECODER = Decoder(load_registry())


def moved(sender: str, recipient: str, amount: int = 100 * UNIT, token: str = TOKEN) -> Transfer:
    return Transfer(order=0, log_index=0, address=token, protocol="erc20", token=token, sender=sender,
                    recipient=recipient, amount=amount)  # fmt: skip


def made(amount: int = 100 * UNIT, to: str = BOT, token: str = TOKEN) -> Transfer:
    return moved(ZERO_ADDRESS, to, amount, token)


def reserves(token: int, quote: int, pool: str = POOL) -> ReservesUpdate:
    return ReservesUpdate(order=0, address=pool, protocol="uniswap_v2", pool=pool, reserve0=token, reserve1=quote)


def swap(token: int, quote: int, **fields: Any) -> Swap:
    given: dict[str, Any] = {
        "order": 0, "address": POOL, "protocol": "uniswap_v2", "pool": POOL, "sender": BOT, "recipient": BOT,
        "amount0": token, "amount1": quote, "token0": TOKEN, "token1": QUOTE,
    }  # fmt: skip
    return Swap(**(given | fields))


def sale(amount: int = 100 * UNIT, before: int = 100 * UNIT) -> list[Event]:
    """`amount` sold to a pool that held `before` of each; what it pays follows from x * y = k."""
    paid = before * amount // (before + amount)
    return [
        moved(BOT, POOL, amount),
        moved(POOL, BOT, paid, QUOTE),
        reserves(before + amount, before - paid),
        swap(amount, -paid),
    ]


def inspected(*events: Event, view: dict[str, Any] | None = None, **fields: Any) -> list[Finding]:
    shown = execution(transaction=transaction(from_=SENDER, to=BOT))
    own = facts(*events, **fields)
    own = msgspec.structs.replace(
        own, events=tuple(msgspec.structs.replace(e, log_index=e.order) for e in own.events)
    )  # fmt: skip
    return list(Supply().inspect(shown, View(facts=(own,), **(view or {}))))


class TestMadeBeyondItsLimit:
    LIMIT = profile(
        contracts=[{"name": "coin", "address": TOKEN}],
        tokens=[{"symbol": "TOK", "address": TOKEN, "decimals": 18}],
        supply=[{"token": "TOK", "max_amount": 50, "false_alarm_rate": 1e-3}],
    )

    def seen(self, *events: Event) -> list[Finding]:
        view = {"profile": self.LIMIT, "protected": self.LIMIT.protected, "words": Words.of(self.LIMIT)}
        return inspected(*events, view=view)

    def test_more_than_the_limit(self) -> None:
        (found,) = self.seen(made(30 * UNIT, OTHER), made(21 * UNIT, OTHER))
        assert (found.kind, found.family, found.confidence) == ("supply_minted", "supply", CONFIDENCE_LIMIT)
        assert found.loss == {TOKEN: 51 * UNIT}
        assert found.likelihood_ratio == pytest.approx(1_000)
        assert found.victims == (TOKEN,)
        assert [e.ref for e in found.evidence] == [f"log:{hash_(1)}:0", f"log:{hash_(1)}:1"]
        assert "51.00 TOK" in found.explanation

    def test_as_much_as_the_limit_is_allowed(self) -> None:
        assert not self.seen(made(50 * UNIT, OTHER))

    def test_net_of_what_is_burnt(self) -> None:
        assert not self.seen(made(60 * UNIT, OTHER), moved(OTHER, ZERO_ADDRESS, 10 * UNIT))

    def test_of_this_token_and_not_moved(self) -> None:
        assert not self.seen(made(60 * UNIT, OTHER, QUOTE), moved(OTHER, BOT, 60 * UNIT))
        assert self.seen(made(60 * UNIT, OTHER), moved(OTHER, BOT, 60 * UNIT))

    def test_in_a_call_tree_too(self) -> None:
        tree = call(SENDER, BOT, "0x12345678", call(BOT, TOKEN, data("mint(address,uint256)", OTHER, 60 * UNIT)))
        shown = execution(transaction=transaction(from_=SENDER, to=BOT), logs=None, trace=tree)
        view = View(facts=(DECODER.facts(shown),), profile=self.LIMIT, protected=self.LIMIT.protected)
        (found,) = Supply().inspect(shown, view)
        assert [e.ref for e in found.evidence] == [f"frame:{hash_(1)}:1"]

    def test_a_limit_needs_a_token_that_is_looked_at(self) -> None:
        fields = {"tokens": [{"symbol": "TOK", "address": TOKEN, "decimals": 18}]}
        limit = {"token": "TOK", "max_amount": 50}
        with pytest.raises(ValidationError, match="must be among the contracts"):
            profile(**fields, supply=[limit])
        with pytest.raises(ValidationError, match="not the symbol of exactly one"):
            profile(**fields, supply=[limit | {"token": "NONE"}])
        with pytest.raises(ValidationError, match="two limits"):
            profile(**fields, supply=[limit, limit], contracts=[{"name": "coin", "address": TOKEN}])


class TestMadeForNothingAndSold:
    def test_it_is_named(self) -> None:
        (found,) = inspected(made(), *sale())
        assert (found.kind, found.confidence) == ("supply_minted_and_sold", CONFIDENCE)
        assert found.victims == (POOL, TOKEN)
        assert found.loss == {QUOTE: 50 * UNIT}
        assert found.suspects == (SENDER, BOT)
        assert [e.ref for e in found.evidence] == [f"log:{hash_(1)}:0", f"log:{hash_(1)}:4"]
        assert "by a factor of 4" in found.explanation

    def test_in_many_sales(self) -> None:
        assert inspected(made(), *sale(30 * UNIT), *sale(30 * UNIT, 80 * UNIT))

    def test_by_the_price_that_a_pool_tells(self) -> None:
        """1 to 1 before, 1 to 4 after, paid 1 to 2: the geometric mean."""
        sold = swap(100 * UNIT, -50 * UNIT, sqrt_price_x96=2**95, protocol="uniswap_v3")
        events = [made(), moved(BOT, POOL), moved(POOL, BOT, 50 * UNIT, QUOTE), sold]
        assert inspected(*events)
        little = msgspec.structs.replace(sold, sqrt_price_x96=int(0.6 * 2**96))
        assert not inspected(*events[:3], little)

    def test_the_other_way_round(self) -> None:
        turned = [
            made(), moved(BOT, POOL), moved(POOL, BOT, 50 * UNIT, QUOTE), reserves(50 * UNIT, 200 * UNIT),
            swap(-50 * UNIT, 100 * UNIT, token0=QUOTE, token1=TOKEN),
        ]  # fmt: skip
        assert inspected(*turned)
        v3 = swap(-50 * UNIT, 100 * UNIT, token0=QUOTE, token1=TOKEN, sqrt_price_x96=2 * 2**96)
        assert inspected(*turned[:3], v3)

    def test_not_a_reward_that_is_sold_for_what_it_is_worth(self) -> None:
        assert not inspected(made(10 * UNIT), *sale(10 * UNIT))

    def test_not_what_was_paid_for_first(self) -> None:
        paid = moved(BOT, FARM, UNIT, address(0xEE))
        gain = moved(FARM, BOT, UNIT, address(0xEE))
        assert not inspected(paid, made(), *sale(), gain)
        assert inspected(made(), *sale(), paid, gain)

    def test_not_what_was_paid_for_in_coin(self) -> None:
        spent = moved(BOT, FARM, UNIT, NATIVE)
        assert not inspected(made(), *sale(), spent, moved(FARM, BOT, UNIT, NATIVE))

    def test_not_where_the_side_lost_something(self) -> None:
        assert not inspected(made(), *sale(), moved(BOT, OTHER, UNIT, address(0xEE)))

    def test_not_where_more_was_sold_than_made(self) -> None:
        assert not inspected(made(10 * UNIT), moved(OTHER, BOT, 90 * UNIT), *sale())

    def test_not_where_somebody_else_was_given_it(self) -> None:
        assert not inspected(made(to=OTHER), moved(OTHER, BOT), *sale())

    def test_not_the_sides_own_token(self) -> None:
        assert not inspected(made(), *sale(), created=frozenset((TOKEN,)))

    def test_not_where_it_is_not_sold(self) -> None:
        bought = [moved(BOT, POOL, 100 * UNIT, QUOTE), moved(POOL, BOT, 50 * UNIT), reserves(50 * UNIT, 200 * UNIT)]
        gain = moved(OTHER, BOT, 200 * UNIT, QUOTE)
        assert not inspected(made(), *bought, swap(-50 * UNIT, 100 * UNIT), gain)

    def test_only_protected_contracts_count_where_some_are(self) -> None:
        for protected, count in ((TOKEN, 1), (POOL, 1), (OTHER, 0)):
            assert len(inspected(made(), *sale(), view={"protected": frozenset((protected,))})) == count

    def test_dollars_where_prices_are_known(self) -> None:
        (found,) = inspected(made(), *sale(), view={"usd": lambda _token, amount: amount / UNIT})
        assert found.loss_usd == 50.0


def burnt(amount: int = 60 * UNIT, kept: int = 40 * UNIT, **fields: Any) -> list[Event]:
    """What the pool held of the token is burnt, it takes its balances anew, and the side sells."""
    return [
        moved(BOT, POOL, 1, QUOTE), moved(POOL, ZERO_ADDRESS, amount), reserves(kept, 100 * UNIT),
        moved(BOT, POOL, 10 * UNIT), moved(POOL, BOT, 20 * UNIT, QUOTE), reserves(kept + 10 * UNIT, 80 * UNIT),
        swap(10 * UNIT, -20 * UNIT), moved(OTHER, BOT, 10 * UNIT),
    ]  # fmt: skip


class TestBurntOutOfAPool:
    def test_it_is_named(self) -> None:
        (found,) = inspected(*burnt())
        assert (found.kind, found.confidence) == ("supply_burnt_from_pool", CONFIDENCE)
        assert found.loss == {QUOTE: 20 * UNIT - 1}
        assert found.victims == (POOL, TOKEN)
        assert [e.ref for e in found.evidence] == [f"log:{hash_(1)}:1", f"log:{hash_(1)}:2"]
        assert "by a factor of 2.5" in found.explanation

    def test_who_held_the_token_before_need_not_buy_it_first(self) -> None:
        assert inspected(*burnt()[1:])

    def test_not_a_few_per_cent_as_such_tokens_burn(self) -> None:
        assert not inspected(*burnt(5 * UNIT, 95 * UNIT))

    def test_not_where_the_reserves_are_those_of_a_trade_or_of_a_share_taken_out(self) -> None:
        events = burnt()
        trade = swap(-60 * UNIT, 70 * UNIT)
        share = LiquidityChange(order=0, address=POOL, protocol="uniswap_v2", pool=POOL, account=BOT, amounts=(-1, -1))
        for after in (trade, share):
            assert not inspected(*events[:3], after, *events[3:])

    def test_not_what_the_side_burns_of_its_own(self) -> None:
        events = burnt()
        events[1] = moved(BOT, ZERO_ADDRESS, 60 * UNIT)
        assert not inspected(*events, moved(OTHER, BOT, 60 * UNIT))

    def test_not_the_pools_own_shares(self) -> None:
        events = burnt()
        events[1] = moved(POOL, ZERO_ADDRESS, 600 * UNIT, POOL)
        assert not inspected(*events)

    def test_not_where_the_pool_is_not_paid_out(self) -> None:
        assert not inspected(*burnt()[:3], moved(OTHER, BOT, 20 * UNIT, QUOTE))

    def test_not_where_the_side_lost_something(self) -> None:
        assert not inspected(*burnt()[:-1])


def bought(amount: int = 10 * UNIT) -> list[CallFrame]:
    return [
        move(QUOTE, BOT, POOL, amount),
        call(BOT, POOL, "0x022c0d9f" + "00" * 128, move(TOKEN, POOL, BOT, 50 * UNIT)),
    ]


def synced(by: str = TOKEN, **fields: Any) -> CallFrame:
    return call(BOT, by, data("transfer(address,uint256)", OTHER, 0), call(by, POOL, SYNC, **fields))


def sold(amount: int = 15 * UNIT, given: int = 50 * UNIT) -> list[CallFrame]:
    return [
        move(TOKEN, BOT, POOL, given),
        call(BOT, POOL, "0x022c0d9f" + "00" * 128, move(QUOTE, POOL, BOT, amount)),
    ]


def of_tree(*calls: CallFrame, **view: Any) -> list[Finding]:
    tree = call(SENDER, BOT, "0x12345678", *calls)
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), logs=None, trace=tree)
    return list(Supply().inspect(shown, View(facts=(DECODER.facts(shown),), **view)))


class TestATokenThatMakesItsPoolForget:
    def test_it_is_named(self) -> None:
        (found,) = of_tree(*bought(), synced(), *sold())
        assert found.kind == "supply_burnt_from_pool"
        assert found.victims == (POOL, TOKEN)
        assert found.loss == {QUOTE: 5 * UNIT}
        assert [e.ref for e in found.evidence] == [f"frame:{hash_(1)}:5"]

    def test_not_by_anybody_elses_sync(self) -> None:
        assert not of_tree(*bought(), call(BOT, POOL, SYNC), *sold())
        assert not of_tree(*bought(), call(BOT, OTHER, "0x12345678", call(OTHER, POOL, SYNC)), *sold())

    def test_not_where_the_call_was_undone(self) -> None:
        assert not of_tree(*bought(), synced(error="execution reverted"), *sold())

    def test_not_arbitrage_with_a_token_that_burns(self) -> None:
        """Bought elsewhere: this pool got the token for what it paid."""
        elsewhere = [move(QUOTE, BOT, OTHER, 10 * UNIT), call(BOT, OTHER, data("buy()"), move(TOKEN, OTHER, BOT))]
        assert not of_tree(*elsewhere, synced(), *sold(given=5 * UNIT))

    def test_not_where_a_share_is_taken_out(self) -> None:
        share = [move(POOL, BOT, POOL, UNIT), call(OTHER, POOL, data("transfer(address,uint256)", BOT, UNIT))]
        assert not of_tree(*bought(), synced(), *sold(), *share)

    def test_not_where_the_side_lost_something(self) -> None:
        assert not of_tree(*bought(), synced(), *sold(), move(FARM, BOT, OTHER, UNIT))

    def test_thousands_of_calls(self) -> None:
        (found,) = of_tree(*bought(), *(synced() for _ in range(2_000)), *sold())
        assert len(found.evidence) == 1


def test_nothing_is_said_of_blocks_and_of_what_failed() -> None:
    assert not list(Supply().inspect(block(), View(facts=())))
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), succeeded=False)
    assert not list(Supply().inspect(shown, View(facts=(facts(made(), *sale()),))))


@pytest.mark.corpus
@pytest.mark.parametrize("mode", ["full", "trees", "logs"])
def test_no_alarm_without_an_attack(corpus: Path, mode: Literal["full", "trees", "logs"]) -> None:
    recordings = sorted((corpus / "recordings").glob("*.jsonl.gz"))
    labels = read_labels(corpus / "labels.jsonl.gz")
    seen = score(recordings, labels, Decoder(load_registry()), (Supply(),), mode=mode)
    assert seen.detectors.get("supply", (0, 0))[1] == 0
