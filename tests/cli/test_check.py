"""`chainwatch check` names all that is wrong around the files, with the mend, and changes nothing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from tests.cli.conftest import Cli, Done

DEAD = "http://127.0.0.1:1/v3/secret-key"


def configuration(root: Path, more: str = "", chain_id: int = 31337, **providers: str) -> Path:
    text = f"{more}\n[[chains]]\nid = {chain_id}\n"
    for name, http in providers.items():
        text += f'[[chains.providers]]\nname = "{name}"\nhttp = "{http}"\n'
    path = root / "chainwatch.toml"
    path.write_text(text)
    return path


def refused(done: Done, *said: str) -> None:
    assert done.code == 2, done
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1, done.err
    for part in said:
        assert part in done.err, done.err
    assert "secret-key" not in done.err


@pytest.fixture
def node() -> Iterator[str]:
    async def mine(anvil: Anvil) -> None:
        await anvil.start()
        async with Rpc(anvil.http) as rpc:
            await rpc.call("anvil_mine", [hex(30), hex(3)])

    with asyncio.Runner() as runner:
        anvil = Anvil()
        runner.run(mine(anvil))
        yield anvil.http
        runner.run(anvil.stop())


@pytest.mark.anvil
def test_all_that_is_wrong_is_named_at_once(
    cli: Cli, tmp_path: Path, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    more = '[web]\nlisten = "127.0.0.1:0"\ntoken_env = "NOWHERE"\n[store]\npath = "none/chainwatch.db"\n'
    done = cli("check", "--config", configuration(tmp_path, more, away=DEAD, good=node, gone="http://127.0.0.1:2"))
    refused(done, "4 things are wrong", "NOWHERE", "not set", "directory", "none does not exist", "away", "gone")
    assert "Provider good" not in done.err


@pytest.mark.anvil
def test_one_on_another_chain_and_one_away(cli: Cli, tmp_path: Path, node: str) -> None:
    done = cli("check", "--config", configuration(tmp_path, chain_id=5, away=DEAD, other=node))
    refused(done, "2 things are wrong", "Provider away of chain 5", "Provider other is on chain 31337, not 5")


@pytest.mark.anvil
def test_a_sound_one_is_measured_and_makes_no_store(cli: Cli, tmp_path: Path, node: str) -> None:
    path = configuration(tmp_path, node=node)
    done = cli("check", "--config", path)
    assert done.code == 0, done
    assert "a block every 3 s, measured" in done.out
    told = json.loads(cli("--json", "check", "--config", path).out)
    assert told["measured"]["31337"] == {"block_seconds": 3.0, "transactions": 0.0}
    assert list(tmp_path.iterdir()) == [path]


def test_offline_goes_by_the_table(cli: Cli, tmp_path: Path) -> None:
    done = cli("check", "--offline", "--config", configuration(tmp_path, chain_id=10, a=DEAD))
    assert done.code == 0, done
    assert "a block every 2 s)" in done.out


def test_a_token_that_is_set(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = configuration(tmp_path, '[web]\nlisten = "127.0.0.1:0"\ntoken_env = "WATCH_TOKEN"\n', a=DEAD)
    monkeypatch.delenv("WATCH_TOKEN", raising=False)
    refused(cli("check", "--offline", "--config", path), "WATCH_TOKEN", "Set it to a secret")
    monkeypatch.setenv("WATCH_TOKEN", "x")
    assert cli("check", "--offline", "--config", path).code == 0


def test_a_store_that_is_none(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "chainwatch.db").write_bytes(b"not a database, " * 100)
    refused(cli("check", "--offline", "--config", configuration(tmp_path, a=DEAD)), "chainwatch.db")


@pytest.mark.anvil
def test_a_server_that_is_away(cli: Cli, tmp_path: Path, node: str) -> None:
    more = '[store]\nurl = "postgresql://u:secret-key@127.0.0.1:1/x"\n'
    path = configuration(tmp_path, more, a=node)
    refused(cli("check", "--config", path), "postgresql://127.0.0.1/x", "Check that the server runs")
    assert cli("check", "--offline", "--config", path).code == 0


@pytest.mark.parametrize("other", [DEAD, DEAD.replace("http://127", "HTTP://127").lower(), DEAD + "/"])
def test_one_endpoint_under_two_names(cli: Cli, tmp_path: Path, other: str) -> None:
    done = cli("check", "--offline", "--config", configuration(tmp_path, a=DEAD, b=other))
    refused(done, "two providers have the same endpoint", "'a'", "'b'")
