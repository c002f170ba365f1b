#!/usr/bin/env python3
"""Hold the alerts of `chainwatch scan --json` against a label file: what was found, missed, and falsely raised.

usage: chainwatch scan DIR/recordings/*.gz --json | python scripts/compare_with_labels.py DIR/labels.jsonl.gz [--json]

A label file has one JSON object a line: set, tx, label (attack | benign | after_attack), kind. An alert counts for
every transaction it rests on; the last transition of an alert wins, and a retracted one counts for nothing.
"""

import argparse
import gzip
import json
import sys
from collections import Counter
from pathlib import Path

TIERS = ("watch", "alert", "act")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("labels", type=Path, help="label file (*.jsonl or *.jsonl.gz)")
    parser.add_argument("--json", action="store_true", help="print data instead of tables")
    arguments = parser.parse_args()
    if not arguments.labels.is_file():
        print(f"{arguments.labels} is not a file: give the label file.", file=sys.stderr)
        return 2
    tiers = _tiers(sys.stdin)
    rows = _rows(arguments.labels, tiers)
    if arguments.json:
        print(json.dumps(rows))
        return 0
    print(f"{'set':22}{'label':14}{'kind':22}{'n':>7}{'alert':>8}{'act':>6}")
    for row in rows:
        print(f"{row['set']:22}{row['label']:14}{row['kind']:22}{row['n']:7}{row['alert']:8}{row['act']:6}")
    return 0


def _tiers(lines: object) -> dict[str, str]:
    last = {}
    for line in lines:  # type: ignore[attr-defined]
        alert = json.loads(line)
        last[alert["alert_id"]] = alert
    tiers: dict[str, str] = {}
    for alert in last.values():
        if alert["event"] in ("opened", "updated", "acknowledged"):
            for tx in alert["tx_hashes"]:
                tiers[tx] = max(tiers.get(tx, "watch"), alert["tier"], key=TIERS.index)
    return tiers


def _rows(labels: Path, tiers: dict[str, str]) -> list[dict[str, object]]:
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    opener = gzip.open if labels.suffix == ".gz" else open
    with opener(labels, "rt") as file:
        for line in file:
            label = json.loads(line)
            kind = label["kind"] if label["label"] == "attack" else "-"
            tier = tiers.get(label["tx"], "-")
            keys = [(label["set"], label["label"], kind)]
            keys.append(("(all)", label["label"], kind))
            if label["label"] == "attack":
                keys.append(("(all)", "attack", "(all)"))
            for key in keys:
                count = counts.setdefault(key, Counter())
                count["n"] += 1
                count["alert"] += tier in ("alert", "act")
                count["act"] += tier == "act"
    return [
        {"set": s, "label": label, "kind": k, "n": c["n"], "alert": c["alert"], "act": c["act"]}
        for (s, label, k), c in sorted(counts.items())
    ]


if __name__ == "__main__":
    sys.exit(main())
