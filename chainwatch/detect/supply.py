"""Supply: a token was made beyond its limit, made for nothing and sold, or taken out of a pool's hands by burning.

The first needs a limit in the profile and knows nothing of how. The others need a gain on the sender's side for which
it gave nothing, and a pool that paid for it; what they look for is in `supply_signs.py`. See docs/detectors/supply.md
for what this proves, what it does not, and how little of it could be measured.
"""

from collections.abc import Iterable, Iterator, Sequence

from chainwatch.config.models import Profile, SupplyLimit
from chainwatch.detect.base import View, Words
from chainwatch.detect.supply_signs import SupplySign, signs
from chainwatch.types import ZERO_ADDRESS, Address, Block, Event, Evidence, Execution, Finding, Transfer

# See docs/detectors/supply.md: the two patterns name 1 of 95 attacks and none of 10,300 other transactions, hence at
# most 3 in 10,300 (rule of three). One case is too few to say more than that somebody should look: they are advice.
CONFIDENCE = 0.5
CONFIDENCE_LIMIT = 0.6
"""Enough to wake somebody, not more: a limit says nothing of why. A second family makes it more."""

MAX_SHOWN = 3

_FORMULA = {
    "supply_minted_and_sold": "token made to the sender's side, which had paid nothing before >= what of it the side "
    "sold afterwards, and price at one pool before its sales / after >= 2, and gain of the side > 0, its loss = 0",
    "supply_burnt_from_pool": "a pool's tokens were burnt and it took its balances anew (held before / after >= 2), "
    "or their contract called its sync() and the pool lost and got nothing, and gain of the sender's side > 0, its "
    "loss = 0",
}


class Supply:
    """Inspects Executions: limits with logs or call trees, the patterns as docs/detectors/supply.md says."""

    name = "supply"
    family = "supply"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """One Finding for each limit that is exceeded, and at most one of each pattern."""
        if not isinstance(subject, Execution) or not subject.succeeded:
            return
        if view.profile is not None:
            for limit in view.profile.supply:
                yield from _beyond(subject, view.profile, limit, view)
        for sign in signs(subject, view):
            yield _pattern(subject, sign, view)


def _beyond(execution: Execution, profile: Profile, limit: SupplyLimit, view: View) -> Iterator[Finding]:
    token = next(t for t in profile.tokens if t.symbol == limit.token)
    most = int(limit.max_amount * 10**token.decimals)
    made = [e for e in view.facts[0].events if isinstance(e, Transfer) and _made(e, token.address)]
    net = sum(e.amount if e.sender == ZERO_ADDRESS else -e.amount for e in made)
    if net <= most:
        return
    tx = execution.transaction
    usd = view.usd(token.address, net)
    mints = sorted((e for e in made if e.sender == ZERO_ADDRESS), key=lambda e: -e.amount)
    yield Finding(
        detector=Supply.name,
        family=Supply.family,
        kind="supply_minted",
        confidence=CONFIDENCE_LIMIT,
        likelihood_ratio=1.0 / limit.false_alarm_rate,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx.hash,),
        victims=(token.address,),
        suspects=tuple(a for a in (tx.from_, tx.to) if a is not None and a not in profile.protected),
        loss={token.address: net},
        loss_usd=usd,
        evidence=_cited(tx.hash, [(e, "tokens were made") for e in mints[:MAX_SHOWN]]),
        formula=f"{limit.token} made less burnt per {limit.window} > {limit.max_amount:g}",
        explanation=(
            f"{view.words.amount(token.address, net)}{_dollars(usd)} more exist than before, made in one transaction "
            f"for {view.words.name(mints[0].recipient)}: more than the limit of "
            f"{view.words.amount(token.address, most)}. The limit says nothing of why: who may make this token, and "
            "did he mean to?"
        ),
    )


def _made(transfer: Transfer, token: Address) -> bool:
    """Whether it made or burnt some of `token`."""
    return transfer.token == token and (transfer.sender == ZERO_ADDRESS) != (transfer.recipient == ZERO_ADDRESS)


def _pattern(execution: Execution, sign: SupplySign, view: View) -> Finding:
    tx = execution.transaction
    known = [usd for token, amount in sign.lost.items() if (usd := view.usd(token, amount)) is not None]
    usd = sum(known) if known else None
    own = [a for a in (tx.from_, tx.to) if a is not None and a in sign.side]
    return Finding(
        detector=Supply.name,
        family=Supply.family,
        kind=sign.kind,
        confidence=CONFIDENCE,
        likelihood_ratio=1.0,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(tx.hash,),
        victims=(sign.pool, sign.token),
        suspects=tuple(dict.fromkeys([*own, *sorted(sign.side)])),
        loss=sign.lost,
        loss_usd=usd,
        evidence=_cited(tx.hash, sign.steps),
        formula=_FORMULA[sign.kind],
        explanation=_explanation(sign, usd, view.words),
        advisory=True,
    )


def _cited(tx: str, steps: Sequence[tuple[Event | int, str]]) -> tuple[Evidence, ...]:
    """The steps as evidence: events, or frames by their number."""
    cited: list[Evidence] = []
    for step, what in steps:
        if isinstance(step, int):
            cited.append(Evidence(ref=f"frame:{tx}:{step}", what=what))
            continue
        place = f"event:{tx}:{step.order}" if step.frame is None else f"frame:{tx}:{step.frame}"
        values: dict[str, str | int | float] = {"contract": step.address}
        if isinstance(step, Transfer):
            values |= {"from": step.sender, "to": step.recipient, "amount": str(step.amount)}
        ref = place if step.log_index is None else f"log:{tx}:{step.log_index}"
        cited.append(Evidence(ref=ref, what=what, values=values))
    return tuple(cited)


def _explanation(sign: SupplySign, usd: float | None, words: Words) -> str:
    """Three sentences for a person who was asleep a minute ago."""
    token, pool = words.name(sign.token), words.name(sign.pool)
    if sign.kind == "supply_minted_and_sold":
        happened = (
            f"{words.amount(sign.token, sign.amount)} were made for the sender's side, which had paid nothing before, "
            f"and sold to {pool} in the same transaction; the price there fell by a factor of {sign.factor:,.4g}"
        )
        why = "Who sells what he paid for, or a reward, does not give half of it away in the price."
    elif sign.amount:
        happened = (
            f"{words.amount(sign.token, sign.amount)} that belonged to {pool} were burnt, it took its balances anew, "
            f"and its price of {token} rose by a factor of {sign.factor:,.4g}"
        )
        why = "Whoever holds the token then sells it to the pool at a price that nobody paid."
    else:
        happened = f"{token} made {pool} take its balances anew, and {pool} lost on all sides and got nothing"
        why = "A pool that trades by its own rule cannot; its balance was cut from outside."
    lost = ", ".join(words.amount(t, n) for t, n in list(sign.lost.items())[:MAX_SHOWN])
    gained = ", ".join(words.amount(t, n) for t, n in list(sign.gains.items())[:MAX_SHOWN])
    return (
        f"{happened}. {pool} paid {lost}{_dollars(usd)}; the sender's side has more, {gained}, and gave nothing for "
        f"it. {why}"
    )


def _dollars(usd: float | None) -> str:
    return f" (${usd:,.0f})" if usd is not None else ""
