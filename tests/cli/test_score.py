"""`chainwatch score`: attacks found and false alarms, from labelled Recordings."""

import gzip
import json
from pathlib import Path

import pytest

from tests.builders import address, hash_
from tests.cli.conftest import Cli


def labelled(root: Path, *, unlabelled: bool = False) -> tuple[Path, Path]:
    transaction = {"hash": hash_(1), "from": address(0xA1), "to": address(0xB1), "input": "0x", "value": "0x1"}
    line = {"chain_id": 1, "block": {"transactions": [transaction]}, "receipts": None,
            "traces": [{"type": "CALL", "from": address(0xA1), "to": address(0xB1)}]}  # fmt: skip
    recording = root / "some-set.jsonl.gz"
    recording.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    labels = root / "labels.json"
    labels.write_text(json.dumps({"set": "some-set", "tx": hash_(2 if unlabelled else 1), "label": "benign"}))
    return recording, labels


def test_what_was_counted_is_printed(cli: Cli, tmp_path: Path) -> None:
    recording, labels = labelled(tmp_path)
    done = cli("score", recording, "--labels", labels)
    assert done.code == 0, done
    assert "0 (< 95.00%)" in done.out
    assert "1 transactions scored" in done.err
    done = cli("score", tmp_path, "--labels", labels, "--json")
    assert json.loads(done.out)["benign"][0]["alert"]["of"] == 1


def test_bad_input_is_refused(cli: Cli, tmp_path: Path) -> None:
    recording, labels = labelled(tmp_path)
    for arguments, says in (
        ((recording, "--labels", tmp_path / "none"), "cannot be read"),
        ((recording, "--labels", labels, "--mode", "logs"), "No labelled transaction can be scored"),
        ((tmp_path / "none.jsonl", "--labels", labels), "none.jsonl"),
    ):
        done = cli("score", *arguments)
        assert (done.code, says in done.err) == (2, True), done
    recording, labels = labelled(tmp_path, unlabelled=True)
    done = cli("score", recording, "--labels", labels)
    assert (done.code, "has no label" in done.err) == (2, True), done
    (tmp_path / "empty").mkdir()
    done = cli("score", tmp_path / "empty", "--labels", labels)
    assert (done.code, "holds no Recording" in done.err) == (2, True), done


def test_a_directory_with_recordings_and_labels_is_all_that_is_needed(cli: Cli, tmp_path: Path) -> None:
    recording, labels = labelled(tmp_path)
    (tmp_path / "recordings").mkdir()
    recording.rename(tmp_path / "recordings" / recording.name)
    done = cli("score", tmp_path)
    assert (done.code, "holds no labels.jsonl.gz or labels.jsonl" in done.err) == (2, True), done
    labels.rename(tmp_path / "labels.jsonl")
    done = cli("score", tmp_path, "--ablate", "--saved")
    assert done.code == 0, done
    for says in ("chain" not in done.out, "without access" in done.out, "Of 0 incidents" in done.out):
        assert says, done
    other = tmp_path / "other.jsonl"
    other.write_text((tmp_path / "labels.jsonl").read_text().replace(hash_(1), hash_(2)))
    assert cli("score", tmp_path, "--labels", other).code == 2  # it overrides
    assert cli("score", tmp_path, "--labels", other, "--labels", tmp_path / "labels.jsonl").code == 0


def test_everything_is_in_the_data_and_in_the_report(cli: Cli, tmp_path: Path) -> None:
    recording, labels = labelled(tmp_path)
    labels.write_text(labels.read_text().replace("benign", "attack"))
    arguments = ("score", recording, "--labels", labels, "--ablate", "--saved", "--report", tmp_path / "r.html")
    data = json.loads(cli(*arguments, "--json").out)
    assert [(m["set"], m["tx"]) for m in data["misses"]] == [("some-set", hash_(1))]
    assert data["chains"][0]["what"] == "chain 1"
    assert data["ablation"][0]["what"] == "all rules"
    assert data["saved"]["single_missed"] == 1
    text = (tmp_path / "r.html").read_text()
    assert hash_(1) in text
    done = cli(*arguments)
    assert "The worst misses (1 of 1)" in done.out
    assert "worst misses" not in cli(*arguments, "--misses", "0").out
    done = cli("score", recording, "--labels", labels, "--report", tmp_path / "none" / "r.html")
    assert (done.code, "is no directory" in done.err) == (2, True), done


@pytest.mark.corpus
def test_the_corpus_is_scored(cli: Cli, corpus: Path) -> None:
    done = cli("score", corpus, "--json")
    score = json.loads(done.out)
    assert score["transactions"] > 10_000
    assert {row["what"]: row["alert"]["count"] for row in score["benign"]}["all"] == 0
    assert {row["what"]: row["alert"]["count"] for row in score["attacks"]}["all"] >= 15
