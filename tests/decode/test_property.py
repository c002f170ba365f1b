"""For every registered event: our decoder and eth-abi read the same, and refuse the same."""

from typing import Any

import msgspec
import pytest
from eth_abi.abi import decode as abi_decode
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwatch.decode import load_registry
from chainwatch.decode.codegen import Malformed, _plain
from chainwatch.types import Log
from tests.decode.making import make_log

KNOWN = load_registry().known


def values_of(type_: str) -> st.SearchStrategy[Any]:
    if type_.startswith("("):
        return st.tuples(*(values_of(t) for t in _split(type_[1:-1])))
    if type_ == "address":
        return st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
    if type_ == "bool":
        return st.booleans()
    if type_ == "bytes":
        return st.binary(max_size=100)
    if type_.startswith("bytes"):
        size = int(type_[5:])
        return st.binary(min_size=size, max_size=size)
    bits = int(type_.removeprefix("u").removeprefix("int"))
    if type_.startswith("u"):
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _split(types: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in types:
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            depth += (character == "(") - (character == ")")
            current += character
    return [*parts, current]


def by_eth_abi(spec, log: Log) -> tuple[Any, ...]:
    """The same arguments by eth-abi; raises whatever it raises."""
    data = iter(abi_decode([p.type for p in spec.params if not p.indexed], bytes.fromhex(log.data[2:])))
    topics = iter(log.topics[1:])
    return tuple(
        _plain(abi_decode([p.type], bytes.fromhex(next(topics)[2:]))[0] if p.indexed else next(data))
        for p in spec.params
    )


@pytest.mark.parametrize("known", KNOWN, ids=[f"{k.spec.protocol}-{k.spec.name}-{k.spec.topic_count}" for k in KNOWN])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_we_read_what_eth_abi_reads(known, data):
    values = [data.draw(values_of(p.type)) for p in known.spec.params]
    log = make_log(known.spec, *values)
    decoded = known.decode(log)
    if all(p.type not in ("bytes", "string") for p in known.spec.params if p.indexed):
        assert decoded == by_eth_abi(known.spec, log)
        assert decoded == tuple(_plain(v) for v in values)


@pytest.mark.parametrize("known", KNOWN, ids=[f"{k.spec.protocol}-{k.spec.name}-{k.spec.topic_count}" for k in KNOWN])
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_we_refuse_what_eth_abi_refuses(known, data):
    """One byte changed anywhere, or the data cut or grown. Ours also refuses data that is too long."""
    values = [data.draw(values_of(p.type)) for p in known.spec.params]
    log = make_log(known.spec, *values)
    parts = [bytearray.fromhex(part[2:]) for part in (*log.topics[1:], log.data)]
    part = data.draw(st.sampled_from([p for p in parts if p] or [parts[-1]]))
    how = data.draw(st.sampled_from(["flip", "cut", "grow"] if part else ["grow"]))
    if how == "flip":
        part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del part[data.draw(st.integers(0, len(part) - 1)) :]
    else:
        part += bytes(data.draw(st.integers(1, 40)))
    *topics, body = ("0x" + p.hex() for p in parts)
    changed = msgspec.structs.replace(log, topics=[log.topics[0], *topics], data=body)
    try:
        ours = known.decode(changed)
    except (Malformed, ValueError):
        ours = None
    try:
        theirs = by_eth_abi(known.spec, changed)
    except Exception:
        theirs = None
    if ours is None and how == "grow":
        return
    if theirs is None and any(len(t) != 66 for t in changed.topics[1:]):
        assert ours is None
    else:
        assert ours == theirs
