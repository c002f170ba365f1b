"""What the signs of the `access` family look at in one Execution: the sender's side, who was called and asked by whom.

Read in one pass from calls and who moved what, never from whose address it is. The tables say which functions
initialise, make an owner, or merely tell a recipient what it got.
"""

from collections.abc import Mapping
from functools import cache
from itertools import product

import msgspec
import sha3

from chainwatch.decode.balances import Ledger, ledger, taker
from chainwatch.decode.calls import BORROWED_CODE, address_word
from chainwatch.decode.flash import FLASH_CALLBACKS
from chainwatch.decode.flows import TRANSFER, TRANSFER_FROM
from chainwatch.types import (
    NATIVE,
    ZERO_ADDRESS,
    Address,
    Execution,
    Facts,
    FlashLoan,
    NftTransfer,
    Transfer,
)

ECRECOVER: Address = "0x" + "0" * 39 + "1"
"""The precompile that recovers a signer (Yellow Paper, appendix E): where it ran, somebody may have signed."""

MAKES_OWNER = frozenset(
    (
        "0xf2fde38b",  # transferOwnership(address)
        "0x13af4035",  # setOwner(address)
        "0xa6f9dae1",  # changeOwner(address)
        "0x8f283970",  # changeAdmin(address)
        "0x704b6c02",  # setAdmin(address)
        "0x75829def",  # transferAdmin(address)
        "0xab033ea9",  # setGovernance(address)
        "0xc42cf535",  # setGovernor(address)
    )
)
"""Setters of the one account that may call them: who rightly calls one has no reason to name himself."""

TAKES_OFFERED = frozenset(("0x79ba5097", "0x4e71e0c8", "0x0e18b681"))
"""acceptOwnership(), claimOwnership(), acceptAdmin(): the old owner agreed earlier."""

_GIVES_ITEM = frozenset(("0x42842e0e", "0xb88d4fde", "0xf242432a", "0x2eb2c2d6"))  # safe[Batch]TransferFrom of NFTs
HOOKS = frozenset(
    (
        *FLASH_CALLBACKS,
        "0xfa461e33",  # uniswapV3SwapCallback(int256,int256,bytes)
        "0x23a69e75",  # pancakeV3SwapCallback(int256,int256,bytes)
        "0x2c8958f6",  # algebraSwapCallback(int256,int256,bytes)
        "0x91dd7346",  # unlockCallback(bytes)
        "0x150b7a02",  # onERC721Received(address,address,uint256,bytes)
        "0xf23a6e61",  # onERC1155Received(address,address,uint256,uint256,bytes)
        "0xbc197c81",  # onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)
        "0x0023de29",  # tokensReceived(address,address,address,uint256,bytes,bytes) of ERC-777
        "0x75ab9782",  # tokensToSend(address,address,address,uint256,bytes,bytes) of ERC-777
        "0xa4c0ed36",  # onTokenTransfer(address,uint256,bytes) of ERC-677
        "0x88a7ca5c",  # onTransferReceived(address,address,uint256,bytes) of ERC-1363
    )
)
"""Calls that tell a recipient what it got: nobody's word is trusted by them."""


@cache
def initialisers() -> Mapping[str, str]:
    """Selectors of `initialize(…)` and `init(…)` over the usual argument types, and of the multi-owner wallets.

    1,200 selectors of 4 billion: that an unrelated function has one of them by chance happens less than once in a
    million. Made once, at first use.
    """
    usual = ("address", "uint256", "address[]", "uint256[]", "string", "bytes")
    shapes = [p for n in range(4) for p in product(usual, repeat=n)]
    shapes += [*product(usual[:4], repeat=4), *product(usual[:2], repeat=5), *product(usual[:2], repeat=6)]
    names = [f"{name}({','.join(shape)})" for name in ("initialize", "init") for shape in shapes]
    names.append("initWallet(address[],uint256,uint256)")
    return {"0x" + sha3.keccak_256(name.encode()).hexdigest()[:8]: name for name in names}


class Scene(msgspec.Struct, frozen=True):
    """What the signs look at.

    `side` is the sender's: sender, called contract, what it creates, its flash borrowers; never a protected contract.
    `entry` names for each frame the innermost frame above it (or itself) by which the side called somebody else (-1:
    none), `foreign` the innermost one in which somebody else ran the side's code as its own. `active` made or got a
    call or wrote a log, `served` got a token or an item, `signed` is the first frame that recovered a signer,
    `last_paid` the last frame in which each contract paid somebody.
    """

    facts: Facts
    book: Ledger
    side: frozenset[Address]
    entry: tuple[int, ...]
    foreign: tuple[int, ...]
    active: frozenset[Address]
    served: frozenset[Address]
    signed: int
    last_paid: Mapping[Address, int]
    real: frozenset[Address] | None = None

    @classmethod
    def of(cls, execution: Execution, facts: Facts, protected: frozenset[Address], real: frozenset[Address] | None
           ) -> "Scene":  # fmt: skip
        """One pass over frames and events. `real` are the tokens that can be lost, None for all."""
        own = {execution.transaction.from_, execution.transaction.to, *facts.created}
        own |= {e.borrower for e in facts.events if isinstance(e, FlashLoan)}
        side = frozenset(a for a in own if a) - protected
        entry: list[int] = []
        foreign: list[int] = []
        active = {log.address for log in execution.logs or ()}  # who said something took part
        last_paid: dict[Address, int] = {}
        served = {taker(e) for e in facts.events if isinstance(e, Transfer) and e.amount}
        served |= {e.recipient for e in facts.events if isinstance(e, NftTransfer)}
        signed = len(facts.frames)
        for f in facts.frames:
            above = f.parent
            crosses = f.kind == "CALL" and f.sender in side and f.to not in side
            entry.append(f.index if crosses else entry[above] if above >= 0 else -1)
            runs = f.kind in BORROWED_CODE and f.to in side and f.acting_as not in side
            foreign.append(f.index if runs else foreign[above] if above >= 0 else -1)
            if f.kind != "SELFDESTRUCT":  # which only sends what is left
                active.update((f.sender, f.to))
            if f.to == ECRECOVER:
                signed = min(signed, f.index)
            if f.selector in _GIVES_ITEM and not f.reverted:
                served.add(address_word(f.input, 1) or ZERO_ADDRESS)
            if f.kind == "CALL" and not f.reverted and (f.value or f.selector in (TRANSFER, TRANSFER_FROM)):
                last_paid[f.sender] = f.index
        return cls(facts, ledger(facts.events), side, tuple(entry), tuple(foreign), frozenset(active),
                   frozenset(served), signed, last_paid, real)  # fmt: skip

    def coin(self, token: Address) -> Address:
        """The token as the Ledger counts it: wrapped coins are the coin."""
        return NATIVE if token in self.book.folded else token

    def gains(self, side: frozenset[Address]) -> dict[Address, int]:
        """What `side` has more of, without tokens that it makes itself."""
        net = self.book.net(side)
        return {t: n for t, n in net.items() if n > 0 and t not in side and self.is_real(t)}

    def lost_only(self, address: Address, worthless: frozenset[Address]) -> dict[Address, int]:
        """What `address` lost, if it got nothing for it but `worthless` tokens; its own token is no loss."""
        if address in self.side or address == ZERO_ADDRESS or address in self.book.folded:
            return {}
        net = {t: n for t, n in self.book.net((address,)).items() if t not in worthless and t != address}
        return {t: -n for t, n in net.items() if self.is_real(t)} if all(n < 0 for n in net.values()) else {}

    def paid(self, address: Address, side: frozenset[Address]) -> dict[Address, int]:
        """What went from `address` straight to `side`, if nothing went back: also what it took out elsewhere first."""
        given: dict[Address, int] = {}
        for e in self.facts.events:
            if isinstance(e, Transfer) and e.amount and self.is_real(self.coin(e.token)):
                if e.sender == address and e.recipient in side:
                    given[self.coin(e.token)] = given.get(self.coin(e.token), 0) + e.amount
                elif e.recipient == address and e.sender in side:
                    return {}
        return given

    def is_real(self, token: Address) -> bool:
        """Whether it counts: where a profile names tokens, anybody can make others."""
        return self.real is None or token in self.real
