"""Talking to nodes: JSON-RPC over HTTP, subscriptions over WebSocket, and an Anvil process of our own."""

import contextlib
import sys

# The EVM allows 1,024 nested calls and each is two levels of JSON, which msgspec counts as Python recursion:
# Python's own limit of 1,000 is too low. py_ecc (below eth-account) lifts it to 100,000 when it is imported,
# which is too high: nested JSON then overflows the C stack, and any node or gateway could crash us. So it is
# imported first, and what it did is undone.
with contextlib.suppress(ImportError):
    import py_ecc  # type: ignore[import-untyped, unused-ignore]  # noqa: F401
sys.setrecursionlimit(10_000)
