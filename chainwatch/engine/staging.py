"""What a contract that looks staged would do if its deployer called it now: simulated, never sent.

Each of its functions is run from its deployer on the latest block, as far as a few simple arguments go, and the
detectors judge what they would judge of a real transaction. When one of another family speaks, people are told what
the attack will look like before it is sent. This is a background task with a queue of its own: bounded in contracts,
functions and time, it holds up no block, and what fails or is shed is counted.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec
import structlog

from chainwatch.chain.pool import Pool
from chainwatch.decode.bytecode import sweep
from chainwatch.decode.flash import FLASH_CALLBACKS
from chainwatch.detect.staging import Staging
from chainwatch.errors import NodeError
from chainwatch.sources.simulate import Simulator
from chainwatch.triage.weigh import ALERT_CONFIDENCE
from chainwatch.types import Address, Block, BlockRef, Evidence, Execution, Finding, HexData, Stage, Transaction

log = structlog.get_logger(__name__)

KIND = "attack_staged"
MAX_FUNCTIONS = 16
MAX_CONTRACTS = 4
MAX_WAITING = 64
BUDGET_SECONDS = 5.0
AGAIN_AFTER_BLOCKS = (0, 2, 8, 32, 128)
"""After its creation, when a contract is run: it may want money or a setting first, and so again whenever its deployer
does anything. After the last, or after MAX_TRIES, it is left alone."""
MAX_TRIES = 16
_GAS = 1 << 24  # the most that a transaction may have (EIP-7825)
_WORDS = 8  # more arguments are rare, and whoever takes fewer ignores the rest

Judge = Callable[[Execution], tuple[list[Finding], list[str]]]
Confirmed = Callable[[tuple[Finding, Finding]], Awaitable[None]]


class StagingCounts(msgspec.Struct):
    """What was done so far. `failed` are simulations that nothing can be said of, `shed` contracts not looked at."""

    contracts: int = 0
    simulated: int = 0
    failed: int = 0
    shed: int = 0
    confirmed: int = 0


class _Waiting(msgspec.Struct):
    finding: Finding
    seen_at: int
    tried: int = 0
    step: int = 0
    acted: bool = False


class StagedContracts:
    """Runs what the family `staging` found. Owned by the engine of one chain.

    `judge` are the detectors (`Pipeline.judge`); `confirmed` is told the Finding and what the simulation adds to it.
    """

    def __init__(self, pool: Pool, chain_id: int, judge: Judge, confirmed: Confirmed) -> None:
        self.counts = StagingCounts()
        self._pool = pool
        self._simulator = Simulator(pool, chain_id)
        self._judge = judge
        self._confirmed = confirmed
        self._waiting: deque[_Waiting] = deque()
        self._newest = 0
        self._running = False
        self._wake = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a contract is being run, or is due."""
        return self._running or any(self._is_due(each) for each in self._waiting)

    def note(self, block: Block, findings: Iterable[Finding]) -> None:
        """A block was handled, and these are its Findings. Takes no time."""
        self._newest = max(self._newest, block.ref.number or 0)
        if self._waiting:
            acting = {a for e in block.executions for a in (e.transaction.from_, e.transaction.to)}
            for each in self._waiting:
                each.acted = each.acted or not acting.isdisjoint(each.finding.suspects)
        for finding in findings:
            if finding.kind != KIND or finding.stage is Stage.PENDING:
                continue
            if len(self._waiting) >= MAX_WAITING:
                # The longest tried goes first: whoever floods us does not push out what nobody has looked at yet.
                self._waiting.remove(max(self._waiting, key=lambda each: each.tried))
                self.counts.shed += 1
            self._waiting.append(_Waiting(finding, self._newest))
        if self._waiting:
            self._wake.set()

    def orphaned(self, blocks: Sequence[BlockRef]) -> None:
        """These blocks are gone, and with them what was made there."""
        gone = {block.hash for block in blocks}
        kept = [each for each in self._waiting if each.finding.block is None or each.finding.block.hash not in gone]
        self._waiting = deque(kept)

    async def follow(self) -> None:
        """Look for ever; ends only by cancellation."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._running = True
            try:
                for waiting in [each for each in self._waiting if self._is_due(each)]:
                    await self._look_again(waiting)
            finally:
                self._running = False

    async def _look_again(self, waiting: _Waiting) -> None:
        waiting.tried += 1
        waiting.acted = False
        while (
            waiting.step < len(AGAIN_AFTER_BLOCKS)
            and self._newest >= waiting.seen_at + AGAIN_AFTER_BLOCKS[waiting.step]
        ):
            waiting.step += 1
        more = await self.look(waiting.finding)
        if waiting not in self._waiting:
            return  # its block is gone, or it was shed
        if more is not None or waiting.tried >= MAX_TRIES or waiting.step >= len(AGAIN_AFTER_BLOCKS):
            self._waiting.remove(waiting)
        if more is not None:
            self.counts.confirmed += 1
            await self._confirmed((waiting.finding, more))

    def _is_due(self, waiting: _Waiting) -> bool:
        return waiting.acted or self._newest >= waiting.seen_at + AGAIN_AFTER_BLOCKS[waiting.step]

    async def look(self, finding: Finding) -> Finding | None:
        """Run the contracts of a Finding within BUDGET_SECONDS; the Finding that this leads to, None for nothing."""
        deployer, *contracts = finding.suspects
        self._simulator.new_block()
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                for contract in contracts[:MAX_CONTRACTS]:
                    self.counts.contracts += 1
                    found = await self._run(finding, deployer, contract)
                    if found is not None:
                        return found
        except TimeoutError:
            self.counts.failed += 1
            log.warning("no time to run a staged contract", contracts=contracts[:MAX_CONTRACTS])
        except NodeError as error:
            self.counts.failed += 1
            log.warning("a staged contract cannot be run", contracts=contracts[:MAX_CONTRACTS], error=str(error))
        return None

    async def _run(self, finding: Finding, deployer: Address, contract: Address) -> Finding | None:
        code = await self._pool.call("eth_getCode", [contract, "latest"], as_=str)
        for data in inputs(code, finding.victims):
            transaction = Transaction(
                hash=finding.tx_hashes[0], from_=deployer, to=contract, input=data, gas=hex(_GAS)
            )  # fmt: skip
            try:
                execution, _ = await self._simulator.simulate(transaction)
            except NodeError as error:  # of this call only: the next may do
                self.counts.failed += 1
                log.info("a call of a staged contract cannot be simulated", contract=contract, error=str(error))
                continue
            self.counts.simulated += 1
            judged, broken = self._judge(execution)
            self.counts.failed += len(broken)
            others = [f for f in judged if f.family != Staging.family and f.confidence >= ALERT_CONFIDENCE]
            if others:
                return _confirmation(finding, execution, max(others, key=lambda f: (bool(f.loss), f.confidence)))
        return None


def inputs(code: HexData, victims: Sequence[Address]) -> list[HexData]:
    """What a contract with this code is called with, at most twice MAX_FUNCTIONS and once more.

    Nothing at all; every function with zeros; every function with a protected address for each of its arguments.
    """
    if len(code) <= 2:
        return []
    functions = [s for s in sweep(code).functions if s not in FLASH_CALLBACKS][:MAX_FUNCTIONS]
    filled = [victims[0][2:].rjust(64, "0") * _WORDS] if victims else []
    return ["0x", *(selector + words for words in ("0" * 64 * _WORDS, *filled) for selector in functions)]


def _confirmation(staged: Finding, execution: Execution, shown: Finding) -> Finding:
    """The same Finding, surer: it follows the contract's block, so that a reorganisation takes it back."""
    call = execution.transaction
    at = execution.block
    where = at.number if at is not None else None
    return msgspec.structs.replace(
        staged,
        confidence=shown.confidence,
        victims=tuple(dict.fromkeys((*staged.victims, *shown.victims))),
        loss=shown.loss,
        loss_usd=shown.loss_usd,
        evidence=(
            Evidence(
                ref=f"simulation:{call.to}:{call.input[:10]}@{at.hash if at is not None else None}",
                what=f"simulated from its deployer: {shown.detector} says {shown.kind}",
                values={"from": call.from_, "to": call.to or "", "input": call.input, "confidence": shown.confidence},
            ),
        ),
        formula=f"simulated on block {where} from the deployer: {shown.formula}",
        explanation=f"It is an attack that was not sent yet. Called by its deployer with {call.input[:10]} on block "
        f"{where}, {call.to} does this: {shown.explanation}",
        advisory=False,
    )
