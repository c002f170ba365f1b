"""Our decoders and eth-abi read the same, and refuse the same: every registered event a few times, and whatever
hypothesis thinks of for some of them."""

import random
from typing import Any

import msgspec
import pytest
from eth_abi.grammar import ABIType, TupleType, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwatch.decode import load_registry
from tests.decode.differential import agree, by_us, damaged, every, random_log
from tests.decode.making import make_log

KNOWN = every(load_registry())


@pytest.mark.parametrize("part", range(4))
def test_every_event_is_read_as_eth_abi_reads_it(part: int) -> None:
    rng = random.Random(part)
    for known in KNOWN[part::4]:
        for _ in range(4):
            log = random_log(known, rng)
            assert agree(known, log, None), (known.spec.signature, log)
            assert by_us(known, log) is not None


@pytest.mark.parametrize("part", range(4))
def test_every_event_is_refused_where_eth_abi_refuses_it(part: int) -> None:
    rng = random.Random(part)
    for known in KNOWN[part::4]:
        for _ in range(4):
            log, how = damaged(random_log(known, rng), rng, anonymous=known.spec.anonymous)
            assert agree(known, log, how), (known.spec.signature, log)


def values_of(type_: ABIType) -> st.SearchStrategy[Any]:
    if type_.arrlist:
        size = type_.arrlist[-1]
        item = values_of(type_.item_type)
        return st.lists(item, min_size=size[0], max_size=size[0]) if size else st.lists(item, max_size=4)
    if isinstance(type_, TupleType):
        return st.tuples(*map(values_of, type_.components))
    match type_.base:
        case "address":
            return st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
        case "bool":
            return st.booleans()
        case "bytes":
            size = int(type_.sub) if type_.sub else None
            return st.binary(min_size=size or 0, max_size=size or 100)
        case "string":
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
        case "uint":
            return st.integers(0, 2**type_.sub - 1)
    return st.integers(-(2 ** (type_.sub - 1)), 2 ** (type_.sub - 1) - 1)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_what_hypothesis_thinks_of_is_read_alike(data: st.DataObject) -> None:
    known = data.draw(st.sampled_from(KNOWN))
    log = make_log(known.spec, *(data.draw(values_of(parse(p.type))) for p in known.spec.params))
    assert agree(known, log, None)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_what_hypothesis_damages_is_refused_alike(data: st.DataObject) -> None:
    known = data.draw(st.sampled_from(KNOWN))
    log = make_log(known.spec, *(data.draw(values_of(parse(p.type))) for p in known.spec.params))
    at = data.draw(st.integers(2, max(2, len(log.data) - 1)))
    digit = data.draw(st.sampled_from("0123456789abcdef"))
    how = data.draw(st.sampled_from(["flip", "cut", "grow"]))
    text = {"flip": log.data[:at] + digit + log.data[at + 1 :], "cut": log.data[:at], "grow": log.data + digit * 2}
    assert agree(known, msgspec.structs.replace(log, data=text[how]), how)
