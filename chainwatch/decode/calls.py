"""The call tree as a flat list of Frames, depth-first, without recursion: the EVM nests to 1,024 and nodes vary."""

import re

from chainwatch.types import ZERO_ADDRESS, Address, CallFrame, Frame, HexData

CREATIONS = ("CREATE", "CREATE2")
BORROWED_CODE = ("DELEGATECALL", "CALLCODE")
_SELECTOR_END = 10  # "0x" and four bytes
_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}")


def quantity(text: str) -> int:
    """A number of at most 256 bits in `0x` hex. Raises ValueError for anything else, also what `int` would take."""
    if _QUANTITY.fullmatch(text) is None:
        raise ValueError(f"{text[:80]!r} is not a quantity of 256 bits")
    return int(text, 16)


def flatten(root: CallFrame) -> tuple[tuple[Frame, ...], frozenset[Address]]:
    """Every frame in the order of execution, and the contracts created in frames that were not undone. Addresses and
    call data are in lower case, as in logs, whichever case the tree is in.

    Raises ValueError where a value is not a quantity.
    """
    calls: list[CallFrame] = []
    parents: list[int] = []
    stack: list[tuple[CallFrame, int]] = [(root, -1)]
    while stack:
        call, parent = stack.pop()
        index = len(calls)
        calls.append(call)
        parents.append(parent)
        if call.calls:
            stack.extend((child, index) for child in reversed(call.calls))
    ends = list(range(1, len(calls) + 1))
    for index in range(len(calls) - 1, 0, -1):
        ends[parents[index]] = max(ends[parents[index]], ends[index])
    frames: list[Frame] = []
    created: set[Address] = set()
    for index, call in enumerate(calls):
        above = frames[parents[index]] if index else None
        frame = _frame(index, call, parents[index], above, ends[index])
        frames.append(frame)
        if call.type in CREATIONS and call.to and not frame.reverted:
            created.add(frame.to)
    return tuple(frames), frozenset(created)


def _frame(index: int, call: CallFrame, parent: int, above: Frame | None, end: int) -> Frame:
    to = (call.to or ZERO_ADDRESS).lower()  # a creation that failed has no address
    value, data = call.value, call.input.lower()
    return Frame(
        index=index,
        parent=parent,
        depth=above.depth + 1 if above else 0,
        kind=call.type,
        sender=call.from_.lower(),
        to=to,
        acting_as=above.acting_as if above and call.type in BORROWED_CODE else to,
        value=quantity(value) if value and value != "0x0" else 0,
        selector=data[:_SELECTOR_END] if len(data) >= _SELECTOR_END and call.type not in CREATIONS else "",
        input=data,
        reverted=call.error is not None or (above.reverted if above else False),
        end=end,
    )


def word(data: HexData, n: int) -> int | None:
    """The `n`-th argument word after the selector, None where the call data ends before it."""
    start = _SELECTOR_END + 64 * n
    text = data[start : start + 64]
    if len(text) != 64:
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None


def address_word(data: HexData, n: int) -> Address | None:
    """The same as an address. Dirty upper bytes are ignored, as contracts that accept them do."""
    start = _SELECTOR_END + 64 * n
    text = data[start : start + 64]
    return "0x" + text[24:] if len(text) == 64 else None


def word_array(data: HexData, n: int) -> list[int]:
    """The dynamic array of words whose offset is the `n`-th argument; empty where it is not one."""
    offset = word(data, n)
    if offset is None or offset % 32 or offset > len(data):
        return []
    length = word(data, offset // 32)
    if length is None or length > 64:  # no flash loan names more tokens; keeps hostile lengths out
        return []
    items = [word(data, offset // 32 + 1 + i) for i in range(length)]
    return [item for item in items if item is not None]
