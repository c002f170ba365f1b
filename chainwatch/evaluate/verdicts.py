"""What the detectors say of each labelled transaction by itself, and what is needed to count, ablate and explain it.

Every transaction is decoded and judged by a fresh pipeline: a corpus is no chain, and what happened before does not
excuse or accuse. Its Findings are kept, so that what fewer families would have said needs no second run.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import thread_time
from typing import Literal

import msgspec

from chainwatch.config.models import Profile
from chainwatch.decode import Decoder
from chainwatch.decode.balances import ledger
from chainwatch.detect.base import Detector
from chainwatch.detect.learned import LearnedAnomaly
from chainwatch.errors import BadInput
from chainwatch.evaluate.labels import Label, labelled
from chainwatch.evaluate.rows import Row, made, row_of
from chainwatch.triage.fuse import Triage
from chainwatch.triage.pipeline import Pipeline
from chainwatch.types import ZERO_ADDRESS, Address, Alert, Block, Execution, Facts, Finding, Hash, Tier

Mode = Literal["full", "trees", "logs"]
TIERS = (Tier.WATCH, Tier.ALERT, Tier.ACT)

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])|\n")


class Verdict(msgspec.Struct, frozen=True):
    """What the detectors said of one labelled transaction: the highest tier (None: nothing), and who said it.

    `kind` and `says` are the heaviest Alert's, `sender` is the transaction's. `row` is None where the transaction
    failed. `place` is block number and index, None where the Recording does not know them. `lost`: of an attack, what
    its victims lost by token in base units. `p` is the learned detector's, of an attack that was missed and is large
    enough. `seconds` is processor time.
    """

    label: Label
    tier: Tier | None
    detectors: tuple[str, ...] = ()
    chain_id: int = 0
    kind: str | None = None
    says: str = ""
    findings: tuple[Finding, ...] = ()
    row: Row | None = None
    place: tuple[int, int] | None = None
    lost: Mapping[Address, int] = {}
    p: float | None = None
    seconds: float = 0.0
    sender: Address = ""

    def reaches(self, tier: Tier) -> bool:
        """Whether an alert of this tier or a higher one was raised."""
        return self.tier is not None and TIERS.index(self.tier) >= TIERS.index(tier)

    @property
    def is_attack(self) -> bool:
        """Whether it is one; `after_attack` is neither that nor benign."""
        return self.label.label == "attack"

    @property
    def incident(self) -> str:
        """What joins it with other transactions of the same attack."""
        return self.label.incident or self.label.tx


class Examined(msgspec.Struct, frozen=True):
    """All verdicts in the order of the Recordings; `more` are rows by logs of what also has a call tree, to learn from;
    `skipped` lacked what the mode shows."""

    verdicts: tuple[Verdict, ...]
    more: tuple[Row, ...]
    skipped: int


def examine(
    recordings: Sequence[Path],
    labels: Mapping[tuple[str, Hash], Label],
    decoder: Decoder,
    detectors: Sequence[Detector],
    *,
    profiles: Sequence[Profile] = (),
    mode: Mode = "full",
    protect_labelled: bool = False,
    learning: bool = False,
    told: Callable[[Path], None] = lambda _: None,
) -> Examined:
    """Judge every transaction once. `mode` leaves out logs (`trees`) or call trees (`logs`) and skips what lacks the
    other; `protect_labelled` protects each attack's victims, as its label names them, instead of treating all
    alike; `learning` also makes the rows by logs.

    Raises BadInput where a Recording has a transaction without a label, or no labelled one is left.
    """
    verdicts: list[Verdict] = []
    more: list[Row] = []
    skipped = 0
    learned = next((d for d in detectors if isinstance(d, LearnedAnomaly)), None)
    for label, block, execution in labelled(recordings, labels, told):
        given = shown(execution, mode)
        if given is None:
            skipped += 1
            continue
        protected = frozenset(label.protected or ()) if protect_labelled else frozenset()
        if not verdicts:  # what is loaded at the first use is not this transaction's time
            verdict_of(label, given, block, Pipeline(decoder, detectors, profiles, protected))
        verdict = verdict_of(label, given, block, Pipeline(decoder, detectors, profiles, protected))
        if given.succeeded:
            facts = decoder.facts(given)
            row = made(label, given, facts, "tree" if facts.frames else "logs")
            verdict = msgspec.structs.replace(verdict, row=row, lost=_lost(given, facts, label))
            if learned is not None and verdict.is_attack and not verdict.reaches(Tier.ALERT):
                said = learned.judge(given, facts)
                verdict = msgspec.structs.replace(verdict, p=said.p if said else None)
            if learning and row.part == "tree" and (by_logs := row_of(label, given, decoder, "logs")) is not None:
                more.append(by_logs)
        verdicts.append(verdict)
    if not verdicts:
        raise BadInput("No labelled transaction can be scored in this mode.", "Choose another --mode or Recordings.")
    return Examined(tuple(verdicts), tuple(more), skipped)


def shown(execution: Execution, mode: Mode) -> Execution | None:
    """What the detectors are to see of it; None where the source lacks that."""
    if mode == "trees":
        return None if execution.trace is None else msgspec.structs.replace(execution, logs=None)
    if mode == "logs":
        return None if execution.logs is None else msgspec.structs.replace(execution, trace=None)
    return execution


def verdict_of(label: Label, execution: Execution, block: Block, pipeline: Pipeline) -> Verdict:
    """What a fresh pipeline says of one transaction of a block, by itself."""
    alone = msgspec.structs.replace(block, executions=(execution,))
    began = thread_time()
    outcome = pipeline.block(alone, {})
    seconds = thread_time() - began
    number = block.ref.number
    verdict = Verdict(
        label=label,
        tier=None,
        chain_id=block.chain_id,
        sender=execution.transaction.from_,
        findings=outcome.findings,
        place=(number, execution.index) if number else None,
        seconds=seconds,
    )
    return _said(verdict, outcome.alerts)


def by_families(verdict: Verdict, keep: Callable[[Finding], bool], profiles: Sequence[Profile] = ()) -> Verdict:
    """What the pipeline would have said had it only had the Findings that `keep` keeps."""
    kept = tuple(filter(keep, verdict.findings))
    if kept == verdict.findings:
        return verdict
    alerts = Triage(profiles).take(kept) if kept else []
    return _said(msgspec.structs.replace(verdict, findings=kept), alerts)


def first_sentence(text: str) -> str:
    """Up to its end; an abbreviated address or a decimal number does not end it."""
    return _SENTENCE.split(text, maxsplit=1)[0]


def _said(verdict: Verdict, alerts: Sequence[Alert]) -> Verdict:
    heaviest = max(alerts, key=lambda a: (TIERS.index(a.tier), a.confidence), default=None)
    return msgspec.structs.replace(
        verdict,
        tier=heaviest.tier if heaviest else None,
        detectors=tuple(sorted({name for alert in alerts for name in alert.detectors})),
        kind=heaviest.kind if heaviest else None,
        says=heaviest.explanation if heaviest else "",
    )


def _lost(execution: Execution, facts: Facts, label: Label) -> dict[Address, int]:
    """What the victims, as labelled, or else all but the sender's side, lost by token."""
    if label.label == "benign":
        return {}
    book = ledger(facts.events)
    if label.protected:
        return {token: -net for token, net in book.net(label.protected).items() if net < 0}
    side = {execution.transaction.from_, execution.transaction.to} | facts.created | book.folded | {ZERO_ADDRESS}
    lost: dict[Address, int] = {}
    for address in book.changes:
        if address not in side:
            for token, net in book.net((address,)).items():
                if net < 0:
                    lost[token] = lost.get(token, 0) - net
    return lost
