"""The access family: each sign is found in the attack that shows it, and in none of its honest likenesses."""

import time
from typing import Any

import msgspec
import pytest
import sha3

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.access import CONFIDENCE, CONFIDENCE_LOGS_ONLY, Access
from chainwatch.detect.access_scene import ECRECOVER, HOOKS, MAKES_OWNER, TAKES_OFFERED, initialisers
from chainwatch.detect.base import View, Words
from chainwatch.types import CallFrame, Facts, Finding, RoleChange, Transfer
from tests.builders import address, block, execution, facts, hash_, profile, transaction

SENDER, BOT, VAULT, TOKEN, VICTIM, OTHER, FAKE, POOL, OWNER = (address(n) for n in range(0xA1, 0xAA))
UNIT = 10**18
DECODER = Decoder(load_registry())
SWEEP = "sweep(address,address,address,uint256)"


def selector(signature: str) -> str:
    return "0x" + sha3.keccak_256(signature.encode()).hexdigest()[:8]


def data(signature: str, *args: str | int) -> str:
    words = (f"{a:064x}" if isinstance(a, int) else a[2:].rjust(64, "0") for a in args)
    return selector(signature) + "".join(words)


def call(from_: str, to: str, input_: str = "0x", *calls: CallFrame, **fields: Any) -> CallFrame:
    given = {"type": "CALL", "from_": from_, "to": to, "input": input_, "calls": list(calls)}
    return CallFrame(**(given | fields))


def move(token: str, from_: str, to: str, amount: int = 5 * UNIT) -> CallFrame:
    return call(from_, token, data("transfer(address,uint256)", to, amount))


def pull(by: str, from_: str, to: str, amount: int = 5 * UNIT, token: str = TOKEN) -> CallFrame:
    return call(by, token, data("transferFrom(address,address,uint256)", from_, to, amount))


def made(contract: str) -> CallFrame:
    return call(BOT, contract, "0x6080", type="CREATE")


def subject(*calls: CallFrame, to: str = BOT, root: dict[str, Any] | None = None) -> tuple[Any, Facts]:
    """A transaction of SENDER to its BOT that makes `calls`."""
    trace = call(SENDER, to, "0x12345678", *calls, **(root or {}))
    shown = execution(transaction=transaction(from_=SENDER, to=to), logs=None, trace=trace)
    return shown, DECODER.facts(shown)


def findings(*calls: CallFrame, view: dict[str, Any] | None = None, **fields: Any) -> list[Finding]:
    shown, found = subject(*calls, **fields)
    return list(Access().inspect(shown, View(facts=(found,), **(view or {}))))


def takes(kind: str, *calls: CallFrame, **fields: Any) -> Finding:
    (found,) = findings(*calls, **fields)
    assert found.kind == f"access_{kind}"
    assert found.family == "access"
    return found


class TestARightTaken:
    INITIALISE = call(BOT, VAULT, data("initialize(address,uint256)", BOT, 1))
    WITHDRAW = call(BOT, VAULT, data("withdrawAll()"), move(TOKEN, VAULT, BOT))

    def test_a_second_initialisation_and_then_a_payout(self):
        found = takes("right_taken", self.INITIALISE, self.WITHDRAW)
        assert found.victims == (VAULT,)
        assert found.suspects[:2] == (SENDER, BOT)
        assert found.loss == {TOKEN: 5 * UNIT}
        assert found.confidence == CONFIDENCE
        assert f"frame:{hash_(1)}:1" in [e.ref for e in found.evidence]
        assert "initialize(address,uint256)" in found.explanation

    def test_the_multi_owner_wallet_that_could_be_initialised_again(self):
        first = call(BOT, VAULT, data("initWallet(address[],uint256,uint256)", 96, 1, 10**20, 1, BOT))
        takes("right_taken", first, call(BOT, VAULT, data("execute(address)", BOT), call(VAULT, BOT, value=hex(UNIT))))

    def test_what_the_contract_took_out_elsewhere_first_is_a_loss_too(self):
        redeem = call(VAULT, POOL, data("redeem(uint256)", 9), move(TOKEN, POOL, VAULT))
        found = takes("right_taken", self.INITIALISE, call(BOT, VAULT, data("out()"), redeem, move(TOKEN, VAULT, BOT)))
        assert found.loss == {TOKEN: 5 * UNIT}

    def test_several_contracts_taken_are_one_finding(self):
        more = call(BOT, OTHER, data("initialize(address,uint256)", BOT, 1))
        found = takes("right_taken", self.INITIALISE, self.WITHDRAW, more,
                      call(BOT, OTHER, data("withdrawAll()"), move(TOKEN, OTHER, BOT)))  # fmt: skip
        assert found.victims == (VAULT, OTHER)
        assert found.loss == {TOKEN: 10 * UNIT}

    def test_not_without_a_payout(self):
        assert findings(self.INITIALISE) == []

    def test_not_where_somebody_else_is_paid(self):
        assert findings(self.INITIALISE, call(BOT, VAULT, data("settle()"), move(TOKEN, VAULT, OTHER))) == []

    def test_not_where_it_got_something_for_it(self):
        assert findings(self.INITIALISE, move(FAKE, BOT, VAULT), self.WITHDRAW) == []

    def test_not_where_it_was_made_in_this_transaction(self):
        assert findings(made(VAULT), move(TOKEN, POOL, VAULT), self.INITIALISE, self.WITHDRAW) == []

    def test_not_where_the_call_failed(self):
        failed = msgspec.structs.replace(self.INITIALISE, error="execution reverted")
        assert findings(failed, self.WITHDRAW) == []

    def test_not_where_all_of_it_was_undone(self):
        undone = call(BOT, OTHER, "0xabcdef01", self.INITIALISE, self.WITHDRAW, error="execution reverted")
        assert findings(undone, move(TOKEN, POOL, BOT)) == []

    def test_not_where_somebody_else_initialised_it(self):
        factory = call(BOT, OTHER, "0xabcdef01", call(OTHER, VAULT, data("initialize(address,uint256)", BOT, 1)))
        assert findings(factory, self.WITHDRAW) == []

    def test_a_caller_that_makes_itself_owner_of_a_token_and_sells_it(self):
        own = call(OTHER, FAKE, data("transferOwnership(address)", OTHER))
        sale = call(OTHER, POOL, data("swap(uint256)", 1), call(POOL, FAKE, data("balanceOf(address)", POOL)),
                    move(TOKEN, POOL, SENDER))  # fmt: skip
        found = takes("right_taken", call(BOT, OTHER, "0xabcdef01", own, move(FAKE, OTHER, POOL), sale))
        assert found.victims == (FAKE, POOL)
        assert OTHER in found.suspects

    def test_not_where_the_owner_names_somebody_else(self):
        own = call(BOT, VAULT, data("transferOwnership(address)", OTHER))
        assert findings(own, self.WITHDRAW) == []


class TestARightTakenInLogs:
    def seen(self, old: str = OWNER, new: str = BOT, calls: tuple[CallFrame, ...] = (), tree: bool = False):
        events = [
            RoleChange(order=0, log_index=i, address=VAULT, protocol="openzeppelin", role="owner", account=account,
                       granted=granted, actor=None)
            for i, (account, granted) in enumerate(((old, False), (new, True)))
        ]  # fmt: skip
        moved = Transfer(order=0, log_index=2, address=TOKEN, protocol="erc20", token=TOKEN, sender=VAULT,
                         recipient=BOT, amount=7 * UNIT)  # fmt: skip
        frames = subject(*calls)[1].frames if tree else ()
        shown = execution(transaction=transaction(from_=SENDER, to=BOT))
        return list(Access().inspect(shown, View(facts=(facts(*events, moved, frames=frames),))))

    def test_an_owner_who_took_no_part_lost_it_to_the_sender(self):
        (found,) = self.seen()
        assert found.kind == "access_right_taken"
        assert found.confidence == CONFIDENCE_LOGS_ONLY
        assert [e.ref for e in found.evidence] == [f"log:{hash_(1)}:1", f"log:{hash_(1)}:2"]

    @pytest.mark.parametrize("old", [SENDER, BOT, address(0)])
    def test_not_where_the_owner_was_the_sender_or_nobody(self, old):
        assert self.seen(old=old) == []

    def test_not_where_it_passed_to_somebody_else(self):
        assert self.seen(new=OTHER) == []

    def test_not_where_the_owner_took_part(self):
        assert self.seen(calls=(call(OWNER, VAULT, data("poke()")),), tree=True) == []

    def test_not_where_the_owner_had_offered_it(self):
        assert self.seen(calls=(call(BOT, VAULT, data("acceptOwnership()")),), tree=True) == []
        assert self.seen(calls=(call(BOT, VAULT, data("poke()")),), tree=True) != []


class TestAWordTrusted:
    def asked(self, ask: CallFrame | None = None, told: str = BOT, pay: CallFrame | None = None) -> list[CallFrame]:
        ask = ask or call(VAULT, BOT, data("burn(address,uint256)", VAULT, 5))
        return [call(BOT, VAULT, data("redeem(address,uint256)", told, 5), ask, pay or move(TOKEN, VAULT, BOT))]

    def test_a_token_that_is_the_senders_is_redeemed_for_a_real_one(self):
        found = takes("word_trusted", *self.asked())
        assert found.victims == (VAULT,)
        assert found.loss == {TOKEN: 5 * UNIT}

    def test_paid_later_in_the_transaction(self):
        ask = call(BOT, VAULT, data("migrate(address)", FAKE), call(VAULT, FAKE, data("leave(uint256)", 9)))
        takes("word_trusted", made(FAKE), ask, call(BOT, VAULT, data("withdraw()"), move(TOKEN, VAULT, BOT)))

    def test_an_oracle_is_handed_a_feed_made_just_now_and_a_market_asks_it(self):
        feed = [made(FAKE), call(BOT, OTHER, data("setFeed(address,address)", TOKEN, FAKE))]
        read = call(OTHER, FAKE, data("latestAnswer()"), type="STATICCALL")
        ask = call(VAULT, OTHER, data("price(address)", TOKEN), read, type="STATICCALL")
        borrow = call(BOT, VAULT, data("borrow(uint256)", 5), ask, move(TOKEN, VAULT, BOT))
        found = takes("word_trusted", *feed, borrow)
        assert found.victims == (OTHER, VAULT)
        old = call(BOT, OTHER, data("setFeed(address,address)", TOKEN, BOT))
        asks_old = msgspec.structs.replace(ask, calls=[msgspec.structs.replace(read, to=BOT)])
        assert findings(old, msgspec.structs.replace(borrow, calls=[asks_old, move(TOKEN, VAULT, BOT)])) == []

    def test_not_where_it_was_not_handed_over(self):
        assert findings(*self.asked(told=OTHER)) == []

    @pytest.mark.parametrize("hook", sorted(HOOKS))
    def test_not_where_the_call_only_tells_a_recipient(self, hook):
        assert findings(*self.asked(ask=call(VAULT, BOT, hook + "0" * 64))) == []

    def test_not_where_coin_is_sent_to_it(self):
        assert findings(*self.asked(ask=call(VAULT, BOT, value="0x1"))) == []

    def test_not_where_it_only_reads(self):
        read = call(VAULT, BOT, data("balanceOf(address)", VAULT), type="STATICCALL")
        assert findings(*self.asked(ask=read)) == []

    def test_not_where_it_pays_first(self):
        ask = call(VAULT, BOT, data("withdrawn(uint256)", 5))
        redeem = call(BOT, VAULT, data("redeem(address,uint256)", BOT, 5), move(TOKEN, VAULT, BOT), ask)
        assert findings(redeem) == []

    def test_not_where_it_is_paid_for_it(self):
        assert findings(*self.asked(), move(OTHER, BOT, VAULT)) == []

    def test_not_where_a_payment_in_the_senders_own_token_would_be_all(self):
        assert findings(*self.asked(), move(BOT, BOT, VAULT)) != []

    def test_not_where_somebody_else_is_paid(self):
        assert findings(*self.asked(pay=move(TOKEN, VAULT, OTHER))) == []


class TestADeputyConfused:
    def sweep(self, *calls: CallFrame, named: str = VICTIM, to: str = BOT, by: str = BOT) -> CallFrame:
        return call(by, VAULT, data(SWEEP, TOKEN, named, to, 5 * UNIT), *(calls or (pull(VAULT, VICTIM, to),)))

    def test_an_allowance_is_used_on_the_senders_word(self):
        found = takes("deputy_confused", self.sweep())
        assert found.victims == (VAULT, VICTIM)
        assert found.loss == {TOKEN: 5 * UNIT}
        assert "allowances" in found.explanation
        assert [e.ref for e in found.evidence] == [f"frame:{hash_(1)}:1", f"frame:{hash_(1)}:2"]

    def test_many_victims_are_one_finding(self):
        sweeps = [
            self.sweep(pull(VAULT, address(0xF00 + n), BOT), named=address(0xF00 + n)) for n in range(20)
        ]  # fmt: skip
        found = takes("deputy_confused", *sweeps)
        assert len(found.victims) == 21
        assert len(found.evidence) < 10

    def test_code_of_the_sender_that_the_deputy_runs_as_its_own(self):
        runs = call(VAULT, BOT, "0xabcdef02", pull(VAULT, VICTIM, SENDER), type="DELEGATECALL")
        found = takes("deputy_confused", call(BOT, VAULT, data("run(address)", BOT), runs))
        assert "code to run as its own" in found.explanation

    def test_loot_that_is_sold_on_the_way(self):
        steps = [self.sweep(pull(VAULT, VICTIM, OTHER), to=OTHER), move(TOKEN, OTHER, POOL), move(FAKE, POOL, BOT)]
        takes("deputy_confused", *steps)

    def test_a_new_contract_may_name_who_gets_it(self):
        trace = [self.sweep(pull(VAULT, VICTIM, OTHER), to=OTHER, by=FAKE)]
        shown = execution(transaction=transaction(from_=SENDER, to=None), logs=None,
                          trace=call(SENDER, FAKE, "0x6080", *trace, type="CREATE"))  # fmt: skip
        (found,) = Access().inspect(shown, View(facts=(DECODER.facts(shown),)))
        assert OTHER in found.suspects
        assert findings(self.sweep(pull(VAULT, VICTIM, OTHER), to=OTHER)) == []

    def test_not_where_the_victim_was_not_named(self):
        assert findings(self.sweep(named=OTHER)) == []  # a treasury from which a reward is drawn

    @pytest.mark.parametrize(
        ("asks", "selector_"),
        [(BOT, "balanceOf(address)"), (BOT, "allowance(address,address)"), (VAULT, "balanceOf(address)")],
    )
    def test_only_where_the_side_chose_the_amount(self, asks, selector_):
        """A merchant's charge: the contract knows what is due, nobody tells it."""
        charge = call(BOT, VAULT, data("charge(address)", VICTIM), pull(VAULT, VICTIM, BOT))
        assert findings(charge) == []
        question = call(asks, TOKEN, data(selector_, VICTIM, VAULT), type="STATICCALL")
        assert bool(findings(question, charge)) == (asks == BOT)

    def test_not_where_the_victim_signed(self):
        signer = call(TOKEN, ECRECOVER, "0x", type="STATICCALL")
        assert findings(call(BOT, TOKEN, data("permit()"), signer), self.sweep()) == []

    def test_not_where_the_victim_was_paid(self):
        assert findings(move(OTHER, BOT, VICTIM), self.sweep()) == []

    @pytest.mark.parametrize("function", ["safeTransferFrom(address,address,uint256)"])
    def test_not_where_the_victim_got_an_item(self, function):
        assert findings(call(VAULT, POOL, data(function, SENDER, VICTIM, 7)), self.sweep()) == []

    def test_not_where_the_victim_was_asked(self):
        ask = call(VAULT, VICTIM, data("isValidSignature(bytes32,bytes)", 1, 64, 0), type="STATICCALL")
        assert findings(self.sweep(ask, pull(VAULT, VICTIM, BOT))) == []

    def test_not_where_the_sender_is_the_victim(self):
        assert findings(self.sweep(pull(VAULT, SENDER, BOT), named=SENDER)) == []

    def test_not_where_the_allowance_was_given_to_the_sender(self):
        assert findings(pull(BOT, VICTIM, BOT)) == []

    def test_not_where_the_sender_calls_it_without_a_contract_of_its_own(self):
        told = {"input": data(SWEEP, TOKEN, VICTIM, SENDER, 5 * UNIT)}
        view = {"protected": frozenset((VAULT,))}
        assert findings(pull(VAULT, VICTIM, SENDER), to=VAULT, root=told, view=view) == []

    def test_not_where_a_relayer_gets_a_fee_and_others_the_rest(self):
        steps = [pull(VAULT, VICTIM, POOL, 99 * UNIT), pull(VAULT, VICTIM, BOT, UNIT)]
        assert findings(self.sweep(*steps)) == []

    def test_not_in_a_reverted_call(self):
        undone = msgspec.structs.replace(self.sweep(), error="execution reverted")
        assert findings(undone, move(TOKEN, POOL, BOT)) == []

    def test_not_a_token_of_the_senders_own(self):
        assert findings(self.sweep(pull(VAULT, VICTIM, BOT, token=BOT))) == []

    def test_victims_of_a_transfer_that_the_logs_deny_are_none(self):
        shown, found = subject(self.sweep())
        seen = msgspec.structs.replace(found, events=tuple(e for e in found.events if not isinstance(e, Transfer)))
        assert list(Access().inspect(shown, View(facts=(seen,)))) == []


class TestWhatTheViewSays:
    SWEEP = TestADeputyConfused().sweep()

    @pytest.mark.parametrize("protected", [VAULT, VICTIM, TOKEN])
    def test_a_protected_deputy_victim_or_token_concerns_us(self, protected):
        assert findings(self.SWEEP, view={"protected": frozenset((protected,))}) != []

    def test_others_do_not(self):
        assert findings(self.SWEEP, view={"protected": frozenset((POOL,))}) == []

    def test_only_known_tokens_are_lost_where_the_profile_names_some(self):
        known, unknown = ({"words": Words(tokens={token: ("USD", 18)})} for token in (TOKEN, OTHER))
        (found,) = findings(self.SWEEP, view=known)
        assert "5.00 USD" in found.explanation
        assert findings(self.SWEEP, view=unknown) == []

    def test_a_loss_is_priced_where_its_price_is_known(self):
        (found,) = findings(self.SWEEP, view={"usd": lambda token, amount: amount / UNIT if token == TOKEN else None})
        assert found.loss_usd == 5.0
        assert "$5" in found.explanation

    def test_names_stand_for_addresses(self):
        seen: Profile = profile(contracts=[{"name": "the-vault", "address": VAULT}])
        (found,) = findings(self.SWEEP, view={"words": Words.of(seen), "profile": seen})
        assert "the-vault" in found.explanation
        assert VAULT not in found.explanation

    def test_nothing_is_said_of_failures_blocks_and_empty_transactions(self):
        shown, found = subject(self.SWEEP)
        failed = msgspec.structs.replace(shown, succeeded=False)
        assert list(Access().inspect(failed, View(facts=(found,)))) == []
        assert list(Access().inspect(block(10, shown), View(facts=(found,)))) == []
        assert findings() == []


class TestTables:
    def test_selectors_are_those_of_the_signatures_beside_them(self):
        names = {"transferOwnership", "setOwner", "changeOwner", "changeAdmin", "setAdmin", "transferAdmin",
                 "setGovernance", "setGovernor"}  # fmt: skip
        assert {selector(f"{name}(address)") for name in names} == MAKES_OWNER
        assert {selector(f"{n}()") for n in ("acceptOwnership", "claimOwnership", "acceptAdmin")} == TAKES_OFFERED
        hooks = [
            "uniswapV3SwapCallback(int256,int256,bytes)",
            "pancakeV3SwapCallback(int256,int256,bytes)",
            "algebraSwapCallback(int256,int256,bytes)",
            "unlockCallback(bytes)",
            "onERC721Received(address,address,uint256,bytes)",
            "onERC1155Received(address,address,uint256,uint256,bytes)",
            "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)",
            "tokensReceived(address,address,address,uint256,bytes,bytes)",
            "tokensToSend(address,address,address,uint256,bytes,bytes)",
            "onTokenTransfer(address,uint256,bytes)",
            "onTransferReceived(address,address,uint256,bytes)",
        ]
        assert {selector(hook) for hook in hooks} <= HOOKS

    def test_initialisers_are_few_enough_to_name_none_by_chance(self):
        assert "initialize(address)" in initialisers().values()
        assert len(initialisers()) < 1_500
        usual = ("transfer(address,uint256)", "deposit(uint256)", "approve(address,uint256)", "mint(address,uint256)")
        assert not initialisers().keys() & {selector(s) for s in usual}


class TestALargeTree:
    @pytest.mark.parametrize("attack", [True, False])
    def test_four_thousand_frames_take_well_under_fifty_milliseconds(self, attack):
        sweeps = [TestADeputyConfused().sweep(pull(VAULT, address(0xF000 + n), BOT), named=address(0xF000 + n))
                  for n in range(1_000)]  # fmt: skip
        asks = [call(BOT, address(0x9000 + n), data("tell(address)", BOT),
                     call(address(0x9000 + n), BOT, data("ask()"))) for n in range(500)]  # fmt: skip
        inits = [call(BOT, address(0x5000 + n), data("initialize(address)", BOT)) for n in range(1_000)]
        shown, found = subject(*(sweeps if attack else ()), *asks, *inits, move(TOKEN, POOL, BOT))
        assert len(found.frames) >= (4_000 if attack else 2_000)
        view = View(facts=(found,))
        list(Access().inspect(shown, view))
        best = min(_seconds(shown, view) for _ in range(3))
        assert len(list(Access().inspect(shown, view))) == attack
        assert best < 0.15  # 50 ms alone; three times that, for a machine that others use

    def test_a_deep_tree_is_no_deeper_for_us(self):
        inner = TestADeputyConfused().sweep(by=BOT)
        for _ in range(1_000):
            inner = call(BOT, BOT, "0xabcdef09", inner)
        assert len(findings(inner)) == 1


def _seconds(shown: Any, view: View) -> float:
    began = time.perf_counter()
    list(Access().inspect(shown, view))
    return time.perf_counter() - began
