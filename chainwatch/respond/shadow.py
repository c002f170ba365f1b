"""What a dry run has shown: how much was seen, and how often it would have acted.

Nobody should hand a bot a key before it has watched for a month: a pause that fires falsely costs more than most
attacks, and only the protocol's own traffic says how often it would. Arming earlier takes a reason, which is kept.
"""

import math

import msgspec

from chainwatch.errors import NotReady
from chainwatch.store import Store

LEAST_EXECUTIONS = 1_000_000
LEAST_DAYS = 30.0
_CONFIDENCE = 0.95
_YEAR_DAYS = 365.0


class Shadow(msgspec.Struct, frozen=True):
    """`executions` seen over `days`, from the first block to the last; of `would_act` alerts on which an action would
    have been sent, `of_attacks` were judged to be attacks (`chainwatch alerts feedback`)."""

    executions: int
    days: float
    would_act: int
    of_attacks: int

    @property
    def false_pauses_a_year(self) -> float:
        """At most so many, with 95 % confidence (Poisson), if the traffic stays as it was."""
        if self.days <= 0:
            return math.inf
        return poisson_bound(self.would_act - self.of_attacks) / self.days * _YEAR_DAYS

    @property
    def too_short(self) -> bool:
        """Whether it is too little to hand over a key."""
        return self.executions < LEAST_EXECUTIONS or self.days < LEAST_DAYS

    def text(self) -> str:
        """For a person."""
        bound = self.false_pauses_a_year
        most = "no bound can be given yet" if math.isinf(bound) else f"at most {bound:.2g} false ones a year (95 %)"
        return (
            f"{self.executions:,} transactions in {self.days:.1f} days; an action would have been sent on "
            f"{self.would_act} alerts, {self.of_attacks} of them judged attacks: {most}"
        )


async def shadow_of(store: Store, chain_ids: list[int]) -> Shadow:
    """What the store holds of these chains."""
    executions, first, last = await store.desk.seen(chain_ids)
    acted = {
        str(entry.body["alert"])
        for entry in await store.audited("decision")
        if entry.body.get("sent") or entry.body.get("against") == ["armed"]
    }
    attacks = {said.alert_id for said in await store.desk.judged() if said.verdict == "attack"}
    return Shadow(executions, (last - first) / 86_400, len(acted), len(acted & attacks))


async def refuse_unproven(store: Store, chain_ids: list[int], why: str | None) -> None:
    """Raise NotReady where the dry run was too short and no reason is given; one that is given is kept."""
    shadow = await shadow_of(store, chain_ids)
    if not shadow.too_short:
        return
    if not why:
        raise NotReady(
            f"The dry run is too short to arm: {shadow.text()}.",
            f"Watch without --arm for {LEAST_DAYS:.0f} days and {LEAST_EXECUTIONS:,} transactions, or say why not with "
            "--unproven REASON.",
        )
    await store.audit("armed_unproven", why=why, executions=shadow.executions, days=round(shadow.days, 3))


def poisson_bound(count: int) -> float:
    """The mean above which so few events or fewer would be seen with a chance of 5 % at most (Garwood 1936)."""
    low, high = 0.0, 10.0 + 3.0 * count + 10.0 * math.sqrt(count + 1)
    for _ in range(100):
        middle = (low + high) / 2
        logs = [-middle + k * math.log(middle) - math.lgamma(k + 1) for k in range(count + 1)]
        if sum(map(math.exp, logs)) > 1 - _CONFIDENCE:
            low = middle
        else:
            high = middle
    return high
