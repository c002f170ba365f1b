#!/usr/bin/env python3
"""Deploy the drill's world on an Anvil: a vulnerable lending market, its exchanges, attackers and honest users.

Writes the addresses as JSON, for scripts/attack.py and for a profile. Exit codes: 0 done, 1 the node failed, 2 bad
input or a missing package, 3 the node is no Anvil with its usual accounts.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from chainwatch.drill.configuration import write_configuration
from chainwatch.drill.world import deploy_world
from chainwatch.errors import BadInput, ChainwatchError


def main(argv: list[str] | None = None) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description="Deploy the drill's world on a running Anvil.")
    parser.add_argument("--rpc", required=True, metavar="URL", help="HTTP address of the Anvil")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the world's addresses to FILE")
    parser.add_argument("--guardian", metavar="ADDRESS", help="who may pause (default: Anvil's account 2)")
    parser.add_argument("--configure", type=Path, metavar="DIR", help="write a configuration that protects it to DIR")
    parser.add_argument("--json", action="store_true", help="print the addresses as JSON")
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(_deploy(arguments))
    except ChainwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


async def _deploy(arguments: argparse.Namespace) -> None:
    if arguments.out is not None and not arguments.out.parent.is_dir():
        raise BadInput(f"The folder of {arguments.out} does not exist.", "Create it, or give another --out.")
    started = time.perf_counter()
    world = await deploy_world(arguments.rpc, guardian=arguments.guardian)
    seconds = time.perf_counter() - started
    if arguments.out is not None:
        arguments.out.write_text(world.to_json())
    if arguments.configure is not None:
        ws = arguments.rpc.replace("http", "ws", 1)
        arguments.configure.mkdir(parents=True, exist_ok=True)
        config = write_configuration(world, arguments.configure, http=arguments.rpc, ws=ws)
    if arguments.json:
        print(world.to_json(), end="")
        return
    print(f"Deployed on chain {world.chain_id} in {seconds:.2f} s.")
    print(f"  unsafe market (the victim)  {world.unsafe_market}")
    print(f"  safe market                 {world.safe_market}")
    print(f"  pool that prices it         {world.pair}")
    print(f"  price feed                  {world.aggregator}")
    print(f"  guardian (may pause)        {world.roles.guardian}")
    print(f"  attacker                    {world.roles.attacker}")
    if arguments.configure is not None:
        print(f"Watch it: chainwatch --config {config} watch --arm --unproven drill")
    if arguments.out is not None:
        print(f"All addresses are in {arguments.out}. Next: scripts/attack.py --world {arguments.out} …")


if __name__ == "__main__":
    sys.exit(main())
