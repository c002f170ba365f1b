"""What tokens say of themselves is read, and what hostile ones say harms nobody."""

from collections.abc import Sequence
from typing import Any

import pytest

from chainwatch.chain.rpc import Rpc
from chainwatch.chain.tokens import REBASING, Tokens
from chainwatch.chain.wire import WireHeader
from chainwatch.errors import NodeRejected
from chainwatch.types import NATIVE, BlockRef
from tests.builders import address, hash_
from tests.chain.contracts import NOTHING, returning, token_keeping

TOKEN, HOLDER = address(0xB1), address(0xA1)


async def head(rpc: Rpc) -> BlockRef:
    await rpc.call("evm_mine")
    return (await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)).ref()


def text(value: bytes, said: int | None = None) -> str:
    """The ABI encoding of a `string`, whose length may be a lie."""
    length = len(value) if said is None else said
    return f"{32:064x}{length:064x}" + value.hex().ljust(-(-len(value) // 32) * 64, "0")


async def symbol(rpc: Rpc, answer: str) -> str | None:
    await rpc.call("anvil_setCode", [TOKEN, "0x" + returning(answer)])
    return (await Tokens(rpc).facts([TOKEN], await head(rpc)))[TOKEN].symbol


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (text(b"USDC"), "USDC"),
        (b"MKR".hex().ljust(64, "0"), "MKR"),  # bytes32, as early tokens
        (text("USD₮0".encode()), "USD₮0"),
        (text(b"\x1b[31mRED\x1b[0m\n\r\x00"), "[31mRED[0m"),
        (text("\u202eCDSU\u200b".encode()), "CDSU"),  # turns the writing around; takes no room
        (text(b"A" * 5_000), "A" * 32),
        (text(b"LIES", said=2**255), "LIES"),
        (text(b"\xff\xfe\xfdOK"), "OK"),
        (text(b""), None),
        ("", None),
        ("ff", None),
        (f"{2**200:064x}{4:064x}", None),
    ],
)
async def test_a_symbol_is_short_printable_text_or_nothing(rpc: Rpc, answer: str, shown: str | None) -> None:
    assert await symbol(rpc, answer) == shown


async def test_ten_megabytes_cost_a_token_its_own_name_and_no_other(rpc: Rpc) -> None:
    ten_megabytes = "629896805ff3"  # RETURN(0, 10,000,000)
    other = address(0xB2)
    await rpc.call("anvil_setCode", [TOKEN, "0x" + ten_megabytes])
    await rpc.call("anvil_setCode", [other, "0x" + returning(text(b"FINE"))])
    facts = await Tokens(rpc).facts([TOKEN, other, NATIVE], await head(rpc))
    assert (facts[TOKEN].symbol, facts[TOKEN].decimals, facts[TOKEN].total_supply) == (None, None, None)
    assert facts[other].symbol == "FINE"
    assert NATIVE not in facts


async def test_decimals_are_a_small_number(rpc: Rpc) -> None:
    for number, decimals in ((18, 18), (0, 0), (77, 77), (78, None), (2**256 - 1, None)):
        await rpc.call("anvil_setCode", [TOKEN, "0x" + returning(f"{number:064x}")])
        facts = (await Tokens(rpc).facts([TOKEN], await head(rpc)))[TOKEN]
        assert (facts.decimals, facts.total_supply) == (decimals, number)


async def test_what_does_not_change_is_asked_for_once_and_again_when_the_code_does(rpc: Rpc) -> None:
    tokens = Tokens(rpc)
    await rpc.call("anvil_setCode", [TOKEN, "0x" + returning(text(b"OLD"))])
    assert (await tokens.facts([TOKEN], await head(rpc)))[TOKEN].symbol == "OLD"
    asked: list[object] = []
    views = tokens._views

    async def counting(to: str, calls: Sequence[str], at: object) -> list[object]:
        asked.extend(calls)
        return await views(to, calls, at)

    tokens._views = counting  # type: ignore[method-assign]
    assert (await tokens.facts([TOKEN], await head(rpc)))[TOKEN].symbol == "OLD"
    assert asked == ["0x18160ddd"]  # only the supply
    await rpc.call("anvil_setCode", [TOKEN, "0x" + returning(text(b"NEW"))])
    assert (await tokens.facts([TOKEN], await head(rpc)))[TOKEN].symbol == "NEW"


class Node:
    """Answers what it is told to: `views` by selector, `simulated` to eth_simulateV1."""

    def __init__(self, views: dict[str, Any], simulated: Any = None) -> None:
        self.views = views
        self.simulated = simulated

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], **_: object) -> list[Any]:
        return [
            self.views.get(params[0]["data"][:10], "0x" + "00" * 32) if method == "eth_call" else "0x6000"
            for method, params in calls
        ]

    async def call(self, *_: object, **__: object) -> Any:
        return self.simulated


SYMBOL = {"0x95d89b41": "0x" + text(b"GOOD")}


@pytest.mark.parametrize(
    ("refusal", "later"),
    [
        (NodeRejected("eth_call", -32005, "limit exceeded"), "GOOD"),
        (NodeRejected("a batch", -32000, "no answer to this call in the batch"), "GOOD"),
        (NodeRejected("eth_call", 3, "execution reverted"), None),
    ],
)
async def test_what_a_node_was_too_busy_to_say_is_asked_again(refusal: NodeRejected, later: str | None) -> None:
    node = Node({"0x95d89b41": refusal})
    tokens, block = Tokens(node), BlockRef(number=5, hash=hash_(5))  # type: ignore[arg-type]
    assert (await tokens.facts([TOKEN], block))[TOKEN].symbol is None
    node.views = SYMBOL
    assert (await tokens.facts([TOKEN], block))[TOKEN].symbol == later
    node.views = {}
    assert (await tokens.facts([TOKEN], block))[TOKEN].symbol == later


@pytest.mark.parametrize("sent", [None, "x", 5, [], {}])
async def test_a_simulation_that_answers_something_else_shows_nothing(sent: Any) -> None:
    word = {"returnData": f"0x{5:064x}"}
    node = Node({"0x70a08231": f"0x{10:064x}"}, [{"calls": [word, sent, word]}])
    block = BlockRef(number=5, hash=hash_(5))
    assert await Tokens(node).charges_a_fee(TOKEN, HOLDER, block) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("selector", REBASING)
async def test_a_rebasing_token_is_told_by_its_functions(rpc: Rpc, selector: str) -> None:
    for code, rebasing in ((NOTHING, False), (f"{NOTHING}63{selector}", True)):
        await rpc.call("anvil_setCode", [TOKEN, "0x" + code])
        assert (await Tokens(rpc).facts([TOKEN], await head(rpc)))[TOKEN].rebasing is rebasing


@pytest.mark.parametrize(("tenths", "charges"), [(10, False), (9, True), (0, True)])
async def test_a_fee_on_transfer_shows_in_a_simulated_one(rpc: Rpc, tenths: int, charges: bool) -> None:
    await rpc.call("anvil_setCode", [TOKEN, "0x" + token_keeping(tenths)])
    await rpc.call("anvil_setStorageAt", [TOKEN, "0x" + HOLDER[2:].rjust(64, "0"), f"0x{1_000:064x}"])
    tokens, block = Tokens(rpc), await head(rpc)
    assert await tokens.charges_a_fee(TOKEN, HOLDER, block) is charges
    assert await tokens.charges_a_fee(TOKEN, address(0xA2), block) is None  # holds nothing
    assert await tokens.charges_a_fee(address(0xB9), HOLDER, block) is None  # no token
