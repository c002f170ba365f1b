"""Where control leaves a contract for the sender's side and comes back before the contract has returned.

Read from the call tree alone, in one pass and without recursion. Calls to oneself, proxies that delegate, and the
ERC-20 surface of tokens are no entries; callbacks that the other side is documented to answer by calling are none
either. Nothing here says that an entry did harm: `reentrancy` asks who lost.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

import msgspec

from chainwatch.decode.balances import Ledger, giver, taker
from chainwatch.decode.calls import BORROWED_CODE, CREATIONS
from chainwatch.decode.flash import FLASH_CALLBACKS
from chainwatch.types import NATIVE, ZERO_ADDRESS, Address, Event, Execution, Frame, Transfer

POOL_CALLBACKS = {
    "0xfa461e33": "uniswapV3SwapCallback(int256,int256,bytes)",
    "0xd3487997": "uniswapV3MintCallback(uint256,uint256,bytes)",
    "0x23a69e75": "pancakeV3SwapCallback(int256,int256,bytes)",
    "0x99eee9d0": "pancakeV3MintCallback(uint256,uint256,bytes)",
    "0x2c8958f6": "algebraSwapCallback(int256,int256,bytes)",
    "0x3dd657c5": "algebraMintCallback(uint256,uint256,bytes)",
    "0xa60b0d3c": "algebraFlashCallback(uint256,uint256,bytes)",
    "0x654b6487": "ramsesV2SwapCallback(int256,int256,bytes)",
    "0xfa483e72": "swapCallback(int256,int256,bytes)",  # Kyber Elastic
    "0x9f382e9b": "mintCallback(uint256,uint256,bytes)",  # Kyber Elastic
    "0x9a7bff79": "hook(address,uint256,uint256,bytes)",  # Solidly, Velodrome
    "0x91dd7346": "unlockCallback(bytes)",  # Uniswap v4
    "0xab6291fe": "lockAcquired(bytes)",  # PancakeSwap Infinity
    "0x2075be03": "onMorphoSupply(uint256,bytes)",
    "0x05b4591c": "onMorphoRepay(uint256,bytes)",
    "0xb1022fdf": "onMorphoSupplyCollateral(uint256,bytes)",
    "0xcf7ea196": "onMorphoLiquidate(uint256,bytes)",
    "0xa15db5c5": "onDeferredLiquidityCheck(bytes)",  # Euler v1
}
"""Callbacks in which the callee is meant to call back, besides lenders' (reference: the protocols' documentation; each
selector is checked against its signature in the tests). Receiver hooks of tokens are not here: nobody is expected to
call the sending protocol from one, and they are how attackers get control."""

DECLARED = FLASH_CALLBACKS.keys() | POOL_CALLBACKS.keys()

TOKEN_SURFACE = frozenset(
    (
        "0xa9059cbb",  # transfer(address,uint256)
        "0x23b872dd",  # transferFrom(address,address,uint256)
        "0x095ea7b3",  # approve(address,uint256)
        "0x70a08231",  # balanceOf(address)
        "0xdd62ed3e",  # allowance(address,address)
        "0x18160ddd",  # totalSupply()
        "0x06fdde03",  # name()
        "0x95d89b41",  # symbol()
        "0x313ce567",  # decimals()
    )
)
"""ERC-20 (EIP-20). Moving a token that has a hook is not entering a protocol; CrossGuard (ICSE 2026) leaves it out
for the same reason."""

COLLECTION_SURFACE = frozenset(
    (
        "0x42842e0e",  # safeTransferFrom(address,address,uint256)
        "0xb88d4fde",  # safeTransferFrom(address,address,uint256,bytes)
        "0xf242432a",  # safeTransferFrom(address,address,uint256,uint256,bytes)
        "0x2eb2c2d6",  # safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)
        "0xa22cb465",  # setApprovalForAll(address,bool)
        "0xe985e9c5",  # isApprovedForAll(address,address)
        "0x6352211e",  # ownerOf(uint256)
        "0x081812fc",  # getApproved(uint256)
        "0x00fdd58e",  # balanceOf(address,uint256)
        "0x01ffc9a7",  # supportsInterface(bytes4)
    )
)
"""The same of ERC-721 and ERC-1155: who sells in the receiver hook what it just bought has the collection called."""

_NO_ENTRY = TOKEN_SURFACE | COLLECTION_SURFACE | DECLARED


class Reentry(msgspec.Struct, frozen=True):
    """`victim` was active in frame `outer`, gave control to the sender's side in frame `hop`, and before it returned

    `direct`: the side called it in frame `inner`;
    `read`: a contract that the side had called in frame `entry` asked or called it in `inner`;
    `cross`: a contract that it had itself called before was called in `inner`, by the side or by one that the side had
    called in `entry`: the two rely on each other's state.

    Where the side made the call itself, `entry` is `inner`.
    """

    victim: Address
    outer: int
    hop: int
    entry: int
    inner: int
    kind: Literal["direct", "read", "cross"]


def side_of(execution: Execution, frames: Sequence[Frame], protected: frozenset[Address]) -> frozenset[Address]:
    """Sender, the contract it calls, and what these create. What a protocol creates for them is not theirs."""
    side = {a for a in (execution.transaction.from_, execution.transaction.to) if a}
    for frame in frames:
        if frame.kind in CREATIONS and frame.sender in side and not frame.reverted:
            side.add(frame.to)
    return frozenset(side) - protected - {ZERO_ADDRESS}


def helpers(events: Sequence[Event], frames: Sequence[Frame], side: frozenset[Address], book: Ledger,
            protected: frozenset[Address]) -> frozenset[Address]:  # fmt: skip
    """Contracts deployed earlier that work for the side: it calls and pays them, they keep nothing, and whom they pay
    is the side and one contract more. A route pays pools and a recipient, and is paid by whoever trades."""
    called = {f.to for f in frames if f.sender in side and f.kind == "CALL" and not f.reverted} - side - protected
    coin = book.folded | {NATIVE}
    paid_by: dict[Address, set[Address]] = {}
    pays: dict[Address, set[Address]] = {}
    for event in events:
        if isinstance(event, Transfer) and event.amount and event.token not in coin:
            paid_by.setdefault(taker(event), set()).add(giver(event))
            pays.setdefault(giver(event), set()).add(taker(event))
    return frozenset(
        a for a in called
        if pays.get(a, set()) & side and paid_by.get(a, set()) & side and len(pays[a] - side) == 1 and book.passes_on(a)
    )  # fmt: skip


def reentries(frames: Sequence[Frame], side: frozenset[Address], folded: frozenset[Address]) -> list[Reentry]:
    """All of them, in the order of execution. `folded` are wrapped coins: unwrapping hands control over by design."""
    found: list[Reentry] = []
    walk = _Walk(frames)
    for frame in frames:
        walk.leave(frame.index)
        caller = walk.path[-1].acting_as if walk.path else frame.sender
        may_change = frame.kind != "STATICCALL" and walk.changing == len(walk.path)
        if _is_entry(frame, caller, may_change) and frame.to not in side and frame.to not in folded:
            entry = _reentry(frame, walk, may_change)
            if entry is not None:
                found.append(entry)
            if may_change and caller not in side and walk.path:
                walk.rely(frame)
        walk.enter(frame, caller, frame.acting_as in side, may_change)
    return found


def _is_entry(frame: Frame, caller: Address, may_change: bool) -> bool:
    called = frame.kind == "STATICCALL" or (frame.kind == "CALL" and may_change)
    return called and caller != frame.to and not frame.reverted and frame.selector not in _NO_ENTRY


def _reentry(frame: Frame, walk: "_Walk", may_change: bool) -> Reentry | None:
    """What entering `frame` is, by who waits for the side meanwhile."""
    waiting = walk.active.get(frame.to)
    since = waiting[-1] if waiting else walk.relied.get(frame.to)
    hop = walk.hop_after(since)
    if since is None or hop is None:
        return None
    outer = since if waiting else walk.frames[since].parent
    victim = walk.frames[outer].acting_as
    if hop.sender == victim and (hop.selector in DECLARED or (hop.selector and not frame.selector)):
        return None  # asked to call back, or paid by whom it called: proceeds, change
    entry = walk.latest_call_of_side() or frame
    if not waiting and not (may_change and frame.index < walk.frames[outer].end):
        return None
    if entry is frame:
        if not may_change:
            return None  # what the side itself reads harms nobody
    elif entry.kind != "CALL" or entry.selector in TOKEN_SURFACE or entry.to == frame.to:
        return None
    kind: Literal["direct", "read", "cross"] = "cross" if not waiting else "direct" if entry is frame else "read"
    return Reentry(victim, outer, hop.index, entry.index, frame.index, kind)


class _Walk:
    """The frames that are open while the tree is read in the order of execution."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self.path: list[Frame] = []
        self.changing = 0
        """The first so many frames of the path are in no static call."""
        self.active: dict[Address, list[int]] = {}
        """Open frames of others than the side that may change something, by address."""
        self.relied: dict[Address, int] = {}
        """By address the oldest call to it by another contract that is still open."""
        self._side: list[int] = []
        self._hops: list[int] = []

    def leave(self, index: int) -> None:
        """Close the frames that ended before frame `index`."""
        while self.path and self.path[-1].end <= index:
            left = self.path.pop()
            for stack, top in (
                (self._side, len(self.path)),
                (self._hops, left.index),
                (self.active.get(left.to, []), left.index),
            ):
                if stack and stack[-1] == top:
                    stack.pop()
        self.changing = min(self.changing, len(self.path))

    def enter(self, frame: Frame, caller: Address, is_own: bool, may_change: bool) -> None:
        """Open `frame`."""
        if is_own:
            if may_change and frame.kind == "CALL" and self._is_other(caller):
                self._hops.append(frame.index)
            self._side.append(len(self.path))
        elif may_change and frame.kind not in BORROWED_CODE:
            self.active.setdefault(frame.to, []).append(frame.index)
        self.path.append(frame)
        if may_change:
            self.changing = len(self.path)

    def rely(self, frame: Frame) -> None:
        """Note that a contract calls another one."""
        known = self.relied.get(frame.to)
        if known is None or self.frames[self.frames[known].parent].end <= frame.index:
            self.relied[frame.to] = frame.index

    def hop_after(self, index: int | None) -> Frame | None:
        """The first open frame after `index` by which control came to the side from others."""
        first = len(self._hops) if index is None else bisect_right(self._hops, index)
        return self.frames[self._hops[first]] if first < len(self._hops) else None

    def latest_call_of_side(self) -> Frame | None:
        """The open call that the side made last, None where the side itself runs."""
        place = self._side[-1] + 1 if self._side else 0
        return self.path[place] if 0 < place < len(self.path) else None

    def _is_other(self, caller: Address) -> bool:
        return bool(self.path) and bool(self.active.get(caller))
