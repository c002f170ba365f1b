"""Probes: the named on-chain reads of a profile, read together at one block's hash.

A read that fails is a reading with an error, never a number: what depends on it must not decide.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sha3
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import ABITypeError, DecodingError, EncodingError, ParseError
from eth_abi.grammar import normalize, parse

from chainwatch.chain.rpc import Rpc
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


async def read_probes(rpc: Rpc, specs: Sequence[ProbeSpec], block: BlockRef) -> dict[str, ProbeReading]:
    """All `specs` at the hash of `block`, in one round trip. Never raises: failures are readings with an error."""
    if not specs:
        return {}
    at = {"blockHash": block.hash}
    calls = [("eth_call", [{"to": spec.contract, "data": spec.data}, at]) for spec in specs]
    try:
        results = await rpc.batch(calls)
    except NodeError as error:
        return {spec.name: _failed(spec, block, error.problem) for spec in specs}
    return {spec.name: _reading(spec, block, result) for spec, result in zip(specs, results, strict=True)}


async def call_probes(rpc: Rpc, specs: Sequence[ProbeSpec], block: BlockRef) -> list[tuple[ProbeSpec, HexData | None]]:
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
