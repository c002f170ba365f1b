"""What may stand in `chainwatch.toml`, `profiles/*.toml` and `playbooks/*.toml`.

Every key has an effect and every unknown key is an error. Addresses are accepted in any case and held in
lower case. Fees are given in gwei, because that is how people think of them, and held in wei.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from chainwatch.types import Stage, Tier


def _address(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise ValueError(f"{text!r} is not an address (0x and 40 hex digits)")
    return text.lower()


AddressField = Annotated[str, AfterValidator(_address)]


def _from_environment(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise ValueError(f"the environment variable {match[1]} is not set")
        return found

    return re.sub(r"\$\{(\w+)\}", value, text)


Endpoint = Annotated[str, BeforeValidator(lambda text: _from_environment(text) if isinstance(text, str) else text)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- chainwatch.toml --------------------------------------------------------------------------------------


Role = Literal["heads", "reads", "traces", "send", "archive"]


class ProviderConfig(Model):
    """One node, or one account at a node provider. `${NAME}` in an endpoint is taken from the environment, so that
    keys need not stand in the file."""

    name: Name = Field(description="What messages, metrics and alerts call it; unlike the endpoint it holds no key.")
    http: Endpoint = Field(pattern=r"^https?://", description="JSON-RPC endpoint.")
    ws: Endpoint | None = Field(
        None, pattern=r"^wss?://", description="Endpoint for subscriptions; polled over HTTP without it."
    )
    roles: tuple[Role, ...] = Field(
        ("heads", "reads", "traces", "send", "archive"),
        min_length=1,
        description="What it is asked: new blocks and pending transactions, state and receipts, call trees, sending "
        "actions, history.",
    )
    max_calls_per_second: float | None = Field(
        None, gt=0, description="Never ask it more often; a batch counts each of its calls."
    )
    max_batch: int = Field(100, ge=1, le=1_000, description="Calls in one request; larger batches are split.")


class ChainConfig(Model):
    """One chain and the nodes through which we see it."""

    id: int = Field(ge=1, description="EIP-155 chain id; every provider must agree.")
    providers: tuple[ProviderConfig, ...] = Field(min_length=1)
    quorum: int | None = Field(
        None,
        ge=1,
        description="How many providers must agree, by block hash, on what an action rests on. Default: the majority "
        "of those with the role `reads`.",
    )
    mempool: bool = Field(False, description="Watch pending transactions (needs a provider with ws).")
    traces: Literal["auto", "parity", "geth", "none"] = Field(
        "auto", description="Which tracing interface to use; auto asks the node."
    )
    call_trees: Literal["suspicious", "all"] = Field(
        "suspicious",
        description="Of which transactions call trees are fetched: those that the cheap pass does not clear "
        "(docs/watching.md), or all.",
    )
    staging: bool = Field(
        True,
        description="Simulate the functions of new contracts that look made to attack, from their deployers, on the "
        "latest block (docs/detectors/staging.md). Sends nothing.",
    )
    poll_seconds: float = Field(
        1.0, gt=0, le=60, description="How often to ask for the head without ws, and as a safety net with it."
    )
    max_catch_up_blocks: int = Field(
        10_000, ge=1, description="After a longer outage the bot says Gap for the oldest blocks and goes on from here."
    )
    live_first_after: int = Field(
        32,
        ge=1,
        description="When the bot is behind by more blocks than this it handles new blocks at once and catches up "
        "beside them, oldest first.",
    )
    catch_up_at_once: int = Field(8, ge=1, le=64, description="Blocks fetched at the same time while catching up.")
    blind_after_seconds: float = Field(
        40.0,
        gt=0,
        description="No head read, or no new block, for this long is blindness: /ready is red and people are told. "
        "Three times the chain's block time and more.",
    )
    finality_depth: int | None = Field(
        None,
        ge=1,
        description="A block this deep is final. Default: the node's `safe` and `finalized` tags, or the depth known "
        "for the chain where it has none.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ChainConfig":
        names = [provider.name for provider in self.providers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two providers are named {name!r}")
        # The same node under two names would be a quorum with itself. The endpoint is not told: it may hold a key.
        endpoints: dict[str, str] = {}
        for provider in self.providers:
            host = re.match(r"https?://[^/?#]*", provider.http)
            end = host.end() if host else 0
            endpoint = provider.http[:end].lower() + provider.http[end:].rstrip("/")
            other = endpoints.setdefault(endpoint, provider.name)
            if other != provider.name:
                raise ValueError(f"two providers have the same endpoint: {other!r} and {provider.name!r}")
        for role in ("heads", "reads", "send"):
            if not self.having(role):
                raise ValueError(f"no provider has the role {role!r}")
        if self.mempool and not any(provider.ws for provider in self.having("heads")):
            raise ValueError("mempool = true needs ws: pending transactions come by subscription")
        if self.quorum is not None and self.quorum > len(self.having("reads")):
            raise ValueError(
                f"quorum = {self.quorum}, but only {len(self.having('reads'))} providers have the role reads"
            )
        return self

    def having(self, role: Role) -> tuple[ProviderConfig, ...]:
        """The providers with `role`."""
        return tuple(provider for provider in self.providers if role in provider.roles)

    @property
    def needed(self) -> int:
        """How many providers must agree."""
        return self.quorum or len(self.having("reads")) // 2 + 1


class StoreConfig(Model):
    """Where state is kept: a file of SQLite, or PostgreSQL by URL."""

    path: Path = Field(Path("chainwatch.db"), description="SQLite file, relative to chainwatch.toml.")
    url: Endpoint | None = Field(
        None,
        pattern=r"^postgresql://",
        description="PostgreSQL database instead of the file, postgresql://user:password@host:port/name; `${NAME}` is "
        "taken from the environment.",
    )


class WebConfig(Model):
    """The bot's own HTTP server: /health, /ready and /metrics."""

    listen: str | None = Field(
        None,
        pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$",
        description="host:port, for example 127.0.0.1:9464; without it there is no server.",
    )
    token_env: str | None = Field(
        None,
        description="Environment variable with a token that requests must bear (Authorization: Bearer …); required "
        "where others than this machine can connect.",
    )

    @model_validator(mode="after")
    def _guarded_unless_local(self) -> "WebConfig":
        if self.listen is not None and self.token_env is None:
            host = self.listen.rpartition(":")[0].strip("[]")
            if host not in ("127.0.0.1", "localhost", "::1"):
                raise ValueError(f"listen = {self.listen!r} lets others connect: name token_env")
        return self


class SignerConfig(Model):
    """The key that sends actions. The passphrase comes from the variable, the file, or a prompt, in this order."""

    keystore: Path = Field(description="Keystore v3 file, relative to chainwatch.toml.")
    address: AddressField = Field(description="The address the keystore must hold.")
    passphrase_env: str = Field("CHAINWATCH_PASSPHRASE", description="Environment variable that holds the passphrase.")
    passphrase_file: Path | None = Field(None, description="File that holds the passphrase (last newline dropped).")


class SendingConfig(Model):
    """How much an action may pay and how it is pushed until it is included."""

    max_fee_gwei: float = Field(300.0, gt=0, description="Hard cap on max_fee_per_gas, replacements included.")
    priority_fee_gwei: float = Field(3.0, gt=0, description="max_priority_fee_per_gas of the first attempt.")
    gas_limit: int = Field(
        500_000, ge=21_000, le=16_777_216, description="Gas limit cap of an action (EIP-7825 bounds it)."
    )
    bump_after_seconds: float = Field(3.0, gt=0, description="Replace with higher fees when not included after this.")
    max_bumps: int = Field(10, ge=0, le=50, description="How often to replace; readiness wants funds for all of them.")
    give_up_seconds: float = Field(180.0, gt=0, description="Report failure when not included after this.")

    @model_validator(mode="after")
    def _tip_fits_under_the_cap(self) -> "SendingConfig":
        if self.priority_fee_gwei > self.max_fee_gwei:
            raise ValueError("priority_fee_gwei is above max_fee_gwei: the tip is part of the fee that is capped")
        return self


class NotifyConfig(Model):
    """Whom to tell. URLs are apprise's; those that hold secrets belong into the environment variable."""

    urls: tuple[str, ...] = Field((), description="Apprise URLs.")
    urls_env: str | None = Field(None, description="Environment variable with more apprise URLs, separated by spaces.")
    min_tier: Tier = Field(Tier.ALERT, description="Alerts below this tier are only logged.")
    incident_seconds: float = Field(
        1_800.0,
        ge=0,
        description="Alerts about one protocol within this time of each other are one incident: after the first, only "
        "graver ones are told by themselves. 0: each is told.",
    )
    summary_seconds: float = Field(300.0, gt=0, description="How often the others of an incident are summed up.")
    alive_hours: float = Field(
        24.0, ge=0, description="How often people are told that the bot lives and what it has seen. 0: never."
    )
    escalate_after_seconds: float = Field(
        900.0,
        ge=0,
        description="A page of P1, P2 or tier act that nobody has acknowledged (`chainwatch alerts ack`) is told again "
        "after this time, three times at most. 0: never.",
    )
    escalate_urls: tuple[str, ...] = Field((), description="Whom to tell then, besides the others: apprise URLs.")
    escalate_urls_env: str | None = Field(
        None, description="Environment variable with more of them, separated by spaces."
    )


class LogConfig(Model):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is written.")
    format: Literal["console", "json"] = Field("console", description="For people or for machines.")


class Config(Model):
    """`chainwatch.toml`."""

    chains: tuple[ChainConfig, ...] = Field(min_length=1)
    store: StoreConfig = StoreConfig()
    web: WebConfig = WebConfig()
    signer: SignerConfig | None = None
    sending: SendingConfig = SendingConfig()
    notify: NotifyConfig = NotifyConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _chains_differ(self) -> "Config":
        ids = [chain.id for chain in self.chains]
        if len(set(ids)) < len(ids):
            raise ValueError("two [[chains]] have the same id")
        return self

    profiles: tuple[str, ...] = Field(
        ("profiles/*.toml",), description="Profile files, glob patterns relative to chainwatch.toml."
    )
    playbooks: tuple[str, ...] = Field(("playbooks/*.toml",), description="Playbook files, likewise.")
    abi: tuple[Path, ...] = Field((), description="Further ABI files or directories, relative to chainwatch.toml.")


# --- profiles/*.toml --------------------------------------------------------------------------------------


class ContractConfig(Model):
    """A protected contract."""

    name: Name
    address: AddressField
    protocol: str | None = Field(
        None,
        description="Whose events it writes, where several protocols have the same or they are anonymous: a folder "
        "under abi/, or the stem of one of your own ABI files.",
    )


class TokenConfig(Model):
    """A token whose losses are shown in dollars. `oracle` names the oracle that prices it; else `price_usd`."""

    symbol: str = Field(max_length=32)
    address: AddressField
    decimals: int = Field(ge=0, le=36)
    price_usd: float | None = Field(None, gt=0, description="A fixed price, for stablecoins.")
    oracle: Name | None = Field(None, description="An oracle of this profile whose feed prices the token in dollars.")


class PoolConfig(Model):
    """A Uniswap v2 pool that prices `base` in `quote`."""

    address: AddressField
    base_is_token0: bool
    base_decimals: int = Field(ge=0, le=36)
    quote_decimals: int = Field(ge=0, le=36)


class FeedConfig(Model):
    """A Chainlink-style aggregator."""

    address: AddressField
    decimals: int = Field(8, ge=0, le=36)
    heartbeat_seconds: int = Field(3600, gt=0, description="Older than this is stale.")


class OracleConfig(Model):
    """A price that protected contracts depend on, with a reference to hold it against."""

    name: Name
    feed: FeedConfig | None = None
    pool: PoolConfig | None = None
    consumers: tuple[Name, ...] = Field((), description="Protected contracts that use this price, by name.")
    max_deviation_bps: int = Field(500, gt=0, description="Feed against pool and pool against its own average.")
    max_jump_bps: int = Field(1_000, gt=0, description="Change from one block to the next.")
    twap_seconds: int = Field(1_800, gt=0, description="Window of the time-weighted average.")
    min_price: float | None = Field(None, gt=0, description="Below this the price is not believed.")
    max_price: float | None = Field(None, gt=0, description="Above this the price is not believed.")

    @model_validator(mode="after")
    def _has_a_source(self) -> "OracleConfig":
        if self.feed is None and self.pool is None:
            raise ValueError(f"oracle {self.name!r} names neither a feed nor a pool")
        return self


class ProbeConfig(Model):
    """A named on-chain read: `call` is a signature such as `totalDebt()(uint256)` or
    `balanceOf(address)(uint256)` with its arguments in `args`."""

    name: Name
    contract: AddressField
    call: str = Field(pattern=r"^[A-Za-z_]\w*\([^()]*\)\([^()]*\)$")
    args: tuple[str, ...] = ()


class InvariantConfig(Model):
    """A CEL expression over Probes that must be true after every block.

    A probe's first value is a variable of its name (with `.` and `-` as `_`), its second has `_1` appended,
    and so on; an oracle's probes are `oracle_NAME_pool` and `oracle_NAME_feed`. All are CEL doubles, because
    CEL's integers have 64 bits and the chain's 256: write `0.8` and `100.0`, never `100`.
    """

    name: Name
    expression: str
    false_alarm_rate: float = Field(
        1e-7, gt=0, lt=1, description="How often a block without an attack would break it; the owner's judgement."
    )
    victims: tuple[Name, ...] = Field(min_length=1, description="Protected contracts that lose when it breaks.")


class RuleConfig(Model):
    """A CEL expression over one transaction; where it is true, people are told (docs/detectors/rules.md)."""

    name: Name
    expression: str
    confidence: float = Field(
        0.5, gt=0, le=0.99, description="How likely it is right; from 0.5 people are woken, below it is only logged."
    )
    victims: tuple[Name, ...] = Field(min_length=1, description="Protected contracts that it is about.")


OutflowWindow = Literal["transaction", "block", "hour", "day"]


class OutflowLimit(Model):
    """How much of a token may leave the protected contracts, all taken together and net of what comes in."""

    token: str = Field(description="Symbol of one of the profile's tokens.")
    window: OutflowWindow = Field(description="Within one transaction, one block, 60 minutes or 24 hours.")
    max_amount: float = Field(gt=0, description="In whole tokens. `chainwatch tune` proposes it from the history.")
    false_alarm_rate: float = Field(
        1e-4, gt=0, lt=1,
        description="How often a transaction (a block, for the longer windows) exceeds it without an attack.",
    )  # fmt: skip


class SupplyLimit(Model):
    """How much of a token may be made, net of what is burnt."""

    token: str = Field(description="Symbol of one of the profile's tokens, which must be one of its contracts, too.")
    window: Literal["transaction"] = Field("transaction", description="Within one transaction.")
    max_amount: float = Field(gt=0, description="In whole tokens: more than anybody makes at once in good order.")
    false_alarm_rate: float = Field(
        1e-4, gt=0, lt=1, description="How often a transaction exceeds it without an attack; the owner's judgement."
    )


class FlashThresholds(Model):
    """Thresholds of the flash-loan price manipulation family; docs/detectors says where each comes from."""

    min_price_excursion: float = Field(1.1, gt=1, description="Highest over lowest pool price inside the transaction.")
    min_loss_usd: float = Field(1_000.0, ge=0, description="A known loss below this does not alert.")


class Thresholds(Model):
    """Thresholds by family; absent ones keep the measured defaults."""

    flash_price_manipulation: FlashThresholds = FlashThresholds()


class Profile(Model):
    """What is protected."""

    name: Name
    chain_id: int = Field(ge=1)
    prior: float = Field(
        1e-6, gt=0, lt=0.5, description="Chance that a transaction touching the protocol is an attack (DESIGN 4.13)."
    )
    tvl_usd: float | None = Field(None, gt=0, description="Total value at stake; bounds what is still preventable.")
    contracts: tuple[ContractConfig, ...] = Field(min_length=1)
    tokens: tuple[TokenConfig, ...] = ()
    oracles: tuple[OracleConfig, ...] = ()
    probes: tuple[ProbeConfig, ...] = ()
    invariants: tuple[InvariantConfig, ...] = ()
    rules: tuple[RuleConfig, ...] = ()
    outflow: tuple[OutflowLimit, ...] = ()
    supply: tuple[SupplyLimit, ...] = ()
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _names_resolve(self) -> "Profile":
        contracts = {c.name for c in self.contracts}
        oracles = {o.name for o in self.oracles}
        for oracle in self.oracles:
            for name in oracle.consumers:
                if name not in contracts:
                    raise ValueError(f"oracle {oracle.name!r}: consumer {name!r} is not among contracts")
        for token in self.tokens:
            if token.oracle is not None and token.oracle not in oracles:
                raise ValueError(f"token {token.symbol!r}: oracle {token.oracle!r} is not among oracles")
        for invariant in self.invariants:
            for name in invariant.victims:
                if name not in contracts:
                    raise ValueError(f"invariant {invariant.name!r}: victim {name!r} is not among contracts")
        for rule in self.rules:
            for name in rule.victims:
                if name not in contracts:
                    raise ValueError(f"rule {rule.name!r}: victim {name!r} is not among contracts")
        symbols = [token.symbol for token in self.tokens]
        stated = [(limit.token, limit.window) for limit in self.outflow]
        for limit in self.outflow:
            if symbols.count(limit.token) != 1:
                raise ValueError(f"outflow: {limit.token!r} is not the symbol of exactly one of the tokens")
            if stated.count((limit.token, limit.window)) > 1:
                raise ValueError(f"outflow: two limits for {limit.token!r} and {limit.window!r}")
        addresses = {token.symbol: token.address for token in self.tokens}
        limited = [limit.token for limit in self.supply]
        for symbol in limited:
            if symbols.count(symbol) != 1:
                raise ValueError(f"supply: {symbol!r} is not the symbol of exactly one of the tokens")
            if limited.count(symbol) > 1:
                raise ValueError(f"supply: two limits for {symbol!r}")
            if addresses[symbol] not in self.protected:  # what touches no contract of a profile is not looked at
                raise ValueError(f"supply: the token {symbol!r} must be among the contracts, too")
        return self

    @property
    def protected(self) -> frozenset[str]:
        """The addresses of the protected contracts."""
        return frozenset(c.address for c in self.contracts)

    def address_of(self, name: str) -> str:
        """The address of the protected contract `name`."""
        return next(c.address for c in self.contracts if c.name == name)


# --- playbooks/*.toml -------------------------------------------------------------------------------------


AlertKind = Literal[
    "flash_price_manipulation",
    "oracle_deviation",
    "oracle_stale",
    "oracle_bounds",
    "oracle_jump",
    "invariant_broken",
    "reentrancy",
    "read_only_reentrancy",
    "cross_contract_reentrancy",
    "access_right_taken",
    "access_word_trusted",
    "access_deputy_confused",
    "round_trip_profit",
    "outflow_limit",
    "governance_flash_votes",
    "governance_dangerous_call",
    "governance_delay_shortened",
    "governance_timelock_bypassed",
    "supply_minted",
    "supply_minted_and_sold",
    "supply_burnt_from_pool",
]


class TriggerConfig(Model):
    """Which Alerts a playbook answers."""

    profile: Name = Field(description="The profile whose alerts count.")
    kinds: tuple[AlertKind, ...] = Field(min_length=1, description="Alert kinds.")


class GuardsConfig(Model):
    """What must hold besides DESIGN 4.13 before the playbook acts."""

    min_tier: Literal[Tier.ACT, Tier.ALERT] = Field(
        Tier.ACT, description="DESIGN 4.13 wants `act`; `alert` makes the playbook print what it would do, never send."
    )
    stages: tuple[Literal[Stage.PENDING, Stage.INCLUDED], ...] = Field(
        (Stage.INCLUDED,), min_length=1, description="Stages of evidence that may trigger it."
    )
    cooldown_seconds: int = Field(3_600, ge=0, description="Not again within this time.")
    daily_limit: int = Field(3, ge=1, description="Not more often within 24 hours.")
    without_quorum: Literal["hold", "act"] = Field(
        "hold",
        description="While fewer providers than the quorum answer: `hold` back and say so, or `act` on those that do "
        "(at least one; never against one that disagrees).",
    )


class ActionConfig(Model):
    """One containment call through an adapter."""

    adapter: Literal["oz_pausable"]
    target: AddressField
    role: str = Field(
        "PAUSER_ROLE",
        min_length=1,
        description="The AccessControl role that may pause, by its name (hashed) or 0x hash; `owner` for Ownable.",
    )
    cost_usd: float = Field(
        ge=0, description="What a pause costs if the alarm is false: fees forgone, positions that can't move, trust."
    )
    max_pause_seconds: int | None = Field(
        None, gt=0, description="When people mean to have decided on reopening; the message about the action says so."
    )


class PlaybookConfig(Model):
    """A pre-authorised response."""

    name: Name
    version: int = Field(ge=1)
    owner: str = Field(min_length=1, description="Who answers for it; named in the message about its action.")
    trigger: TriggerConfig
    guards: GuardsConfig = GuardsConfig()
    action: ActionConfig
