"""Recordings: what was written is read back the same, and whatever is wrong is named by file and line."""

import gzip
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import deploy_world
from chainwatch.errors import BadRecording
from chainwatch.sources.fetch import FetchedBlock, Fetcher
from chainwatch.sources.recordings import RecordedBlock, RecordedCall, RecordingWriter, read_recording
from chainwatch.types import CallFrame, Log
from tests.builders import address, hash_, pool_over

NAMES = ["recording.jsonl", "recording.jsonl.gz"]


def block_with(*numbers: int, **fields: Any) -> dict[str, Any]:
    """Block 16 with transactions of these numbers."""
    transactions = [{"hash": hash_(n), "from": address(0xA1), "to": address(0xB1)} for n in numbers]
    given = {"number": "0x10", "hash": hash_(16), "parentHash": hash_(15), "timestamp": "0xc0"}
    return given | {"transactions": transactions} | fields


def receipt(n: int, **fields: Any) -> dict[str, Any]:
    return {"transactionHash": hash_(n), "status": "0x1", "logs": []} | fields


def line(*numbers: int, **fields: Any) -> bytes:
    """A line of a Recording with these transactions, receipts included."""
    given = {"chain_id": 1, "block": block_with(*numbers), "receipts": [receipt(n) for n in numbers]}
    return msgspec.json.encode(given | fields)


def written(path: Path, *lines: bytes) -> Path:
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path: Path) -> list[RecordedBlock]:
    return list(read_recording(path))


# --- Round trips ------------------------------------------------------------------------------------------


@pytest.mark.anvil
@pytest.mark.parametrize("name", NAMES)
async def test_blocks_of_a_node_are_read_back_as_they_were_fetched(
    anvil: Anvil, rpc: Rpc, tmp_path: Path, name: str
) -> None:
    actors = Actors(rpc, await deploy_world(anvil.http))
    hashes = [await actors.attack_atomic(), await actors.swap()]
    fetcher = Fetcher(pool_over(rpc), 31337, "parity")
    fetched: list[FetchedBlock] = []
    for tx_hash in hashes:
        mined = await rpc.call("eth_getTransactionReceipt", [tx_hash])
        fetched.append(await fetcher.fetch(mined["blockHash"], int(mined["blockNumber"], 16)))
    calls = [RecordedCall(address(1), "0x12", "0x34"), RecordedCall(address(2), "0x56", None)]
    with RecordingWriter(tmp_path / name) as writer:
        for each in fetched:
            writer.write(31337, each.raw_block, each.raw_receipts, each.traces, calls)
    recorded = read(tmp_path / name)
    assert [r.block for r in recorded] == [f.block for f in fetched]
    assert [r.calls for r in recorded] == [tuple(calls)] * 2
    [attack] = recorded[0].block.executions
    assert attack.trace is not None and attack.logs is not None and len(attack.logs) > 10
    assert recorded[0].block.base_fee_per_gas is not None
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b'{"')


@pytest.mark.anvil
async def test_the_nodes_json_is_kept_verbatim(rpc: Rpc, tmp_path: Path) -> None:
    head = await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
    fetched = await Fetcher(pool_over(rpc), 31337, "none").fetch(head.hash, 0)
    with RecordingWriter(tmp_path / "r.jsonl") as writer:
        writer.write(31337, fetched.raw_block, fetched.raw_receipts, None)
    kept = msgspec.json.decode((tmp_path / "r.jsonl").read_bytes())
    assert kept["block"] == await rpc.call("eth_getBlockByHash", [head.hash, True])
    assert (kept["receipts"], kept["traces"], kept["calls"]) == ([], None, None)


def test_an_indented_answer_of_a_node_is_one_line_all_the_same(tmp_path: Path) -> None:
    block = msgspec.json.format(msgspec.json.encode(block_with(1, extraData="a\nb")), indent=2)
    receipts = msgspec.json.format(msgspec.json.encode([receipt(1)]), indent=2)
    assert b"\n" in block
    with RecordingWriter(tmp_path / "r.jsonl") as writer:
        writer.write(1, block, receipts, None)
    assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 1
    assert read(tmp_path / "r.jsonl")[0].block.executions[0].transaction.hash == hash_(1)


def nested(levels: int) -> CallFrame:
    frame = CallFrame(type="CALL", from_=address(1))
    for _ in range(levels - 1):
        frame = CallFrame(type="CALL", from_=address(1), calls=[frame])
    return frame


def test_a_tree_as_deep_as_the_evm_allows_survives(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r.jsonl") as writer:
        writer.write(1, msgspec.json.encode(block_with(1)), None, [nested(1_026)])
    trace = read(tmp_path / "r.jsonl")[0].block.executions[0].trace
    levels = 0
    while trace is not None:
        levels, trace = levels + 1, trace.calls[0] if trace.calls else None
    assert levels == 1_026


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_read_by_its_content_whatever_its_name(tmp_path: Path, name: str) -> None:
    plain, packed = line(1), gzip.compress(line(1))
    (tmp_path / name).write_bytes(plain if name.endswith(".gz") else packed)
    assert len(read(tmp_path / name)) == 1


def test_blank_lines_are_passed_over_but_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", b"", line(1), b"  ", b"{}")
    blocks = read_recording(path)
    assert next(blocks).block.ref.number == 16
    with pytest.raises(BadRecording, match="line 4"):
        next(blocks)


# --- Degraded modes ---------------------------------------------------------------------------------------


def test_transactions_are_read_in_lower_case_as_logs_are(tmp_path: Path) -> None:
    sender, to = "0x" + "aB" * 20, "0x" + "Cd" * 20
    given = {"hash": "0x" + "AB" * 32, "from": sender, "to": to, "input": "0xA9059CBB"}
    block = block_with() | {"transactions": [given, given | {"to": None}]}
    text = line(block=block, receipts=[receipt(0, transactionHash="0x" + "AB" * 32)] * 2)
    [recorded] = read(written(tmp_path / "r.jsonl", text))
    called, created = (e.transaction for e in recorded.block.executions)
    assert (called.hash, called.from_, called.to) == ("0x" + "ab" * 32, sender.lower(), to.lower())
    assert (called.input, created.to) == ("0xa9059cbb", None)


def test_without_receipts_there_are_no_logs_and_success_is_the_trees(tmp_path: Path) -> None:
    trees = [{"type": "CALL", "from": address(1)}, {"type": "CALL", "from": address(1), "error": "out of gas"}]
    [recorded] = read(written(tmp_path / "r.jsonl", line(1, 2, receipts=None, traces=trees)))
    assert [(e.logs, e.succeeded) for e in recorded.block.executions] == [(None, True), (None, False)]


def test_without_traces_there_are_logs_only(tmp_path: Path) -> None:
    log = {"address": address(5), "topics": [], "data": "0x", "logIndex": "0x3"}
    given = line(1, receipts=[receipt(1, logs=[log], status="0x0")], traces=None)
    [recorded] = read(written(tmp_path / "r.jsonl", given))
    [execution] = recorded.block.executions
    assert execution.trace is None and not execution.succeeded
    assert execution.logs == [Log(address=address(5), topics=[], data="0x", log_index="0x3")]


def test_a_tree_that_was_not_to_be_had_is_none_beside_the_others(tmp_path: Path) -> None:
    given = line(1, 2, traces=[None, {"type": "CALL", "from": address(1)}])
    [recorded] = read(written(tmp_path / "r.jsonl", given))
    assert [e.trace is None for e in recorded.block.executions] == [True, False]


def test_a_corpus_may_lack_number_hash_and_timestamp(tmp_path: Path) -> None:
    block = block_with(1, number=None, hash=None, parentHash=None, timestamp=None)
    [recorded] = read(written(tmp_path / "r.jsonl", line(1, block=block)))
    ref = recorded.block.ref
    assert (ref.number, ref.hash, ref.parent_hash, ref.timestamp) == (None, None, None, None)


def test_keys_that_we_do_not_know_are_passed_over(tmp_path: Path) -> None:
    [recorded] = read(written(tmp_path / "r.jsonl", line(1, source="somewhere", synthetic=["hash"])))
    assert recorded.block.chain_id == 1
    assert recorded.calls == ()


def test_a_malformed_log_costs_itself_only(tmp_path: Path) -> None:
    good = {"address": address(5), "topics": [], "data": "0x"}
    given = line(1, receipts=[receipt(1, logs=[good, good | {"data": None}, good])])
    [recorded] = read(written(tmp_path / "r.jsonl", given))
    [execution] = recorded.block.executions
    assert execution.logs is not None and len(execution.logs) == 2
    assert [m.tx_hash for m in execution.malformed] == [hash_(1)]


# --- What is no Recording ---------------------------------------------------------------------------------

NOT_A_BLOCK = [
    (line(1)[:-40], "not a whole JSON object"),
    (b"\x89PNG\r\x1a\xff\xfe", "binary data"),
    (b'{"set": "s", "tx": "0x1", "label": "attack"}', "label file"),
    (b"null", "not a whole JSON object"),
    (b"[1]", "not a whole JSON object"),
    (b"[" * 100_000, "not a whole JSON object"),
    (b'{"a":' * 100_000, "not a whole JSON object"),
    (b"<html>", "not a whole JSON object"),
    (b"{}", "not a Recording line"),
    (line(1, block=None), "not a Recording line"),
    (line(1, chain_id="0x1"), "not a Recording line"),
    (line(1, receipts={}), "not a Recording line"),
    (line(1, receipts=[None]), "not a Recording line"),
    (line(1, traces=["0x"]), "not a Recording line"),
    (line(1, calls=[{"to": None, "data": "0x"}]), "not a Recording line"),
    (line(1, 2, receipts=[receipt(1)]), "2 transactions but 1 receipts"),
    (line(1, receipts=[]), "1 transactions but 0 receipts"),
    (line(1, traces=[]), "1 transactions but 0 traces"),
    (line(1, 2, receipts=[receipt(2), receipt(1)]), "not those of the transactions"),
    (line(1, block=block_with(1, number="16th")), "a quantity is not hex"),
    (line(1, block=block_with(1, timestamp="later")), "a quantity is not hex"),
    (line(1, block=block_with(1, baseFeePerGas="0xzz")), "a quantity is not hex"),
]
IDS = [
    "truncated", "binary", "a label", "null", "a list", "absurd lists", "absurd objects", "HTML", "an empty object",
    "block null", "chain id as text", "receipts an object", "a receipt null", "a trace as text", "a call without to",
    "receipts too few", "no receipts", "no traces", "receipts swapped", "bad number", "bad timestamp", "bad base fee",
]  # fmt: skip


@pytest.mark.parametrize(("bad", "said"), NOT_A_BLOCK, ids=IDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_bad_line_is_named_after_the_good_ones_were_read(tmp_path: Path, name: str, bad: bytes, said: str) -> None:
    path = written(tmp_path / name, line(1), line(2), bad, line(3))
    blocks = read_recording(path)
    assert [next(blocks).block.executions[0].transaction.hash for _ in range(2)] == [hash_(1), hash_(2)]
    with pytest.raises(BadRecording) as error:
        next(blocks)
    assert error.value.problem.startswith(f"{path}, line 3: ")
    assert said in error.value.problem
    assert error.value.exit_code == 2


def test_a_truncated_gzip_names_the_line_after_those_that_were_read(tmp_path: Path) -> None:
    # incompressible, so that whole lines come out before the cut
    lines = [line(1, block=block_with(1, extraData=os.urandom(50_000).hex())) for _ in range(6)]
    whole = written(tmp_path / "r.jsonl.gz", *lines).read_bytes()
    (tmp_path / "r.jsonl.gz").write_bytes(whole[: len(whole) * 5 // 6 - 200])
    got: list[RecordedBlock] = []
    with pytest.raises(BadRecording) as error:
        got.extend(read_recording(tmp_path / "r.jsonl.gz"))
    assert len(got) == 4
    assert error.value.problem.startswith(f"{tmp_path / 'r.jsonl.gz'}, line 5: the compressed file is truncated")


@pytest.mark.parametrize("keep", [2, 5, 15, -1, -8])
def test_a_gzip_cut_anywhere_is_an_error(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path / "r.jsonl.gz", line(1))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadRecording, match=r"line [12]: the compressed file is truncated or damaged"):
        read(path)


def test_a_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl.gz", *(line(n) for n in range(50)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadRecording):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"")], ids=["nothing", "blank lines", "compressed"])
def test_an_empty_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.jsonl").write_bytes(content)
    with pytest.raises(BadRecording, match="is empty"):
        read(tmp_path / "r.jsonl")


def test_a_missing_file_and_a_directory_are_errors(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="does not exist"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(BadRecording, match="is a directory"):
        read(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRecording, match="cannot be read"):
        read(tmp_path / "file" / "below.jsonl")


# --- Writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path, name: str) -> None:
    def record() -> None:
        with RecordingWriter(tmp_path / name) as writer:
            writer.write(1, msgspec.json.encode(block_with()), b"[]", [])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_recording_stands_until_the_new_one_is_whole(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, line(7))

    def record(fail: bool) -> None:
        with RecordingWriter(path) as writer:
            writer.write(1, msgspec.json.encode(block_with(8)), None, None)
            assert read(path)[0].block.executions[0].transaction.hash == hash_(7)
            if fail:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record(fail=True)
    assert read(path)[0].block.executions[0].transaction.hash == hash_(7)
    record(fail=False)
    assert read(path)[0].block.executions[0].transaction.hash == hash_(8)
    assert os.listdir(tmp_path) == [name]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="cannot be written"), RecordingWriter(tmp_path / "none" / "r.jsonl"):
        pass
    (tmp_path / "r.jsonl").mkdir()
    with pytest.raises(BadRecording, match="cannot be written"), RecordingWriter(tmp_path / "r.jsonl"):
        pass
    assert os.listdir(tmp_path) == ["r.jsonl"]


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full, which plays the full disk, is not on this system")
    writer = RecordingWriter(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl.partial").symlink_to("/dev/full")

    def record() -> None:
        with writer:
            writer.write(1, msgspec.json.encode(block_with(1)), None, None)

    with pytest.raises(BadRecording, match="No space left"):
        record()
    assert os.listdir(tmp_path) == []


# --- The corpus -------------------------------------------------------------------------------------------


@pytest.mark.corpus
def test_every_recording_of_the_corpus_is_read(corpus: Path) -> None:
    paths = sorted((corpus / "recordings").glob("*.jsonl.gz"))
    assert paths
    for path in paths:
        executions = [e for recorded in read_recording(path) for e in recorded.block.executions]
        assert executions, path
        assert not [m for e in executions for m in e.malformed], path
        assert all(e.logs is not None or e.trace is not None for e in executions), path


@pytest.mark.corpus
def test_the_labels_of_the_corpus_are_recognised_as_no_recording(corpus: Path) -> None:
    with pytest.raises(BadRecording, match="label file"):
        read(corpus / "labels.jsonl.gz")
