"""`chainwatch decode`: one transaction in words, from a node and from a Recording."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode
from rich.text import Text

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.tokens import TokenFacts
from chainwatch.cli import common
from chainwatch.cli.story import Names
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


def test_a_transaction_that_stands_in_a_recording_twice_is_found(cli: Cli, tmp_path: Path) -> None:
    path = recording(tmp_path / "twice.jsonl.gz", transfer(1), transfer(1))
    for chosen in ((), ("--tx", hash_(1)), ("--tx", hash_(1)[:30])):
        done = cli("decode", path, *chosen)
        assert (done.code, hash_(1) in done.out) == (0, True), done


def test_nothing_behind_a_transaction_named_whole_is_read(cli: Cli, tmp_path: Path) -> None:
    path = recording(tmp_path / "one.jsonl.gz", transfer(1))
    path.write_bytes(path.read_bytes() + gzip.compress(b"damaged\n"))
    done = cli("decode", path, "--tx", hash_(1))
    assert (done.code, hash_(1) in done.out) == (0, True), done


@pytest.mark.parametrize("index", [None, "0x0", "0x5"])
def test_each_log_shows_its_own_meaning_whatever_its_index(cli: Cli, tmp_path: Path, index: str | None) -> None:
    given = transfer(1)
    one = given["receipt"]["logs"][0]
    del one["logIndex"]
    one |= {} if index is None else {"logIndex": index}
    given["receipt"]["logs"] = [one, one | {"data": f"0x{7:064x}"}]
    done = cli("decode", recording(tmp_path / "one.jsonl.gz", given), "--json")
    logs = json.loads(done.out)["explanation"]["logs"]
    assert [[event["amount"] for event in log["means"]] for log in logs] == [[5], [7]]


def test_a_log_that_is_not_what_its_topic_promises_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", recording(tmp_path / "bad.jsonl.gz", transfer(1, data="0x05")))
    assert done.code == 0, done
    assert "malformed" in done.out


@pytest.mark.parametrize("what", ["0x12", "nothing.jsonl", "0x" + "zz" * 32])
def test_what_is_neither_hash_nor_file_is_refused(cli: Cli, what: str) -> None:
    done = cli("decode", what)
    assert done.code == 2
    assert "neither a transaction hash nor a file" in done.err


def test_a_name_that_no_file_can_have_is_refused(cli: Cli) -> None:
    done = cli("decode", "0x" + "0" * 8_000)
    assert (done.code, "cannot be read (File name too long)" in done.err) == (2, True)
    assert len(done.err) < 300
    done = cli("decode", "")
    assert (done.code, "'' is neither a transaction hash nor a file" in done.err) == (2, True)


def test_a_chain_without_a_configuration_to_choose_from_is_refused(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", recording(tmp_path / "one.jsonl.gz", transfer(1)), "--chain", "5")
    assert (done.code, "there is none" in done.err) == (2, True)


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


def treed(path: Path, tree: dict[str, Any], logs: list[dict[str, Any]] | None = None) -> Path:
    """A Recording of transaction 1 with this call tree."""
    given = transfer(1)
    receipts = [given["receipt"] | ({} if logs is None else {"logs": logs})]
    line = {"chain_id": 1, "block": {"transactions": [given["transaction"]]}, "receipts": receipts, "traces": [tree]}
    path.write_text(json.dumps(line) + "\n")
    return path


def calling(**fields: Any) -> dict[str, Any]:
    return {"type": "CALL", "from": address(0xA1), "to": address(0xB1), "input": "0xfeedbeef"} | fields


def reverting_with(reason: str) -> dict[str, Any]:
    data = reason.encode()
    words = data.hex().ljust(-(-len(data) // 32) * 64, "0")
    return {"error": "execution reverted", "output": f"0x08c379a0{32:064x}{len(data):064x}{words}"}


def test_a_call_tree_that_cannot_be_read_is_said_to_be_one(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", treed(tmp_path / "bad.jsonl", calling(value="many")))
    assert done.code == 0, done
    assert "the call tree cannot be read" in done.out
    assert "malformed: trace: 'many' is not a quantity" in done.out
    assert "no call tree was given" not in done.out


@pytest.mark.parametrize("said", [":skull:", "\\\\\\", "\\", "[/]", "[bold", "x]", "a[red", "[none]"])
def test_what_others_wrote_is_printed_as_they_wrote_it(cli: Cli, tmp_path: Path, said: str) -> None:
    tree = calling(calls=[calling(**reverting_with(said)), calling(**reverting_with("x]"))])
    done = cli("decode", treed(tmp_path / "odd.jsonl", tree))
    assert done.code == 0, done
    assert f"0xfeedbeef() ✗ {said}\n" in done.out
    assert "✗ x]\n" in done.out


@pytest.mark.parametrize("symbol", ["\\\\\\", "\\", ":skull:", "[/]", "[bold"])
def test_a_symbol_is_printed_as_it_is(symbol: str) -> None:
    facts = TokenFacts(address=address(0xB1), symbol=symbol, decimals=0)
    names = Names({}, {address(0xB1): facts})
    shown = Text.from_markup(
        f"[green]{names.amount(address(0xB1), 5)}[/] {names.account(address(0xB1))} x]", emoji=False
    )
    assert shown.plain == f"5 {symbol} {symbol} 0x000000…00b1 x]"


def test_what_others_wrote_begins_no_line(cli: Cli, tmp_path: Path) -> None:
    done = cli("decode", treed(tmp_path / "odd.jsonl", calling(**reverting_with("one\u2028two\u2029three"))))
    assert "one·two·three" in done.out


def test_where_nothing_changed_no_row_says_so(cli: Cli, tmp_path: Path) -> None:
    """The sender pays its target: together they have what they had."""
    log = transfer(1, f"0x{10**6:064x}")["receipt"]["logs"][0]
    parties = ["0x" + address(n)[2:].rjust(64, "0") for n in (0xA1, 0xB1)]
    paid = log | {"address": address(0xC1), "topics": [log["topics"][0], *parties]}
    done = cli("decode", treed(tmp_path / "even.jsonl", calling(), [paid]))
    assert "Who gained and who lost" in done.out
    assert "these and the target" not in done.out


def test_in_a_narrow_terminal_amounts_are_whole(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.out, "_width", 80)
    loan = "0x0d7d75e01ab95780d3cd1c8ec0dd6c2ce19e3a20427eec8bf53283b6fb8e95f0"  # Balancer's FlashLoan
    parties = ["0x" + address(n)[2:].rjust(64, "0") for n in (0xA1, 0xC1)]
    amount = 123_456_789 * 10**30
    log = {"address": address(0xB1), "topics": [loan, *parties], "data": f"0x{amount:064x}{5:064x}", "logIndex": "0x0"}
    done = cli("decode", treed(tmp_path / "loan.jsonl", calling(), [log]))
    table = done.out[done.out.index("Borrowed and repaid") : done.out.index("Calls")]
    columns = [[cell.strip() for cell in row.split("│")] for row in table.splitlines() if "│" in row]
    assert "".join(row[3] for row in columns).startswith(f"{amount:,}")
    assert "…" not in "".join(row[3] for row in columns).replace("0x000000…00c1", "")


def test_all_cuts_and_shortens_nothing(cli: Cli, tmp_path: Path) -> None:
    text, reason = "long " * 40, "why " * 300
    path = [address(n) for n in range(1, 10)]
    swap = "0x38ed1739" + encode(  # swapExactTokensForTokens
        ["uint256", "uint256", "address[]", "address", "uint256"], [1, 2, path, address(9), 3]
    ).hex()  # fmt: skip
    named = "0x280f4446b28a1372417dda658d30b95b2992b12ac9c7f378535f29a97acf3583"  # log_named_string
    said = {"topics": [named], "data": "0x" + encode(["string", "string"], ["key", text]).hex(), "logIndex": "0x0"}
    unknown = {"topics": ["0x" + "12" * 32], "data": "0x" + "34" * 40, "logIndex": "0x1"}
    tree = calling(calls=[calling(input=swap), calling(**reverting_with(reason))])
    file = treed(tmp_path / "long.jsonl", tree, [{"address": address(0xB1)} | log for log in (said, unknown)])
    whole = (text.strip(), reason.strip(), "12" * 32, "34" * 40, *path)
    few, every = (" ".join(cli("decode", file, *options).out.replace("│", " ").split()) for options in ((), ("--all",)))
    joined = every.replace(" ", "")
    assert all(one.replace(" ", "") in joined for one in whole)
    assert "…" not in every
    assert not any(one in few for one in whole)


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
