"""Does a test notice when a detector's condition is broken? Each is broken once, in a copy, and its tests run.

    python -m tests.mutations [--only round_trip] [--json]

A mutant that survives is a condition that no test holds: it fails the run. The first of each detector is its main one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("chainwatch", "tests", "abi", "contracts", "pyproject.toml")
_NOT = ("hard_negatives", "__pycache__", "node_modules")


class Mutant(NamedTuple):
    """In `file` of chainwatch/, `old` (which stands there once) becomes `new`; `tests` have to notice."""

    detector: str
    what: str
    file: str
    old: str
    new: str
    tests: str


def _of(detector: str, tests: str, *rows: tuple[str, str, str, str]) -> list[Mutant]:
    return [Mutant(detector, what, f"chainwatch/{file}", old, new, tests) for what, file, old, new in rows]


MUTANTS = [
    *_of(
        "flash_price_manipulation",
        "tests/detect/test_flash_price_manipulation.py",
        ("the price has moved", "detect/flash_price_manipulation.py", "widest.ratio < least", "widest.ratio < 0"),
        (
            "there was a flash loan",
            "detect/flash_price_manipulation.py",
            "    if not loans:\n",
            "    if loans is None:\n",
        ),
        ("the side gained", "detect/flash_price_manipulation.py", "    if not gains:\n", "    if gains is None:\n"),
        ("somebody lost", "detect/flash_price_manipulation.py", "    if not victims:\n", "    if victims is None:\n"),
        ("given meanwhile", "detect/flash_price_manipulation.py", "address not in concerned", "False"),
        (
            "a vault of pools has traded",
            "detect/flash_price_manipulation.py",
            "for a in (e.pool, e.address)",
            "for a in (e.pool,)",
        ),
        (
            "a known loss is large enough",
            "detect/flash_price_manipulation.py",
            "loss_usd < thresholds.min_loss_usd",
            "False",
        ),
    ),
    *_of(
        "reentrancy",
        "tests/detect/test_reentrancy.py",
        (
            "it had not returned",
            "detect/reentry_paths.py",
            "while self.path and self.path[-1].end <= index:",
            "while False:",
        ),
        ("the side gained", "detect/reentrancy.py", "    if not gains:\n", "    if gains is None:\n"),
        ("somebody lost", "detect/reentrancy.py", "if not victims or (", "if ("),
        (
            "the ERC-20 surface is none",
            "detect/reentry_paths.py",
            '        "0xa9059cbb",  # transfer(address,uint256)\n',
            "",
        ),
        (
            "callbacks are none",
            "detect/reentry_paths.py",
            "DECLARED = FLASH_CALLBACKS.keys() | POOL_CALLBACKS.keys()",
            "DECLARED = frozenset()",
        ),
    ),
    *_of(
        "access",
        "tests/detect/test_access.py",
        (
            "the contract that was taken lost",
            "detect/access_signs.py",
            '    if gains and losers:\n        yield Sign("right_taken"',
            '    if gains:\n        yield Sign("right_taken"',
        ),
        ("the owner took no part", "detect/access_signs.py", "old not in scene.active and ", ""),
        ("it asked who was handed to it", "detect/access_signs.py", "if teller is None or f.reverted", "if f.reverted"),
        ("it paid after asking", "detect/access_signs.py", "scene.last_paid.get(payer, -1) < f.index", "False"),
        ("the victim took no part", "detect/access_signs.py", "if victim in scene.active or victim", "if victim"),
        ("the victim was named", "detect/access_signs.py", "not (ordered or victim[2:] in call.input)", "False"),
        (
            "the side chose the amount",
            "detect/access_signs.py",
            "not (ordered or f.input[138:202] in call.input or (f.to, victim) in asked)",
            "False",
        ),
        ("nobody signed", "detect/access_signs.py", "for f in frames[: scene.signed]:", "for f in frames:"),
    ),
    *_of(
        "round_trip",
        "tests/detect/test_round_trip.py",
        ("more came out than went in", "detect/round_trip.py", " or paid_out <= paid_in", ""),
        (
            "the side gave nothing else",
            "detect/round_trip.py",
            " or any(n < 0 and t not in scene.side for t, n in scene.book.net(scene.side).items())",
            "",
        ),
        ("by two calls", "detect/round_trip.py", " and not _is_one_call(scene, first, frame)", ""),
        ("in first, out later", "detect/round_trip.py", "if frame > first and not", "if not"),
        ("code ran", "detect/round_trip.py", "if a in ran and not", "if not"),
        (
            "a vault of many pools",
            "detect/round_trip.py",
            "        if _keeps_many_pools(scene, contract):",
            "        if False:",
        ),
        ("protected contracts only", "detect/round_trip.py", "return not protected or", "return True or"),
    ),
    *_of(
        "outflow",
        "tests/detect/test_outflow.py",
        ("a transaction's limit", "detect/outflow.py", "net.get(token, 0) > most", "net.get(token, 0) > 0"),
        ("a window's limit", "detect/outflow.py", "and left > most", "and left > 0"),
        (
            "net of what comes in",
            "decode/balances.py",
            "t.amount if leaves else -t.amount",
            "t.amount if leaves else 0",
        ),
        ("within the hour", "triage/windows.py", "if first < minute <= now:", "if minute <= now:"),
        ("rolled back", "triage/windows.py", "self._count(block.minute, block.net, -1)", "pass"),
    ),
    *_of(
        "oracle",
        "tests/detect/test_oracle.py",
        (
            "the price is off",
            "detect/oracle.py",
            "return _distance(price, reference) > oracle.max_deviation_bps / _BPS",
            "return True",
        ),
        ("it is stale", "detect/oracle.py", "age > oracle.feed.heartbeat_seconds", "age > 0"),
        (
            "it is out of bounds",
            "detect/oracle.py",
            "price.value <= 0 or (low and price.value < low)",
            "True or (low and price.value < low)",
        ),
        ("it jumped", "detect/oracle.py", "> oracle.max_jump_bps / _BPS", "> -1"),
        ("a consumer acted", "detect/oracle.py", "and event.address in consumers", ""),
    ),
    *_of(
        "invariants",
        "tests/detect/test_invariants.py",
        ("it does not hold", "detect/invariants.py", "if holds(invariant, view.probes) is False:", "if True:"),
        ("it held before", "detect/invariants.py", "fresh = holds(invariant, before) is True", "fresh = True"),
        (
            "what was not read decides nothing",
            "detect/invariants.py",
            "    if any(name not in known for name in needed):\n        return None\n",
            "    if any(name not in known for name in needed):\n        return False\n",
        ),
    ),
    *_of(
        "learned_anomaly",
        "tests/detect/test_learned.py",
        ("unlike ordinary ones", "detect/learned.py", "said is None or said.p > self._alpha", "said is None"),
        ("large enough to be judged", "detect/learned.py", "len(facts.frames) < MIN_FRAMES", "False"),
        ("it is only advice", "detect/learned.py", "            advisory=True,\n", ""),
    ),
    *_of(
        "tier",
        "tests/triage",
        ("two families", "triage/weigh.py", "a.family != b.family and ", ""),
        ("disjoint evidence", "triage/weigh.py", " and not evidence_overlaps(a.evidence, b.evidence)", ""),
        ("advice never acts", "triage/weigh.py", "[f for f in strong if not f.advisory]", "strong"),
    ),
    *_of(
        "governance",
        "tests/detect/test_governance.py",
        (
            "votes borrowed, or executed at once",
            "detect/governance_votes.py",
            "if gained is not None or executed is not None:",
            "if True:",
        ),
        (
            "the loan is the side's",
            "detect/governance_votes.py",
            "own = [loan for loan in loans if loan.borrower in side]",
            "own = loans",
        ),
        ("the voter is the side", "detect/governance_votes.py", "if e.voter in side and", "if"),
        ("a vote worth more than one head", "detect/governance_votes.py", " and e.weight > 1", ""),
        (
            "the same proposal",
            "detect/governance_votes.py",
            "done = carried.get(about)",
            "done = next(iter(carried.values()), None)",
        ),
        (
            "executed after the vote",
            "detect/governance_votes.py",
            "done is not None and done.order > e.order",
            "done is not None",
        ),
        ("it grew by the loan", "detect/governance_votes.py", " and e.after > e.before", ""),
        (
            "the token was borrowed",
            "detect/governance_votes.py",
            "isinstance(e, VotingPower) and e.address in by_token",
            "isinstance(e, VotingPower) and (by_token.setdefault(e.address, loans[0]))",
        ),
        (
            "locked with the governor",
            "detect/governance_votes.py",
            "sender in side and recipient in asked",
            "sender in side",
        ),
        ("locked before the vote", "detect/governance_votes.py", "if when < 0 and", "if"),
        (
            "it came back",
            "detect/governance_votes.py",
            "elif when > 0 and recipient in side and (token, sender) in locked:",
            "if (token, recipient) in locked:\n            sender = recipient",
        ),
        (
            "in trees: executed after the vote",
            "detect/governance_votes.py",
            "end is not None and end.index > f.index",
            "end is not None",
        ),
        (
            "stepped over: protected, or proven",
            "detect/governance.py",
            "if not (ours if view.protected else before):",
            "if False:",
        ),
        ("an operation that may recur", "detect/governance.py", "if before and not executed.targets:", "if False:"),
        ("it names its calls", "detect/governance.py", "or not (other.targets and other.calls)", ""),
        ("a delay became shorter", "detect/governance.py", "e.after < e.before", "e.after != e.before"),
        ("none left", "detect/governance.py", "else e.after == 0", "else True"),
        ("a delay of ours", "detect/governance.py", " or e.address not in view.protected", ""),
        (
            "a call that is dangerous",
            "detect/governance_calls.py",
            "_concerned(governor, target, call, danger, view) if danger else None",
            "_concerned(governor, target, call, danger, view)",
        ),
        (
            "it concerns us",
            "detect/governance_calls.py",
            "if subject is not None:",
            "subject = subject or (target if danger else None)\n            if subject:",
        ),
        (
            "a treasury of ours",
            "detect/governance_calls.py",
            "if ours and governor in protected and first not in protected",
            "if ours and first not in protected",
        ),
        (
            "given to one of ours",
            "detect/governance_calls.py",
            "if ours and governor in protected and first not in protected",
            "if ours and governor in protected",
        ),
        (
            "whose tokens are pulled",
            "detect/governance_calls.py",
            "return first if first in protected else None",
            "return target",
        ),
        ("only what still waits", "detect/governance_calls.py", 'e.step in ("created", "queued")', "True"),
    ),
    *_of(
        "supply",
        "tests/detect/test_supply.py",
        ("beyond the limit", "detect/supply.py", "    if net <= most:\n", "    if net <= 0:\n"),
        (
            "net of what is burnt",
            "detect/supply.py",
            "if e.sender == ZERO_ADDRESS else -e.amount",
            "if e.sender else 0",
        ),
        (
            "made, not moved",
            "detect/supply.py",
            " and (transfer.sender == ZERO_ADDRESS) != (transfer.recipient == ZERO_ADDRESS)",
            "",
        ),
        (
            "the side gave nothing",
            "detect/supply_signs.py",
            " or any(n < 0 and t not in scene.side for t, n in scene.book.net(scene.side).items())",
            "",
        ),
        (
            "the price halved",
            "detect/supply_signs.py",
            "if factor >= MIN_FACTOR and sold <= amount",
            "if sold <= amount",
        ),
        ("no more sold than made", "detect/supply_signs.py", "and sold <= amount and lost", "and lost"),
        ("paid nothing before", "detect/supply_signs.py", " and not has_paid", ""),
        ("no coin paid", "detect/supply_signs.py", "                    return\n", "                    pass\n"),
        ("made for the side", "detect/supply_signs.py", "if e.recipient in side and not", "if not"),
        ("others' token", "detect/supply_signs.py", "return token not in scene.side and", "return"),
        (
            "protected contracts only",
            "detect/supply_signs.py",
            "if not view.protected or not view.protected.isdisjoint((s.pool, s.token))",
            "",
        ),
        (
            "much of what the pool held",
            "detect/supply_signs.py",
            "            if factor >= MIN_FACTOR:\n",
            "            if factor:\n",
        ),
        (
            "not the reserves of a trade",
            "detect/supply_signs.py",
            "if not own or (isinstance(after, Swap | LiquidityChange) and after.pool == e.pool):",
            "if not own:",
        ),
        (
            "not the pool's own shares",
            "detect/supply_signs.py",
            "if e.recipient in BURNT_TO and e.token != e.sender:",
            "if e.recipient in BURNT_TO:",
        ),
        (
            "the pool lost and got nothing",
            "detect/supply_signs.py",
            "lost = scene.lost_only(pool, frozenset())",
            "lost = scene.paid(pool, scene.side) or dict(gains)",
        ),
        ("no share was taken out", "detect/supply_signs.py", "        if pool in left:\n", "        if not pool:\n"),
        ("it was the token's call", "detect/supply_signs.py", " and f.sender in moved and", " and"),
        ("and not undone", "detect/supply_signs.py", 'f.kind == "CALL" and not f.reverted\n', 'f.kind == "CALL"\n'),
    ),
]


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether all its tests pass although the condition is broken. Raises ValueError where it does not stand there."""
    path = copy / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times: mend the mutant")
    path.write_text(text.replace(mutant.old, mutant.new))
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", mutant.tests]
        # The copy goes before what is installed.
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    finally:
        path.write_text(text)
    if done.returncode not in (0, 1):
        raise ValueError(f"{mutant.tests} could not be run: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="mutants of this detector only")
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    given = parser.parse_args(arguments)
    chosen = [m for m in MUTANTS if given.only in (None, m.detector)]
    survivors = []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns(*_NOT))
            else:
                shutil.copy(source, copy / name)
        for mutant in chosen:
            alive = survives(mutant, copy)
            if alive:
                survivors.append(f"{mutant.detector}: {mutant.what}")
            if not given.json:
                print(f"{'SURVIVES' if alive else 'noticed ':9} {mutant.detector:26} {mutant.what}", flush=True)
    print(json.dumps({"mutants": len(chosen), "noticed": len(chosen) - len(survivors), "survivors": survivors}))
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
