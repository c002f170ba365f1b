"""Limits on what may leave: by transaction, block, hour and day, net, and rolled back with the chain."""

import pytest
from eth_abi.abi import encode
from pydantic import ValidationError

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder, load_registry
from chainwatch.decode.balances import outflow
from chainwatch.detect.outflow import CONFIDENCE, Outflow
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import NATIVE, ZERO_ADDRESS, Alert, AlertEvent, Block, Execution, Log, Transfer
from tests.builders import address, block, execution, facts, hash_, profile, ref, transaction

VAULT, SECOND, TOKEN, USER = (address(n) for n in (0xB1, 0xB2, 0xD1, 0xA1))
UNIT = 10**6
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def limited(**by_window: float) -> Profile:
    return profile(
        contracts=[{"name": "vault", "address": VAULT}, {"name": "second", "address": SECOND}],
        tokens=[{"symbol": "USDC", "address": TOKEN, "decimals": 6, "price_usd": 1.0}],
        outflow=[{"token": "USDC", "window": window, "max_amount": amount} for window, amount in by_window.items()],
    )


def moves(n: int, *amounts: int, sender: str = VAULT, recipient: str = USER) -> Execution:
    """A transaction in which so many whole tokens went; negative ones the other way."""
    logs: list[Log] = []
    for amount in amounts:
        there, here = (sender, recipient) if amount > 0 else (recipient, sender)
        topics = [TRANSFER, *("0x" + a[2:].rjust(64, "0") for a in (there, here))]
        logs.append(
            Log(address=TOKEN, topics=topics, data="0x" + encode(["uint256"], [abs(amount) * UNIT]).hex(),
                log_index=hex(len(logs)))
        )  # fmt: skip
    return execution(n, transaction=transaction(n), logs=logs)


def piped(given: Profile) -> Pipeline:
    return Pipeline(Decoder(load_registry()), (Outflow(),), (given,))


def opened(pipeline: Pipeline, shown: Block) -> list[Alert]:
    return [a for a in pipeline.block(shown, {}).alerts if a.event is AlertEvent.OPENED]


def test_a_transaction_above_its_limit() -> None:
    (alert,) = opened(piped(limited(transaction=100)), block(10, moves(1, 90, 20)))
    assert alert.kind == "outflow_limit"
    assert alert.tx_hashes == (hash_(1),)
    assert alert.confidence == CONFIDENCE
    assert alert.loss_estimate == {"usd": 110.0, "tokens": {TOKEN: str(110 * UNIT)}}
    assert [e.ref for e in alert.evidence] == [f"log:{hash_(1)}:0", f"log:{hash_(1)}:1"]
    assert "110.00 USDC ($110) left p in one transaction" in alert.explanation
    assert "limit of 100.00 USDC" in alert.explanation


@pytest.mark.parametrize(
    "amounts", [(100,), (90, 20, -10), (-500,)], ids=["at the limit", "net of what came back", "in"]
)
def test_a_transaction_within_its_limit(amounts: tuple[int, ...]) -> None:
    assert not opened(piped(limited(transaction=100)), block(10, moves(1, *amounts)))


def test_what_moves_between_protected_contracts_does_not_leave() -> None:
    assert not opened(piped(limited(transaction=100, day=100)), block(10, moves(1, 900, recipient=SECOND)))


def test_many_transactions_of_a_block() -> None:
    drained = block(10, moves(1, 60), moves(2, 60), moves(3, -5))
    assert not opened(piped(limited(transaction=100)), drained)
    (alert,) = opened(piped(limited(block=100)), drained)
    assert alert.tx_hashes == (hash_(1), hash_(2))
    assert alert.condition


def test_an_hour_and_a_day() -> None:
    hour, day = piped(limited(hour=100)), piped(limited(day=100))
    for pipeline in (hour, day):
        assert not opened(pipeline, block(10, moves(1, 60), timestamp=1_000))
    later = block(11, moves(2, 60), timestamp=1_000 + 3_600)
    assert not opened(hour, later)
    (alert,) = opened(day, later)
    assert "120.00 USDC ($120) left p within 24 hours" in alert.explanation
    end = day.block(block(12, timestamp=1_000 + 86_400), {})
    assert not [a for a in end.alerts if a.event is AlertEvent.OPENED]


def test_an_orphaned_block_took_nothing() -> None:
    pipeline = piped(limited(hour=100))
    assert not opened(pipeline, block(10, moves(1, 60)))
    pipeline.orphan([ref(10)])
    assert not opened(pipeline, block(10, moves(1, 60), branch=1))
    assert opened(pipeline, block(11, moves(2, 60), branch=1))


def test_a_late_block_counts_in_its_own_hour() -> None:
    pipeline = piped(limited(hour=100))
    assert not opened(pipeline, block(1_000, moves(1, 60)))
    list(pipeline.steps(block(500, moves(2, 90)), {}, late_before={}))  # 6,000 seconds earlier
    assert not opened(pipeline, block(1_001, moves(3, 30)))
    list(pipeline.steps(block(999, moves(4, 5)), {}, late_before={}))
    (alert,) = opened(pipeline, block(1_002, moves(5, 10)))
    assert alert.loss_estimate["tokens"] == {TOKEN: str(105 * UNIT)}


def test_wrapping_is_no_outflow() -> None:
    weth = address(0xE1)
    events = facts(
        Transfer(order=0, address=VAULT, protocol="native", token=NATIVE, sender=VAULT, recipient=weth, amount=7),
        Transfer(order=0, address=weth, protocol="weth", token=weth, sender=ZERO_ADDRESS, recipient=VAULT, amount=7),
        Transfer(order=0, address=weth, protocol="erc20", token=weth, sender=VAULT, recipient=USER, amount=3),
    ).events
    assert outflow(events, frozenset((VAULT,))) == {weth: 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "DAI"}, "not the symbol of exactly one"),
        ({"window": "week"}, "hour"),
        ({"max_amount": 0}, "greater than 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(change: dict[str, object], words: str) -> None:
    limit = {"token": "USDC", "window": "day", "max_amount": 5.0} | change
    with pytest.raises(ValidationError, match=words):
        profile(tokens=[{"symbol": "USDC", "address": TOKEN, "decimals": 6}], outflow=[limit])


def test_two_limits_for_one_window_are_refused() -> None:
    with pytest.raises(ValidationError, match="two limits"):
        profile(
            tokens=[{"symbol": "USDC", "address": TOKEN, "decimals": 6}],
            outflow=[{"token": "USDC", "window": "day", "max_amount": n} for n in (1.0, 2.0)],
        )
