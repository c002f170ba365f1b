"""How many calls a day the providers will be asked, estimated before the start. `/metrics` counts them afterwards."""

from chainwatch.chain.l2 import facts_of
from chainwatch.config.load import Loaded

_DAY_SECONDS = 86_400

_A_BLOCK = 4  # the block, its receipts, its call trees, and the round trip that verifies or looks for finality
_TOUCHING_BLOCKS = 0.1  # share of blocks that concern a protected contract; a guess, and said so


def estimated_calls(loaded: Loaded) -> dict[str, int]:
    """Calls a day by provider, for a bot that runs undisturbed on one chain."""
    chain = loaded.chain
    blocks = _DAY_SECONDS / facts_of(chain.id).block_time_seconds
    probes = any(p.probes or p.oracles for p in loaded.profiles)
    calls: dict[str, int] = {}
    readers = chain.having("reads")
    for provider in chain.providers:
        total = 0.0
        if "heads" in provider.roles:
            total += _DAY_SECONDS / chain.poll_seconds
        if provider in readers:
            total += blocks * (int(probes) + _TOUCHING_BLOCKS) + blocks * _A_BLOCK / len(readers)
        calls[provider.name] = round(total)
    return calls
