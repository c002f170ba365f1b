"""How often the family `staging` is right: `python -m tests.staging_measure --corpus --staged 20 --seed 1`.

`--corpus` holds it against every contract that is made in the labelled Recordings, attacks and others, and in benign
transactions of `tests/hard_negatives` (`--also DIRECTORY`). `--staged` puts attackers on an Anvil, watches them with
the engine, and counts the blocks between the alert and the attack; as many honest contracts are the controls.
"""

import argparse
import asyncio
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from chainwatch.decode import Decoder, load_registry
from chainwatch.decode.bytecode import sweep
from chainwatch.detect.base import View
from chainwatch.detect.staging import Staging
from chainwatch.detect.staging_signs import CONFIDENCE, creations
from chainwatch.evaluate.labels import labelled, read_labels
from chainwatch.evaluate.score import interval
from chainwatch.types import Address, Execution, Facts
from tests.builders import execution, transaction
from tests.builders import facts as facts_of
from tests.conftest import SHARED
from tests.staging.drill import measured

WAYS = ("nothing", "victims", "all that it names")
"""What is protected: nothing (a scan without a profile); the contracts that any attack of the corpus hurt; and, the
hardest for benign contracts, every address that the code itself holds."""
IN_USE = "contracts in use"
TIERS = (("alert", CONFIDENCE), ("watch or alert", 0.01))


class Seen(msgspec.Struct, frozen=True):
    """One transaction that makes contracts: of how many different codes, and the highest confidence by way."""

    set: str
    attack: bool
    incident: str
    created: int
    codes: frozenset[str]
    confidence: dict[str, float]


def seen_in(directory: Path, labels: Path) -> Iterator[Seen]:
    """Every labelled transaction that makes contracts, judged as if it did nothing else: what an attack does with what
    it has just made is known, and the code alone is asked about."""
    decoder, known = Decoder(load_registry()), read_labels(labels)
    victims = frozenset(a for label in known.values() for a in label.protected or ())
    recordings = sorted(p for p in directory.glob("*.jsonl.gz") if not p.name.startswith("labels"))
    for label, _, shown in labelled(recordings, known):
        facts = msgspec.structs.replace(decoder.facts(shown), events=())
        yield from _judged(shown, facts, label.set, label.incident or label.tx, victims, attack=label.label == "attack")


def in_use(states: Path, attackers: frozenset[Address], victims: frozenset[Address]) -> Iterator[Seen]:
    """Every contract of the real states just before attacks, as if it were made now, but for `attackers`.

    One code once. It is the only large set of contracts in use that we have; most are the protocols of that day."""
    known: set[str] = set()
    for path in sorted(states.glob("*/*.json.gz")):
        for address, account in json.loads(gzip.decompress(path.read_bytes()))["accounts"].items():
            (body,) = (account.get("code") or {"": {}}).values()
            code = body.get("bytecode", "0x")[: 2 + 2 * body.get("original_len", 0)] if isinstance(body, dict) else "0x"
            if len(code) <= 2 or code in known or address.lower() in attackers:
                continue
            known.add(code)
            shown = execution(transaction=transaction(to=None, input=code))
            yield from _judged(shown, facts_of(), IN_USE, address, victims, attack=False)


def _judged(
    shown: Execution, facts: Facts, set_: str, incident: str, victims: frozenset[Address], *, attack: bool
) -> Iterator[Seen]:
    made = list(creations(shown, facts)) if shown.succeeded else []
    if not made:
        return
    own = frozenset(a for each in made for a in sweep(each.runs or each.init).addresses)
    given: dict[str, frozenset[Address]] = dict(zip(WAYS, (frozenset(), victims, own), strict=True))
    confidence = {}
    for way, protected in given.items():
        view = View(facts=(facts,), protected=protected)
        found = list(Staging().inspect(shown, view)) if protected or way == WAYS[0] else []
        confidence[way] = max((f.confidence for f in found), default=0.0)
    yield Seen(set_, attack, incident, len(made), frozenset(each.init for each in made), confidence)


def table(seen: Sequence[Seen]) -> str:
    """Rates by set and way, with exact intervals."""
    groups: dict[str, list[Seen]] = {}
    for each in seen:
        kind = "attack" if each.attack else "no attack"
        names = [f"{kind}: {each.set}"] + ([f"{kind}: all made"] if each.set != IN_USE else [])
        for name in names:
            groups.setdefault(name, []).append(each)
    lines = []
    for name, group in sorted(groups.items()):
        codes = len(frozenset().union(*(each.codes for each in group)))
        lines.append(f"{name}: {len(group)} transactions, {sum(e.created for e in group)} contracts, {codes} codes")
        for way in WAYS:
            shown = (f"{tier} {rate([e for e in group if e.confidence[way] >= least], group)}" for tier, least in TIERS)
            lines.append(f"    {way} protected: {'; '.join(shown)}")
    return "\n".join(lines)


def rate(found: Sequence[Seen], of: Sequence[Seen]) -> str:
    """Counted as transactions and, of those, incidents."""
    low, high = interval(len(found), len(of))
    return f"{len(found)} of {len(of)} ({low:.3f} to {high:.3f}), {len({e.incident for e in found})} incidents"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="store_true", help="measure on the shared corpus")
    parser.add_argument("--also", type=Path, action="append", default=[], help="what tests.hard_negatives wrote")
    parser.add_argument("--staged", type=int, default=0, help="so many attacks and controls on an Anvil")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    corpus = SHARED / "corpus"
    seen: list[Seen] = []
    if given.corpus:
        seen += seen_in(corpus / "recordings", corpus / "labels.jsonl.gz")
        labels = read_labels(corpus / "labels.jsonl.gz")
        attacks = labelled(sorted((corpus / "recordings").glob("attacks-*.gz")), labels)
        victims = frozenset(a for label in labels.values() for a in label.protected or ())
        attackers = frozenset(e.transaction.to for _, _, e in attacks if e.transaction.to) - victims
        seen += in_use(SHARED / "forkstates", attackers, victims)
    for directory in given.also:
        seen += seen_in(directory, directory / "labels.jsonl.gz")
    if seen:
        print(table(seen))
    if given.staged:
        print(asyncio.run(measured(given.staged, given.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
