"""What speaks against the code of a contract that was just made, for the family `staging`.

Functions that it has and functions that it calls, by tables; addresses that it holds. Nothing here looks at who made
it: a fresh account costs nothing.
"""

from collections.abc import Iterator

import msgspec
import sha3

from chainwatch.decode.balances import giver
from chainwatch.decode.bytecode import Code, held, sweep
from chainwatch.decode.calls import CREATIONS
from chainwatch.decode.flash import FLASH_CALLBACKS
from chainwatch.types import Address, CallFrame, Execution, Facts, HexData, Transfer

CONFIDENCE = 0.55
"""A protected address and a flash callback: enough to wake a person, who has time."""
CONFIDENCE_WATCH = 0.3
MOST_HEX = 512 * 1024
"""Characters of code swept in one Execution, the shortest codes first: what is hostile takes 0.1 s."""
MANY_ADDRESSES = 5
"""So many in one contract are a plan. Of contracts made in benign blocks none has more than three."""
MAX_SHOWN = 5

SWAP_CALLBACKS = {
    "0xfa461e33": "uniswapV3SwapCallback(int256,int256,bytes)",
    "0x23a69e75": "pancakeV3SwapCallback(int256,int256,bytes)",
    "0x2c8958f6": "algebraSwapCallback(int256,int256,bytes)",
    "0x91dd7346": "unlockCallback(bytes)",  # Uniswap v4
}
TAKES = {
    "0xc5ebeaec": "borrow(uint256)",
    "0xa415bcad": "borrow(address,uint256,uint256,uint16,address)",
    "0x4b3fd148": "borrow(uint256,address)",
    "0xd5164184": "borrow(uint256,address,address)",
    "0x2e1a7d4d": "withdraw(uint256)",
    "0x69328dec": "withdraw(address,uint256,address)",
    "0xb460af94": "withdraw(uint256,address,address)",
    "0xdb006a75": "redeem(uint256)",
    "0xba087652": "redeem(uint256,address,address)",
    "0x852a12e3": "redeemUnderlying(uint256)",
    "0xa0712d68": "mint(uint256)",
    "0xb6b55f25": "deposit(uint256)",
    "0x6e553f65": "deposit(uint256,address)",
    "0xe8eda9df": "deposit(address,uint256,address,uint16)",
    "0x617ba037": "supply(address,uint256,address,uint16)",
}
"""Functions of lenders and vaults by which a user's money goes in and out."""
TRADES = {
    "0x022c0d9f": "swap(uint256,uint256,address,bytes)",
    "0x128acb08": "swap(address,bool,int256,uint160,bytes)",
    "0x3df02124": "exchange(int128,int128,uint256,uint256)",
    "0x38ed1739": "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "0x5c11d795": "swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
    "0x8803dbee": "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)",
    "0x5cffe9de": "flashLoan(address,address,uint256,bytes)",
    "0x5c38449e": "flashLoan(address,address[],uint256[],bytes)",
    "0xab9c4b5d": "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)",
    "0x42b0b77c": "flashLoanSimple(address,address,uint256,bytes,uint16)",
    "0x490e6cbc": "flash(address,uint256,uint256,bytes)",
}
LIQUIDATES = {
    "0xf5e3c462": "liquidateBorrow(address,uint256,address)",
    "0xaae40a2a": "liquidateBorrow(address,address)",
    "0x00a718a9": "liquidationCall(address,address,address,uint256,bool)",
    "0xbcbaf487": "liquidate(address,uint256)",
    "0xc1342574": "liquidate(address,address,uint256,uint256)",
    "0x2f865568": "liquidate(address)",
    "0xc3cecfd2": "absorb(address,address[])",
}
# balanceOf and totalSupply with transfer (ERC-20) or ownerOf (ERC-721); balanceOf(address,uint256) (ERC-1155)
_STANDARDS = (
    frozenset(("0x70a08231", "0x18160ddd", "0xa9059cbb")),
    frozenset(("0x70a08231", "0x6352211e")),
    frozenset(("0x00fdd58e",)),
)
_NEEDLES = tuple(selector[2:].lstrip("0") for selector in FLASH_CALLBACKS)


class Created(msgspec.Struct, frozen=True):
    """A contract made in an Execution: its init code, and the code that it runs where the call tree has it."""

    contract: Address
    maker: Address
    frame: int | None
    init: HexData
    runs: HexData | None

    @property
    def texts(self) -> tuple[HexData, ...]:
        """All the code there is."""
        return (self.init,) if self.runs is None else (self.init, self.runs)


class Suspicion(msgspec.Struct, frozen=True):
    """What speaks against one of them. `protected` are those whose addresses it holds."""

    made: Created
    confidence: float
    code: Code
    protected: tuple[Address, ...]
    signs: tuple[str, ...]


def suspicions(execution: Execution, facts: Facts, protected: frozenset[Address]) -> list[Suspicion]:
    """The suspicious contracts among those made in `execution`, the gravest first."""
    wanted: dict[HexData, tuple[Created, tuple[Address, ...]]] = {}
    for made in creations(execution, facts):
        if made.maker in protected:
            continue  # the protocol's own factory made it
        names = tuple(dict.fromkeys(a for text in made.texts for a in held(text, sorted(protected))))
        if names or (not protected and any(needle in text for needle in _NEEDLES for text in made.texts)):
            wanted.setdefault(made.init, (made, names))
    left, found = MOST_HEX, []
    used = _paid_out(facts, protected)
    for made, names in sorted(wanted.values(), key=lambda each: len(each[0].init)):
        left -= len(made.runs or made.init)
        if left < 0:
            break
        suspicion = _suspicion(made, names, execution.transaction.from_, used=used)
        if suspicion is not None:
            found.append(suspicion)
    return sorted(found, key=lambda each: -each.confidence)


def creations(execution: Execution, facts: Facts) -> Iterator[Created]:
    """The contracts made in `execution` and not undone."""
    transaction = execution.transaction
    if not facts.frames:
        if transaction.to is None:
            contract = created_by(transaction.from_, transaction.nonce)
            yield Created(contract, transaction.from_, None, transaction.input, None)
        return
    outputs: list[HexData | None] = []
    stack = [execution.trace] if execution.trace is not None else []
    while stack:  # in the order of `decode.calls.flatten`, which leaves outputs out
        call: CallFrame = stack.pop()
        outputs.append(call.output)
        stack.extend(reversed(call.calls or ()))
    for frame in facts.frames:
        if frame.kind in CREATIONS and not frame.reverted:
            runs = outputs[frame.index] if frame.index < len(outputs) else None
            yield Created(frame.to, frame.sender, frame.index, frame.input, runs if runs and len(runs) > 2 else None)


def created_by(sender: Address, nonce: str) -> Address:
    """keccak(rlp([sender, nonce])): where a transaction's contract is, where no tree or receipt says so."""
    number = int(nonce, 16)
    data = number.to_bytes((number.bit_length() + 7) // 8)
    item = data if len(data) == 1 and number < 0x80 else bytes([0x80 + len(data)]) + data
    body = b"\x94" + bytes.fromhex(sender[2:]) + item
    return "0x" + str(sha3.keccak_256(bytes([0xC0 + len(body)]) + body).hexdigest())[-40:]


def _suspicion(made: Created, names: tuple[Address, ...], deployer: Address, *, used: bool) -> Suspicion | None:
    code = sweep(made.runs or made.init)
    functions = frozenset(code.functions)
    flash = [FLASH_CALLBACKS[s] for s in code.functions if s in FLASH_CALLBACKS]
    swaps = [SWAP_CALLBACKS[s] for s in code.functions if s in SWAP_CALLBACKS]
    takes, trades, liquidates = (
        [table[s] for s in sorted(code.called & table.keys())] for table in (TAKES, TRADES, LIQUIDATES)
    )
    standard = any(interface <= functions for interface in _STANDARDS)
    planned = bool(takes or trades) or len(code.addresses) >= MANY_ADDRESSES
    if flash and names and not standard and not used and not (liquidates and not takes):
        confidence = CONFIDENCE
    elif (names and (flash or swaps or planned)) or (not names and flash and planned and not standard):
        confidence = CONFIDENCE_WATCH
    else:
        return None
    signs = [
        *(f"answers {name}" for name in (*flash, *swaps)[:MAX_SHOWN]),
        *(f"calls {name}" for name in (*takes, *trades, *liquidates)[:MAX_SHOWN]),
        *([f"holds {len(code.addresses)} addresses"] if len(code.addresses) >= MANY_ADDRESSES else []),
        *(["holds its deployer's address"] if any(held(text, [deployer]) for text in made.texts) else []),
        *(["can destroy itself"] if code.destroys else []),
        *(["is a token"] if standard else []),
        *(["liquidates, and neither borrows nor withdraws"] if liquidates and not takes else []),
    ]
    return Suspicion(made, confidence, code, names, tuple(signs))


def _paid_out(facts: Facts, protected: frozenset[Address]) -> bool:
    """Whether a protected contract paid in this very transaction: then it is no preparation, and others judge it."""
    return any(isinstance(e, Transfer) and e.amount and giver(e) in protected for e in facts.events)
