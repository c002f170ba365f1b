"""`chainwatch tune`: limits proposed, and a diff that is written and nothing else."""

import json
from pathlib import Path

from tests.cli.conftest import Cli
from tests.detect.test_outflow import TOKEN, TRANSFER, USER, VAULT

PROFILE = (
    f'name = "p"\nchain_id = 1\n\n[[contracts]]\nname = "vault"\naddress = "{VAULT}"\n\n'
    f'[[tokens]]\nsymbol = "USDC"\naddress = "{TOKEN}"\ndecimals = 6\n'
)


def line(n: int, sender: str, recipient: str, amount: int) -> str:
    tx = {"hash": f"0x{n:064x}", "from": USER, "to": VAULT, "input": "0x", "value": "0x0"}
    topics = [TRANSFER, *("0x" + a[2:].rjust(64, "0") for a in (sender, recipient))]
    log = {"address": TOKEN, "topics": topics, "data": f"0x{amount * 10**6:064x}", "logIndex": "0x0"}
    receipt = {"transactionHash": tx["hash"], "status": "0x1", "logs": [log]}
    block = {"number": hex(n), "hash": f"0x{n:064x}", "parentHash": "0x" + "00" * 32, "timestamp": hex(n * 86_400),
             "transactions": [tx]}  # fmt: skip
    return json.dumps({"chain_id": 1, "block": block, "receipts": [receipt], "traces": None})


def written(root: Path) -> tuple[Path, Path]:
    history, profile = root / "history.jsonl", root / "p.toml"
    amounts = [(USER, VAULT, 1_000_000), (VAULT, USER, 500), (VAULT, USER, 700), (VAULT, USER, 600_000)]
    history.write_text("\n".join(line(n + 1, *given) for n, given in enumerate(amounts)) + "\n")
    profile.write_text(PROFILE)
    return history, profile


def test_limits_and_what_would_have_fired(cli: Cli, tmp_path: Path) -> None:
    history, profile = written(tmp_path)
    done = cli("tune", history, "--profile", profile, "--until-block", 4, "--pages-per-week", 1)
    assert done.code == 0, done
    assert "Later, USDC, transaction: block 4 exceeds it" in done.out
    assert "+[[outflow]]" in done.out
    assert profile.read_text() == PROFILE
    diff = tmp_path / "limits.diff"
    done = cli("tune", history, "--profile", profile, "--until-block", 4, "--output", diff, "--json")
    shown = json.loads(done.out)
    assert shown["proposals"][0]["token"] == "USDC"
    assert shown["diff"] == diff.read_text()
    assert len(shown["later"]["USDC, day"]) == 1


def test_bad_input_is_refused(cli: Cli, tmp_path: Path) -> None:
    history, profile = written(tmp_path)
    for arguments, says in (
        ((tmp_path / "none.jsonl", "--profile", profile), "none.jsonl"),
        ((history, "--profile", tmp_path / "none.toml"), "does not exist"),
        ((history, "--profile", profile, "--until-block", 1), "No block is left"),
        ((history, "--profile", profile, "--pages-per-week", 0), "above 0"),
    ):
        done = cli("tune", *arguments)
        assert done.code == 2, done
        assert says in done.err
