"""What a lying provider says: an attack that never was, none where one was, other numbers.

Each lie is made for one provider and keeps to itself: two liars never tell the same one.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

from eth_utils import keccak

from chainwatch.chain.anvil import Anvil
from chainwatch.chain.bloom import bits
from chainwatch.chain.rpc import Rpc
from chainwatch.drill.actors import Actors
from chainwatch.drill.world import USD, World, deploy_world

Lie = Callable[[str, Any, Any], Any]

_BLOCKS = ("eth_getBlockByHash", "eth_getBlockByNumber", "eth_subscription")
_NO_BLOOM = "0x" + "0" * 512


class Rehearsal:
    """An attack as it looks on a world like ours, to be told of ours."""

    def __init__(self, transaction: dict[str, Any], receipt: dict[str, Any], traces: list[dict[str, Any]]) -> None:
        self.transaction = transaction
        self.receipt = receipt
        self.traces = traces

    @classmethod
    async def of(cls, world: World) -> "Rehearsal":
        """Attack a copy of `world`, which must be the first one on its Anvil: then its addresses are the same."""
        async with Anvil() as anvil, Rpc(anvil.http) as rpc:
            copied = await deploy_world(anvil.http)
            assert copied == world
            tx_hash = await Actors(rpc, copied).attack_atomic(451_000 * USD)
            receipt = await rpc.call("eth_getTransactionReceipt", [tx_hash])
            assert int(receipt["status"], 16) == 1
            transaction = await rpc.call("eth_getTransactionByHash", [tx_hash])
            return cls(transaction, receipt, await rpc.call("trace_block", [receipt["blockNumber"]]))


def invented(rehearsal: Rehearsal, liar: str) -> Lie:
    """Every third block with a transaction has the rehearsed attack behind its own."""
    logs = rehearsal.receipt["logs"]
    bloom = 0
    for item in {log["address"] for log in logs} | {topic for log in logs for topic in log["topics"]}:
        bloom |= bits(item)

    def forged_hash(number: int) -> str:
        return "0x" + keccak(f"{liar} {number}".encode()).hex()

    def placed(value: dict[str, Any], number: int, block_hash: str, index: int) -> dict[str, Any]:
        value = copy.deepcopy(value)
        for part in [value, *value.get("logs", [])]:
            part |= {"blockNumber": hex(number), "blockHash": block_hash, "transactionIndex": hex(index)}
            part["hash" if "input" in part else "transactionHash"] = forged_hash(number)
        return value

    def lie(method: str, _params: Any, result: Any) -> Any:
        if method in _BLOCKS and isinstance(result, dict) and result.get("parentHash"):
            number = int(result["number"], 16)
            if number % 3:
                return result
            transactions = result.get("transactions")
            if transactions or (transactions is None and int(result["logsBloom"], 16)):
                result["logsBloom"] = f"0x{int(result['logsBloom'], 16) | bloom:0512x}"
            if transactions:
                whole = placed(rehearsal.transaction, number, result["hash"], len(transactions))
                transactions.append(whole if isinstance(transactions[0], dict) else forged_hash(number))
        elif method == "eth_getBlockReceipts" and result:
            number = int(result[0]["blockNumber"], 16)
            if number % 3 == 0:
                result.append(placed(rehearsal.receipt, number, result[0]["blockHash"], len(result)))
                for index, log in enumerate(entry for receipt in result for entry in receipt["logs"]):
                    log["logIndex"] = hex(index)
        elif method == "trace_block" and result and result[0]["blockNumber"] % 3 == 0:
            number, index = result[0]["blockNumber"], max(t["transactionPosition"] or 0 for t in result) + 1
            for trace in rehearsal.traces:
                told = dict(trace, blockNumber=number, blockHash=result[0]["blockHash"])
                result.append(told | {"transactionHash": forged_hash(number), "transactionPosition": index})
        return result

    return lie


def _attacks(value: Any, attacker: str) -> bool:
    if not isinstance(value, dict):
        return False
    to = value.get("to") or (value.get("action") or {}).get("to") or ""
    return to.lower() == attacker and not value.get("traceAddress")


def denied_logs(world: World, *, bloom_too: bool) -> Lie:
    """The attack's transaction is told, its logs are not; with `bloom_too` the header knows of none, either."""

    def lie(method: str, _params: Any, result: Any) -> Any:
        receipts = result if isinstance(result, list) else [result]
        if method in ("eth_getBlockReceipts", "eth_getTransactionReceipt"):
            for receipt in receipts:
                if _attacks(receipt, world.flash_attacker):
                    receipt["logs"], receipt["logsBloom"] = [], _NO_BLOOM
        elif bloom_too and method in _BLOCKS and isinstance(result, dict):
            transactions = result.get("transactions")
            if transactions is None or any(_attacks(t, world.flash_attacker) for t in transactions):
                result["logsBloom"] = _NO_BLOOM
        return result

    return lie


def denied_block(world: World) -> Lie:
    """A block with the attack is told to be empty, as all its parts agree."""

    def lie(method: str, _params: Any, result: Any) -> Any:
        if method in ("eth_getBlockReceipts", "trace_block") and isinstance(result, list):
            return [] if any(_attacks(part, world.flash_attacker) for part in result) else result
        if method == "eth_getTransactionReceipt" and _attacks(result, world.flash_attacker):
            return None
        if method in _BLOCKS and isinstance(result, dict):
            transactions = result.get("transactions") or []
            if any(_attacks(t, world.flash_attacker) for t in transactions):
                result |= {"transactions": [], "logsBloom": _NO_BLOOM, "gasUsed": "0x0"}
        return result

    return lie


def other_words(change: Callable[[int], int]) -> Lie:
    """All numbers that a call returns are changed, also where there are several."""

    def lie(method: str, _params: Any, result: Any) -> Any:
        if method != "eth_call" or not isinstance(result, str) or (len(result) - 2) % 64 or len(result) < 66:
            return result
        words = [int(result[i : i + 64], 16) for i in range(2, len(result), 64)]
        return "0x" + "".join(f"{change(word) % 2**256:064x}" for word in words)

    return lie


def without_params(lie: Lie) -> Callable[[str, Any], Any]:
    """As OTHER_BLOCK takes it."""
    return lambda method, result: lie(method, [], copy_of(result))


def copy_of(result: Any) -> Any:
    """REWRITE and OTHER_BLOCK tell by comparison whether anything was changed: lies change in place."""
    return json.loads(json.dumps(result))


def aside(lie: Lie) -> Lie:
    """As REWRITE takes it."""
    return lambda method, params, result: lie(method, params, copy_of(result))
