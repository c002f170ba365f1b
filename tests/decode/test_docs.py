"""docs/protocols.md is what the protocols say."""

import subprocess
import sys

from tests.conftest import ROOT


def test_documentation_is_current() -> None:
    script = ROOT / "scripts" / "write_protocol_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
