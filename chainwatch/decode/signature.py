"""Human-readable signatures, as ethers writes them: `event Transfer(address indexed from, address to)`.

Types may be the ABI's own, their short forms (`uint`, `int`), `address payable`, and tuples written
as `(uint256 a, bool b)` or `tuple(uint256 a, bool b)`, with arrays of all of them. Whatever stands after the
parameters (`view`, `returns (…)`) is not looked at, but for `anonymous`.
"""

import re
from typing import NamedTuple

_KINDS = ("event", "function", "error", "constructor", "fallback", "receive")
_HEAD = re.compile(r"\s*([a-z]+)\s*([A-Za-z_$][\w$]*)?\s*\(")
_IGNORED = frozenset(("memory", "calldata", "storage", "payable"))
_SHORT = re.compile(r"^(u?int)(?!\d)")
MAX_DEPTH = 16


class Declared(NamedTuple):
    """One entry of an ABI. Each input is its name (may be empty), its canonical type and whether it is indexed."""

    kind: str
    name: str
    inputs: tuple[tuple[str, str, bool], ...]
    anonymous: bool = False


def parse_signature(text: str) -> Declared:
    """What `text` declares. Raises ValueError naming it where it is none of these."""
    match = _HEAD.match(text)
    if match is None or match[1] not in _KINDS:
        raise ValueError(f"{text[:80]!r} is no signature")
    end = _closing(text, match.end() - 1)
    inputs = tuple(_input(part, text) for part in _split(text[match.end() : end]))
    return Declared(match[1], match[2] or "", inputs, "anonymous" in text[end + 1 :].split())


def _input(text: str, whole: str, depth: int = 0) -> tuple[str, str, bool]:
    if depth > MAX_DEPTH:
        raise ValueError(f"{whole[:80]!r} nests too deep")
    text = text.strip()
    if text.startswith("tuple("):
        text = text[5:]
    if text.startswith("("):
        end = _closing(text, 0)
        inner = ",".join(_input(part, whole, depth + 1)[1] for part in _split(text[1:end]))
        suffix = re.match(r"[\[\]\d]*", text[end + 1 :])
        assert suffix is not None
        type_, rest = f"({inner}){suffix[0]}", text[end + 1 + len(suffix[0]) :].split()
    else:
        words = text.split()
        if not words:
            raise ValueError(f"{whole[:80]!r} has an empty parameter")
        type_, rest = _SHORT.sub(r"\g<1>256", words[0]), words[1:]
    indexed = "indexed" in rest
    names = [word for word in rest if word != "indexed" and word not in _IGNORED]
    if len(names) > 1:
        raise ValueError(f"{whole[:80]!r}: {text!r} is no parameter")
    return names[0] if names else "", type_, indexed


def _closing(text: str, opening: int) -> int:
    """The index of the bracket that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return index
    raise ValueError(f"{text[:80]!r} has brackets that do not close")


def _split(text: str) -> list[str]:
    """At the commas that are in no brackets."""
    if not text.strip():
        return []
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
