"""Parse and decode logs: chainwatch beside eth-abi with a topic map and web3.py, interleaved in one run.

    python -m benchmarks.decode [--json] [--logs N]

Every method starts from the JSON text of the same `eth_getLogs` responses and ends with decoded values:

- chainwatch: typed structs, generated decoders, and the Events of the vocabulary (`Decoder.facts`); also up to the
  argument tuples only, without Events (`chainwatch_args`).
- eth_abi: untyped JSON by msgspec, a map from topics to types, `eth_abi.decode` of topics and data.
- web3py: `contract.events.X().process_log` on a smaller sample, because it is slow.

Ends with one JSON object: logs per second of each (median over rounds), `x_eth_abi` and `x_web3py` (chainwatch
over each), and the peak resident memory.
"""

import argparse
import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from hexbytes import HexBytes
from web3 import Web3

from chainwatch.decode import Decoder, Registry, load_registry
from chainwatch.decode.abi import EventSpec
from chainwatch.types import BlockRef, Execution, Log, Stage, Transaction

# The mix of reference/toolchain.md: what busy blocks hold, in per cent.
MIX = {
    ("erc20", "Transfer"): 45,
    ("erc20", "Approval"): 10,
    ("uniswap_v2", "Swap"): 12,
    ("uniswap_v2", "Sync"): 12,
    ("uniswap_v3", "Swap"): 12,
    ("aave_v3", "Borrow"): 3,
    ("aave_v3", "FlashLoan"): 1,
    ("aave_v3", "LiquidationCall"): 1,
    ("chainlink", "AnswerUpdated"): 4,
}
ROUNDS = 7
WEB3_SHARE = 10  # web3.py gets a tenth of the logs
TARGET = 10.0  # DESIGN section 7


class _Response(msgspec.Struct):
    result: list[Log]


def make_response(registry: Registry, count: int, seed: int = 1) -> bytes:
    """The JSON text of one `eth_getLogs` response of `count` logs, in random order, the same for the same seed."""
    rng = random.Random(seed)
    specs = {(k.spec.protocol, k.spec.name): k.spec for k in registry.known}
    chosen = rng.choices(list(MIX), weights=list(MIX.values()), k=count)
    logs = [_random_log(specs[key], rng, index) for index, key in enumerate(chosen)]
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": logs}).encode()


def _random_log(spec: EventSpec, rng: random.Random, index: int) -> dict[str, Any]:
    words = [(p.indexed, abi_encode([p.type], [_random_value(p.type, rng)]).hex()) for p in spec.params]
    return {
        "address": f"0x{rng.getrandbits(160):040x}",
        "topics": [spec.topic0, *("0x" + w for indexed, w in words if indexed)],
        "data": "0x" + "".join(w for indexed, w in words if not indexed),
        "blockNumber": "0x1406f40",
        "blockHash": f"0x{rng.getrandbits(256):064x}",
        "transactionHash": f"0x{rng.getrandbits(256):064x}",
        "transactionIndex": hex(index // 5),
        "logIndex": hex(index),
        "removed": False,
    }


def _random_value(type_: str, rng: random.Random) -> object:
    if type_ == "address":
        return f"0x{rng.getrandbits(160):040x}"
    if type_ == "bool":
        return rng.random() < 0.5
    bits = min(int(type_.removeprefix("u").removeprefix("int")), 96)  # amounts as they are: far below the limit
    value = rng.getrandbits(bits - 1)
    return value if type_.startswith("u") or rng.random() < 0.5 else -value


Method = Callable[[bytes], int]


def chainwatch_events(registry: Registry) -> Method:
    decoder = Decoder(registry)
    parse = msgspec.json.Decoder(_Response)
    transaction = Transaction(hash="0x" + "00" * 32, from_="0x" + "00" * 20)
    block = BlockRef(number=1, hash=None)

    def run(text: bytes) -> int:
        execution = Execution(
            chain_id=1, stage=Stage.INCLUDED, transaction=transaction, block=block, index=0, succeeded=True,
            logs=parse.decode(text).result, trace=None,
        )  # fmt: skip
        facts = decoder.facts(execution)
        assert not facts.malformed and not facts.unknown_logs
        return len(execution.logs or ())

    return run


def chainwatch_args(registry: Registry) -> Method:
    parse = msgspec.json.Decoder(_Response)
    by_topic = registry.by_topic

    def run(text: bytes) -> int:
        logs = parse.decode(text).result
        decoded = []
        for log in logs:
            known = by_topic[log.topics[0]][len(log.topics)][0]
            decoded.append((known.spec.name, log.address, log.log_index, known.decode(log)))
        return len(decoded)

    return run


def eth_abi(registry: Registry) -> Method:
    parse = msgspec.json.Decoder()
    topic_map = {
        (k.spec.topic0, k.spec.topic_count): (
            k.spec.name,
            [p.type for p in k.spec.params if p.indexed],
            [p.type for p in k.spec.params if not p.indexed],
            [p.name for p in k.spec.params if p.indexed],
            [p.name for p in k.spec.params if not p.indexed],
        )
        for k in registry.known
    }

    def run(text: bytes) -> int:
        logs = parse.decode(text)["result"]
        decoded = []
        for log in logs:
            topics = log["topics"]
            name, topic_types, data_types, topic_names, data_names = topic_map[topics[0], len(topics)]
            args = dict(zip(data_names, abi_decode(data_types, bytes.fromhex(log["data"][2:])), strict=True))
            for type_, key, topic in zip(topic_types, topic_names, topics[1:], strict=True):
                args[key] = abi_decode([type_], bytes.fromhex(topic[2:]))[0]
            decoded.append((name, log["address"], int(log["logIndex"], 16), args))
        return len(decoded)

    return run


def web3py(registry: Registry) -> Method:
    web3 = Web3()
    events: dict[tuple[str, int], Any] = {}
    for known in registry.known:
        if (known.spec.protocol, known.spec.name) in MIX:
            inputs = [{"name": p.name, "type": p.type, "indexed": p.indexed} for p in known.spec.params]
            abi: Any = [{"type": "event", "name": known.spec.name, "anonymous": False, "inputs": inputs}]
            events[known.spec.topic0, known.spec.topic_count] = web3.eth.contract(abi=abi).events[known.spec.name]()

    def run(text: bytes) -> int:
        decoded = []
        for log in json.loads(text)["result"]:
            event = events[log["topics"][0], len(log["topics"])]
            prepared = log | {
                "topics": [HexBytes(t) for t in log["topics"]],
                "data": HexBytes(log["data"]),
                "blockHash": HexBytes(log["blockHash"]),
                "transactionHash": HexBytes(log["transactionHash"]),
                "logIndex": int(log["logIndex"], 16),
                "transactionIndex": int(log["transactionIndex"], 16),
                "blockNumber": int(log["blockNumber"], 16),
                "address": Web3.to_checksum_address(log["address"]),
            }
            decoded.append(event.process_log(prepared))
        return len(decoded)

    return run


def measure(registry: Registry, logs: int) -> dict[str, Any]:
    """Median logs per second of each method over interleaved rounds."""
    full = make_response(registry, logs)
    small = make_response(registry, max(1, logs // WEB3_SHARE))
    methods: dict[str, tuple[Method, bytes]] = {
        "chainwatch": (chainwatch_events(registry), full),
        "chainwatch_args": (chainwatch_args(registry), full),
        "eth_abi": (eth_abi(registry), full),
        "web3py": (web3py(registry), small),
    }
    rates: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, (run, text) in methods.items():
            started = time.perf_counter()
            count = run(text)
            rates[name].append(count / (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "logs": logs,
        "rounds": ROUNDS,
        "logs_per_second": {name: round(rate) for name, rate in medians.items()},
        "x_eth_abi": round(medians["chainwatch"] / medians["eth_abi"], 2),
        "x_eth_abi_args": round(medians["chainwatch_args"] / medians["eth_abi"], 2),
        "x_web3py": round(medians["chainwatch"] / medians["web3py"], 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "budget_x_eth_abi": TARGET,
        "within_budget": medians["chainwatch"] >= TARGET * medians["eth_abi"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=10_000, help="logs of one response (default 10,000)")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    given = parser.parse_args(arguments)
    if given.logs < WEB3_SHARE:
        parser.error(f"--logs must be at least {WEB3_SHARE}")
    result = measure(load_registry(), given.logs)
    if not given.json:
        print(f"parse + decode of {given.logs} logs, median of {ROUNDS} interleaved rounds")
        for name, rate in result["logs_per_second"].items():
            print(f"  {name:<16} {rate:>10,} logs/s")
        print(f"  chainwatch is {result['x_eth_abi']} × eth_abi (budget {TARGET:g}) and {result['x_web3py']} × web3.py")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
