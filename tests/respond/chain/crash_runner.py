"""Run as a process of its own by test_crash: acts, and is killed with SIGKILL at a named point. Not a test.

`python crash_runner.py CONFIG POINT`; the product knows nothing of these points: its parts are wrapped here.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.config.load import load
from chainwatch.respond.responder import Responder
from chainwatch.store import OutboxState, Store


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingRpc(Rpc):
    point = ""

    async def call(self, method: str, params: Any = (), **options: Any) -> Any:
        sending = method == "eth_sendRawTransaction"
        if sending and self.point == "before_broadcast":
            die()
        result = await super().call(method, params, **options)
        if sending and self.point == "after_broadcast":
            die()
        return result


async def main(config: Path, point: str) -> None:
    loaded = load(config)
    store = await Store.open(loaded.store)
    rpc = DyingRpc(loaded.chain.providers[0].http)
    rpc.point = point
    responder = await Responder.create(loaded, store, Pool.over(rpc, loaded.chain.id), armed=True)
    plan, move = store.outbox.plan, store.outbox.move

    async def planned(*arguments: Any, **options: Any) -> Any:
        row = await plan(*arguments, **options)
        if point == "planned":
            die()
        return row

    async def moved(action_id: int, state: OutboxState, **fields: Any) -> None:
        await move(action_id, state, **fields)
        if point == state:
            die()

    store.outbox.plan = planned  # type: ignore[method-assign]
    store.outbox.move = moved  # type: ignore[method-assign]
    await responder.act(loaded.playbooks[0].name, wait=True)
    print("survived")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
