"""What the events of each protocol say: one file a protocol, named as its folder under `abi/`, found by being here.

Each file holds `MAPPERS`, by event signature (see base.py).
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from chainwatch.decode.protocols.base import Mapper, Says

_NO_PROTOCOL = "base"


def _mappers() -> dict[tuple[str, str], Says | Mapper]:
    names = [m.name for m in iter_modules(__path__) if m.name != _NO_PROTOCOL]
    tables = {name: import_module(f"{__name__}.{name}").MAPPERS for name in names}
    return {(name, signature): mapper for name, table in tables.items() for signature, mapper in table.items()}


MAPPERS: Mapping[tuple[str, str], Says | Mapper] = _mappers()
"""By (folder under `abi/`, event signature)."""
