"""Tiny contracts as bytecode, and sending to them."""

import json
from pathlib import Path
from typing import Any

from chainwatch.chain.rpc import Rpc

_OPENZEPPELIN = Path(__file__).resolve().parents[2] / "node_modules/@openzeppelin/contracts/build/contracts"


def creating(runtime: str) -> str:
    """Init code that deploys `runtime` (hex, at most 255 bytes)."""
    size = f"{len(runtime) // 2:02x}"
    return f"0x60{size}600c60003960{size}6000f3{runtime}"


NESTING = (
    "36603657"  # with calldata: jump to the end
    "5f5f5ff050"  # CREATE of an empty contract
    "6460006000fd5f526005601b5ff050"  # CREATE whose init code reverts
    "5f5f5f5f60ff5afa50"  # STATICCALL to an empty account
    "5f5f5f5f60ff5af450"  # DELEGATECALL to it
    "5f5f60015f6001305af150"  # CALL of itself with one byte and one wei
    "00"
    "5b5f5f5f5f5f60ff5af1505f5ffd"  # the end: CALL, then REVERT
)
"""Runtime code that creates, fails to create, calls in every way, and calls itself into a revert."""

RECURSING = "5f5f5f5f5f305af100"
"""Runtime code that calls itself as deep as gas and the limit of 1,024 allow."""

NOTHING = "00"
"""Runtime code that stops at once."""


def logging(count: int) -> str:
    """Runtime code that emits `count` logs with one topic each and no data."""
    return "".join(f"60{n:02x}5f5fa1" for n in range(1, count + 1)) + "00"


async def send(rpc: Rpc, **transaction: Any) -> dict[str, Any]:
    """Send from Anvil's first account, mine, and give the receipt."""
    sender = (await rpc.call("eth_accounts"))[0]
    given = {"from": sender, "gas": hex(3_000_000)} | transaction
    tx_hash = await rpc.call("eth_sendTransaction", [given])
    while (receipt := await rpc.call("eth_getTransactionReceipt", [tx_hash])) is None:
        await rpc.call("evm_mine")
    return receipt


async def deploy(rpc: Rpc, runtime: str) -> str:
    """Deploy `runtime` and give its address."""
    receipt = await send(rpc, data=creating(runtime))
    assert receipt["status"] == "0x1"
    return receipt["contractAddress"]


def returning(data: str) -> str:
    """Runtime code that answers every call with `data` (hex, at most 65,535 bytes)."""
    size = f"{len(data) // 2:04x}"
    return f"61{size}600c5f3961{size}5ff3{data}"


def reverting(data: str) -> str:
    """Runtime code that reverts every call with `data` (hex, at most 65,535 bytes)."""
    return returning(data).replace("5ff3", "5ffd", 1)


def token_keeping(tenths: int) -> str:
    """Runtime code of a token of which `tenths` of a tenth arrive: balanceOf(address) and transfer(address,uint256),
    balances in the slot of the address, and nobody's balance goes down."""
    return (
        "36604414601157"  # transfer where there are 0x44 bytes of calldata
        "600435545f5260205ff3"  # balanceOf
        f"5b60243560{tenths:02x}02600a90046004355401600435556001" + "5f5260205ff3"
    )


def artefact_of_openzeppelin(name: str, *words: str) -> str:
    """Creation code of an OpenZeppelin contract as its npm package has it, with constructor arguments (hex words)."""
    artefact = json.loads((_OPENZEPPELIN / f"{name}.json").read_text())
    return str(artefact["bytecode"]) + "".join(words)
