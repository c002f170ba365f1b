"""All chains of a configuration in one process, each with an engine of its own, sharing store and channels.

A chain whose providers are away when the bot starts is tried again for ever; one that fails later is restarted. No
chain waits for another.
"""

import asyncio
import gc
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

import structlog
from apprise import NotifyType

from chainwatch.chain.pool import Pool
from chainwatch.config.load import Loaded
from chainwatch.engine import Engine, EngineStatus, Observer
from chainwatch.engine.desk import Desk
from chainwatch.errors import NodeError
from chainwatch.notify.channel import Notifier
from chainwatch.respond.responder import Responder
from chainwatch.store import Store

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 5.0


class Bot:
    """`async with Bot(...) as bot: await bot.run()`. `observer` makes one for each chain id."""

    def __init__(self, loaded: Loaded, *, armed: bool, observer: Callable[[int], Observer] | None = None) -> None:
        self._loaded = loaded
        self._armed = armed
        self._observer = observer
        self._stack = AsyncExitStack()
        self._stopped = asyncio.Event()
        self._engines: dict[int, Engine] = {}
        self.away: dict[int, str] = {}
        """Chains that have no engine now, and why."""

    async def __aenter__(self) -> "Bot":
        try:
            self.store = await Store.open(self._loaded.store)
            self._stack.push_async_callback(self.store.close)
            self.notifier = Notifier(self._loaded.config.notify)
            chains = self._loaded.by_chain()
            failures: list[NodeError] = []
            for chain in chains:
                # What is wrong with the configuration ends the start; a chain that is away does not hold up the others.
                try:
                    await self._stack.enter_async_context(self._engine(chain))
                except NodeError as error:
                    failures.append(error)
                    self.away[chain.chain.id] = error.problem
                    log.error("a chain cannot be watched yet", chain_id=chain.chain.id, error=str(error))
            if len(failures) == len(chains):
                raise failures[0]
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _engine(self, chain: Loaded) -> Engine:
        async def responder(store: Store, pool: Pool) -> Responder:
            return await Responder.create(chain, store, pool, armed=self._armed)

        chain_id = chain.chain.id
        engine = Engine(
            chain,
            responder_factory=responder,
            observer=self._observer(chain_id) if self._observer else None,
            store=self.store,
            notifier=self.notifier,
        )
        self._engines[chain_id] = engine
        return engine

    @property
    def armed(self) -> bool:
        """Whether any chain's action could be sent now."""
        return any(engine.responder.armed for engine in self._running().values())

    def statuses(self) -> dict[int, EngineStatus]:
        """The status of every chain that has an engine."""
        return {chain: engine.status for chain, engine in self._running().items()}

    def pool(self, chain_id: int) -> Pool:
        """The providers of a chain that has an engine."""
        return self._engines[chain_id].pool

    def not_ready(self) -> dict[int, list[str]]:
        """By chain, why it is red; an empty list where it is green."""
        reasons = {chain: status.not_ready() for chain, status in self.statuses().items()}
        return reasons | {chain: [f"away: {why}"] for chain, why in self.away.items()}

    def _running(self) -> dict[int, Engine]:
        return {chain: engine for chain, engine in self._engines.items() if chain not in self.away}

    def stop(self) -> None:
        """Finish the blocks in hand and end `run()`."""
        self._stopped.set()
        for engine in self._running().values():
            engine.stop()

    async def run(self) -> None:
        """Watch all chains until `stop()`."""
        # What was loaded stays: the collector need not look at a hundred protocols each time (a quarter of decoding).
        gc.collect()
        gc.freeze()
        notifying = [asyncio.create_task(self._notify()), asyncio.create_task(Desk(self.store, self.notifier).follow())]
        try:
            async with asyncio.TaskGroup() as group:
                for chain in self._loaded.by_chain():
                    group.create_task(self._watch(chain))
        finally:
            for task in notifying:
                task.cancel()
            await asyncio.gather(*notifying, return_exceptions=True)

    async def _notify(self) -> None:
        while True:
            try:
                await self.notifier.run()
            except Exception as error:
                log.exception("the channels failed and are restarted", error=str(error))
                await asyncio.sleep(1.0)

    async def _watch(self, chain: Loaded) -> None:
        chain_id = chain.chain.id
        if chain_id not in self.away:
            await self._engines[chain_id].run()
            return
        self.notifier.message(
            f"chainwatch is blind on chain {chain_id}: it could not start", self.away[chain_id], NotifyType.FAILURE
        )
        while not self._stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), _AGAIN_SECONDS)
                return
            try:
                async with self._engine(chain) as engine:
                    del self.away[chain_id]
                    self.notifier.message(f"chainwatch watches chain {chain_id} now", "It could be reached at last.")
                    await engine.run()
            except NodeError as error:
                self.away[chain_id] = error.problem
