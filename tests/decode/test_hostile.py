"""What somebody writes to hide, to mislead or to break the decoder."""

import json
import tracemalloc
from pathlib import Path

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
