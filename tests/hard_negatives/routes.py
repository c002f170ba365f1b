"""Routes as data: the calls that a bot makes, flash loans around them, and the best size of a trade.

A `Step` may leave its amount open: then the bot puts in all that it holds of a token.
"""

from collections.abc import Awaitable, Callable, Sequence
from math import isqrt

from eth_abi.abi import encode
from eth_abi.packed import encode_packed

from chainwatch.drill.artefacts import Artefact
from chainwatch.types import Address
from tests.hard_negatives.chain import UNLIMITED, SceneFailed
from tests.hard_negatives.npm import artefact, own
from tests.hard_negatives.world import World

ZERO: Address = "0x" + "00" * 20
DEADLINE = 2**40
_CALLS = "(address,uint256,bytes,address,uint256)[]"
_MIN_ROOT, _MAX_ROOT = 4295128740, 1461446703485210103287273052203988822378723970341

Step = tuple[Address, int, bytes, Address, int]
Venue = tuple[str, object]
"""("v2", exchange), ("v3", fee) or ("balancer", names of the pool)."""

SOURCES = ("aave", "aave_many", "balancer", "v2", "v3", "mint")
"""Where a flash loan can come from; `mint` only for DAI."""


def step(
    contract: Artefact, to: Address, function: str, *arguments: object, all_of: Address = ZERO, word: int = 0,
    value: int = 0,
) -> Step:  # fmt: skip
    """One call; word number `word` of its arguments becomes the balance of `all_of`, where that is given."""
    return to, value, bytes.fromhex(contract.call(function, *arguments)[2:]), all_of, 4 + 32 * word


def encoded(steps: Sequence[Step]) -> bytes:
    return encode([_CALLS], [list(steps)])


def send(world: World, name: str, to: Address, amount: int | None = None) -> Step:
    """Transfer a token; all of it without an amount."""
    token = world.token[name]
    if amount is None:
        return step(own("Token"), token, "transfer", to, 0, all_of=token, word=1)
    return step(own("Token"), token, "transfer", to, amount)


def approve(world: World, name: str, spender: Address) -> Step:
    return step(own("Token"), world.token[name], "approve", spender, UNLIMITED)


def swap(world: World, venue: Venue, sold: str, bought: str, me: Address, amount: int | None = None, *,
         to: Address | None = None, fresh: bool = False, fee_token: bool = False) -> list[Step]:  # fmt: skip
    """Swap an amount, or all that `me` holds, through a venue's router; `fresh` where no allowance was given before."""
    kind, which = venue
    out, token = to or me, world.token[sold]
    open_ = token if amount is None else ZERO
    given = amount or 0
    if kind == "v2":
        spender = world.router[str(which)]
        end = "SupportingFeeOnTransferTokens" if fee_token else ""
        main = step(artefact("uniswap_v2", "UniswapV2Router02"), spender, f"swapExactTokensForTokens{end}", given, 0,
                    [token, world.token[bought]], out, DEADLINE, all_of=open_, word=0)  # fmt: skip
    elif kind == "v3":
        spender = world.v3_router
        main = step(artefact("uniswap_v3", "SwapRouter"), spender, "exactInputSingle",
                    (token, world.token[bought], which, out, DEADLINE, given, 0, 0), all_of=open_, word=5)  # fmt: skip
    else:
        spender = world.vault
        pool = bytes.fromhex(world.balancer_pool[tuple(which)][2:])  # type: ignore[arg-type]
        main = step(artefact("balancer", "Vault"), spender, "swap", (pool, 0, token, world.token[bought], given, b""),
                    (me, False, out, False), 0, DEADLINE, all_of=open_, word=11)  # fmt: skip
    return [approve(world, sold, spender), main] if fresh else [main]


def path_swap(world: World, path: Sequence[str | int], me: Address, amount: int) -> Step:
    """Several v3 pools in one call: token, fee, token, fee, token."""
    types = ["uint24" if isinstance(p, int) else "address" for p in path]
    packed = encode_packed(types, [p if isinstance(p, int) else world.token[p] for p in path])
    return step(artefact("uniswap_v3", "SwapRouter"), world.v3_router, "exactInput", (packed, me, DEADLINE, amount, 0))


def direct_v3(world: World, sold: str, bought: str, fee: int, me: Address, amount: int,
              inside: Sequence[Step] = ()) -> Step:  # fmt: skip
    """Swap at the pool itself: exactly `amount` in, or -`amount` out; in its callback `inside` runs, then we pay."""
    forward = int(world.token[sold], 16) < int(world.token[bought], 16)
    return step(artefact("uniswap_v3_core", "UniswapV3Pool"), world.v3_pool[sold, bought, fee], "swap", me, forward,
                amount, _MIN_ROOT if forward else _MAX_ROOT, encoded(inside) if inside else b"")  # fmt: skip


def v2_out(amount: int, reserve_in: int, reserve_out: int) -> int:
    """What a pair gives for `amount` (UniswapV2Library.getAmountOut)."""
    kept = amount * 997
    return kept * reserve_out // (reserve_in * 1000 + kept)


def v2_in(amount: int, reserve_in: int, reserve_out: int) -> int:
    """What a pair wants for `amount` (UniswapV2Library.getAmountIn)."""
    return reserve_in * amount * 1000 // ((reserve_out - amount) * 997) + 1


async def reserves(world: World, exchange: str, first: str, second: str) -> tuple[int, int]:
    """Of a pair, in the order asked for."""
    pair = world.pair[exchange, first, second]
    a, b, _ = await world.chain.read(artefact("uniswap_v2_core", "UniswapV2Pair"), pair, "getReserves")
    return (a, b) if world.ordered(first, second)[0] == first else (b, a)


def v2_swap_out(world: World, exchange: str, sold: str, bought: str, out: int, to: Address, data: bytes = b"") -> Step:
    """The pair's own `swap`, giving `out` of `bought`; paid before, or in its callback when there is data."""
    first = world.ordered(sold, bought)[0] == bought
    return step(artefact("uniswap_v2_core", "UniswapV2Pair"), world.pair[exchange, sold, bought], "swap",
                out if first else 0, 0 if first else out, to, data)  # fmt: skip


def flash(world: World, source: str, name: str, amount: int, me: Address, inside: Sequence[Step],
          avoid: Sequence[Address] = ()) -> Step:  # fmt: skip
    """Borrow `amount` around `inside`, and repay it. A pool in `avoid`, locked or traded inside, does not lend."""
    token = world.token[name]
    if source == "aave":
        return step(artefact_of_aave(), world.aave, "flashLoanSimple", me, token, amount, encoded(inside), 0)
    if source == "aave_many":
        return step(artefact_of_aave(), world.aave, "flashLoan", me, [token], [amount], [0], me, encoded(inside), 0)
    if source == "balancer":
        return step(artefact("balancer", "Vault"), world.vault, "flashLoan", me, [token], [amount], encoded(inside))
    if source == "mint":
        if name != "DAI":
            raise SceneFailed(f"{name} cannot be minted for a flash")
        return step(own("FlashMintToken"), token, "flashLoan", me, token, amount, encoded(inside))
    if source == "v2":
        for (_, a, b), pair in world.pair.items():
            if a == name and pair not in avoid and "FEE" not in (a, b):
                back = send(world, name, pair, amount * 1000 // 997 + 1)
                first = world.ordered(a, b)[0] == name
                return step(artefact("uniswap_v2_core", "UniswapV2Pair"), pair, "swap", amount if first else 0,
                            0 if first else amount, me, encoded([*inside, back]))  # fmt: skip
    for (a, b, fee), pool in world.v3_pool.items():
        if source == "v3" and a == name and pool not in avoid:
            back = send(world, name, pool, amount + amount * fee // 10**6 + 1)
            first = world.ordered(a, b)[0] == name
            return step(artefact("uniswap_v3_core", "UniswapV3Pool"), pool, "flash", me, amount if first else 0,
                        0 if first else amount, encoded([*inside, back]))  # fmt: skip
    raise SceneFailed(f"no {source} pool to borrow {name} of")


async def lendable(world: World, source: str, name: str, avoid: Sequence[Address] = ()) -> int:
    """About how much of a token a source can lend."""
    balance = world.chain.balance
    if source in ("aave", "aave_many"):
        return await balance(world.token[name], world.atoken[name]) * 9 // 10
    if source == "balancer":
        return await balance(world.token[name], world.vault) * 9 // 10
    if source == "mint":
        return 10**27 if name == "DAI" else 0
    pools = world.pair if source == "v2" else world.v3_pool
    for key, pool in pools.items():
        first = key[1] if source == "v2" else key[0]
        if first == name and pool not in avoid and "FEE" not in key:
            return await balance(world.token[name], pool) * 8 // 10
    return 0


def artefact_of_aave() -> Artefact:
    """The Pool's functions; its code is linked where it is deployed."""
    return artefact("aave", "Pool")


async def best(make: Callable[[int], Awaitable[int | None]], low: int, high: int, points: int = 14) -> tuple[int, int]:
    """The size between two that gains most, and that gain; searched coarsely, then finely around the best."""
    sizes = [int(low * (high / low) ** (i / (points - 1))) for i in range(points)]
    gains = {size: await make(size) for size in sizes}
    known = {size: gain for size, gain in gains.items() if gain is not None and gain > 0}
    if not known:
        raise SceneFailed("no size of the trade gains anything")
    top = max(known, key=lambda s: known[s])
    for factor in (0.8, 0.9, 1.1, 1.25):
        gain = await make(int(top * factor))
        if gain is not None and gain > 0:
            known[int(top * factor)] = gain
    top = max(known, key=lambda s: known[s])
    return top, known[top]


def root_of(price: float, name0: str, name1: str, decimals: dict[str, int]) -> int:
    """sqrtPriceX96 at which one `name0` costs `price` of `name1`."""
    return isqrt(int(price * 10 ** (decimals[name1] - decimals[name0] + 40)) * (1 << 192) // 10**40)
