"""Compile `contracts/` here into `artefacts/`, with the project's pinned solc and its settings (foundry.toml).

`python -m tests.hard_negatives.build` writes; with `--check` exit 1 tells that a file is out of date.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.hard_negatives.npm import COMPILED, ROOT

SOURCES = Path(__file__).parent / "contracts"
_SETTINGS = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}
_IMPORT = re.compile(r'import\s+[^"]*"([^"]+)"')


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    wanted = compiled()
    present = {path.name: path.read_text() for path in COMPILED.glob("*.json")}
    differing = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
    if "--check" in arguments:
        return 1 if differing else 0
    COMPILED.mkdir(exist_ok=True)
    for name in differing:
        path = COMPILED / name
        if name in wanted:
            path.write_text(wanted[name])
        else:
            path.unlink()
        print(path.relative_to(ROOT))
    return 0


def compiled() -> dict[str, str]:
    """File name -> text of every deployable contract in `contracts/`."""
    sources: dict[str, str] = {}
    for path in sorted(SOURCES.glob("*.sol")):
        _gather(path.name, path, sources)
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": _SETTINGS,
    }
    done = subprocess.run(
        ["node", str(ROOT / "scripts" / "solc")], input=json.dumps(request), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    broken = [e["formattedMessage"] for e in answer.get("errors", ()) if e["severity"] == "error"]
    if broken:
        raise SystemExit("\n".join(broken))
    texts: dict[str, str] = {}
    for path in sorted(SOURCES.glob("*.sol")):
        for name, contract in answer["contracts"][path.name].items():
            code = contract["evm"]["bytecode"]["object"]
            if code:  # neither an interface nor abstract
                texts[f"{name}.json"] = _text(name, contract["abi"], "0x" + code)
    return texts


def _gather(name: str, path: Path, sources: dict[str, str]) -> None:
    """The file and all that it imports, by the names under which the compiler asks for them."""
    if name in sources:
        return
    sources[name] = path.read_text()
    for wanted in _IMPORT.findall(sources[name]):
        if wanted.startswith("."):
            target = (path.parent / wanted).resolve()
            inside = target.is_relative_to(SOURCES)
            key = target.relative_to(SOURCES if inside else ROOT / "node_modules").as_posix()
        else:
            key, target = wanted, ROOT / "node_modules" / wanted
        _gather(key, target, sources)


def _text(name: str, abi: list[dict[str, Any]], bytecode: str) -> str:
    return json.dumps({"contractName": name, "abi": abi, "bytecode": bytecode}, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
