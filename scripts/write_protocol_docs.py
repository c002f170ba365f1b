#!/usr/bin/env python3
"""Write docs/protocols.md from the ABIs and the protocols' tables, so that it cannot drift.

With --check, write nothing and exit 1 where it differs.
"""

import sys
from collections import Counter
from pathlib import Path

from chainwatch.decode import load_registry
from chainwatch.decode.protocols import MAPPERS
from chainwatch.decode.protocols.base import Says

FILE = Path(__file__).resolve().parents[1] / "docs" / "protocols.md"

INTRODUCTION = """\
# Protocols

Generated from `abi/` and `chainwatch/decode/protocols/` by `scripts/write_protocol_docs.py`.

What each protocol's events mean in the vocabulary; `decoded` are its event layouts, `mapped` those that mean an Event,
the others are shown in words only. Where an ABI is from stands in `abi/<protocol>/README.md`. A protocol's name here is
what `protocol` of a contract in a profile, and `chainwatch decode --protocol ADDRESS=NAME`, take.
"""

COLLISIONS = """
## Collisions

Keys that mean more than one thing. By address (where the profile names the contract's protocol) comes first, then the
shape, then the order below: the first of each line speaks where nobody says otherwise.

"""


def main() -> int:
    text = _markdown()
    if "--check" in sys.argv[1:]:
        if FILE.exists() and FILE.read_text() == text:
            return 0
        print(f"{FILE.name} is not what the protocols say: run scripts/write_protocol_docs.py")
        return 1
    FILE.write_text(text)
    print(FILE)
    return 0


def _markdown() -> str:
    registry = load_registry()
    lines = [INTRODUCTION, "| protocol | decoded | mapped | functions | errors | Events |", "|---|---|---|---|---|---|"]
    for protocol in registry.protocols:
        own = registry.of(protocol)
        known = (*own.known, *own.anonymous)
        mapped = [k for k in known if k.mapper is not None]
        kinds = Counter(
            mapper.kind.__name__ if isinstance(mapper, Says) else "several"
            for (name, _), mapper in MAPPERS.items()
            if name == protocol
        )
        said = ", ".join(f"{kind}" for kind in sorted(kinds))
        counts = f"{len(known)} | {len(mapped)} | {len(own.functions)} | {len(own.errors)}"
        lines.append(f"| {protocol} | {counts} | {said} |")
    collisions = sorted(registry.collisions(), key=lambda c: (c.kind, c.meanings))
    lines.append(COLLISIONS)
    kind = ""
    for collision in collisions:
        if collision.kind != kind:
            kind = collision.kind
            lines.append(f"\n### {kind[0].upper()}{kind[1:]}\n")
        meanings = " · ".join(f"`{meaning}`" for meaning in collision.meanings)
        lines.append(f"- `{collision.key[:10]}` {meanings}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
