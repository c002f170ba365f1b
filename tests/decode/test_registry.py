"""Which events are known, how collisions are resolved, and what happens to files that are no ABI."""

import json
from pathlib import Path

import pytest

from chainwatch.decode import Decoder, Malformed, Registry, load_registry
from chainwatch.decode.abi import read_abi
from chainwatch.decode.protocols import MAPPERS
from chainwatch.errors import BadInput
from chainwatch.types import Log
from tests.builders import address, execution
from tests.decode.making import make_log

BURN = "Burn(address,address,uint256,uint256)"
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


def layout(path: Path, name: str, protocol_event: str) -> Path:
    path = path / f"{name}.json"
    path.write_text(json.dumps([protocol_event]))
    return path


def test_a_contract_whose_protocol_is_known_is_read_as_that_protocol_means_it(tmp_path: Path):
    """The same layout as an ERC-20 Transfer, by another name of its parameters."""
    path = layout(tmp_path, "mine", "event Transfer(address indexed giver, address indexed taker, uint256 grams)")
    log = make_log(spec_of(load_registry(), "erc20", "Transfer"), address(1), address(2), 5, address=address(9))
    assert load_registry([path]).decode(log).protocol == "erc20"
    bound = load_registry([path], {address(9): "mine"}).decode(log)
    assert (bound.protocol, bound.arguments["grams"]) == ("mine", 5)
    with pytest.raises(BadInput, match="'yours', which is not known"):
        load_registry([path], {address(9): "yours"})


def test_anonymous_events_are_looked_for_where_the_contract_is_known(tmp_path: Path):
    path = layout(tmp_path, "quiet", "event Said(address indexed who, uint256 what) anonymous")
    log = Log(address=address(9), topics=["0x" + address(7)[2:].rjust(64, "0")], data=f"0x{5:064x}")
    assert load_registry([path]).decode(log) is None
    assert load_registry([path], {address(9): "quiet"}).decode(log).arguments == {"who": address(7), "what": 5}


def test_a_note_is_known_by_the_selector_in_the_place_of_a_topic(registry):
    """Maker's Vat: anonymous, the first topic is the selector of `move(address,address,uint256)`."""
    words = [f"0x{n:064x}" for n in (1, 2, 3)]
    calldata = "bb35783b" + "".join(w[2:] for w in words)
    data = f"0x{32:064x}{100:064x}{calldata.ljust(256, '0')}"
    decoded = registry.decode(Log(address=address(9), topics=["0xbb35783b" + "0" * 56, *words], data=data))
    assert decoded.name == "LogNote"
    assert decoded.arguments["sig"] == "0xbb35783b"


def test_of_one_layout_with_two_meanings_nothing_is_said_but_where_the_contract_is_known(tmp_path: Path):
    """aave_v2's debt token and Pendle's yield token write the same Burn; one counts an index where the other has an
    amount."""
    spec = next(k.spec for k in load_registry().of("pendle").known if k.spec.signature == BURN)
    log = make_log(spec, address(1), address(2), 5, 10**27, address=address(9))
    plain, bound = load_registry(), load_registry(contracts={address(9): "pendle"})
    assert plain.decode(log) is not None
    assert Decoder(plain).facts(execution(logs=[log])).events == ()
    assert [type(e).__name__ for e in Decoder(bound).facts(execution(logs=[log])).events] == ["Withdraw"]
    told = [c for c in plain.collisions() if c.key == spec.topic0]
    assert any("says nothing unless bound" in c.kind for c in told)


def test_a_meaning_added_after_the_first_log_counts_for_the_next(tmp_path: Path):
    """Another file says that the same layout means something else: nobody knows any more."""
    registry = load_registry()
    decoder = Decoder(registry)
    spec = next(k.spec for k in registry.known if k.spec.signature == "Claimed(uint256,address,uint256)")
    log = make_log(spec, 1, address(1), 5)
    assert [type(e).__name__ for e in decoder.facts(execution(logs=[log])).events] == ["RewardClaim"]
    inputs = ", ".join(f"{p.type}{' indexed' if p.indexed else ''}" for p in spec.params)
    registry.add(read_abi(layout(tmp_path, "mine", f"event Claimed({inputs})"), "mine"))
    for of in (decoder, Decoder(registry)):
        assert of.facts(execution(logs=[log])).events == ()


def test_of_one_layout_with_one_meaning_the_first_speaks_and_a_standard_always(registry):
    swap = next(
        k for k in registry.known if k.spec.signature == "Swap(address,uint256,uint256,uint256,uint256,address)"
    )
    assert (swap.spec.protocol, swap.mapper is not None) == ("uniswap_v2", True)


def test_data_that_old_compilers_left_unpadded_is_read(tmp_path: Path):
    path = layout(tmp_path, "old", "event Noted(bytes what)")
    registry = load_registry([path])
    topic0 = spec_of(registry, "old", "Noted").topic0
    padded = f"0x{32:064x}{3:064x}{'010203'.ljust(64, '0')}"
    for data in (padded, padded[: 2 + 128 + 6]):
        assert registry.decode(Log(address=address(9), topics=[topic0], data=data)).arguments == {"what": "0x010203"}
    with pytest.raises(Malformed):
        registry.decode(Log(address=address(9), topics=[topic0], data=padded[: 2 + 128]))


def test_calls_and_errors_are_read_by_selector(registry):
    amount = f"{5:064x}"
    call = registry.decode_call("0xa9059cbb" + address(7)[2:].rjust(64, "0") + amount)
    assert (call.name, call.arguments) == ("transfer", {"to": address(7), "value": 5})
    assert registry.decode_call("0xa9059cbb" + amount) is None  # too short for it
    assert registry.decode_call("0x00000000") is None
    assert registry.decode_call("0x") is None
    error = registry.decode_error("0x08c379a0" + f"{32:064x}{2:064x}{'6e6f'.ljust(64, '0')}")
    assert error.arguments == {"reason": "no"}
    assert registry.decode_error("0x4e487b71" + f"{0x11:064x}").arguments == {"code": 17}


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
