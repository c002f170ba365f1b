"""Disarming works in the odd places, too: no user name, a file that is no text, a file that cannot be removed."""

import getpass
from pathlib import Path

import pytest

from chainwatch.errors import ChainwatchError
from chainwatch.respond.arming import Arming


def test_in_a_container_without_a_user_name_it_still_disarms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    arming = Arming(tmp_path, armed=True)
    arming.disarm()
    assert arming.disarmed()
    assert "by user " in arming.why()


def test_a_file_that_is_no_text_still_disarms_and_can_be_asked_why(tmp_path: Path) -> None:
    arming = Arming(tmp_path, armed=True)
    arming.path.write_bytes(b"\xff\xfe\x00")
    assert not arming.armed()
    assert arming.why()


def test_a_file_that_cannot_be_removed_is_an_error_with_a_mend(tmp_path: Path) -> None:
    arming = Arming(tmp_path, armed=True)
    arming.path.mkdir()
    with pytest.raises(ChainwatchError, match="cannot be removed"):
        arming.clear()
    assert arming.disarmed()
