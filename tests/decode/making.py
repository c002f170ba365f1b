"""Logs and call trees for the tests of decoding, encoded by eth-abi, which is the oracle of these tests."""

from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from chainwatch.decode import Decoder, Registry
from chainwatch.decode.abi import EventSpec
from chainwatch.types import CallFrame, Event, Log
from tests.builders import address, execution

A, B, C, D = (address(n) for n in (0xA, 0xB, 0xC, 0xD))
HERE = "0x" + "cc" * 20
ROLE = "0x" + "ab" * 32
POOL_ID = "0x" + "0d" * 20 + "00" * 12


def said(registry: Registry, protocol: str, name: str, *values: Any) -> list[Event]:
    """What `protocol`'s event `name` says where HERE is known to be one of its contracts."""
    own = registry.of(protocol)
    own.bind(HERE, protocol)
    known = (*own.known, *own.anonymous)
    spec = next(k.spec for k in known if k.spec.name == name and len(k.spec.params) == len(values))
    found = Decoder(own).facts(execution(logs=[make_log(spec, *values, log_index=7)]))
    assert not found.malformed
    return list(found.events)


def expected(kind: type[Event], protocol: str, **fields: Any) -> Event:
    return kind(order=0, log_index=7, address=HERE, protocol=protocol, **fields)


def make_log(spec: EventSpec, *values: Any, address: str = "0x" + "cc" * 20, log_index: int = 0) -> Log:
    """The log that a contract writes for `spec` with `values` in ABI order."""
    assert len(values) == len(spec.params)
    pairs = list(zip(spec.params, values, strict=True))
    topics = [] if spec.anonymous else [spec.topic0]
    for param, value in pairs:
        if param.indexed:
            word = encode([param.type], [value])
            topics.append("0x" + (word if len(word) == 32 else keccak(word)).hex())
    data = encode([p.type for p, _ in pairs if not p.indexed], [v for p, v in pairs if not p.indexed])
    return Log(address=address, topics=topics, data="0x" + data.hex(), log_index=hex(log_index))


def call(signature: str, *values: Any, sender: str, to: str, **fields: Any) -> CallFrame:
    """A frame that calls `signature` (its argument types without spaces) at `to`."""
    types = signature[signature.index("(") + 1 : -1]
    data = encode([t for t in types.split(",") if t], values).hex()
    given = {"type": "CALL", "from_": sender, "to": to, "input": "0x" + keccak(text=signature)[:4].hex() + data}
    return CallFrame(**(given | fields))
