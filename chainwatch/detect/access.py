"""Access: somebody got hold of a right, or made others use theirs for him, and value left in the same transaction.

Three signs, each of which needs a gain on the sender's side and a loss for nothing elsewhere: a right at a contract
was taken that then paid; a contract took the word of one that the sender had handed to it, then paid; a contract used
an allowance of somebody who took no part. Who uses a right that he holds shows none of them. See
docs/detectors/access.md for what this proves, what it does not, and how often it is right.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chainwatch.decode.balances import giver
from chainwatch.detect.access_scene import Scene
from chainwatch.detect.access_signs import Sign, confused_deputy, taken_rights, trusted_word
from chainwatch.detect.base import View, Words
from chainwatch.types import (
    NATIVE,
    Address,
    Block,
    Event,
    Evidence,
    Execution,
    Finding,
    Frame,
    Hash,
    RoleChange,
    Transfer,
)

# Measured on the development corpus, see docs/detectors/access.md. Of 95 attacks of all kinds it names 17, of 10,300
# other transactions none, hence at most 3 in 10,300 (rule of three): 0.179 / 0.00029 = 617.
LIKELIHOOD_RATIO = 600.0
# 17 of 17 Findings were attacks, of 14 incidents: at least 0.8 with 95 % confidence (Clopper and Pearson).
CONFIDENCE = 0.8
# Without a call tree only a change of owners shows: one case, too few to say more than this.
CONFIDENCE_LOGS_ONLY = 0.5
MAX_SHOWN = 3

_FORMULA = {
    "right_taken": "a right at a contract that existed before was taken by the sender's side, whose owner took no part "
    "or is unknown, and that contract (or one that asks it) paid and got nothing, and gain of the sender's side > 0",
    "word_trusted": "a contract was handed a contract of the sender's side, asked it, and afterwards paid and got "
    "nothing (or one that had asked it did), and gain of the sender's side > 0",
    "deputy_confused": "a contract moved tokens by transferFrom of an account that the sender's side named to it, that "
    "made and got no call, received nothing and signed nothing, and gain of the sender's side > 0 and >= what any "
    "other got for nothing",
}
_TITLE = {
    "right_taken": "A right was taken",
    "word_trusted": "A stranger's word was trusted",
    "deputy_confused": "An allowance was misused",
}
_WHY = {
    "right_taken": "Who holds a right already need not take it.",
    "word_trusted": "It went by what a contract said that belongs to who was paid.",
    "deputy_confused": "It used allowances on a stranger's word: every account that lets it move tokens is in danger.",
}


class Access:
    """Inspects Executions: with call trees, with or without logs; with logs only it sees changes of owner."""

    name = "access"
    family = "access"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution, of the first sign that shows; all contracts that let it happen."""
        if not isinstance(subject, Execution) or not subject.succeeded or not view.facts[0].events:
            return
        real = frozenset((NATIVE, *view.words.tokens)) if view.words.tokens else None
        scene = Scene.of(subject, view.facts[0], view.protected, real)
        for read in (taken_rights, confused_deputy, trusted_word):
            signs = [sign for sign in read(scene) if _concerns(sign, view.protected)]
            if signs:
                yield _finding(subject, scene, signs, view)
                return


def _concerns(sign: Sign, protected: frozenset[Address]) -> bool:
    """Whether a protected contract let it happen or lost, or its token was lost."""
    tokens = {token for lost in sign.losers.values() for token in lost}
    return not protected or not protected.isdisjoint((sign.contract, *sign.losers, *tokens))


def _finding(execution: Execution, scene: Scene, signs: Sequence[Sign], view: View) -> Finding:
    first, tx = signs[0], execution.transaction
    losers: dict[Address, Mapping[Address, int]] = {}
    for sign in signs:
        losers |= sign.losers
    loss: dict[Address, int] = {}
    for lost in losers.values():
        for token, amount in lost.items():
            loss[token] = loss.get(token, 0) + amount
    side = frozenset[Address]().union(*(sign.side for sign in signs))
    own = [a for a in (tx.from_, tx.to) if a is not None and a in side]
    known = [usd for token, amount in loss.items() if (usd := view.usd(token, amount)) is not None]
    loss_usd = sum(known) if known else None
    cited = [*_steps(tx.hash, signs), *_losses(tx.hash, scene.facts.events, losers)]
    return Finding(
        detector=Access.name,
        family=Access.family,
        kind=f"access_{first.kind}",
        confidence=CONFIDENCE if scene.facts.frames else CONFIDENCE_LOGS_ONLY,
        likelihood_ratio=LIKELIHOOD_RATIO,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx.hash,),
        victims=tuple(dict.fromkeys((*(sign.contract for sign in signs), *losers))),
        suspects=tuple(dict.fromkeys([*own, *sorted(side)])),
        loss=loss,
        loss_usd=loss_usd,
        evidence=tuple({item.ref: item for item in reversed(cited)}.values())[::-1],
        formula=_FORMULA[first.kind],
        explanation=_explanation(signs, tuple(losers), loss, loss_usd, view.words),
    )


def _steps(tx: Hash, signs: Sequence[Sign]) -> Iterator[Evidence]:
    for sign in signs[:MAX_SHOWN]:
        for step, what in sign.steps[: MAX_SHOWN + 1]:
            if isinstance(step, Frame):
                yield Evidence(ref=f"frame:{tx}:{step.index}", what=what,
                               values={"from": step.sender, "to": step.to, "selector": step.selector})  # fmt: skip
            else:
                owner: dict[str, str | int | float] = {}
                if isinstance(step, RoleChange):
                    owner = {"contract": step.address, "account": step.account}
                yield Evidence(ref=_ref(tx, step), what=what, values=owner)


def _losses(tx: Hash, events: Sequence[Event], losers: Mapping[Address, Mapping[Address, int]]) -> Iterator[Evidence]:
    """The largest movements out of those that lost, at most MAX_SHOWN."""
    out = [e for e in events if isinstance(e, Transfer) and e.amount and giver(e) in losers]
    for transfer in sorted(out, key=lambda e: -e.amount)[:MAX_SHOWN]:
        values: dict[str, str | int | float] = {
            "token": transfer.token, "from": transfer.sender, "to": transfer.recipient, "amount": str(transfer.amount),
        }  # fmt: skip
        yield Evidence(ref=_ref(tx, transfer), what="went out of a contract or account that lost", values=values)


def _ref(tx: Hash, event: Event) -> str:
    if event.log_index is not None:
        return f"log:{tx}:{event.log_index}"
    return f"event:{tx}:{event.order}" if event.frame is None else f"frame:{tx}:{event.frame}"


def _explanation(signs: Sequence[Sign], losers: Sequence[Address], loss: Mapping[Address, int], usd: float | None,
                 words: Words) -> str:  # fmt: skip
    """Three or four sentences for a person who was asleep a minute ago."""
    first = signs[0]
    more = f" (and so at {len(signs) - 1} other contracts)" if len(signs) > 1 else ""
    happened = "; then ".join(_short(what, words) for _, what in first.steps[:2])
    others = f" and {len(losers) - 1} more" if len(losers) > 1 else ""
    dollars = f", ${usd:,.0f} as far as prices are known," if usd is not None else ""
    return (
        f"{_TITLE[first.kind]}: {happened}{more}. In the same transaction {words.name(losers[0])}{others} lost "
        f"{_amounts(loss, words)}{dollars} and got nothing for it; the sender's side had more: "
        f"{_amounts(first.gains, words)}. {_WHY[first.kind]}"
    )


def _short(text: str, words: Words) -> str:
    """The text with names, or shortened addresses, for a person; the evidence has them in full."""
    parts = text.split("0x")
    return parts[0] + "".join(
        words.name("0x" + part[:40]) + part[40:] if len(part) >= 40 else "0x" + part for part in parts[1:]
    )


def _amounts(amounts: Mapping[Address, int], words: Words) -> str:
    shown = [words.amount(token, amount) for token, amount in list(amounts.items())[:MAX_SHOWN]]
    more = len(amounts) - MAX_SHOWN
    return ", ".join(shown) + (f" and {more} other tokens" if more > 0 else "")
