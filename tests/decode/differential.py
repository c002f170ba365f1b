"""Our decoders against eth-abi over every registered event: what both read, and what both refuse.

    python -m tests.decode.differential [--logs 1000000] [--seed 1] [--json]

Each log is generated for one event, in turn, from values at the edges of their types and in between; every third one is
damaged: a byte changed, the data cut or grown. Prints how many logs, how many of them damaged and refused, and the
disagreements, of which there must be none.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode
from eth_abi.grammar import ABIType, TupleType, parse

from chainwatch.decode import Registry, load_registry
from chainwatch.decode.codegen import is_word, plain
from chainwatch.decode.registry import BROKEN, Known
from chainwatch.types import Log
from tests.decode.making import make_log

_SHOWN = 20


def every(registry: Registry) -> list[Known]:
    """Every event of every protocol, also those that another protocol's speak for in the whole registry."""
    found: list[Known] = []
    for protocol in registry.protocols:
        own = registry.of(protocol)
        found += (*own.known, *own.anonymous)
    return found


def random_value(type_: ABIType, rng: random.Random, depth: int = 0) -> Any:
    """A value of `type_`, at an edge of it every third time."""
    if type_.arrlist:
        size = type_.arrlist[-1]
        count = size[0] if size else rng.choice((0, 1, 2, 5)) if depth < 2 else 1
        return [random_value(type_.item_type, rng, depth + 1) for _ in range(count)]
    if isinstance(type_, TupleType):
        return tuple(random_value(c, rng, depth + 1) for c in type_.components)
    base, sub = type_.base, type_.sub
    if base == "address":
        return f"0x{rng.choice((0, 2**160 - 1, rng.getrandbits(160))):040x}"
    if base == "bool":
        return rng.random() < 0.5
    if base == "bytes":
        size = int(sub) if sub else rng.choice((0, 1, 31, 32, 33, 100))
        return rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    if base == "string":
        return "".join(rng.choice("aZ0 é€😀\x00") for _ in range(rng.choice((0, 1, 31, 40))))
    bits = int(sub)
    if base == "uint":
        return rng.choice((0, 1, 2**bits - 1, rng.getrandbits(bits), rng.getrandbits(bits) >> rng.randrange(bits)))
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return rng.choice((0, -1, low, high, rng.randint(low, high), rng.randint(low, high) >> rng.randrange(bits)))


def random_log(known: Known, rng: random.Random) -> Log:
    """A sound log of the event."""
    return make_log(known.spec, *(random_value(parse(p.type), rng) for p in known.spec.params))


def damaged(log: Log, rng: random.Random, *, anonymous: bool = False) -> tuple[Log, str]:
    """The log with one byte changed, or its data cut or grown, and which of these."""
    keep = [] if anonymous else log.topics[:1]
    parts = [bytearray.fromhex(part[2:]) for part in (*log.topics[len(keep) :], log.data)]
    part = rng.choice([p for p in parts if p] or parts[-1:])
    how = rng.choice(("flip", "cut", "grow")) if part else "grow"
    if how == "flip":
        part[rng.randrange(len(part))] ^= rng.randint(1, 255)
    elif how == "cut":
        del part[rng.randrange(len(part)) :]
    else:
        part += bytes(rng.randint(1, 40))
    *topics, data = ("0x" + bytes(p).hex() for p in parts)
    return msgspec.structs.replace(log, topics=[*keep, *topics], data=data), how


def data_length(known: Known) -> int:
    """How long the data of a sound log is, in characters; without bound where a type is dynamic."""
    types = [parse(p.type) for p in known.spec.params if not p.indexed]
    if any(t.is_dynamic for t in types):
        return 1 << 62
    return 2 + 2 * sum(len(encode([t.to_type_str()], [_zero(t)])) for t in types)


def _zero(type_: ABIType) -> Any:
    if type_.arrlist:
        return [_zero(type_.item_type)] * type_.arrlist[-1][0]
    if isinstance(type_, TupleType):
        return tuple(map(_zero, type_.components))
    match type_.base:
        case "address":
            return "0x" + "00" * 20
        case "bytes":
            return bytes(int(type_.sub))
        case "bool":
            return False
    return 0


def by_us(known: Known, log: Log) -> tuple[Any, ...] | None:
    """The arguments, or None where our decoder refuses the log."""
    try:
        return known.decode(log)
    except BROKEN:
        return None


def by_eth_abi(known: Known, log: Log) -> tuple[Any, ...] | None:
    """The same by eth-abi. Of an indexed value that is no word only its hash is there."""
    params = known.spec.params
    try:
        text = log.data[2:]
        if any(parse(p.type).is_dynamic for p in params if not p.indexed):
            text += "0" * (-len(text) % 64)  # as compilers before Solidity 0.5 leave out, and we put back
        data = iter(abi_decode([p.type for p in params if not p.indexed], bytes.fromhex(text)))
        topics = iter(log.topics if known.spec.anonymous else log.topics[1:])
        return tuple((_topic(p.type, next(topics)) if p.indexed else plain(next(data))) for p in params)
    except Exception:  # it raises many kinds; whichever, it refuses
        return None


def _topic(type_: str, topic: str) -> Any:
    word = bytes.fromhex(topic[2:])
    if not is_word(type_):
        return "0x" + word.hex()
    return plain(abi_decode([type_], word)[0])


def agree(known: Known, log: Log, how: str | None) -> bool:
    """Whether both read the same, or both refuse. We also refuse what eth-abi lets pass: data that is too long, and
    topics that are not 32 bytes."""
    ours, theirs = by_us(known, log), by_eth_abi(known, log)
    if ours == theirs:
        return True
    topics_are_words = all(len(t) == 66 for t in log.topics)
    return ours is None and how is not None and (how == "grow" or not topics_are_words)


def compare(logs: int, seed: int) -> dict[str, Any]:
    """Run, and say what came out."""
    rng, known = random.Random(seed), every(load_registry())
    disagreements: list[str] = []
    refused = harmed = dynamic = 0
    started = time.perf_counter()
    for n in range(logs):
        one = known[n % len(known)]
        log, how = random_log(one, rng), None
        dynamic += any(parse(p.type).is_dynamic for p in one.spec.params if not p.indexed)
        if n % 3 == 2:
            log, how = damaged(log, rng, anonymous=one.spec.anonymous)
            harmed += 1
            refused += by_us(one, log) is None
        if not agree(one, log, how):
            disagreements.append(f"{one.spec.protocol} {one.spec.signature} {how}: {log}")
    return {
        "logs": logs, "events": len(known), "with_dynamic_types": dynamic, "damaged": harmed, "refused": refused,
        "disagreements": len(disagreements), "first": disagreements[:_SHOWN],
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    given = parser.parse_args(arguments)
    result = compare(given.logs, given.seed)
    if not given.json:
        print(f"{result['logs']:,} logs over {result['events']:,} events: {result['disagreements']} disagreements")
    print(json.dumps(result))
    return 1 if result["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main())
