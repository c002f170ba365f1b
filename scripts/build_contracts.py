#!/usr/bin/env python3
"""Compile contracts/ and keep abi/chainwatch/ in step with it.

Writes one `NAME.json` a deployable contract: `contractName`, `abi`, `bytecode` (creation) and `deployedBytecode`
(immutables zero). The compiler is pinned and adds no metadata, so equal sources give equal files on every
machine. With `--check` nothing is written: exit 1 names the files that differ. Standard library only.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "contracts" / "src", ROOT / "contracts" / "drill"]
COMPILED = ROOT / "build" / "forge"
ARTEFACTS = ROOT / "abi" / "chainwatch"

_NPM_CPU = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def main(argv: list[str] | None = None) -> int:
    """Run; the exit code is 0, 1 (out of date, or the sources do not compile) or 2 (no Forge)."""
    parser = argparse.ArgumentParser(
        description="Compile contracts/ into abi/chainwatch/ with Forge and solc from npm."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the artefacts are out of date")
    arguments = parser.parse_args(argv)

    forge = find_forge()
    if forge is None:
        print("Forge is not installed. Run `make setup`, or put `forge` on PATH.", file=sys.stderr)
        return 2
    build = [forge, "build", "--offline", "--skip", "test", "--root", str(ROOT)]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 1

    wanted = artefacts()
    present = {path.name: path.read_text() for path in ARTEFACTS.glob("*.json")}
    differing = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
    if not arguments.check:
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        for name in differing:
            if name in wanted:
                (ARTEFACTS / name).write_text(wanted[name])
            else:
                (ARTEFACTS / name).unlink()
            print(f"abi/chainwatch/{name}")
        return 0
    if differing:
        names = ", ".join(f"abi/chainwatch/{name}" for name in differing)
        print(f"Out of date with contracts/: {names}. Run `python scripts/build_contracts.py`.", file=sys.stderr)
        return 1
    return 0


def find_forge() -> str | None:
    """The platform's own binary from npm, else `forge` on PATH."""
    system = "win32" if platform.system() == "Windows" else platform.system().lower()
    package = f"forge-{system}-{_NPM_CPU.get(platform.machine(), platform.machine())}"
    directory = ROOT / "node_modules" / "@foundry-rs" / package / "bin"
    return shutil.which("forge", path=str(directory)) or shutil.which("forge")


def artefacts() -> dict[str, str]:
    """File name -> text, of every contract of ours that has code of its own."""
    texts = {}
    for source in sorted(path for folder in SOURCES for path in folder.glob("*.sol")):
        for compiled in sorted((COMPILED / source.name).glob("*.json")):
            artefact = json.loads(compiled.read_text())
            if artefact["bytecode"]["object"] == "0x":  # an interface or an abstract contract
                continue
            texts[compiled.name] = _text(compiled.stem, artefact)
    return texts


def _text(name: str, artefact: dict[str, Any]) -> str:
    content = {
        "contractName": name,
        "abi": sorted(artefact["abi"], key=_signature),
        "bytecode": artefact["bytecode"]["object"],
        "deployedBytecode": artefact["deployedBytecode"]["object"],
    }
    return json.dumps(content, indent=2) + "\n"


def _signature(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["type"], entry.get("name", ""), json.dumps(entry.get("inputs", []), sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
