"""abi/chainwatch/ is what contracts/ compile to, and the npm lock names no registry and forgets no platform."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(root):
    command = [sys.executable, str(root / "scripts" / "build_contracts.py"), "--check"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_the_artefacts_are_those_of_the_sources():
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copy(tmp_path):
    for name in ("scripts", "contracts", "abi"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "foundry.toml", tmp_path)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def test_a_changed_source_is_named(copy):
    source = copy / "contracts" / "drill" / "DrillToken.sol"
    source.write_text(source.read_text().replace("_mint(account, amount)", "_mint(account, amount + 1)"))
    (copy / "abi" / "chainwatch" / "Gone.json").write_text("{}")
    done = check(copy)
    assert done.returncode == 1
    assert "abi/chainwatch/DrillToken.json, abi/chainwatch/Gone.json" in done.stderr
    assert "LendingMarket" not in done.stderr


def test_a_source_that_does_not_compile_fails(copy):
    (copy / "contracts" / "drill" / "DrillToken.sol").write_text("contract {")
    done = check(copy)
    assert done.returncode == 1
    assert "DrillToken.sol" in done.stderr


def test_the_npm_lock_has_no_addresses_and_every_platform():
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    packages = json.loads(text)["packages"]
    for tool in ("anvil", "cast", "forge"):
        for platform in packages[f"node_modules/@foundry-rs/{tool}"]["optionalDependencies"]:
            assert packages[f"node_modules/{platform}"]["optional"] is True
