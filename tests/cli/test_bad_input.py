"""Bad input is one paragraph that names the thing and the mend, exit 2, no traceback, no half-written file."""

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chainwatch.chain.anvil import Anvil
from tests.cli.conftest import Cli, Done

CONTRACT = "0x" + "ab" * 20


def refused(done: Done, *said: str) -> None:
    assert done.code == 2, done
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert done.out == ""
    for part in said:
        assert part in done.err, done.err


def recording(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines))
    return path


GOOD = b'{"chain_id": 1, "block": {"transactions": []}, "receipts": [], "traces": null, "calls": null}'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jsonl", b"", "is empty"),
        ("binary.jsonl", bytes(range(128, 256)), "line 1: this is binary data"),
        ("cut.jsonl", GOOD + b"\n" + GOOD[:40], "line 2: this is not a whole JSON object"),
        ("cut.jsonl.gz", gzip.compress(GOOD * 100)[:-20], "truncated or damaged"),
        ("labels.jsonl", b'{"set": "x", "tx": "0x", "label": "attack"}', "line 1: this is a line of a label file"),
        ("other.jsonl", b'{"a": 1}', "line 1: this is not a Recording line"),
    ],
)
def test_a_recording_that_is_none(cli: Cli, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    refused(cli("scan", recording(tmp_path / name, content), "--json"), name, said)


def test_a_missing_recording(cli: Cli, tmp_path: Path) -> None:
    refused(cli("scan", tmp_path / "gone.jsonl"), "gone.jsonl does not exist")


def test_scan_without_anything_to_scan(cli: Cli) -> None:
    refused(cli("scan"), "scan needs either Recordings or --from")


def test_an_address_that_is_none(cli: Cli, tmp_path: Path) -> None:
    refused(cli("scan", recording(tmp_path / "r.jsonl", GOOD), "--protect", "0x12"), "'0x12' is not an address")


def configuration(root: Path, http: str, chain_id: int = 31337, more: str = "", contract: str = CONTRACT) -> Path:
    (root / "profiles").mkdir()
    (root / "profiles" / "p.toml").write_text(
        f'name = "p"\nchain_id = {chain_id}\n[[contracts]]\nname = "m"\naddress = "{contract}"\n'
    )
    path = root / "chainwatch.toml"
    path.write_text(f'{more}\n[[chains]]\nid = {chain_id}\n[[chains.providers]]\nname = "node"\nhttp = "{http}"\n')
    return path


@pytest.fixture
def html_server() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><html><body>log in</body></html>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v3/secret-key"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_node_that_answers_html(cli: Cli, tmp_path: Path, html_server: str) -> None:
    done = cli("check", "--config", configuration(tmp_path, html_server))
    refused(done, "answered an HTML page", "http in chainwatch.toml")
    assert "secret-key" not in done.err


def test_an_unknown_key(cli: Cli, tmp_path: Path) -> None:
    path = configuration(tmp_path, "http://127.0.0.1:1", more='colour = "red"')
    refused(cli("--config", path, "check"), "chainwatch.toml, line 1: colour: unknown key")


def test_a_missing_configuration(cli: Cli, tmp_path: Path) -> None:
    refused(cli("watch", "--config", tmp_path / "none.toml"), "none.toml does not exist")


def test_an_abi_that_is_not_json(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("pragma solidity")
    path = configuration(tmp_path, "http://127.0.0.1:1", more='abi = ["mine.json"]')
    refused(cli("check", "--offline", "--config", path), "mine.json", "not JSON")


@pytest.mark.anvil
class TestAgainstANode:
    @pytest.fixture
    def node(self) -> Iterator[str]:
        loop = asyncio.new_event_loop()
        anvil = Anvil()
        loop.run_until_complete(anvil.start())
        yield anvil.http
        loop.run_until_complete(anvil.stop())
        loop.close()

    def test_the_wrong_chain(self, cli: Cli, tmp_path: Path, node: str) -> None:
        refused(
            cli("check", "--config", configuration(tmp_path, node, chain_id=1)),
            "Provider node is on chain 31337, not 1",
        )

    def test_an_address_without_code(self, cli: Cli, tmp_path: Path, node: str) -> None:
        refused(cli("check", "--config", configuration(tmp_path, node)), "contract 'm'", "no code", CONTRACT)

    def test_a_range_that_does_not_exist_leaves_no_file(self, cli: Cli, tmp_path: Path, node: str) -> None:
        target = tmp_path / "out.jsonl.gz"
        refused(cli("record", target, "--rpc", node, "--from", 5, "--to", 9), "no blocks 5 to 9")
        assert list(tmp_path.iterdir()) == []

    def test_an_existing_file_is_not_overwritten(self, cli: Cli, tmp_path: Path, node: str) -> None:
        target = recording(tmp_path / "out.jsonl", b"precious")
        refused(cli("record", target, "--rpc", node, "--from", 0), "out.jsonl exists", "--overwrite")
        assert target.read_bytes() == b"precious"

    def test_record_and_scan_round_trip(self, cli: Cli, tmp_path: Path, node: str) -> None:
        target = tmp_path / "out.jsonl.gz"
        assert cli("record", target, "--rpc", node, "--from", 0, "--json").code == 0
        line = json.loads(gzip.decompress(target.read_bytes()))
        assert line["chain_id"] == 31337
        done = cli("scan", target, "--json")
        assert (done.code, done.out) == (0, "")
        assert "1 blocks, 0 transactions" in done.err
