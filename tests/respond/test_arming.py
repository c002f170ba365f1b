"""The disarm file: at once, for everybody, for good; and when in doubt, disarmed."""

import os
from pathlib import Path

import pytest

from chainwatch.errors import ChainwatchError, NotReady
from chainwatch.respond.arming import Arming


def test_it_is_armed_only_where_it_was_started_so(tmp_path: Path) -> None:
    assert Arming(tmp_path, armed=True).armed()
    assert not Arming(tmp_path, armed=False).armed()


def test_disarming_is_seen_by_every_other_process_and_after_a_restart(tmp_path: Path) -> None:
    bot = Arming(tmp_path, armed=True)
    Arming(tmp_path, armed=True).disarm()
    assert not bot.armed() and not Arming(tmp_path, armed=True).armed()
    assert "UTC" in bot.why()


def test_arming_is_refused_until_it_is_cleared(tmp_path: Path) -> None:
    arming = Arming(tmp_path, armed=True)
    arming.disarm()
    with pytest.raises(NotReady, match="disarm --clear"):
        arming.refuse_if_disarmed()
    assert arming.clear()
    arming.refuse_if_disarmed()
    assert arming.armed() and not arming.clear()


def test_a_file_that_cannot_be_looked_at_counts_as_disarmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: object) -> None:
        raise PermissionError

    arming = Arming(tmp_path, armed=True)
    monkeypatch.setattr(os, "stat", denied)
    assert arming.disarmed()


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ChainwatchError, match="cannot be written"):
        Arming(tmp_path / "nowhere", armed=True).disarm()
