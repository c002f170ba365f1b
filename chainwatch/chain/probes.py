"""Probes: the named on-chain reads of a profile, read together at one block's hash, in one `eth_call`.

A read that fails is a reading with an error, never a number: what depends on it must not decide. The one call goes
to Multicall3 where that is deployed, else it is init code of ours that makes the calls and is never deployed, else
the reads are a JSON-RPC batch. Which of these a node takes is found out by the first read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from weakref import WeakKeyDictionary

import msgspec
import sha3
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import ABITypeError, DecodingError, EncodingError, ParseError
from eth_abi.grammar import normalize, parse

from chainwatch.chain.rpc import Caller
from chainwatch.config.models import OracleConfig, ProbeConfig, Profile
from chainwatch.errors import BadConfig, NodeError, NodeRejected
from chainwatch.types import Address, BlockRef, HexData, ProbeReading

GET_RESERVES = "getReserves()(uint112,uint112,uint32)"  # Uniswap v2 pair
LATEST_ROUND_DATA = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"  # Chainlink AggregatorV3


class ProbeSpec(msgspec.Struct, frozen=True):
    """One read: whom to call with what, and the types that come back."""

    name: str
    contract: Address
    data: HexData
    returns: tuple[str, ...]


def pool_probe(oracle: OracleConfig) -> str:
    """The name of the probe that reads the pool of `oracle`."""
    return f"oracle.{oracle.name}.pool"


def feed_probe(oracle: OracleConfig) -> str:
    """The name of the probe that reads the feed of `oracle`."""
    return f"oracle.{oracle.name}.feed"


def specs_of(profile: Profile) -> tuple[ProbeSpec, ...]:
    """The Probes that `profile` declares, those of its oracles first.

    Raises BadConfig for arguments that do not fit a probe's signature.
    """
    specs: list[ProbeSpec] = []
    for oracle in profile.oracles:
        if oracle.pool is not None:
            specs.append(_spec(pool_probe(oracle), oracle.pool.address, GET_RESERVES))
        if oracle.feed is not None:
            specs.append(_spec(feed_probe(oracle), oracle.feed.address, LATEST_ROUND_DATA))
    return (*specs, *(_declared(probe) for probe in profile.probes))


def _declared(probe: ProbeConfig) -> ProbeSpec:
    try:
        return _spec(probe.name, probe.contract, probe.call, probe.args)
    except (EncodingError, ParseError, ABITypeError, ValueError, TypeError) as error:
        raise BadConfig(
            f"Probe {probe.name!r}: {probe.call} with arguments {list(probe.args)} cannot be used ({error}).",
            "Write the call as name(argument types)(result types), results that are numbers, and one string for "
            "each argument.",
        ) from error


def _spec(name: str, contract: Address, call: str, args: Sequence[str] = ()) -> ProbeSpec:
    function, _, rest = call.removesuffix(")").partition("(")
    types, returns = (_types(text) for text in rest.split(")("))
    if len(types) != len(args):
        raise ValueError(f"{len(types)} argument types but {len(args)} arguments")
    for type_ in returns:
        if not re.fullmatch(r"u?int\d+|bool|address|bytes\d+", type_):
            raise ValueError(f"the result {type_} is not a number")
    values = [_value(type_, text) for type_, text in zip(types, args, strict=True)]
    selector = sha3.keccak_256(f"{function}({','.join(types)})".encode()).digest()[:4]
    return ProbeSpec(name, contract, "0x" + (selector + abi_encode(types, values)).hex(), returns)


def _types(text: str) -> tuple[str, ...]:
    """The types in their canonical form, of which a selector is made: `uint` is `uint256`, without spaces."""
    types: tuple[str, ...] = tuple(
        normalize(part.strip())  # type: ignore[no-untyped-call]
        for part in text.split(",")
        if part.strip()
    )
    for type_ in types:
        parse(type_).validate()
    return types


def _value(type_: str, text: str) -> Any:
    if type_.startswith(("uint", "int")):
        return int(text, 0)
    if type_ == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() == "true"
    if type_.startswith("bytes"):
        value = bytes.fromhex(text.removeprefix("0x"))
        if type_ != "bytes" and len(value) != int(type_.removeprefix("bytes")):
            raise ValueError(f"{text!r} has {len(value)} bytes")  # eth_abi would pad it to another value
        return value
    return text


# --- Reading ----------------------------------------------------------------------------------------------

Mode = Literal["multicall", "deployless", "batch"]
"""How several reads are made one request."""

_MODES: tuple[Mode, ...] = ("multicall", "deployless", "batch")


class _Node:
    """What was found out about a node: the best mode that worked, and the reads that do not work in company.

    A read in `alone` is asked on its own, beside the others in the same round trip: for good (True) where it works
    only so, else (False) until it works again.
    """

    def __init__(self) -> None:
        self.mode: Mode | None = None
        self.alone: dict[tuple[Address, HexData], bool] = {}


_nodes: WeakKeyDictionary[Caller, _Node] = WeakKeyDictionary()


class ProbeReader:
    """Reads the same Probes block after block."""

    def __init__(self, rpc: Caller, specs: Sequence[ProbeSpec]) -> None:
        self._rpc = rpc
        self._specs = tuple(specs)
        self._node = _nodes.setdefault(rpc, _Node())

    @property
    def mode(self) -> Mode | None:
        """How this node is asked; None before the first read of several Probes that came through."""
        return self._node.mode

    async def read(self, block: BlockRef) -> dict[str, ProbeReading]:
        """All Probes at the hash of `block`. Never raises: failures are readings with an error.

        One `eth_call` as a rule. A read that failed without saying why is asked again on its own, as it may have
        been starved of gas by another or may need to be called directly.
        """
        if not self._specs:
            return {}
        try:
            answers = await self._answers({"blockHash": block.hash})
        except NodeError as error:
            return {spec.name: _failed(spec, block, error.problem) for spec in self._specs}
        return {s.name: _reading(s, block, answer) for s, answer in zip(self._specs, answers, strict=True)}

    async def _answers(self, at: Mapping[str, Any]) -> list[Any]:
        answers: list[Any] | None
        node = self._node
        if len(self._specs) == 1:
            return await self._each(self._specs, at)
        # A mode that has worked stays: what it is refused may be one block's, or a rate limit's.
        refused = True
        for mode in _MODES[_MODES.index(node.mode or "multicall") : -1]:
            try:
                answers = await self._together(mode, at)
            except NodeError:
                if node.mode is not None:
                    raise
                refused = False  # it may be away, or be one that says no in HTTP: only a plain read can tell
                break
            if answers is not None:
                node.mode = node.mode or mode
                return answers
        answers = await self._each(self._specs, at)
        if refused and not all(isinstance(answer, NodeRejected) for answer in answers):
            node.mode = node.mode or "batch"
        return answers

    async def _each(self, specs: Sequence[ProbeSpec], at: Mapping[str, Any]) -> list[Any]:
        return await self._round_trip([_plain(spec) for spec in specs], at)

    async def _round_trip(self, calls: Sequence[Mapping[str, str]], at: Mapping[str, Any]) -> list[Any]:
        """What each of `calls` returned, or the NodeRejected it was refused with."""
        if len(calls) > 1:
            return await self._rpc.batch([("eth_call", [call, at]) for call in calls])
        try:
            return [await self._rpc.call("eth_call", [calls[0], at])]
        except NodeRejected as error:
            return [error]

    async def _together(self, mode: Mode, at: Mapping[str, Any]) -> list[Any] | None:
        """What each spec returned, in order, as `_each` gives it; None where `mode` does not work here."""
        alone = [spec for spec in self._specs if _key(spec) in self._node.alone]
        company = [spec for spec in self._specs if _key(spec) not in self._node.alone]
        chunks = _chunks(company, mode)
        if not chunks:
            return None
        encode, decode = (_aggregate3, _of_aggregate3) if mode == "multicall" else (_deployless, _of_deployless)
        results = await self._round_trip([*map(encode, chunks), *map(_plain, alone)], at)
        found: dict[tuple[Address, HexData], Any] = {}
        try:
            for chunk, result in zip(chunks, results, strict=False):
                found |= zip(map(_key, chunk), decode(chunk, result), strict=True)
        except ValueError:
            return None
        silent = [s for s in company if isinstance(found[_key(s)], NodeRejected) and not found[_key(s)].data]
        for spec, result in zip(alone, results[len(chunks) :], strict=True):
            found[_key(spec)] = result
            if not isinstance(result, NodeRejected) and not self._node.alone[_key(spec)]:
                del self._node.alone[_key(spec)]
        if silent:
            try:
                again = await self._each(silent, at)
            except NodeError:
                again = []
            for spec, result in zip(silent, again, strict=False):
                found[_key(spec)] = result
                self._node.alone[_key(spec)] = not isinstance(result, NodeRejected)
        return [found[_key(spec)] for spec in self._specs]


async def read_probes(rpc: Caller, specs: Sequence[ProbeSpec], block: BlockRef) -> dict[str, ProbeReading]:
    """All `specs` at the hash of `block`, as `ProbeReader` reads them. Never raises."""
    return await ProbeReader(rpc, specs).read(block)


def after_requests(specs: Sequence[ProbeSpec]) -> list[dict[str, str]]:
    """The calls to append to those of an `eth_simulateV1` block so that `specs` are read after them."""
    return [{"to": spec.contract, "input": spec.data} for spec in specs]


def readings_after(specs: Sequence[ProbeSpec], block: BlockRef, answers: Sequence[Any]) -> dict[str, ProbeReading]:
    """The readings of `specs` from the results of their `after_requests`, in order. Never raises.

    `answers` are the last elements of the simulated block's `calls`: `status`, `returnData`, and `error` where one
    failed. A spec without an answer has a reading with an error.
    """
    readings: dict[str, ProbeReading] = {}
    for index, spec in enumerate(specs):
        answer = answers[index] if index < len(answers) else None
        if not isinstance(answer, Mapping):
            readings[spec.name] = _failed(spec, block, "the simulation has no answer to this read")
            continue
        data = answer.get("returnData")
        if answer.get("status") != "0x1":
            error = answer.get("error")
            message = error.get("message") if isinstance(error, Mapping) else None
            readings[spec.name] = _failed(spec, block, str(message or "execution reverted"))
        else:
            readings[spec.name] = _reading(spec, block, data)
    return readings


async def call_probes(
    rpc: Caller, specs: Sequence[ProbeSpec], block: BlockRef
) -> list[tuple[ProbeSpec, HexData | None]]:
    """The raw answers of `specs` at the hash of `block`, None where a read failed; for Recordings."""
    at = {"blockHash": block.hash}
    results = await rpc.batch([("eth_call", [{"to": spec.contract, "data": spec.data}, at]) for spec in specs])
    return [(spec, r if isinstance(r, str) else None) for spec, r in zip(specs, results, strict=True)]


def recorded_probes(
    specs: Sequence[ProbeSpec], block: BlockRef, answers: Mapping[tuple[Address, HexData], HexData | None]
) -> dict[str, ProbeReading]:
    """The readings of `specs` from recorded answers by (contract, calldata); what was not recorded has no reading."""
    found = [(spec, answers[key]) for spec in specs if (key := (spec.contract, spec.data)) in answers]
    return {spec.name: _reading(spec, block, answer) for spec, answer in found}


def _plain(spec: ProbeSpec) -> dict[str, str]:
    return {"to": spec.contract, "data": spec.data}


def _key(spec: ProbeSpec) -> tuple[Address, HexData]:
    return spec.contract, spec.data


def _reading(spec: ProbeSpec, block: BlockRef, result: Any) -> ProbeReading:
    if isinstance(result, NodeRejected):
        return _failed(spec, block, result.message)
    try:
        if not isinstance(result, str):
            raise TypeError("not hex data")
        values = abi_decode(spec.returns, bytes.fromhex(result[2:]))
    except (DecodingError, ValueError, TypeError) as error:
        return _failed(spec, block, f"unreadable answer {str(result)[:80]!r} ({error})")
    return ProbeReading(name=spec.name, block=block, values=tuple(_number(v) for v in values))


def _number(value: Any) -> int:
    if isinstance(value, bool | int):
        return int(value)
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value, 16)


def _failed(spec: ProbeSpec, block: BlockRef, why: str) -> ProbeReading:
    return ProbeReading(name=spec.name, block=block, values=(), error=why)


# --- Several calls in one ---------------------------------------------------------------------------------

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"  # multicall3.com: the same address on most chains

_MOST_CALLS = 200
_MOST_INIT_CODE = 49_152  # bytes, EIP-3860
_MOST_RETURNED = 24_000  # bytes; what init code returns is code to the EVM: 24,576 (EIP-170)
_LEAST_RETURN = 100  # bytes: Error(string) with a reason of up to 32 characters

_AGGREGATE3 = bytes.fromhex("82ad56cb")  # aggregate3((address target, bool allowFailure, bytes callData)[])
_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)


def _chunks(specs: Sequence[ProbeSpec], mode: Mode) -> list[list[ProbeSpec]]:
    """`specs` in as many calls as the limits of `mode` ask for."""
    chunks: list[list[ProbeSpec]] = []
    code = returned = 0
    for spec in specs:
        own_code, own_return = 24 + len(_bytes(spec)), 3 + _cap(spec)
        over = mode == "deployless" and (
            code + own_code > _MOST_INIT_CODE - len(_PROGRAM) or returned + own_return > _MOST_RETURNED
        )
        if not chunks or over or len(chunks[-1]) == _MOST_CALLS:
            chunks.append([])
            code = returned = 0
        chunks[-1].append(spec)
        code, returned = code + own_code, returned + own_return
    return chunks


def _bytes(spec: ProbeSpec) -> bytes:
    return bytes.fromhex(spec.data[2:])


def _cap(spec: ProbeSpec) -> int:
    """How many bytes of its return data matter: every result is one word."""
    return max(32 * len(spec.returns), _LEAST_RETURN)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _aggregate3(specs: Sequence[ProbeSpec]) -> dict[str, str]:
    """The call of Multicall3 that makes the calls of `specs`, any of which may fail."""
    offsets, elements = [], []
    offset = 32 * len(specs)
    for spec in specs:
        data = _bytes(spec)
        padded = data + bytes(-len(data) % 32)
        element = _word(int(spec.contract, 16)) + _word(True) + _word(0x60) + _word(len(data)) + padded
        offsets.append(_word(offset))
        elements.append(element)
        offset += len(element)
    call = _AGGREGATE3 + _word(0x20) + _word(len(specs)) + b"".join(offsets) + b"".join(elements)
    return {"to": MULTICALL3, "data": "0x" + call.hex()}


def _of_aggregate3(specs: Sequence[ProbeSpec], result: Any) -> list[HexData | NodeRejected]:
    """What each call returned: `(bool success, bytes returnData)[]`. Raises ValueError where it is not that."""
    data = _returned(result)
    start = 32 + 32  # of the array's elements; what offsets count from
    if _at(data, 0) != 32 or _at(data, 32) != len(specs):
        raise ValueError("not the answer of Multicall3")
    answers = []
    for index in range(len(specs)):
        element = start + _at(data, start + 32 * index)
        succeeded, body = _at(data, element), element + _at(data, element + 32)
        size = _at(data, body)
        if succeeded > 1 or body + 32 + size > len(data):
            raise ValueError("not the answer of Multicall3")
        answers.append(_answer(succeeded == 1, data[body + 32 : body + 32 + size]))
    return answers


def _at(data: bytes, offset: int) -> int:
    if offset + 32 > len(data):
        raise ValueError("the answer is cut short")
    return int.from_bytes(data[offset : offset + 32], "big")


def _returned(result: Any) -> bytes:
    if not isinstance(result, str) or not result.startswith("0x"):
        raise ValueError("not hex data")  # a NodeRejected, too: the node does not take such a call
    return bytes.fromhex(result[2:])


def _answer(succeeded: bool, data: bytes) -> HexData | NodeRejected:
    """As a node answers the call on its own."""
    if succeeded:
        return "0x" + data.hex()
    return NodeRejected("eth_call", 3, _reverted(data), "0x" + data.hex() if data else None)


def _reverted(data: bytes) -> str:
    if data.startswith(_PANIC) and len(data) >= 36:
        return f"execution reverted: panic {int.from_bytes(data[4:36], 'big'):#x}"
    if data.startswith(_ERROR) and len(data) > 68:
        reason = data[68 : 68 + int.from_bytes(data[36:68], "big")]  # it may be cut short
        return f"execution reverted: {reason.decode(errors='replace')}"
    return "execution reverted"


# Init code that is never deployed: `eth_call` without `to` runs it and returns what it would have deployed. After it
# follow the calls, each 20 bytes of address, 2 of how much to return at most, 2 of the calldata's length, calldata.
# It returns for each 1 byte of success, 2 of length, data. Each call gets an eighth of the gas that is left, so that
# one that burns all it gets does not starve the rest, and may change nothing (STATICCALL), so that none lies for
# another. Instructions of Constantinople only: not every chain has PUSH0. The stack is shown with its top at the right.
_PROGRAM = bytes.fromhex(
    "607080380390"  # 00 PUSH1 length of this program, DUP1 CODESIZE SUB SWAP1     size program
    "8190600039"  # 06 DUP2 SWAP1 PUSH1 0 CODECOPY                                end: the calls are in memory from 0
    "806000"  # 0b DUP1 PUSH1 0                                                   end out in: results go after the calls
    "5b"  # 0e JUMPDEST loop                                                      end out in
    "82811015606957"  # 0f DUP3 DUP2 LT ISZERO PUSH1 done JUMPI                   end out in
    "8051"  # 16 DUP1 MLOAD                                                       … in word: address cap length, more
    "8060401c61ffff16"  # 18 DUP1 PUSH1 64 SHR PUSH2 ffff AND                     … word length
    "6000600082"  # 20 PUSH1 0 PUSH1 0 DUP3                                       … word length 0 0 length
    "85601801"  # 25 DUP6 PUSH1 24 ADD                                            … word length 0 0 length in+24
    "8560601c"  # 29 DUP6 PUSH1 96 SHR                                            … length 0 0 length in+24 address
    "5a60031cfa"  # 2d GAS PUSH1 3 SHR STATICCALL                                 … word length ok
    "8260501c61ffff16"  # 32 DUP3 PUSH1 80 SHR PUSH2 ffff AND                     … word length ok cap
    "3d818110"  # 3a RETURNDATASIZE DUP2 DUP2 LT                                  … length ok cap size size<cap
    "82821802905018"  # 3e DUP3 DUP3 XOR MUL SWAP1 POP XOR                        … word length ok n: the lesser
    "9060f81b8160e81b17"  # 45 SWAP1 PUSH1 248 SHL DUP2 PUSH1 232 SHL OR          … word length n head: ok, n in 3 bytes
    "8552"  # 4e DUP6 MSTORE                                                      … word length n
    "806000866003013e"  # 50 DUP1 PUSH1 0 DUP7 PUSH1 3 ADD RETURNDATACOPY         end out in word length n
    "6003019384019350"  # 58 PUSH1 3 ADD SWAP4 DUP5 ADD SWAP4 POP                 end out+3+n in word length
    "601801905001"  # 60 PUSH1 24 ADD SWAP1 POP ADD                               end out in+24+length
    "600e56"  # 66 PUSH1 loop JUMP
    "5b50"  # 69 JUMPDEST done, POP                                               end out
    "81900390f3"  # 6b DUP2 SWAP1 SUB SWAP1 RETURN
)


def _deployless(specs: Sequence[ProbeSpec]) -> dict[str, str]:
    """The call that runs init code which makes the calls of `specs`, any of which may fail."""
    calls = []
    for spec in specs:
        data = _bytes(spec)
        head = bytes.fromhex(spec.contract[2:]) + _cap(spec).to_bytes(2, "big") + len(data).to_bytes(2, "big")
        calls.append(head + data)
    return {"data": "0x" + (_PROGRAM + b"".join(calls)).hex()}


def _of_deployless(specs: Sequence[ProbeSpec], result: Any) -> list[HexData | NodeRejected]:
    """What each call returned. Raises ValueError where it is not what the init code returns."""
    data = _returned(result)
    answers = []
    at = 0
    for spec in specs:
        succeeded, size = data[at : at + 1], int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3 + size
        if succeeded not in (b"\0", b"\1") or size > _cap(spec) or at > len(data):
            raise ValueError("not the answer of the init code")
        answers.append(_answer(succeeded == b"\1", data[at - size : at]))
    if at != len(data):
        raise ValueError("not the answer of the init code")
    return answers


# --- Prices -----------------------------------------------------------------------------------------------


class PriceBook:
    """What tokens are worth, as far as profiles say: fixed prices, and feeds read by Probes."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._fixed: dict[Address, float] = {}
        self._fed: list[tuple[Address, str, int]] = []
        for profile in profiles:
            feeds = {oracle.name: oracle.feed for oracle in profile.oracles}
            for token in profile.tokens:
                feed = feeds.get(token.oracle or "")
                if token.price_usd is not None:
                    self._fixed[token.address] = token.price_usd / 10**token.decimals
                elif feed is not None:
                    name = f"oracle.{token.oracle}.feed"
                    self._fed.append((token.address, name, feed.decimals + token.decimals))

    def at(self, readings: Mapping[str, ProbeReading]) -> dict[Address, float]:
        """Dollars for one base unit of each token whose price is known at `readings`."""
        prices = dict(self._fixed)
        for token, probe, scale in self._fed:
            reading = readings.get(probe)
            if reading is not None and reading.values and reading.values[1] > 0:
                prices[token] = reading.values[1] / 10**scale
        return prices
