"""The flash-loan family: the attack alone has all four marks; what is honest lacks one."""

from typing import Any

import msgspec
import pytest

from chainwatch.config.models import Profile
from chainwatch.detect.base import View, Words
from chainwatch.detect.flash_price_manipulation import CONFIDENCE_INFERRED_LOAN, FlashPriceManipulation
from chainwatch.detect.trades import Trade, implied_ratio
from chainwatch.types import (
    ZERO_ADDRESS,
    Borrow,
    Event,
    Finding,
    FlashLoan,
    Frame,
    Liquidation,
    Repay,
    ReservesUpdate,
    Swap,
    Transfer,
)
from tests.builders import address, block, execution, facts, hash_, profile, transaction

SENDER, BOT, LENDER, POOL, OTHER_POOL, MARKET, USD, ETH = (address(n) for n in range(0xA1, 0xA9))
UNIT = 10**6
FEE = 0.997


class Chain:
    """Constant-product pools and balances: writes the events that a transaction of `BOT` would leave."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reserves = {POOL: [4_000_000 * UNIT, 2_000 * UNIT], OTHER_POOL: [4_000_000 * UNIT, 2_000 * UNIT]}

    def add(self, kind: type[Event], **fields: Any) -> None:
        given = {"order": 0, "log_index": len(self.events), "address": MARKET, "protocol": "test"}
        self.events.append(kind(**(given | fields)))

    def move(self, token: str, sender: str, recipient: str, amount: int) -> None:
        self.add(
            Transfer, address=token, protocol="erc20", token=token, sender=sender, recipient=recipient, amount=amount
        )

    def loan(self, amount: int, **fields: Any) -> None:
        self.move(USD, LENDER, BOT, amount)
        self.add(FlashLoan, address=LENDER, lender=LENDER, borrower=BOT, token=USD, amount=amount, **fields)

    def repay(self, amount: int) -> None:
        self.move(USD, BOT, LENDER, amount + amount // 2_000)

    def trade(self, amount: int, *, sell: bool, pool: str = POOL, trader: str = BOT) -> int:
        """Swap USD into ETH, or with `sell` the other way; returns what came out."""
        held = self.reserves[pool]
        i, o = (1, 0) if sell else (0, 1)
        out = int(held[o] * FEE * amount / (held[i] + FEE * amount))
        held[i], held[o] = held[i] + amount, held[o] - out
        tokens = (USD, ETH)
        self.move(tokens[i], trader, pool, amount)
        self.move(tokens[o], pool, trader, out)
        self.add(ReservesUpdate, address=pool, protocol="uniswap_v2", pool=pool, reserve0=held[0], reserve1=held[1])
        amounts = [0, 0]
        amounts[i], amounts[o] = amount, -out
        self.add(Swap, address=pool, protocol="uniswap_v2", pool=pool, sender=trader, recipient=trader,
                 amount0=amounts[0], amount1=amounts[1])  # fmt: skip
        return out

    def borrow(self, collateral: int, amount: int) -> None:
        self.move(ETH, BOT, MARKET, collateral)
        self.add(Borrow, account=BOT, token=None, amount=amount)
        self.move(USD, MARKET, BOT, amount)


def attack(*, kept: int = 40 * UNIT, taken: int = 700_000 * UNIT) -> Chain:
    """Buy with borrowed money, borrow against the price that made, sell, repay."""
    chain = Chain()
    chain.loan(6_000_000 * UNIT)
    bought = chain.trade(6_000_000 * UNIT, sell=False)
    if taken:
        chain.borrow(kept, taken)
    chain.trade(bought - (kept if taken else 0), sell=True)
    chain.repay(6_000_000 * UNIT)
    return chain


def findings(events: list[Event], view: dict[str, Any] | None = None, **fields: Any) -> list[Finding]:
    frames = fields.pop("frames", ())
    subject = execution(transaction=transaction(from_=SENDER, to=BOT), **fields)
    seen = View(facts=(facts(*events, frames=frames),), **(view or {}))
    return list(FlashPriceManipulation().inspect(subject, seen))


class TestTheAttack:
    def test_is_found_with_victim_suspects_loss_and_reason(self):
        (found,) = findings(attack().events)
        assert found.kind == found.family == "flash_price_manipulation"
        assert found.victims == (MARKET,)
        assert found.suspects[:2] == (SENDER, BOT)
        assert found.loss == {USD: 700_000 * UNIT}
        assert found.loss_usd is None
        assert found.tx_hashes == (hash_(1),)
        assert "both directions" in found.explanation
        assert "highest / lowest" in found.formula

    def test_rests_on_loan_trades_and_transfers_never_on_reserves(self):
        chain = attack()
        (found,) = findings(chain.events)
        reserves = {f"log:{hash_(1)}:{e.log_index}" for e in chain.events if isinstance(e, ReservesUpdate | Borrow)}
        refs = [e.ref for e in found.evidence]
        assert len(refs) == len(set(refs)) >= 4
        assert reserves.isdisjoint(refs)
        without = [e for e in chain.events if not isinstance(e, ReservesUpdate)]
        (again,) = findings(without)
        assert again.formula == found.formula

    @pytest.mark.parametrize("evidence", ["callback", "out_and_back"])
    def test_is_found_however_the_loan_is_known(self, evidence):
        chain = attack()
        at = next(i for i, e in enumerate(chain.events) if isinstance(e, FlashLoan))
        chain.events[at] = msgspec.structs.replace(chain.events[at], evidence=evidence)
        (found,) = findings(chain.events)
        assert (found.confidence == CONFIDENCE_INFERRED_LOAN) == (evidence == "out_and_back")

    def test_is_found_in_a_call_tree_without_logs(self):
        events = [msgspec.structs.replace(e, log_index=None, frame=i) for i, e in enumerate(attack().events)]
        (found,) = findings(events, logs=None)
        assert all(e.ref.startswith(f"frame:{hash_(1)}:") for e in found.evidence)

    def test_is_found_when_the_gain_is_carried_off(self):
        chain = attack()
        home = address(0xF00)
        chain.move(USD, BOT, home, 600_000 * UNIT)
        (found,) = findings(chain.events, frames=(root_frame(),))
        assert "had more" in found.explanation

    def test_a_flash_swap_repaid_in_kind_is_a_loan(self):
        chain = attack()
        chain.events = [e for e in chain.events if not isinstance(e, FlashLoan)]
        chain.add(Swap, address=LENDER, protocol="uniswap_v2", pool=LENDER, sender=BOT, recipient=BOT,
                  amount0=3_000 * UNIT, amount1=0)  # fmt: skip
        (found,) = findings(chain.events)
        assert "flash swap" in found.evidence[0].what


class TestWhatIsHonest:
    def test_nothing_borrowed(self):
        assert findings([e for e in attack().events if not isinstance(e, FlashLoan)]) == []

    def test_arbitrage_trades_each_pool_once(self):
        chain = Chain()
        chain.reserves[OTHER_POOL] = [6_000_000 * UNIT, 2_000 * UNIT]
        chain.loan(400_000 * UNIT)
        bought = chain.trade(400_000 * UNIT, sell=False)
        chain.trade(bought, sell=True, pool=OTHER_POOL)
        chain.repay(400_000 * UNIT)
        assert findings(chain.events) == []

    def test_liquidation_pays_for_what_it_takes(self):
        chain = Chain()
        chain.loan(100_000 * UNIT)
        chain.move(USD, BOT, MARKET, 100_000 * UNIT)
        chain.add(Liquidation, account=SENDER, liquidator=BOT, debt_token=USD, collateral_token=ETH,
                  repaid=100_000 * UNIT, seized=60 * UNIT)  # fmt: skip
        chain.move(ETH, MARKET, BOT, 60 * UNIT)
        for _ in range(6):  # in parts, which moves the price in one direction
            chain.trade(10 * UNIT, sell=True)
        chain.repay(100_000 * UNIT)
        assert findings(chain.events) == []

    def test_leverage_gains_nothing(self):
        chain = Chain()
        chain.loan(500_000 * UNIT)
        bought = chain.trade(500_000 * UNIT, sell=False)
        chain.move(ETH, BOT, MARKET, bought)
        chain.add(Borrow, account=BOT, token=None, amount=500_250 * UNIT)
        chain.move(USD, MARKET, BOT, 500_250 * UNIT)
        chain.repay(500_000 * UNIT)
        assert findings(chain.events) == []

    def test_deleverage_gets_back_only_ones_own(self):
        chain = Chain()
        chain.loan(300_000 * UNIT)
        chain.move(USD, BOT, MARKET, 300_000 * UNIT)
        chain.add(Repay, account=BOT, payer=BOT, token=None, amount=300_000 * UNIT)
        chain.move(ETH, MARKET, BOT, 400 * UNIT)
        chain.trade(200 * UNIT, sell=True)
        chain.repay(300_000 * UNIT)
        assert findings(chain.events) == []

    def test_a_round_trip_at_a_loss_harms_nobody(self):
        assert findings(attack(taken=0).events) == []

    def test_a_small_round_trip_moves_no_price(self):
        chain = Chain()
        chain.loan(10_000 * UNIT)
        bought = chain.trade(10_000 * UNIT, sell=False)
        chain.borrow(2 * UNIT, 3_000 * UNIT)
        chain.trade(bought - 2 * UNIT, sell=True)
        chain.repay(10_000 * UNIT)
        assert findings(chain.events) == []

    def test_what_failed_did_nothing(self):
        assert findings(attack().events, succeeded=False) == []

    def test_blocks_are_not_its_subject(self):
        assert list(FlashPriceManipulation().inspect(block(), View(facts=()))) == []

    def test_a_vault_with_shares_takes_something_for_what_it_gives(self):
        """Wrapping and a deposit taken back are no price."""
        chain = Chain()
        vault = address(0x7A)
        chain.loan(1_000 * UNIT)
        chain.move(USD, BOT, vault, 1_000 * UNIT)
        chain.move(vault, ZERO_ADDRESS, BOT, 900 * UNIT)
        chain.move(vault, BOT, ZERO_ADDRESS, 900 * UNIT)
        chain.move(USD, vault, BOT, 1_000 * UNIT)
        chain.repay(1_000 * UNIT)
        assert findings(chain.events) == []


def test_who_gained_nothing_attacked_nobody():
    chain = attack()
    chain.move(USD, BOT, address(0x999), 700_000 * UNIT)
    chain.move(address(0x998), address(0x999), BOT, 1)  # he gave something, too: no place where a gain is kept
    assert findings(chain.events) == []


class TestWhatWasGivenWhen:
    """A price that was moved harms who gives something while it is moved, or who trades with the venue."""

    @pytest.mark.parametrize("before", [True, False])
    def test_what_was_withdrawn_before_or_lent_afterwards_is_no_loss(self, before):
        chain = attack(taken=0, kept=0)
        chain.borrow(40 * UNIT, 700_000 * UNIT)
        steps = [chain.events.pop() for _ in range(3)][::-1]
        at = 2 if before else len(chain.events)  # after the loan, before the first trade
        chain.events[at:at] = steps
        assert findings(chain.events) == []

    def test_a_vault_that_keeps_the_tokens_of_its_pools_has_traded(self):
        """Balancer: the vault writes the Swaps and pays, each pool is a number to it."""
        vault, pools = address(0xBA1), (POOL, OTHER_POOL)
        chain = attack()
        for n, event in enumerate(chain.events):
            if isinstance(event, Swap):
                chain.events[n] = msgspec.structs.replace(event, address=vault)
            elif isinstance(event, Transfer):
                here, there = (vault if a in (*pools, MARKET) else a for a in (event.sender, event.recipient))
                chain.events[n] = msgspec.structs.replace(event, sender=here, recipient=there)
        assert findings(chain.events)  # it got nothing at all
        chain.move(ETH, BOT, vault, UNIT)
        assert findings(chain.events) == []


class TestProtected:
    def test_the_loss_of_a_protected_contract_is_reported(self):
        (found,) = findings(attack().events, {"protected": frozenset((MARKET,))})
        assert found.victims == (MARKET,)

    def test_an_attack_on_others_is_not_our_affair(self):
        assert findings(attack().events, {"protected": frozenset((address(0x999),))}) == []

    @pytest.mark.parametrize("passed_through", [LENDER])
    def test_a_protected_lender_that_was_paid_back_is_not_concerned(self, passed_through):
        assert findings(attack().events, {"protected": frozenset((passed_through,))}) == []

    def test_a_protected_pool_whose_price_was_moved_is_concerned(self):
        (found,) = findings(attack().events, {"protected": frozenset((POOL,))})
        assert MARKET in found.victims or POOL in found.victims

    def test_a_protected_contract_that_the_sender_calls_is_never_on_the_senders_side(self):
        subject = execution(transaction=transaction(from_=SENDER, to=MARKET))
        seen = View(facts=(facts(*attack().events),), protected=frozenset((MARKET,)))
        (found,) = FlashPriceManipulation().inspect(subject, seen)
        assert found.victims == (MARKET,)
        assert MARKET not in found.suspects


class TestTokensOfTheAttackersOwnMaking:
    """Anybody can make a token whose events say that a protected contract gave some of it away."""

    FAKE = address(0xFA4E)
    NAMED = Words(tokens={USD: ("USD", 6), ETH: ("ETH", 6)})

    def harmless(self) -> Chain:
        """A flash loan swapped there and back, a dust loan fully covered, and a fake transfer out of the market."""
        chain = attack(taken=0, kept=0)
        chain.move(self.FAKE, MARKET, BOT, 10**30)
        chain.events.insert(len(chain.events) // 2, chain.events.pop())  # while the price was moved
        return chain

    def test_a_fake_loss_of_a_named_protocol_is_no_loss(self):
        view = {"protected": frozenset((MARKET,))}
        assert findings(self.harmless().events, view)  # without named tokens it cannot be told
        assert findings(self.harmless().events, view | {"words": self.NAMED}) == []

    def test_a_fake_gain_of_the_victim_does_not_hide_its_real_loss(self):
        chain = attack()
        chain.move(self.FAKE, BOT, MARKET, 10**30)
        (found,) = findings(chain.events, {"protected": frozenset((MARKET,)), "words": self.NAMED})
        assert found.victims == (MARKET,)
        assert set(found.loss) == {USD}


class TestALoanAgainstSoundCollateral:
    """Anybody may borrow at twice the value while a price swings: that is no loss, and must not force a pause."""

    def test_is_no_loss_at_the_profiles_prices(self):
        dollars = {USD: 1 / UNIT, ETH: 2_000 / UNIT}
        view = {"protected": frozenset((MARKET,)), "usd": lambda token, amount: amount * dollars.get(token, 0)}
        sound, unsound = attack(kept=0, taken=100_000 * UNIT), attack(kept=0, taken=100_000 * UNIT)
        sound.move(ETH, BOT, MARKET, 60 * UNIT)  # worth 120,000, from the borrower's own pocket
        unsound.move(ETH, BOT, MARKET, 40 * UNIT)
        assert findings(sound.events, {"protected": frozenset((MARKET,))})  # without prices it cannot be told
        assert findings(sound.events, view) == []
        assert findings(unsound.events, view)


class TestThresholds:
    def priced(self, **thresholds: float) -> Profile:
        return profile(thresholds={"flash_price_manipulation": thresholds})

    def test_a_wider_excursion_may_be_asked_for(self):
        assert findings(attack().events, {"profile": self.priced(min_price_excursion=2)})
        assert findings(attack().events, {"profile": self.priced(min_price_excursion=7)}) == []

    def test_a_known_loss_below_the_least_does_not_alert(self):
        usd = lambda _token, amount: amount / UNIT  # noqa: E731
        (found,) = findings(attack().events, {"profile": self.priced(min_loss_usd=600_000), "usd": usd})
        assert found.loss_usd == pytest.approx(700_000 - 40)  # less the collateral it keeps
        assert findings(attack().events, {"profile": self.priced(min_loss_usd=800_000), "usd": usd}) == []


class TestImpliedReserves:
    def swap(self, forward: bool, amount_in: int, amount_out: int) -> Trade:
        event = Swap(order=0, address=POOL, protocol="uniswap_v2", pool=POOL, sender=BOT, recipient=BOT,
                     amount0=0, amount1=0)  # fmt: skip
        price = amount_in / amount_out if forward else amount_out / amount_in
        return Trade(POOL, ("token0", "token1"), forward, amount_in, amount_out, price, (event,))

    @pytest.mark.parametrize("fee", [0.994, 0.997, 0.9975, 0.998, 0.999, 0.9995, 1.0])
    @pytest.mark.parametrize("size", [1e-6, 1e-3, 0.1, 1, 10])
    @pytest.mark.parametrize("back", [0.01, 0.5, 0.9, 1.0, 1.2])
    def test_never_more_than_the_truth_whichever_usual_fee(self, fee, size, back):
        r0, r1 = 10**24, 3 * 10**21
        a = int(r0 * size)
        b = int(r1 * fee * a / (r0 + fee * a))
        truth = (r0 + a) / (r1 - b) * r1 / r0
        c = int(b * back)
        d = int((r0 + a) * fee * c / (r1 - b + fee * c))
        implied = implied_ratio(self.swap(True, a, b), self.swap(False, c, d))
        assert implied is None or implied <= truth * 1.01

    def test_shows_an_excursion_where_the_prices_of_the_trades_hide_it(self):
        """Both trades of the attack average out to nearly one price; the pool went to 6.25 times its price between."""
        (found,) = findings(attack().events)
        ratio = float(found.formula.split("= ")[1].split()[0])
        assert 2 < ratio < 6.25


def root_frame() -> Frame:
    return Frame(index=0, parent=-1, depth=0, kind="CALL", sender=SENDER, to=BOT, acting_as=BOT, value=0,
                 selector="0x12345678", input="0x12345678", reverted=False, end=1)  # fmt: skip
