"""What moved, read from the call tree: native value always, tokens where there are no logs.

A call says what was asked, not what happened, and a call that returns false without reverting looks like one
that worked. Known differences from logs: tokens that take a fee on transfer, transfers of ERC-721 tokens (their
transferFrom has the same selector), tokens made or burnt by other calls than the usual shapes (LP shares).
docs/decoding.md states how often the two agree on real transactions.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from chainwatch.decode.calls import BORROWED_CODE, CREATIONS, address_word, word
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Frame

TRANSFER = "0xa9059cbb"  # transfer(address,uint256)
TRANSFER_FROM = "0x23b872dd"  # transferFrom(address,address,uint256)
MINT = "0x40c10f19"  # mint(address,uint256)
BURN = "0x42966c68"  # burn(uint256)
BURN_OF = "0x9dc29fac"  # burn(address,uint256)
BURN_FROM = "0x79cc6790"  # burnFrom(address,uint256)
WRAP = "0xd0e30db0"  # deposit() of WETH9
UNWRAP = "0x2e1a7d4d"  # withdraw(uint256) of WETH9

_CARRIES_VALUE = ("CALL", "SELFDESTRUCT", *CREATIONS)


class Move(NamedTuple):
    """`amount` of `token` went from `sender` to `recipient` in frame `frame`."""

    frame: int
    token: Address
    sender: Address
    recipient: Address
    amount: int


def native_moves(frames: Sequence[Frame]) -> list[Move]:
    """Movements of the chain's own coin."""
    return [
        Move(f.index, NATIVE, f.sender, f.to, f.value)
        for f in frames
        if f.value and not f.reverted and f.kind in _CARRIES_VALUE and f.sender != f.to
    ]


def token_moves(frames: Sequence[Frame]) -> list[Move]:
    """Movements of tokens, by the calls that ask for them."""
    moves: list[Move] = []
    wrappers = {f.to for f in frames if f.selector in (WRAP, UNWRAP) and f.kind == "CALL" and not f.reverted}
    paid = _payments(frames, wrappers)
    for frame in frames:
        if frame.kind != "CALL" or frame.reverted:
            continue
        if frame.value and not frame.selector and frame.to in wrappers and frame.sender != frame.to:
            moves.append(Move(frame.index, frame.to, ZERO_ADDRESS, frame.sender, frame.value))  # its receive() wraps
            continue
        if frame.selector not in _TOKEN_CALLS:
            continue
        move = _token_move(frame, frames, paid)
        if move is not None and move.amount and not _is_forwarded(frame, frames):
            moves.append(move)
    return moves


_TOKEN_CALLS = frozenset((TRANSFER, TRANSFER_FROM, MINT, BURN, BURN_OF, BURN_FROM, WRAP, UNWRAP))


def _token_move(frame: Frame, frames: Sequence[Frame], paid: "_Payments") -> Move | None:
    selector, data, token, caller = frame.selector, frame.input, frame.to, frame.sender
    if selector == WRAP:
        # WETH9 calls nobody when it wraps; what does is some vault.
        plain = all(f.kind in BORROWED_CODE for f in frames[frame.index + 1 : frame.end])
        return Move(frame.index, token, ZERO_ADDRESS, caller, frame.value) if plain else None
    if selector == UNWRAP:
        amount = word(data, 0)
        places = paid.get((token, caller, amount or 0), [])
        at = bisect_right(places, frame.index)
        is_paid = at < len(places) and places[at] < frame.end
        return Move(frame.index, token, caller, ZERO_ADDRESS, amount) if is_paid and amount else None
    if selector == BURN:
        sender, recipient, amount = caller, ZERO_ADDRESS, word(data, 0)
    elif selector == TRANSFER_FROM:
        return _named(frame, address_word(data, 0), address_word(data, 1), word(data, 2))
    elif selector in (BURN_OF, BURN_FROM):
        return _named(frame, address_word(data, 0), ZERO_ADDRESS, word(data, 1))
    elif selector == MINT:
        return _named(frame, ZERO_ADDRESS, address_word(data, 0), word(data, 1))
    else:
        return _named(frame, caller, address_word(data, 0), word(data, 1))
    return _named(frame, sender, recipient, amount)


def _named(frame: Frame, sender: Address | None, recipient: Address | None, amount: int | None) -> Move | None:
    if sender is None or recipient is None or amount is None:
        return None
    return Move(frame.index, frame.to, sender, recipient, amount)


_Payments = dict[tuple[Address, Address, int], list[int]]
"""Frames in which so much coin was sent, by sender, recipient and amount, in order."""


def _payments(frames: Sequence[Frame], senders: set[Address]) -> _Payments:
    found: _Payments = {}
    for f in frames:
        if f.value and f.sender in senders and not f.reverted:
            found.setdefault((f.sender, f.to, f.value), []).append(f.index)
    return found


def _is_forwarded(frame: Frame, frames: Sequence[Frame]) -> bool:
    """Whether a token hands the very call on to another contract of its own: one movement, not two."""
    above = frame.parent
    while above >= 0 and frames[above].kind in BORROWED_CODE:
        above = frames[above].parent
    return above >= 0 and frames[above].input == frame.input and frames[above].to == frame.sender
