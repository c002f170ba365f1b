"""Whose turn it is to act: the lease of a responder, by name, and who holds it.

Two responders on one store must not both act; the store's fencing token refuses the one whose lease has
changed hands. A holder that was killed on this machine does not lock out its successor.
"""

import os
import socket

LEASE_SECONDS = 60.0
"""A responder that says nothing for so long has lost its turn."""


def lease_name(chain: int) -> str:
    """The lease of the responder of `chain`."""
    return f"responder-{chain}"


def is_dead(holder: str) -> bool:
    """Whether a lease's holder ran on this machine and is gone: a killed bot must not lock out its successor."""
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def holder() -> str:
    """How this process signs a lease."""
    return f"{socket.gethostname()}:{os.getpid()}"
