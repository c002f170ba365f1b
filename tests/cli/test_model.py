"""`chainwatch model` trains from labelled Recordings and shows cards; `score --folds` compares out of fold."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from chainwatch.detect.trees import read_model
from tests.builders import address, hash_
from tests.cli.conftest import Cli

pytest.importorskip("sklearn", reason="training needs scikit-learn (extra ml)")


def tree(n: int, is_attack: bool, rng: random.Random) -> dict[str, Any]:
    """Ordinary: a router that moves tokens a few times. Attack: a callback, many times the same call."""
    sender, to, pool, token = (address((n * 7 + k) << 40) for k in range(1, 5))
    data = "0xa9059cbb" + f"{int(to, 16):064x}{rng.randrange(10**18):064x}"
    moved = {"type": "CALL", "from": pool, "to": token, "input": data}
    asked = {"type": "CALL", "from": to, "to": pool, "input": "0x11223344", "calls": [moved]}
    calls = [asked] * (rng.randrange(20, 60) if is_attack else rng.randrange(1, 9))
    if is_attack:
        calls.append({"type": "CALL", "from": pool, "to": to, "input": "0x10d1e85c", "calls": [moved]})
    return {"type": "CALL", "from": sender, "to": to, "input": "0x12345678", "calls": calls}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """400 ordinary transactions and 30 attacks of 30 incidents, with call trees only."""
    rng, lines, labels = random.Random(5), [], []
    for n in range(1, 431):
        is_attack = n <= 30
        root = tree(n, is_attack, rng)
        transaction = {"hash": hash_(n), "from": root["from"], "to": root["to"], "input": root["input"], "value": "0x0"}
        lines.append({"chain_id": 1, "block": {"transactions": [transaction]}, "receipts": None, "traces": [root]})
        label = {"set": "made", "tx": hash_(n), "label": "attack" if is_attack else "benign"}
        labels.append(label | ({"kind": "loan", "incident": f"i{n}"} if is_attack else {}))
    for name, rows in (("made.jsonl", lines), ("labels.json", labels)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "made.jsonl", tmp_path / "labels.json"


def test_a_model_is_trained_written_and_shown(cli: Cli, made: tuple[Path, Path], tmp_path: Path) -> None:
    recording, labels = made
    file = tmp_path / "model.json"
    done = cli("model", "train", recording, "--labels", labels, "-o", file, "--note", "made up")
    assert done.code == 0, done
    assert "made up" in done.out
    model = read_model(file)
    assert model.card.counts["tree"] == {"benign": 400, "loan": 30}
    assert model.logs is None
    assert model.card.measured["tree: auc"] > 0.95
    shown = cli("model", "show", file)
    assert shown.code == 0
    assert model.card.data["made.jsonl"] in shown.out
    again = tmp_path / "again.json"
    assert cli("model", "train", recording, "--labels", labels, "-o", again, "--note", "made up").code == 0
    assert again.read_bytes() == file.read_bytes()
    assert json.loads(cli("model", "show", file, "--json").out)["card"]["note"] == "made up"


def test_the_model_that_comes_along_is_shown(cli: Cli) -> None:
    done = cli("model", "show")
    assert (done.code, "out of fold, tree: auc" in done.out) == (0, True), done


def test_folds_compare_rules_and_the_learned(cli: Cli, made: tuple[Path, Path]) -> None:
    recording, labels = made
    done = cli("score", recording, "--labels", labels, "--folds", "3", "--json")
    assert done.code == 0, done
    score = json.loads(done.out)
    assert [row["what"] for row in score["attacks"]] == ["loan", "all"]
    assert score["attacks"][-1]["either"]["of"] == 30
    assert score["others"][0]["rules"]["of"] == 400
    done = cli("score", recording, "--labels", labels, "--folds", "3")
    assert (done.code, "either" in done.out, "3 folds, seed 0" in done.err) == (0, True, True), done


def test_bad_input_is_refused(cli: Cli, made: tuple[Path, Path], tmp_path: Path) -> None:
    recording, labels = made
    (tmp_path / "broken.json").write_text('{"version": 1}')
    few = tmp_path / "few.jsonl"
    few.write_text("".join(recording.read_text().splitlines(keepends=True)[:40]))
    (tmp_path / "few-labels.json").write_text(labels.read_text().replace('"made"', '"few"'))
    for arguments, says in (
        (("model", "show", tmp_path / "none.json"), "cannot be read"),
        (("model", "show", tmp_path / "broken.json"), "is none"),
        (("model", "train", recording, "--labels", labels, "-o", tmp_path / "no" / "x.json"), "is no directory"),
        (("model", "train", few, "--labels", tmp_path / "few-labels.json", "-o", tmp_path / "x.json"), "too little"),
        (("score", recording, "--labels", labels, "--folds", "1"), "1 folds"),
        (("score", recording, "--labels", labels, "--folds", "2", "--protect-labelled"), "does not go with"),
    ):
        done = cli(*arguments)
        assert (done.code, says in done.err) == (2, True), done
