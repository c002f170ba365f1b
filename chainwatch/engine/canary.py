"""Does detection still work, from decoding to the alert? A made-up attack goes through the very same code, and must be
recognised.

It never touches the chain, the store or the alerts that people see: it has a triage of its own. What it finds broken
turns readiness red and is told.
"""

import asyncio
import time

import structlog
from apprise import NotifyType

from chainwatch.decode import Decoder
from chainwatch.detect.base import Detector
from chainwatch.engine.status import EngineStatus
from chainwatch.notify.channel import Notifier
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import Address, Block, BlockRef, CallFrame, Execution, Stage, Tier, Transaction

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 600.0
_LOOK_SECONDS = 30.0
_SENDER, _BOT, _VAULT, _TOKEN = (f"0x{n:040x}" for n in (0xCA1, 0xCA2, 0xCA3, 0xCA4))
_EXPECTED = "round_trip_profit"


class Canary:
    """Of one chain. `alive_hours`: how often people are told that all is well (0: never)."""

    def __init__(
        self,
        decoder: Decoder,
        detectors: tuple[Detector, ...],
        status: EngineStatus,
        notifier: Notifier,
        alive_hours: float,
    ) -> None:
        self._decoder = decoder
        self._detectors = detectors
        self._status = status
        self._notifier = notifier
        self._alive_seconds = alive_hours * 3_600
        self._told = time.monotonic()
        self._broken = False

    async def follow(self) -> None:
        """Run it for ever; ends only by cancellation."""
        run_at = 0.0
        while True:
            now = time.monotonic()
            if now >= run_at:
                run_at = now + _EVERY_SECONDS
                self.run()
            if self._alive_seconds and now - self._told >= self._alive_seconds:
                self._told = now
                self.tell()
            await asyncio.sleep(_LOOK_SECONDS)

    def run(self) -> bool:
        """Whether the made-up attack was recognised."""
        outcome = Pipeline(self._decoder, self._detectors).block(made_up_attack(self._status.chain_id), {})
        kinds = {finding.kind for finding in outcome.findings}
        sound = _EXPECTED in kinds and any(alert.tier is not Tier.WATCH for alert in outcome.alerts)
        if not sound:
            self._status.failed("canary (a made-up attack is not recognised)")
            log.error("the canary was not recognised", found=sorted(kinds), failures=outcome.failures)
            if not self._broken:
                self._notifier.message(
                    f"chainwatch does not detect what it should on chain {self._status.chain_id}",
                    f"A made-up attack went through it unseen; failed: {', '.join(outcome.failures) or 'no detector'}. "
                    "Restart it, and report this.",
                    NotifyType.FAILURE,
                )
        self._broken = not sound
        return sound

    def tell(self) -> None:
        """Tell people that the bot lives, what it has seen, and what stands against it."""
        status = self._status
        against = status.not_ready()
        self._notifier.message(
            f"chainwatch lives: chain {status.chain_id} at block {status.handled}",
            f"{status.executions:,} transactions since the start, {sum(status.alerts.values())} transitions of alerts. "
            + (f"Against readiness: {'; '.join(against)}" if against else "Nothing stands against readiness."),
            NotifyType.WARNING if against else NotifyType.SUCCESS,
        )


def made_up_attack(chain_id: int) -> Block:
    """A block of one transaction that puts 1,000 into a contract and takes 1,500 out of it."""
    paid_in = _call(_BOT, _VAULT, "0xb6b55f25" + _word(1_000), _moved("0x23b872dd", _VAULT, _BOT, _VAULT, 1_000))
    paid_out = _call(_BOT, _VAULT, "0x2e1a7d4d" + _word(1_500), _moved("0xa9059cbb", _VAULT, "", _BOT, 1_500))
    tree = _call(_SENDER, _BOT, "0xca11ab1e", paid_in, paid_out)
    transaction = Transaction(hash="0x" + "ca" * 32, from_=_SENDER, to=_BOT, input=tree.input)
    block = BlockRef(number=0, hash="0x" + "cb" * 32, parent_hash=None, timestamp=None)
    execution = Execution(
        chain_id=chain_id, stage=Stage.INCLUDED, transaction=transaction, block=block, index=0, succeeded=True,
        logs=None, trace=tree,
    )  # fmt: skip
    return Block(chain_id=chain_id, ref=block, executions=(execution,))


def _call(from_: Address, to: Address, input_: str, *calls: CallFrame) -> CallFrame:
    return CallFrame(type="CALL", from_=from_, to=to, value="0x0", input=input_, calls=list(calls))


def _moved(selector: str, by: Address, from_: Address, to: Address, amount: int) -> CallFrame:
    parties = "".join(a[2:].rjust(64, "0") for a in (from_, to) if a)
    return _call(by, _TOKEN, selector + parties + _word(amount))


def _word(units: int) -> str:
    return f"{units * 10**18:064x}"
