"""Rules in CEL: what they may use, when they hold, and mistakes found before they matter."""

from typing import Any

import pytest
from pydantic import ValidationError

from chainwatch.detect.rules import Rules, check_rule
from chainwatch.errors import BadConfig
from chainwatch.testing import address, call, executed, findings, profile
from chainwatch.triage.weigh import tier_of
from chainwatch.types import Finding, Tier

SENDER, MARKET, TOKEN = address(0xA1), address(0xB1), address(0xD1)


def ruled(expression: str, **fields: Any) -> Any:
    return profile(
        tokens=[{"symbol": "USD.e", "address": TOKEN, "decimals": 6}],
        rules=[{"name": "mine", "expression": expression, "victims": ["market"]} | fields],
    )


def held(expression: str, amount: int = 500, **fields: Any) -> list[Finding]:
    data = "0xa9059cbb" + SENDER[2:].rjust(64, "0") + f"{amount * 10**6:064x}"
    tree = call(SENDER, MARKET, "0x12345678", call(MARKET, TOKEN, data), value=2 * 10**18)
    return findings(Rules(), executed(tree), profile=ruled(expression, **fields))


def test_a_rule_that_holds_tells_with_its_numbers() -> None:
    (found,) = held("out_USD_e > 100.0 && transfers == 2.0 && value > 1.0")
    assert found.kind == "rule_mine"
    assert found.victims == (MARKET,)
    assert found.suspects == (SENDER,)
    assert "out_USD_e = 500" in found.explanation
    assert held("out_USD_e > 1000.0") == []


@pytest.mark.parametrize(
    "expression",
    [
        f"sender == '{SENDER}' && to == '{MARKET}' && selector == '0x12345678'",
        "frames == 2.0 && created == 0.0 && !pending",
        "'transfer' in events && !('swap' in events)",
        "price_excursion == 1.0 && flash_loans + swaps + upgrades == 0.0",
    ],
)
def test_what_a_rule_may_use(expression: str) -> None:
    assert held(expression)


def test_a_rule_wakes_people_and_never_acts() -> None:
    (found,) = held("true", confidence=0.99)
    other = held("transfers > 0.0", confidence=0.99)[0]
    assert tier_of([found]) is Tier.ALERT
    assert tier_of([found, other]) is Tier.ALERT
    assert tier_of(held("true", confidence=0.2)) is Tier.WATCH


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("out_USD_e >", "not a CEL expression"),
        ("outflow > 1.0", "uses 'outflow', which there is not"),
        ("transfers + 1 > 1.0", "cannot be evaluated"),
        ("transfers", "is not true or false"),
    ],
)
def test_a_mistake_is_found_by_check(expression: str, words: str) -> None:
    stated = ruled(expression)
    with pytest.raises(BadConfig, match=words):
        check_rule(stated.rules[0], stated)


def test_a_sound_rule_is_not_refused() -> None:
    stated = ruled("out_USD_e > 1.0 && sender in ['0x1']")
    check_rule(stated.rules[0], stated)


def test_victims_are_protected_contracts() -> None:
    with pytest.raises(ValidationError, match="not among contracts"):
        ruled("true", victims=["nobody"])
