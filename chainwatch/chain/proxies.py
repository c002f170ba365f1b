"""What code a proxy runs at a block.

Known forms: EIP-1967 (implementation and beacon slots), EIP-1822, the slot of older OpenZeppelin (zos) proxies,
EIP-1167 minimal proxies, EIP-2535 diamonds, Safe proxies, and accounts that delegate by EIP-7702. Nothing is
remembered: each answer is of its block, so that no upgrade and no reorganisation can make it wrong.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec
import sha3

from chainwatch.chain.rpc import Caller
from chainwatch.errors import NodeRejected
from chainwatch.types import ZERO_ADDRESS, Address, BlockRef, Hash, HexData

ProxyKind = Literal[
    "none", "eip1967", "eip1967_beacon", "eip1822", "zos", "eip1167", "eip2535", "safe", "eip7702", "no_code"
]

_SLOTS: tuple[tuple[ProxyKind, str], ...] = (
    ("eip1967", "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
    ("eip1967_beacon", "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
    # keccak256("org.zeppelinos.proxy.implementation"): OpenZeppelin before EIP-1967
    ("zos", "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
    ("eip1822", "0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),  # keccak256("PROXIABLE")
)
_SINGLETON_SLOT = "0x" + "00" * 32  # a Safe proxy keeps its singleton first
_IMPLEMENTATION = "0x5c60da1b"  # implementation() of a beacon
_FACET_ADDRESSES = "0x52ef6b2c"  # facetAddresses() of EIP-2535

# EIP-1167, with an address of 20 bytes or shortened ("vanity") ones, and whatever arguments are appended after it.
_MINIMAL = re.compile(r"0x363d3d373d3d3d363d(?:6[0-9a-f]|7[0-3])([0-9a-f]{2,40}?)5af43d82803e903d91602b57fd5bf3")
_DELEGATED = re.compile(r"0xef0100([0-9a-f]{40})")  # EIP-7702
_SAFE_PROXY_CODE = 512  # bytes: a Safe proxy only forwards; and it answers masterCopy() itself
_MASTER_COPY = "a619486e"
_MOST_FACETS = 256
_REVERTED = 3  # geth's code
_MADE_IN_VAIN = ("revert", "invalid opcode", "out of gas", "stack", "jump", "evm error")  # in several nodes' words


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """What `address` runs at `block`: itself (`none`), or the code at `runs` (one address, a diamond's facets).

    `by` is the beacon that says so, for beacon proxies. `code` are the hashes of the code at `runs`, in order.
    """

    address: Address
    kind: ProxyKind
    runs: tuple[Address, ...]
    block: BlockRef
    by: Address | None = None
    code: tuple[Hash, ...] = ()


_Ask = Callable[[Sequence[tuple[str, Sequence[Any]]]], Awaitable[list[Any]]]


class Proxies:
    """Asks one chain."""

    def __init__(self, caller: Caller, ask: _Ask | None = None) -> None:
        """`ask` answers a batch of calls, for example by agreement of several providers; else `caller` does."""
        self._ask = ask or caller.batch

    async def at(self, addresses: Iterable[Address], block: BlockRef) -> dict[Address, Implementation]:
        """What each of `addresses` (lower case) runs at `block`, in at most three round trips.

        An address of which the node refuses to tell anything that matters is left out: half an answer would make a
        proxy look like a plain contract. Raises NodeError where the node does not answer.
        """
        wanted = list(dict.fromkeys(addresses))
        if not wanted:
            return {}
        at = at_block(block)
        calls: list[tuple[str, Sequence[Any]]] = []
        for address in wanted:
            calls.append(("eth_getCode", [address, at]))
            calls += [("eth_getStorageAt", [address, slot, at]) for _, slot in _SLOTS]
            calls.append(("eth_getStorageAt", [address, _SINGLETON_SLOT, at]))
            calls.append(("eth_call", [{"to": address, "data": _FACET_ADDRESSES}, at]))
        answers = await self._ask(calls)
        step = len(_SLOTS) + 3
        found: dict[Address, Implementation] = {}
        for n, address in enumerate(wanted):
            code, *slots, singleton, facets = answers[n * step : (n + 1) * step]
            told = all(isinstance(a, str) for a in (*slots, singleton)) and not _is_refused(facets)
            if told and isinstance(code, str):
                found[address] = _read(address, code.lower(), slots, singleton, facets, block)
        await self._ask_beacons(found, at)
        await self._ask_code(found, at)
        return {a: found[a] for a in wanted if a in found}

    async def _ask_beacons(self, found: dict[Address, Implementation], at: Any) -> None:
        beacons = [i for i in found.values() if i.kind == "eip1967_beacon"]
        if not beacons:
            return
        told = await self._ask([("eth_call", [{"to": i.by, "data": _IMPLEMENTATION}, at]) for i in beacons])
        for implementation, answer in zip(beacons, told, strict=True):
            behind = _address(answer)
            if behind is None:
                del found[implementation.address]
            else:
                found[implementation.address] = msgspec.structs.replace(implementation, runs=(behind,))

    async def _ask_code(self, found: dict[Address, Implementation], at: Any) -> None:
        running = list(dict.fromkeys(a for i in found.values() for a in i.runs))
        if not running:
            return
        told = dict(zip(running, await self._ask([("eth_getCode", [a, at]) for a in running]), strict=True))
        for address, implementation in list(found.items()):
            codes = [told[a] for a in implementation.runs]
            if all(isinstance(code, str) for code in codes):
                hashes = tuple(_hash(code) for code in codes)
                found[address] = msgspec.structs.replace(implementation, code=hashes)
            else:
                del found[address]


def _is_refused(answer: Any) -> bool:
    """Whether a call was not made, rather than made in vain."""
    if not isinstance(answer, NodeRejected):
        return False
    return answer.code != _REVERTED and not any(word in answer.message.lower() for word in _MADE_IN_VAIN)


def _hash(code: HexData) -> Hash:
    digest: str = sha3.keccak_256(bytes.fromhex(code[2:])).hexdigest()
    return "0x" + digest


def _read(
    address: Address, code: HexData, slots: list[Any], singleton: Any, facets: Any, block: BlockRef
) -> Implementation:
    def made(kind: ProxyKind, *runs: Address, by: Address | None = None) -> Implementation:
        return Implementation(address=address, kind=kind, runs=runs, block=block, by=by)

    if code == "0x":
        return made("no_code")
    if match := _DELEGATED.fullmatch(code):
        return made("eip7702", "0x" + match[1])
    if match := _MINIMAL.match(code):
        return made("eip1167", "0x" + match[1].rjust(40, "0"))
    for (kind, _), answer in zip(_SLOTS, slots, strict=True):
        if (behind := _address(answer)) is not None:
            return made(kind, by=behind) if kind == "eip1967_beacon" else made(kind, behind)
    small = len(code) <= 2 + 2 * _SAFE_PROXY_CODE
    if small and _MASTER_COPY in code and (behind := _address(singleton)) is not None:
        return made("safe", behind)
    if listed := _addresses(facets):
        return made("eip2535", *listed)
    return made("none", address)


def _address(answer: Any) -> Address | None:
    """The address in a word, None where there is none in it."""
    if not isinstance(answer, str) or not re.fullmatch(r"0x0{24}[0-9a-fA-F]{40}", answer):
        return None
    address = "0x" + answer[26:].lower()
    return None if address == ZERO_ADDRESS else address


def _addresses(answer: Any) -> list[Address]:
    """An ABI-encoded `address[]`; empty for everything else."""
    if not isinstance(answer, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{64})+", answer):
        return []
    words = [answer[i : i + 64] for i in range(2, len(answer), 64)]
    if len(words) < 3 or int(words[0], 16) != 32:
        return []
    count = int(words[1], 16)
    if not 0 < count <= _MOST_FACETS or count != len(words) - 2:
        return []
    listed = [_address("0x" + word) for word in words[2:]]
    return [] if None in listed else [a for a in listed if a is not None]


def at_block(block: BlockRef) -> Any:
    """`block` as a parameter of a call: by its hash where it is known (EIP-1898)."""
    if block.hash is not None:
        return {"blockHash": block.hash}
    return "latest" if block.number is None else hex(block.number)
