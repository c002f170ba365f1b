"""The two patterns of the `supply` family in one Execution: made for nothing and sold, and burnt out of a pool's hands.

Both need a sender's side that ends with more and gave nothing. Read in one pass over events and frames.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

import msgspec

from chainwatch.decode.balances import giver, taker
from chainwatch.detect.access_scene import Scene
from chainwatch.detect.base import View
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Address,
    Event,
    Execution,
    Facts,
    Frame,
    LiquidityChange,
    ReservesUpdate,
    Swap,
    Transfer,
)

MIN_FACTOR = 2.0
"""By how much a price must have moved. Who sells something he paid for halves its price only by mistake: he is paid a
third less than the pool showed before. Tokens that burn from their pool at each trade burn a few per cent."""

SYNC = "0xfff6cae9"
"""sync() of Uniswap v2's pair: its reserves become what it holds, whoever took the rest."""

BURNT_TO = frozenset((ZERO_ADDRESS, "0x000000000000000000000000000000000000dead"))
"""Where tokens are sent that nobody shall have."""


class SupplySign(msgspec.Struct, frozen=True):
    """`amount` of `token` was made or burnt (0: not seen), the price at `pool` moved by `factor` (0: not seen), `pool`
    `lost`, positive by token; `side` and `gains` are the sender's; `steps` are events, or numbers of frames, each with
    what it shows."""

    kind: str
    token: Address
    pool: Address
    amount: int
    factor: float
    lost: Mapping[Address, int]
    side: frozenset[Address]
    gains: Mapping[Address, int]
    steps: tuple[tuple[Event | int, str], ...]


def signs(execution: Execution, view: View) -> Iterator[SupplySign]:
    """At most one sign of each kind that concerns a protected contract, or any where none is."""
    facts = view.facts[0]
    if not _is_worth_a_look(facts):
        return
    real = frozenset((NATIVE, *view.words.tokens)) if view.words.tokens else None
    scene = Scene.of(execution, facts, view.protected, real)
    gains = scene.gains(scene.side)
    if not gains or any(n < 0 and t not in scene.side for t, n in scene.book.net(scene.side).items()):
        return
    for found in (_minted_and_sold(scene, gains), _burnt(scene, gains)):
        ours = [s for s in found if not view.protected or not view.protected.isdisjoint((s.pool, s.token))]
        if ours:
            yield max(ours, key=lambda s: s.factor)


def _is_worth_a_look(facts: Facts) -> bool:
    """Cheap, for most Executions show none of it."""
    if any(f.selector == SYNC for f in facts.frames):
        return True
    made_or_burnt = any(
        isinstance(e, Transfer) and (e.sender == ZERO_ADDRESS or e.recipient in BURNT_TO) for e in facts.events
    )
    return made_or_burnt and any(isinstance(e, ReservesUpdate | Swap) for e in facts.events)


def _minted_and_sold(scene: Scene, gains: Mapping[Address, int]) -> Iterator[SupplySign]:
    """A token that was there before was made to the side, which had paid nothing to anybody until then (and no coin at
    all), and sold at a pool whose price fell by MIN_FACTOR; no more was sold than was made."""
    side = scene.side
    made: dict[Address, list[Transfer]] = {}
    sales: dict[tuple[Address, Address], list[tuple[Swap, float]]] = {}
    before: Event | None = None
    has_paid = False
    for e in scene.facts.events:
        if isinstance(e, Transfer) and e.amount:
            if e.sender == ZERO_ADDRESS:
                if e.recipient in side and not has_paid and _is_others(scene, e.token):
                    made.setdefault(e.token, []).append(e)
            elif giver(e) in side and taker(e) not in side and e.token not in made:
                if e.token == NATIVE and e.recipient not in scene.book.folded:
                    return
                has_paid = True
        elif isinstance(e, Swap) and e.pool not in side:
            token, factor = _fall(e, before)
            if token in made:
                sales.setdefault((e.pool, token), []).append((e, factor))
        before = e
    for (pool, token), own in sales.items():
        factor = 1.0
        for _, fall in own:
            factor *= fall
        amount = sum(e.amount for e in made[token])
        sold = sum(max(s.amount0 if s.token0 == token else s.amount1, 0) for s, _ in own)
        lost = {t: -n for t, n in scene.book.net((pool,)).items() if n < 0 and t != pool and scene.is_real(t)}
        if factor >= MIN_FACTOR and sold <= amount and lost and not gains.keys().isdisjoint(lost):
            steps = ((made[token][0], "tokens were made for the sender's side"), (own[-1][0], "and sold"))
            yield SupplySign("supply_minted_and_sold", token, pool, amount, factor, lost, side, gains, steps)


def _is_others(scene: Scene, token: Address) -> bool:
    """Whether others may hold it: no coin in another form, and not made up in this transaction."""
    return token not in scene.side and token not in scene.book.folded


def _fall(swap: Swap, before: Event | None) -> tuple[Address | None, float]:
    """What was sold, and by what factor its price at the pool fell.

    From the reserves, which Uniswap v2 writes just before the trade, or from the price afterwards and the one paid,
    which is the geometric mean of before and after (Uniswap v3, within one range); 1.0 where neither is known.
    """
    if (swap.amount0 > 0) == (swap.amount1 > 0):
        return None, 1.0
    first = swap.amount0 > 0
    token = swap.token0 if first else swap.token1
    if isinstance(before, ReservesUpdate) and before.pool == swap.pool:
        was0, was1 = before.reserve0 - swap.amount0, before.reserve1 - swap.amount1
        if min(was0, was1, before.reserve0, before.reserve1) <= 0:
            return token, 1.0
        rise = before.reserve0 / was0 * (was1 / before.reserve1)
        return token, rise if first else 1.0 / rise
    if swap.sqrt_price_x96 and swap.price:
        after = (swap.sqrt_price_x96 / 2.0**96) ** 2  # token1 per token0, as swap.price
        fall = (swap.price / after) ** 2
        return token, fall if first else 1.0 / fall
    return token, 1.0


def _burnt(scene: Scene, gains: Mapping[Address, int]) -> Iterator[SupplySign]:
    """What a pool held was burnt or taken by its token, then it took its balances anew, then it paid."""
    left = {e.token for e in scene.facts.events if isinstance(e, Transfer) and e.recipient in (e.token, *BURNT_TO)}
    left |= {e.pool for e in scene.facts.events if isinstance(e, LiquidityChange)}
    yield from _burnt_in_logs(scene, gains)
    for (token, pool), frame in _synced_by_token(scene).items():
        if pool in left:
            continue  # who takes his share out of a pool takes of both tokens
        lost = scene.lost_only(pool, frozenset())
        if any(t in gains for t in lost if t != token):
            steps = ((frame.index, f"{token} made the pool {pool} take its balances anew"),)
            yield SupplySign("supply_burnt_from_pool", token, pool, 0, 0.0, lost, scene.side, gains, steps)


def _burnt_in_logs(scene: Scene, gains: Mapping[Address, int]) -> Iterator[SupplySign]:
    events = scene.facts.events
    tokens = _held(events)
    burnt: dict[Address, list[Transfer]] = {}
    anew: dict[Address, tuple[ReservesUpdate, Transfer, int, float]] = {}
    done: dict[Address, SupplySign] = {}
    for at, e in enumerate(events):
        if isinstance(e, Transfer) and e.amount:
            if e.recipient in BURNT_TO and e.token != e.sender:
                burnt.setdefault(e.sender, []).append(e)
            elif e.sender in anew and e.sender not in done:
                update, burn, amount, factor = anew[e.sender]
                net = scene.book.net((e.sender,))
                coin = scene.coin(e.token)
                if e.token != burn.token and net.get(coin, 0) < 0 and coin in gains and scene.is_real(coin):
                    steps = ((burn, "what the pool held was burnt"), (update, "it took its balances anew"))
                    done[e.sender] = SupplySign("supply_burnt_from_pool", burn.token, e.sender, amount, factor,
                                                {coin: -net[coin]}, scene.side, gains, steps)  # fmt: skip
        elif isinstance(e, ReservesUpdate) and e.pool not in scene.side:
            own = burnt.pop(e.pool, [])
            after = events[at + 1] if at + 1 < len(events) else None
            if not own or (isinstance(after, Swap | LiquidityChange) and after.pool == e.pool):
                continue  # a trade or a share taken out writes its reserves just before
            ordered = sorted(tokens[e.pool])
            token = own[0].token
            if len(ordered) != 2 or any(b.token != token for b in own):
                continue
            amount = sum(b.amount for b in own)
            kept = e.reserve0 if token == ordered[0] else e.reserve1
            factor = (kept + amount) / kept if kept else inf
            if factor >= MIN_FACTOR:
                anew[e.pool] = e, own[0], amount, factor
    yield from done.values()


def _held(events: Sequence[Event]) -> Mapping[Address, set[Address]]:
    """The tokens that moved at each pool that wrote its reserves, without its own shares."""
    found: dict[Address, set[Address]] = {e.pool: set() for e in events if isinstance(e, ReservesUpdate)}
    for e in events:
        if isinstance(e, Transfer) and e.token != NATIVE:
            for party in (e.sender, e.recipient):
                if party in found and e.token != party:
                    found[party].add(e.token)
    return found


def _synced_by_token(scene: Scene) -> Mapping[tuple[Address, Address], Frame]:
    """The first time that a token called a pool's sync(), by token and pool."""
    found: dict[tuple[Address, Address], Frame] = {}
    moved = {e.token for e in scene.facts.events if isinstance(e, Transfer)}
    for f in scene.facts.frames:
        called = f.selector == SYNC and f.kind == "CALL" and not f.reverted
        if called and f.sender in moved and scene.side.isdisjoint((f.sender, f.to)):
            found.setdefault((f.sender, f.to), f)
    return found
