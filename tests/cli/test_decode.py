"""`chainwatch decode`: one transaction in words, from a node and from a Recording."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from tests.builders import address, hash_
from tests.chain.contracts import NOTHING, creating, reverting, send
from tests.cli.conftest import Cli


async def attacked(anvil: Anvil) -> str:
    """The hash of an attack on a world of its own."""
    world = await deploy_world(anvil.http)
    async with Rpc(anvil.http) as rpc:
        return await Actors(rpc, world).attack_atomic()


def recording(path: Path, *transactions: dict[str, Any]) -> Path:
    line = {
        "chain_id": 1,
        "block": {"number": "0x1", "hash": hash_(1), "transactions": [t["transaction"] for t in transactions]},
        "receipts": [t["receipt"] for t in transactions],
        "traces": None,
    }
    path.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    return path


def transfer(n: int, data: str = f"0x{5:064x}") -> dict[str, Any]:
    topics = [
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        "0x" + address(0xA1)[2:].rjust(64, "0"),
        "0x" + address(0xA2)[2:].rjust(64, "0"),
    ]
    log = {"address": address(0xB1), "topics": topics, "data": data, "logIndex": "0x0"}
    return {
        "transaction": {
            "hash": hash_(n),
            "from": address(0xA1),
            "to": address(0xB1),
            "input": "0xa9059cbb",
            "value": "0x0",
        },
        "receipt": {"transactionHash": hash_(n), "status": "0x1", "logs": [log]},
    }


async def test_an_attack_asked_of_a_node_shows_loan_prices_gains_and_tokens(cli: Cli, anvil: Anvil) -> None:
    tx_hash = await attacked(anvil)
    done = await asyncio.to_thread(cli, "decode", tx_hash, "--rpc", anvil.http)
    assert done.code == 0, done
    for said in ("succeeded", "Who gained and who lost", "Borrowed and repaid", "Prices at pools", "Calls", "dUSD"):
        assert said in done.out
    done = await asyncio.to_thread(cli, "decode", tx_hash, "--rpc", anvil.http, "--json")
    told = json.loads(done.out)
    explanation = told["explanation"]
    assert explanation["tx_hash"] == tx_hash
    assert {"flash_loan", "swap", "transfer"} <= {event["event"] for event in explanation["events"]}
    assert any(amount > 0 for amount in explanation["changes"][explanation["sender"]].values())
    assert {facts["symbol"] for facts in told["tokens"].values()} >= {"dUSD"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("08c379a0" + f"{32:064x}{9:064x}" + b"not today".hex().ljust(64, "0"), "not today"),
        ("4e487b71" + f"{0x11:064x}", "panic 0x11: arithmetic over- or underflow"),
        # OpenZeppelin's ERC20InsufficientBalance(address,uint256,uint256)
        ("e450d38c" + address(0xA1)[2:].rjust(64, "0") + f"{3:064x}{5:064x}", "ERC20InsufficientBalance("),
        ("12345678" + "00" * 32, "0x12345678"),
        ("", "reverted"),
    ],
)
async def test_why_a_transaction_reverted_is_said(cli: Cli, anvil: Anvil, rpc: Rpc, data: str, said: str) -> None:
    contract = address(0xB1)
    await rpc.call("anvil_setCode", [contract, "0x" + reverting(data)])
    receipt = await send(rpc, to=contract, data="0xa9059cbb")
    assert receipt["status"] == "0x0"
    done = await asyncio.to_thread(cli, "decode", receipt["transactionHash"], "--rpc", anvil.http)
    assert done.code == 0, done
    assert "reverted" in done.out
    assert said in done.out


async def test_a_proxy_and_a_creation_are_told(cli: Cli, anvil: Anvil, rpc: Rpc) -> None:
    made = await send(rpc, data=creating(NOTHING))
    done = await asyncio.to_thread(cli, "decode", made["transactionHash"], "--rpc", anvil.http)
    assert (done.code, "creates" in done.out) == (0, True)
    proxy = address(0xB2)
    code = f"0x363d3d373d3d3d363d73{made['contractAddress'][2:]}5af43d82803e903d91602b57fd5bf3"  # EIP-1167
    await rpc.call("anvil_setCode", [proxy, code])
    called = await send(rpc, to=proxy, data="0x12345678")
    done = await asyncio.to_thread(cli, "decode", called["transactionHash"], "--rpc", anvil.http, "--json")
    told = json.loads(done.out)["proxies"][proxy]
    assert (told["kind"], told["runs"]) == ("eip1167", [made["contractAddress"]])


def test_whose_events_a_contract_writes_may_be_given(cli: Cli, tmp_path: Path) -> None:
    """The layout of an anonymous event is looked for nowhere else."""
    given = transfer(1)
    given["receipt"]["logs"][0] |= {"topics": ["0x" + "00" * 31 + "07"], "data": "0x" + "00" * 32}
    path, abi = recording(tmp_path / "one.jsonl.gz", given), tmp_path / "quiet.json"
    abi.write_text('["event Said(uint256 indexed who, uint256 what) anonymous"]')
    config = tmp_path / "chainwatch.toml"
    chain = '[[chains]]\nid = 1\n[[chains.providers]]\nname = "a"\nhttp = "http://127.0.0.1:1"\n'
    config.write_text(f'abi = ["quiet.json"]\n{chain}')
    done = cli("decode", path, "--json", "--config", config, "--protocol", f"{address(0xB1)}=quiet")
    assert json.loads(done.out)["explanation"]["logs"][0]["name"] == "Said"
    done = cli("decode", path, "--json", "--config", config)
    assert json.loads(done.out)["explanation"]["logs"][0]["name"] is None
    refused = {"0x12=erc20": "is not ADDRESS=NAME", f"{address(0xB1)}=nobody": "'nobody', which is not known"}
    for wrong, why in refused.items():
        done = cli("decode", path, "--protocol", wrong)
        assert (done.code, why in done.err) == (2, True), done.err


def test_a_recording_of_one_transaction_needs_no_choice(cli: Cli, tmp_path: Path) -> None:
    path = recording(tmp_path / "one.jsonl.gz", transfer(1))
    done = cli("decode", path)
    assert done.code == 0, done
    assert "transfer 5" in done.out
    assert "no call tree was given" in done.out


def test_of_several_one_is_chosen_by_the_start_of_its_hash(cli: Cli, tmp_path: Path) -> None:
    path = recording(tmp_path / "two.jsonl.gz", transfer(1), transfer(2))
    done = cli("decode", path)
    assert (done.code, "holds 2 transactions" in done.err, hash_(1) in done.err) == (2, True, True)
    done = cli("decode", path, "--tx", hash_(2), "--json")
    assert json.loads(done.out)["explanation"]["tx_hash"] == hash_(2)
    done = cli("decode", path, "--tx", "0xdead")
    assert (done.code, "has no transaction 0xdead" in done.err) == (2, True)


def test_a_log_that_is_not_what_its_topic_promises_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", recording(tmp_path / "bad.jsonl.gz", transfer(1, data="0x05")))
    assert done.code == 0, done
    assert "malformed" in done.out


@pytest.mark.parametrize("what", ["0x12", "nothing.jsonl", "0x" + "zz" * 32])
def test_what_is_neither_hash_nor_file_is_refused(cli: Cli, what: str) -> None:
    done = cli("decode", what)
    assert done.code == 2
    assert "neither a transaction hash nor a file" in done.err


async def test_a_transaction_that_nobody_knows_is_refused(cli: Cli, anvil: Anvil) -> None:
    done = await asyncio.to_thread(cli, "decode", hash_(7), "--rpc", anvil.http)
    assert (done.code, "knows transaction" in done.err) == (2, True)


def test_what_a_contract_says_does_nothing_to_the_terminal(cli: Cli, tmp_path: Path) -> None:
    reason = "\x1b]0;pwned\x07\x1b[2J[red]safe[/]\u202e\n".encode()
    given = transfer(1)
    given["receipt"] |= {"status": "0x0", "logs": []}
    trace = {"type": "CALL", "from": address(0xA1), "to": address(0xB1), "input": "0xa9059cbb"}
    trace |= {
        "error": "execution reverted",
        "output": f"0x08c379a0{32:064x}{len(reason):064x}{reason.hex().ljust(128, '0')}",
    }
    block = {"transactions": [given["transaction"]]}
    line = {"chain_id": 1, "block": block, "receipts": [given["receipt"]], "traces": [trace]}
    path = tmp_path / "evil.jsonl"
    path.write_text(json.dumps(line) + "\n")
    done = cli("decode", path)
    assert done.code == 0, done
    assert "[red]safe[/]" in done.out
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)


def test_a_deep_tree_is_printed_whole(cli: Cli, tmp_path: Path) -> None:
    tree: dict[str, Any] = {"type": "CALL", "from": address(0xA1), "to": address(0xB1), "input": "0xfeedbeef"}
    for n in range(300):
        tree = {"type": "CALL", "from": address(0xA1), "to": address(n + 1), "input": f"0x{n:08x}", "calls": [tree]}
    line = {"chain_id": 1, "block": {"transactions": [transfer(1)["transaction"]]}, "receipts": None, "traces": [tree]}
    path = tmp_path / "deep.jsonl"
    path.write_text(json.dumps(line) + "\n")
    done = cli("decode", path, "--all")
    assert done.code == 0, done
    assert all(f"0x{n:08x}" in done.out for n in (0, 150, 299))
    assert "0xfeedbeef" in done.out


@pytest.mark.parametrize("odd", [("--rpc", "http://127.0.0.1:1"), ()])
def test_options_that_do_not_fit_are_refused(cli: Cli, tmp_path: Path, odd: tuple[str, ...]) -> None:
    path = recording(tmp_path / "one.jsonl.gz", transfer(1))
    done = cli("decode", path, *odd) if odd else cli("decode", hash_(1), "--tx", "0x1")
    assert (done.code, "Leave one of them out" in done.err) == (2, True)


def test_explanations_are_plain_data(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", recording(tmp_path / "one.jsonl.gz", transfer(1)), "--json")
    assert msgspec.json.decode(done.out)["explanation"]["logs"][0]["name"] == "Transfer"
