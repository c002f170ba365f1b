"""Outflow: more of a token left the protected contracts than the profile allows in a transaction, a block, an hour or
a day.

It knows nothing of how: it is what shows a slow drain, a stolen key and an attack that no other family understands. See
docs/detectors/outflow.md for what this proves, what it does not, and where limits come from.
"""

from collections.abc import Iterable, Iterator, Sequence

from chainwatch.config.models import OutflowLimit, Profile
from chainwatch.decode.balances import outflow
from chainwatch.detect.base import View
from chainwatch.detect.touching import touching
from chainwatch.types import Address, Block, BlockRef, Event, Evidence, Execution, Finding, Hash, Stage, Transfer

CONFIDENCE = 0.6
"""Enough to wake somebody, not more: honest exits are large, too. A second family makes it more."""

MAX_SHOWN = 3

_SPAN = {"transaction": "in one transaction", "block": "in one block", "hour": "within 60 minutes",
         "day": "within 24 hours"}  # fmt: skip


class Outflow:
    """Inspects Executions (limits for a transaction) and Blocks (all others)."""

    name = "outflow"
    family = "outflow"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """One Finding for each limit that is exceeded."""
        profile = view.profile
        if profile is None or not profile.outflow:
            return
        if isinstance(subject, Execution):
            limits = [limit for limit in profile.outflow if limit.window == "transaction"]
            if not limits or not subject.succeeded:
                return
            net = outflow(view.facts[0].events, profile.protected)
            for limit in limits:
                token, most = amount_of(profile, limit)
                if net.get(token, 0) > most:
                    tx = subject.transaction
                    yield _finding(
                        profile, limit, view, subject.chain_id, subject.stage, subject.block, net[token],
                        txs=(tx.hash,), suspects=tuple(a for a in (tx.from_, tx.to) if a is not None and a not in
                                                       profile.protected),
                        evidence=tuple(_movements(tx.hash, view.facts[0].events, profile.protected, token)),
                    )  # fmt: skip
            return
        for limit in profile.outflow:
            token, most = amount_of(profile, limit)
            left = view.outflows.get((limit.window, token), 0)
            if limit.window != "transaction" and left > most:
                txs = [
                    e for e, f in zip(subject.executions, view.facts, strict=True) if _gave(f.events, profile, token)
                ]
                culprits = txs or touching(subject, view.facts, profile.protected)
                seen = Evidence(
                    ref=f"outflow:{profile.name}:{limit.window}:{token}@{subject.ref.hash}",
                    what=f"net outflow of {limit.token} {_SPAN[limit.window]}, up to this block",
                    values={"amount": str(left), "limit": str(most)},
                )
                moves = [m for e, f in zip(subject.executions, view.facts, strict=True)
                         for m in _movements(e.transaction.hash, f.events, profile.protected, token)]  # fmt: skip
                yield _finding(
                    profile, limit, view, subject.chain_id, Stage.INCLUDED, subject.ref, left,
                    txs=tuple(e.transaction.hash for e in culprits),
                    suspects=tuple(dict.fromkeys(e.transaction.from_ for e in culprits)),
                    evidence=(seen, *moves[:MAX_SHOWN]), condition=True,
                )  # fmt: skip


def amount_of(profile: Profile, limit: OutflowLimit) -> tuple[Address, int]:
    """The token of `limit`, and its most in base units."""
    token = next(t for t in profile.tokens if t.symbol == limit.token)
    return token.address, int(limit.max_amount * 10**token.decimals)


def _gave(events: Sequence[Event], profile: Profile, token: Address) -> bool:
    return outflow(events, profile.protected).get(token, 0) > 0


def _movements(tx: Hash, events: Sequence[Event], protected: frozenset[Address], token: Address) -> Iterator[Evidence]:
    """The largest movements of `token` out of the protected contracts."""
    out = [
        e
        for e in events
        if isinstance(e, Transfer) and e.token == token and e.sender in protected and e.recipient not in protected
    ]
    for transfer in sorted(out, key=lambda e: -e.amount)[:MAX_SHOWN]:
        place = f"event:{tx}:{transfer.order}" if transfer.frame is None else f"frame:{tx}:{transfer.frame}"
        ref = place if transfer.log_index is None else f"log:{tx}:{transfer.log_index}"
        values: dict[str, str | int | float] = {
            "token": token, "from": transfer.sender, "to": transfer.recipient, "amount": str(transfer.amount),
        }  # fmt: skip
        yield Evidence(ref=ref, what="left a protected contract", values=values)


def _finding(
    profile: Profile, limit: OutflowLimit, view: View, chain_id: int, stage: Stage, block: BlockRef | None, left: int,
    *, txs: tuple[Hash, ...], suspects: tuple[Address, ...], evidence: tuple[Evidence, ...], condition: bool = False,
) -> Finding:  # fmt: skip
    token, most = amount_of(profile, limit)
    usd = view.usd(token, left)
    dollars = f" (${usd:,.0f})" if usd is not None else ""
    return Finding(
        detector=Outflow.name,
        family=Outflow.family,
        kind="outflow_limit",
        confidence=CONFIDENCE,
        likelihood_ratio=1.0 / limit.false_alarm_rate,
        chain_id=chain_id,
        stage=stage,
        block=block,
        tx_hashes=txs,
        victims=tuple(sorted(profile.protected)),
        suspects=suspects,
        loss={token: left},
        loss_usd=usd,
        evidence=evidence,
        formula=f"net outflow of {limit.token} per {limit.window} > {limit.max_amount:g}",
        explanation=(
            f"{view.words.amount(token, left)}{dollars} left {profile.name} {_SPAN[limit.window]}, net of what came "
            f"in: more than its limit of {view.words.amount(token, most)}. The limit says nothing of why."
        ),
        condition=condition,
    )
