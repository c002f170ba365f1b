"""`chainwatch coverage`: whole or not, and what is missing."""

import asyncio
import json
from pathlib import Path

from chainwatch.store import Store
from chainwatch.types import Block, BlockRef, Gap
from tests.builders import hash_
from tests.cli.conftest import Cli

CONFIG = '[[chains]]\nid = 5\n[[chains.providers]]\nname = "a"\nhttp = "http://127.0.0.1:1"\n'


def ledger(root: Path, *numbers: int, gap: Gap | None = None, failures: int = 0, blind: bool = False) -> Path:
    async def write() -> None:
        store = await Store.open(root / "chainwatch.db")
        for n in numbers:
            ref = BlockRef(number=n, hash=hash_(n), parent_hash=hash_(n - 1), timestamp=n)
            await store.record_block(
                Block(chain_id=5, ref=ref, executions=()), traced=False, detector_failures=failures
            )
        if gap is not None:
            await store.record_gap(5, gap)
        await store.blind_begins(5, 1_000.0, "nobody answered")
        await store.blind_ends(5, 1_060.0)
        if blind:
            await store.blind_begins(5, 2_000.0, "nobody answers")
        await store.close()

    asyncio.run(write())
    path = root / "chainwatch.toml"
    path.write_text(CONFIG)
    return path


def test_a_whole_ledger(cli: Cli, tmp_path: Path) -> None:
    done = cli("coverage", "--config", ledger(tmp_path, 7, 8, 9))
    assert done.code == 0, done
    for part in ("newest contiguous block", "9", "seconds blind", "60.0", "nobody answered", "yes"):
        assert part in done.out


def test_a_gap_is_shown_and_is_exit_code_3(cli: Cli, tmp_path: Path) -> None:
    path = ledger(tmp_path, 7, 8, 11, gap=Gap(9, 10, "the node was away"))
    done = cli("coverage", "--config", path)
    assert done.code == 3
    assert "9 to 10: the node was away" in done.out
    [chain] = json.loads(cli("--json", "coverage", "--config", path).out)["chains"]
    assert chain["whole"] is False
    assert chain["coverage"]["newest_contiguous_block"] == 8
    assert chain["coverage"]["missing"] == []
    assert cli("coverage", "--config", path, "--to", 8).code == 0


def test_no_store_is_an_error_and_makes_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "chainwatch.toml").write_text(CONFIG)
    done = cli("coverage", "--config", tmp_path / "chainwatch.toml")
    assert done.code == 2
    assert "There is no store at" in done.err
    assert not (tmp_path / "chainwatch.db").exists()


def test_a_chain_that_is_not_configured(cli: Cli, tmp_path: Path) -> None:
    done = cli("coverage", "--chain", 6, "--config", ledger(tmp_path, 7))
    assert done.code == 2
    assert "names no chain 6" in done.err


def test_a_chain_never_seen_is_not_sound(cli: Cli, tmp_path: Path) -> None:
    done = cli("coverage", "--config", ledger(tmp_path))
    assert done.code == 3
    assert "no block was seen" in done.out


def test_failed_detectors_and_blindness_now_are_said_and_are_exit_code_3(cli: Cli, tmp_path: Path) -> None:
    path = ledger(tmp_path, 7, 8, failures=2, blind=True)
    done = cli("coverage", "--config", path)
    assert done.code == 3
    for part in ("not sound", "detectors failed 4 times", "the chain cannot be seen now"):
        assert part in done.out
    [chain] = json.loads(cli("--json", "coverage", "--config", path).out)["chains"]
    assert (chain["whole"], chain["sound"], len(chain["because"])) == (True, False, 2)


def test_blocks_without_call_trees_are_shown_and_change_nothing(cli: Cli, tmp_path: Path) -> None:
    path = ledger(tmp_path, 7, 8)
    [chain] = json.loads(cli("--json", "coverage", "--config", path).out)["chains"]
    assert (chain["sound"], chain["coverage"]["untraced_blocks"]) == (True, 2)
    assert cli("coverage", "--config", path).code == 0
