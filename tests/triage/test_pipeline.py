"""The pipeline: decode, detect, fuse, with windows that follow the chain."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from chainwatch.decode import Decoder, load_registry
from chainwatch.detect.base import Detector, View
from chainwatch.detect.invariants import Invariants
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import AlertEvent, Block, Execution, Finding, Stage
from tests.builders import address, block, execution, finding, hash_, profile, reading, ref, transaction

MARKET = address(0xB1)


class Spy:
    """A detector that remembers what it was shown and says what it is told."""

    name = family = "spy"

    def __init__(self, says: list[Finding] | None = None) -> None:
        self.shown: list[tuple[Execution | Block, View]] = []
        self.says = says or []

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        self.shown.append((subject, view))
        return self.says if isinstance(subject, Execution) else ()


class Broken:
    name = family = "broken"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        raise ZeroDivisionError


def pipeline(*detectors: Detector, **fields: Any) -> Pipeline:
    return Pipeline(Decoder(load_registry()), detectors, [profile(**fields)])


def test_only_what_touches_the_protocol_is_inspected() -> None:
    spy = Spy()
    elsewhere = execution(2, transaction=transaction(2, to=address(0xEE)))
    pipeline(spy).block(block(10, execution(1), elsewhere), {})
    assert [s.transaction.hash for s, _ in spy.shown if isinstance(s, Execution)] == [hash_(1)]


def test_a_failed_transaction_did_nothing_and_is_not_inspected() -> None:
    spy = Spy()
    pipeline(spy).block(block(10, execution(succeeded=False)), {})
    assert not any(isinstance(s, Execution) for s, _ in spy.shown)


def test_a_detector_that_raises_is_counted_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = pipeline(Broken(), Spy([finding()])).block(block(10, execution()), {})
    assert outcome.failures == ("broken", "broken")  # the Execution and the block
    assert len(outcome.alerts) == 1


def test_an_execution_sees_its_parents_state_and_the_block_its_own() -> None:
    spy = Spy()
    line = pipeline(spy)
    line.block(block(9), {"x": reading("x", 1, at=ref(9))})
    line.block(block(10, execution()), {"x": reading("x", 2, at=ref(10))})
    shown = [view.probes["x"].values[0] for _, view in spy.shown if "x" in view.probes]
    assert shown == [1, 1, 2]  # block 9, the Execution of 10, block 10


def test_windows_are_rolled_back_with_the_chain() -> None:
    spy = Spy()
    line = pipeline(spy)
    for number in (8, 9, 10):
        line.block(block(number), {"x": reading("x", number, at=ref(number))})
    line.orphan([ref(10), ref(9)])
    line.block(block(9, branch=1), {"x": reading("x", 99, at=ref(9, branch=1))})
    seen = {r.values[0] for r in spy.shown[-1][1].history["x"]}
    assert seen == {8, 99}


def test_an_invariant_that_breaks_acts_and_the_reorganisation_retracts_it() -> None:
    rules = [{"name": "solvent", "expression": "debt <= 100.0", "victims": ["market"]}]
    line = pipeline(Invariants(), invariants=rules)
    assert line.block(block(9), {"debt": reading("debt", 50, at=ref(9))}).alerts == ()
    (opened,) = line.block(block(10, execution()), {"debt": reading("debt", 101, at=ref(10))}).alerts
    assert (opened.event, opened.tier, opened.tx_hashes) == (AlertEvent.OPENED, "act", (hash_(1),))
    (retracted,) = line.orphan([ref(10)])
    assert (retracted.event, retracted.stage) == (AlertEvent.RETRACTED, Stage.ORPHANED)
    again = block(10, execution(), branch=1)
    again = msgspec.structs.replace(again, ref=msgspec.structs.replace(again.ref, parent_hash=ref(9).hash))
    (reopened,) = line.block(again, {"debt": reading("debt", 101, at=ref(10, branch=1))}).alerts
    assert reopened.event is AlertEvent.OPENED
    assert reopened.fingerprint == opened.fingerprint


def test_a_pending_alert_that_is_included_without_effect_is_resolved() -> None:
    spy = Spy([finding(stage=Stage.PENDING)])
    line = pipeline(spy)
    (opened,) = line.pending(execution(stage=Stage.PENDING)).alerts
    spy.says = []
    (resolved,) = line.block(block(10, execution()), {}).alerts
    assert resolved.event is AlertEvent.RESOLVED
    assert resolved.alert_id == opened.alert_id


def test_what_came_from_l1_names_the_contract_there() -> None:
    from chainwatch.chain.l2 import alias
    from chainwatch.triage.pipeline import _with_origin

    contract = address(0xC0FFEE)
    deposit = execution(chain_id=10, transaction=transaction(type="0x7e", from_=alias(contract)))
    named = _with_origin(finding(explanation="It took all."), deposit)
    assert named.suspects[-1] == contract
    assert "deposit from L1" in named.explanation
    plain = execution(chain_id=10, transaction=transaction(type="0x2"))
    assert _with_origin(finding(), plain) == finding()
