"""Staging: somebody put a contract on the chain that looks made to attack, before he uses it. That is lead time.

Read from the code alone: it holds the address of a protected contract and answers the callback of a flash lender. Who
has both and uses them honestly, a liquidator's bot as a rule, looks the same. So this is a score that advises and has
no part in tier `act` (`advisory`), and `chainwatch.engine.staging` asks the next question: what the contract would do
if its deployer called it now. See docs/detectors/staging.md for what this proves, what it does not, and how often it is
right.
"""

from collections.abc import Iterable, Sequence

from chainwatch.detect.base import View, Words
from chainwatch.detect.staging_signs import MAX_SHOWN, Suspicion, suspicions
from chainwatch.types import Address, Block, Evidence, Execution, Finding

# Measured on the development corpus, see docs/detectors/staging.md. Of 22 attacks that make contracts it alerts on 3,
# of 102 other transactions that do on none, hence (one-sided, 95 %) at most 0.029 of them: 0.136 / 0.029 = 4.7.
LIKELIHOOD_RATIO = 4.0


class Staging:
    """Inspects Executions that create contracts. Without a call tree it sees only a transaction that is a creation."""

    name = "staging"
    family = "staging"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """At most one Finding about an Execution, of all its suspicious contracts."""
        if not isinstance(subject, Execution) or not subject.succeeded:
            return
        if not view.facts[0].created and subject.transaction.to is not None:
            return
        found = suspicions(subject, view.facts[0], view.protected)
        if found:
            yield _finding(subject, found, view)


def _finding(execution: Execution, found: Sequence[Suspicion], view: View) -> Finding:
    tx = execution.transaction
    return Finding(
        detector=Staging.name,
        family=Staging.family,
        kind="attack_staged",
        confidence=found[0].confidence,
        likelihood_ratio=LIKELIHOOD_RATIO,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx.hash,),
        victims=tuple(dict.fromkeys(name for each in found for name in each.protected)),
        suspects=(tx.from_, *dict.fromkeys(each.made.contract for each in found)),
        loss={},
        loss_usd=None,
        evidence=tuple(
            Evidence(
                ref=f"tx:{tx.hash}" if each.made.frame is None else f"frame:{tx.hash}:{each.made.frame}",
                what=f"made {each.made.contract}: " + "; ".join(each.signs),
                values={"contract": each.made.contract, "maker": each.made.maker, "bytes": each.code.size,
                        "functions": len(each.code.functions), "holds": " ".join(each.protected)},
            )
            for each in found[:MAX_SHOWN]
        ),
        formula="a contract was made whose code holds a protected address and compares with the selector of a flash "
        "lender's callback; watch: either with calls of lenders or pools, or with many addresses",
        explanation=_explanation(tx.from_, found, view.words),
        advisory=True,
    )  # fmt: skip


def _explanation(deployer: Address, found: Sequence[Suspicion], words: Words) -> str:
    """Three sentences for a person who has time, for once."""
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    holds = f" holds the address of {', '.join(words.name(a) for a in first.protected[:3])}," if first.protected else ""
    return (
        f"{words.name(deployer)} made the contract {first.made.contract}{more}. Its code{holds} "
        f"{'; '.join(first.signs)}. It has done nothing yet: who it is and what it would do can be found out before it "
        "is called. A liquidator's or an arbitrageur's bot looks the same."
    )
