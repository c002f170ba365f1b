"""The pending stream: what would happen is what then happens, and whatever is lost is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.pool import Pool
from chainwatch.chain.rpc import Rpc
from chainwatch.chain.wire import WireHeader
from chainwatch.config.models import ChainConfig, ProviderConfig
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import World, deploy_world
from chainwatch.errors import NodeError
from chainwatch.sources import mempool as mempool_module
from chainwatch.sources import simulate as simulate_module
from chainwatch.sources.fetch import Fetcher
from chainwatch.sources.mempool import Gone, MempoolSource, PendingItem, Simulated
from chainwatch.types import Block, CallFrame, Execution, Stage, Transaction
from tests.builders import address, block, execution, hash_, pool_over, transaction
from tests.chain.contracts import NESTING, deploy, logging
from tests.chain.nodes import NO_METHOD, Node, Refused, accept, fake_node, notify, until
from tests.proxy import Fault, FaultProxy

VICTIM = address(0xB1)


def made(rpc: Rpc, ws: str, chain_id: int, protected: frozenset[str]) -> MempoolSource:
    provider = ProviderConfig(name="node", http=rpc.url, ws=ws)
    return MempoolSource(pool_over(rpc, chain_id), ChainConfig(id=chain_id, providers=(provider,)), protected)


@asynccontextmanager
async def watching(
    http: str, ws: str, protected: frozenset[str] = frozenset({VICTIM})
) -> AsyncIterator[tuple[MempoolSource, list[Execution]]]:
    """A source at work, and what it yielded so far."""
    async with Rpc(http) as rpc:
        source = made(rpc, ws, 31337, protected)
        seen: list[Execution] = []

        async def collect() -> None:
            async for item in source.items():
                assert isinstance(item, Simulated)
                seen.append(item.execution)

        task = asyncio.create_task(collect())
        try:
            yield source, seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def plain(frame: CallFrame | None) -> Any:
    """A frame as data, where no calls and an empty list of calls are the same."""
    return frame and msgspec.structs.asdict(frame) | {"calls": [plain(call) for call in frame.calls or ()]}


def said(execution: Execution) -> list[tuple[str, list[str], str]]:
    """Its logs without their place in a block."""
    assert execution.logs is not None
    return [(log.address, log.topics, log.data) for log in execution.logs]


async def mined(rpc: Rpc) -> list[Execution]:
    """The Executions of a new block."""
    await rpc.call("evm_mine")
    head = await rpc.call("eth_getBlockByNumber", ["latest", False], as_=WireHeader)
    return list(
        (await Fetcher(pool_over(rpc), 31337, "parity").fetch(head.hash, int(head.number, 16))).block.executions
    )


async def send(rpc: Rpc, **fields: Any) -> str:
    sender = (await rpc.call("eth_accounts"))[0]
    given = {"from": sender, "gas": hex(1_000_000)} | fields
    return await rpc.call("eth_sendTransaction", [given])


# --- Against Anvil ----------------------------------------------------------------------------------------


@pytest.fixture
async def still(still_anvil: Anvil) -> AsyncIterator[Rpc]:
    async with Rpc(still_anvil.http) as client:
        # One clock for the block that is simulated on and the one that is mined: trees show timestamps.
        await client.call("anvil_setBlockTimestampInterval", [0])
        yield client


async def attacked(anvil: Anvil, rpc: Rpc, world: World, **how: Any) -> tuple[Execution, Execution]:
    """An attack as it was seen pending, and as it was mined."""
    async with watching(rpc.url, anvil.ws, frozenset({world.unsafe_market})) as (source, seen):
        await until(lambda: source.subscribed)
        await Actors(rpc, world, wait=False).attack_atomic(**how)
        await until(lambda: seen)
        assert source.counts.simulated == source.counts.seen == 1
        [included] = await mined(rpc)
    [pending] = seen
    return pending, included


@pytest.mark.anvil
async def test_a_pending_attack_is_what_it_then_turns_out_to_be(still_anvil: Anvil, still: Rpc) -> None:
    world = await deploy_world(still_anvil.http)
    pending, included = await attacked(still_anvil, still, world)
    assert (pending.stage, included.stage) == (Stage.PENDING, Stage.INCLUDED)
    assert pending.transaction.hash == included.transaction.hash
    assert pending.succeeded and included.succeeded
    assert plain(pending.trace) == plain(included.trace)
    assert said(pending) == said(included) and len(said(pending)) > 10
    assert pending.block is not None and included.block is not None
    assert pending.block.hash == included.block.parent_hash, "simulated on the block before"


@pytest.mark.anvil
@pytest.mark.parametrize("swallow", [False, True])
async def test_a_pending_attack_that_will_be_refused_is_seen_to_be(
    still_anvil: Anvil, still: Rpc, swallow: bool
) -> None:
    world = await deploy_world(still_anvil.http)
    await Actors(still, world, wait=False).pause()
    await still.call("evm_mine")
    pending, included = await attacked(still_anvil, still, world, swallow=swallow)
    assert pending.succeeded is included.succeeded is swallow
    assert plain(pending.trace) == plain(included.trace)
    assert said(pending) == said(included), "logs of what was reverted are left out"


@pytest.mark.anvil
async def test_creations_and_logs_between_calls_are_simulated_in_order(still_anvil: Anvil, still: Rpc) -> None:
    talker = await deploy(still, logging(2))
    # LOG0, CALL of the talker, LOG0, CALL of the talker
    call = "5f5f5f5f5f73" + talker[2:] + "5af150"
    outer = await deploy(still, f"5f5fa0{call}5f5fa0{call}00")
    nesting = await deploy(still, NESTING)
    async with watching(still_anvil.http, still_anvil.ws) as (source, seen):
        await until(lambda: source.subscribed)
        await send(still, to=outer, data="0x12345678")
        await send(still, to=nesting, value="0x5")
        another = (await still.call("eth_accounts"))[1]  # the address that it creates depends on the sender's nonce
        await send(still, data="0x6001600c60003960016000f300", **{"from": another})
        await until(lambda: len(seen) == 3)
        included = {e.transaction.hash: e for e in await mined(still)}
    logged = next(e for e in seen if e.transaction.to == outer)
    assert [len(topics) for _, topics, _ in said(logged)] == [0, 1, 1, 0, 1, 1]
    for pending in seen:
        assert plain(pending.trace) == plain(included[pending.transaction.hash].trace)
        assert said(pending) == said(included[pending.transaction.hash])


@pytest.mark.anvil
async def test_what_the_pool_holds_already_does_not_count_as_done(still_anvil: Anvil, still: Rpc) -> None:
    world = await deploy_world(still_anvil.http)
    actors = Actors(still, world, wait=False)
    async with watching(still_anvil.http, still_anvil.ws, frozenset({world.unsafe_market})) as (source, seen):
        await until(lambda: source.subscribed)
        await actors.pause()
        await until(lambda: len(seen) == 1)
        await actors.attack_atomic()
        await until(lambda: len(seen) == 2)
    assert seen[1].succeeded, "on the latest block the market is open; the pause is pending like the attack"


@pytest.mark.anvil
async def test_plain_payments_are_irrelevant_unless_to_the_protected(still_anvil: Anvil, still: Rpc) -> None:
    async with watching(still_anvil.http, still_anvil.ws) as (source, seen):
        await until(lambda: source.subscribed)
        await send(still, to=address(0xE0A), value="0x5", gas=hex(21_000))
        await send(still, to=VICTIM, value="0x5", gas=hex(21_000))
        await until(lambda: source.counts.seen == 2 and seen)
    assert source.counts.irrelevant == 1
    assert [e.transaction.to for e in seen] == [VICTIM]


@pytest.mark.anvil
async def test_a_payment_with_gas_to_run_code_may_be_an_attack_and_is_simulated(still_anvil: Anvil, still: Rpc) -> None:
    attacker = await deploy(still, NESTING)
    async with watching(still_anvil.http, still_anvil.ws) as (source, seen):
        await until(lambda: source.subscribed)
        await send(still, to=attacker, value="0x5", gas=hex(500_000))
        await until(lambda: seen)
    assert seen[0].trace is not None and seen[0].trace.calls


@pytest.mark.anvil
async def test_a_node_that_cannot_trace_simulates_without_trees(still_anvil: Anvil, still: Rpc) -> None:
    world = await deploy_world(still_anvil.http)
    async with fake_node(behind=still_anvil.http, debug_traceCall=NO_METHOD) as node, Rpc(node.http) as rpc:
        pending, included = await attacked(still_anvil, rpc, world)
        assert pending.trace is None
        assert pending.succeeded
        assert said(pending) == said(included) and len(said(pending)) > 10
        source = made(rpc, "ws://127.0.0.1:1", 31337, frozenset())
        node.asked.clear()
        for _ in range(3):
            await source.simulate(included.transaction)
        assert len(node.asked_for("debug_traceCall")) == 1, "it is found out once"
        assert len(node.asked_for("eth_simulateV1")) == 3


@pytest.mark.anvil
async def test_a_reverting_transaction_is_seen_to_fail_without_trees_too(still_anvil: Anvil, still: Rpc) -> None:
    reverting = await deploy(still, "5f5ffd")
    async with fake_node(behind=still_anvil.http, debug_traceCall=NO_METHOD) as node, Rpc(node.http) as rpc:
        source = made(rpc, "ws://127.0.0.1:1", 31337, frozenset())
        sender = (await rpc.call("eth_accounts"))[0]
        given = transaction(from_=sender, to=reverting, input="0x12345678", gas=hex(100_000))
        assert not (await source.simulate(given)).succeeded


@pytest.mark.anvil
async def test_one_transaction_the_tracer_dislikes_does_not_cost_the_others_their_trees(
    still_anvil: Anvil, still: Rpc
) -> None:
    sender = (await still.call("eth_accounts"))[0]
    given = transaction(from_=sender, input="0x12345678", gas=hex(100_000))
    async with fake_node(behind=still_anvil.http) as node, Rpc(node.http) as rpc:
        source = made(rpc, node.ws, 31337, frozenset())
        node.methods["debug_traceCall"] = Refused(-32602, "invalid params")
        assert (await source.simulate(given)).trace is None
        node.methods.clear()
        assert (await source.simulate(given)).trace is not None


# --- Against a node that misbehaves -----------------------------------------------------------------------

HEAD = {"number": "0x9", "hash": hash_(9), "parentHash": hash_(8), "timestamp": "0x5"}
TREE = {"type": "CALL", "from": address(0xA1), "to": VICTIM}


def pushed(n: int, **fields: Any) -> dict[str, Any]:
    """A pending transaction as a node pushes it."""
    given = {"hash": hash_(n), "from": address(0xA100 + n), "to": address(0xC0), "input": "0x12345678"}
    return given | fields


def pushing(*transactions: Any, stay: bool = True) -> Callable[[web.WebSocketResponse], Any]:
    async def push(ws: web.WebSocketResponse) -> None:
        await accept(ws)
        for each in transactions:
            await notify(ws, each)
        if stay:
            await ws.receive()  # until the other side closes

    return push


@asynccontextmanager
async def playing(*transactions: Any, **methods: Any) -> AsyncIterator[Node]:
    """A node that pushes these transactions and simulates every one of them."""
    given = {"eth_getBlockByNumber": HEAD, "debug_traceCall": TREE} | methods
    async with fake_node(**given) as node:
        node.on_subscribe = pushing(*transactions)
        yield node


async def test_a_transaction_pushed_twice_is_simulated_once() -> None:
    async with (
        playing(pushed(1), pushed(2), pushed(1), pushed(2), pushed(3)) as node,
        watching(node.http, node.ws) as (source, seen),
    ):
        await until(lambda: len(seen) == 3)
    assert source.counts.seen == source.counts.simulated == 3
    assert sorted(e.transaction.hash for e in seen) == [hash_(1), hash_(2), hash_(3)]


async def test_logs_of_what_was_undone_are_left_out_where_the_node_keeps_them() -> None:
    def log(n: int) -> dict[str, Any]:
        return {"address": address(n), "topics": [], "data": "0x", "position": "0x0"}

    inner = TREE | {"logs": [log(3)]}
    failed = TREE | {"error": "execution reverted", "logs": [log(2)], "calls": [inner]}
    root = TREE | {"logs": [log(1), log(5) | {"position": "0x2"}], "calls": [failed, TREE | {"logs": [log(4)]}]}
    async with playing(pushed(1), debug_traceCall=root) as node, watching(node.http, node.ws) as (_, seen):
        await until(lambda: seen)
    assert seen[0].logs is not None
    assert [(each.address, each.log_index) for each in seen[0].logs] == [
        (address(1), "0x0"),
        (address(4), "0x1"),
        (address(5), "0x2"),
    ]


async def test_memory_of_what_was_seen_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_SEEN_KEPT", 2)
    monkeypatch.setattr(mempool_module, "_KEPT", 2)
    async with playing() as node, watching(node.http, node.ws) as (source, seen):
        for n in (1, 2, 3, 3, 1):
            source._pushed(msgspec.json.encode(pushed(n)), "node")
            await until(lambda: source.counts.seen == len(seen))
    assert [e.transaction.hash for e in seen] == [hash_(n) for n in (1, 2, 3, 1)], "1 was forgotten, 3 was remembered"
    assert len(source._seen) == len(source._book) == len(source._book._by_sender) == len(source._told) == 2


async def test_a_full_queue_sheds_the_least_relevant_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_MAX_QUEUE", 4)
    monkeypatch.setattr(mempool_module, "_SIMULATIONS_AT_ONCE", 1)
    may_answer = asyncio.Event()

    async def blocked(*_: Any) -> Any:
        await may_answer.wait()
        return HEAD

    first = pushed(1)
    others = [
        pushed(2), pushed(3), pushed(4),  # anything else
        pushed(5, to=None), pushed(6, to=None),  # creations
        pushed(7, input="0x12345678" + VICTIM[2:].rjust(64, "0")),  # names the protected
        pushed(8, to=VICTIM), pushed(9, to=VICTIM),  # aimed at it
    ]  # fmt: skip
    async with fake_node(eth_getBlockByNumber=blocked, debug_traceCall=TREE) as node:

        async def push(ws: web.WebSocketResponse) -> None:
            await accept(ws)
            await notify(ws, first)
            await until(lambda: node.asked_for("eth_getBlockByNumber"))  # it is in the one simulator's hands
            for each in others:
                await notify(ws, each)
            await ws.receive()

        node.on_subscribe = push
        async with watching(node.http, node.ws) as (source, seen):
            await until(lambda: source.counts.seen == 9)
            may_answer.set()
            await until(lambda: len(seen) == 5)
    assert [e.transaction.hash for e in seen] == [hash_(n) for n in (1, 8, 9, 7, 5)]
    assert (source.counts.shed, source.counts.simulated) == (4, 5)


async def test_what_waited_too_long_is_counted_as_late_and_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_MAX_AGE_SECONDS", 0.5)
    monkeypatch.setattr(mempool_module, "_SIMULATIONS_AT_ONCE", 1)

    async def slow(*_: Any) -> Any:
        await asyncio.sleep(1.0)
        return HEAD

    async with (
        playing(pushed(1), pushed(2), pushed(3), eth_getBlockByNumber=slow) as node,
        watching(node.http, node.ws) as (source, seen),
    ):
        await until(lambda: source.counts.late == 2)
    assert [e.transaction.hash for e in seen] == [hash_(1)]
    assert (source.counts.seen, source.counts.simulated) == (3, 1)


@pytest.mark.parametrize(
    "methods",
    [
        {"debug_traceCall": Refused(-32000, "insufficient funds")},
        {"debug_traceCall": None},
        {"debug_traceCall": "text"},
        {"debug_traceCall": lambda *_: asyncio.sleep(5)},
        {"eth_getBlockByNumber": Refused(-32000, "no head")},
        {"eth_getBlockByNumber": None},
        {"debug_traceCall": NO_METHOD},
        {"debug_traceCall": NO_METHOD, "eth_simulateV1": []},
        {"debug_traceCall": NO_METHOD, "eth_simulateV1": None},
        {"debug_traceCall": NO_METHOD, "eth_simulateV1": [{"calls": []}]},
        {"debug_traceCall": NO_METHOD, "eth_simulateV1": [{"calls": [{"status": "0x1", "logs": [{"data": None}]}]}]},
    ],
    ids=[
        "refused", "null", "text", "stalled", "head refused", "head null", "nothing offered", "no block", "null block",
        "no call", "malformed log",
    ],
)  # fmt: skip
async def test_a_simulation_that_fails_is_counted_and_the_next_ones_are_made(
    methods: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate_module, "_BUDGET_SECONDS", 0.2)
    async with playing(*map(pushed, range(1, 7)), **methods) as node, watching(node.http, node.ws) as (source, seen):
        await until(lambda: source.counts.failed == 6)  # more than there are simulators
        node.methods |= {"eth_getBlockByNumber": HEAD, "debug_traceCall": TREE, "eth_simulateV1": [
                {"calls": [{"status": "0x1", "logs": []}]}
            ]}  # fmt: skip
        source._accept(transaction(7, input="0x12345678"), "node")
        await until(lambda: seen)
    assert source.counts.simulated == 1


async def test_a_transaction_that_cannot_be_read_is_counted_and_the_next_one_is_seen() -> None:
    bad = [hash_(5)[:-1], {"hash": "0x6"}, pushed(7, input="text"), None]
    async with playing(*bad, pushed(1)) as node, watching(node.http, node.ws) as (source, seen):
        await until(lambda: seen)
    assert (source.counts.failed, source.counts.seen) == (4, 1)
    assert node.sockets == 1, "the subscription went on"


async def test_a_dropped_socket_is_opened_again() -> None:
    async with playing() as node:
        rounds = iter([pushing(pushed(1), stay=False), pushing(pushed(2), stay=False), pushing(pushed(3))])

        async def push(ws: web.WebSocketResponse) -> None:
            await next(rounds)(ws)

        node.on_subscribe = push
        async with watching(node.http, node.ws) as (source, seen):
            await until(lambda: source.counts.seen == 1 and not source.subscribed)
            await until(lambda: len(seen) == 3)
            assert source.subscribed
    assert node.sockets == 3


async def test_a_node_that_is_away_at_first_is_followed_once_it_is_there() -> None:
    async with playing(pushed(1)) as node:
        working, node.on_subscribe = node.on_subscribe, lambda ws: ws.close()
        async with watching(node.http, node.ws) as (source, seen):
            await until(lambda: node.sockets == 1)
            assert not source.subscribed
            node.on_subscribe = working
            await until(lambda: seen)


@pytest.mark.parametrize("part", ["_follow", "_simulate_on", "_fetch_bodies", "_ask_after"])
async def test_a_collector_that_dies_is_an_error_of_the_stream(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError(part)

    monkeypatch.setattr(MempoolSource, part, die)
    async with playing(pushed(1)) as node, Rpc(node.http) as rpc:
        with pytest.raises(ZeroDivisionError, match=part):
            async for _ in made(rpc, node.ws, 1, frozenset()).items():
                pass


async def test_a_stream_that_is_left_leaves_no_task_behind() -> None:
    async with playing(pushed(1)) as node, Rpc(node.http) as rpc:
        before = asyncio.all_tasks()
        items = made(rpc, node.ws, 1, frozenset()).items()
        first = await anext(items)
        assert isinstance(first, Simulated)
        assert first.execution.stage is Stage.PENDING
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        ours = {t for t in asyncio.all_tasks() - before if "MempoolSource" in repr(t) or "Queue" in repr(t)}
        assert ours == set()


async def test_simulating_with_a_node_that_is_away_is_an_error() -> None:
    async with Rpc("http://127.0.0.1:1") as rpc:
        with pytest.raises(NodeError):
            await made(rpc, "ws://127.0.0.1:1", 1, frozenset()).simulate(transaction())


# --- Of several providers ---------------------------------------------------------------------------------

FOUND = {"eth_chainId": "0x7a69", "eth_getBlockByNumber": HEAD, "debug_traceCall": TREE}


class Watch:
    """A source at work, with what it yielded."""

    def __init__(self, source: MempoolSource) -> None:
        self.source = source
        self.items: list[PendingItem] = []

    @property
    def hashes(self) -> list[str]:
        return [item.execution.transaction.hash for item in self.items if isinstance(item, Simulated)]

    @property
    def gone(self) -> dict[str, str]:
        return {item.tx_hash: item.reason for item in self.items if isinstance(item, Gone)}


@asynccontextmanager
async def following(
    *nodes: Node | FaultProxy | Anvil, protected: frozenset[str] = frozenset({VICTIM})
) -> AsyncIterator[Watch]:
    """A source that follows all `nodes`, named a, b and so on."""
    providers = tuple(ProviderConfig(name=name, http=n.http, ws=n.ws) for name, n in zip("abcd", nodes, strict=False))
    chain = ChainConfig(id=31337, mempool=True, providers=providers)
    async with Pool(chain) as pool:
        watch = Watch(MempoolSource(pool, chain, protected))

        async def collect() -> None:
            async for item in watch.source.items():
                watch.items.append(item)

        task = asyncio.create_task(collect())
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask often whether transactions are still there."""
    monkeypatch.setattr(mempool_module, "_ASK_SECONDS", 0.1)


def included(*transactions: Transaction) -> Block:
    return block(10, *(execution(transaction=each, index=i) for i, each in enumerate(transactions)))


@pytest.mark.anvil
async def test_whatever_one_provider_drops_or_repeats_is_yielded_once(still_anvil: Anvil, still: Rpc) -> None:
    senders = await still.call("eth_accounts")
    async with (
        FaultProxy(still_anvil.http, still_anvil.ws) as dropping,
        FaultProxy(still_anvil.http, still_anvil.ws) as repeating,
        following(dropping, repeating) as watch,
    ):
        repeating.on(Fault.DUPLICATE)
        repeating.on(Fault.REORDER, seconds=0.05)
        await until(lambda: watch.source.subscribed == {"a", "b"})
        sent = []
        for n in range(20):
            if n == 5:
                dropping.on(Fault.DROP_SOCKET)
                await until(lambda: watch.source.subscribed == {"b"})
            sent.append(await send(still, to=VICTIM, data="0x12345678", **{"from": senders[n % 10]}))
        dropping.heal()
        await until(lambda: watch.source.subscribed == {"a", "b"})
        repeating.on(Fault.DROP_SOCKET)
        await until(lambda: watch.source.subscribed == {"a"})
        sent.append(await send(still, to=VICTIM, data="0x12345678"))
        await until(lambda: len(watch.items) >= len(sent))
        await asyncio.sleep(0.2)
    assert sorted(watch.hashes) == sorted(sent) and not watch.gone
    counts = watch.source.counts
    assert counts.seen == counts.simulated == sum(counts.first_by.values()) == 21
    assert counts.first_by["a"] >= 1 and counts.first_by["b"] >= 15


@pytest.mark.anvil
async def test_a_provider_that_pushes_and_cannot_be_asked_is_no_reason_to_miss_anything(
    still_anvil: Anvil, still: Rpc
) -> None:
    async with (
        FaultProxy(still_anvil.http, still_anvil.ws) as sick,
        FaultProxy(still_anvil.http, still_anvil.ws) as sound,
        following(sick, sound) as watch,
    ):
        await until(lambda: watch.source.subscribed == {"a", "b"})
        sick.on(Fault.ERROR_IN_200, methods={"debug_traceCall", "eth_getBlockByNumber"})
        tx_hash = await send(still, to=VICTIM, data="0x12345678")
        await until(lambda: watch.hashes == [tx_hash])


async def test_a_provider_on_another_chain_is_not_followed() -> None:
    async with (
        fake_node(**FOUND | {"eth_chainId": "0x1"}) as wrong,
        fake_node(**FOUND) as right,
    ):
        wrong.on_subscribe, right.on_subscribe = pushing(pushed(1)), pushing(pushed(2))
        async with following(wrong, right) as watch:
            await until(lambda: watch.items)
            await asyncio.sleep(0.3)
            assert watch.source.subscribed == {"b"}
    assert watch.hashes == [hash_(2)] and wrong.sockets == 0


# --- Hashes only ------------------------------------------------------------------------------------------


def hashes_only(*transactions: Any) -> Callable[[Node], Callable[[web.WebSocketResponse], Any]]:
    """A node that refuses to push whole transactions."""

    def of(node: Node) -> Callable[[web.WebSocketResponse], Any]:
        async def push(ws: web.WebSocketResponse) -> None:
            if node.asked_for("eth_subscribe")[-1] == ["newPendingTransactions", True]:
                await ws.send_json({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "too many"}})
                return
            await pushing(*transactions)(ws)

        return push

    return of


@pytest.mark.anvil
async def test_a_node_that_pushes_hashes_only_is_asked_for_the_rest(still_anvil: Anvil, still: Rpc) -> None:
    sent = [await send(still, to=VICTIM, data="0x12345678") for _ in range(3)]
    async with fake_node(behind=still_anvil.http) as node:
        node.on_subscribe = hashes_only(*sent, *sent)(node)
        async with following(node) as watch:
            await until(lambda: len(watch.items) == 3)
            assert watch.source.subscribed == {"a"}
    assert sorted(watch.hashes) == sorted(sent)
    assert len(node.asked_for("eth_getTransactionByHash")) == 3
    assert node.asked_for("eth_subscribe") == [["newPendingTransactions", True], ["newPendingTransactions"]]


async def test_hashes_in_spite_of_being_asked_for_bodies_are_understood() -> None:
    def body(tx_hash: str) -> Any:
        return pushed(int(tx_hash, 16)) | ({"blockHash": hash_(3)} if tx_hash == hash_(3) else {})

    async with fake_node(**FOUND, eth_getTransactionByHash=body) as node:
        node.on_subscribe = pushing(hash_(1), hash_(3), pushed(2), hash_(2), hash_(1))
        async with following(node) as watch:
            await until(lambda: len(watch.items) == 2)
    counts = watch.source.counts
    assert (counts.seen, counts.simulated, counts.late) == (3, 2, 1), "one was included already"


async def test_a_body_that_only_the_one_who_pushed_its_hash_has_is_found() -> None:
    async with (
        fake_node(**FOUND, eth_getTransactionByHash=None) as other,
        fake_node(**FOUND, eth_getTransactionByHash=pushed(1)) as pusher,
    ):
        other.on_subscribe, pusher.on_subscribe = pushing(), pushing(hash_(1))
        async with following(other, pusher) as watch:
            await until(lambda: watch.items)
    assert watch.hashes == [hash_(1)]


async def test_a_body_that_nobody_has_is_given_up_unless_it_is_pushed_again() -> None:
    async with fake_node(**FOUND, eth_getTransactionByHash=None) as node:
        node.on_subscribe = pushing(hash_(1))
        async with following(node) as watch:
            await until(lambda: watch.source.counts.failed == 1)
            assert not watch.source._bodiless and not watch.source._wanted
            watch.source._pushed(msgspec.json.encode(pushed(1)), "a")
            await until(lambda: watch.items)


async def test_a_body_that_is_pushed_while_it_is_asked_for_is_taken() -> None:
    async with fake_node(**FOUND, eth_getTransactionByHash=lambda _: asyncio.sleep(1.5)) as node:
        node.on_subscribe = pushing(hash_(1))
        async with following(node) as watch:
            await until(lambda: node.asked_for("eth_getTransactionByHash"))
            watch.source._pushed(msgspec.json.encode(pushed(1)), "a")
            await until(lambda: watch.items, timeout=1.0)
    assert watch.source.counts.seen == 1


async def test_hashes_beyond_what_can_be_asked_for_are_shed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_MAX_QUEUE", 3)
    async with fake_node(**FOUND) as node, following(node) as watch:
        for n in range(10):
            watch.source._pushed(msgspec.json.encode(hash_(n)), "a")
        assert len(watch.source._bodiless) == len(watch.source._wanted) == 3
        assert watch.source.counts.shed == 7


# --- What can no longer happen ----------------------------------------------------------------------------


@pytest.mark.anvil
async def test_a_replaced_transaction_is_gone_and_its_replacement_is_simulated(still_anvil: Anvil, still: Rpc) -> None:
    fees = {"nonce": "0x0", "maxPriorityFeePerGas": hex(10**9)}
    async with following(still_anvil) as watch:
        await until(lambda: watch.source.subscribed)
        first = await send(still, to=VICTIM, data="0x12345678", maxFeePerGas=hex(3 * 10**9), **fees)
        await until(lambda: watch.hashes == [first])
        # The usual way to cancel: a payment of nothing to oneself, which is not worth simulating.
        sender = (await still.call("eth_accounts"))[0]
        fees["maxPriorityFeePerGas"] = hex(2 * 10**9)
        second = await send(still, to=sender, gas=hex(21_000), maxFeePerGas=hex(6 * 10**9), **fees)
        await until(lambda: watch.gone)
    assert watch.gone == {first: f"replaced by {second}"}
    assert (watch.source.counts.replaced, watch.source.counts.gone) == (1, 0)


async def test_what_is_replaced_in_the_queue_is_never_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_SIMULATIONS_AT_ONCE", 1)
    may_answer = asyncio.Event()

    async def blocked(*_: Any) -> Any:
        await may_answer.wait()
        return TREE

    same = {"from": address(0xA1), "nonce": "0x7"}
    async with fake_node(**FOUND | {"debug_traceCall": blocked}) as node:
        node.on_subscribe = pushing(
            pushed(1, gasPrice="0x5", **same), pushed(2, gasPrice="0x6", **same), pushed(3, gasPrice="0x7", **same)
        )
        async with following(node) as watch:
            await until(lambda: watch.source.counts.replaced == 2)
            may_answer.set()
            await until(lambda: watch.items)
            await asyncio.sleep(0.1)
    assert watch.hashes == [hash_(3)] and not watch.gone, "of the others nobody has heard"
    assert len(node.asked_for("debug_traceCall")) <= 2


async def test_a_transaction_that_pays_no_more_than_the_one_before_replaces_nothing() -> None:
    same = {"from": address(0xA1), "nonce": "0x7"}
    async with fake_node(**FOUND) as node:
        node.on_subscribe = pushing(
            pushed(1, gasPrice="0x6", **same),
            pushed(2, gasPrice="0x5", **same),
            pushed(3, maxFeePerGas="0x9", maxPriorityFeePerGas="0x1", **same),
        )
        async with following(node) as watch:
            await until(lambda: len(watch.items) == 3)
            watch.source.note_block(included(transaction(2, from_=address(0xA1), nonce="0x7")))
            await until(lambda: watch.gone)
    used = f"its nonce was used by {hash_(2)}"
    assert watch.gone == {hash_(1): used, hash_(3): used}, "whichever is included, we have seen it"
    assert (watch.source.counts.replaced, watch.source.counts.gone) == (0, 2)


async def test_what_is_included_is_forgotten_silently_and_never_seen_again() -> None:
    async with fake_node(**FOUND) as node:
        node.on_subscribe = pushing(*(pushed(n, **{"from": address(0xA1), "nonce": hex(n)}) for n in (1, 2, 3)))
        async with following(node) as watch:
            await until(lambda: len(watch.items) == 3)
            mine = [transaction(n, from_=address(0xA1), nonce=hex(n)) for n in (1, 3, 4)]
            watch.source.note_block(included(*mine))
            assert watch.source._simulator._head is None, "the next one is simulated on this block"
            await until(lambda: watch.gone)
            watch.source._pushed(msgspec.json.encode(pushed(4)), "a")  # by a provider that is behind
    assert watch.gone == {hash_(2): f"its nonce was used by another, before {hash_(4)}"}
    assert not len(watch.source._book) and not watch.source._told and not watch.source._book._by_sender
    assert watch.source.counts.seen == 3


async def test_what_is_included_before_it_is_simulated_is_late() -> None:
    may_answer = asyncio.Event()

    async def blocked(*_: Any) -> Any:
        await may_answer.wait()
        return TREE

    async with fake_node(**FOUND | {"debug_traceCall": blocked}) as node:
        node.on_subscribe = pushing(pushed(1), pushed(2))
        async with following(node) as watch:
            await until(lambda: len(node.asked_for("debug_traceCall")) == 2)
            watch.source.note_block(included(transaction(1, from_=address(0xA101))))
            may_answer.set()
            await until(lambda: watch.items)
    assert watch.hashes == [hash_(2)] and watch.source.counts.late == 1


@pytest.mark.anvil
@pytest.mark.usefixtures("impatient")
async def test_a_transaction_that_disappears_is_gone_and_may_come_back(still_anvil: Anvil, still: Rpc) -> None:
    async with following(still_anvil) as watch:
        await until(lambda: watch.source.subscribed)
        tx_hash, other = [await send(still, to=VICTIM, data=f"0x1234567{n}") for n in range(2)]
        await until(lambda: len(watch.items) == 2)
        raw = await still.call("eth_getTransactionByHash", [tx_hash])
        await still.call("anvil_dropTransaction", [tx_hash])
        await until(lambda: watch.gone)
        watch.source._pushed(msgspec.json.encode(raw), "a")
        await until(lambda: watch.hashes.count(tx_hash) == 2)
    assert other not in watch.gone
    assert watch.gone[tx_hash] == "it disappeared from the mempool"


@pytest.mark.usefixtures("impatient")
async def test_what_any_provider_still_has_is_not_gone() -> None:
    async with (
        fake_node(**FOUND, eth_getTransactionByHash=pushed(1)) as has,
        fake_node(**FOUND, eth_getTransactionByHash=None) as has_not,
    ):
        has.on_subscribe, has_not.on_subscribe = pushing(), pushing(pushed(1))
        async with following(has, has_not) as watch:
            await until(lambda: len(has.asked_for("eth_getTransactionByHash")) > 2)
            assert not watch.gone
            has.methods["eth_getTransactionByHash"] = Refused(-32000, "busy")
            asked = len(has.asked)
            await until(lambda: len(has.asked) > asked + 2)
            assert not watch.gone, "a refusal is no null"
            has.methods["eth_getTransactionByHash"] = None
            await until(lambda: watch.gone)


@pytest.mark.usefixtures("impatient")
async def test_what_its_own_provider_cannot_be_asked_about_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_ASK_TIMEOUT_SECONDS", 0.2)
    async with (
        fake_node(**FOUND, eth_getTransactionByHash=None) as other,
        fake_node(**FOUND, eth_getTransactionByHash=lambda _: asyncio.sleep(5)) as pusher,
    ):
        other.on_subscribe, pusher.on_subscribe = pushing(), pushing(pushed(1))
        async with following(other, pusher) as watch:
            await until(lambda: len(other.asked_for("eth_getTransactionByHash")) > 2)
            assert watch.items and not watch.gone


@pytest.mark.usefixtures("impatient")
async def test_what_was_yielded_long_ago_is_not_asked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_STALE_SECONDS", 0.3)
    async with fake_node(**FOUND, eth_getTransactionByHash=lambda h: pushed(int(h, 16))) as node:
        node.on_subscribe = pushing(pushed(1))
        async with following(node) as watch:
            await until(lambda: watch.source._told)
            await until(lambda: not watch.source._told)
            assert 1 <= len(node.asked_for("eth_getTransactionByHash")) <= 4 and not watch.gone


# --- Under load -------------------------------------------------------------------------------------------


async def test_slow_others_are_not_in_the_way_of_what_concerns_the_protected() -> None:
    async def tree(call: dict[str, Any], *_: Any) -> Any:
        if call["to"] != VICTIM:
            await asyncio.sleep(30)
        return TREE

    async with fake_node(**FOUND | {"debug_traceCall": tree}) as node:
        node.on_subscribe = pushing(*map(pushed, range(1, 30)))
        async with following(node) as watch:
            await until(lambda: watch.source.counts.seen == 29 and len(node.asked_for("debug_traceCall")) >= 6)
            watch.source._pushed(msgspec.json.encode(pushed(30, to=VICTIM)), "a")
            await until(lambda: watch.items, timeout=1.5)
    assert watch.hashes == [hash_(30)]


async def test_a_consumer_that_stalls_stops_the_simulating_and_nothing_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_UNREAD", 5)
    monkeypatch.setattr(mempool_module, "_MAX_QUEUE", 10)
    async with playing(*map(pushed, range(100))) as node, Rpc(node.http) as rpc:
        source = made(rpc, node.ws, 1, frozenset())
        items = source.items()
        await anext(items)
        await until(lambda: source.counts.seen == 100)
        await asyncio.sleep(0.2)
        for n in range(100, 200):
            source._pushed(msgspec.json.encode(pushed(n)), "node")
        await asyncio.sleep(0.2)
        # At most one beyond what is unread, and one in the hands of each simulator.
        assert source.counts.simulated <= 6 and source._out.qsize() <= 5
        assert sum(map(len, source._queues)) <= 10 and source.counts.shed >= 176
        await items.aclose()


async def test_a_stream_that_is_left_and_resumed_loses_nothing_that_was_queued() -> None:
    async with playing(*map(pushed, range(1, 30))) as node, Rpc(node.http) as rpc:
        source = made(rpc, node.ws, 1, frozenset())
        items = source.items()
        got = [await anext(items)]
        await until(lambda: source.counts.seen == 29)
        await items.aclose()
        items = source.items()
        async with asyncio.timeout(5):
            while len(got) < 29:
                got.append(await anext(items))
        await items.aclose()
    assert len({item.execution.transaction.hash for item in got if isinstance(item, Simulated)}) == 29


async def test_what_is_known_is_bounded_by_its_size_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "_KEPT_CHARACTERS", 1_000)
    async with playing() as node, watching(node.http, node.ws) as (source, seen):
        for n in range(50):
            source._pushed(msgspec.json.encode(pushed(n, input="0x" + "12" * 150)), "node")
            await until(lambda: source.counts.seen == len(seen))
        assert len(source._book) == len(source._book._by_sender) == 3
        assert source._book._characters <= 1_000
