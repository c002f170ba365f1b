"""Everything that has to be asked before an action, of every provider, in one round trip.

Each provider simulates the action and the Proof, tells the paused state and the nonce, and confirms or denies what
the action rests on. What as many as the quorum say alike is the answer; the rest is named.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import quantity
from chainwatch.config.models import PlaybookConfig
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.respond.adapters import ADAPTERS, is_true
from chainwatch.respond.proof import Proof, Question, judge
from chainwatch.respond.quorum import Testimony, Verdict, Witness
from chainwatch.types import Address

_OTHERS_SECONDS = 2.0  # a simulation takes its time
_PROOF_TIMEOUT_SECONDS = 3.0  # an inconclusive Proof now is worth more than a good one too late


class Answers(msgspec.Struct, frozen=True):
    """What the providers say, weighed."""

    simulation_error: str | None
    already_done: bool
    nonce: int
    proof: Proof
    quorum: Verdict


class _Told(msgspec.Struct, frozen=True):
    """What one provider says."""

    simulation_error: str | None
    already_done: bool
    nonce: int
    proof: Proof
    testimony: Testimony

    @property
    def key(self) -> tuple[Any, ...]:
        """What must be alike to count as the same answer."""
        losses = tuple(sorted(self.proof.loss_without.items())), tuple(sorted(self.proof.left.items()))
        return (self.simulation_error is None, self.already_done, self.proof.verdict, losses)


async def ask(
    pool: Pool, sender: Address, playbook: PlaybookConfig, question: Question | None, witness: Witness
) -> Answers:
    """Ask every provider, and return as soon as the quorum says the same.

    Raises NodeError where none answers.
    """
    adapter, target = ADAPTERS[playbook.action.adapter], playbook.action.target
    calls: list[tuple[str, list[Any]]] = [
        ("eth_call", [{"from": sender, "to": target, "data": adapter.act}, "latest"]),
        ("eth_call", [{"to": target, "data": adapter.read}, "latest"]),
        ("eth_getTransactionCount", [sender, "latest"]),
        *witness.requests(),
    ]
    provable = question is not None and question.base is not None
    if question is not None and provable:
        calls += question.requests()
    told: dict[str, _Told] = {}
    errors: list[NodeError] = []
    async with aclosing(
        pool.each(calls, timeout=_PROOF_TIMEOUT_SECONDS if provable else None, others_seconds=_OTHERS_SECONDS)
    ) as each:
        async for name, results in each:
            try:
                if isinstance(results, NodeError):
                    raise results
                told[name] = _read(results, question, witness)
            except NodeError as error:
                errors.append(error)
            if _enough(told, pool.needed):
                break
    if told:
        return _weighed(told, pool)
    if not provable:
        raise errors[0] if errors else NodeError("No provider answered.", "See [[chains.providers]].")
    facts = await ask(pool, sender, playbook, None, witness)  # the simulation may be what is too much for the nodes
    unproven = Proof(verdict="inconclusive", explanation="Inconclusive: no node simulated it in time.")
    return msgspec.structs.replace(facts, proof=unproven)


def _read(results: Sequence[Any], question: Question | None, witness: Witness) -> _Told:
    simulated, state, nonce = results[:3]
    witnessed = len(witness.requests())
    if isinstance(nonce, NodeRejected):
        raise nonce
    return _Told(
        simulation_error=simulated.message if isinstance(simulated, NodeRejected) else None,
        already_done=is_true(state),
        nonce=quantity(nonce),
        proof=judge(question, results[3 + witnessed :])
        if question is not None
        else Proof(verdict="inconclusive", explanation=""),
        testimony=witness.testimony(results[3 : 3 + witnessed]),
    )


def _enough(told: dict[str, _Told], needed: int) -> bool:
    """Whether as many as the quorum confirm the evidence and say the same besides, the Proof being conclusive."""
    confirm = [t for t in told.values() if t.testimony.confirms]
    groups = [t.key for t in confirm if t.proof.verdict != "inconclusive" or t.simulation_error is not None]
    return any(groups.count(key) >= needed for key in groups)


def _agreed_nonce(told: Sequence[int]) -> int:
    """What most say, else the lowest: one too low is refused and asked for again, one too high waits for ever."""
    counts = Counter(told)
    most = max(counts.values())
    return min(nonce for nonce, count in counts.items() if count == most)


def _weighed(told: dict[str, _Told], pool: Pool) -> Answers:
    """The answer of the largest group that says the same, those who confirm the evidence before all others."""
    asked, needed = [p.name for p in pool.having("reads")], pool.needed
    confirm = [name for name, t in told.items() if t.testimony.confirms]
    voices = [told[name] for name in confirm] or list(told.values())
    keys = [t.key for t in voices]
    best = max(voices, key=lambda t: keys.count(t.key))
    deny = {name: said for name, t in told.items() if (said := t.testimony.contradiction) is not None}
    # Of those who say otherwise as many as the quorum have to say the same: two liars are no majority of one lie.
    against = Counter(item for t in told.values() for item in t.testimony.executions.items() if item[1])
    silent = tuple(n for n in asked if n not in confirm and n not in deny)
    down = frozenset(p.name for p in pool.providers if p.why_not is not None)
    return Answers(
        simulation_error=best.simulation_error,
        already_done=best.already_done,
        nonce=_agreed_nonce([t.nonce for t in voices]),
        proof=best.proof,
        quorum=Verdict(
            tuple(confirm),
            deny,
            silent,
            needed,
            frozenset(tx_hash for (tx_hash, _), count in against.items() if count >= needed),
            down,
        ),
    )
