"""The configuration that protects a drill's world: what a user would write for it by hand."""

import json
import os
from pathlib import Path

from eth_account import Account

from chainwatch.drill.world import World, anvil_account
from chainwatch.errors import BadInput

PASSPHRASE = "drill"  # noqa: S105 - public on purpose
"""Of the guardian's keystore. The key is Anvil's published development key: it guards nothing."""

GUARDIAN_ACCOUNT = 2


def write_configuration(world: World, directory: Path, *, http: str, ws: str, mempool: bool = True) -> Path:
    """Write chainwatch.toml, a profile, a playbook and the guardian's keystore; return the path of the first.

    Raises BadInput when `directory` already holds a chainwatch.toml.
    """
    path = directory / "chainwatch.toml"
    if path.exists():
        raise BadInput(f"{path} exists.", "Name a fresh directory; a configuration is never overwritten.")
    for folder in ("profiles", "playbooks"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    _write_keystore(directory / "guardian.json")
    (directory / "passphrase").write_text(PASSPHRASE + "\n")
    path.write_text(_chainwatch_toml(world, http, ws, mempool))
    (directory / "profiles" / "drill.toml").write_text(_profile_toml(world))
    (directory / "playbooks" / "pause-market.toml").write_text(_playbook_toml(world))
    return path


def _write_keystore(path: Path) -> None:
    # Few rounds: a drill should not wait a second for a key that everybody knows.
    keystore = Account.encrypt(anvil_account(GUARDIAN_ACCOUNT).key, PASSPHRASE, kdf="pbkdf2", iterations=1_000)
    path.write_text(json.dumps(keystore))
    os.chmod(path, 0o600)


def _chainwatch_toml(world: World, http: str, ws: str, mempool: bool) -> str:
    return f"""\
# Watches a drill's world on Anvil. Written by chainwatch; edit freely.

[[chains]]
id = {world.chain_id}
mempool = {str(mempool).lower()}

[[chains.providers]]
name = "anvil"
http = "{http}"
ws = "{ws}"

[signer]
keystore = "guardian.json"
address = "{world.roles.guardian}"
passphrase_file = "passphrase"

[sending]
max_fee_gwei = 300.0
priority_fee_gwei = 3.0
bump_after_seconds = 3.0
"""


def _profile_toml(world: World) -> str:
    return f"""\
# What is protected: a lending market that prices its collateral, unsafely, by a pool's spot price.
name = "drill"
chain_id = {world.chain_id}
tvl_usd = 1_500_000.0

[[contracts]]
name = "market"
address = "{world.unsafe_market}"
protocol = "chainwatch"

[[tokens]]
symbol = "dUSD"
address = "{world.asset}"
decimals = {world.asset_decimals}
price_usd = 1.0

[[tokens]]
symbol = "dETH"
address = "{world.collateral}"
decimals = {world.collateral_decimals}
oracle = "deth_usd"

# The price the market lends at (the pool), held against one it does not use (the feed).
[[oracles]]
name = "deth_usd"
consumers = ["market"]
max_deviation_bps = 1_000
max_jump_bps = 2_000
[oracles.pool]
address = "{world.pair}"
base_is_token0 = {str(int(world.collateral, 16) < int(world.asset, 16)).lower()}
base_decimals = {world.collateral_decimals}
quote_decimals = {world.asset_decimals}
[oracles.feed]
address = "{world.aggregator}"
decimals = 8
heartbeat_seconds = 604_800

[[probes]]
name = "total_debt"
contract = "{world.unsafe_market}"
call = "totalDebt()(uint256)"

[[probes]]
name = "total_collateral"
contract = "{world.unsafe_market}"
call = "totalCollateral()(uint256)"

# Debt (6 decimals) is covered by collateral (18 decimals) at the feed's price (8 decimals): 1e6 / 1e18 / 1e8.
[[invariants]]
name = "solvent"
expression = "total_debt <= 1.0 + total_collateral * oracle_deth_usd_feed_1 * 1e-20"
victims = ["market"]
"""


def _playbook_toml(world: World) -> str:
    return f"""\
name = "pause-market"
version = 1
owner = "drill"

[trigger]
profile = "drill"
kinds = ["flash_price_manipulation", "oracle_deviation", "invariant_broken"]

[guards]
stages = ["included"]
cooldown_seconds = 600
daily_limit = 3

[action]
adapter = "oz_pausable"
target = "{world.unsafe_market}"
role = "GUARDIAN_ROLE"
# A false pause: an hour of interest and fees on 1.5 million, and the trust it costs.
cost_usd = 25_000.0
"""
