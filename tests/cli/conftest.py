"""Running the real entry point in process: arguments in, exit code and both streams out."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from chainwatch.cli import common, main


class Done(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `chainwatch` with arguments. The terminal is wide, so that nothing is wrapped or cut."""
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setattr(common.out, "_width", 500)  # which it has read already
    monkeypatch.setenv("NO_COLOR", "1")
    for module in (main, common):  # logging is global, and other tests log too
        monkeypatch.setattr(module, "set_up_logging", lambda _config: None)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["chainwatch", *map(str, arguments)])
        capsys.readouterr()
        try:
            main.run()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run
