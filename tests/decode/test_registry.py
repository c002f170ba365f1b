"""Which events are known, how collisions are resolved, and what happens to files that are no ABI."""

import json
from pathlib import Path

import pytest

from chainwatch.decode import Decoder, Malformed, Registry, load_registry
from chainwatch.decode.protocols import MAPPERS
from chainwatch.errors import BadInput
from chainwatch.types import Log
from tests.builders import address, execution
from tests.decode.making import make_log

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def spec_of(registry: Registry, protocol: str, name: str):
    return next(k.spec for k in registry.known if (k.spec.protocol, k.spec.name) == (protocol, name))


@pytest.mark.parametrize(
    ("protocol", "name", "topic_start"),
    [  # reference/detection.md, rule 1
        ("aave_v1", "FlashLoan", "0x5b8f4646"),
        ("aave_v2", "FlashLoan", "0x631042c8"),
        ("aave_v3", "FlashLoan", "0xefefaba5"),
        ("uniswap_v3", "Flash", "0xbdbdb71d"),
        ("balancer_v2", "FlashLoan", "0x0d7d75e0"),
        ("uniswap_v4", "Swap", "0x40e9cecb"),
    ],
)
def test_topics_are_those_seen_on_chain(registry, protocol, name, topic_start):
    assert spec_of(registry, protocol, name).topic0.startswith(topic_start)


def test_every_mapper_belongs_to_an_event_that_is_loaded(registry):
    for protocol in {protocol for protocol, _ in MAPPERS}:
        own = registry.of(protocol)
        known = {k.spec.signature: k for k in (*own.known, *own.anonymous)}
        for signature in (s for p, s in MAPPERS if p == protocol):
            assert signature in known, f"{protocol}: {signature} is not in its ABI"
            assert known[signature].handle  # compiles: its table names the event's own parameters


def test_erc20_and_erc721_transfers_are_told_apart_by_topic_count(registry):
    def decoded(topics: int):
        words = ["0x" + f"{n:064x}" for n in (1, 2, 3)]
        data = "0x" + "".join(w[2:] for w in words[topics - 1 :])
        return registry.decode(Log(address=address(9), topics=[TRANSFER, *words[: topics - 1]], data=data))

    assert decoded(3).protocol == "erc20"
    assert decoded(4).protocol == "erc721"
    assert decoded(1) is None  # nobody's standard, but a possible layout: merely unknown


def test_a_known_topic_with_too_few_words_for_any_layout_is_malformed(registry):
    with pytest.raises(Malformed, match="3 words"):
        registry.decode(Log(address=address(9), topics=[TRANSFER, "0x" + "00" * 32], data="0x"))


def test_a_log_without_topics_or_with_an_unknown_topic_is_unknown(registry):
    assert registry.decode(Log(address=address(9), topics=[], data="0x")) is None
    assert registry.decode(Log(address=address(9), topics=["0x" + "12" * 32], data="0x")) is None


def test_layouts_of_one_key_are_tried_in_turn(tmp_path: Path):
    def event(first: bool):
        inputs = [
            {"name": "who", "type": "address", "indexed": first},
            {"name": "what", "type": "uint256", "indexed": not first},
        ]
        return {"type": "event", "name": "Twin", "inputs": inputs}

    path = tmp_path / "twin.json"
    path.write_text(json.dumps([event(True), event(False)]))
    registry = load_registry([path])
    amount = 1 << 200  # no address: the padding tells
    for spec in (k.spec for k in registry.known if k.spec.name == "Twin"):
        assert registry.decode(make_log(spec, address(7), amount)).arguments == {"who": address(7), "what": amount}


def test_user_files_and_directories_and_artefacts_are_read(tmp_path: Path):
    entry = {"type": "event", "name": "Mine", "inputs": [{"name": "", "type": "uint8", "indexed": False}]}
    (tmp_path / "artefact.json").write_text(json.dumps({"contractName": "Mine", "abi": [entry], "bytecode": "0x"}))
    registry = load_registry([tmp_path])
    assert len(registry) == len(load_registry()) + 1
    decoded = registry.decode(make_log(spec_of(registry, "artefact", "Mine"), 5))
    assert decoded.arguments == {"arg0": 5}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{ not json", "is not JSON"),
        (b"\x00\xff\xfe", "is not JSON"),
        (b"", "is not JSON"),
        (b'"text"', "not an ABI"),
        (b'{"a": 1}', "not an ABI"),
        (b'[{"type": "event", "name": "E", "inputs": [{"type": "uint7"}]}]', "not a sound ABI"),
        (b'[{"type": "event", "name": "E", "inputs": [{"type": "x); import os"}]}]', "not a sound ABI"),
    ],
)
def test_what_is_not_an_abi_is_refused_by_name_with_a_mend(tmp_path: Path, content: bytes, says: str):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load_registry([path])
    assert says in caught.value.problem
    assert str(path) in caught.value.problem
    assert caught.value.mend


def test_missing_files_and_empty_directories_are_refused(tmp_path: Path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BadInput, match=str(tmp_path)):
            load_registry([path])


@pytest.mark.parametrize(
    ("topics", "data"),
    [(["0x12"], "0x"), (["0x" + "zz" * 32], "0x"), (["0x" + "12" * 32] * 5, "0x"), (["0x" + "12" * 32], "0xabc")],
)
def test_a_log_that_no_decoder_knows_and_that_is_no_log_is_counted_as_malformed(topics: list[str], data: str) -> None:
    broken = Log(address=address(1), topics=topics, data=data)
    sound = Log(address=address(1), topics=["0x" + "12" * 32], data="0xabcd")
    found = Decoder(load_registry()).facts(execution(logs=[broken, sound]))
    assert len(found.malformed) == 1
    assert found.unknown_logs == 1
