"""The Proof, judged on answers as nodes give them: by status of the action and by what the protected lost."""

from typing import Any

import pytest

from chainwatch.errors import NodeRejected
from chainwatch.respond.proof import STILL_TAKEN, Question, judge
from chainwatch.types import NATIVE, Stage
from tests.builders import address, execution, ref, transaction

MARKET, OTHER, TOKEN = address(0xB1), address(0xB2), address(0x70)


def question(**fields: Any) -> Question:
    given: dict[str, Any] = {
        "sender": address(0xC1), "target": MARKET, "data": "0x8456cb59", "attacks": (execution(),),
        "victims": (MARKET,), "tokens": (TOKEN,),
    }  # fmt: skip
    return Question(**(given | fields))


def word(value: int) -> dict[str, Any]:
    return {"status": "0x1", "returnData": f"0x{value:064x}"}


def done(status: str = "0x1") -> dict[str, Any]:
    return {"status": status, "returnData": "0x"}


def answer(*calls: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"calls": list(calls)}]


WITHOUT = answer(word(1_000), done(), word(300))
PREVENTED = answer(word(1_000), done(), done("0x0"), word(1_000))


def test_an_action_after_which_the_attack_reverts_prevents_it() -> None:
    proof = judge(question(), [WITHOUT, PREVENTED])
    assert proof.verdict == "prevents"
    assert (proof.loss_without, proof.loss_with, proof.left) == ({TOKEN: 700}, {TOKEN: 0}, {TOKEN: 300})


def test_a_swallowed_revert_with_status_1_is_judged_by_balances() -> None:
    assert judge(question(), [WITHOUT, answer(word(1_000), done(), done(), word(1_000))]).verdict == "prevents"
    taken = judge(question(), [WITHOUT, answer(word(1_000), done(), done(), word(300))])
    assert taken.verdict == "does_not_prevent"
    assert "still takes 100%" in taken.explanation


def test_a_reverted_attack_does_not_prove_what_the_balances_deny() -> None:
    with_action = answer(word(1_000), done(), done("0x0"), word(300))
    assert judge(question(), [WITHOUT, with_action]).verdict == "does_not_prevent"


@pytest.mark.parametrize(("left", "verdict"), [(930, "prevents"), (929, "does_not_prevent")])
def test_a_tenth_of_the_loss_may_remain(left: int, verdict: str) -> None:
    assert STILL_TAKEN == 0.1
    assert judge(question(), [WITHOUT, answer(word(1_000), done(), done(), word(left))]).verdict == verdict


def test_an_action_that_fails_does_not_prevent() -> None:
    proof = judge(question(), [WITHOUT, answer(word(1_000), done("0x0"), done("0x0"), word(1_000))])
    assert proof.verdict == "does_not_prevent"
    assert "action itself fails" in proof.explanation


def test_the_worst_token_decides() -> None:
    without = answer(word(1_000), word(50), done(), word(300), word(0))
    with_action = answer(word(1_000), word(50), done(), done(), word(1_000), word(0))
    proof = judge(question(tokens=(TOKEN, NATIVE)), [without, with_action])
    assert proof.verdict == "does_not_prevent"
    assert proof.loss_with == {TOKEN: 0, NATIVE: 50}


def test_protected_contracts_are_counted_together() -> None:
    without = answer(word(1_000), word(0), done(), word(300), word(700))  # from one to the other: nothing is lost
    with_action = answer(word(1_000), word(0), done(), done(), word(1_000), word(0))
    assert judge(question(victims=(MARKET, OTHER)), [without, with_action]).verdict == "inconclusive"


def test_a_gain_of_another_token_is_no_loss() -> None:
    without = answer(word(1_000), word(0), done(), word(300), word(900))  # collateral was left behind
    with_action = answer(word(1_000), word(0), done(), done("0x0"), word(1_000), word(0))
    proof = judge(question(tokens=(TOKEN, OTHER)), [without, with_action])
    assert (proof.verdict, proof.loss_without, proof.left) == ("prevents", {TOKEN: 700}, {TOKEN: 300, OTHER: 900})


def test_a_token_that_does_not_answer_says_nothing() -> None:
    without = answer(word(1_000), done(), done(), word(300), done())
    with_action = answer(word(1_000), done(), done(), done("0x0"), word(1_000), done())
    proof = judge(question(tokens=(TOKEN, OTHER)), [without, with_action])
    assert (proof.verdict, proof.loss_without) == ("prevents", {TOKEN: 700})


def test_a_node_without_simulation_is_inconclusive_and_named() -> None:
    refusal = NodeRejected("eth_simulateV1", -32601, "Method not found")
    for answers in ([refusal, refusal], [WITHOUT, refusal]):
        proof = judge(question(), answers)
        assert proof.verdict == "inconclusive"
        assert "Method not found" in proof.explanation


def test_an_attack_that_takes_nothing_when_replayed_is_inconclusive() -> None:
    proof = judge(question(), [answer(word(1_000), done("0x0"), word(1_000)), PREVENTED])
    assert proof.verdict == "inconclusive"
    assert "depends on more" in proof.explanation


@pytest.mark.parametrize(
    "broken",
    [
        None, [], {}, "0x", [{"calls": []}], [{"calls": None}], [{}], answer(word(1)), answer(done(), done(), done()),
        answer({}, {}, {}), answer(*[word(1_000)] * 5),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_never_prevents(broken: Any) -> None:
    assert judge(question(), [broken, PREVENTED]).verdict == "inconclusive"
    assert judge(question(), [WITHOUT, broken]).verdict == "inconclusive"


@pytest.mark.parametrize(
    "fields",
    [{"attacks": ()}, {"victims": ()}, {"tokens": ()}, {"attacks": (execution(block=None),)}],
    ids=["no attack", "no victim", "no token", "no block"],
)
def test_what_cannot_be_asked_is_inconclusive(fields: dict[str, Any]) -> None:
    assert judge(question(**fields), []).verdict == "inconclusive"


def test_it_runs_on_the_state_before_the_first_attack() -> None:
    assert question().base == ref(10).parent_hash
    assert question(attacks=(execution(1), execution(2, block=ref(12)))).base == ref(10).parent_hash
    assert question(attacks=(execution(stage=Stage.PENDING),)).base == ref(10).hash  # it was simulated on that one


def test_both_simulations_read_before_and_after_and_differ_by_the_action_alone() -> None:
    attack = execution(transaction=transaction(1, value="0x5", input="0xabcd", gas="0x5208"))
    asked = question(attacks=(attack,), tokens=(TOKEN, NATIVE))
    (method, [without, base]), (_, [with_action, _]) = asked.requests()
    assert (method, base, without["validation"]) == ("eth_simulateV1", ref(10).parent_hash, False)
    calls, more = without["blockStateCalls"][0]["calls"], with_action["blockStateCalls"][0]["calls"]
    assert len(calls) == 2 + 1 + 2
    assert calls[:2] == calls[3:]
    assert calls[0] == {"to": TOKEN, "input": "0x70a08231" + MARKET[2:].rjust(64, "0")}
    sent = {"from": address(0xA1), "to": MARKET, "value": "0x5", "input": "0xabcd", "gas": "0x5208"}
    assert calls[2] == sent
    assert more == [*calls[:2], {"from": address(0xC1), "to": MARKET, "input": "0x8456cb59"}, *calls[2:]]


def test_a_transaction_that_creates_a_contract_has_no_target() -> None:
    creation = execution(transaction=transaction(1, to=None))
    (_, [simulation, _]), _ = question(attacks=(creation,)).requests()
    assert "to" not in simulation["blockStateCalls"][0]["calls"][1]
