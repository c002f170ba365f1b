"""A node's history for `scan` and `record`: blocks in order, several fetched at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from chainwatch.chain.pool import Pool
from chainwatch.chain.probes import ProbeSpec, call_probes
from chainwatch.chain.rpc import Rpc, chain_id, quantity
from chainwatch.chain.wire import WireHeader
from chainwatch.config.load import Loaded
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.errors import BadInput, NodeError, NodeRejected, WrongChain
from chainwatch.sources.fetch import FetchedBlock, Fetcher, TraceMode, detect_trace_mode
from chainwatch.types import BlockRef, HexData

_AT_ONCE = 8
_HEADERS_AT_ONCE = 64

Answers = list[tuple[ProbeSpec, HexData | None]]


@asynccontextmanager
async def history(
    loaded: Loaded | None,
    url: str | None,
    first: int,
    last: int | None,
    specs: Sequence[ProbeSpec] = (),
    traces: TraceMode | None = None,
) -> AsyncIterator[tuple[int, AsyncIterator[tuple[FetchedBlock, Answers]]]]:
    """How many blocks, and the blocks from `first` to `last` (None: the head) with the answers of `specs`;
    `traces` overrides what the configuration says or the node offers.

    Raises BadInput without an endpoint or for an impossible range, WrongChain when node and configuration disagree.
    """
    chain = await chain_of(loaded, url)
    async with Pool(chain) as pool:
        await pool.open()
        head = quantity(await pool.call("eth_blockNumber", as_=str))
        last = head if last is None else last
        if first > last or last > head:
            raise BadInput(f"There are no blocks {first} to {last}: the head is {head}.", "Correct --from and --to.")
        fetcher = Fetcher(pool, chain.id, await detect_trace_mode(pool, traces or chain.traces))
        yield last - first + 1, _blocks(pool, fetcher, first, last, specs)


async def chain_of(loaded: Loaded | None, url: str | None) -> ChainConfig:
    """The configured chain, or the one that the node at `url` is on, which must be the configured one if there is."""
    if url is None:
        if loaded is None:
            raise BadInput("No node is known.", "Give --rpc, or --config with [[chains.providers]].")
        return loaded.chain
    async with Rpc(url) as rpc:
        actual = await chain_id(rpc)
    if loaded is not None and actual not in {chain.id for chain in loaded.config.chains}:
        known = ", ".join(str(chain.id) for chain in loaded.config.chains)
        raise WrongChain(f"The node is on chain {actual}, chains.id is {known}.", "Correct --rpc or chainwatch.toml.")
    own = loaded.for_chain(actual).chain if loaded is not None else None
    provider = ProviderConfig(name="node", http=url)
    if own is None:
        return ChainConfig(id=actual, providers=(provider,))
    return own.model_copy(update={"providers": (provider,), "quorum": None})


async def _blocks(
    pool: Pool, fetcher: Fetcher, first: int, last: int, specs: Sequence[ProbeSpec]
) -> AsyncIterator[tuple[FetchedBlock, Answers]]:
    tasks: deque[asyncio.Task[tuple[FetchedBlock, Answers]]] = deque()
    waiting: deque[BlockRef] = deque()
    number = first
    try:
        while tasks or waiting or number <= last:
            if not waiting and number <= last:
                upto = min(number + _HEADERS_AT_ONCE - 1, last)
                waiting.extend(await _headers(pool, number, upto))
                number = upto + 1
            while waiting and len(tasks) < _AT_ONCE:
                tasks.append(asyncio.create_task(_one(pool, fetcher, waiting.popleft(), specs)))
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _headers(pool: Pool, first: int, last: int) -> list[BlockRef]:
    calls = [("eth_getBlockByNumber", [hex(number), False]) for number in range(first, last + 1)]
    answers = await pool.batch(calls)
    for answer in answers:
        if isinstance(answer, NodeRejected):
            raise answer
    try:
        return [msgspec.convert(answer, WireHeader).ref() for answer in answers]
    except (msgspec.ValidationError, ValueError) as error:
        raise NodeError(f"Headers {first} to {last} cannot be read: {error}.", "Check the node.") from error


async def _one(pool: Pool, fetcher: Fetcher, ref: BlockRef, specs: Sequence[ProbeSpec]) -> tuple[FetchedBlock, Answers]:
    assert ref.hash is not None and ref.number is not None
    fetched = await fetcher.fetch(ref.hash, ref.number)
    return fetched, await call_probes(pool, specs, fetched.block.ref)
