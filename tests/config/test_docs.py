"""docs/configuration.md and the JSON Schemas are what the models say."""

import subprocess
import sys

from tests.conftest import ROOT


def test_documentation_and_schema_are_current() -> None:
    script = ROOT / "scripts" / "write_configuration_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
