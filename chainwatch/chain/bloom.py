"""The logs bloom of a block header (Yellow Paper, section 4.4.1).

The header's hash commits to it, so that logs which a provider invents or hides do not match the header on which
the others agree. Some chains leave it zero; then it says nothing.
"""

from collections.abc import Iterable
from functools import lru_cache

import sha3

from chainwatch.types import Log


@lru_cache(maxsize=65_536)
def bits(item: str) -> int:
    """The three bits that `item` (an address or a topic, `0x` hex) sets, as a number of 2,048 bits."""
    digest = sha3.keccak_256(bytes.fromhex(item[2:])).digest()
    value = 0
    for i in (0, 2, 4):
        value |= 1 << (int.from_bytes(digest[i : i + 2], "big") & 2047)
    return value


def bloom_of(logs: Iterable[Log]) -> int:
    """The bloom of `logs`. Raises ValueError where an address or topic is not hex."""
    items: set[str] = set()
    for log in logs:
        items.add(log.address)
        items.update(log.topics)
    value = 0
    for item in items:
        value |= bits(item)
    return value


def may_hold(bloom: int, addresses: Iterable[str]) -> bool:
    """Whether a log may be by one of `addresses`, or name one in a topic."""
    for address in addresses:
        for item in (address, "0x" + address[2:].rjust(64, "0")):
            mask = bits(item)
            if bloom & mask == mask:
                return True
    return False
