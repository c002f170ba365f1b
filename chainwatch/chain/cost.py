"""How many calls a day the providers will be asked, estimated before the start. `/metrics` counts them afterwards.

A call of a batch counts as one, as providers count it. Of what goes to one provider that has the role, the share is
taken as equal; in truth the quickest gets nearly all of it. Not counted are catching up, actions, and what is asked
again because a provider failed or was slow.
"""

from collections.abc import Sequence

import msgspec

from chainwatch.chain.l2 import facts_of
from chainwatch.config.load import Loaded
from chainwatch.config.models import ProviderConfig

_DAY_SECONDS = 86_400

_VERIFY_A_SECOND = 2 / 60  # eth_chainId and the genesis block every minute (chain/pool.py)
_FINALITY_A_SECOND = 2 / 6  # `safe` and `finalized` every 6 s (engine/finality.py)
_SEQUENCER_A_SECOND = 1 / 10  # the uptime feed every 10 s (engine/sequencer.py)
_BLOCK_CALLS = 2  # the block and its receipts (sources/fetch.py)
_FEW_TREES = 8  # so many are asked for one by one before a whole block's are (sources/fetch.py)
_ASK_AFTER_SECONDS, _ASKED_AT_ONCE = 3.0, 100  # whether a pending transaction is still there (sources/mempool.py)
_HEADS_A_SECOND = 10.0  # the most that simulations ask for (sources/simulate.py)

# Assumptions. How fast the chain goes is measured where a node can be asked.
_TRANSACTIONS = 100.0  # in a block
_SUSPICIOUS = 0.6  # share of transactions of which a call tree is fetched
_CONCERNED = 0.5  # share of blocks whose bloom may hold a watched address, false positives included
PENDING_A_SECOND = 5.0
"""Pending transactions a second that are simulated, where the mempool is watched: all but plain payments."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a chain goes: seconds from block to block, and transactions in a block."""

    block_seconds: float
    transactions: float = _TRANSACTIONS


class _Sum:
    """Calls a second by provider."""

    def __init__(self, providers: Sequence[ProviderConfig]) -> None:
        self.calls = dict.fromkeys((p.name for p in providers), 0.0)

    def each(self, providers: Sequence[ProviderConfig], calls: float) -> None:
        """Each of `providers` is asked."""
        for provider in providers:
            self.calls[provider.name] += calls

    def one(self, providers: Sequence[ProviderConfig], calls: float) -> None:
        """One of `providers` is asked, whichever."""
        self.each(providers, calls / max(1, len(providers)))


def estimated_calls(loaded: Loaded, pace: Pace | None = None) -> dict[str, int]:
    """Calls a day by provider, for a bot that runs undisturbed on one chain; without `pace` at its usual one."""
    chain, facts = loaded.chain, facts_of(loaded.chain.id)
    pace = pace or Pace(block_seconds=facts.block_time_seconds)
    blocks = 1 / pace.block_seconds
    total = _Sum(chain.providers)
    heads, readers, tracers = chain.having("heads"), chain.having("reads"), chain.having("traces")
    asked = [p for p in chain.providers if p in heads or p in readers or p in tracers]
    voting = readers if chain.needed > 1 and len(readers) > 1 else ()

    total.each(asked, _VERIFY_A_SECOND)
    polls = 1 / chain.poll_seconds
    for head in heads:
        # With pushes it is polled only while the next block keeps one waiting: half a poll less a block on average.
        total.each([head], polls if head.ws is None else max(0.0, polls - blocks / 2))
    if not any(head.ws for head in heads):
        total.one(readers, max(0.0, blocks - polls))  # headers of blocks between two polls
    if chain.finality_depth is None:
        total.each(readers, _FINALITY_A_SECOND)
    if facts.sequencer_uptime_feed is not None:
        total.each(voting, _SEQUENCER_A_SECOND) if voting else total.one(readers, _SEQUENCER_A_SECOND)

    total.one(readers, blocks * _BLOCK_CALLS)
    if loaded.profiles and len(readers) > 1 and pace.transactions:
        total.each(readers, blocks * _BLOCK_CALLS * _CONCERNED)
    total.one(tracers, blocks * _trees(loaded, pace))
    probes = any(p.probes or p.oracles for p in loaded.profiles)
    if probes:  # all of them in one eth_call
        total.each(voting, blocks) if voting else total.one(readers, blocks)

    if chain.mempool:
        total.one(readers, min(PENDING_A_SECOND, _HEADS_A_SECOND))
        total.one(tracers, PENDING_A_SECOND)
        if probes:
            total.one(readers, PENDING_A_SECOND)
        waiting = PENDING_A_SECOND * pace.block_seconds  # they are included in the next block
        total.each(readers, min(waiting, _ASKED_AT_ONCE) / _ASK_AFTER_SECONDS)
    return {name: round(calls * _DAY_SECONDS) for name, calls in total.calls.items()}


def _trees(loaded: Loaded, pace: Pace) -> float:
    """Calls for call trees a block."""
    chain = loaded.chain
    if chain.traces == "none":
        return 0.0
    if chain.call_trees == "all" or not loaded.profiles:
        return 1.0
    wanted = pace.transactions * _SUSPICIOUS
    return 1.0 if wanted > max(_FEW_TREES, pace.transactions / 4) else wanted
