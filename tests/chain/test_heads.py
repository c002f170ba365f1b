"""Whose head is followed, and who dissents."""

import asyncio

import pytest

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.heads import Heads
from chainwatch.chain.pool import Pool
from chainwatch.chain.provider import Provider
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.errors import NodeError
from tests.builders import hash_
from tests.chain.nodes import until
from tests.proxy import Fault, FaultProxy


def pool_of(names: str, quorum: int | None = None) -> Pool:
    providers = tuple(ProviderConfig(name=n, http=f"http://{n}") for n in names)
    return Pool(ChainConfig(id=1, providers=providers, quorum=quorum))


def header(number: int, branch: int = 0, parent: int | None = None) -> WireHeader:
    """Block `number` of `branch`; its parent is of the branch `parent`."""
    below = branch if parent is None else parent
    return WireHeader(
        number=hex(number), hash=hash_(1_000 * branch + number), parent_hash=hash_(1_000 * below + number - 1),
        timestamp="0x1",
    )  # fmt: skip


def hear(heads: Heads, pool: Pool, **said: WireHeader) -> None:
    for name, told in said.items():
        heads.heard(next(p for p in pool.providers if p.name == name), told)


def best(heads: Heads) -> str | None:
    claim = heads.best()
    return claim.header.hash if claim else None


def test_the_highest_is_followed_at_once_whoever_says_it() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    assert heads.best() is None
    hear(heads, pool, a=header(5), b=header(5), c=header(5))
    hear(heads, pool, b=header(6))
    assert best(heads) == header(6).hash


def test_one_against_the_quorum_dissents_and_is_not_followed_and_is_named() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, c=header(5, branch=1))
    assert best(heads) == header(5, branch=1).hash  # nobody has said otherwise yet
    hear(heads, pool, a=header(5), b=header(5))
    assert best(heads) == header(5).hash
    assert heads.confirmed(5) == header(5).hash
    assert [p.dissents is not None for p in pool.providers] == [False, False, True]
    hear(heads, pool, c=header(6, branch=1))  # however far ahead it runs
    assert best(heads) == header(5).hash
    [disagreement] = heads.disagreements()
    assert "c says " + header(5, branch=1).hash in disagreement.text()
    assert "a says " + header(5).hash in disagreement.text()


def test_it_is_believed_again_once_it_agrees() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5), c=header(5, branch=1))
    hear(heads, pool, a=header(6), b=header(6), c=header(6))
    assert heads.disagreements() == []
    assert pool.providers[2].dissents is None


def test_a_fork_that_the_quorum_takes_is_followed() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5), c=header(5))
    hear(heads, pool, a=header(6), b=header(6, branch=1, parent=0), c=header(6, branch=1, parent=0))
    assert best(heads) == header(6, branch=1).hash


def test_without_a_majority_everybody_is_named() -> None:
    pool = pool_of("ab")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5, branch=1))
    [disagreement] = heads.disagreements()
    assert set(disagreement.says) == {"a", "b"}
    hear(heads, pool, a=header(6, branch=1), b=header(6, branch=1))
    assert heads.disagreements() == []


def test_a_head_out_of_all_proportion_is_not_followed() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5), c=header(900))
    assert best(heads) == header(5).hash


def test_one_that_runs_ahead_is_not_followed_and_is_named() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5), c=header(17, branch=1))
    assert best(heads) == header(5).hash
    [disagreement] = heads.disagreements()
    assert "c says block 17" in disagreement.text()
    hear(heads, pool, a=header(17), b=header(17), c=header(17))
    assert heads.disagreements() == []


def test_a_lagging_one_does_not_hold_back_and_is_no_dissenter() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(2), b=header(2), c=header(2))
    for number in range(3, 20):
        hear(heads, pool, a=header(number), b=header(number))
    assert best(heads) == header(19).hash
    assert heads.disagreements() == []
    assert pool.ranked("reads")[-1].name == "c"  # it is asked last


def test_one_that_cannot_be_read_from_still_tells_how_far_the_chain_is() -> None:
    """`b` refuses reads and `c` is stale: the head of `a` is no runaway, as `b` has it too."""
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(2), b=header(2), c=header(2))
    for number in range(3, 40):
        hear(heads, pool, a=header(number), b=header(number))
    pool.providers[1].failed(NodeError("Too many requests.", "Wait."))
    assert best(heads) == header(39).hash


def test_heads_made_up_push_out_nothing_that_the_others_say() -> None:
    pool = pool_of("abc")
    heads = Heads(pool, 1.0)
    hear(heads, pool, a=header(5), b=header(5), c=header(5))
    for number in range(10_000, 12_000):
        hear(heads, pool, c=header(number))
    hear(heads, pool, a=header(6), b=header(6))
    assert heads.confirmed(5) == header(5).hash
    assert heads.confirmed(6) == header(6).hash
    assert best(heads) == header(6).hash


@pytest.mark.anvil
async def test_a_provider_that_sends_what_nobody_expects_does_not_end_the_others(
    anvil: Anvil, rpc: Rpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {"a": anvil.http, "b": anvil.http.replace("127.0.0.1", "localhost")}
    providers = tuple(ProviderConfig(name=n, http=url) for n, url in urls.items())
    heard = Heads.heard

    def choke(self: Heads, provider: Provider, told: WireHeader) -> None:
        if provider.name == "a":
            raise AttributeError("what is this?")
        heard(self, provider, told)

    monkeypatch.setattr(Heads, "heard", choke)
    async with Pool(ChainConfig(id=31337, providers=providers, quorum=1)) as pool:
        heads = Heads(pool, 0.1)
        following = asyncio.create_task(heads.run())
        for number in (1, 2):
            await rpc.call("evm_mine")
            await until(lambda n=number: (claim := heads.best()) is not None and claim.number == n)
        assert not following.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def test_memory_is_bounded() -> None:
    pool = pool_of("a")
    heads = Heads(pool, 1.0)
    for number in range(1, 3_000):
        hear(heads, pool, a=header(number))
    assert len(heads._claims) <= 600


@pytest.mark.anvil
@pytest.mark.parametrize("fault", [Fault.DUPLICATE, Fault.REORDER, Fault.DROP_SOCKET, Fault.DEAD])
async def test_heads_come_through_faults_of_the_socket(anvil: Anvil, rpc: Rpc, fault: Fault) -> None:
    async with (
        FaultProxy(anvil.http, anvil.ws, name="a") as a,
        FaultProxy(anvil.http, anvil.ws, name="b") as b,
    ):
        providers = tuple(ProviderConfig(name=p.name, http=p.http, ws=p.ws) for p in (a, b))
        async with Pool(ChainConfig(id=31337, providers=providers, quorum=1)) as pool:
            heads = Heads(pool, 0.2)
            following = asyncio.create_task(heads.run())
            try:
                await until(lambda: heads.subscribed == {"a", "b"})
                a.on(fault)
                for _ in range(10):
                    await rpc.call("evm_mine")
                await until(lambda: (claim := heads.best()) is not None and claim.number == 10)
                a.heal()
                await rpc.call("evm_mine")
                await until(lambda: all(p.head == 11 for p in pool.providers))
                await until(lambda: heads.subscribed == {"a", "b"})
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
