"""The family `staging`: contracts that look made to attack a protected one, before anybody uses them."""

from pathlib import Path

import pytest
import sha3

from chainwatch.decode import Decoder, load_registry
from chainwatch.decode.bytecode import Code, sweep
from chainwatch.detect import staging_signs
from chainwatch.detect.base import View
from chainwatch.detect.staging import Staging
from chainwatch.detect.staging_signs import (
    CONFIDENCE,
    CONFIDENCE_WATCH,
    LIQUIDATES,
    MOST_HEX,
    SWAP_CALLBACKS,
    TAKES,
    TRADES,
    created_by,
)
from chainwatch.drill.artefacts import create_address, ours
from chainwatch.triage.pipeline import Pipeline
from chainwatch.triage.weigh import tier_of
from chainwatch.types import CallFrame, Execution, Finding, Tier, Transfer
from tests.builders import address, block, execution, facts, finding, hash_, profile, transaction
from tests.hard_negatives.npm import own
from tests.staging_measure import WAYS, seen_in

ATTACKER, MARKET, LENDER, ROUTER, MADE, FACTORY, TOKEN = ("0x" + f"{n:02x}" * 20 for n in range(0xA1, 0xA8))
DECODER = Decoder(load_registry())
PROTECTED = frozenset((MARKET,))
ATTACK = ours("FlashAttacker").creation(LENDER, MARKET, ROUTER)


def created(init: str, *calls: CallFrame, tree: bool = True, **frame: object) -> Execution:
    """A transaction that is the creation of MADE."""
    given = {"type": "CREATE", "from_": ATTACKER, "to": MADE, "input": init, "output": "0x", "calls": list(calls)}
    trace = CallFrame(**(given | frame)) if tree else None
    return execution(transaction=transaction(from_=ATTACKER, to=None, input=init), trace=trace)


def findings(shown: Execution, protected: frozenset[str] = PROTECTED, *events: Transfer) -> list[Finding]:
    seen = DECODER.facts(shown)
    if events:
        seen = facts(*events, frames=seen.frames, created=seen.created)
    return list(Staging().inspect(shown, View(facts=(seen,), protected=protected)))


def confidence(init: str, protected: frozenset[str] = PROTECTED) -> float:
    return max((f.confidence for f in findings(created(init), protected)), default=0.0)


class TestAnAttackersContract:
    def test_the_protected_address_and_a_flash_callback_alert(self):
        (found,) = findings(created(ATTACK))
        assert found.confidence == CONFIDENCE
        assert found.victims == (MARKET,)
        assert found.suspects == (ATTACKER, MADE)
        assert "onFlashLoan" in found.explanation
        assert "borrow(uint256)" in found.explanation
        assert found.evidence[0].ref == f"frame:{hash_(1)}:0"

    def test_made_by_another_contract(self):
        inner = CallFrame(type="CREATE2", from_=FACTORY, to=MADE, input=ATTACK)
        shown = execution(trace=CallFrame(type="CALL", from_=ATTACKER, to=FACTORY, input="0x12345678", calls=[inner]),
                          transaction=transaction(from_=ATTACKER, to=FACTORY))  # fmt: skip
        (found,) = findings(shown)
        assert found.evidence[0].ref == f"frame:{hash_(1)}:1"

    def test_without_a_call_tree_its_address_follows_from_the_nonce(self):
        (found,) = findings(created(ATTACK, tree=False))
        assert found.suspects[1] == created_by(ATTACKER, "0x0") == create_address(ATTACKER, 0)
        assert created_by(ATTACKER, "0x1234") == create_address(ATTACKER, 0x1234)

    def test_where_only_the_code_that_runs_names_the_market(self):
        runs = "0x73" + MARKET[2:] + "8063" + "23e30c8b" + "1461003057"
        (found,) = findings(created("0x6000", output=runs))
        assert found.confidence == CONFIDENCE

    def test_with_its_own_capital_it_is_only_watched(self):
        assert confidence(ours("StagedAttacker").creation(MARKET, ROUTER)) == CONFIDENCE_WATCH

    def test_without_protection_it_is_only_watched(self):
        assert confidence(ATTACK, frozenset()) == CONFIDENCE_WATCH

    def test_dressed_as_a_token_it_is_only_watched(self):
        dress = "".join(f"8063{s}1461003057" for s in ("70a08231", "18160ddd", "a9059cbb", "23e30c8b"))
        assert confidence("0x73" + MARKET[2:] + dress) == CONFIDENCE_WATCH

    def test_several_are_one_finding(self):
        inner = CallFrame(type="CREATE", from_=MADE, to=TOKEN, input=ATTACK + "00")
        (found,) = findings(created(ATTACK, inner))
        assert found.suspects == (ATTACKER, MADE, TOKEN)

    def test_it_never_acts_with_whatever_else(self):
        (found,) = findings(created(ATTACK))
        assert tier_of([found]) is Tier.ALERT
        assert tier_of([found, finding(family="flash", confidence=0.9)]) is Tier.ALERT

    def test_the_pipeline_of_a_profile_sees_it_although_nothing_protected_was_called(self):
        protects = profile(contracts=[{"name": "market", "address": MARKET}])
        runs = "0x73" + MARKET[2:] + "806323e30c8b1461003057"
        for shown in (created(ATTACK), created(ATTACK, tree=False), created("0x6000", output=runs)):
            outcome = Pipeline(DECODER, (Staging(),), (protects,)).block(block(10, shown), {})
            assert [(a.kind, a.tier, a.protocol) for a in outcome.alerts] == [("attack_staged", Tier.ALERT, "p")]

    def test_the_pipeline_judges_what_nobody_sent_without_an_alert(self):
        pipeline = Pipeline(DECODER, (Staging(),), protected=PROTECTED)
        judged, failures = pipeline.judge(created(ATTACK))
        assert [f.kind for f in judged] == ["attack_staged"]
        assert failures == []
        assert pipeline.triage.live() == []


class TestWhatSaysNothing:
    @pytest.mark.parametrize("protected", [PROTECTED, frozenset()])
    @pytest.mark.parametrize("name", ["DrillToken", "LendingMarket", "Staking", "Token", "Payer"])
    def test_ordinary_contracts(self, name, protected):
        code = (ours if name in ("DrillToken", "LendingMarket") else own)(name).bytecode
        assert confidence(code + "00" * 12 + MARKET[2:], protected) == 0

    def test_a_bot_that_does_not_name_the_market(self):
        assert confidence(ours("FlashAttacker").creation(LENDER, LENDER, ROUTER)) == 0

    def test_a_creation_that_failed_or_was_undone(self):
        assert findings(created(ATTACK, error="execution reverted")) == []

    def test_what_the_protocol_makes_itself(self):
        inner = CallFrame(type="CREATE", from_=MARKET, to=MADE, input=ATTACK)
        trace = CallFrame(type="CALL", from_=ATTACKER, to=MARKET, input="0x12345678", calls=[inner])
        assert findings(execution(trace=trace)) == []

    def test_a_block_and_a_call_that_makes_nothing(self):
        assert list(Staging().inspect(block(10), View(facts=()))) == []
        assert findings(execution(trace=CallFrame(type="CALL", from_=ATTACKER, to=MADE, input=ATTACK))) == []


class TestHonestLikenesses:
    def test_a_liquidator_that_neither_borrows_nor_withdraws_is_only_watched(self):
        assert confidence(ours("FlashLiquidator").creation(LENDER, MARKET, ROUTER)) == CONFIDENCE_WATCH

    def test_one_who_takes_leverage_is_only_watched(self):
        assert confidence(ours("LeverageLooper").creation(MARKET, ROUTER)) == CONFIDENCE_WATCH

    def test_a_known_false_alarm_who_borrows_from_the_market_by_flash_loan(self):
        assert confidence(ours("FlashArbitrageur").creation(MARKET)) == CONFIDENCE


def test_what_is_used_at_once_is_judged_by_others():
    paid = Transfer(order=0, address=TOKEN, protocol="erc20", token=TOKEN, sender=MARKET, recipient=MADE, amount=5)
    (found,) = findings(created(ATTACK), PROTECTED, paid)
    assert found.confidence == CONFIDENCE_WATCH


@pytest.mark.parametrize("table", [SWAP_CALLBACKS, TAKES, TRADES, LIQUIDATES])
def test_selectors_are_those_of_their_signatures(table):
    for selector, signature in table.items():
        assert selector == "0x" + sha3.keccak_256(signature.encode()).hexdigest()[:8]


def test_of_many_large_creations_only_so_much_is_read_the_shortest_first(monkeypatch):
    calls = [CallFrame(type="CREATE", from_=FACTORY, to=address(1_000 + i),
                       input="0x73" + MARKET[2:] + "5b6000" * 16_000 + f"{i:08x}") for i in range(100)]  # fmt: skip
    calls.insert(50, CallFrame(type="CREATE", from_=FACTORY, to=MADE, input=ATTACK))
    shown = execution(trace=CallFrame(type="CALL", from_=ATTACKER, to=FACTORY, input="0x12345678", calls=calls))
    read: list[int] = []

    def counted(code: str) -> Code:
        read.append(len(code))
        return sweep(code)

    monkeypatch.setattr(staging_signs, "sweep", counted)
    (found,) = findings(shown)
    assert found.suspects[1:] == (MADE,)
    assert len(read) > 3
    assert sum(read) <= MOST_HEX


@pytest.mark.corpus
def test_attackers_contracts_are_named_and_nobody_elses(corpus: Path):
    seen = list(seen_in(corpus / "recordings", corpus / "labels.jsonl.gz"))
    victims = WAYS[1]
    named = {each.incident for each in seen if each.attack and each.confidence[victims] >= CONFIDENCE}
    watched = {each.incident for each in seen if each.attack and each.confidence[victims] > 0}
    assert len(named) >= 2
    assert len(watched) >= 6
    others = [each for each in seen if not each.attack]
    assert len(others) > 40
    assert all(each.confidence[way] < CONFIDENCE for each in others for way in WAYS)
    assert all(each.confidence[victims] == each.confidence[WAYS[0]] == 0 for each in others)
