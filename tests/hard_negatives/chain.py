"""Driving an Anvil that mines when told to: queued set-up, and acts that are kept as a Recording wants them.

Time goes by twelve seconds a block and nothing is random, so that equal seeds give equal transactions.
"""

from typing import Any

import msgspec
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.drill.artefacts import Artefact, create_address
from chainwatch.errors import NodeRejected
from chainwatch.types import Address, CallFrame, Hash, HexData
from tests.hard_negatives.npm import own

ARGUMENTS = (
    "--no-mining", "--accounts", "60", "--balance", "1000000", "--timestamp", "1700000000", "--hardfork", "prague",
    "--disable-code-size-limit", "--gas-limit", "3000000000", "--no-request-size-limit",
)  # fmt: skip
"""Of the Anvil to start. Venus' comptroller in one piece has 42 KB, more than a chain allows."""

COIN: Address = "0x" + "ee" * 20
UNLIMITED = 2**256 - 1
_GAS = 29_000_000
_GWEI = 10**9
_BLOCK_SECONDS = 12
_BATCH = 100
_MINING_ATTEMPTS = 50


class SceneFailed(Exception):
    """A scene did not do what it says."""


class Kept(msgspec.Struct, frozen=True):
    """A transaction as a Recording holds it."""

    hash: Hash
    block: bytes
    receipts: bytes
    trace: CallFrame
    gas_used: int


class Snapshot(msgspec.Struct, frozen=True):
    """A state to return to."""

    id: str
    nonces: dict[Address, int]


class Chain:
    """One Anvil. What is queued is sent with the next `settle`, `act` or `read`; a failed step raises SceneFailed."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.accounts: list[Address] = []
        self.tip_wei = _GWEI
        self._nonces: dict[Address, int] = {}
        self._queue: list[dict[str, Any]] = []

    async def start(self) -> None:
        self.accounts = [a.lower() for a in await self.rpc.call("eth_accounts", as_=list[str])]
        self._nonces = dict.fromkeys(self.accounts, 0)
        await self.rpc.call("anvil_setBlockTimestampInterval", [_BLOCK_SECONDS])

    def create(self, artefact: Artefact, *arguments: object, by: Address | None = None) -> Address:
        """Queue a deployment; the address is known at once."""
        sender = by or self.accounts[0]
        nonce = self._nonces[sender]
        self.enqueue(sender, None, artefact.creation(*arguments), 0)
        return create_address(sender, nonce)

    def call(
        self, artefact: Artefact, to: Address, function: str, *arguments: object, by: Address | None = None,
        value: int = 0,
    ) -> None:  # fmt: skip
        """Queue a call."""
        self.enqueue(by or self.accounts[0], to, artefact.call(function, *arguments), value)

    def next_address(self, sender: Address) -> Address:
        """Where the next contract of `sender` will be."""
        return create_address(sender, self._nonces[sender])

    async def transaction_count(self, account: Address) -> int:
        """The next nonce."""
        await self.settle()
        return self._nonces[account]

    async def delegate(self, account: Address, key: LocalAccount, authorization: Any) -> None:
        """Have an account delegate to code (EIP-7702) by a transaction of its own, which uses two nonces."""
        nonce = await self.transaction_count(account)
        signed = key.sign_transaction(
            {
                "type": 4,
                "chainId": 31337,
                "nonce": nonce,
                "to": to_checksum_address(account),
                "value": 0,
                "data": b"",
                "gas": 200_000,
                "maxFeePerGas": 101 * _GWEI,
                "maxPriorityFeePerGas": _GWEI,
                "authorizationList": [authorization],
            }
        )
        hash_ = await self.rpc.call("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()], as_=str)
        await self.rpc.call("evm_mine")
        receipt = await self.rpc.call("eth_getTransactionReceipt", [hash_])
        if receipt is None or quantity(receipt["status"]) != 1:
            raise SceneFailed("the account could not delegate")
        self._nonces[account] = nonce + 2

    async def settle(self) -> None:
        """Send and mine what is queued."""
        queue, self._queue = self._queue, []
        for start in range(0, len(queue), _BATCH):
            await self._mined(queue[start : start + _BATCH])

    async def act(
        self, sender: Address, to: Address | None, data: HexData, *, value: int = 0, **more: Any
    ) -> Kept:  # fmt: skip
        """Send one transaction, mine it alone and keep it."""
        await self.settle()
        self.enqueue(sender, to, data, value, **more)
        (receipt,) = await self._mined([self._queue.pop()])
        hash_, block = receipt["transactionHash"], receipt["blockNumber"]
        raw_block = await self.rpc.call("eth_getBlockByNumber", [block, True], as_=msgspec.Raw)
        raw_receipts = await self.rpc.call("eth_getBlockReceipts", [block], as_=msgspec.Raw)
        trace = await self._trace(hash_)
        return Kept(hash_, bytes(raw_block), bytes(raw_receipts), trace, quantity(receipt["gasUsed"]))

    async def read(self, artefact: Artefact, address: Address, function: str, *arguments: object,
                   by: Address | None = None) -> Any:  # fmt: skip
        """What a call returns, without a transaction."""
        await self.settle()
        call = {"from": by or self.accounts[0], "to": address, "data": artefact.call(function, *arguments)}
        return artefact.result(function, await self.rpc.call("eth_call", [call, "latest"], as_=str))

    async def tried(self, artefact: Artefact, address: Address, function: str, *arguments: object,
                    by: Address | None = None) -> Any:  # fmt: skip
        """As `read`; None where it reverts."""
        try:
            return await self.read(artefact, address, function, *arguments, by=by)
        except NodeRejected:
            return None

    async def balance(self, token: Address, account: Address) -> int:
        """Base units of a token, or wei of the coin."""
        if token == COIN:
            await self.settle()
            return quantity(await self.rpc.call("eth_getBalance", [account, "latest"], as_=str))
        return int(await self.read(own("Token"), token, "balanceOf", account))

    async def later(self, seconds: int) -> None:
        """Mine an empty block `seconds` from now."""
        await self.settle()
        latest = await self.rpc.call("eth_getBlockByNumber", ["latest", False])
        # evm_increaseTime has no effect while blocks follow at an interval.
        await self.rpc.call("evm_setNextBlockTimestamp", [quantity(latest["timestamp"]) + seconds])
        await self.rpc.call("evm_mine")

    async def mine(self, blocks: int) -> None:
        """Mine empty blocks."""
        await self.settle()
        for _ in range(blocks):
            await self.rpc.call("evm_mine")

    async def snapshot(self) -> Snapshot:
        await self.settle()
        return Snapshot(await self.rpc.call("evm_snapshot", as_=str), dict(self._nonces))

    async def restore(self, snapshot: Snapshot) -> Snapshot:
        """Return to a snapshot, which is used up by that; the new one is the same state."""
        self._queue.clear()
        if await self.rpc.call("evm_revert", [snapshot.id]) is not True:
            raise SceneFailed(f"Anvil knows no snapshot {snapshot.id}")
        self._nonces = dict(snapshot.nonces)
        return await self.snapshot()

    def enqueue(self, sender: Address, to: Address | None, data: HexData, value: int, **more: Any) -> None:
        nonce = self._nonces[sender]
        self._nonces[sender] = nonce + 1
        self._queue.append(
            {
                "from": sender,
                **({"to": to} if to else {}),
                "data": data,
                "value": hex(value),
                "nonce": hex(nonce),
                "gas": hex(_GAS),
                "maxFeePerGas": hex(100 * _GWEI + self.tip_wei),
                "maxPriorityFeePerGas": hex(self.tip_wei),
                **more,
            }
        )

    async def _mined(self, transactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        hashes = []
        for sent in await self.rpc.batch([("eth_sendTransaction", [t]) for t in transactions]):
            if isinstance(sent, NodeRejected):
                raise SceneFailed(f"not sent: {sent}")
            hashes.append(sent)
        for _ in range(_MINING_ATTEMPTS):
            await self.rpc.call("evm_mine")
            receipts: list[Any] = await self.rpc.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
            if None not in receipts:
                break
        else:
            raise SceneFailed(f"never mined: {hashes[receipts.index(None)]}")
        for transaction, receipt in zip(transactions, receipts, strict=True):
            if quantity(receipt["status"]) != 1:
                to, selector = transaction.get("to"), transaction["data"][:10]
                why = _deepest_error(await self._trace(receipt["transactionHash"]))
                raise SceneFailed(f"reverted: {selector} at {to}: {why}")
        return receipts

    async def _trace(self, hash_: Hash) -> CallFrame:
        return await self.rpc.call("debug_traceTransaction", [hash_, {"tracer": "callTracer"}], as_=CallFrame)


def _deepest_error(frame: CallFrame) -> str:
    for child in reversed(frame.calls or []):
        if child.error is not None:
            return _deepest_error(child)
    output = frame.output or ""
    text = bytes.fromhex(output[138:]).rstrip(b"\0").decode(errors="replace") if output.startswith("0x08c379a0") else ""
    return f"{frame.error} {text or output[:74]} in {frame.input[:10]} at {frame.to} from {frame.from_}"
