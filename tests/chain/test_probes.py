"""Probes: what a profile declares is read at one block's hash, and what cannot be read is never a number."""

from typing import Any

import pytest
from aiohttp import web
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.probes import (
    MULTICALL3,
    PriceBook,
    ProbeReader,
    ProbeSpec,
    _of_aggregate3,
    _of_deployless,
    after_requests,
    call_probes,
    feed_probe,
    pool_probe,
    read_probes,
    readings_after,
    recorded_probes,
    specs_of,
)
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import USD, deploy_world
from chainwatch.errors import BadConfig, NodeError, NodeRejected
from chainwatch.types import BlockRef, ProbeReading
from tests.builders import address, profile, reading, ref
from tests.chain.contracts import deploy, send
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


async def test_one_probe_is_asked_plainly_at_the_block_hash() -> None:
    async with fake_node(eth_call="0x" + f"{5:064x}") as node, Rpc(node.http) as rpc:
        await read_probes(rpc, [declared("f()(uint256)")], AT)
    assert node.asked_for("eth_call") == [[{"to": address(0xB1), "data": "0x26121ff0"}, {"blockHash": AT.hash}]]


async def test_a_node_that_is_away_makes_every_reading_an_error() -> None:
    async with Rpc("http://127.0.0.1:1/KEY") as rpc:
        readings = await read_probes(rpc, [declared("f()(uint256)", name=n) for n in "ab"], AT)
    assert set(readings) == {"a", "b"}
    assert all(not r.values and r.error and "could not be reached" in r.error for r in readings.values())


async def test_nothing_is_asked_where_there_are_no_probes() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        assert await read_probes(rpc, [], AT) == {}


# --- Several in one ---------------------------------------------------------------------------------------

AGGREGATE3 = (
    "60806040526004361061001e5760003560e01c806382ad56cb14610023575b600080fd5b610036610031366004610272565b61004c56"
    "5b60405161004391906102e7565b60405180910390f35b6060816001600160401b038111156100665761006661039c565b6040519080"
    "825280602002602001820160405280156100ac57816020015b6040805180820190915260008152606060208201528152602001906001"
    "900390816100845790505b50905060005b8281101561026b578383828181106100cc576100cc6103b2565b90506020028101906100de"
    "91906103c8565b6100ec9060208101906103e8565b6001600160a01b0316848483818110610107576101076103b2565b905060200281"
    "019061011991906103c8565b610127906040810190610418565b604051610135929190610465565b6000604051808303816000865af1"
    "9150503d8060008114610172576040519150601f19603f3d011682016040523d82523d6000602084013e610177565b606091505b5083"
    "838151811061018a5761018a6103b2565b60200260200101516000018484815181106101a7576101a76103b2565b6020026020010151"
    "602001829052821515151581525050508383828181106101d1576101d16103b2565b90506020028101906101e391906103c8565b6101"
    "f4906040810190602001610475565b80610219575081818151811061020c5761020c6103b2565b6020026020010151600001515b6102"
    "635760405162461bcd60e51b8152602060048201526017602482015276135d5b1d1a58d85b1b0cce8818d85b1b0819985a5b1959604a"
    "1b604482015260640160405180910390fd5b6001016100b2565b5092915050565b6000806020838503121561028557600080fd5b8235"
    "6001600160401b0381111561029b57600080fd5b8301601f810185136102ac57600080fd5b80356001600160401b038111156102c257"
    "600080fd5b8560208260051b84010111156102d757600080fd5b6020919091019590945092505050565b600060208201602083528084"
    "5180835260408501915060408160051b86010192506020860160005b8281101561039057603f19878603018452815180511515865260"
    "20810151905060406020870152805180604088015260005b8181101561035e57602081840181015160608a8401015201610341565b50"
    "6000606082890101526060601f19601f8301168801019650505060208201915060208401935060018101905061030f565b5092969550"
    "5050505050565b634e487b7160e01b600052604160045260246000fd5b634e487b7160e01b600052603260045260246000fd5b600082"
    "35605e198336030181126103de57600080fd5b9190910192915050565b6000602082840312156103fa57600080fd5b81356001600160"
    "a01b038116811461041157600080fd5b9392505050565b6000808335601e1984360301811261042f57600080fd5b8301803591506001"
    "600160401b0382111561044957600080fd5b60200191503681900382131561045e57600080fd5b9250929050565b8183823760009101"
    "908152919050565b60006020828403121561048757600080fd5b8135801515811461041157600080fd"
)
"""Runtime code of a contract with Multicall3's `aggregate3`, our own, solc 0.8 with the optimiser."""

SEVEN = "60075f5260205ff3"  # returns 7
REVERTING = "5f5ffd"
ECHOING = "365f5f37365ffd"  # reverts with its calldata
BURNING = "fe"  # takes all the gas it is given
BOMB = "620186a05ff3"  # returns a hundred thousand zeros
REVERT_BOMB = "620186a05ffd"
WRITING = "60015f55" + SEVEN  # changes its storage before it returns 7
REASON = "0x08c379a0" + encode(["string"], ["paused by the guardian"]).hex()
PANIC = "0x4e487b71" + f"{0x11:064x}"


def spec(name: str, contract: str, data: str = "0x26121ff0", returns: tuple[str, ...] = ("uint256",)) -> ProbeSpec:
    return ProbeSpec(name, contract, data, returns)


async def zoo(rpc: Rpc) -> list[ProbeSpec]:
    """Reads of everything that contracts do, good ones last."""
    return [
        spec("burning", await deploy(rpc, BURNING)),
        spec("reverting", await deploy(rpc, REVERTING)),
        spec("saying why", await deploy(rpc, ECHOING), REASON),
        spec("panicking", await deploy(rpc, ECHOING), PANIC),
        spec("without code", address(0xDEAD)),
        spec("bomb", await deploy(rpc, BOMB)),
        spec("revert bomb", await deploy(rpc, REVERT_BOMB)),
        spec("too short", await deploy(rpc, SEVEN), returns=("uint256", "uint256")),
        spec("writing", await deploy(rpc, WRITING)),
        spec("odd calldata", await deploy(rpc, SEVEN), "0x26121ff0aa"),
        spec("no calldata", await deploy(rpc, SEVEN), "0x"),
        spec("seven", await deploy(rpc, SEVEN)),
    ]


async def one_by_one(rpc: Rpc, specs: list[ProbeSpec], at: BlockRef) -> dict[str, ProbeReading]:
    """What plain calls read, one request each."""
    return {s.name: (await read_probes(rpc, [s], at))[s.name] for s in specs}


def gist(readings: dict[str, ProbeReading]) -> dict[str, tuple[tuple[int, ...], bool]]:
    return {name: (reading.values, reading.error is None) for name, reading in readings.items()}


@pytest.mark.anvil
@pytest.mark.parametrize("mode", ["multicall", "deployless", "batch"])
async def test_every_mode_reads_what_plain_calls_read(anvil: Anvil, rpc: Rpc, mode: str) -> None:
    specs = await zoo(rpc)
    if mode == "multicall":
        await rpc.call("anvil_setCode", [MULTICALL3, "0x" + AGGREGATE3])
        await rpc.call("evm_mine")
        specs = specs[1:]  # Multicall3 gives each call all its gas: see the next test
    at = await head(rpc)
    known = {(s.contract, s.data) for s in specs}

    async def plain_only(call: dict[str, str], block: Any) -> Any:
        if (call.get("to"), call["data"]) not in known:
            return Refused(-32000, "contract creation is not allowed")
        try:
            return await rpc.call("eth_call", [call, block])
        except NodeRejected as error:
            return Refused(error.code, error.message)

    methods = {"eth_call": plain_only} if mode == "batch" else {}
    async with fake_node(anvil.http, **methods) as node, Rpc(node.http) as other:
        reader = ProbeReader(other, specs)
        first = await reader.read(at)
        second = await reader.read(at)
    assert reader.mode == mode
    plain = await one_by_one(rpc, specs, at)
    assert gist(first) == gist(second) == gist(plain)
    assert {n for n, (_, good) in gist(first).items() if good} == {
        "bomb", "writing", "odd calldata", "no calldata", "seven"
    }  # fmt: skip
    assert first["seven"].values == first["writing"].values == (7,)
    assert "paused by the guardian" in str(first["saying why"].error)
    assert str(first["without code"].error).startswith("unreadable answer '0x'")
    assert all(reading.block == at for reading in first.values())


@pytest.mark.anvil
async def test_a_contract_that_burns_all_gas_of_multicall_does_not_blind_the_others(rpc: Rpc) -> None:
    specs = await zoo(rpc)
    await rpc.call("anvil_setCode", [MULTICALL3, "0x" + AGGREGATE3])
    await rpc.call("evm_mine")
    at = await head(rpc)
    plain = await one_by_one(rpc, specs, at)
    assert gist(await read_probes(rpc, specs, at)) == gist(plain)
    assert gist(await read_probes(rpc, [specs[0], specs[-1]], at)) == {"burning": ((), False), "seven": ((7,), True)}


@pytest.mark.anvil
async def test_without_multicall_reads_are_one_call_that_deploys_nothing(anvil: Anvil, rpc: Rpc) -> None:
    seven = await deploy(rpc, SEVEN)
    at = await head(rpc)
    async with fake_node(anvil.http) as node, Rpc(node.http) as other:
        reader = ProbeReader(other, [spec(f"p{i}", seven, f"0x{i:08x}") for i in range(50)])
        await reader.read(at)
        node.asked.clear()
        readings = await reader.read(at)
    [(call, block)] = node.asked_for("eth_call")
    assert "to" not in call and block == {"blockHash": at.hash}
    assert {r.values for r in readings.values()} == {(7,)} and len(readings) == 50


@pytest.mark.anvil
async def test_state_is_read_as_it_was_at_the_block(rpc: Rpc) -> None:
    counter = await deploy(rpc, "5f5460010160" + "005560005460005260206000f3")  # counts its calls and returns the count
    befores = [spec(name, counter, data) for name, data in (("a", "0x01"), ("b", "0x02"))]
    at = await head(rpc)
    await send(rpc, to=counter)
    await send(rpc, to=counter)
    later = await head(rpc)
    assert [r.values for r in (await read_probes(rpc, befores, at)).values()] == [(1,), (1,)], "neither sees the other"
    assert [r.values for r in (await read_probes(rpc, befores, later)).values()] == [(3,), (3,)]


@pytest.mark.anvil
@pytest.mark.parametrize("code", [BURNING, REVERTING, WRITING])
async def test_a_read_that_does_not_work_in_company_costs_no_second_round_trip_for_long(
    anvil: Anvil, rpc: Rpc, code: str
) -> None:
    seven, odd = await deploy(rpc, SEVEN), await deploy(rpc, code)
    at = await head(rpc)
    async with fake_node(anvil.http) as node, Rpc(node.http) as other:
        reader = ProbeReader(other, [spec("odd", odd), spec("a", seven, "0x01"), spec("b", seven, "0x02")])
        for asked in (3, 2, 2):  # Multicall3 is looked for only once; the odd one is asked again, then beside the rest
            node.asked.clear()
            readings = await reader.read(at)
            assert len(node.asked_for("eth_call")) == asked
            assert (readings["a"].values, readings["b"].values) == ((7,), (7,))
            assert (readings["odd"].values == (7,)) is (code == WRITING)
        if code != WRITING:
            await rpc.call("anvil_setCode", [odd, "0x" + SEVEN])
            await rpc.call("evm_mine")
            at = await head(rpc)
            for asked in (2, 1):  # it works again, and is back in company
                node.asked.clear()
                assert (await reader.read(at))["odd"].values == (7,)
                assert len(node.asked_for("eth_call")) == asked


@pytest.mark.anvil
async def test_many_probes_are_read_in_a_few_calls_of_bounded_size(anvil: Anvil, rpc: Rpc) -> None:
    seven = await deploy(rpc, SEVEN)
    wide = ("uint256",) * 60  # what they would return is more than code may be long
    specs = [spec(f"p{i}", seven, f"0x{i:08x}") for i in range(450)]
    specs += [spec(f"w{i}", seven, f"0x{i:08x}" + "00" * 600, wide) for i in range(100)]
    at = await head(rpc)
    async with fake_node(anvil.http) as node, Rpc(node.http) as other:
        readings = await ProbeReader(other, specs).read(at)
    sizes = [len(call["data"]) // 2 - 1 for call, _ in node.asked_for("eth_call") if "to" not in call]
    assert len(sizes) > 3 and max(sizes) <= 49_152
    assert all(readings[s.name].values == (7,) for s in specs[:450])
    assert all(readings[s.name].error for s in specs[450:])


class Multicall:
    """A node with Multicall3 whose contracts answer as told, by the public definition of its ABI."""

    def __init__(self, *answers: tuple[bool, bytes]) -> None:
        self.answers = answers
        self.calls: list[list[tuple[str, bool, bytes]]] = []

    def __call__(self, call: dict[str, str], _: Any) -> Any:
        if call.get("to") != MULTICALL3:
            return Refused(3, "execution reverted")
        data = bytes.fromhex(call["data"][2:])
        assert data[:4].hex() == "82ad56cb"
        [calls] = decode(["(address,bool,bytes)[]"], data[4:])
        self.calls.append(calls)
        return "0x" + encode(["(bool,bytes)[]"], [self.answers[: len(calls)]]).hex()


async def test_multicall_is_spoken_as_its_abi_says() -> None:
    node_says = Multicall((True, encode(["uint256"], [5])), (False, bytes.fromhex(REASON[2:])), (True, b""))
    specs = [spec("a", address(1), "0x"), spec("b", address(2), "0x1234"), spec("c", address(3), "0x" + "ab" * 36)]
    async with fake_node(eth_call=node_says) as node, Rpc(node.http) as rpc:
        reader = ProbeReader(rpc, specs)
        readings = await reader.read(AT)
    assert reader.mode == "multicall"
    assert node_says.calls == [
        ((address(1), True, b""), (address(2), True, b"\x12\x34"), (address(3), True, b"\xab" * 36))
    ]
    assert [r.values for r in readings.values()] == [(5,), (), ()]
    assert readings["b"].error == "execution reverted: paused by the guardian"
    assert str(readings["c"].error).startswith("unreadable answer '0x'")
    assert len(node.asked) == 1


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), min_size=2, max_size=8))
def test_any_answer_of_multicall_is_read_as_eth_abi_reads_it(answers: list[tuple[bool, bytes]]) -> None:
    specs = [spec(str(i), address(i)) for i in range(len(answers))]
    read = _of_aggregate3(specs, "0x" + encode(["(bool,bytes)[]"], [answers]).hex())
    said = [(False, (r.data or "0x")) if isinstance(r, NodeRejected) else (True, r) for r in read]
    assert said == [(ok, "0x" + data.hex()) for ok, data in answers]


@given(st.binary(max_size=400) | st.none() | st.integers())
def test_what_is_no_answer_of_ours_is_never_taken_for_one(result: Any) -> None:
    specs = [spec(str(i), address(i)) for i in range(3)]
    result = "0x" + result.hex() if isinstance(result, bytes) else result
    for read in (_of_aggregate3, _of_deployless):
        try:
            answers = read(specs, result)
        except ValueError:
            continue
        assert len(answers) == 3


@pytest.mark.parametrize("nonsense", ["0x", "0x00", "", None, 5, "0x" + "ff" * 64, "0x" + "00" * 320])
async def test_nonsense_in_place_of_the_joint_answer_makes_plain_reads(nonsense: Any) -> None:
    plain = "0x" + f"{5:064x}"
    specs = [declared("f()(uint256)", name=n) for n in "ab"]
    known = {s.data for s in specs}
    says = lambda call, _: plain if call["data"] in known else nonsense  # noqa: E731
    async with fake_node(eth_call=says) as node, Rpc(node.http) as rpc:
        reader = ProbeReader(rpc, specs)
        readings = await reader.read(AT)
        assert reader.mode == "batch"
        node.asked.clear()
        await read_probes(rpc, specs, AT)
    assert [r.values for r in readings.values()] == [(5,), (5,)]
    assert len(node.asked) == 2, "it is remembered for the node, whoever reads"


async def test_a_node_that_says_no_in_http_is_read_plainly() -> None:
    def says(body: Any) -> web.Response:
        if isinstance(body, list):
            return web.json_response([{"jsonrpc": "2.0", "id": c["id"], "result": "0x" + f"{5:064x}"} for c in body])
        return web.Response(status=413, text="too large")

    async with fake_node() as node, Rpc(node.http) as rpc:
        node.raw = says
        readings = await read_probes(rpc, [declared("f()(uint256)", name=n) for n in "ab"], AT)
    assert [r.values for r in readings.values()] == [(5,), (5,)]


async def test_a_block_that_the_node_does_not_have_teaches_nothing_about_the_node() -> None:
    async with fake_node(eth_call=Refused(-32000, "header not found")) as node, Rpc(node.http) as rpc:
        reader = ProbeReader(rpc, [declared("f()(uint256)", name=n) for n in "ab"])
        readings = await reader.read(AT)
        assert {r.error for r in readings.values()} == {"header not found"}
        assert reader.mode is None
        node.methods["eth_call"] = Multicall(*[(True, encode(["uint256"], [5]))] * 2)
        assert [r.values for r in (await reader.read(AT)).values()] == [(5,), (5,)]
        assert reader.mode == "multicall"


# --- After a simulation -----------------------------------------------------------------------------------


@pytest.mark.anvil
async def test_probes_are_read_after_a_simulated_transaction(rpc: Rpc) -> None:
    specs = await zoo(rpc)
    specs = [s for s in specs if s.name not in ("burning", "bomb", "revert bomb")]  # they would take the block's gas
    counter = await deploy(rpc, "5f5460010160" + "00556000546000526020" + "6000f3")
    specs.append(spec("count", counter))
    at = await head(rpc)
    sender = (await rpc.call("eth_accounts"))[0]
    calls = [{"from": sender, "to": counter, "input": "0x"}, *after_requests(specs)]
    [block] = await rpc.call("eth_simulateV1", [{"blockStateCalls": [{"calls": calls}]}, "latest"])
    readings = readings_after(specs, at, block["calls"][1:])
    plain = await one_by_one(rpc, specs, at)
    assert plain["count"].values == (1,)
    assert readings.pop("count").values == (2,), "it sees what was simulated before"
    assert gist(readings) == {n: g for n, g in gist(plain).items() if n != "count"}


def test_what_a_simulation_does_not_answer_is_an_error_and_no_number() -> None:
    word = "0x" + f"{5:064x}"
    specs = [spec(name, address(1)) for name in "abcdefg"]
    readings = readings_after(
        specs,
        AT,
        [
            {"status": "0x1", "returnData": word},
            {"status": "0x0", "returnData": word, "error": {"code": 3, "message": "execution reverted: no"}},
            {"status": "0x0", "returnData": "0x"},
            {"status": "0x1", "returnData": "0x"},
            {"returnData": word},
            None,
        ],
    )
    assert [r.values for r in readings.values()] == [(5,), (), (), (), (), (), ()]
    assert readings["b"].error == "execution reverted: no"
    assert all(r.error for name, r in readings.items() if name != "a")


# --- Recording and replaying ------------------------------------------------------------------------------


async def test_what_was_recorded_reads_as_what_was_live() -> None:
    answers = {"f": "0x" + "f" * 64, "g": Refused(3, "execution reverted")}
    specs = [declared("f()(int256)", name="f"), declared("g()(uint256)", name="g")]
    by_data = {spec.data: answers[spec.name] for spec in specs}
    refused = Refused(-32000, "no such calls here")
    async with fake_node(eth_call=lambda call, _: by_data.get(call["data"], refused)) as node, Rpc(node.http) as rpc:
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
