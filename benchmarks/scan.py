"""Scanning history from a node, decoded: chainwatch beside web3.py and web3-ethereum-defi, in one run.

    python -m benchmarks.scan [--blocks N] [--logs N] [--eth-defi PYTHON] [--json]

One Anvil holds the same blocks of ERC-20 Transfers for all. In turns:

- chainwatch: what `chainwatch scan` does: block, receipts and (with `_traced`) call trees by hash, decoded into Events.
- web3.py: `get_logs` in chunks of ten blocks and `process_log` of every Transfer, on a tenth of the blocks.
- web3-ethereum-defi (`--eth-defi`: a Python with it installed, as it needs an older web3): `read_events`, which leaves
  the logs undecoded.

Ends with one JSON object: logs per second of each, and chainwatch over each.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from typing import Any

from web3 import Web3

from benchmarks.latency import TRANSFER, emitting
from chainwatch.chain.anvil import Anvil
from chainwatch.chain.rpc import Rpc
from chainwatch.cli.history import history
from chainwatch.decode import Decoder, load_registry
from chainwatch.sources.fetch import TraceMode

_LOGS_A_TRANSACTION = 50
_CHUNK = 10
_BUDGET = 100_000

_ETH_DEFI = """
    import json, sys, time
    from web3 import Web3, HTTPProvider
    from eth_defi.abi import get_contract
    from eth_defi.event_reader.reader import read_events
    from eth_defi.event_reader.web3factory import SimpleWeb3Factory
    web3 = Web3(HTTPProvider(sys.argv[1], request_kwargs={"timeout": 60}))
    web3.middleware_onion.clear()
    event = get_contract(web3, "ERC20MockDecimals.json").events.Transfer
    started = time.perf_counter()
    found = sum(1 for _ in read_events(web3, start_block=int(sys.argv[2]), end_block=int(sys.argv[3]), events=[event],
        chunk_size=10, extract_timestamps=None, reorg_mon=None, context=None))
    print(json.dumps([found, time.perf_counter() - started]))
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=500)
    parser.add_argument("--logs", type=int, default=200, help="logs a block")
    parser.add_argument("--eth-defi", help="a Python interpreter with web3-ethereum-defi")
    parser.add_argument("--json", action="store_true", help="print only the result object")
    arguments = parser.parse_args(argv)
    result = asyncio.run(run(arguments.blocks, arguments.logs, arguments.eth_defi))
    if not arguments.json:
        for name, rate in result["logs_per_second"].items():
            print(f"{name:24} {rate:12,.0f} logs/s")
    print(json.dumps(result))
    return 0


async def run(blocks: int, logs: int, eth_defi: str | None) -> dict[str, Any]:
    async with Anvil("--no-mining") as anvil, Rpc(anvil.http) as rpc:
        [sender, *_] = await rpc.call("eth_accounts")
        for _ in range(blocks):
            for first in range(0, logs, _LOGS_A_TRANSACTION):
                data = emitting(min(_LOGS_A_TRANSACTION, logs - first))
                await rpc.call("eth_sendTransaction", [{"from": sender, "data": data, "gas": hex(5_000_000)}])
            await rpc.call("evm_mine", [])
        rates: dict[str, float] = {}
        for _ in range(2):  # the first round warms everybody up
            rates["chainwatch"] = await _ours(anvil.http, blocks, "none")
            rates["chainwatch_traced"] = await _ours(anvil.http, blocks, "parity")
            rates["web3py"] = await asyncio.to_thread(_web3py, anvil.http, max(blocks // 10, _CHUNK))
            if eth_defi is not None:
                rates["web3_ethereum_defi"] = await asyncio.to_thread(_eth_defi, eth_defi, anvil.http, blocks)
    ratios = {f"x_{name}": round(rates["chainwatch"] / rate, 2) for name, rate in rates.items() if "chain" not in name}
    return {
        "blocks": blocks,
        "logs_a_block": logs,
        "logs_per_second": {name: round(rate) for name, rate in rates.items()},
        **ratios,
        "budget": _BUDGET,
    }


async def _ours(url: str, blocks: int, traces: TraceMode) -> float:
    decoder = Decoder(load_registry())
    logs = 0
    started = time.perf_counter()
    async with history(None, url, 1, blocks, traces=traces) as (_, items):
        async for fetched, _answers in items:
            for execution in fetched.block.executions:
                facts = decoder.facts(execution)
                logs += len(execution.logs or ())
                assert len(facts.events) >= len(execution.logs or ())
    return logs / (time.perf_counter() - started)


def _web3py(url: str, blocks: int) -> float:
    web3 = Web3(Web3.HTTPProvider(url))
    fields = [("from", "address", True), ("to", "address", True), ("value", "uint256", False)]
    inputs = [{"name": name, "type": type_, "indexed": indexed} for name, type_, indexed in fields]
    event = web3.eth.contract(abi=[{"type": "event", "name": "Transfer", "anonymous": False, "inputs": inputs}])
    decoded = 0
    started = time.perf_counter()
    for first in range(1, blocks + 1, _CHUNK):
        last = min(first + _CHUNK - 1, blocks)
        for log in web3.eth.get_logs({"fromBlock": first, "toBlock": last, "topics": [TRANSFER]}):
            event.events.Transfer().process_log(log)
            decoded += 1
    return decoded / (time.perf_counter() - started)


def _eth_defi(python: str, url: str, blocks: int) -> float:
    script = textwrap.dedent(_ETH_DEFI)
    done = subprocess.run([python, "-c", script, url, "1", str(blocks)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"web3-ethereum-defi failed: {done.stderr[-2_000:]}")
    found, seconds = json.loads(done.stdout.splitlines()[-1])
    return float(found / seconds)


if __name__ == "__main__":
    sys.exit(main())
