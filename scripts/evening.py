#!/usr/bin/env python3
"""An evening on a live market: honest traders by seed, three attacks hidden among them, and a bot that watches.

    python scripts/evening.py [--transactions 5000] [--seed 1] [--json]

Everything runs on an Anvil of its own: two lending markets, two exchanges, a price feed, thirty traders who swap,
lend, borrow, arbitrage and take leverage. The attacks: a flash-loan price manipulation in one transaction, the same
over several blocks with the attacker's own money, and a feed whose key was stolen. The bot is not armed. Prints the
pages that people would have had and what caused each; exits 1 where one has no cause or an attack had no page.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import structlog
from eth_abi.exceptions import EncodingError

from chainwatch.bot import Bot
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.config.load import load
from chainwatch.drill.actors import Actors, Fees
from chainwatch.drill.artefacts import Artefact, ours, uniswap
from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import ETH, USD, World, deploy_world, read
from chainwatch.engine import Observer
from chainwatch.errors import ChainwatchError
from chainwatch.triage.pipeline import Outcome
from chainwatch.types import Address, Alert, AlertEvent, BlockItem, Hash, NewBlock, Tier

_TRADERS = range(10, 40)  # Anvil's accounts
_A_BLOCK = 25
_GWEI = 10**9
_FEES = Fees(100 * _GWEI, _GWEI)
_FOREVER = 2**63
_LIMITS = """
[[outflow]]
token = "dUSD"
window = "transaction"
max_amount = 150_000.0

[[outflow]]
token = "dUSD"
window = "hour"
max_amount = 350_000.0
"""


_NOTIFY = """
[notify]  # an evening in minutes: what is an hour apart is seconds apart here
incident_seconds = 15.0
summary_seconds = 15.0
"""


class Span(msgspec.Struct):
    """An attack and the blocks from its first transaction until all is as it was."""

    name: str
    first: int
    last: int | None = None
    transactions: list[Hash] = []


class Page(msgspec.Struct, frozen=True):
    """An alert above `watch`: when, what, by whom, of which transactions."""

    block: int | None
    kind: str
    tier: str
    severity: str
    detectors: tuple[str, ...]
    transactions: tuple[Hash, ...]


class Watcher(Observer):
    """Keeps the pages, and how far the bot is."""

    def __init__(self) -> None:
        self.alerts: dict[str, Page] = {}
        self.told: list[tuple[str, str]] = []
        self.handled = 0
        self.seen = 0

    def block(self, item: BlockItem, outcome: Outcome | None, seconds: float) -> None:
        if isinstance(item, NewBlock):
            self.handled = item.block.ref.number or 0
            self.seen += len(item.block.executions)

    def alert(self, alert: Alert) -> None:
        if alert.event in (AlertEvent.OPENED, AlertEvent.UPDATED) and alert.tier is not Tier.WATCH:
            self.alerts[alert.alert_id] = Page(
                alert.block_number, alert.kind, str(alert.tier), str(alert.severity), alert.detectors, alert.tx_hashes
            )


class Market:
    """The world, and everybody in it."""

    def __init__(self, rpc: Rpc, world: World, seed: int) -> None:
        self.rpc, self.world = rpc, world
        self.chance = random.Random(seed)
        self.actors = Actors(rpc, world, wait=False, fees=_FEES)
        self.traders: list[Address] = []
        self.attacks: list[Span] = []
        self.sent = 0
        self.refused = 0

    async def open(self) -> None:
        """Money for the traders, and their approvals."""
        world, token = self.world, ours("DrillToken")
        accounts = await self.rpc.call("eth_accounts", as_=list[str])
        self.traders = [accounts[n].lower() for n in _TRADERS]
        for trader in self.traders:
            for asset, amount in ((world.asset, 200_000 * USD), (world.collateral, 100 * ETH)):
                await self.send(world.roles.deployer, token, asset, "mint", trader, amount)
                for spender in (world.router, world.other_router, world.unsafe_market, world.safe_market):
                    await self.send(trader, token, asset, "approve", spender, 2**255)
        self.sent = 0

    async def send(
        self, sender: Address, artefact: Artefact, to: Address, function: str, *arguments: Any
    ) -> Hash | None:
        """Put a transaction into the pool; None where the node refuses it."""
        call = {"from": sender, "to": to, "data": artefact.call(function, *arguments), "gas": hex(1_500_000),
                "maxFeePerGas": hex(100 * _GWEI), "maxPriorityFeePerGas": hex(_GWEI)}  # fmt: skip
        try:
            sent: Hash = await self.rpc.call("eth_sendTransaction", [call])
        except ChainwatchError:
            self.refused += 1
            return None
        self.sent += 1
        return sent

    async def price(self) -> float:
        """Dollars a collateral token where the victim looks."""
        world = self.world
        reserves = await read(self.rpc, uniswap("v2-core", "UniswapV2Pair"), world.pair, "getReserves")
        first, second = int(reserves[0]), int(reserves[1])
        assets, held = (first, second) if int(world.asset, 16) < int(world.collateral, 16) else (second, first)
        return (assets / USD) / (held / ETH)

    async def trade(self, price: float, feed: float) -> None:
        """One honest transaction of somebody."""
        chance, world = self.chance, self.world
        trader = chance.choice(self.traders)
        market = chance.choice((world.unsafe_market, world.safe_market))
        lending, what = ours("LendingMarket"), chance.random()
        if what < 0.55:
            cheap = price < feed * chance.uniform(0.99, 1.01)
            router = chance.choice((world.router, world.router, world.other_router))
            path = [world.asset, world.collateral] if cheap else [world.collateral, world.asset]
            amount = int(chance.uniform(200, 4_000) * (USD if cheap else ETH / feed))
            swap = uniswap("v2-periphery", "UniswapV2Router02")
            await self.send(trader, swap, router, "swapExactTokensForTokens", amount, 0, path, trader, _FOREVER)
        elif what < 0.68:
            await self.send(trader, lending, market, "deposit", chance.randrange(100, 5_000) * USD)
        elif what < 0.78:
            await self.send(trader, lending, market, "withdraw", chance.randrange(50, 2_000) * USD)
        elif what < 0.86:
            await self.send(trader, lending, market, "depositCollateral", int(chance.uniform(0.1, 2) * ETH))
        elif what < 0.92:
            await self.send(trader, lending, market, "borrow", chance.randrange(50, 400) * USD)
        elif what < 0.97:
            await self.send(trader, lending, market, "repay", trader, chance.randrange(50, 400) * USD)
        else:
            try:
                await chance.choice((self.actors.arbitrage, lambda: self.actors.leverage_loop(ETH // 2)))()
            except (ChainwatchError, EncodingError):  # nothing to gain just now
                self.refused += 1
            else:
                self.sent += 1

    async def mined(self, blocks: int = 1) -> int:
        """Wait for so many blocks more; the newest one's number."""
        end = quantity(await self.rpc.call("eth_blockNumber")) + blocks
        while (number := quantity(await self.rpc.call("eth_blockNumber"))) < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return number

    # What is hidden among it

    async def manipulate(self, span: Span) -> None:
        """Flash loan, pump, borrow, dump: one transaction."""
        span.transactions.append(await self.actors.attack_atomic(450_000 * USD, collateral_amount=22 * ETH))
        await self.mined(2)
        await self.repair(self.world.flash_attacker)

    async def manipulate_in_steps(self, span: Span) -> None:
        """The same over several blocks, with the attacker's own money."""
        steps: list[Callable[[], Awaitable[Hash]]] = [
            lambda: self.actors.staged_pump(collateral_amount=22 * ETH),
            self.actors.staged_borrow_chunk,
            self.actors.staged_borrow_chunk,
            self.actors.staged_dump,
        ]
        for step in steps:
            span.transactions.append(await step())
            await self.mined(2)
        await self.repair(self.world.staged_attacker)

    async def print_badly(self, span: Span) -> None:
        """Whoever stole the feed's key prints half the price, and somebody mends it two blocks later."""
        world, feed = self.world, ours("DrillAggregator")
        answer = int((await read(self.rpc, feed, world.aggregator, "latestRoundData"))[1])
        for value in (answer // 2, answer):
            sent = await self.send(world.roles.deployer, feed, world.aggregator, "updateAnswer", value)
            span.transactions += [sent] if sent else []
            await self.mined(2)

    async def repair(self, attacker: Address) -> None:
        """Repay what the attacker owes and bring the price back."""
        world, market, token = self.world, ours("LendingMarket"), ours("DrillToken")
        for _ in range(60):
            debt = int(await read(self.rpc, market, world.unsafe_market, "debtOf", attacker))
            price = await self.price()
            if not debt and 1_960 < price < 2_040:
                return
            if debt:
                await self.send(world.roles.deployer, token, world.asset, "mint", world.roles.lender, debt)
                await self.send(world.roles.lender, market, world.unsafe_market, "repay", attacker, debt)
            if not 1_960 < price < 2_040:
                selling = price > 2_000
                asset, amount = (world.collateral, 5 * ETH) if selling else (world.asset, 10_000 * USD)
                path = [asset, world.asset if selling else world.collateral]
                trader, router = world.roles.trader, uniswap("v2-periphery", "UniswapV2Router02")
                await self.send(world.roles.deployer, token, asset, "mint", trader, amount)
                arguments = (amount, 0, path, trader, _FOREVER)
                await self.send(trader, router, world.router, "swapExactTokensForTokens", *arguments)
            await self.mined()


async def evening(seed: int, transactions: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run it; what was seen and what was not."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chainwatch-evening-") as directory:
        async with Anvil("--accounts", "40", "--block-time", "1") as anvil, Rpc(anvil.http) as rpc:
            world = await deploy_world(anvil.http)
            market = Market(rpc, world, seed)
            await market.open()
            await market.mined(2)
            path = write_configuration(world, Path(directory), http=anvil.http, ws=anvil.ws, mempool=False)
            profile = path.parent / "profiles" / "drill.toml"
            profile.write_text(profile.read_text() + _LIMITS)
            path.write_text(path.read_text() + _NOTIFY)
            watcher = Watcher()
            async with Bot(load(path), armed=False, observer=lambda _chain: watcher) as bot:
                bot.notifier.message = lambda title, body, *_, **__: watcher.told.append((title, body))  # type: ignore[method-assign]
                watching = asyncio.create_task(bot.run())
                await _traded(market, transactions, tell)
                end = await market.mined(3)
                async with asyncio.timeout(60):
                    while watcher.handled < end:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                not_ready = bot.not_ready()
                bot.stop()
                await watching
    return _judged(market, watcher, time.monotonic() - started, not_ready)


async def _traded(market: Market, transactions: int, tell: Callable[[str], None]) -> None:
    """Honest trade, and the attacks at places that chance chooses, one in each third of the evening."""
    attacks: list[tuple[str, Callable[[Span], Coroutine[None, None, None]]]] = [
        ("manipulation in one transaction", market.manipulate),
        ("manipulation over several blocks", market.manipulate_in_steps),
        ("a stolen feed key", market.print_badly),
    ]
    market.chance.shuffle(attacks)
    third = transactions // 3
    due = [int(third * (n + market.chance.uniform(0.25, 0.75))) for n in range(3)]
    hidden: asyncio.Task[None] | None = None
    span: Span | None = None
    while market.sent < transactions or hidden is not None:
        price = await market.price()
        for _ in range(_A_BLOCK):
            await market.trade(price, 2_000.0)
        number = await market.mined()
        if hidden is not None and hidden.done():
            await hidden
            assert span is not None
            hidden, span.last = None, number + 2
        if due and hidden is None and market.sent >= due[0]:
            due.pop(0)
            name, attack = attacks.pop()
            span = Span(name, number + 1)
            market.attacks.append(span)
            tell(f"block {number}, after {market.sent} transactions: {name}")
            hidden = asyncio.create_task(attack(span))


def _judged(market: Market, watcher: Watcher, seconds: float, not_ready: dict[int, list[str]]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    summaries = []
    for title, body in watcher.told:
        alert = watcher.alerts.get(body.rpartition("alert ")[2])
        if alert is None:
            summaries.append(f"{title}: {body}")
            continue
        cause = next((a.name for a in market.attacks if _caused(a, alert)), None)
        found.append(msgspec.to_builtins(alert) | {"title": title, "cause": cause})
    causes = [next((a.name for a in market.attacks if _caused(a, p)), None) for p in watcher.alerts.values()]
    paged = {page["cause"] for page in found}
    return {
        "transactions_sent": market.sent,
        "refused_by_the_node": market.refused,
        "transactions_seen": watcher.seen,
        "seconds": round(seconds),
        "attacks": [msgspec.to_builtins(a) for a in market.attacks],
        "pages": found,
        "other_messages": summaries,
        "alerts": len(watcher.alerts),
        "alerts_without_cause": causes.count(None),
        "pages_without_cause": sum(page["cause"] is None for page in found),
        "attacks_without_page": [a.name for a in market.attacks if a.name not in paged],
        "not_ready": not_ready,
    }


def _caused(attack: Span, page: Page) -> bool:
    if set(attack.transactions) & set(page.transactions):
        return True
    return page.block is not None and attack.last is not None and attack.first <= page.block <= attack.last


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print only the result object")
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    tell = (lambda _text: None) if given.json else (lambda text: print(text, flush=True))
    try:
        result = asyncio.run(evening(given.seed, given.transactions, tell))
    except ChainwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if not given.json:
        for page in result["pages"]:
            by = ", ".join(page["detectors"])
            print(f"page: block {page['block']} {page['title']} by {by}: {page['cause'] or 'NO CAUSE'}")
        for text in result["other_messages"]:
            print(f"told: {text}")
    print(json.dumps(result))
    return 1 if result["alerts_without_cause"] or result["attacks_without_page"] else 0


if __name__ == "__main__":
    sys.exit(main())
