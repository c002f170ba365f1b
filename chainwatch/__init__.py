"""chainwatch: incident response for DeFi and on-chain derivatives.

See every block and pending transaction of a protected protocol, decide whether it is an attack,
contain it with the least harmful pre-defined action, prove what happened, and learn from it.
The vocabulary is in `chainwatch.types`; `chainwatch.engine` wires the rooms together.
"""

import os

__version__ = "0.1.0"

# eth-hash picks pycryptodome (8 µs a hash) even where pysha3 (2 µs) is installed; it reads this variable
# at its first import, so it has to be set before anything of ours imports it.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
