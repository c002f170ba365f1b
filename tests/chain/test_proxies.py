"""What code a proxy runs: OpenZeppelin's own proxies, and the others' code and slots as their standards say."""

import pytest

from chainwatch.chain.proxies import Proxies
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.types import BlockRef
from tests.builders import address
from tests.chain.contracts import NOTHING, artefact_of_openzeppelin, deploy, returning, send

IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
HERE = address(0xB1)


async def head(rpc: Rpc) -> BlockRef:
    await rpc.call("evm_mine")
    return (await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)).ref()


async def runs(rpc: Rpc, proxy: str) -> tuple[str, tuple[str, ...]]:
    found = (await Proxies(rpc).at([proxy], await head(rpc)))[proxy]
    return found.kind, found.runs


async def create(rpc: Rpc, code: str) -> str:
    receipt = await send(rpc, data=code)
    assert receipt["status"] == "0x1"
    return str(receipt["contractAddress"])


def word(address: str) -> str:
    return address[2:].rjust(64, "0")


async def test_a_contract_of_its_own_runs_itself(rpc: Rpc) -> None:
    own = await deploy(rpc, NOTHING)
    assert await runs(rpc, own) == ("none", (own,))
    assert await runs(rpc, HERE) == ("no_code", ())


async def test_openzeppelins_proxy_and_its_upgrade(rpc: Rpc) -> None:
    first, second = await deploy(rpc, NOTHING), await deploy(rpc, NOTHING)
    call = f"{64:064x}{1:064x}{'11'.ljust(64, '0')}"  # what it is set up with must not be empty
    proxy = await create(rpc, artefact_of_openzeppelin("ERC1967Proxy", word(first), call))
    proxies, before = Proxies(rpc), await head(rpc)
    assert (await proxies.at([proxy], before))[proxy].runs == (first,)
    await rpc.call("evm_mine")  # Anvil writes into the state of the newest block
    await rpc.call("anvil_setStorageAt", [proxy, IMPLEMENTATION_SLOT, "0x" + word(second)])
    after = await head(rpc)
    assert (await proxies.at([proxy], after))[proxy].runs == (second,)
    assert (await proxies.at([proxy], before))[proxy].runs == (first,)  # at that block


async def test_a_beacons_upgrade_is_that_of_all_its_proxies(rpc: Rpc) -> None:
    first, second = await deploy(rpc, NOTHING), await deploy(rpc, NOTHING)
    owner = (await rpc.call("eth_accounts"))[0]
    beacon = await create(rpc, artefact_of_openzeppelin("UpgradeableBeacon", word(first), word(owner)))
    proxy = await create(rpc, artefact_of_openzeppelin("BeaconProxy", word(beacon), f"{64:064x}{0:064x}"))
    proxies = Proxies(rpc)
    found = (await proxies.at([proxy], await head(rpc)))[proxy]
    assert (found.kind, found.runs, found.by) == ("eip1967_beacon", (first,), beacon)
    receipt = await send(rpc, to=beacon, data="0x3659cfe6" + word(second))  # upgradeTo(address)
    assert receipt["status"] == "0x1"
    assert (await proxies.at([proxy], await head(rpc)))[proxy].runs == (second,)


@pytest.mark.parametrize(
    ("slot", "kind"),
    [
        ("0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3", "zos"),
        ("0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7", "eip1822"),
    ],
)
async def test_older_proxies_are_known_by_their_slot(rpc: Rpc, slot: str, kind: str) -> None:
    await rpc.call("anvil_setCode", [HERE, "0x" + NOTHING])
    await rpc.call("anvil_setStorageAt", [HERE, slot, "0x" + word(address(0xB2))])
    assert await runs(rpc, HERE) == (kind, (address(0xB2),))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"363d3d373d3d3d363d73{address(0xB2)[2:]}5af43d82803e903d91602b57fd5bf3", ("eip1167", (address(0xB2),))),
        (f"363d3d373d3d3d363d73{address(0xB2)[2:]}5af43d82803e903d91602b57fd5bf3{'11' * 40}",
         ("eip1167", (address(0xB2),))),  # with immutable arguments
        (f"363d3d373d3d3d363d6f{'cd' * 16}5af43d82803e903d91602b57fd5bf3", ("eip1167", ("0x" + "cd".rjust(10, "0") +
         "cd" * 15,))),  # a vanity address, shortened
        (f"ef0100{address(0xB2)[2:]}", ("eip7702", (address(0xB2),))),
    ],
)  # fmt: skip
async def test_code_that_only_forwards_names_its_target(
    rpc: Rpc, code: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    await rpc.call("anvil_setCode", [HERE, "0x" + code])
    assert await runs(rpc, HERE) == expected


async def test_a_safe_is_a_small_forwarder_with_its_singleton_first(rpc: Rpc) -> None:
    await rpc.call("anvil_setStorageAt", [HERE, "0x" + "00" * 32, "0x" + word(address(0xB2))])
    await rpc.call("anvil_setCode", [HERE, "0x" + NOTHING])
    assert (await runs(rpc, HERE))[0] == "none"  # any contract may keep an address first
    await rpc.call("anvil_setCode", [HERE, "0x" + NOTHING + "63a619486e"])
    assert await runs(rpc, HERE) == ("safe", (address(0xB2),))


async def test_a_diamond_runs_its_facets(rpc: Rpc) -> None:
    facets = [address(0xB2), address(0xB3)]
    answer = f"{32:064x}{2:064x}" + "".join(map(word, facets))
    await rpc.call("anvil_setCode", [HERE, "0x" + returning(answer)])
    assert await runs(rpc, HERE) == ("eip2535", tuple(facets))


async def test_what_is_no_list_of_facets_makes_no_diamond(rpc: Rpc) -> None:
    for answer in ("", "ff" * 32, f"{32:064x}{2**255:064x}{1:064x}", f"{32:064x}{1:064x}{2**200:064x}"):
        await rpc.call("anvil_setCode", [HERE, "0x" + returning(answer)])
        assert await runs(rpc, HERE) == ("none", (HERE,))
