"""Containment adapters as data: how to call, how to read the state back, what it blocks, how it is undone.

Keyed by contract type, never by selector: the same four bytes mean different things elsewhere (Lido and
Optimism share `pause(address)`). Sources: each adapter's own note.
"""

import re

import msgspec
import sha3

from chainwatch.types import Address, HexData


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """One containment mechanism. The flags say what it *may* do where the contract decides.

    `expires`: whether it ends by itself.
    """

    name: str
    act: HexData
    read: HexData
    undo: HexData
    granularity: str
    expires: bool
    may_block_repayment: bool
    may_block_liquidation: bool
    may_block_withdrawal: bool
    undone_by: str
    source: str

    def harm(self) -> str:
        """What it may cost the honest, in a sentence, for those who act or read about it."""
        blocked = [
            what
            for what, may in (
                ("repayment", self.may_block_repayment),
                ("liquidation", self.may_block_liquidation),
                ("withdrawal", self.may_block_withdrawal),
            )
            if may
        ]
        ends = "It ends by itself" if self.expires else "It does not end by itself"
        may = f"; it may block {', '.join(blocked)}" if blocked else ""
        return f"It stops {self.granularity}{may}. {ends}; undone by {self.undone_by}."


def selector(signature: str) -> HexData:
    """The four bytes of a function signature such as `pause()`."""
    return f"0x{sha3.keccak_256(signature.encode()).hexdigest()[:8]}"


# OpenZeppelin Contracts 5.x, utils/Pausable.sol: the integrator exposes pause() and unpause(); `_pause` reverts
# if already paused; only functions that carry the modifier stop, so which ones is the contract's choice.
OZ_PAUSABLE = Adapter(
    name="oz_pausable",
    act=selector("pause()"),
    read=selector("paused()"),
    undo=selector("unpause()"),
    granularity="the whole contract, as far as its functions carry whenNotPaused",
    expires=False,
    may_block_repayment=True,
    may_block_liquidation=True,
    may_block_withdrawal=True,
    undone_by="unpause(), by whoever the contract allows; never by automation",
    source="OpenZeppelin Contracts 5.x, utils/Pausable.sol",
)

ADAPTERS = {adapter.name: adapter for adapter in (OZ_PAUSABLE,)}


def role_id(role: str) -> HexData:
    """The 32-byte identifier of an AccessControl role: as given, zero for DEFAULT_ADMIN_ROLE, else the name's hash."""
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", role):
        return role.lower()
    if role == "DEFAULT_ADMIN_ROLE":
        return "0x" + "0" * 64
    return f"0x{sha3.keccak_256(role.encode()).hexdigest()}"


def has_role_call(role: str, account: Address) -> HexData:
    """Calldata of AccessControl's `hasRole(bytes32,address)`."""
    return selector("hasRole(bytes32,address)") + role_id(role)[2:] + account[2:].rjust(64, "0")


def is_true(word: object) -> bool:
    """Whether an `eth_call` answered one word that is 1. Anything else, an error among it, is not true."""
    return isinstance(word, str) and re.fullmatch(r"0x0{63}1", word) is not None
