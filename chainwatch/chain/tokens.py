"""What a token says of itself: symbol, decimals, supply; and whether it takes a fee on transfers or rebases.

Nothing that a token returns is trusted: a symbol may be 32 bytes, control characters, text that turns the terminal
around, or ten megabytes. What is not a short printable text is no symbol, what is not a small number no decimals.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sha3

from chainwatch.chain.pool import asks_another
from chainwatch.chain.proxies import Proxies, at_block
from chainwatch.chain.rpc import Caller
from chainwatch.errors import NodeError, NodeRejected
from chainwatch.types import NATIVE, Address, BlockRef, HexData

_SYMBOL, _DECIMALS, _SUPPLY = "0x95d89b41", "0x313ce567", "0x18160ddd"
_BALANCE_OF, _TRANSFER = "0x70a08231", "0xa9059cbb"
_GAS = hex(2_000_000)  # enough for any honest view, and it buys no answer over a megabyte (memory costs by the square)
_LONGEST_SYMBOL = 32
_MOST_DECIMALS = 77  # 10**77 < 2**256
_KEPT = 10_000
_RECIPIENT = "0x" + "5a" * 19 + "01"  # somebody who holds no token

REBASING = {
    "1da24f3e": "scaledBalanceOf(address)",  # Aave's aTokens
    "f5eb42dc": "sharesOf(address)",  # Lido's stETH and what followed it
    "7a43e23f": "rebase(uint256,int256)",  # Ampleforth
    "058ecdb4": "rebase(uint256,uint256)",  # OlympusDAO's sOHM
    "f9854bfc": "creditsBalanceOf(address)",  # Origin Dollar
}
"""Functions that tokens have whose balances change without a transfer."""


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token; None for what is not. `total_supply` is of the block that was asked about.

    `rebasing` is read from the functions in its code: evidence, not proof. `fee_on_transfer` is what a simulated
    transfer by a holder showed.
    """

    address: Address
    symbol: str | None = None
    decimals: int | None = None
    total_supply: int | None = None
    rebasing: bool | None = None
    fee_on_transfer: bool | None = None


class Tokens:
    """Asks one chain, and remembers what does not change: by address and the hash of the code that it runs."""

    def __init__(self, caller: Caller, proxies: Proxies | None = None) -> None:
        self._caller = caller
        self._proxies = proxies or Proxies(caller)
        self._known: dict[tuple[Address, str], TokenFacts] = {}

    async def facts(self, tokens: Iterable[Address], block: BlockRef | None) -> dict[Address, TokenFacts]:
        """What is known of each of `tokens` at `block` (None: the latest). Never raises for what a token says.

        Raises NodeError where the node does not answer.
        """
        block = block or BlockRef(number=None, hash=None)
        wanted = [t for t in dict.fromkeys(tokens) if t != NATIVE]
        if not wanted:
            return {}
        codes = await self._codes(wanted, block)
        at = at_block(block)
        found: dict[Address, TokenFacts] = {}
        for token in wanted:
            known = self._known.get((token, _hash(codes[token])))
            # A round trip for each token: an answer of megabytes costs its own token its name, and no other.
            wanted_views = (_SUPPLY,) if known is not None else (_SUPPLY, _SYMBOL, _DECIMALS)
            supply, *told = await self._views(token, wanted_views, at)
            if known is None:
                code = codes[token]
                known = TokenFacts(
                    address=token,
                    symbol=_symbol(told[0]),
                    decimals=_number(told[1], _MOST_DECIMALS),
                    rebasing=any("63" + selector in code for selector in REBASING) if code != "0x" else None,
                )
                # What a node was too busy to say is asked again; what the token itself refuses is its answer.
                if not any(isinstance(answer, NodeRejected) and asks_another(answer) for answer in told):
                    while len(self._known) >= _KEPT:
                        self._known.pop(next(iter(self._known)))
                    self._known[token, _hash(code)] = known
            found[token] = msgspec.structs.replace(known, total_supply=_number(supply, 2**256 - 1))
        return found

    async def charges_a_fee(self, token: Address, holder: Address, block: BlockRef) -> bool | None:
        """Whether a transfer of half of what `holder` has arrives as less; None where that cannot be simulated.

        The holder matters: some tokens charge only those who trade at a pool, or spare their owner.
        """
        [answer] = await self._views(token, (_BALANCE_OF + _word(holder),), at_block(block))
        balance = _number(answer, 2**256 - 1)
        if not balance:
            return None
        amount = max(balance // 2, 1)
        read = {"to": token, "input": _BALANCE_OF + _word(_RECIPIENT), "gas": _GAS}
        send = {"from": holder, "to": token, "input": f"{_TRANSFER}{_word(_RECIPIENT)}{amount:064x}", "gas": _GAS}
        request = {"blockStateCalls": [{"calls": [read, send, read]}], "validation": False}
        number = "latest" if block.number is None else hex(block.number)
        try:
            blocks = await self._caller.call("eth_simulateV1", [request, number])
            before, sent, after = blocks[0]["calls"]
            had, has = (_number(answer.get("returnData"), 2**256 - 1) for answer in (before, after))
            arrived = sent.get("status") == "0x1"
        except (NodeError, LookupError, TypeError, ValueError, AttributeError):
            return None
        if not arrived or had is None or has is None:
            return None
        return has - had < amount

    async def _codes(self, tokens: list[Address], block: BlockRef) -> dict[Address, HexData]:
        """The code of each, and of what it runs behind a proxy."""
        behind = await self._proxies.at(tokens, block)
        at = at_block(block)
        runs = {token: (token, *(behind[token].runs if token in behind else ())) for token in tokens}
        every = sorted({address for several in runs.values() for address in several})
        answers = await self._caller.batch([("eth_getCode", [address, at]) for address in every])
        code = {a: c.lower() if isinstance(c, str) else "0x" for a, c in zip(every, answers, strict=True)}
        return {token: "0x" + "".join(code[a][2:] for a in dict.fromkeys(runs[token])) for token in tokens}

    async def _views(self, to: Address, calls: Sequence[HexData], at: Any) -> list[Any]:
        """What each call returned; a refusal is no text, and so neither symbol nor number."""
        return await self._caller.batch([("eth_call", [{"to": to, "data": data, "gas": _GAS}, at]) for data in calls])


def _hash(code: HexData) -> str:
    return sha3.keccak_256(code.encode()).hexdigest()  # type: ignore[no-any-return]


def _word(address: Address) -> str:
    return address[2:].rjust(64, "0")


def _number(answer: Any, most: int) -> int | None:
    if not isinstance(answer, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", answer[:67]):
        return None
    number = int(answer[2:66], 16)
    return number if number <= most else None


def _symbol(answer: Any) -> str | None:
    """A `string`, or the `bytes32` of early tokens, as short printable text."""
    if not isinstance(answer, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", answer[:4096]):
        return None
    data = bytes.fromhex(answer[2:4096])
    if len(data) == 32 and len(answer) == 66:
        text = data.rstrip(b"\0")
    elif len(data) >= 64 and int.from_bytes(data[:32]) == 32:
        text = data[64 : 64 + min(int.from_bytes(data[32:64]), 4 * _LONGEST_SYMBOL)]
    else:
        return None
    # Categories: C* are control, format (which turn writing around) and unassigned characters, Z* all kinds of space.
    shown = "".join(c for c in text.decode(errors="ignore") if unicodedata.category(c)[0] not in "CZ")
    return shown[:_LONGEST_SYMBOL] or None
