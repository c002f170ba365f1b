"""Parse and decode logs: chainwatch beside eth-abi with a topic map and web3.py, interleaved in one run.

    python -m benchmarks.decode [--json] [--logs N]

The logs come as the JSON text of `eth_getLogs` responses of 10,000 logs each, in the mix of busy blocks, two per cent
with dynamic types among them. Every method starts from the text and ends with decoded values:

- chainwatch (rows): typed structs, generated decoders, and the Events of the vocabulary (`Decoder.facts`).
- chainwatch_columns: the same logs as numpy columns (`decode.columns.split`), addresses and numbers read from them.
- eth_abi: untyped JSON by msgspec, a map from topics to types, `eth_abi.decode` of topics and data.
- web3py: `contract.events.X().process_log` on every tenth response, because it is slow.

Ends with one JSON object: logs per second of each over all responses, `x_eth_abi` and `x_web3py` (chainwatch over
each), and the most memory that one method alone, in a process of its own, had resident.
"""

import argparse
import gc
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from hexbytes import HexBytes
from web3 import Web3

from chainwatch.decode import Decoder, Registry, load_registry
from chainwatch.decode.abi import EventSpec
from chainwatch.decode.columns import split
from chainwatch.types import BlockRef, Execution, Log, Stage, Transaction

# The mix of reference/toolchain.md, what busy blocks hold, with two per cent of dynamic types; in thousandths.
MIX = {
    ("erc20", "Transfer"): 440,
    ("erc20", "Approval"): 100,
    ("uniswap_v2", "Swap"): 120,
    ("uniswap_v2", "Sync"): 120,
    ("uniswap_v3", "Swap"): 110,
    ("aave_v3", "Borrow"): 30,
    ("aave_v3", "FlashLoan"): 10,
    ("aave_v3", "LiquidationCall"): 10,
    ("chainlink", "AnswerUpdated"): 40,
    ("erc1155", "TransferBatch"): 10,
    ("wormhole", "LogMessagePublished"): 10,
}
CHUNK = 10_000
WEB3_EVERY = 10
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
    topics = [abi_encode([p.type], [_random_value(p.type, rng)]).hex() for p in spec.params if p.indexed]
    data = [p.type for p in spec.params if not p.indexed]
    return {
        "address": f"0x{rng.getrandbits(160):040x}",
        "topics": [spec.topic0, *("0x" + word for word in topics)],
        "data": "0x" + abi_encode(data, [_random_value(type_, rng) for type_ in data]).hex(),
        "blockNumber": "0x1406f40",
        "blockHash": f"0x{rng.getrandbits(256):064x}",
        "transactionHash": f"0x{rng.getrandbits(256):064x}",
        "transactionIndex": hex(index // 5),
        "logIndex": hex(index),
        "removed": False,
    }


def _random_value(type_: str, rng: random.Random) -> object:
    if type_.endswith("[]"):
        return [_random_value(type_[:-2], rng) for _ in range(3)]
    if type_ == "bytes":
        return rng.randbytes(133)  # a token transfer of Wormhole
    if type_ == "address":
        return f"0x{rng.getrandbits(160):040x}"
    if type_ == "bool":
        return rng.random() < 0.5
    bits = min(int(type_.removeprefix("u").removeprefix("int")), 96)  # amounts as they are: far below the limit
    value = rng.getrandbits(bits - 1)
    return value if type_.startswith("u") or rng.random() < 0.5 else -value


Method = Callable[[bytes], int]


def chainwatch_rows(registry: Registry) -> Method:
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


def chainwatch_columns(registry: Registry) -> Method:
    parse = msgspec.json.Decoder(_Response)

    def run(text: bytes) -> int:
        logs = parse.decode(text).result
        found = split(registry, logs)
        assert not found.unknown and not found.malformed
        read = 0
        for columns in found.events:
            for column in columns.columns.values():
                values = column.addresses() if column.type == "address" else column.floats()
                assert len(values) == len(columns)
            read += len(columns)
        for place in found.others:  # dynamic types, by rows
            read += registry.match(logs[place]) is not None
        return read

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
        for k in _in_mix(registry)
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
    for known in _in_mix(registry):
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


def _in_mix(registry: Registry) -> Iterator[Any]:
    return (k for k in registry.known if (k.spec.protocol, k.spec.name) in MIX)


METHODS: dict[str, Callable[[Registry], Method]] = {
    "chainwatch": chainwatch_rows,
    "chainwatch_columns": chainwatch_columns,
    "eth_abi": eth_abi,
    "web3py": web3py,
}


def measure(registry: Registry, logs: int) -> dict[str, Any]:
    """Logs per second of each method, response after response; the responses are made as they are needed."""
    methods = {name: make(registry) for name, make in METHODS.items()}
    count: dict[str, int] = dict.fromkeys(methods, 0)
    seconds: dict[str, float] = dict.fromkeys(methods, 0.0)
    left, n = logs, 0
    while left > 0:
        size = min(CHUNK, left)
        text = make_response(registry, size, seed=n)
        if n == 0:
            for run in methods.values():  # functions are generated when they are first needed
                run(make_response(registry, 1_000))
        if n == 0:  # as the bot does once it has started
            gc.collect()
            gc.freeze()
        for name, run in methods.items():
            if name == "web3py" and n % WEB3_EVERY:
                continue
            some = text if name != "web3py" else make_response(registry, max(size // WEB3_EVERY, 1), seed=n)
            started = time.perf_counter()
            count[name] += run(some)
            seconds[name] += time.perf_counter() - started
        left, n = left - size, n + 1
    rates = {name: count[name] / seconds[name] for name in methods}
    return {
        "logs": count,
        "logs_per_second": {name: round(rate) for name, rate in rates.items()},
        "x_eth_abi": round(rates["chainwatch"] / rates["eth_abi"], 2),
        "x_eth_abi_columns": round(rates["chainwatch_columns"] / rates["eth_abi"], 2),
        "x_web3py": round(rates["chainwatch"] / rates["web3py"], 2),
        "peak_rss_mb": {name: _peak(name) for name in ("nothing", *methods)},
        "budget_x_eth_abi": TARGET,
        "within_budget": rates["chainwatch"] >= TARGET * rates["eth_abi"],
    }


def _peak(method: str) -> float:
    done = subprocess.run([sys.executable, "-m", __spec__.name, "--alone", method], capture_output=True, check=True)
    return float(done.stdout)


def _alone(method: str) -> float:
    """The most memory resident, in MB, after some responses by one method; `nothing`: with everything imported."""
    registry = load_registry()
    if method != "nothing":
        run = METHODS[method](registry)
        for n in range(3):
            run(make_response(registry, CHUNK if method != "web3py" else CHUNK // WEB3_EVERY, seed=n))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=100_000, help="how many logs (default 100,000)")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    parser.add_argument("--alone", choices=["nothing", *METHODS], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.alone:
        print(round(_alone(given.alone), 1))
        return 0
    if given.logs < 1:
        parser.error("--logs must be at least 1")
    result = measure(load_registry(), given.logs)
    if not given.json:
        print(f"parse + decode of {given.logs:,} logs, response after response")
        for name, rate in result["logs_per_second"].items():
            print(f"  {name:<20} {rate:>10,} logs/s   peak {result['peak_rss_mb'][name]:>6.1f} MB")
        print(f"  chainwatch is {result['x_eth_abi']} × eth_abi (budget {TARGET:g}) and {result['x_web3py']} × web3.py")
        print(f"  in columns {result['x_eth_abi_columns']} × eth_abi")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
