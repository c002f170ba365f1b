"""Probes: what a profile declares is read at one block's hash, and what cannot be read is never a number."""

from typing import Any

import pytest
from eth_abi.abi import encode

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.probes import (
    PriceBook,
    ProbeSpec,
    call_probes,
    feed_probe,
    pool_probe,
    read_probes,
    recorded_probes,
    specs_of,
)
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import USD, deploy_world
from chainwatch.errors import BadConfig, NodeError
from chainwatch.types import BlockRef
from tests.builders import address, profile, reading, ref
from tests.chain.contracts import deploy
from tests.chain.nodes import Refused, fake_node

AT = ref(9)


def declared(call: str, *args: str, name: str = "p") -> ProbeSpec:
    """The spec of one declared probe of 0xb1."""
    [spec] = specs_of(profile(probes=[{"name": name, "contract": address(0xB1), "call": call, "args": args}]))
    return spec


async def head(rpc: Rpc) -> BlockRef:
    return (await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)).ref()


# --- What a profile declares ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "args", "data"),
    [
        # selectors as the contract's ABI has them
        ("totalSupply()(uint256)", [], "0x18160ddd"),
        ("balanceOf(address)(uint256)", [address(7)], "0x70a08231" + f"{7:064x}"),
        ("getReserves()(uint112,uint112,uint32)", [], "0x0902f1ac"),
        ("allowance(address,address)(uint256)", [address(7), address(8)], "0xdd62ed3e" + f"{7:064x}{8:064x}"),
        ("hasRole(bytes32,address)(bool)", ["0x" + "00" * 32, address(7)], "0x91d14854" + f"{0:064x}{7:064x}"),
        ("ownerOf(uint256)(address)", ["0x10"], "0x6352211e" + f"{16:064x}"),
    ],
)
def test_a_declared_probe_becomes_calldata(call: str, args: list[str], data: str) -> None:
    assert declared(call, *args).data == data


@pytest.mark.parametrize(
    ("written", "canonical", "args"),
    [
        ("allowance(address, address)(uint256)", "allowance(address,address)(uint256)", [address(7), address(8)]),
        ("ownerOf(uint)(address)", "ownerOf(uint256)(address)", ["3"]),
        ("f(int)(int)", "f(int256)(int256)", ["-3"]),
    ],
)
def test_spaces_and_short_names_of_types_do_not_change_the_selector(
    written: str, canonical: str, args: list[str]
) -> None:
    assert declared(written, *args) == declared(canonical, *args)


@pytest.mark.parametrize(("text", "word"), [("true", 1), ("False", 0)])
def test_a_truth_value_is_written_as_a_word(text: str, word: int) -> None:
    assert declared("f(bool)(uint256)", text).data.endswith(f"{word:064x}")


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("f(address)(uint256)", []),
        ("f()(uint256)", ["5"]),
        ("f(address)(uint256)", ["0x12"]),
        ("f(address)(uint256)", ["alice"]),
        ("f(uint8)(uint256)", ["256"]),
        ("f(uint256)(uint256)", ["-1"]),
        ("f(uint256)(uint256)", ["many"]),
        ("f(bool)(uint256)", ["yes"]),
        ("f(bytes32)(uint256)", ["0x12"]),
        ("f(bytes4)(uint256)", ["0x1234567g"]),
        ("f(uint256[])(uint256)", ["1"]),
        ("f(uint7)(uint256)", ["1"]),
        ("f(money)(uint256)", ["1"]),
        ("f(uint256 amount)(uint256)", ["1"]),
        ("f()(string)", []),
        ("f()(uint256[])", []),
        ("f()(uint256 amount)", []),
        ("f()(bytes)", []),
        ("f()(bytes33)", []),
    ],
)
def test_a_probe_that_cannot_be_asked_or_read_is_bad_configuration_that_names_it(call: str, args: list[str]) -> None:
    with pytest.raises(BadConfig, match=r"Probe 'reserve'") as error:
        declared(call, *args, name="reserve")
    assert call in str(error.value)


def test_oracles_are_read_before_declared_probes() -> None:
    probes = [{"name": "p", "contract": address(0xB1), "call": "f()(uint256)"}]
    pool = {"address": address(0xAA), "base_is_token0": True, "base_decimals": 18, "quote_decimals": 6}
    given = profile(oracles=[{"name": "eth", "feed": {"address": address(0xFE)}, "pool": pool}], probes=probes)
    assert [(s.name, s.contract, s.data) for s in specs_of(given)] == [
        ("oracle.eth.pool", address(0xAA), "0x0902f1ac"),  # getReserves()
        ("oracle.eth.feed", address(0xFE), "0xfeaf968c"),  # latestRoundData()
        ("p", address(0xB1), "0x26121ff0"),  # f()
    ]
    assert feed_probe(given.oracles[0]) == "oracle.eth.feed"
    assert pool_probe(given.oracles[0]) == "oracle.eth.pool"


def test_a_profile_without_oracles_and_probes_reads_nothing() -> None:
    assert specs_of(profile()) == ()


# --- Reading ----------------------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_probes_read_the_state_of_the_block_they_are_asked_for(anvil: Anvil, rpc: Rpc) -> None:
    world = await deploy_world(anvil.http)
    before = await head(rpc)
    await Actors(rpc, world).swap(50_000 * USD)
    after = await head(rpc)
    call = {"name": "pool", "contract": world.pair, "call": "getReserves()(uint112,uint112,uint32)"}
    specs = specs_of(profile(probes=[call]))
    first, second = [(await read_probes(rpc, specs, at))["pool"] for at in (before, after)]
    assert (first.block, second.block) == (before, after)
    asset = 0 if int(world.asset, 16) < int(world.collateral, 16) else 1
    assert second.values[asset] - first.values[asset] == 50_000 * USD
    assert first.error is None and len(first.values) == 3


@pytest.mark.anvil
async def test_a_probe_that_fails_is_a_reading_with_an_error_beside_the_good_ones(anvil: Anvil, rpc: Rpc) -> None:
    world = await deploy_world(anvil.http)
    reverting = await deploy(rpc, "5f5ffd")
    calls = {
        "good": (world.asset, "totalSupply()(uint256)"),
        "reverts": (reverting, "totalSupply()(uint256)"),
        "no code": (address(0xDEAD), "totalSupply()(uint256)"),
        "too short": (world.asset, "totalSupply()(uint256,uint256)"),
    }
    probes = [{"name": n.replace(" ", "-"), "contract": c, "call": f} for n, (c, f) in calls.items()]
    readings = await read_probes(rpc, specs_of(profile(probes=probes)), await head(rpc))
    assert readings["good"].error is None and readings["good"].values[0] > 0
    assert {n: r.values for n, r in readings.items() if n != "good"} == {"reverts": (), "no-code": (), "too-short": ()}
    assert readings["reverts"].error is not None and "revert" in readings["reverts"].error
    assert readings["no-code"].error is not None and readings["no-code"].error.startswith("unreadable answer '0x'")
    assert readings["too-short"].error is not None and "unreadable" in readings["too-short"].error


@pytest.mark.parametrize("result", ["0x", "0x12", "", "0xzz", None, 5, {"a": 1}, [], True, "0x" + "f" * 63])
async def test_data_that_cannot_be_read_is_an_error_and_no_number(result: Any) -> None:
    async with fake_node(eth_call=result) as node, Rpc(node.http) as rpc:
        readings = await read_probes(rpc, [declared("f()(uint256)")], AT)
    assert readings["p"].values == ()
    assert readings["p"].error is not None and readings["p"].error.startswith("unreadable answer")


@pytest.mark.parametrize(
    ("type_", "value", "number"),
    [
        ("int256", -1, -1),
        ("int256", -(2**255), -(2**255)),
        ("int24", -887_272, -887_272),
        ("uint256", 2**256 - 1, 2**256 - 1),
        ("bool", True, 1),
        ("address", address(0xAB), 0xAB),
        ("bytes4", b"\x01\x02\x03\x04", 0x01020304),
    ],
)
async def test_every_elementary_type_is_read_as_a_number(type_: str, value: Any, number: int) -> None:
    async with fake_node(eth_call="0x" + encode([type_], [value]).hex()) as node, Rpc(node.http) as rpc:
        readings = await read_probes(rpc, [declared(f"f()({type_})")], AT)
    assert (readings["p"].values, readings["p"].error) == ((number,), None)


@pytest.mark.parametrize(("type_", "word"), [("address", "f" * 64), ("uint8", "f" * 64), ("bool", f"{2:064x}")])
async def test_a_word_outside_the_range_of_its_type_is_unreadable(type_: str, word: str) -> None:
    async with fake_node(eth_call="0x" + word) as node, Rpc(node.http) as rpc:
        readings = await read_probes(rpc, [declared(f"f()({type_})")], AT)
    assert readings["p"].values == () and readings["p"].error


async def test_all_probes_are_asked_at_the_block_hash_in_one_request() -> None:
    async with fake_node(eth_call="0x" + f"{5:064x}") as node, Rpc(node.http) as rpc:
        await read_probes(rpc, [declared("f()(uint256)", name=n) for n in "abc"], AT)
    assert [at for _, at in node.asked_for("eth_call")] == [{"blockHash": AT.hash}] * 3


async def test_a_node_that_is_away_makes_every_reading_an_error() -> None:
    async with Rpc("http://127.0.0.1:1/KEY") as rpc:
        readings = await read_probes(rpc, [declared("f()(uint256)", name=n) for n in "ab"], AT)
    assert set(readings) == {"a", "b"}
    assert all(not r.values and r.error and "could not be reached" in r.error for r in readings.values())


async def test_nothing_is_asked_where_there_are_no_probes() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        assert await read_probes(rpc, [], AT) == {}


# --- Recording and replaying ------------------------------------------------------------------------------


async def test_what_was_recorded_reads_as_what_was_live() -> None:
    answers = {"f": "0x" + "f" * 64, "g": Refused(3, "execution reverted")}
    specs = [declared("f()(int256)", name="f"), declared("g()(uint256)", name="g")]
    by_data = {spec.data: answers[spec.name] for spec in specs}
    async with fake_node(eth_call=lambda call, _: by_data[call["data"]]) as node, Rpc(node.http) as rpc:
        live = await read_probes(rpc, specs, AT)
        recorded = await call_probes(rpc, specs, AT)
    kept = {(spec.contract, spec.data): answer for spec, answer in recorded}
    assert list(kept.values()) == [answers["f"], None]
    replayed = recorded_probes([*specs, declared("h()(uint256)", name="h")], AT, kept)
    assert set(replayed) == {"f", "g"}, "what was not recorded has no reading"
    assert replayed["f"] == live["f"]
    assert replayed["g"].values == () and replayed["g"].error


async def test_recording_from_a_node_that_is_away_is_an_error() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(NodeError):
            await call_probes(rpc, [declared("f()(uint256)")], AT)


# --- Prices -----------------------------------------------------------------------------------------------


def test_a_token_is_worth_its_fixed_price_or_what_its_feed_says() -> None:
    given = profile(
        oracles=[{"name": "eth", "feed": {"address": address(0xFE), "decimals": 8}}],
        tokens=[
            {"address": address(1), "symbol": "USD", "decimals": 6, "price_usd": 1.0},
            {"address": address(2), "symbol": "ETH", "decimals": 18, "oracle": "eth"},
        ],
    )
    book = PriceBook([given])
    answer = reading("oracle.eth.feed", 1, 2_000 * 10**8, 0, 0, 1)
    assert book.at({"oracle.eth.feed": answer}) == pytest.approx({address(1): 1e-6, address(2): 2_000 / 10**18})


@pytest.mark.parametrize("values", [(), (1, 0, 0, 0, 1), (1, -5, 0, 0, 1)])
def test_a_feed_without_a_positive_answer_gives_no_price(values: tuple[int, ...]) -> None:
    given = profile(
        oracles=[{"name": "eth", "feed": {"address": address(0xFE), "decimals": 8}}],
        tokens=[{"address": address(2), "symbol": "ETH", "decimals": 18, "oracle": "eth"}],
    )
    book = PriceBook([given])
    assert book.at({"oracle.eth.feed": reading("oracle.eth.feed", *values)}) == {}
    assert book.at({}) == {}
