"""What the events of each protocol say: one file a protocol, named as its folder under `abi/`, found by being here.

Each file holds `MAPPERS`, by event signature (see base.py), and may hold `BOUND_ONLY`, the signatures of those that are
heard only from contracts that are bound to the protocol.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from chainwatch.decode.protocols.base import Mapper, Says

_NO_PROTOCOL = "base"


_MODULES = {m.name: import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__) if m.name != _NO_PROTOCOL}

MAPPERS: Mapping[tuple[str, str], Says | Mapper] = {
    (name, signature): mapper for name, module in _MODULES.items() for signature, mapper in module.MAPPERS.items()
}
"""By (folder under `abi/`, event signature)."""

BOUND_ONLY: frozenset[tuple[str, str]] = frozenset(
    (name, signature) for name, module in _MODULES.items() for signature in getattr(module, "BOUND_ONLY", ())
)
"""Events that mean something only where a contract is known to be of the protocol: too many others write the layout."""
