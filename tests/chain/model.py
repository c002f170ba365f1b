"""A synthetic EVM chain in memory, and nodes over it that misbehave on demand.

There is no EVM: a transaction names the logs it emits and the storage it sets, and `eth_call` at a block reads what
was set up to there. All the rest is as on a chain: hashes that commit to parent and content, a logs bloom, receipts,
call trees, and a reorganisation that leaves the orphaned blocks known by hash, as geth does. A test therefore knows
the whole truth, and can hold the bot against it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import sha3
from aiohttp import WSMsgType, web

from chainwatch.chain.bloom import bloom_of
from chainwatch.chain.probes import MULTICALL3
from chainwatch.types import Address, Hash, HexData, Log

CHAIN_ID = 424242
MARKET: Address = "0x" + "b1" * 20
TOKEN: Address = "0x" + "70" * 20
TRADER: Address = "0x" + "a0" * 20
ATTACKER: Address = "0x" + "a1" * 20
TRANSFER: Hash = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # Transfer of ERC-20
SOUND, BROKEN = 50, 150
"""Debts of the market on either side of the invariant `debt <= 100.0`."""

Slot = tuple[Address, HexData]
"""A contract and the calldata of a read of it."""


def keccak(*parts: bytes) -> Hash:
    """The hash of `parts`, one after another."""
    return f"0x{sha3.keccak_256(b''.join(parts)).hexdigest()}"


def selector(signature: str) -> HexData:
    """The calldata of a read without arguments, such as `debt()`."""
    return keccak(signature.encode())[:10]


DEBT: Slot = (MARKET, selector("debt()"))


@dataclass(frozen=True)
class Tx:
    """A transaction: whom it calls, what it emits, and what reads give afterwards. Equal ones have equal hashes."""

    nonce: int
    to: Address = TOKEN
    from_: Address = TRADER
    logs: tuple[Log, ...] = ()
    sets: tuple[tuple[Slot, int], ...] = ()

    @cached_property
    def hash(self) -> Hash:
        return keccak(repr((self.nonce, self.to, self.from_, self.logs, self.sets)).encode())


def transfer(nonce: int, logs: int = 1) -> Tx:
    """A benign transfer of a token."""
    return Tx(nonce, logs=tuple(_transfer_log(TRADER, ATTACKER, nonce + i) for i in range(logs)))


def attack(nonce: int) -> Tx:
    """A call of the market that leaves it with more debt than its invariant allows."""
    drained = (_transfer_log(MARKET, ATTACKER, 100),)
    return Tx(nonce, to=MARKET, from_=ATTACKER, logs=drained, sets=((DEBT, BROKEN),))


def repair(nonce: int) -> Tx:
    """A call of the market after which its invariant holds again."""
    return Tx(nonce, to=MARKET, logs=(_transfer_log(TRADER, MARKET, 100),), sets=((DEBT, SOUND),))


def _transfer_log(from_: Address, to: Address, amount: int) -> Log:
    topics = [TRANSFER, *("0x" + "00" * 12 + who[2:] for who in (from_, to))]
    return Log(address=TOKEN, topics=topics, data=f"0x{amount:064x}")


@dataclass(frozen=True)
class ModelBlock:
    """One block, with its JSON as nodes give it."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int
    transactions: tuple[Tx, ...]
    bloom: int
    state: Mapping[Slot, int]

    @property
    def broken(self) -> bool:
        """Whether the market's invariant is broken after it."""
        return self.state[DEBT] > 100

    @cached_property
    def _header(self) -> dict[str, Any]:
        return {
            "number": hex(self.number), "hash": self.hash, "parentHash": self.parent_hash,
            "timestamp": hex(self.timestamp), "logsBloom": f"0x{self.bloom:0512x}", "baseFeePerGas": hex(10**9),
            "gasLimit": hex(36_000_000), "gasUsed": hex(21_000 * len(self.transactions)), "miner": "0x" + "00" * 20,
        }  # fmt: skip

    @cached_property
    def header(self) -> bytes:
        """With the hashes of its transactions."""
        return msgspec.json.encode(self._header | {"transactions": [tx.hash for tx in self.transactions]})

    @cached_property
    def full(self) -> bytes:
        """With its transactions."""
        return msgspec.json.encode(self._header | {"transactions": [*map(self._transaction, self._indices)]})

    @cached_property
    def receipts(self) -> bytes:
        """All receipts."""
        return self.receipts_with(lambda _tx, logs: logs)

    @cached_property
    def traces(self) -> bytes:
        """What `trace_block` says: one call for each transaction."""
        return msgspec.json.encode([*map(self._trace, self._indices)])

    @property
    def _indices(self) -> range:
        return range(len(self.transactions))

    def receipts_with(self, change: Callable[[Tx, tuple[Log, ...]], tuple[Log, ...]]) -> bytes:
        """The receipts of a node that lies about the logs."""
        receipts, count = [], 0
        for index, tx in enumerate(self.transactions):
            logs = change(tx, tx.logs)
            receipts.append(self._receipt(index, tx, logs, count))
            count += len(logs)
        return msgspec.json.encode(receipts)

    def _transaction(self, index: int) -> dict[str, Any]:
        tx = self.transactions[index]
        return {
            "hash": tx.hash, "from": tx.from_, "to": tx.to, "nonce": hex(tx.nonce), "value": "0x0", "input": "0x",
            "gas": "0x186a0", "gasPrice": hex(2 * 10**9), "type": "0x0", "transactionIndex": hex(index),
            "blockHash": self.hash, "blockNumber": hex(self.number),
        }  # fmt: skip

    def _receipt(self, index: int, tx: Tx, logs: Sequence[Log], first: int) -> dict[str, Any]:
        common = {"transactionHash": tx.hash, "transactionIndex": hex(index), "blockHash": self.hash}
        return common | {
            "blockNumber": hex(self.number), "from": tx.from_, "to": tx.to, "status": "0x1", "gasUsed": "0x5208",
            "cumulativeGasUsed": hex(21_000 * (index + 1)), "effectiveGasPrice": hex(2 * 10**9), "type": "0x0",
            "contractAddress": None,
            "logs": [
                common | {"address": log.address, "topics": log.topics, "data": log.data, "logIndex": hex(first + i)}
                for i, log in enumerate(logs)
            ],
        }  # fmt: skip

    def _trace(self, index: int) -> dict[str, Any]:
        tx = self.transactions[index]
        action = {"callType": "call", "from": tx.from_, "to": tx.to, "gas": "0x5208", "input": "0x", "value": "0x0"}
        return {
            "action": action, "type": "call", "traceAddress": [], "subtraces": 0, "transactionHash": tx.hash,
            "transactionPosition": index, "blockHash": self.hash, "blockNumber": self.number,
            "result": {"gasUsed": "0x5208", "output": "0x"},
        }  # fmt: skip


Listener = Callable[[Sequence[ModelBlock]], None]


class ModelChain:
    """A chain whose only miner is the test. With `keep`, only the newest blocks (and genesis) are remembered."""

    def __init__(self, *, keep: int | None = None, block_seconds: int = 12, start: int = 1_700_000_000) -> None:
        self._keep = keep
        self._block_seconds = block_seconds
        self._salt = 0
        self.listeners: list[Listener] = []
        """Told of every new canonical block, oldest first, once the chain has them."""
        genesis = ModelBlock(0, keccak(b"genesis"), "0x" + "00" * 32, start, (), 0, {DEBT: SOUND})
        self._canonical: dict[int, ModelBlock] = {0: genesis}
        self._by_hash: dict[Hash, ModelBlock] = {genesis.hash: genesis}
        self._seen: dict[int, list[Hash]] = {}
        self.head = genesis

    def fork(self) -> "ModelChain":
        """Another chain with the same history, which goes its own way from here on."""
        other = ModelChain(keep=self._keep, block_seconds=self._block_seconds)
        other._canonical, other._by_hash, other.head = dict(self._canonical), dict(self._by_hash), self.head
        other._salt = self._salt + 1_000_000
        return other

    def mine(self, *transactions: Tx) -> ModelBlock:
        """The next block."""
        return self.mine_all([transactions])[-1]

    def mine_all(self, blocks: Sequence[Sequence[Tx]]) -> list[ModelBlock]:
        """Several blocks at once: nodes tell all their headers, but nobody can ask in between."""
        mined = [self._append(transactions) for transactions in blocks]
        for listener in self.listeners:
            listener(mined)
        return mined

    def reorg(self, depth: int, blocks: Sequence[Sequence[Tx]]) -> list[ModelBlock]:
        """Replace the newest `depth` blocks by `blocks`. The old ones stay known by hash."""
        assert 0 < depth <= self.head.number and blocks
        ancestor = self._canonical[self.head.number - depth]
        for number in range(ancestor.number + 1, self.head.number + 1):
            del self._canonical[number]
        self.head = ancestor
        return self.mine_all(blocks)

    def canonical(self, first: int = 0) -> list[ModelBlock]:
        """The blocks of the chain that are remembered, from height `first` on."""
        return [self._canonical[n] for n in range(first, self.head.number + 1) if n in self._canonical]

    def at(self, number: int) -> ModelBlock | None:
        """The canonical block at a height."""
        return self._canonical.get(number)

    def by_hash(self, block_hash: Hash) -> ModelBlock | None:
        """A block, orphaned or not."""
        return self._by_hash.get(block_hash)

    def _append(self, transactions: Sequence[Tx]) -> ModelBlock:
        parent, self._salt = self.head, self._salt + 1
        state: Mapping[Slot, int] = parent.state
        if changes := {slot: value for tx in transactions for slot, value in tx.sets}:
            state = {**state, **changes}
        bloom = bloom_of(log for tx in transactions for log in tx.logs)
        number, content = parent.number + 1, b"".join(tx.hash.encode() for tx in transactions)
        block_hash = keccak(parent.hash.encode(), b"%d %d %x" % (number, self._salt, bloom), content)
        timestamp = parent.timestamp + self._block_seconds
        block = ModelBlock(number, block_hash, parent.hash, timestamp, tuple(transactions), bloom, state)
        self._canonical[number] = self._by_hash[block_hash] = self.head = block
        if self._keep is not None:
            self._seen.setdefault(number, []).append(block_hash)
            for old in self._seen.pop(number - self._keep, ()):
                del self._by_hash[old]
            self._canonical.pop(number - self._keep if number > self._keep else -1, None)
        return block


@dataclass
class Faults:
    """What is wrong with a node. The default is nothing."""

    dead: bool = False
    """Connections are cut."""
    stalls: bool = False
    """Nothing is answered, and nothing is pushed."""
    lag: int = 0
    """It knows nothing of the newest blocks, so many."""
    errors: bool = False
    """Each call is answered with an error, inside HTTP 200."""
    truncates: bool = False
    """Answers are cut off in the middle."""
    call_value: int | None = None
    """What it answers to each `eth_call`."""
    hides_logs: bool = False
    invents_logs: bool = False
    duplicates: bool = False
    """Each head is pushed twice."""
    reorders: bool = False
    """Heads are pushed in pairs, the newer one first."""
    garbles: set[int] = field(default_factory=set)
    """Heights whose receipts are garbage."""


class Answer(Exception):
    """Raised for a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = msgspec.json.encode({"code": code, "message": message})


_INVENTED = Log(address=MARKET, topics=[TRANSFER], data="0x")
_FINAL_DEPTH = {"latest": 0, "pending": 0, "safe": 32, "finalized": 64, "earliest": 10**9}
_Call = dict[str, Any]
_Method = Callable[[list[Any]], bytes]


class ModelNode:
    """A JSON-RPC node over `chain`, HTTP and WebSocket on one port. `chain` may be exchanged for a fork of it."""

    def __init__(self, chain: ModelChain, name: str = "a") -> None:
        self.name = name
        self.faults = Faults()
        self.asked: dict[str, int] = {}
        self.extra: dict[str, _Method] = {}
        """Further methods."""
        self._chain = chain
        self._real = chain
        self._held: ModelBlock | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._queues: set[asyncio.Queue[bytes]] = set()
        self._healed = asyncio.Event()
        self._port = 0
        chain.listeners.append(self._mined)
        self._methods: dict[str, _Method] = {
            "eth_chainId": lambda _: b'"%s"' % hex(CHAIN_ID).encode(),
            "net_version": lambda _: b'"%d"' % CHAIN_ID,
            "eth_blockNumber": lambda _: b'"0x%x"' % self._head().number,
            "eth_getBlockByNumber": lambda p: _json_of(self._tagged(p[0]), full=p[1]),
            "eth_getBlockByHash": lambda p: _json_of(self._known(p[0]), full=p[1]),
            "eth_getBlockReceipts": self._receipts,
            "eth_getTransactionReceipt": self._receipt,
            "trace_block": lambda p: b"null" if (block := self._tagged(p[0])) is None else block.traces,
            "trace_transaction": self._trace,
            "eth_call": self._call,
            "eth_getCode": lambda p: b'"0x"' if p[0].lower() == MULTICALL3 else b'"0x6000"',
            "eth_getBalance": lambda _: b'"0xde0b6b3a7640000"',
            "eth_getTransactionCount": lambda _: b'"0x1"',
        }

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws"

    @property
    def subscribers(self) -> int:
        """How many subscriptions stand."""
        return len(self._queues)

    # Misbehaving

    async def break_(self, **faults: Any) -> None:
        """These faults from now on, instead of those before."""
        await self.heal()
        self.faults = Faults(**faults)
        if self.faults.dead:
            for socket in list(self._sockets):
                await socket.close()

    async def heal(self) -> None:
        """Nothing is wrong any more."""
        self.faults = Faults()
        self._healed.set()
        self._healed = asyncio.Event()
        if self._chain is not self._real:
            self._chain = self._real
            self._push([self._real.head])

    def forked(self, *transactions: Tx) -> None:
        """From now on it is on a fork of its own, which grows by a block of `transactions` with each real block."""
        self._chain = self._real.fork()
        self._forked_with = transactions

    # Serving

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["ModelNode"]:
        """Listen on a port of the loopback interface, a free one unless given."""
        runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self._port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self._healed.set()
            for socket in list(self._sockets):
                await socket.close()
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.faults.dead:
            return _cut(request)
        if request.path == "/ws":
            return await self._socket(request)
        calls = msgspec.json.decode(await request.read())
        if self.faults.stalls:
            await self._healed.wait()
            return _cut(request)
        if isinstance(calls, list):
            body = b"[" + b",".join([self._answer(call) for call in calls]) + b"]"
        else:
            body = self._answer(calls)
        if self.faults.truncates:
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json")

    def _answer(self, call: _Call) -> bytes:
        method = call["method"]
        self.asked[method] = self.asked.get(method, 0) + 1
        frame = b'{"jsonrpc":"2.0","id":%d,' % call["id"]
        try:
            if self.faults.errors:
                raise Answer(-32603, "internal error")
            answer = self._methods.get(method) or self.extra.get(method)
            if answer is None:
                raise Answer(-32601, f"the method {method} does not exist")
            return frame + b'"result":' + answer(call["params"]) + b"}"
        except Answer as refused:
            return frame + b'"error":' + refused.error + b"}"

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        queue: asyncio.Queue[bytes] = asyncio.Queue()

        async def pump() -> None:
            with suppress(ConnectionError):
                while True:
                    await socket.send_str((await queue.get()).decode())

        pumping = asyncio.create_task(pump())
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY) or self.faults.stalls:
                    continue
                call = msgspec.json.decode(message.data)
                if call["method"] == "eth_subscribe":
                    queue.put_nowait(b'{"jsonrpc":"2.0","id":%d,"result":"0x1"}' % call["id"])
                    self._queues.add(queue)
                else:
                    queue.put_nowait(self._answer(call))
        finally:
            pumping.cancel()
            self._queues.discard(queue)
            self._sockets.discard(socket)
            await asyncio.gather(pumping, return_exceptions=True)
        return socket

    def _mined(self, blocks: Sequence[ModelBlock]) -> None:
        if self._chain is not self._real:
            blocks = [self._chain._append(self._forked_with) for _ in blocks]
        if self.faults.lag:
            blocks = [b for b in (self._chain.at(block.number - self.faults.lag) for block in blocks) if b is not None]
        self._push(blocks)

    def _push(self, blocks: Iterable[ModelBlock]) -> None:
        if self.faults.dead or self.faults.stalls or not self._queues:
            return
        for block in blocks:
            pushed = [block]
            if self.faults.reorders:
                pushed, self._held = ([], block) if self._held is None else ([block, self._held], None)
            for one in pushed * (2 if self.faults.duplicates else 1):
                frame = b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":%s}}'
                for queue in self._queues:
                    queue.put_nowait(frame % one.header)

    # Answers

    def _head(self) -> ModelBlock:
        head = self._chain.head
        return self._chain.at(max(0, head.number - self.faults.lag)) or head if self.faults.lag else head

    def _tagged(self, tag: str) -> ModelBlock | None:
        head = self._head().number
        number = max(0, head - _FINAL_DEPTH[tag]) if tag in _FINAL_DEPTH else int(tag, 16)
        return self._chain.at(number) if number <= head else None

    def _known(self, block_hash: Hash) -> ModelBlock | None:
        block = self._chain.by_hash(block_hash)
        if block is not None and self.faults.lag and block.number > self._head().number:
            return None
        return block

    def _at(self, where: Any) -> ModelBlock:
        block = self._known(where["blockHash"]) if isinstance(where, dict) else self._tagged(where)
        if block is None:
            raise Answer(-32000, "header not found")
        return block

    def _receipts(self, params: list[Any]) -> bytes:
        block = self._known(params[0]) if len(params[0]) == 66 else self._tagged(params[0])
        if block is None:
            return b"null"
        if block.number in self.faults.garbles:
            return b'{"these are":"no receipts"}'
        if self.faults.hides_logs:
            return block.receipts_with(lambda _tx, _logs: ())
        if self.faults.invents_logs:
            return block.receipts_with(lambda _tx, logs: (*logs, _INVENTED))
        return block.receipts

    def _receipt(self, params: list[Any]) -> bytes:
        for block in reversed(self._chain.canonical()):
            for index, tx in enumerate(block.transactions):
                if tx.hash == params[0] and block.number <= self._head().number:
                    return bytes(msgspec.json.decode(self._receipts([block.hash]), type=list[msgspec.Raw])[index])
        return b"null"

    def _trace(self, params: list[Any]) -> bytes:
        for block in reversed(self._chain.canonical()):
            for index, tx in enumerate(block.transactions):
                if tx.hash == params[0] and block.number <= self._head().number:
                    return b"[%s]" % bytes(msgspec.json.decode(block.traces, type=list[msgspec.Raw])[index])
        return b"null"

    def _call(self, params: list[Any]) -> bytes:
        call, where = params[0], params[1] if len(params) > 1 else "latest"
        block = self._at(where)
        if "to" not in call:
            raise Answer(-32000, "this node runs no init code")
        value = block.state.get((call["to"].lower(), call.get("data", call.get("input", "0x"))))
        if value is None:
            return b'"0x"'  # as of an address without code
        return b'"0x%064x"' % (value if self.faults.call_value is None else self.faults.call_value)


def _json_of(block: ModelBlock | None, *, full: bool) -> bytes:
    if block is None:
        return b"null"
    return block.full if full else block.header


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def configuration(nodes: Iterable[ModelNode], *, chain: str = "", ws: bool = True) -> dict[str, str]:
    """What stands in chainwatch.toml and in the profile of the market, by file name. `chain` is more of [[chains]]."""
    providers = "".join(
        f'[[chains.providers]]\nname = "{n.name}"\nhttp = "{n.http}"\n' + (f'ws = "{n.ws}"\n' if ws else "")
        for n in nodes
    )
    market = f"""\
name = "market"
chain_id = {CHAIN_ID}

[[contracts]]
name = "market"
address = "{MARKET}"

[[probes]]
name = "debt"
contract = "{MARKET}"
call = "debt()(uint256)"

[[invariants]]
name = "solvent"
expression = "debt <= 100.0"
victims = ["market"]
"""
    main = f'[[chains]]\nid = {CHAIN_ID}\ntraces = "parity"\n{chain}\n{providers}'
    return {"chainwatch.toml": main, "profiles/market.toml": market}
