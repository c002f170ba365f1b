"""What a scene acts on: the world as it was built, a source of chance, people, and a record of what they did."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chainwatch.drill.artefacts import create_address
from chainwatch.types import Address
from tests.hard_negatives.chain import Chain, Kept, SceneFailed
from tests.hard_negatives.npm import artefact, own
from tests.hard_negatives.routes import (
    DEADLINE,
    Step,
    Venue,
    best,
    flash,
    lendable,
    reserves,
    swap,
)
from tests.hard_negatives.world import DECIMALS, E18, PRICES, World

_FIRST_USER = 10


@dataclass(frozen=True)
class Actor:
    """Who runs a route: `sender` sends, `me` is the contract that holds tokens. `fresh` ones gave no allowance yet."""

    how: str
    sender: Address
    me: Address
    fresh: bool = False


@dataclass
class Stage:
    """One scene's stage. `kept` are the transactions that count, with what they are."""

    world: World
    rng: random.Random
    kept: list[tuple[str, str, Kept]] = field(default_factory=list)
    _users: int = 0

    @property
    def chain(self) -> Chain:
        return self.world.chain

    def user(self) -> Address:
        """An account that nobody used in this scene, with coin and no tokens."""
        self._users += 1
        return self.chain.accounts[_FIRST_USER + self._users]

    def bot(self) -> Actor:
        """A long-lived bot and its owner."""
        owner, bot = self.rng.choice(self.world.bots)
        return Actor("bot", owner, bot)

    def one_shot(self) -> Actor:
        """A bot that will be made in the transaction itself, by the next contract that the sender creates."""
        sender = self.user()
        return Actor("one_shot", sender, create_address(self.chain.next_address(sender), 1), fresh=True)

    def any_actor(self) -> Actor:
        """A long-lived bot mostly, one made for the occasion sometimes."""
        return self.one_shot() if self.rng.random() < 0.35 else self.bot()

    async def act(self, kind: str, sender: Address, to: Address | None, data: str, *, name: str = "", value: int = 0,
                  ) -> Kept:  # fmt: skip
        """Do what counts."""
        done = await self.chain.act(sender, to, data, value=value)
        self.kept.append((kind, name, done))
        return done

    async def run(self, kind: str, actor: Actor, steps: Sequence[Step], *, name: str = "", home: Sequence[str] = ()
                  ) -> Kept:  # fmt: skip
        """Have an actor run a route; one made for the occasion sends what it has of `home` to its sender."""
        name = f"{actor.how} {name}".strip()
        if actor.how == "one_shot":
            tokens = [self.world.token[n] for n in home]
            data = own("OneShot").creation(self.world.token["WETH"], 0, list(steps), tokens)
            return await self.act(kind, actor.sender, None, data, name=name)
        return await self.act(kind, actor.sender, actor.me, own("Bot").call("execute", list(steps)), name=name)

    async def gain(self, actor: Actor, steps: Sequence[Step], name: str) -> int | None:
        """What a route would add to the actor's balance of a token, None where it reverts. One made for the occasion
        is simulated by a bot that exists, so routes for both must not name themselves."""
        data = (list(steps), self.world.token[name])
        gained: int | None = await self.chain.tried(own("Bot"), actor.me, "gain", *data, by=actor.sender)
        return gained

    async def best_route(
        self, make: Callable[[Actor, int], Sequence[Step]], actor: Actor, name: str, low: int, high: int
    ) -> tuple[list[Step], int, int]:
        """The route of the size that gains most, for the actor; its size and gain."""
        proxy = actor if actor.how == "bot" else self.bot()

        async def tried(size: int) -> int | None:
            return await self.gain(proxy, make(proxy, size), name)

        size, gain = await best(tried, low, high)
        return list(make(actor, size)), size, gain

    async def source(self, name: str, amount: int, sources: Sequence[str], avoid: Sequence[Address] = ()) -> str:
        """One of the sources that can lend that much, by chance."""
        able = [s for s in sources if await lendable(self.world, s, name, avoid) >= amount]
        if not able:
            raise SceneFailed(f"nobody lends {amount} {name}")
        return self.rng.choice(able)

    def flash(self, source: str, name: str, amount: int, actor: Actor, inside: Sequence[Step],
              avoid: Sequence[Address] = ()) -> Step:  # fmt: skip
        return flash(self.world, source, name, amount, actor.me, inside, avoid)

    # The market

    async def trade(self, venue: Venue, sold: str, bought: str, amount: int, by: Address | None = None) -> None:
        """Somebody rich trades; sets the scene."""
        me = by or self.world.rich
        for to, value, data, _, _ in swap(self.world, venue, sold, bought, me, amount):
            self.chain.enqueue(me, to, "0x" + data.hex(), value)
        await self.chain.settle()

    async def move_market(self, name: str, factor: float) -> None:
        """The price of a token against the stablecoins changes everywhere, and the feeds follow."""
        world = self.world
        for (exchange, a, b), _ in list(world.pair.items()):
            if a == name and b in ("USDC", "DAI"):
                await self.move_v2(exchange, a, b, factor)
        for (a, b, fee), pool in list(world.v3_pool.items()):
            if a == name and b in ("USDC", "DAI"):
                contract = artefact("uniswap_v3_core", "UniswapV3Pool")
                root = (await self.chain.read(contract, pool, "slot0"))[0]
                down = world.ordered(a, b)[0] == a
                wanted = int(root * (factor**0.5 if down else factor**-0.5))
                sells, buys = (a, b) if factor < 1 else (b, a)
                order = (world.token[sells], world.token[buys], fee, world.rich, DEADLINE, world.units(sells, 2e7), 0,
                         wanted)  # fmt: skip
                self.chain.call(artefact("uniswap_v3", "SwapRouter"), world.v3_router, "exactInputSingle", order,
                                by=world.rich)  # fmt: skip
        for names, pool_id in world.balancer_pool.items():
            quote = next((n for n in names if n in ("USDC", "DAI")), None)
            if name in names and quote:
                tokens, balances, _ = await self.chain.read(
                    artefact("balancer", "Vault"), world.vault, "getPoolTokens", bytes.fromhex(pool_id[2:])
                )
                sells, buys = (name, quote) if factor < 1 else (quote, name)
                held = balances[[t.lower() for t in tokens].index(world.token[sells])]
                ratio = factor if factor < 1 else 1 / factor
                # Weighted pools take at most 30 % of a balance in.
                amount = min(int(held * (ratio**-0.5 - 1)), held * 29 // 100)
                await self.trade(("balancer", names), sells, buys, amount)
        price = PRICES[name] * factor
        self.chain.call(own("Feed"), world.feed[name], "update", int(price * 10**8))
        self.set_venus(name, price)
        await self.chain.settle()

    def set_venus(self, name: str, dollars: float) -> None:
        price = int(dollars * E18) * 10 ** (18 - DECIMALS[name])
        self.chain.call(artefact("venus", "SimplePriceOracle"), self.world.venus_oracle, "setUnderlyingPrice",
                        self.world.vtoken[name], price)  # fmt: skip

    async def move_v2(self, exchange: str, name: str, quote: str, factor: float) -> None:
        """The rich trade until the price of `name` in a pair is `factor` times what it was."""
        ratio = factor if factor < 1 else 1 / factor
        sells, buys = (name, quote) if factor < 1 else (quote, name)
        reserve, _ = await reserves(self.world, exchange, sells, buys)
        await self.trade(("v2", exchange), sells, buys, int(reserve * (ratio**-0.5 - 1)))

    # People

    async def fund(self, name: str, account: Address, amount: int) -> None:
        self.world.give(name, account, amount)

    def do(self, who: Address, one: Step) -> None:
        """Queue one call by somebody."""
        to, value, data, _, _ = one
        self.chain.enqueue(who, to, "0x" + data.hex(), value)

    async def held(self, name: str, account: Address) -> int:
        return await self.chain.balance(self.world.token[name], account)

    def dollars(self, low: float, high: float) -> float:
        """An amount by chance, small ones as likely as large ones."""
        return float(low * (high / low) ** self.rng.random())


def require(condition: bool, what: str) -> None:
    """A scene that did not do what it says does not count."""
    if not condition:
        raise SceneFailed(what)
