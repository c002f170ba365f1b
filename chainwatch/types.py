"""The vocabulary of chainwatch (DESIGN section 2) as small frozen types. Imports nothing of ours.

What a node says stays in the node's own words: addresses, hashes and byte strings are lower-case `0x` hex,
quantities in `Transaction`, `Log` and `CallFrame` are hex strings, because parsing them all would cost more
than everything else on the hot path. What *we* say (Events, Transfers, Findings) holds integers in base
units. A block reference carries the hash. Times are seconds since the epoch, UTC, as the chain gives them. What comes
by the thousand is kept out of the garbage collector's sight (`gc=False`): it is frozen and can hold no cycle.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec

Address = str
"""20 bytes as lower-case `0x` hex."""

Hash = str
"""32 bytes as lower-case `0x` hex."""

HexData = str
"""Any number of bytes as `0x` hex."""

NATIVE: Address = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
"""How a Transfer names the chain's own coin (the convention of ERC-7528)."""

ZERO_ADDRESS: Address = "0x" + "0" * 40


class Stage(StrEnum):
    """How far an Execution has come. `pending` is simulated, the rest are on chain."""

    PENDING = "pending"
    INCLUDED = "included"
    SAFE = "safe"
    FINALIZED = "finalized"
    ORPHANED = "orphaned"


# --- What a node says -------------------------------------------------------------------------------------


class Transaction(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """A transaction as `eth_getBlockByHash(…, true)` or a pending subscription gives it."""

    hash: Hash
    from_: Address = msgspec.field(name="from")
    to: Address | None = None
    value: str = "0x0"
    input: HexData = "0x"
    nonce: str = "0x0"
    gas: str = "0x0"
    gas_price: str | None = None
    max_fee_per_gas: str | None = None
    max_priority_fee_per_gas: str | None = None
    type: str = "0x0"
    transaction_index: str | None = None
    block_hash: Hash | None = None
    authorization_list: list[Any] | None = None
    mint: str | None = None


class ParkedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of a block that cannot be read: said so and kept raw. `hash` is None where it has none."""

    index: int
    hash: Hash | None
    reason: str
    raw: bytes


class Log(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """One log of a receipt, verbatim. `log_index` counts within the block, in hex."""

    address: Address
    topics: list[str]
    data: HexData
    log_index: str = "0x0"


class Receipt(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """One element of `eth_getBlockReceipts`."""

    transaction_hash: Hash
    logs: list[Log]
    status: str | None = None
    transaction_index: str = "0x0"
    contract_address: Address | None = None
    gas_used: str = "0x0"
    effective_gas_price: str | None = None
    block_hash: Hash | None = None
    block_number: str | None = None


class CallFrame(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """One frame of a call tree in the form of geth's `callTracer`; `error` is set where it reverted."""

    type: str
    from_: Address = msgspec.field(name="from")
    to: Address | None = None
    value: str | None = None
    input: HexData = "0x"
    output: HexData | None = None
    error: str | None = None
    calls: list["CallFrame"] | None = None


class BlockRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which block: number, hash, parent's hash and timestamp (seconds). A corpus may lack the number."""

    number: int | None
    hash: Hash | None
    parent_hash: Hash | None = None
    timestamp: int | None = None


class MalformedLog(msgspec.Struct, frozen=True, kw_only=True):
    """A log that is not what its topic promises, or not a log at all: counted, kept raw, never in the way."""

    tx_hash: Hash
    reason: str
    raw: bytes


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction and all it did or would do. `logs` is None where the source has call trees only,
    `trace` None where it has logs only; both are degraded modes and detectors must live with them. `cleared`: it is so
    plain that no call tree was asked for."""

    chain_id: int
    stage: Stage
    transaction: Transaction
    block: BlockRef | None
    index: int
    succeeded: bool
    logs: list[Log] | None
    trace: CallFrame | None
    malformed: tuple[MalformedLog, ...] = ()
    cleared: bool = False


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block with its Executions in order. `parked` are transactions that could not be read; `confirmed_by` is how
    many providers agreed on its content."""

    chain_id: int
    ref: BlockRef
    executions: tuple[Execution, ...]
    base_fee_per_gas: int | None = None
    gas_limit: int | None = None
    parked: tuple[ParkedTransaction, ...] = ()
    confirmed_by: int = 1


# --- What sources yield -----------------------------------------------------------------------------------


class NewBlock(msgspec.Struct, frozen=True):
    """The next block of the canonical chain, in order; its parent is the block yielded before it."""

    block: Block


class LateBlock(msgspec.Struct, frozen=True):
    """A block of a `Gap` that was read after all: canonical, but newer ones were yielded before it. Among
    themselves they come oldest first. `partial`: only those transactions of a block yielded before that could not be
    read then. `again`: the block was yielded before, on one provider's word, and the quorum tells it otherwise.
    """

    block: Block
    partial: bool = False
    again: bool = False


class Reorg(msgspec.Struct, frozen=True):
    """Blocks that were yielded are no longer canonical, newest first; `ancestor` still is."""

    orphaned: tuple[BlockRef, ...]
    ancestor: BlockRef


class Gap(msgspec.Struct, frozen=True):
    """Blocks `first` to `last` (inclusive, numbers) were not read, and why. Never silent.

    `attempts` is how often one block, with this `hash`, was tried in vain; it is tried again. 0: not tried yet.
    """

    first: int
    last: int
    reason: str
    attempts: int = 0
    hash: Hash | None = None


BlockItem = NewBlock | LateBlock | Reorg | Gap


# --- What decoding finds ----------------------------------------------------------------------------------


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", gc=False):
    """A decoded, protocol-neutral fact inside an Execution.

    `order` is its place among all Events and Transfers of the Execution; `log_index` the log it was read
    from (None where it was read from the call tree), `frame` the call frame it was read from (None where it
    was read from a log); `address` the contract that said or did it; `protocol` the folder under `abi/`
    whose mapper made it (`native` and `calls` for what was read from the call tree).
    """

    order: int
    log_index: int | None = None
    frame: int | None = None
    address: Address
    protocol: str


class Transfer(Event, frozen=True, kw_only=True, tag="transfer"):
    """`amount` base units of `token` (NATIVE for the chain's coin) went from `sender` to `recipient`."""

    token: Address
    sender: Address
    recipient: Address
    amount: int


class NftTransfer(Event, frozen=True, kw_only=True, tag="nft_transfer"):
    """`amount` pieces (1 for ERC-721) of item `token_id` of the collection `token` went to `recipient`."""

    token: Address
    token_id: int
    sender: Address
    recipient: Address
    amount: int = 1


class Approval(Event, frozen=True, kw_only=True, tag="approval"):
    """`owner` lets `spender` move up to `amount` of its `token`, from now on; 0 takes the right away.

    `token_id` is set where it is about one item; ALL_ITEMS as amount means every item of a collection.
    """

    token: Address
    owner: Address
    spender: Address
    amount: int
    token_id: int | None = None


ALL_ITEMS = 2**256 - 1
"""The amount of an Approval for every item of a collection (ERC-721 and ERC-1155 `ApprovalForAll`)."""


class Swap(Event, frozen=True, kw_only=True, tag="swap"):
    """A trade at a pool. Amounts are signed as the pool sees them: positive came in, negative went out.

    `token0` and `token1` are the tokens of the two amounts: where the pool's event does not name them they are those
    that moved in and out of the pool in these amounts, and None where none did. `pair` tells the pairs of a pool with
    more than two tokens apart ("" where there are two). `sqrt_price_x96` is the price after the trade where the pool
    tells it (Uniswap v3).
    """

    pool: Address
    sender: Address
    recipient: Address
    amount0: int
    amount1: int
    token0: Address | None = None
    token1: Address | None = None
    pair: str = ""
    sqrt_price_x96: int | None = None

    @property
    def price(self) -> float | None:
        """What was paid of token1 for one of token0, in base units; None where nothing was traded for something."""
        if not self.amount0 or (self.amount0 > 0) == (self.amount1 > 0):
            return None
        return abs(self.amount1 / self.amount0)


class LiquidityChange(Event, frozen=True, kw_only=True, tag="liquidity_change"):
    """`account` added (positive) or took out (negative) `amounts` of a pool's tokens, in the pool's order.

    `tokens` are these tokens where the event names them; `shares` what was made or burnt for it, in the pool's own
    units.
    """

    pool: Address
    account: Address
    amounts: tuple[int, ...]
    tokens: tuple[Address, ...] | None = None
    shares: int | None = None


class ReservesUpdate(Event, frozen=True, kw_only=True, tag="reserves_update"):
    """A pool's reserves after a change (Uniswap v2 `Sync`)."""

    pool: Address
    reserve0: int
    reserve1: int


class FlashLoan(Event, frozen=True, kw_only=True, tag="flash_loan"):
    """`amount` of `token` was lent for the length of this transaction. `token` or `amount` is None where
    the evidence (a callback frame, an event without it) does not say. `evidence` says how we know."""

    lender: Address
    borrower: Address
    token: Address | None
    amount: int | None
    fee: int | None = None
    evidence: Literal["event", "callback", "out_and_back"] = "event"


class PriceUpdate(Event, frozen=True, kw_only=True, tag="price_update"):
    """An oracle published `answer` (in the feed's own decimals) at `updated_at` (seconds)."""

    feed: Address
    answer: int
    updated_at: int


class Deposit(Event, frozen=True, kw_only=True, tag="deposit"):
    """`account` put `amount` of `token` (None: not named, as a rule the contract's own asset) into `address`."""

    account: Address
    token: Address | None
    amount: int
    shares: int | None = None


class Withdraw(Event, frozen=True, kw_only=True, tag="withdraw"):
    """`account` took `amount` of `token` (None: not named, as a rule the contract's own asset) out of `address`."""

    account: Address
    token: Address | None
    amount: int
    shares: int | None = None


class Borrow(Event, frozen=True, kw_only=True, tag="borrow"):
    """`account` borrowed `amount` of `token` (None: the market's own asset).

    `collateral_price` is the price the market lent at, where its event says so, in the market's own scale.
    """

    account: Address
    token: Address | None
    amount: int
    collateral_price: int | None = None


class Repay(Event, frozen=True, kw_only=True, tag="repay"):
    """`payer` repaid `amount` of `token` (None: the market's own asset) for `account`."""

    account: Address
    payer: Address
    token: Address | None
    amount: int


class Liquidation(Event, frozen=True, kw_only=True, tag="liquidation"):
    """`liquidator` repaid `repaid` of `account`'s debt and took `seized` of its collateral."""

    account: Address
    liquidator: Address
    debt_token: Address | None
    collateral_token: Address | None
    repaid: int
    seized: int


class IndexUpdate(Event, frozen=True, kw_only=True, tag="index_update"):
    """A lending market or a vault says where it stands: growth of a supplied and of a borrowed unit so far, and its
    totals, each in the market's own scale, None where the event does not say. `token` is None for the market's own
    asset."""

    market: Address
    token: Address | None = None
    supply_index: int | None = None
    borrow_index: int | None = None
    total_supplied: int | None = None
    total_borrowed: int | None = None


class OrderPlaced(Event, frozen=True, kw_only=True, tag="order_placed"):
    """`account` asked for a trade of `instrument` that is executed later. `size` is signed: positive buys.

    `price` is the limit or trigger in the venue's own scale."""

    instrument: str
    account: Address
    order_id: str
    size: int | None = None
    price: int | None = None


class OrderCancelled(Event, frozen=True, kw_only=True, tag="order_cancelled"):
    """An order will not be executed any more."""

    order_id: str
    account: Address | None = None
    instrument: str | None = None


class Trade(Event, frozen=True, kw_only=True, tag="trade"):
    """`account` traded `size` of `instrument` (positive bought or went longer, negative sold) at `price`, both in the
    venue's own scale; None where the event does not say. `fee` is in the venue's unit of account."""

    instrument: str
    account: Address
    size: int
    price: int | None = None
    fee: int | None = None
    order_id: str | None = None


class InstrumentUpdate(Event, frozen=True, kw_only=True, tag="instrument_update"):
    """Something about a tradable product changed. `value` is the new price, rate or parameter where there is one."""

    instrument: str
    what: Literal["listed", "settled", "expired", "halted", "resumed", "funding", "parameter"]
    value: int | None = None


class BridgeTransfer(Event, frozen=True, kw_only=True, tag="bridge_transfer"):
    """A value or message left for another chain (`out`) or was released here (`in`).

    `token` and `amount` are None where the event is of a message only. `recipient` is 32 bytes where the other chain's
    addresses are. `remote_chain` is the bridge's own number for the other chain.
    """

    direction: Literal["in", "out"]
    token: Address | None
    amount: int | None
    sender: str | None
    recipient: str | None
    remote_chain: int | None = None
    message_id: str | None = None


class Proposal(Event, frozen=True, kw_only=True, tag="proposal"):
    """A step in the life of a governance proposal or a timelocked operation.

    `targets` and `calls` are what it would call, `earliest` from when on (seconds, UNIX), where the event says so.
    """

    proposal_id: str
    step: Literal["created", "queued", "executed", "cancelled"]
    actor: Address | None = None
    targets: tuple[Address, ...] = ()
    calls: tuple[HexData, ...] = ()
    earliest: int | None = None


class Vote(Event, frozen=True, kw_only=True, tag="vote"):
    """`voter` weighed in on a proposal. `support` is 0 against, 1 for, 2 abstain (OpenZeppelin, Compound Bravo)."""

    proposal_id: str
    voter: Address
    support: int
    weight: int


class VotingPower(Event, frozen=True, kw_only=True, tag="voting_power"):
    """`account` has so many votes of the token that wrote it, and had so many before."""

    account: Address
    before: int
    after: int


class RewardClaim(Event, frozen=True, kw_only=True, tag="reward_claim"):
    """`account` was given `amount` of `token` (None: the contract's own reward) for what it holds or lent."""

    account: Address
    token: Address | None
    amount: int


class ParameterChange(Event, frozen=True, kw_only=True, tag="parameter_change"):
    """A setting of the contract changed: `what` names it, `subject` the market or token it is about."""

    what: str
    subject: str | None = None
    before: int | str | None = None
    after: int | str | None = None


class RoleChange(Event, frozen=True, kw_only=True, tag="role_change"):
    """`account` gained or lost `role` (a 32-byte identifier, or a name such as `owner`)."""

    role: str
    account: Address
    granted: bool
    actor: Address | None


class Upgrade(Event, frozen=True, kw_only=True, tag="upgrade"):
    """A proxy now runs `implementation`; `what` is `implementation`, `beacon` or `admin`."""

    implementation: Address
    what: Literal["implementation", "beacon", "admin"]


class PauseChange(Event, frozen=True, kw_only=True, tag="pause_change"):
    """The contract, or the part of it named by `scope`, is paused or no longer paused."""

    paused: bool
    actor: Address | None
    scope: str | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One frame of the call tree, flattened depth-first. `parent` is an index into the same list (-1: root).

    `acting_as` is the address whose storage the frame uses (differs from `to` under DELEGATECALL).
    `reverted` is true if this frame or one above it failed: what it did was undone. The frames below this
    one are `index + 1` up to (not including) `end`.
    """

    index: int
    parent: int
    depth: int
    kind: str
    sender: Address
    to: Address
    acting_as: Address
    value: int
    selector: str
    input: HexData
    reverted: bool
    end: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that decoding found in one Execution.

    `events` holds every Event in `order`, Transfers among them (from logs where there are logs, else from
    the call tree; native value always from the call tree, or the transaction's own value without one; where
    both are there, native movements come after the logs, since a tree does not say where its logs fell).
    `created` are the contracts created in it. `unknown_logs` counts logs no decoder knows.
    """

    events: tuple[Event, ...]
    frames: tuple[Frame, ...]
    created: frozenset[Address]
    malformed: tuple[MalformedLog, ...] = ()
    unknown_logs: int = 0
    degraded: tuple[Literal["no_logs", "no_trace"], ...] = ()


# --- Probes -----------------------------------------------------------------------------------------------


class ProbeReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a named on-chain read returned at a block. `values` is empty and `error` set where it failed."""

    name: str
    block: BlockRef
    values: tuple[int, ...]
    error: str | None = None


# --- Findings and Alerts ----------------------------------------------------------------------------------


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a Finding rests on.

    `ref` names it so that two Findings can be compared for overlap: `log:TXHASH:LOGINDEX`,
    `event:TXHASH:ORDER` (no logs), `frame:TXHASH:INDEX`, `probe:NAME@BLOCKHASH`, `tx:TXHASH`.
    `values` are the numbers read there, by name, amounts as decimal strings where they exceed 2^53.
    """

    ref: str
    what: str
    values: Mapping[str, str | int | float] = {}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One detector's claim about one Execution or block.

    `confidence` is 0 to 1. `likelihood_ratio` is how much more often the detector says this of attacks
    than of benign transactions, as measured (docs/detectors). `loss` is what the protected (or the victim)
    lost, by token, in base units; `loss_usd` the same in dollars where every price is known.
    `victims` are the contracts that lost or may lose. A `condition` is true of a state that lasts, and is found
    again in every block while it does; otherwise the Finding is about its transaction. An `advisory` one (a machine's
    score, a heads-up, what could not be measured) never makes tier `act`, is alone at most P2, and weighs nothing in p.
    """

    detector: str
    family: str
    kind: str
    confidence: float
    likelihood_ratio: float
    chain_id: int
    stage: Stage
    block: BlockRef | None
    tx_hashes: tuple[Hash, ...]
    victims: tuple[Address, ...]
    suspects: tuple[Address, ...]
    loss: Mapping[Address, int]
    loss_usd: float | None
    evidence: tuple[Evidence, ...]
    formula: str
    explanation: str
    broken_invariant: bool = False
    condition: bool = False
    advisory: bool = False


class Tier(StrEnum):
    """Weight of evidence: `watch` logs, `alert` pages a person, `act` is enough for automation."""

    WATCH = "watch"
    ALERT = "alert"
    ACT = "act"


class Severity(StrEnum):
    """Harm if the alert is true, P1 the worst."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class AlertEvent(StrEnum):
    """The transitions of an Alert's life cycle."""

    OPENED = "opened"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RETRACTED = "retracted"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of an Alert, complete in itself; the last one of a fingerprint wins (DESIGN section 5)."""

    event: AlertEvent
    alert_id: str
    fingerprint: str
    kind: str
    tier: Tier
    severity: Severity
    confidence: float
    stage: Stage
    chain_id: int
    block_number: int | None
    block_hash: Hash | None
    tx_hashes: tuple[Hash, ...]
    protocol: str | None
    loss_estimate: Mapping[str, Any]
    detectors: tuple[str, ...]
    explanation: str
    evidence: tuple[Evidence, ...]
    victims: tuple[Address, ...] = ()
    suspects: tuple[Address, ...] = ()
    condition: bool = False
    joined: tuple[str, ...] = ()
    """Fingerprints of the conditions that this transaction brought about, and that have no Alert of their own."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Until `until` (seconds since 1970) nobody is woken by alerts about `protocol` of `kind` (None: any), below tier
    `act`. They are recorded, and acted on, all the same. `by` and `why` stand in the audit log."""

    protocol: str
    kind: str | None
    until: float
    by: str
    why: str

    def covers(self, alert: Alert) -> bool:
        """Whether it is about `alert`; never where the evidence is enough for automation."""
        return alert.protocol == self.protocol and self.kind in (None, alert.kind) and alert.tier is not Tier.ACT


def evidence_overlaps(left: Sequence[Evidence], right: Sequence[Evidence]) -> bool:
    """Whether two Findings rest on any of the same things."""
    return not {e.ref for e in left}.isdisjoint(e.ref for e in right)
