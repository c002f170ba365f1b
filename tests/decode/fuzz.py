"""Coverage-guided fuzzing of the decoders with malformed logs, calls and ABI signatures, eth-abi being the oracle.

    python -m tests.decode.fuzz [--flat-minutes 20] [--most-minutes 60] [--json]

libFuzzer (by atheris, which is installed by hand: pip install atheris) changes bytes and keeps those that reach new
code in our decoder or in eth-abi. Each input is a log of one registered event with arbitrary topics and data, call data
with a known selector, or the text of a signature. Ours and eth-abi must read the same or both refuse (as
tests/decode/differential.py judges), and nothing else may be raised. It ends when nothing new was reached for the time
given, and says how many inputs, how much coverage, and what was found.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_COVERAGE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)(?: ft: (\d+))?")


def target() -> None:
    """The process that libFuzzer drives."""
    import atheris

    with atheris.instrument_imports(include=["chainwatch.decode", "eth_abi"]):
        from chainwatch.decode import Decoder, load_registry
        from chainwatch.decode.signature import parse_signature
        from tests.decode import differential
        from tests.decode.shapes import of_every_shape
    from chainwatch.types import Log
    from tests.builders import execution

    registry = load_registry()
    decoder, known = Decoder(registry), differential.every(registry)
    functions = registry.functions
    lengths = {(k.spec.protocol, k.spec.layout): differential.data_length(k) for k in known}
    for one in of_every_shape(known):  # generated, so that no import instruments them
        one.decode = atheris.instrument_func(one.decode)

    def run(data: bytes) -> None:
        fuzzed = atheris.FuzzedDataProvider(data)
        kind = fuzzed.ConsumeIntInRange(0, 9)
        if kind == 0:
            try:
                parse_signature(fuzzed.ConsumeUnicodeNoSurrogates(200))
            except ValueError:
                return
        elif kind == 1:
            selector = functions[fuzzed.ConsumeIntInRange(0, len(functions) - 1)].selector
            registry.decode_call(selector + fuzzed.ConsumeBytes(fuzzed.remaining_bytes()).hex())
            registry.decode_error(selector + "00" * 32)
        else:
            one = known[fuzzed.ConsumeIntInRange(0, len(known) - 1)]
            count = one.spec.topic_count - (not one.spec.anonymous)
            topics = [] if one.spec.anonymous else [one.spec.topic0]
            topics += ["0x" + fuzzed.ConsumeBytes(32).hex() for _ in range(count)]
            log = Log(address="0x" + "b1" * 20, topics=topics, data="0x" + fuzzed.ConsumeBytes(4_096).hex())
            # What is longer than its event needs is refused by us alone.
            how = "grow" if len(log.data) > lengths[one.spec.protocol, one.spec.layout] else "flip"
            assert differential.agree(one, log, how), f"DISAGREE {one.spec.signature} {log}"
            decoder.facts(execution(logs=[log]))

    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


def seeds(directory: Path) -> None:
    """One sound log of each event, in the form that `target` reads, so that the fuzzer begins inside."""
    import random

    from chainwatch.decode import load_registry
    from tests.decode import differential

    rng = random.Random(1)
    known = differential.every(load_registry())
    for n, one in enumerate(known):
        log = differential.random_log(one, rng)
        words = b"".join(bytes.fromhex(t[2:]) for t in log.topics[(not one.spec.anonymous) :])
        body = words + bytes.fromhex(log.data[2:])
        # FuzzedDataProvider takes integers from the end: first the kind, then the event.
        size = 1 if len(known) <= 256 else 2
        (directory / str(n)).write_bytes(body + n.to_bytes(size, "little") + bytes([2 + n % 8]))


def hunt(flat_seconds: float, most_seconds: float) -> dict[str, Any]:
    """Run until nothing new was reached for `flat_seconds`, or `most_seconds` are over."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        corpus, found = Path(directory) / "corpus", Path(directory) / "found"
        corpus.mkdir()
        found.mkdir()
        seeds(corpus)
        command = [sys.executable, "-m", "tests.decode.fuzz", "--target", str(corpus), f"-artifact_prefix={found}/"]
        command += [
            "-max_len=8192",
            "-timeout=10",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            "-report_slow_units=30",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        inputs = coverage = features = 0
        last_new, tail = started, [""]
        for line in process.stdout:
            tail = [*tail[-60:], line]
            now = time.monotonic()
            if match := _COVERAGE.search(line):
                inputs = int(match[1])
                if int(match[2]) > coverage:
                    coverage, last_new = int(match[2]), now
                features = max(features, int(match[3] or 0))
            if now - last_new > flat_seconds or now - started > most_seconds:
                break
        crashed = process.poll() is not None
        process.kill()
        process.wait()
        artefacts = [path.read_bytes().hex() for path in sorted(found.iterdir())]
    report = "".join(tail) if crashed or artefacts else ""
    return {
        "inputs": inputs, "coverage": coverage, "features": features, "seconds": round(time.monotonic() - started),
        "flat_seconds": round(time.monotonic() - last_new), "disagreements": report.count("DISAGREE"),
        "crashes": int(bool(report) and "DISAGREE" not in report), "artefacts": artefacts[:3],
        "report": report[-3_000:],
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flat-minutes", type=float, default=20.0)
    parser.add_argument("--most-minutes", type=float, default=60.0)
    parser.add_argument("--json", action="store_true", help="print the JSON object only")
    given = parser.parse_args(arguments)
    result = hunt(60 * given.flat_minutes, 60 * given.most_minutes)
    if not given.json:
        print(f"{result['inputs']:,} inputs, coverage {result['coverage']}, flat for {result['flat_seconds']} s: "
              f"{result['disagreements']} disagreements, {result['crashes']} crashes")  # fmt: skip
    print(json.dumps(result))
    return 1 if result["disagreements"] or result["crashes"] else 0


if __name__ == "__main__":
    if "--target" in sys.argv:
        sys.argv.remove("--target")
        target()
    else:
        sys.exit(main())
