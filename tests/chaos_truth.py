"""What really happened on the chain, read from Anvil itself, past all proxies."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from chainwatch.chain.rpc import Rpc
from chainwatch.types import Hash

_POLL_SECONDS = 0.1


@dataclass
class Mined:
    """A block that was on the chain for a while; `at` by time.monotonic()."""

    number: int
    hash: Hash
    parent: Hash
    at: float
    transactions: dict[Hash, bool] = field(default_factory=dict)
    """Those of the attacker and the guardian, and whether they succeeded."""


class Truth:
    """Follows Anvil."""

    def __init__(self, rpc: Rpc, notable: frozenset[str]) -> None:
        self._rpc = rpc
        self._notable = notable
        self._lock = asyncio.Lock()
        self.blocks: dict[Hash, Mined] = {}
        self.chain: dict[int, Hash] = {}
        self.head = 0
        self.sent_by: dict[Hash, str] = {}

    async def follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_POLL_SECONDS)

    async def look(self) -> None:
        """Take up what is new."""
        async with self._lock:
            block = await self._rpc.call("eth_getBlockByNumber", ["latest", True])
            new: list[dict[str, Any]] = []
            while self.chain.get(int(block["number"], 16)) != block["hash"]:
                new.append(block)
                number = int(block["number"], 16)
                if number == 0 or (self.chain and number <= min(self.chain)):
                    break
                if not self.chain:  # where we begin
                    break
                parent = await self._rpc.call("eth_getBlockByHash", [block["parentHash"], True])
                if parent is None:  # reorganised under our hands
                    return
                block = parent
            if not new:
                return
            now = time.monotonic()
            mined = [await self._mined(block, now) for block in new]
            if any(one is None for one in mined):
                return
            for gone in [n for n in self.chain if n >= mined[-1].number]:  # type: ignore[union-attr]
                del self.chain[gone]
            for one in mined:
                assert one is not None
                self.blocks.setdefault(one.hash, one)
                self.chain[one.number] = one.hash
            self.head = max(self.chain)

    async def _mined(self, block: dict[str, Any], now: float) -> Mined | None:
        mined = Mined(int(block["number"], 16), block["hash"], block["parentHash"], now)
        theirs = {t["hash"]: t["from"].lower() for t in block["transactions"] if t["from"].lower() in self._notable}
        if theirs:
            receipts = await self._rpc.call("eth_getBlockReceipts", [block["hash"]])
            if receipts is None:
                return None
            self.sent_by |= theirs
            status = {r["transactionHash"]: int(r["status"], 16) == 1 for r in receipts}
            mined.transactions = {h: status.get(h, False) for h in theirs}
        return mined

    def canonical(self, block_hash: Hash | None) -> bool:
        mined = self.blocks.get(block_hash or "")
        return mined is not None and self.chain.get(mined.number) == block_hash

    def where(self, tx_hash: Hash) -> tuple[Mined, bool] | None:
        """The canonical block of a notable transaction, and whether it succeeded there."""
        for block_hash in reversed(list(self.chain.values())):
            mined = self.blocks[block_hash]
            if tx_hash in mined.transactions:
                return mined, mined.transactions[tx_hash]
        return None

    def succeeded_ever(self, tx_hash: Hash) -> list[Mined]:
        """Every block, canonical or orphaned, in which it succeeded."""
        return [m for m in self.blocks.values() if m.transactions.get(tx_hash)]

    def paused_at(self, guardian: str, since: int) -> Mined | None:
        """The first canonical block from height `since` on in which a transaction of the guardian succeeded."""
        for number in range(since, self.head + 1):
            mined = self.blocks.get(self.chain.get(number, ""))
            if mined and any(ok and self.sent_by.get(h) == guardian for h, ok in mined.transactions.items()):
                return mined
        return None
