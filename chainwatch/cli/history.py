"""A node's history for `scan` and `record`: blocks in order, several fetched at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from chainwatch.chain.probes import ProbeSpec, call_probes
from chainwatch.chain.rpc import Rpc, chain_id, quantity
from chainwatch.chain.wire import WireHeader
from chainwatch.config.load import Loaded
from chainwatch.errors import BadInput, WrongChain
from chainwatch.sources.fetch import FetchedBlock, Fetcher, detect_trace_mode
from chainwatch.types import HexData

_AT_ONCE = 8

Answers = list[tuple[ProbeSpec, HexData | None]]


@asynccontextmanager
async def history(
    loaded: Loaded | None, url: str | None, first: int, last: int | None, specs: Sequence[ProbeSpec] = ()
) -> AsyncIterator[tuple[int, AsyncIterator[tuple[FetchedBlock, Answers]]]]:
    """How many blocks, and the blocks from `first` to `last` (None: the head) with the answers of `specs`.

    Raises BadInput without an endpoint or for an impossible range, WrongChain when node and configuration disagree.
    """
    url = url or (loaded.config.chain.http if loaded else None)
    if url is None:
        raise BadInput("No node is known.", "Give --rpc, or --config with chain.http.")
    async with Rpc(url) as rpc:
        chain = await chain_id(rpc)
        if loaded is not None and loaded.config.chain.id != chain:
            raise WrongChain(
                f"The node is on chain {chain}, chain.id is {loaded.config.chain.id}.",
                "Correct chain.http or chain.id in chainwatch.toml.",
            )
        head = quantity(await rpc.call("eth_blockNumber", as_=str))
        last = head if last is None else last
        if first > last or last > head:
            raise BadInput(f"There are no blocks {first} to {last}: the head is {head}.", "Correct --from and --to.")
        fetcher = Fetcher(rpc, chain, await detect_trace_mode(rpc, loaded.config.chain.traces if loaded else "auto"))
        yield last - first + 1, _blocks(rpc, fetcher, first, last, specs)


async def _blocks(
    rpc: Rpc, fetcher: Fetcher, first: int, last: int, specs: Sequence[ProbeSpec]
) -> AsyncIterator[tuple[FetchedBlock, Answers]]:
    tasks: list[asyncio.Task[tuple[FetchedBlock, Answers]]] = []
    number = first
    try:
        while tasks or number <= last:
            while number <= last and len(tasks) < _AT_ONCE:
                tasks.append(asyncio.create_task(_one(rpc, fetcher, number, specs)))
                number += 1
            yield await tasks.pop(0)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(rpc: Rpc, fetcher: Fetcher, number: int, specs: Sequence[ProbeSpec]) -> tuple[FetchedBlock, Answers]:
    header = await rpc.call("eth_getBlockByNumber", [hex(number), False], as_=WireHeader)
    fetched = await fetcher.fetch(header.hash, number)
    return fetched, await call_probes(rpc, specs, fetched.block.ref)
