"""`chainwatch decode`: one transaction in words, from a node and from a Recording."""

import asyncio
import gzip
import json
from pathlib import Path

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from tests.builders import address, hash_
from tests.cli.conftest import Cli


async def attacked(anvil: Anvil) -> str:
    """The hash of an attack on a world of its own."""
    world = await deploy_world(anvil.http)
    async with Rpc(anvil.http) as rpc:
        return await Actors(rpc, world).attack_atomic()


def recording(path: Path, *transactions: dict[str, object]) -> Path:
    line = {
        "chain_id": 1,
        "block": {"number": "0x1", "hash": hash_(1), "transactions": [t["transaction"] for t in transactions]},
        "receipts": [t["receipt"] for t in transactions],
        "traces": None,
    }
    path.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    return path


def transfer(n: int, data: str = f"0x{5:064x}") -> dict[str, object]:
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


def test_explanations_are_plain_data(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", recording(tmp_path / "one.jsonl.gz", transfer(1)), "--json")
    assert msgspec.json.decode(done.out)["explanation"]["logs"][0]["name"] == "Transfer"
