"""Other chains: what their transactions are called, what is known of them, and what they charge for L1 data."""

from typing import Any

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from chainwatch.chain.l2 import (
    CHAINS,
    UNKNOWN,
    Family,
    alias,
    facts_of,
    is_sequencer_feed_down,
    kind_of,
    l1_data_fee,
    unalias,
)
from chainwatch.chain.rpc import Rpc
from chainwatch.errors import BadInput, NodeError
from tests.builders import address
from tests.chain.nodes import Refused, fake_node

ADDRESSES = st.integers(0, 2**160 - 1).map(address)
RAW = bytes.fromhex("02f86b") + bytes(range(104))


@pytest.mark.parametrize(
    ("tx_type", "chain_id", "name"),
    [
        (0x0, 1, "legacy"),
        (0x3, 1, "blob (EIP-4844)"),
        (0x4, 8_453, "set code (EIP-7702)"),
        (0x7E, 10, "deposit from L1"),
        (0x7E, 534_352, "message from L1"),
        (0x7E, 42_220, "deposit from L1"),
        (0x7B, 42_220, "fee paid in a token (CIP-64)"),
        (0x7B, 10, "type 0x7b"),
        (0x64, 42_161, "deposit from L1"),
        (0x69, 42_161, "submission of a retryable ticket"),
        (0x6A, 42_161, "internal (ArbOS)"),
        (0x71, 324, "account abstraction (EIP-712)"),
        (0xFF, 324, "priority operation from L1"),
        (0x7F, 137, "state sync (PIP-74)"),
        (0x2, 324, "dynamic fee (EIP-1559)"),
        (0x99, 1, "type 0x99"),
        (0x64, 1, "type 0x64"),
    ],
)
def test_a_type_is_named_as_its_chain_names_it(tx_type: int, chain_id: int, name: str) -> None:
    assert kind_of(tx_type, chain_id) == name


@given(st.integers(0, 255), st.sampled_from([*CHAINS, 999_999_999]))
def test_every_type_has_a_name_on_every_chain(tx_type: int, chain_id: int) -> None:
    assert kind_of(tx_type, chain_id)


def test_facts_are_complete_and_in_our_form() -> None:
    for facts in CHAINS.values():
        assert facts.block_time_seconds > 0 and facts.finality_depth > 0
        feed = facts.sequencer_uptime_feed
        assert feed is None or (len(feed) == 42 and feed == feed.lower() and int(feed, 16) and facts.private_sequencer)
    assert facts_of(8_453).family == "op" and facts_of(8_453).private_sequencer
    assert not facts_of(137).private_sequencer
    assert facts_of(31_337) is UNKNOWN and UNKNOWN.family == "l1"


def test_the_alias_is_the_one_of_the_specification() -> None:
    # L1CrossDomainMessenger of OP Mainnet, and the sender that its deposits have there
    assert alias("0x25ace71c97b33cc4729cf772ae268934f7ab5fa1") == "0x36bde71c97b33cc4729cf772ae268934f7ab70b2"
    assert alias("0xffffffffffffffffffffffffffffffffffffffff") == "0x1111000000000000000000000000000000001110"


@given(ADDRESSES)
def test_an_alias_and_back_is_the_address(given_address: str) -> None:
    assert unalias(alias(given_address)) == given_address == alias(unalias(given_address))


@pytest.mark.parametrize("text", ["", "0x", "0x12", "alice", "0x" + "g" * 40, "-0x" + "1" * 39, address(1) + "0"])
def test_what_is_no_address_has_no_alias(text: str) -> None:
    with pytest.raises(BadInput, match="not an address"):
        alias(text)


# --- Fees for L1 data -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "oracle"),
    [("op", "0x420000000000000000000000000000000000000f"), ("scroll", "0x5300000000000000000000000000000000000002")],
)
async def test_the_fee_oracle_is_asked_with_the_whole_transaction(family: Family, oracle: str) -> None:
    async with fake_node(eth_call="0x" + encode(["uint256"], [123_456]).hex()) as node, Rpc(node.http) as rpc:
        assert await l1_data_fee(rpc, family, RAW) == 123_456
    [(call, block)] = node.asked_for("eth_call")
    assert (call["to"], call["data"][:10], block) == (oracle, "0x49948e0e", "latest")  # getL1Fee(bytes)
    assert decode(["bytes"], bytes.fromhex(call["data"][10:])) == (RAW,)


async def test_arbitrum_charges_gas_for_l1_at_the_base_fee() -> None:
    answer = "0x" + encode(["uint64", "uint256", "uint256"], [2_000, 10**7, 3 * 10**9]).hex()
    async with fake_node(eth_call=answer) as node, Rpc(node.http) as rpc:
        assert await l1_data_fee(rpc, "arbitrum", RAW) == 2_000 * 10**7
    [(call, _)] = node.asked_for("eth_call")
    assert (call["to"], call["data"][:10]) == (address(0xC8), "0x77d488a2")
    assert decode(["address", "bool", "bytes"], bytes.fromhex(call["data"][10:])) == (address(0), False, RAW)


@pytest.mark.parametrize("family", ["l1", "zksync", "polygon", "other"])
async def test_other_families_are_not_asked_and_charge_nothing(family: Family) -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        assert await l1_data_fee(rpc, family, RAW) == 0


@pytest.mark.parametrize("answer", ["0x", "0x12", None, 5, "0xzz", [], Refused(3, "execution reverted")])
@pytest.mark.parametrize("family", ["op", "arbitrum", "scroll"])
async def test_a_fee_that_cannot_be_read_is_an_error_and_never_zero(family: Family, answer: Any) -> None:
    async with fake_node(eth_call=answer) as node, Rpc(node.http) as rpc:
        with pytest.raises(NodeError, match="fee for L1 data could not be read") as error:
            await l1_data_fee(rpc, family, RAW)
    assert "chain.id" in error.value.mend


async def test_a_node_that_is_away_is_an_error() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(NodeError, match="could not be reached"):
            await l1_data_fee(rpc, "op", RAW)


# --- Sequencers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "started_at", "down"),
    [
        (0, 1_000, False),
        (0, 6_400, False),  # up for exactly the grace
        (0, 6_401, True),  # up, but not for long enough
        (1, 1_000, True),
        (2, 1_000, True),  # nothing that the feed says
        (0, 0, True),  # no round yet
        (0, 10_001, True),  # from the future
    ],
)
def test_prices_are_trusted_only_when_the_sequencer_was_up_for_the_grace(
    answer: int, started_at: int, down: bool
) -> None:
    assert is_sequencer_feed_down(answer, started_at, now=10_000, grace=3_600) is down
