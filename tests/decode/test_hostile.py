"""What somebody writes to hide, to mislead or to break the decoder."""

import json
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from eth_abi.abi import encode

from chainwatch.decode import Decoder, load_registry
from chainwatch.decode.balances import ledger
from chainwatch.decode.explain import explain
from chainwatch.errors import BadInput
from chainwatch.types import ZERO_ADDRESS, Event, Log, Transfer
from tests.builders import address, execution, transaction
from tests.decode.making import make_log
from tests.decode.test_trees import frame, root

DAI, BOT, OTHER, VICTIM = (address(n) for n in (0xD1, 0xA1, 0xA2, 0xB1))


NESTED = '{"type":"tuple","components":[' * 3_000 + "]}" * 3_000


def word(number: int) -> str:
    return f"{number:064x}"


def test_many_pointers_to_one_blob_are_a_bomb_and_no_value(registry) -> None:
    """`bytes[]` whose items all point at the same 20,000 bytes: 64 kB that would unfold to ten megabytes."""
    spec = next(k.spec for k in registry.known if k.spec.name == "ProposalCreated" and "bytes[]" in k.spec.signature)
    count, blob = 500, 20_000
    items = word(count) + word(32 * count) * count + word(blob) + "11" * blob
    heads, tails = "", ""
    for param in (p for p in spec.params if not p.indexed):
        if param.type == "bytes[]":
            tail = items
        elif param.type.endswith("[]") or param.type == "string":
            tail = word(0)
        else:
            heads += word(1)
            continue
        offset = 32 * sum(not p.indexed for p in spec.params) + len(tails) // 2
        heads, tails = heads + word(offset), tails + tail
    sound = make_log(spec, *(_zero(p.type) for p in spec.params))
    log = Log(address=sound.address, topics=sound.topics, data="0x" + heads + tails)
    tracemalloc.start()
    facts = Decoder(registry).facts(execution(logs=[log]))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(facts.malformed) == 1
    assert most < 5_000_000


def _zero(type_: str) -> object:
    if type_.endswith("[]"):
        return []
    return {"string": "", "bytes": b"", "address": ZERO_ADDRESS}.get(type_, 0)


def test_a_loan_sent_to_and_fro_does_not_hide_what_was_taken() -> None:
    events: list[Event] = []

    def move(sender: str, recipient: str, amount: int) -> None:
        events.append(
            Transfer(order=len(events), address=DAI, protocol="erc20", token=DAI, sender=sender, recipient=recipient,
                     amount=amount)
        )  # fmt: skip

    for _ in range(110):
        move(BOT, OTHER, 500_000_000 * 10**18)
        move(OTHER, BOT, 500_000_000 * 10**18)
        move(BOT, BOT, 10**40)
    move(VICTIM, BOT, 200_000 * 10**18)
    assert ledger(events).net({BOT, OTHER}) == {DAI: 200_000 * 10**18}
    assert ledger(events).net({VICTIM}) == {DAI: -200_000 * 10**18}


def test_money_sent_through_a_victim_again_and_again_makes_no_route_of_it() -> None:
    steps = [(BOT, VICTIM, 10**24), (VICTIM, OTHER, 10**24), (OTHER, BOT, 10**24)] * 200 + [(VICTIM, BOT, 10**22)]
    events = [
        Transfer(order=n, address=DAI, protocol="erc20", token=DAI, sender=sender, recipient=recipient, amount=amount)
        for n, (sender, recipient, amount) in enumerate(steps)
    ]
    assert not ledger(events).passes_on(VICTIM)
    assert ledger(events).passes_on(OTHER)


def test_what_is_no_number_is_explained_all_the_same(registry) -> None:
    log = make_log(next(k.spec for k in registry.known if k.spec.signature == "Paused(address)"), BOT)
    bad = Log(address=log.address, topics=log.topics, data=log.data, log_index="0xzz")
    told = explain(execution(logs=[bad], transaction=transaction(value="0xzz")), registry)
    assert (told.value, told.logs[0].log_index) == (0, -1)


@pytest.mark.parametrize("name", ["Transfer", "LogMessagePublished", "TransferBatch"])
def test_topics_of_other_lengths_shift_no_value(registry, name: str) -> None:
    """31 and 33 bytes are 64 together; white space in the data makes room for a topic that is too long."""
    spec = next(k.spec for k in registry.known if k.spec.name == name)
    log = make_log(spec, *(_zero(p.type) for p in spec.params))
    head, *topics = log.topics
    odd = [[head, *topics[:-1], topics[-1] + "00"]]
    if len(topics) > 1:
        odd.append([head, topics[0][:-2], *topics[1:-1], topics[-1] + "00"])
    spaced = msgspec.structs.replace(log, topics=odd[0], data=log.data[:-2] + "  ")
    for wrong in (*(msgspec.structs.replace(log, topics=t) for t in odd), spaced):
        (malformed,) = Decoder(registry).facts(execution(logs=[wrong])).malformed
        assert malformed.reason == "a topic is not 32 bytes"


def test_why_data_is_refused_is_said_as_it_is(registry) -> None:
    spec = next(k.spec for k in registry.known if k.spec.name == "Transfer")
    log = make_log(spec, BOT, OTHER, 5)
    reasons = {
        "zz" + log.data[2:]: "data is not 0x hex",
        log.data + "0": "32.5 bytes of data where 32 are expected",
        log.data[:-2] + "  ": "data or a topic is not hex",
    }
    for data, reason in reasons.items():
        wrong = msgspec.structs.replace(log, data=data)
        (malformed,) = Decoder(registry).facts(execution(logs=[wrong])).malformed
        assert malformed.reason == reason


@pytest.mark.parametrize("digits", [65, 400, 5_000])
def test_a_value_beyond_all_numbers_is_explained_all_the_same(registry, digits: int) -> None:
    huge = "0x" + "f" * digits
    told = explain(execution(logs=None, trace=root(frame(value=huge)), transaction=transaction(value=huge)), registry)
    assert (told.value, told.events, told.malformed[0].reason[:7]) == (0, (), "trace: ")


def test_sums_beyond_what_a_float_holds_are_netted() -> None:
    loss = Transfer(order=0, address=DAI, protocol="erc20", token=DAI, sender=VICTIM, recipient=BOT, amount=16**400)
    assert ledger([loss]).net({BOT}) == {DAI: 16**400}


def test_coin_sent_to_a_wrapper_is_wrapped(decoder) -> None:
    """Its receive() makes as much of the token; a call to deposit() elsewhere shows that it is a wrapper."""
    weth = address(0xE1)
    facts = decoder.facts(
        execution(
            logs=None,
            trace=root(
                frame(sender=BOT, to=weth, input="0xd0e30db0", value="0x1"),
                frame(sender=BOT, to=weth, input="0x", value="0x5"),
            ),
        )
    )
    made = [e.amount for e in facts.events if isinstance(e, Transfer) and e.token == weth and e.sender == ZERO_ADDRESS]
    assert made == [1, 5]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps([{"type": "event", "name": "E", "inputs": [{"type": "IERC20"}]}]), "is not an ABI type"),
        (json.dumps(["event E(uint256[0][] a)"]), "is not an ABI type"),
        (json.dumps(["event E(" + "(" * 200 + "uint256" + ")" * 200 + " a)"]), "nests too deep"),
        (
            '[{"type":"event","name":"E","inputs":[' + '{"type":"tuple","components":[' * 3_000 + "]}" * 3_000 + "]}]",
            "too",
        ),
    ],
)
def test_types_that_nobody_can_decode_are_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=says):
        load_registry([path])


def test_an_own_file_may_not_take_the_name_of_a_protocol(tmp_path: Path) -> None:
    path = tmp_path / "weth.json"
    path.write_text(json.dumps(["event Deposit(address indexed who, uint256 what)"]))
    with pytest.raises(BadInput, match=r"weth\.json is named as a protocol"):
        load_registry([path])


def test_an_answer_that_is_longer_than_it_needs_to_be_is_read(registry) -> None:
    """The budget of reads is for bombs, not for honest lists."""
    call = registry.decode_call("0x8803dbee" + encode(  # swapTokensForExactTokens
        ["uint256", "uint256", "address[]", "address", "uint256"], [1, 2, [address(n) for n in range(1, 300)], BOT, 3]
    ).hex())  # fmt: skip
    assert len(call.arguments["path"]) == 299
