"""Compile `contracts/` here, on top of `contracts/drill`, into `artefacts/`, with the project's pinned solc.

`python -m tests.staging.build` writes; with `--check` exit 1 tells that a file is out of date.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.hard_negatives.build import _IMPORT as IMPORT
from tests.hard_negatives.build import _SETTINGS as SETTINGS
from tests.hard_negatives.build import _text as text_of
from tests.hard_negatives.npm import ROOT

HERE = Path(__file__).parent


def compiled() -> dict[str, str]:
    """File name -> text of every deployable contract of ours."""
    sources = {f"drill/{path.name}": path.read_text() for path in (ROOT / "contracts" / "drill").glob("*.sol")}
    sources["Staged.sol"] = (HERE / "contracts" / "Staged.sol").read_text()
    waiting = list(sources)
    while waiting:
        name = waiting.pop()
        for wanted in IMPORT.findall(sources[name]):
            key = (Path("/") / name).parent.joinpath(wanted).resolve().relative_to("/").as_posix()
            key = key if wanted.startswith(".") else wanted
            if key not in sources:
                sources[key] = (ROOT / "node_modules" / key).read_text()
                waiting.append(key)
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": SETTINGS,
    }
    compiler = ["node", str(ROOT / "scripts" / "solc")]
    done = subprocess.run(compiler, input=json.dumps(request), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    broken = [e["formattedMessage"] for e in answer.get("errors", ()) if e["severity"] == "error"]
    if broken:
        raise SystemExit("\n".join(broken))
    made = answer["contracts"]["Staged.sol"].items()
    return {f"{name}.json": text_of(name, c["abi"], "0x" + c["evm"]["bytecode"]["object"]) for name, c in made}


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    wanted = compiled()
    present = {path.name: path.read_text() for path in (HERE / "artefacts").glob("*.json")}
    if "--check" in arguments:
        return 1 if wanted != present else 0
    for name, text in wanted.items():
        (HERE / "artefacts" / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
