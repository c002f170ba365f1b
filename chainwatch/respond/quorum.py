"""What an action rests on, asked of every provider: do they tell of the same transactions, logs and readings?

A provider that has not seen the block yet says nothing either way. One that tells something else denies; it is
named. The action goes ahead when as many as the quorum agree, whatever the others say, so that one of three can
neither invent an attack nor deny one.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chainwatch.chain.probes import ProbeSpec, recorded_probes
from chainwatch.chain.wire import parse_receipts
from chainwatch.config.models import GuardsConfig
from chainwatch.errors import NodeRejected
from chainwatch.respond.policy import Condition
from chainwatch.types import Execution, Hash, Log, ProbeReading, Stage

_MOST_WITNESSED = 16  # transactions of one alert that are asked about; the first ones


class Witness(msgspec.Struct, frozen=True):
    """What is asked to be confirmed: included Executions and the readings of Probes at a block."""

    executions: tuple[Execution, ...] = ()
    readings: tuple[tuple[ProbeSpec, ProbeReading], ...] = ()

    @classmethod
    def of(
        cls, executions: Sequence[Execution], readings: Mapping[str, ProbeReading], specs: Sequence[ProbeSpec]
    ) -> "Witness":
        """Of what is on chain; what a simulation showed cannot be confirmed, only simulated again."""
        included = [e for e in executions if e.stage is not Stage.PENDING and e.block is not None]
        good = [(s, readings[s.name]) for s in specs if s.name in readings and readings[s.name].error is None]
        return cls(tuple(included[:_MOST_WITNESSED]), tuple(good))

    def requests(self) -> list[tuple[str, list[Any]]]:
        """The calls that a provider answers."""
        receipts: list[tuple[str, list[Any]]] = [
            ("eth_getTransactionReceipt", [e.transaction.hash]) for e in self.executions
        ]
        blocks: list[tuple[str, list[Any]]] = [("eth_getBlockByHash", [h, False]) for h in self._blocks()]
        probes: list[tuple[str, list[Any]]] = [
            ("eth_call", [{"to": s.contract, "data": s.data}, {"blockHash": r.block.hash}]) for s, r in self.readings
        ]
        return receipts + blocks + probes

    def _blocks(self) -> list[Hash]:
        return list(dict.fromkeys(e.block.hash for e in self.executions if e.block is not None and e.block.hash))

    def testimony(self, answers: Sequence[Any]) -> "Testimony":
        """What a provider says of each Execution and of the readings."""
        count, blocks = len(self.executions), self._blocks()
        known = {h for h, answer in zip(blocks, answers[count:], strict=False) if isinstance(answer, dict)}
        said: dict[Hash, str | None] = {}
        for execution, answer in zip(self.executions, answers, strict=False):
            tx_hash = execution.transaction.hash
            if isinstance(answer, NodeRejected):
                said[tx_hash] = None
            elif answer is None:
                has_block = execution.block is not None and execution.block.hash in known
                said[tx_hash] = f"transaction {tx_hash} is not in that block" if has_block else None
            else:
                said[tx_hash] = _other(execution, answer) or ""
        readings: str | None = ""
        for (spec, reading), answer in zip(self.readings, answers[count + len(blocks) :], strict=True):
            told = recorded_probes([spec], reading.block, {(spec.contract, spec.data): answer}).get(spec.name)
            if isinstance(answer, NodeRejected) or told is None or told.error is not None:
                readings = None if readings == "" else readings
            elif told.values != reading.values:
                readings = f"Probe {spec.name} is {told.values}, not {reading.values}"
        return Testimony(said, readings)


class Testimony(msgspec.Struct, frozen=True):
    """What one provider says: "" confirms, None does not know yet, any other text says otherwise."""

    executions: dict[Hash, str | None]
    readings: str | None

    @property
    def confirms(self) -> bool:
        """Whether it confirms everything."""
        return self.readings == "" and all(said == "" for said in self.executions.values())

    @property
    def contradiction(self) -> str | None:
        """The first thing that it says otherwise."""
        return next((said for said in (*self.executions.values(), self.readings) if said), None)


def _other(execution: Execution, receipt: Any) -> str | None:
    """How a receipt differs from the Execution, None where it does not."""
    tx_hash = execution.transaction.hash
    try:
        [told], malformed = parse_receipts(msgspec.json.encode([receipt]))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return f"transaction {tx_hash} has a receipt that cannot be read"
    assert execution.block is not None
    if told.block_hash != execution.block.hash:
        return f"transaction {tx_hash} is in block {told.block_hash}"
    if (told.status == "0x1") != execution.succeeded and told.status is not None:
        return f"transaction {tx_hash} has status {told.status}"
    if execution.logs is not None and not malformed and _digest(told.logs) != _digest(execution.logs):
        return f"transaction {tx_hash} has other logs"
    return None


def _digest(logs: Sequence[Log]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(logs).lower()).digest()


class Verdict(msgspec.Struct, frozen=True):
    """Who confirms, who says otherwise, who says nothing (by name), and how many have to confirm."""

    confirm: tuple[str, ...]
    deny: Mapping[str, str]
    silent: tuple[str, ...]
    needed: int
    unfounded: frozenset[Hash] = frozenset()
    """Transactions of which the quorum says otherwise: what remains has to stand without them."""
    down: frozenset[str] = frozenset()
    """Providers that cannot be asked at all; the other silent ones may merely be behind."""

    @property
    def reached(self) -> bool:
        """Whether the quorum confirms."""
        return len(self.confirm) >= self.needed

    @property
    def refuted(self) -> bool:
        """Whether the quorum says the same other thing: waiting will not help."""
        return any(count >= self.needed for count in Counter(self.deny.values()).values())

    def condition(self, guards: GuardsConfig) -> Condition:
        """Whether the evidence is agreed on enough to act, with who said what."""
        total = len(self.confirm) + len(self.deny) + len(self.silent)
        parts = [
            f"{len(self.confirm)} of {total} confirm ({', '.join(self.confirm) or 'nobody'}), {self.needed} needed"
        ]
        parts += [f"{name} says that {said}" for name, said in self.deny.items()]
        if self.silent:
            parts.append(f"no word from {', '.join(self.silent)}")
        only_down = self.down.issuperset(self.silent)
        alone = guards.without_quorum == "act" and bool(self.confirm) and not self.deny and only_down
        if alone and not self.reached:
            parts.append('without_quorum = "act"')
        return Condition("quorum", self.reached or alone, "; ".join(parts))
