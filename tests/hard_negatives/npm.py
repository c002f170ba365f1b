"""Protocols as their authors compiled them, from npm: pinned in `packages.json`, unpacked in part.

Most are too large to install for everybody (Venus alone has 400 MB), and their licences (GPL, BUSL) forbid a copy in
this repository. So `npm pack` fetches what is missing once, and only the artefacts named here are kept, below
`build/hard_negatives`. Uniswap v2 and OpenZeppelin are installed already.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from eth_utils.crypto import keccak

from chainwatch.drill.artefacts import Artefact
from chainwatch.errors import MissingTool
from chainwatch.types import Address

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "hard_negatives"
COMPILED = Path(__file__).parent / "artefacts"
_INSTALLED = ROOT / "node_modules"
_PACK_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Package:
    """`name@version`, the digest of its archive (as npm's `integrity`), and the directories below it that we read."""

    name: str
    version: str
    sha512: str
    directories: list[str]

    @property
    def home(self) -> Path:
        return KEPT / f"{self.name.replace('/', '-').removeprefix('@')}-{self.version}"


PACKAGES = {one.pop("key"): Package(**one) for one in json.loads((Path(__file__).parent / "packages.json").read_text())}
_INSTALLED_PACKAGES = {
    "uniswap_v2_core": "@uniswap/v2-core/build",
    "uniswap_v2": "@uniswap/v2-periphery/build",
    "openzeppelin": "@openzeppelin/contracts/build/contracts",
}


def fetch() -> None:
    """Have every package. Raises MissingTool where npm cannot fetch one, or it is not the one we pinned."""
    for package in PACKAGES.values():
        if not package.home.is_dir():
            _unpack(package)


@cache
def artefact(package: str, name: str) -> Artefact:
    """A contract of a package that needs no library. Raises MissingTool where there is none."""
    content = _content(package, name)
    return Artefact(name, content["abi"], "0x" + _code(content).removeprefix("0x"))


def linked(package: str, name: str, libraries: dict[str, Address]) -> Artefact:
    """A contract of a package with the addresses of its libraries filled in."""
    content = _content(package, name)
    code = _code(content).removeprefix("0x")
    for of_file in content["linkReferences"].values():
        for library, places in of_file.items():
            for place in places:
                start = 2 * place["start"]
                code = code[:start] + libraries[library][2:] + code[start + 40 :]
    return Artefact(name, content["abi"], "0x" + code)


def libraries_of(package: str, name: str) -> list[str]:
    """The libraries that a contract must be linked with."""
    return sorted({library for of_file in _content(package, name)["linkReferences"].values() for library in of_file})


def init_hash(artefact_: Artefact) -> str:
    """The hash of creation code, by which CREATE2 addresses are computed."""
    return "0x" + keccak(bytes.fromhex(artefact_.bytecode[2:])).hex()


@cache
def own(name: str) -> Artefact:
    """One of our contracts beside this file."""
    content = json.loads((COMPILED / f"{name}.json").read_text())
    return Artefact(name, content["abi"], content["bytecode"])


def _code(content: dict[str, Any]) -> str:
    code = content["bytecode"]
    return code if isinstance(code, str) else str(code["object"])


def _content(package: str, name: str) -> dict[str, Any]:
    found = _files(package).get(name)
    if found is None:
        raise MissingTool(f"{package} has no artefact of {name}.", "Run `python -m tests.hard_negatives --fetch`.")
    content: dict[str, Any] = json.loads(found.read_text())
    return content


@cache
def _files(package: str) -> dict[str, Path]:
    home = PACKAGES[package].home if package in PACKAGES else _INSTALLED / _INSTALLED_PACKAGES[package]
    # Balancer keeps, beside each artefact, an ABI and a bytecode of the same name.
    skipped = {"abi", "bytecode", "output"}
    return {p.stem: p for p in sorted(home.rglob("*.json")) if p.parent.name not in skipped}


def _unpack(package: Package) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    working = KEPT / f".{package.home.name}.partial"
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir()
    spec = f"{package.name}@{package.version}"
    mend = f"Let `npm pack {spec}` work here once; what is needed of it is kept in build/hard_negatives."
    try:
        subprocess.run(
            ["npm", "pack", spec, "--silent", "--prefer-offline"],
            cwd=working, check=True, capture_output=True, timeout=_PACK_TIMEOUT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingTool(f"npm could not fetch {spec}: {error}.", mend) from error
    (archive,) = working.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise MissingTool(f"{spec} from npm is not the one that was pinned (sha512-{digest}).", mend)
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name).relative_to("package")
            wanted = path.suffix == ".json" and not path.name.endswith(".dbg.json") and "output" not in path.parts
            if member.isfile() and wanted and any(path.is_relative_to(d) for d in package.directories):
                content = members.extractfile(member)
                assert content is not None
                target = working / Path(*path.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    archive.unlink()
    working.rename(package.home)
