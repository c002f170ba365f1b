"""The two scripts by which a person runs a drill by hand, as separate processes."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.drill.world import USD, World

pytestmark = pytest.mark.anvil

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


async def run(script, *arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPTS / script), *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=SCRIPTS.parent,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def anvil():
    async with Anvil() as anvil:
        yield anvil


@pytest.fixture
async def world_file(anvil, tmp_path):
    code, out, err = await run("drill_world.py", "--rpc", anvil.http, "--out", tmp_path / "world.json")
    assert (code, err) == (0, "")
    assert "unsafe market" in out
    return tmp_path / "world.json"


async def test_an_attack_by_hand_reports_what_it_took(anvil, world_file):
    World.from_json(world_file.read_text())
    code, out, _ = await run("attack.py", "atomic", "--rpc", anvil.http, "--world", world_file, "--json")
    report = json.loads(out)
    assert code == 0
    assert report["victim_cash_before"] - report["victim_cash_after"] == 700_000 * USD
    assert [step["status"] for step in report["transactions"]] == ["succeeded"]


async def test_a_staged_attack_by_hand_names_its_steps(anvil, world_file):
    code, out, _ = await run("attack.py", "staged", "--chunks", 2, "--rpc", anvil.http, "--world", world_file)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["pump", "borrow", "borrow", "dump", "Unsafe"]
    assert "(-700,000.00)" in out


async def test_an_attack_that_reverts_exits_1(anvil, world_file):
    code, out, _ = await run("attack.py", "atomic", "--amount", 9_000_000, "--rpc", anvil.http, "--world", world_file)
    assert code == 1
    assert "reverted" in out


async def test_bad_input_is_one_paragraph_and_exit_2(anvil, world_file, tmp_path):
    world = json.loads(world_file.read_text())
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "elsewhere.json").write_text(json.dumps(world | {"chain_id": 5}))
    (tmp_path / "nowhere.json").write_text(json.dumps(world | {"unsafe_market": "0x" + "11" * 20}))
    for name, said in {
        "none.json": "cannot be read",
        "bad.json": "not the description of a drill world",
        "elsewhere.json": "chain 5",
        "nowhere.json": "no code",
    }.items():
        code, out, err = await run("attack.py", "atomic", "--rpc", anvil.http, "--world", tmp_path / name)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.splitlines()) == 1
    code, _, err = await run("drill_world.py", "--rpc", anvil.http, "--guardian", "0x12")
    assert code == 2
    assert "not an address" in err
