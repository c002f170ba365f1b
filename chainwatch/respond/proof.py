"""The Proof behind an action (DESIGN section 2): on the same state before the attack, [attack] takes from the
protected and [action, attack] does not.

Two runs of `eth_simulateV1`, on the parent of the attack's first block. Each reads the protected contracts'
balances before and after, so that an attacker who swallows a revert and ends with status 1 is judged by what
was taken. It speaks of these transactions, not of variants. What cannot be simulated is `inconclusive`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from chainwatch.errors import NodeRejected
from chainwatch.types import NATIVE, Address, Execution, Hash, HexData, Stage

Verdict = Literal["prevents", "does_not_prevent", "inconclusive"]

# An account of ours inside the simulation: its code returns the balance of the address it is called with.
# PUSH0 CALLDATALOAD BALANCE PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
_BALANCE_READER = "0x00000000000000000000000000000000c4a1ba1a"
_BALANCE_READER_CODE = "0x5f35315f5260205ff3"
_PLENTY_OF_FUNDS = hex(10**30)  # a sender without funds would abort the whole simulation

STILL_TAKEN = 0.1
"""An action that leaves more than this share of the loss does not prevent the attack."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulation showed. Losses by token in base units, of all protected contracts together.

    `left` is what the protected contracts hold after the attack without the action: what is still to be lost.
    """

    verdict: Verdict
    explanation: str
    loss_without: Mapping[Address, int] = {}
    loss_with: Mapping[Address, int] = {}
    left: Mapping[Address, int] = {}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be proven: this call before these transactions protects these balances."""

    sender: Address
    target: Address
    data: HexData
    attacks: tuple[Execution, ...]
    victims: tuple[Address, ...]
    tokens: tuple[Address, ...]

    @property
    def base(self) -> Hash | None:
        """The block before the attack: the parent of its first block, or what a pending one was simulated on."""
        block = self.attacks[0].block if self.attacks else None
        if block is None:
            return None
        return block.hash if self.attacks[0].stage is Stage.PENDING else block.parent_hash

    def requests(self) -> list[tuple[str, list[Any]]]:
        """The two simulations, [attack] and [action, attack], for one batch."""
        action = {"from": self.sender, "to": self.target, "input": self.data}
        return [self._request([]), self._request([action])]

    def _request(self, before: list[dict[str, Any]]) -> tuple[str, list[Any]]:
        reads = [self._read(victim, token) for victim in self.victims for token in self.tokens]
        attacks = [_call(execution) for execution in self.attacks]
        senders = {call["from"] for call in (*before, *attacks)}
        overrides: dict[str, Any] = {sender: {"balance": _PLENTY_OF_FUNDS} for sender in senders}
        overrides[_BALANCE_READER] = {"code": _BALANCE_READER_CODE}
        calls = [*reads, *before, *attacks, *reads]
        simulation = {"blockStateCalls": [{"stateOverrides": overrides, "calls": calls}], "validation": False}
        return ("eth_simulateV1", [simulation, self.base])

    def _read(self, victim: Address, token: Address) -> dict[str, Any]:
        word = victim[2:].rjust(64, "0")
        if token == NATIVE:
            return {"to": _BALANCE_READER, "input": "0x" + word}
        return {"to": token, "input": "0x70a08231" + word}  # balanceOf(address)


def judge(question: Question, answers: Sequence[Any]) -> Proof:
    """The verdict from the answers to `question.requests()`."""
    if question.base is None or not question.attacks:
        return _inconclusive("the transactions of the attack, or the state before them, are not known")
    if not question.victims or not question.tokens:
        return _inconclusive("no token is known that the protected contracts could lose")
    for answer in answers:
        if isinstance(answer, NodeRejected):
            return _inconclusive(f"the node could not simulate it ({answer.message})")
    try:
        without, left = _losses(question, answers[0], skipped=0)
        with_action, _ = _losses(question, answers[1], skipped=1)
        acted = answers[1][0]["calls"][len(question.victims) * len(question.tokens)]["status"] == "0x1"
    except (KeyError, IndexError, ValueError, TypeError):
        return _inconclusive("the node's simulation cannot be read")
    lost = {token: amount for token, amount in without.items() if amount > 0}
    if not lost:
        return _inconclusive("replayed on the state before it, the attack takes nothing: it depends on more than this")
    still = {token: with_action[token] for token in lost}
    share = max(max(still[token], 0) / lost[token] for token in lost)
    verdict: Verdict = "prevents" if acted and share <= STILL_TAKEN else "does_not_prevent"
    if not acted:
        text = "The action itself fails on the state before the attack."
    elif verdict == "prevents":
        text = (
            "Replayed on the state before it, the attack takes from the protected; with the action first it does not."
        )
    else:
        text = f"With the action first the attack still takes {share:.0%} of what it took."
    return Proof(verdict=verdict, explanation=text, loss_without=lost, loss_with=still, left=left)


def _losses(question: Question, answer: Any, skipped: int) -> tuple[dict[Address, int], dict[Address, int]]:
    """What the victims lost between the reads before and after, and what they hold after, by token."""
    calls = answer[0]["calls"]
    pairs = [(victim, token) for victim in question.victims for token in question.tokens]
    before = [_word(call) for call in calls[: len(pairs)]]
    after = [_word(call) for call in calls[len(calls) - len(pairs) :]]
    if len(calls) != 2 * len(pairs) + skipped + len(question.attacks):
        raise ValueError("another number of calls")
    losses: dict[Address, int] = dict.fromkeys(question.tokens, 0)
    left: dict[Address, int] = dict.fromkeys(question.tokens, 0)
    for (_, token), held, holds in zip(pairs, before, after, strict=True):
        if held is None or holds is None:
            continue  # not a token, or it refuses: it says nothing
        losses[token] += held - holds
        left[token] += holds
    return losses, left


def _word(call: Any) -> int | None:
    if call["status"] != "0x1" or len(call["returnData"]) != 66:
        return None
    return int(call["returnData"], 16)


def _call(execution: Execution) -> dict[str, Any]:
    transaction = execution.transaction
    call = {"from": transaction.from_, "value": transaction.value, "input": transaction.input, "gas": transaction.gas}
    return call if transaction.to is None else call | {"to": transaction.to}


def _inconclusive(why: str) -> Proof:
    return Proof(verdict="inconclusive", explanation=f"Inconclusive: {why}.")
