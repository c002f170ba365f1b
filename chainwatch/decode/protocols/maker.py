"""Maker and Sky (dss): vaults, their liquidation, oracles, governance and flash mints of DAI.

Older contracts write notes: anonymous logs with the call's selector as first topic and the call itself as data, from
which all is read here; see maker_vat and dappsys for the other two shapes of them. In the Vat's frob the debt is
normalised (times the ilk's rate it is DAI). A join is a deposit, an exit a withdrawal, of the join's own token (for
DaiJoin the other way round: DAI burnt and made). Auctions count debts in rad, 45 digits, read here as wad. An OSM's
LogValue has no time: `updated_at` is 0.
"""

from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chainwatch.decode.protocols.base import EMITTER, Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import handover
from chainwatch.types import (
    Address,
    Borrow,
    Deposit,
    Event,
    FlashLoan,
    Liquidation,
    ParameterChange,
    PauseChange,
    PriceUpdate,
    Proposal,
    Repay,
    RoleChange,
    Withdraw,
)

_PROTOCOL = "maker"
_NOTED = (
    "rely(address)",
    "deny(address)",
    "file(bytes32,uint256)",
    "file(bytes32,address)",
    "file(bytes32,bytes32,uint256)",
    "file(bytes32,bytes32,address)",
    "cage()",
    "join(address,uint256)",
    "exit(address,uint256)",
    "frob(bytes32,address,address,address,int256,int256)",
    "lift(address)",
    "plot(address,bytes32,bytes,uint256)",
    "exec(address,bytes32,bytes,uint256)",
    "drop(address,bytes32,bytes,uint256)",
)
_CALLS = {keccak(text=signature)[:4]: signature for signature in _NOTED}
_STEPS = {"plot": "queued", "exec": "executed", "drop": "cancelled"}


def _text(word: bytes) -> str:
    """The name in a bytes32, or its hex where it is none."""
    stripped = word.rstrip(b"\0")
    return stripped.decode() if stripped.isascii() and stripped.decode().isprintable() else "0x" + word.hex()


def _said(name: str, args: tuple[Any, ...], actor: Address | None) -> list[tuple[type[Event], dict[str, Any]]]:
    """What a noted call means."""
    if name in ("rely", "deny"):
        return [(RoleChange, {"role": "ward", "account": args[0], "granted": name == "rely", "actor": actor})]
    if name == "file":
        subject = _text(args[0]) if len(args) == 3 else None
        return [(ParameterChange, {"what": _text(args[-2]), "subject": subject, "after": args[-1]})]
    if name == "cage":
        return [(PauseChange, {"paused": True, "actor": actor})]
    if name in ("join", "exit"):
        return [(Deposit if name == "join" else Withdraw, {"account": args[0], "token": None, "amount": args[1]})]
    if name == "lift":
        return [(ParameterChange, {"what": "hat", "after": args[0]})]
    if name == "frob":
        _ilk, account, _gem, _dai, collateral, debt = args
        said: list[tuple[type[Event], dict[str, Any]]] = []
        fields = {"account": account, "token": None}
        if collateral:
            said.append((Deposit if collateral > 0 else Withdraw, fields | {"amount": abs(collateral)}))
        if debt > 0:
            said.append((Borrow, fields | {"amount": debt}))
        if debt < 0:
            said.append((Repay, fields | {"amount": -debt, "payer": account}))
        return said
    target, _tag, data, earliest = args
    step = {"step": _STEPS[name], "actor": actor, "targets": (target,), "calls": ("0x" + data.hex(),)}
    return [(Proposal, {"proposal_id": target, "earliest": earliest} | step)]


def note(protocol: str, caller: int | None) -> Mapper:
    """The mapper of a note; `caller` is where among its parameters the caller stands."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        call = bytes.fromhex(args[-1][2:])
        signature = _CALLS.get(call[:4])
        if signature is None:
            return
        name, types = signature[:-1].split("(")
        try:
            values = decode(types.split(",") if types else [], call[4:], strict=False)
        except DecodingError:
            return
        actor = None if caller is None else args[caller]
        for kind, fields in _said(name, values, actor):
            events.append(kind(order=len(events), log_index=log_index, address=address, protocol=protocol, **fields))

    return say


def _ward(granted: bool) -> Says:
    return says(RoleChange, role=literal("ward"), account="usr", granted=granted, actor=None)


def _named(parameter: str) -> Expr:
    """The text in a bytes32."""
    return expr(f"bytes.fromhex({{{parameter}}}[2:]).rstrip(bytes(1)).decode('latin-1')")


def _file(after: str = "data", subject: Expr | None = None) -> Says:
    return says(ParameterChange, what=_named("what"), subject=subject, after=after)


def _bark(liquidator: str, debt: str) -> Says:
    """A vault is seized; its debt is what the auction is to bring in."""
    return says(
        Liquidation,
        account="urn",
        liquidator=liquidator,
        debt_token=None,
        collateral_token=None,
        repaid=expr(f"{{{debt}}} // 10**27"),
        seized="ink",
    )


MAPPERS: Mappers = {
    "LogNote(bytes4,address,bytes32,bytes32,bytes)": note(_PROTOCOL, caller=1),
    "Rely(address)": _ward(True),
    "Deny(address)": _ward(False),
    "File(bytes32,uint256)": _file(),
    "File(bytes32,address)": _file(),
    "File(bytes32,bytes32,uint256)": _file(subject=_named("ilk")),
    "File(bytes32,bytes32,address)": _file("clip", _named("ilk")),
    "Cage()": says(PauseChange, paused=True, actor=None),
    "Fire()": says(PauseChange, paused=True, actor=None, scope=literal("emergency_shutdown")),
    "Bark(bytes32,address,uint256,uint256,uint256,address,uint256)": _bark("clip", "due"),
    "Bite(bytes32,address,uint256,uint256,uint256,address,uint256)": _bark("flip", "tab"),
    "SetBreaker(address,uint256)": says(ParameterChange, what=literal("breaker_level"), subject="clip", after="level"),
    "Exec(bytes32,uint256,uint256)": says(
        ParameterChange, what=literal("line"), subject=_named("ilk"), before="line", after="lineNew"
    ),
    "FlashLoan(address,address,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="receiver", token="token", amount="amount", fee="fee"
    ),
    # DAI inside the Vat, in rad.
    "VatDaiFlashLoan(address,uint256,uint256)": says(
        FlashLoan, lender=EMITTER, borrower="receiver", token=None, amount=expr("{amount} // 10**27"), fee="fee"
    ),
    "LogMedianPrice(uint256,uint256)": says(PriceUpdate, feed=EMITTER, answer="val", updated_at="age"),
    "LogValue(bytes32)": says(PriceUpdate, feed=EMITTER, answer=expr("int({val}, 16)"), updated_at=0),
    "SetOwner(address,address)": handover(_PROTOCOL, "owner"),
    "SetAuthority(address,address)": says(
        ParameterChange, what=literal("authority"), before="oldAuthority", after="newAuthority"
    ),
}
