"""Borrowing for the length of a transaction, where no event says so: by callback, or by tokens out and back."""

from bisect import bisect_left
from collections.abc import Sequence

from chainwatch.decode.calls import address_word, word, word_array
from chainwatch.decode.flows import Move
from chainwatch.decode.positions import Found
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, FlashLoan, Frame, Transfer

_AAVE_V1, _AAVE_MANY, _AAVE_ONE = "0xee872558", "0x920f5c84", "0x1b11d0ff"
_ERC3156, _BALANCER = "0x23e30c8b", "0xf04f2707"

FLASH_CALLBACKS = {
    "0x10d1e85c": "uniswapV2Call(address,uint256,uint256,bytes)",
    "0x84800812": "pancakeCall(address,uint256,uint256,bytes)",
    "0x5b3bc4fe": "BiswapCall(address,uint256,uint256,bytes)",
    "0xe9cbafb0": "uniswapV3FlashCallback(uint256,uint256,bytes)",
    "0xa1d48336": "pancakeV3FlashCallback(uint256,uint256,bytes)",
    _AAVE_V1: "executeOperation(address,uint256,uint256,bytes)",
    _AAVE_MANY: "executeOperation(address[],uint256[],uint256[],address,bytes)",
    _AAVE_ONE: "executeOperation(address,uint256,uint256,address,bytes)",
    _ERC3156: "onFlashLoan(address,address,uint256,uint256,bytes)",
    _BALANCER: "receiveFlashLoan(address[],uint256[],uint256[],bytes)",
    "0x8b418713": "callFunction(address,(address,uint256),bytes)",  # dYdX Solo
    "0x7ed1f1dd": "DPPFlashLoanCall(address,uint256,uint256,bytes)",  # DODO
    "0xd5b99797": "DSPFlashLoanCall(address,uint256,uint256,bytes)",
    "0xeb2021c3": "DVMFlashLoanCall(address,uint256,uint256,bytes)",
    "0x31f57072": "onMorphoFlashLoan(uint256,bytes)",
    "0x9a7bff79": "hook(address,uint256,uint256,bytes)",  # Solidly and its forks
    "0xa60b0d3c": "algebraFlashCallback(uint256,uint256,bytes)",
    "0x1faa6b87": "LBFlashLoanCallback(address,address,address,bytes32,bytes32,bytes)",  # Trader Joe
    "0xc4850ea8": "onFlashLoan(bytes)",  # Euler
}
"""Callbacks by which lenders hand over what they lend (reference: the lenders' documentation; each selector is
checked against its signature in the tests). Not here: uniswapV3SwapCallback, which every trade makes."""

_MOST_LOANS = 256  # in one transaction; nobody honest takes a tenth as many
MAX_FEE = 0.01
"""Flash loans cost 0 to 0.3 % (Aave 0.05 or 0.09 %, Uniswap v2 0.3009 %, Uniswap v3 its pool's fee, at most 1 %)."""


def has_callback(frames: Sequence[Frame]) -> bool:
    """Whether any frame is a lender's callback; cheap."""
    return any(f.selector in FLASH_CALLBACKS and f.kind == "CALL" and not f.reverted for f in frames)


def callback_loans(frames: Sequence[Frame], moves: Sequence[Move], told: frozenset[Address]) -> list[Found]:
    """One loan for each token lent before each callback; lenders in `told` have said so by an event."""
    found: list[Found] = []
    by_sender: dict[Address, list[Move]] = {}
    for move in moves:
        by_sender.setdefault(move.sender, []).append(move)
    for frame in frames:
        if frame.selector not in FLASH_CALLBACKS or frame.kind != "CALL" or frame.reverted:
            continue
        if len(found) >= _MOST_LOANS:
            break
        if frame.sender in told or frame.sender == frame.to:
            continue
        for token, amount, fee in (
            _named_loans(frame) or _moved_loans(frame, by_sender.get(frame.sender, [])) or [(None, None, None)]
        ):
            fields = {
                "address": frame.sender, "protocol": "calls", "lender": frame.sender, "borrower": frame.to,
                "token": token, "amount": amount, "fee": fee, "evidence": "callback",
            }  # fmt: skip
            found.append(Found(frame.index, frame.index, FlashLoan, fields))
    return found


def _named_loans(frame: Frame) -> list[tuple[Address | None, int | None, int | None]]:
    """What the callback's own arguments say."""
    data = frame.input
    if frame.selector in (_AAVE_V1, _AAVE_ONE):
        return [(address_word(data, 0), word(data, 1), word(data, 2))]
    if frame.selector == _ERC3156:
        return [(address_word(data, 1), word(data, 2), word(data, 3))]
    if frame.selector in (_AAVE_MANY, _BALANCER):
        tokens, amounts, fees = (word_array(data, n) for n in range(3))
        loans = zip(tokens, amounts, fees, strict=False)
        return [(f"0x{token & (2**160 - 1):040x}", amount, fee) for token, amount, fee in loans]
    return []


def _moved_loans(frame: Frame, moves: Sequence[Move]) -> list[tuple[Address | None, int | None, int | None]]:
    """What left the lender between the call that asked for the loan and the callback."""
    lent: dict[Address, int] = {}
    first = bisect_left(moves, frame.parent, key=_frame_of)
    for move in moves[first : bisect_left(moves, frame.index, key=_frame_of)]:
        lent[move.token] = lent.get(move.token, 0) + move.amount
    return [(token, amount, None) for token, amount in lent.items()]


def _frame_of(move: Move) -> int:
    return move.frame


def out_and_back(transfers: Sequence[Transfer], cluster: frozenset[Address]) -> list[Found]:
    """Loans that nothing names: a contract hands tokens to the cluster and gets the same and a small fee back.

    Evidence, not proof. What makes it a loan and not a trade, a deposit or a route through a pool: every token
    that the contract exchanged with the cluster left it first and came back later, whole, with at most MAX_FEE.
    """
    flows: dict[Address, dict[Address, list[int]]] = {}
    for t in transfers:
        if t.token == NATIVE or not t.amount:
            continue
        if t.recipient in cluster and t.sender not in cluster and t.sender != ZERO_ADDRESS:
            flows.setdefault(t.sender, {}).setdefault(t.token, []).append(-t.amount)
        elif t.sender in cluster and t.recipient not in cluster and t.recipient != ZERO_ADDRESS:
            flows.setdefault(t.recipient, {}).setdefault(t.token, []).append(t.amount)
    borrower = next((t.recipient for t in transfers if t.recipient in cluster), "")
    found: list[Found] = []
    for lender, tokens in flows.items():
        if all(_is_loan(amounts) for amounts in tokens.values()):
            for token, amounts in tokens.items():
                lent = -sum(a for a in amounts if a < 0)
                fields = {
                    "address": lender, "protocol": "calls", "lender": lender, "borrower": borrower, "token": token,
                    "amount": lent, "fee": sum(amounts), "evidence": "out_and_back",
                }  # fmt: skip
                found.append(Found(0, 0, FlashLoan, fields))
    return found


def _is_loan(amounts: list[int]) -> bool:
    lent = -sum(a for a in amounts if a < 0)
    return amounts[0] < 0 < amounts[-1] and 0 <= sum(amounts) <= lent * MAX_FEE
