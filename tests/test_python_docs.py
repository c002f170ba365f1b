"""What docs/python.md shows runs as it stands there."""

import importlib
import re
from pathlib import Path

import pytest

from chainwatch.sources.recordings import RecordingWriter
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "python.md").read_text()


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RecordingWriter(Path("blocks.jsonl.gz")) as writer:
        writer.write(1, b'{"transactions": []}', b"[]", [])
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    scope: dict[str, object] = {}
    exec(compile(example, "docs/python.md", "exec"), scope)
    assert scope["alerts"] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(?:await |async with )?(chainwatch\.[\w.]+)\(", TEXT))))
def test_every_call_that_is_named_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))
