"""The governance family: borrowed votes, steps stepped over, delays cut, dangerous calls that wait; and their likes."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import sha3
from eth_abi.abi import encode

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import View, Words
from chainwatch.detect.governance import CONFIDENCE, CONFIDENCE_DECIDED, HEADS_UP_CONFIDENCE, Governance
from chainwatch.detect.governance_calls import ASKS, DANGERS
from chainwatch.evaluate.labels import read_labels
from chainwatch.evaluate.score import score
from chainwatch.types import (
    CallFrame,
    Event,
    Finding,
    FlashLoan,
    ParameterChange,
    Proposal,
    Transfer,
    Vote,
    VotingPower,
)
from tests.builders import address, block, execution, facts, hash_, transaction
from tests.detect.test_access import call, data, move, selector

SENDER, BOT, GOVERNOR, TOKEN, LENDER, VAULT, OTHER, TREASURY = (address(n) for n in range(0xA1, 0xA9))
UNIT = 10**18
ID = "7"
DECODER = Decoder(load_registry())
FIELDS: dict[str, Any] = {"order": 0, "protocol": "openzeppelin"}


def loan(token: str | None = TOKEN, borrower: str = BOT) -> FlashLoan:
    return FlashLoan(**FIELDS, address=LENDER, lender=LENDER, borrower=borrower, token=token, amount=9 * UNIT)


def moved(sender: str, recipient: str, token: str = TOKEN) -> Transfer:
    return Transfer(**FIELDS, address=token, token=token, sender=sender, recipient=recipient, amount=9 * UNIT)


def power(account: str = BOT, before: int = 0, after: int = 9, token: str = TOKEN) -> VotingPower:
    return VotingPower(**FIELDS, address=token, account=account, before=before, after=after)


def vote(voter: str = BOT, weight: int = 9 * UNIT, at: str = GOVERNOR, about: str = ID) -> Vote:
    return Vote(**FIELDS, address=at, proposal_id=about, voter=voter, support=1, weight=weight)


def step(what: Any, at: str = GOVERNOR, about: str = ID, **fields: Any) -> Proposal:
    return Proposal(**FIELDS, address=at, proposal_id=about, step=what, **fields)


def said(*events: Event, tree: CallFrame | None = None, **view: Any) -> list[Finding]:
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), trace=tree)
    frames = DECODER.facts(shown).frames if tree else ()
    own = facts(*events, frames=frames)
    own = msgspec.structs.replace(own, events=tuple(msgspec.structs.replace(e, log_index=e.order) for e in own.events))
    return list(Governance().inspect(shown, View(facts=(own,), **view)))


def of_tree(*calls: CallFrame, **view: Any) -> list[Finding]:
    tree = call(SENDER, BOT, "0x12345678", *calls)
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), logs=None, trace=tree)
    return list(Governance().inspect(shown, View(facts=(DECODER.facts(shown),), **view)))


class TestBorrowedVotes:
    def test_votes_of_what_was_borrowed(self) -> None:
        (found,) = said(loan(), power(), vote(), power(before=9, after=0))
        assert (found.kind, found.family, found.confidence) == ("governance_flash_votes", "governance", CONFIDENCE)
        assert found.victims == (GOVERNOR, TOKEN)
        assert found.suspects == (SENDER, BOT)
        assert [e.ref for e in found.evidence] == [f"log:{hash_(1)}:{n}" for n in range(3)]
        assert "had borrowed" in found.explanation

    def test_what_was_borrowed_is_locked_and_comes_back(self) -> None:
        assert said(loan(), moved(BOT, GOVERNOR), vote(), moved(GOVERNOR, BOT))

    def test_locked_with_whom_the_governor_asks(self) -> None:
        asks = call(GOVERNOR, VAULT, data("votesOf(address)", BOT), type="STATICCALL")
        tree = call(SENDER, BOT, "0x12345678", call(BOT, GOVERNOR, data("castVote(uint256,uint8)", 7, 1), asks))
        events = loan(), moved(BOT, VAULT), vote(), moved(VAULT, BOT)
        assert said(*events, tree=tree)
        assert not said(*events)

    def test_executed_in_the_same_transaction(self) -> None:
        (found,) = said(loan(OTHER), vote(), step("executed"))
        assert found.confidence == CONFIDENCE_DECIDED
        assert "executed in the same transaction" in found.explanation

    def test_what_was_executed_comes_first(self) -> None:
        (found,) = said(loan(), power(), vote(about="8"), vote(), step("executed"))
        assert found.confidence == CONFIDENCE_DECIDED

    def test_not_a_vote_with_ones_own(self) -> None:
        assert not said(power(), vote(), step("executed"))

    def test_not_a_loan_of_something_else(self) -> None:
        assert not said(loan(OTHER), power(), vote())
        assert not said(loan(OTHER), moved(BOT, GOVERNOR), vote(), moved(GOVERNOR, BOT))

    def test_not_where_the_loan_is_somebody_elses(self) -> None:
        ours = frozenset((VAULT, GOVERNOR))
        assert said(loan(), power(), vote(), protected=ours)
        assert not said(loan(borrower=VAULT), power(), vote(), protected=ours)
        assert not said(loan(), vote(OTHER), step("executed"))

    def test_not_votes_that_came_after_or_went(self) -> None:
        assert not said(loan(), vote(), power())
        assert not said(loan(), power(before=9, after=3), vote())
        assert not said(loan(), power(OTHER), vote())

    def test_not_what_stays_locked_or_was_traded(self) -> None:
        assert not said(loan(), moved(BOT, GOVERNOR), vote())
        assert not said(loan(), moved(BOT, OTHER), vote(), moved(OTHER, BOT))
        assert not said(loan(), vote(), moved(BOT, GOVERNOR), moved(GOVERNOR, BOT))

    def test_not_an_owner_of_several_who_agrees_and_executes(self) -> None:
        assert not said(loan(), vote(weight=1), step("executed"))

    def test_not_another_proposal_or_one_executed_before(self) -> None:
        assert not said(loan(), vote(), step("executed", about="8"))
        assert not said(loan(), vote(), step("executed", at=OTHER))
        assert not said(loan(), step("executed"), vote())

    def test_not_a_governor_of_the_sides_own(self) -> None:
        assert not said(loan(), power(), vote(at=BOT))

    def test_only_protected_contracts_count_where_some_are(self) -> None:
        events = loan(), power(), vote()
        assert said(*events, protected=frozenset((GOVERNOR,)))
        assert said(*events, protected=frozenset((TOKEN,)))
        assert not said(*events, protected=frozenset((OTHER,)))


def lent(*calls: CallFrame) -> CallFrame:
    """A loan of the token by its callback, repaid."""
    signature = "onFlashLoan(address,address,uint256,uint256,bytes)"
    callback = call(LENDER, BOT, data(signature, BOT, TOKEN, 9 * UNIT, 0, 160), *calls)
    return call(BOT, LENDER, data("flashLoan(address,uint256)", TOKEN, 9 * UNIT),
                move(TOKEN, LENDER, BOT, 9 * UNIT), callback, move(TOKEN, BOT, LENDER, 9 * UNIT))  # fmt: skip


class TestBorrowedVotesInTrees:
    VOTE = call(BOT, GOVERNOR, data("vote(uint32)", 7))
    EXECUTE = call(BOT, GOVERNOR, data("emergencyCommit(uint32)", 7))

    def test_voted_and_executed(self) -> None:
        (found,) = of_tree(lent(self.VOTE, self.EXECUTE))
        assert (found.kind, found.confidence) == ("governance_flash_votes", CONFIDENCE_DECIDED)
        assert [e.ref for e in found.evidence][-2:] == [f"frame:{hash_(1)}:4", f"frame:{hash_(1)}:5"]

    def test_locked_and_freed(self) -> None:
        pull = data("transferFrom(address,address,uint256)", BOT, GOVERNOR, 9 * UNIT)
        lock = call(BOT, GOVERNOR, data("lock(uint256)", 9 * UNIT), call(GOVERNOR, TOKEN, pull))
        free = call(BOT, GOVERNOR, data("free(uint256)", 9 * UNIT), move(TOKEN, GOVERNOR, BOT, 9 * UNIT))
        (found,) = of_tree(lent(lock, self.VOTE, free))
        assert found.confidence == CONFIDENCE

    def test_delegated(self) -> None:
        delegate = call(BOT, TOKEN, data("delegate(address)", BOT))
        assert of_tree(lent(delegate, self.VOTE))
        assert not of_tree(lent(self.VOTE, delegate))
        assert not of_tree(lent(msgspec.structs.replace(delegate, error="execution reverted"), self.VOTE))

    def test_not_without_a_loan_or_a_vote_or_an_end(self) -> None:
        assert not of_tree(self.VOTE, self.EXECUTE)
        assert not of_tree(lent(self.EXECUTE))
        assert not of_tree(lent(self.VOTE))
        assert not of_tree(lent(self.EXECUTE, self.VOTE))

    def test_not_what_was_undone(self) -> None:
        undone = msgspec.structs.replace(self.EXECUTE, error="execution reverted")
        assert not of_tree(lent(self.VOTE, undone))
        assert not of_tree(lent(msgspec.structs.replace(self.VOTE, error="execution reverted"), self.EXECUTE))

    def test_thousands_of_votes(self) -> None:
        votes = [call(BOT, address(0x1000 + n), data("vote(uint32)", 7)) for n in range(4_000)]
        assert not of_tree(lent(*votes))
        assert of_tree(lent(*votes, self.VOTE, self.EXECUTE))


NAMED: dict[str, Any] = {"targets": (VAULT,), "calls": ("0x12345678",)}


class TestSteppedOver:
    def test_executed_before_it_was_scheduled(self) -> None:
        (found,) = said(step("executed", **NAMED), step("queued", **NAMED), step("executed", **NAMED))
        assert (found.kind, found.confidence) == ("governance_timelock_bypassed", CONFIDENCE_DECIDED)
        assert found.victims == (GOVERNOR, VAULT)
        assert "executed before it was scheduled" in found.explanation

    def test_not_an_operation_that_may_recur(self) -> None:
        assert not said(step("executed"), step("queued", **NAMED))

    @pytest.mark.parametrize("first", ["created", "queued"])
    def test_no_time_between_is_said_of_protected_contracts_only(self, first: str) -> None:
        events = step(first, **NAMED), step("executed", **NAMED)
        for ours in (GOVERNOR, VAULT):
            (found,) = [f for f in said(*events, protected=frozenset((ours,))) if "bypassed" in f.kind]
            assert found.confidence == CONFIDENCE
        assert not said(*events)
        assert not said(*events, protected=frozenset((OTHER,)))

    def test_not_a_wallet_of_several_owners(self) -> None:
        assert not said(step("created"), step("executed"), protected=frozenset((GOVERNOR,)))

    def test_not_different_operations(self) -> None:
        events = step("executed", **NAMED), step("queued", about="8", **NAMED), step("queued", at=OTHER, **NAMED)
        assert not said(*events)

    def test_not_what_is_only_queued_or_cancelled(self) -> None:
        ours = frozenset((GOVERNOR,))
        assert not said(step("created", **NAMED), step("queued", **NAMED), protected=ours)
        assert not said(step("cancelled", **NAMED), step("executed", **NAMED), protected=ours)
        assert not said(step("executed", **NAMED), step("executed", **NAMED), protected=ours)


class TestADelayIsCut:
    def seen(
        self, before: int | None, after: int | None, what: str = "min_delay", ours: str = GOVERNOR
    ) -> list[Finding]:
        change = ParameterChange(**FIELDS, address=GOVERNOR, what=what, before=before, after=after)
        return said(change, protected=frozenset((ours,)))

    def test_shorter_than_before(self) -> None:
        (found,) = self.seen(172_800, 60)
        assert (found.kind, found.confidence) == ("governance_delay_shortened", HEADS_UP_CONFIDENCE)
        assert "172,800" in found.explanation
        assert found.victims == (GOVERNOR,)

    def test_none_left_where_it_is_not_said_what_it_was(self) -> None:
        assert self.seen(None, 0)
        assert not self.seen(None, 60)

    def test_not_longer_or_as_it_was(self) -> None:
        assert not self.seen(60, 172_800)
        assert not self.seen(60, 60)

    def test_not_another_setting_or_somebody_elses(self) -> None:
        assert not self.seen(60, 0, "proposal_threshold")
        assert not self.seen(60, 0, ours=OTHER)


def calls(signature: str, *args: str | int, to: str = VAULT) -> dict[str, Any]:
    return {"targets": (to,), "calls": (data(signature, *args),)}


class TestADangerousCallWaits:
    def seen(self, *, ours: tuple[str, ...] = (VAULT,), at: str = GOVERNOR, words: Words | None = None,
             what: str = "queued", **fields: Any) -> list[Finding]:  # fmt: skip
        return said(step(what, at=at, **fields), protected=frozenset(ours), words=words or Words())

    @pytest.mark.parametrize("what", ["created", "queued"])
    def test_it_is_told_with_the_time_that_is_left(self, what: str) -> None:
        (found,) = self.seen(**calls("upgradeTo(address)", OTHER), earliest=120 + 7_200, what=what)
        assert (found.kind, found.confidence) == ("governance_dangerous_call", HEADS_UP_CONFIDENCE)
        assert found.likelihood_ratio == 1.0
        assert not found.loss
        assert found.victims == (VAULT,)
        assert "in 2.0 hours" in found.explanation
        assert "upgradeTo(address)" in found.explanation

    def test_how_long_a_timelock_waits_is_read_from_the_call(self) -> None:
        payload = bytes.fromhex(data("upgradeTo(address)", OTHER)[2:])
        types = ["address", "uint256", "bytes", "bytes32", "bytes32", "uint256"]
        asked = selector(ASKS["0x01d5062a"]) + encode(types, [VAULT, 0, payload, b"", b"", 36_000]).hex()
        tree = call(SENDER, BOT, "0x12345678", call(BOT, GOVERNOR, asked))
        event = step("queued", **calls("upgradeTo(address)", OTHER))
        (found,) = said(event, tree=tree, protected=frozenset((VAULT,)))
        assert "in 10.0 hours" in found.explanation
        assert found.evidence[0].ref == f"log:{hash_(1)}:0"

    def test_at_once_or_not_said(self) -> None:
        (now,) = self.seen(**calls("upgradeTo(address)", OTHER), earliest=1)
        assert "at once" in now.explanation
        (soon,) = self.seen(**calls("upgradeTo(address)", OTHER), earliest=120 + 90)
        assert "in 90 seconds" in soon.explanation
        (unknown,) = self.seen(**calls("upgradeTo(address)", OTHER))
        assert "not said" in unknown.explanation

    def test_by_an_administrator_that_names_it(self) -> None:
        (found,) = self.seen(**calls("upgrade(address,address)", VAULT, OTHER, to=OTHER))
        assert found.victims == (OTHER,)
        assert not self.seen(**calls("grantRole(bytes32,address)", VAULT, VAULT, to=OTHER))

    def test_what_a_treasury_gives_away(self) -> None:
        words = Words(tokens={TOKEN: ("TOK", 18)})
        grant = calls("transfer(address,uint256)", OTHER, UNIT, to=TOKEN)
        assert self.seen(**grant, ours=(TREASURY,), at=TREASURY, words=words)
        assert self.seen(**grant, ours=(TREASURY, TOKEN), at=TREASURY)
        assert not self.seen(**grant, ours=(TREASURY,), at=TREASURY)
        assert not self.seen(**grant, ours=(VAULT,), at=TREASURY, words=words)
        assert not self.seen(**grant, ours=(TOKEN,), at=TREASURY)
        inside = calls("transfer(address,uint256)", VAULT, UNIT, to=TOKEN)
        assert not self.seen(**inside, ours=(TREASURY, VAULT), at=TREASURY, words=words)

    def test_whose_tokens_are_pulled(self) -> None:
        pull = "transferFrom(address,address,uint256)"
        assert self.seen(**calls(pull, VAULT, OTHER, UNIT, to=TOKEN))
        assert not self.seen(**calls(pull, OTHER, VAULT, UNIT, to=TOKEN))

    def test_a_contract_that_is_swept(self) -> None:
        assert self.seen(**calls("sweep(address)", OTHER))

    def test_its_own_delay(self) -> None:
        assert self.seen(**calls("updateDelay(uint256)", 0, to=GOVERNOR), ours=(GOVERNOR,))

    def test_more_of_a_token_of_the_profile(self) -> None:
        words = Words(tokens={TOKEN: ("TOK", 18)})
        assert self.seen(**calls("mint(address,uint256)", OTHER, 1, to=TOKEN), ours=(GOVERNOR,), words=words)
        assert not self.seen(**calls("mint(address,uint256)", OTHER, 1, to=TOKEN), ours=(OTHER,), words=words)

    def test_several_are_one_finding(self) -> None:
        call_ = data("upgradeTo(address)", OTHER)
        (found,) = self.seen(targets=(VAULT, OTHER, VAULT), calls=(call_, call_, call_))
        assert "Of such calls 2 wait together" in found.explanation

    def test_not_a_harmless_call(self) -> None:
        assert not self.seen(**calls("setFee(uint256)", 1))
        assert not self.seen(targets=(VAULT,), calls=("0x",))

    def test_not_about_somebody_else(self) -> None:
        assert not self.seen(**calls("upgradeTo(address)", OTHER), ours=(OTHER,))

    def test_not_without_anything_protected(self) -> None:
        assert not self.seen(**calls("upgradeTo(address)", OTHER), ours=())

    @pytest.mark.parametrize("what", ["executed", "cancelled"])
    def test_not_what_waits_no_longer(self, what: str) -> None:
        assert not self.seen(**calls("upgradeTo(address)", OTHER), what=what)


PAYLOAD = bytes.fromhex(data("upgradeTo(address)", OTHER)[2:])
OURS: dict[str, Any] = {"protected": frozenset((VAULT,))}
GIVEN: dict[str, list[Any]] = {
    "0x01d5062a": [VAULT, 0, PAYLOAD, b"", b"", 36_000],
    "0x8f2a0bb0": [[OTHER, VAULT], [0, 0], [b"", PAYLOAD], b"", b"", 36_000],
    "0x3a66f901": [VAULT, 0, "upgradeTo(address)", PAYLOAD[4:], 120 + 36_000],
    "0x7d5e81e2": [[VAULT], [0], [PAYLOAD], "why"],
    "0xda95691a": [[VAULT], [0], ["upgradeTo(address)"], [PAYLOAD[4:]], "why"],
}


class TestADangerousCallWaitsInTrees:
    def asked(self, chosen: str, **fields: Any) -> CallFrame:
        signature = ASKS[chosen]
        types = signature[signature.index("(") + 1 : -1].split(",")
        return call(BOT, GOVERNOR, chosen + encode(types, GIVEN[chosen]).hex(), **fields)

    @pytest.mark.parametrize("chosen", sorted(ASKS))
    def test_each_call_that_asks_for_one_is_read(self, chosen: str) -> None:
        (found,) = of_tree(self.asked(chosen), **OURS)
        assert found.kind == "governance_dangerous_call"
        assert found.evidence[0].ref == f"frame:{hash_(1)}:1"
        assert ("in 10.0 hours" in found.explanation) == (not ASKS[chosen].startswith("propose"))
        assert not of_tree(self.asked(chosen, error="execution reverted"), **OURS)

    def test_garbled_ones_say_nothing(self) -> None:
        for chosen in ASKS:
            assert not of_tree(call(BOT, GOVERNOR, chosen + "ff" * 300), **OURS)
            assert not of_tree(call(BOT, GOVERNOR, chosen + "f"), **OURS)

    def test_thousands_of_them(self) -> None:
        assert len(of_tree(*(self.asked("0x01d5062a") for _ in range(4_000)), **OURS)) == 1


def test_selectors_are_those_of_their_signatures() -> None:
    stated = {s: signature for s, (_, signature) in DANGERS.items()} | dict(ASKS)
    for given, signature in stated.items():
        assert given == "0x" + sha3.keccak_256(signature.encode()).hexdigest()[:8]


def test_nothing_is_said_of_blocks_and_of_what_failed() -> None:
    assert not list(Governance().inspect(block(), View(facts=())))
    shown = execution(transaction=transaction(from_=SENDER, to=BOT), succeeded=False)
    assert not list(Governance().inspect(shown, View(facts=(facts(loan(), vote(), step("executed")),))))


@pytest.mark.corpus
@pytest.mark.parametrize("mode", ["full", "trees", "logs"])
def test_no_alarm_without_an_attack(corpus: Path, mode: Literal["full", "trees", "logs"]) -> None:
    recordings = sorted((corpus / "recordings").glob("*.jsonl.gz"))
    labels = read_labels(corpus / "labels.jsonl.gz")
    seen = score(recordings, labels, Decoder(load_registry()), (Governance(),), mode=mode)
    assert seen.detectors.get("governance", (0, 0))[1] == 0
