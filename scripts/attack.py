#!/usr/bin/env python3
"""Send one of the drill's attacks, or an honest transaction that resembles one, to an Anvil with a drill world.

Exit codes: 0 done (with --pending: sent), 1 a transaction reverted or the node failed, 2 bad input.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from chainwatch.chain.rpc import Rpc, quantity
from chainwatch.drill.actors import Actors, Fees
from chainwatch.drill.world import USD, World, require_world, victim_cash
from chainwatch.errors import BadInput, ChainwatchError

ACTIONS = {
    "atomic": "flash loan, pump, borrow, dump and repay in one transaction",
    "staged": "the same with own capital: pump, several borrows, dump, each its own transaction",
    "swallow": "the atomic attack that ends with status 1 even when the victim refuses",
    "arbitrage": "honest: a flash loan closes the gap between two pools",
    "liquidate": "honest: a fallen market, then a flash liquidation",
    "loop": "honest: leverage by borrowing and swapping in turns",
    "trade": "honest: swap, lend, borrow, repay",
}
GWEI = 10**9


def main(argv: list[str] | None = None) -> int:
    """Run; returns the exit code."""
    arguments = _arguments(argv)
    try:
        report = asyncio.run(_act(arguments))
    except ChainwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(json.dumps(report))
    else:
        _print(report)
    return 1 if any(step["status"] == "reverted" for step in report["transactions"]) else 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    listed = "\n".join(f"  {name:<10} {meaning}" for name, meaning in ACTIONS.items())
    parser = argparse.ArgumentParser(
        description=f"Act in a drill world.\n\nactions:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help="one of the above")
    parser.add_argument("--rpc", required=True, metavar="URL", help="HTTP address of the Anvil")
    parser.add_argument("--world", required=True, type=Path, metavar="FILE", help="what drill_world.py --out wrote")
    parser.add_argument("--pending", action="store_true", help="only put it into the mempool, wait for nothing")
    parser.add_argument("--amount", type=_usd, metavar="USD", help="dUSD to take (default 700000; staged: all chunks)")
    parser.add_argument("--chunks", type=_positive, default=5, metavar="N", help="borrows of `staged` (default 5)")
    parser.add_argument("--every", type=float, default=0, metavar="SECONDS", help="wait between steps of `staged`")
    parser.add_argument("--max-fee-gwei", type=_positive, metavar="GWEI", help="maxFeePerGas; tip 1 gwei")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(argv)


async def _act(arguments: argparse.Namespace) -> dict[str, Any]:
    world = _read_world(arguments.world)
    fees = Fees(arguments.max_fee_gwei * GWEI, GWEI) if arguments.max_fee_gwei else None
    async with Rpc(arguments.rpc) as rpc:
        await require_world(rpc, world)
        before = await victim_cash(rpc, world)
        transactions = []
        async for step, transaction_hash in _steps(
            Actors(rpc, world, wait=not arguments.pending, fees=fees), arguments
        ):
            receipt = None if arguments.pending else await rpc.call("eth_getTransactionReceipt", [transaction_hash])
            transactions.append({
                "step": step,
                "hash": transaction_hash,
                "block": quantity(receipt["blockNumber"]) if receipt else None,
                "status": ("succeeded" if quantity(receipt["status"]) else "reverted") if receipt else "pending",
            })  # fmt: skip
        after = None if arguments.pending else await victim_cash(rpc, world)
    return {
        "action": arguments.action,
        "transactions": transactions,
        "victim_cash_before": before,
        "victim_cash_after": after,
    }


async def _steps(actors: Actors, arguments: argparse.Namespace) -> AsyncIterator[tuple[str, str]]:
    amount = arguments.amount or 700_000 * USD
    match arguments.action:
        case "atomic":
            yield "attack", await actors.attack_atomic(amount)
        case "swallow":
            yield "attack", await actors.attack_swallowing(amount)
        case "staged":
            yield "pump", await actors.staged_pump()
            for number in range(1, arguments.chunks + 1):
                await asyncio.sleep(arguments.every)
                yield f"borrow {number}", await actors.staged_borrow_chunk(amount // arguments.chunks)
            await asyncio.sleep(arguments.every)
            yield "dump", await actors.staged_dump()
        case "arbitrage":
            yield "arbitrage", await actors.arbitrage()
        case "liquidate":
            yield "liquidate", await actors.liquidate()
        case "loop":
            yield "loop", await actors.leverage_loop()
        case "trade":
            yield "swap", await actors.swap()
            yield "deposit", await actors.deposit()
            yield "borrow", await actors.borrow()
            yield "repay", await actors.repay()


def _read_world(path: Path) -> World:
    try:
        return World.from_json(path.read_bytes())
    except OSError as error:
        raise BadInput(
            f"The world file {path} cannot be read: {error.strerror}.",
            "Write one with `python scripts/drill_world.py --rpc URL --out FILE`.",
        ) from error


def _print(report: dict[str, Any]) -> None:
    for step in report["transactions"]:
        where = "" if step["block"] is None else f" in block {step['block']}"
        print(f"{step['step']:<10} {step['hash']}  {step['status']}{where}")
    before, after = report["victim_cash_before"], report["victim_cash_after"]
    if after is not None:
        print(f"Unsafe market: {before / USD:,.2f} → {after / USD:,.2f} dUSD ({(after - before) / USD:+,.2f}).")


def _usd(text: str) -> int:
    return _positive(text) * USD


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
