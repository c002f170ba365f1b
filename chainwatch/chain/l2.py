"""What is different on other chains: transaction types by name, facts by chain, L1 aliases, L1 fees, sequencers.

The facts are those the chains publish about themselves; each table names its source. A chain that is not in the
table is taken for an L1 with a public mempool, the assumption that promises least about finality.
"""

import re
from typing import Literal, cast

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError

from chainwatch.chain.rpc import Caller
from chainwatch.errors import BadInput, NodeError
from chainwatch.types import Address

Family = Literal["l1", "op", "arbitrum", "zksync", "polygon", "scroll", "other"]
"""Chains that share their transaction types, their system contracts and how they charge for L1 data."""


class L2(msgspec.Struct, frozen=True, kw_only=True):
    """What to know of one chain before watching it.

    `private_sequencer`: pending transactions are seen by the sequencer alone, there is no mempool to watch.
    `preconfirmations` names what its nodes offer before a block, None where nothing. `sequencer_uptime_feed` is
    Chainlink's, None where it publishes none. `finality_depth` is how many blocks behind the head count as final
    where the node has no `finalized` tag; on a rollup that is the usual time until its batch is final on L1.
    """

    name: str
    family: Family
    block_time_seconds: float
    finality_depth: int
    private_sequencer: bool = False
    preconfirmations: str | None = None
    sequencer_uptime_feed: Address | None = None


UNKNOWN = L2(name="an unknown chain", family="l1", block_time_seconds=12.0, finality_depth=96)

_FLASHBLOCKS = "Flashblocks"
_FEED = "the sequencer's feed"


def _op(
    name: str, *, seconds: float = 2.0, depth: int = 900, preconfirmations: str | None = None, feed: str | None = None
) -> L2:
    return L2(
        name=name, family="op", block_time_seconds=seconds, finality_depth=depth, private_sequencer=True,
        preconfirmations=preconfirmations, sequencer_uptime_feed=feed,
    )  # fmt: skip


def _arbitrum(name: str, *, feed: str | None = None) -> L2:
    return L2(
        name=name, family="arbitrum", block_time_seconds=0.25, finality_depth=7_200, private_sequencer=True,
        preconfirmations=_FEED, sequencer_uptime_feed=feed,
    )  # fmt: skip


# Uptime feeds: https://docs.chain.link/data-feeds/l2-sequencer-feeds. Depths of rollups: half an hour, which is
# two epochs of L1 (13 minutes) after a batch that is posted every few minutes. The same address on two chains (X Layer
# and Scroll, Mantle and Soneium) is what Chainlink publishes.
CHAINS: dict[int, L2] = {
    1: L2(name="Ethereum", family="l1", block_time_seconds=12.0, finality_depth=96),
    11_155_111: L2(name="Sepolia", family="l1", block_time_seconds=12.0, finality_depth=96),
    17_000: L2(name="Holesky", family="l1", block_time_seconds=12.0, finality_depth=96),
    560_048: L2(name="Hoodi", family="l1", block_time_seconds=12.0, finality_depth=96),
    56: L2(name="BNB Smart Chain", family="l1", block_time_seconds=0.75, finality_depth=15),
    100: L2(name="Gnosis", family="l1", block_time_seconds=5.0, finality_depth=48),
    43_114: L2(name="Avalanche C-Chain", family="l1", block_time_seconds=2.0, finality_depth=1),
    137: L2(name="Polygon PoS", family="polygon", block_time_seconds=2.0, finality_depth=256),
    80_002: L2(name="Polygon Amoy", family="polygon", block_time_seconds=2.0, finality_depth=256),
    10: _op("OP Mainnet", preconfirmations=_FLASHBLOCKS, feed="0x371ead81c9102c9bf4874a9075ffff170f2ee389"),
    8_453: _op("Base", preconfirmations=_FLASHBLOCKS, feed="0xbcf85224fc0756b9fa45aa7892530b47e10b6433"),
    84_532: _op("Base Sepolia", preconfirmations=_FLASHBLOCKS),
    11_155_420: _op("OP Sepolia"),
    130: _op("Unichain", seconds=1.0, depth=1_800, preconfirmations=_FLASHBLOCKS),
    480: _op("World Chain"),
    7_777_777: _op("Zora"),
    34_443: _op("Mode"),
    81_457: _op("Blast"),
    1_868: _op("Soneium", feed="0xade1b9abb98c6a542e4b49db2588a3ec4bf7cdf0"),
    57_073: _op("Ink", seconds=1.0, depth=1_800),
    5_000: _op("Mantle", feed="0xade1b9abb98c6a542e4b49db2588a3ec4bf7cdf0"),
    196: _op("X Layer", seconds=1.0, depth=1_800, feed="0x45c2b8c204568a03dc7a2e32b71d67fe97f908a9"),
    42_220: _op("Celo", seconds=1.0, depth=1_800, feed="0x4cd491dc27c8b0bbd10d516a502856b786939d18"),
    11_142_220: _op("Celo Sepolia", seconds=1.0, depth=1_800),
    42_161: _arbitrum("Arbitrum One", feed="0xfdb631f5ee196f0ed6faa767959853a9f217697d"),
    42_170: _arbitrum("Arbitrum Nova"),
    421_614: _arbitrum("Arbitrum Sepolia"),
    324: L2(
        name="ZKsync Era", family="zksync", block_time_seconds=1.0, finality_depth=10_800, private_sequencer=True,
        sequencer_uptime_feed="0x0e6ac8b967393dcd3d36677c126976157f993940",
    ),
    300: L2(
        name="ZKsync Sepolia", family="zksync", block_time_seconds=1.0, finality_depth=10_800, private_sequencer=True,
    ),
    534_352: L2(
        name="Scroll", family="scroll", block_time_seconds=3.0, finality_depth=1_200, private_sequencer=True,
        sequencer_uptime_feed="0x45c2b8c204568a03dc7a2e32b71d67fe97f908a9",
    ),
    59_144: L2(
        name="Linea", family="other", block_time_seconds=2.0, finality_depth=5_400, private_sequencer=True,
    ),
    1_088: L2(
        name="Metis Andromeda", family="other", block_time_seconds=4.0, finality_depth=900, private_sequencer=True,
        sequencer_uptime_feed="0x58218ea7422255ebe94e56b504035a784b7aa204",
    ),
}  # fmt: skip
"""Facts by chain id."""


def facts_of(chain_id: int) -> L2:
    """The facts of `chain_id`, those of `UNKNOWN` where it is not in the table."""
    return CHAINS.get(chain_id, UNKNOWN)


# --- Transaction types ------------------------------------------------------------------------------------

_EVERYWHERE = {
    0x0: "legacy",
    0x1: "access list (EIP-2930)",
    0x2: "dynamic fee (EIP-1559)",
    0x3: "blob (EIP-4844)",
    0x4: "set code (EIP-7702)",
}
_OF_FAMILY: dict[Family, dict[int, str]] = {
    "op": {0x7E: "deposit from L1"},  # specs.optimism.io/protocol/deposits.html
    "arbitrum": {  # OffchainLabs/go-ethereum, core/types/transaction.go
        0x64: "deposit from L1",
        0x65: "unsigned, from L1",
        0x66: "contract call from L1",
        0x68: "retry of a retryable ticket",
        0x69: "submission of a retryable ticket",
        0x6A: "internal (ArbOS)",
        0x78: "legacy (before Nitro)",
    },
    "zksync": {  # docs.zksync.io, transaction lifecycle
        0x71: "account abstraction (EIP-712)",
        0xFE: "upgrade of the protocol",
        0xFF: "priority operation from L1",
    },
    "polygon": {0x7F: "state sync (PIP-74)"},
    "scroll": {0x7E: "message from L1"},
}
_CELO = (42_220, 11_142_220, 44_787, 62_320)
_OF_CELO = {  # docs.celo.org/specs/transaction-types; what the L2 no longer takes is in blocks before it
    0x7A: "fee in CELO, paid in a token (CIP-66)",
    0x7B: "fee paid in a token (CIP-64)",
    0x7C: "fee paid in a token (CIP-42)",
    0x7D: "of Celo, withdrawn",
}


def kind_of(tx_type: int, chain_id: int) -> str:
    """The name of transaction type `tx_type` on `chain_id`, for people."""
    if chain_id in _CELO and tx_type in _OF_CELO:
        return _OF_CELO[tx_type]
    own = _OF_FAMILY.get(facts_of(chain_id).family, {})
    return own.get(tx_type) or _EVERYWHERE.get(tx_type) or f"type {tx_type:#x}"


# --- Aliases ----------------------------------------------------------------------------------------------

_ALIAS_OFFSET = 0x1111000000000000000000000000000000001111  # AddressAliasHelper of Arbitrum, taken over by OP Stack
_ADDRESSES = 1 << 160


def alias(address: Address) -> Address:
    """The sender that an L1 contract at `address` has on an L2 (OP Stack, Arbitrum, ZKsync)."""
    return _shifted(address, _ALIAS_OFFSET)


def unalias(address: Address) -> Address:
    """The L1 contract whose alias on an L2 is `address`."""
    return _shifted(address, -_ALIAS_OFFSET)


def sent_from_l1(tx_type: int, chain_id: int, sender: Address) -> tuple[str, Address] | None:
    """The kind of a transaction that came from L1, and the L1 contract it came from if a contract sent it (an
    account of a person has no alias and is the same on both). None for transactions of the chain's own."""
    kind = kind_of(tx_type, chain_id)
    return (kind, unalias(sender)) if "from L1" in kind else None


def _shifted(address: Address, by: int) -> Address:
    if not re.fullmatch("0x[0-9a-fA-F]{40}", address):
        raise BadInput(f"{address!r} is not an address.", "Give 20 bytes as 0x and 40 hex digits.")
    return f"0x{(int(address, 16) + by) % _ADDRESSES:040x}"


# --- What L1 data costs -----------------------------------------------------------------------------------

_FEE_ORACLES: dict[Family, Address] = {
    "op": "0x420000000000000000000000000000000000000f",  # GasPriceOracle, specs.optimism.io/protocol/predeploys.html
    "scroll": "0x5300000000000000000000000000000000000002",  # L1GasPriceOracle, docs.scroll.io
}
_NODE_INTERFACE = "0x00000000000000000000000000000000000000c8"  # of Arbitrum; virtual, only eth_call sees it
_GET_L1_FEE = bytes.fromhex("49948e0e")  # getL1Fee(bytes)
_GAS_ESTIMATE_L1_COMPONENT = bytes.fromhex("77d488a2")  # gasEstimateL1Component(address,bool,bytes)


async def l1_data_fee(rpc: Caller, family: Family, raw_tx: bytes) -> int:
    """What the chain charges for the L1 data of `raw_tx` (signed and serialised) on top of its gas, in wei.

    On Arbitrum this is the part of the gas that pays for L1, at the current base fee: it is within the gas that
    `eth_estimateGas` says, and not added to it. 0 for families without such a fee.

    Raises NodeError where the node does not say.
    """
    if family == "arbitrum":
        # The whole transaction as its calldata: signature and fields make it dearer by some hundred bytes at most.
        data = _GAS_ESTIMATE_L1_COMPONENT + abi_encode(["address", "bool", "bytes"], ["0x" + "00" * 20, False, raw_tx])
        gas, base_fee, _ = await _ask(rpc, _NODE_INTERFACE, data, ("uint64", "uint256", "uint256"))
        return gas * base_fee
    oracle = _FEE_ORACLES.get(family)
    if oracle is None:
        return 0
    [fee] = await _ask(rpc, oracle, _GET_L1_FEE + abi_encode(["bytes"], [raw_tx]), ("uint256",))
    return fee


async def _ask(rpc: Caller, contract: Address, data: bytes, returns: tuple[str, ...]) -> tuple[int, ...]:
    mend = f"Check that the chain is what chain.id says: the fee for L1 data is asked of {contract}."
    try:
        answer = await rpc.call("eth_call", [{"to": contract, "data": "0x" + data.hex()}, "latest"])
    except NodeError as error:
        raise NodeError(f"The fee for L1 data could not be read: {error.problem}", mend) from error
    try:
        if not isinstance(answer, str):
            raise TypeError("not hex data")
        return cast(tuple[int, ...], abi_decode(returns, bytes.fromhex(answer.removeprefix("0x"))))
    except (DecodingError, ValueError, TypeError) as error:
        problem = f"The fee for L1 data could not be read: {contract} answered {str(answer)[:80]!r} ({error})."
        raise NodeError(problem, mend) from error


# --- Sequencers -------------------------------------------------------------------------------------------


def is_sequencer_feed_down(answer: int, started_at: int, now: int, grace: int) -> bool:
    """Whether prices on an L2 must not be trusted yet, from the latest round of its Chainlink uptime feed.

    `answer` is 0 while the sequencer is up; `started_at` and `now` are seconds since the epoch, `started_at` the
    time of the last change (0: the feed has no round yet). For `grace` seconds after it came back it counts as down.
    """
    return answer != 0 or started_at == 0 or now - started_at < grace
