"""Rules of the profile: CEL expressions over one transaction, for who writes no Python.

What it proves is what the expression says. Its weight is its owner's judgement: it wakes people and never acts. See
docs/detectors/rules.md for what an expression may use.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import cel

from chainwatch.config.models import Profile, RuleConfig
from chainwatch.decode.balances import outflow
from chainwatch.decode.pools import excursion, price_path
from chainwatch.detect.base import View
from chainwatch.errors import BadConfig
from chainwatch.types import Block, Evidence, Execution, Facts, Finding, Stage, Transaction

_COUNTS = {
    "transfers": "transfer", "swaps": "swap", "flash_loans": "flash_loan", "approvals": "approval",
    "borrows": "borrow", "liquidations": "liquidation", "role_changes": "role_change", "upgrades": "upgrade",
    "parameter_changes": "parameter_change",
}  # fmt: skip


class Rules:
    """Inspects Executions that concern the profile."""

    name = "rules"
    family = "rule"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        """One Finding for each rule of the profile that holds."""
        profile = view.profile
        if not isinstance(subject, Execution) or not subject.succeeded or profile is None or not profile.rules:
            return
        known = variables(subject, view.facts[0], profile)
        for rule in profile.rules:
            program = _program(rule.expression)
            if program.execute({name: known[name] for name in program.variables()}) is True:
                yield _finding(rule, subject, view, profile, {n: known[n] for n in program.variables()})


def variables(execution: Execution, facts: Facts, profile: Profile) -> dict[str, Any]:
    """What an expression may use. Numbers are CEL doubles, addresses lower-case text; `out_SYMBOL` is what left the
    profile's contracts of a token, net of what came in, in whole tokens."""
    kinds = Counter(event.__struct_config__.tag for event in facts.events)
    transaction = execution.transaction
    net = outflow(facts.events, profile.protected)
    paths = price_path(facts.events).values()
    found: dict[str, Any] = {name: float(kinds[tag]) for name, tag in _COUNTS.items()}
    found |= {
        "sender": transaction.from_,
        "to": transaction.to or "",
        "selector": transaction.input[:10],
        "value": int(transaction.value, 16) / 1e18,
        "pending": str(execution.stage) == "pending",
        "frames": float(len(facts.frames)),
        "created": float(len(facts.created)),
        "events": sorted(str(kind) for kind in kinds),
        "price_excursion": min(max((excursion(path) for path in paths), default=1.0), 1e300),
    }
    for token in profile.tokens:
        found[f"out_{_name(token.symbol)}"] = net.get(token.address, 0) / 10**token.decimals
    return found


def check_rule(rule: RuleConfig, profile: Profile) -> None:
    """Raise BadConfig unless the expression compiles, uses what there is and is true or false."""
    where = f"Rule {rule.name!r}"
    try:
        program = _program(rule.expression)
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise BadConfig(f"{where} is not a CEL expression: {first}", "Mend the expression.") from error
    known = variables(_NOTHING, Facts(events=(), frames=(), created=frozenset()), profile)
    for name in program.variables():
        if name not in known:
            raise BadConfig(f"{where} uses {name!r}, which there is not.", f"Known are: {', '.join(sorted(known))}.")
    try:
        result = program.execute({name: known[name] for name in program.variables()})
    except (TypeError, RuntimeError, ValueError) as error:
        first = str(error).split(". ")[0]
        raise BadConfig(f"{where} cannot be evaluated: {first}.", "Write numbers as doubles: 0.8, 100.0.") from error
    if not isinstance(result, bool):
        raise BadConfig(f"{where} is not true or false but {result!r}.", "End it in a comparison.")


_NOTHING = Execution(
    chain_id=1, stage=Stage.INCLUDED, transaction=Transaction(hash="0x", from_="0x"), block=None, index=0,
    succeeded=True, logs=None, trace=None,
)  # fmt: skip


@lru_cache(maxsize=256)
def _program(expression: str) -> cel.Program:
    return cel.compile(expression)


def _name(symbol: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in symbol)


def _finding(rule: RuleConfig, execution: Execution, view: View, profile: Profile, used: Mapping[str, Any]) -> Finding:
    transaction = execution.transaction
    shown = ", ".join(f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
                      for name, value in used.items())  # fmt: skip
    values = {name: value if isinstance(value, str | float) else str(value) for name, value in used.items()}
    return Finding(
        detector=Rules.name,
        family=Rules.family,
        kind=f"rule_{rule.name}",
        confidence=rule.confidence,
        likelihood_ratio=1.0,
        chain_id=execution.chain_id,
        stage=execution.stage,
        block=execution.block,
        tx_hashes=(transaction.hash,),
        victims=tuple(profile.address_of(name) for name in rule.victims),
        suspects=tuple(a for a in (transaction.from_, transaction.to) if a and a not in profile.protected),
        loss={},
        loss_usd=None,
        evidence=(Evidence(ref=f"tx:{transaction.hash}", what=f"rule {rule.name}", values=values),),
        formula=f"{rule.name}: {rule.expression}",
        explanation=f"Rule {rule.name!r} of {profile.name} holds: {rule.expression}, with {shown}.",
        advisory=True,
    )
