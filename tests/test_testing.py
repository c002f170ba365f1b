"""What users get for testing their own detectors works as its page says."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from chainwatch.detect.base import View
from chainwatch.errors import BadInput
from chainwatch.sources.recordings import RecordingWriter
from chainwatch.testing import address, call, executed, findings, from_recording, hash_, profile
from chainwatch.types import NATIVE, Block, Evidence, Execution, Finding, Stage, Transfer

HASH = hash_(7)


class LargeTips:
    """The one of docs/own-detectors.md."""

    name = "large_tips"
    family = "large_tips"

    def inspect(self, subject: Execution | Block, view: View) -> Iterable[Finding]:
        if not isinstance(subject, Execution):
            return
        for event in view.facts[0].events:
            if isinstance(event, Transfer) and event.token == NATIVE and event.amount > 10 * 10**18:
                yield Finding(
                    detector=self.name, family=self.family, kind="large_tip", confidence=0.6, likelihood_ratio=1.0,
                    chain_id=subject.chain_id, stage=Stage.INCLUDED, block=subject.block,
                    tx_hashes=(subject.transaction.hash,), victims=tuple(view.protected), suspects=(), loss={},
                    loss_usd=None, evidence=(Evidence(ref=f"frame:{event.frame}", what="a tip"),), formula="> 10",
                    explanation=f"{view.words.amount(event.token, event.amount)} to {view.words.name(event.recipient)}",
                )  # fmt: skip


def test_a_tree_in_a_line() -> None:
    tip = call(address(2), address(3), value=11 * 10**18)
    (found,) = findings(LargeTips(), executed(call(address(1), address(2), "0x12345678", tip)))
    assert "11 of the chain's coin" in found.explanation
    less = call(address(2), address(3), value=9 * 10**18)
    assert not findings(LargeTips(), executed(call(address(1), address(2), "0x12345678", less)))


def test_a_profile_protects_and_names() -> None:
    tree = call(address(1), address(0xB1), value=11 * 10**18)
    (found,) = findings(LargeTips(), executed(tree), profile=profile())
    assert found.victims == (address(0xB1),)
    assert "to market" in found.explanation


def test_a_transaction_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    transaction = f'{{"hash": "{HASH}", "from": "{address(1)}", "to": "{address(2)}", "value": "0xde0b6b3a7640000"}}'
    with RecordingWriter(path) as writer:
        writer.write(1, f'{{"transactions": [{transaction}]}}'.encode(), None, None)
    assert from_recording(path, HASH).transaction.to == address(2)
    with pytest.raises(BadInput, match="does not hold transaction"):
        from_recording(path, hash_(8))
