"""Contracts that a drill deploys: ours from `abi/chainwatch/`, Uniswap v2's own bytecode from npm."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from eth_abi.abi import decode, encode
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types, get_abi_output_types
from eth_utils.crypto import keccak

from chainwatch.errors import MissingTool
from chainwatch.types import Address, HexData

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent
_OURS = [_CHECKOUT / "abi" / "chainwatch", _PACKAGE / "_abi" / "chainwatch"]  # a checkout, a wheel
_NPM = [Path.cwd() / "node_modules", _CHECKOUT / "node_modules"]


class Artefact(msgspec.Struct, frozen=True):
    """A compiled contract: its ABI, and the code that creates it as `0x` hex."""

    name: str
    abi: list[dict[str, Any]]
    bytecode: HexData

    def creation(self, *arguments: object) -> HexData:
        """Transaction data that deploys it."""
        constructor = next((entry for entry in self.abi if entry["type"] == "constructor"), None)
        return self.bytecode + (_encode(constructor, arguments) if constructor else "")

    def call(self, function: str, *arguments: object) -> HexData:
        """Transaction data that calls `function`, which must not be overloaded."""
        abi: Any = self._function(function)
        return "0x" + function_abi_to_4byte_selector(abi).hex() + _encode(abi, arguments)

    def result(self, function: str, data: HexData) -> Any:
        """What `function` returned: a value, or a tuple of several."""
        abi: Any = self._function(function)
        values = decode(get_abi_output_types(abi), bytes.fromhex(data[2:]))
        return values[0] if len(values) == 1 else values

    def _function(self, name: str) -> dict[str, Any]:
        return next(entry for entry in self.abi if entry["type"] == "function" and entry["name"] == name)


@cache
def ours(name: str) -> Artefact:
    """One of our contracts. Raises MissingTool where its artefact is not installed."""
    return _read(name, [directory / f"{name}.json" for directory in _OURS], "Run `python scripts/build_contracts.py`.")


@cache
def uniswap(package: str, name: str) -> Artefact:
    """A contract of Uniswap v2 as its authors compiled it; `package` is `v2-core` or `v2-periphery`.

    It is GPL-licensed, hence installed from npm and never part of chainwatch. Raises MissingTool without it.
    """
    file = Path("@uniswap", package, "build", f"{name}.json")
    mend = f"Run `make setup`, or `npm ci --ignore-scripts`, so that node_modules holds @uniswap/{package}."
    return _read(name, [directory / file for directory in _NPM], mend)


def create_address(sender: Address, nonce: int) -> Address:
    """Where a contract that `sender` creates with its transaction `nonce` will be: keccak(rlp([sender, nonce]))."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(sender[2:]) + item
    return "0x" + keccak(bytes([0xC0 + len(body)]) + body)[-20:].hex()


def _encode(abi: Any, arguments: tuple[object, ...]) -> str:
    return encode(get_abi_input_types(abi), arguments).hex()


def _read(name: str, candidates: list[Path], mend: str) -> Artefact:
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise MissingTool(f"The compiled contract {name} is not installed.", mend)
    content = json.loads(path.read_text())
    return Artefact(name, content["abi"], "0x" + content["bytecode"].removeprefix("0x"))
