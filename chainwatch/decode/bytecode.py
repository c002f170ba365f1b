"""What a contract's code says of itself: its functions, what it calls, which addresses it holds.

One linear sweep over init or runtime code, the data of pushes skipped, the compiler's metadata left out. Init code
holds the runtime code, so either will do. No disassembler: a few facts about compiled dispatchers and calls suffice,
and code that hides from them hides from this (docs/detectors/staging.md). Any bytes are harmless: time and memory are
linear.
"""

import re
from collections.abc import Iterable

import msgspec

from chainwatch.types import Address, HexData

MAX_BYTES = 2 * 65_536
"""More is not read. Init code may have 49,152 bytes (EIP-3860), on some chains twice that."""

_PUSH0, _PUSH1, _PUSH3, _PUSH4, _PUSH20, _PUSH32 = 0x5F, 0x60, 0x62, 0x63, 0x73, 0x7F
_SHORTEST = 14  # bytes: compilers leave leading zeros out, and who mines an address seldom gets more than six
_TOKENS = re.compile(
    rb"[^\x60-\x7f]+|" + b"|".join(rb"\x%02x.{0,%d}" % (_PUSH1 + n, n + 1) for n in range(32)), re.DOTALL
)
# solc: ipfs or swarm hash, then the compiler's version (docs.soliditylang.org, contract metadata)
_METADATA = re.compile(
    rb"\xa2\x64ipfs\x58\x22.{34}\x64solc(?:\x43.{3}\x00\x33|\x58.{1,64}?\x00.)"
    rb"|\xa2\x65bzzr[01]\x58\x20.{32}\x64solc\x43.{3}\x00\x32|\xa1\x65bzzr[01]\x58\x20.{32}\x00\x29",
    re.DOTALL,
)
# What follows a selector in a dispatcher, up to the push of where to jump. solc and Huff: DUP1 PUSH4 EQ, old solc PUSH4
# DUP2 EQ; the optimiser: SUB; Vyper: PUSH4 DUP2 XOR, with ISZERO. Vyper below 0.3.4 reads it from memory. Among many
# functions solc searches by halves, with LT or GT: those selectors come again.
_COMPARES = re.compile(rb"[\x80-\x9f]?[\x14\x18\x03\x10\x11]\x15?")
_HALVES = re.compile(rb"[\x10\x11]")
_COMPARES_MEMORY = re.compile(rb"\x51\x14\x15?")
_JUMPI, _SHL = 0x57, 0x1B
_NO_SELECTORS = frozenset(("0xffffffff", "0x00000000", "0x08c379a0", "0x4e487b71"))  # mask, zero, Error, Panic
_CREATE, _CALL, _CALLCODE, _DELEGATECALL, _CREATE2, _STATICCALL, _SELFDESTRUCT = (
    0xF0,
    0xF1,
    0xF2,
    0xF4,
    0xF5,
    0xFA,
    0xFF,
)
_ABOVE_SELECTOR = (1 << 224) - 1
_MASK20 = b"\xff" * 20


class Code(msgspec.Struct, frozen=True, gc=False):
    """What the sweep found. `functions` are selectors that the dispatcher compares with, in its order; `called` all
    other selectors, errors among them; `addresses` what is pushed and looks like an address; `calls` how often it calls
    anything. The four flags are opcodes that occur."""

    size: int
    functions: tuple[str, ...] = ()
    called: frozenset[str] = frozenset()
    addresses: frozenset[Address] = frozenset()
    calls: int = 0
    creates: bool = False
    delegates: bool = False
    destroys: bool = False


def sweep(code: HexData) -> Code:
    """Read init or runtime code. Never raises: what is not hex has no size."""
    raw = code_bytes(code)
    tokens: list[bytes] = _TOKENS.findall(_METADATA.sub(b"\x00", raw))
    functions: dict[str, None] = {}
    called: set[str] = set()
    addresses: set[Address] = set()
    ops = bytearray()
    for i, token in enumerate(tokens):
        op = token[0]
        if not _PUSH1 <= op <= _PUSH32:
            ops += token
        elif op <= _PUSH4:
            selector = _selector(tokens, i)
            if selector is None or selector in _NO_SELECTORS:
                continue
            if op >= _PUSH3 and _is_compared(tokens, i):
                if not _HALVES.search(tokens[i + 1]):
                    functions[selector] = None
            else:
                called.add(selector)
        elif op == _PUSH20 or (op == _PUSH32 and token[1:13] == bytes(12)):
            value = token[-20:]
            if len(token) == op - _PUSH0 + 1 and value != _MASK20 and any(value[:12]):  # not a number below 2^64
                addresses.add("0x" + value.hex())
        elif op == _PUSH32 and len(token) == 33 and not any(token[5:]):
            called.add("0x" + token[1:5].hex())
    return Code(
        size=len(raw),
        functions=tuple(functions),
        called=frozenset(called - _NO_SELECTORS),
        addresses=frozenset(addresses),
        calls=sum(ops.count(each) for each in (_CALL, _CALLCODE, _DELEGATECALL, _STATICCALL)),
        creates=_CREATE in ops or _CREATE2 in ops,
        delegates=_DELEGATECALL in ops,
        destroys=_SELFDESTRUCT in ops,
    )


def code_bytes(code: HexData) -> bytes:
    """The bytes of `code`, at most MAX_BYTES; empty where it is not hex."""
    try:
        return bytes.fromhex(code[2 : 2 + 2 * MAX_BYTES])
    except ValueError:
        return b""


def held(code: HexData, addresses: Iterable[Address]) -> list[Address]:
    """Those of `addresses` that occur anywhere in `code`: pushed, in a table, or among the constructor's arguments.

    Without the leading zeros, which compilers leave out; by chance that happens once in 2^112 places.
    """
    return [a for a in addresses if a[2:].lstrip("0").rjust(2 * _SHORTEST, "0") in code]


def _selector(tokens: list[bytes], i: int) -> str | None:
    """The selector that a push of at most four bytes stands for: as it is, or shifted to the top of a word."""
    token = tokens[i]
    value = int.from_bytes(token[1:])
    following = tokens[i + 1] if i + 1 < len(tokens) else b""
    after = tokens[i + 2] if i + 2 < len(tokens) else b""
    if following[:1] == b"\x60" and after[:1] == bytes((_SHL,)):
        word = value << following[-1]
        return None if word >> 256 or word & _ABOVE_SELECTOR else f"0x{word >> 224:08x}"
    full = len(token) == token[0] - _PUSH0 + 1
    if not full or token[0] < _PUSH3:
        return None
    return f"0x{value:08x}" if token[0] == _PUSH4 or _is_compared(tokens, i) else None


def _is_compared(tokens: list[bytes], i: int) -> bool:
    """Whether what is pushed is compared and jumped on: a function of its own."""
    rest = tokens[i + 1 : i + 5]
    if len(rest) >= 3 and _COMPARES.fullmatch(rest[0]):
        jump = rest[1:3]
    elif len(rest) == 4 and rest[0][0] == _PUSH1 and _COMPARES_MEMORY.fullmatch(rest[1]):
        jump = rest[2:4]
    else:
        return False
    return _PUSH1 <= jump[0][0] <= _PUSH3 and jump[1][0] == _JUMPI
