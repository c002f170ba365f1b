"""MetaMorpho vaults, their public allocator, and Morpho's Vault V2: caps, roles and pending changes.

Deposits and withdrawals are those of erc4626. A change that waits for its timelock is a Proposal: named by what it is
about in MetaMorpho (`cap 0x…`), by its call data in Vault V2. Reallocation moves the vault's own money between
markets, which Morpho's own events tell.
"""

from chainwatch.decode.protocols.base import EMITTER, Expr, Mappers, Says, expr, literal, says
from chainwatch.types import IndexUpdate, ParameterChange, Proposal, RoleChange


def _set(what: str, after: str | Expr | None, subject: str | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, after=after)


def _role(role: str, account: str, actor: str | None = None) -> Says:
    """The new holder of a role that one address has at a time."""
    return says(RoleChange, role=literal(role), account=account, granted=True, actor=actor)


def _step(step: str, proposal: Expr, actor: str | None = None) -> Says:
    return says(Proposal, proposal_id=proposal, step=literal(step), actor=actor)


_CAP = expr("'cap ' + {id}")
_REMOVAL = expr("'market_removal ' + {id}")

MAPPERS: Mappers = {
    "SetCurator(address)": _role("curator", "newCurator"),
    "SetGuardian(address,address)": _role("guardian", "guardian", "caller"),
    "SetIsAllocator(address,bool)": says(
        RoleChange, role=literal("allocator"), account="allocator", granted="isAllocator", actor=None
    ),
    "SetCap(address,bytes32,uint256)": _set("supply_cap", "cap", "id"),
    "SetFee(address,uint256)": _set("fee", "newFee"),
    "SetFeeRecipient(address)": _set("fee_recipient", "newFeeRecipient"),
    "SetSkimRecipient(address)": _set("skim_recipient", "newSkimRecipient"),
    "SetTimelock(address,uint256)": _set("timelock", "newTimelock"),
    "SubmitCap(address,bytes32,uint256)": _step("queued", _CAP, "caller"),
    "SubmitMarketRemoval(address,bytes32)": _step("queued", _REMOVAL, "caller"),
    "SubmitGuardian(address)": _step("queued", expr("'guardian'")),
    "SubmitTimelock(uint256)": _step("queued", expr("'timelock'")),
    "RevokePendingCap(address,bytes32)": _step("cancelled", _CAP, "caller"),
    "RevokePendingMarketRemoval(address,bytes32)": _step("cancelled", _REMOVAL, "caller"),
    "RevokePendingGuardian(address)": _step("cancelled", expr("'guardian'"), "caller"),
    "RevokePendingTimelock(address)": _step("cancelled", expr("'timelock'"), "caller"),
    "UpdateLastTotalAssets(uint256)": says(IndexUpdate, market=EMITTER, total_supplied="updatedTotalAssets"),
    "AccrueInterest(uint256,uint256)": says(IndexUpdate, market=EMITTER, total_supplied="newTotalAssets"),
    # Public allocator
    "SetAdmin(address,address,address)": _set("allocator_admin", "admin", "vault"),
    "SetFee(address,address,uint256)": _set("allocator_fee", "fee", "vault"),
    # Vault V2
    "AccrueInterest(uint256,uint256,uint256,uint256)": says(
        IndexUpdate, market=EMITTER, total_supplied="newTotalAssets"
    ),
    "SetOwner(address)": _role("owner", "newOwner"),
    "SetIsSentinel(address,bool)": says(
        RoleChange, role=literal("sentinel"), account="account", granted="newIsSentinel", actor=None
    ),
    "AddAdapter(address)": _set("adapter", literal("added"), "account"),
    "RemoveAdapter(address)": _set("adapter", literal("removed"), "account"),
    "SetAdapterRegistry(address)": _set("adapter_registry", "newAdapterRegistry"),
    "IncreaseAbsoluteCap(bytes32,bytes,uint256)": _set("absolute_cap", "newAbsoluteCap", "id"),
    "DecreaseAbsoluteCap(address,bytes32,bytes,uint256)": _set("absolute_cap", "newAbsoluteCap", "id"),
    "IncreaseRelativeCap(bytes32,bytes,uint256)": _set("relative_cap", "newRelativeCap", "id"),
    "DecreaseRelativeCap(address,bytes32,bytes,uint256)": _set("relative_cap", "newRelativeCap", "id"),
    "IncreaseTimelock(bytes4,uint256)": _set("timelock", "newDuration", "selector"),
    "DecreaseTimelock(bytes4,uint256)": _set("timelock", "newDuration", "selector"),
    "SetPerformanceFee(uint256)": _set("performance_fee", "newPerformanceFee"),
    "SetManagementFee(uint256)": _set("management_fee", "newManagementFee"),
    "SetMaxRate(uint256)": _set("max_rate", "newMaxRate"),
    "SetReceiveSharesGate(address)": _set("receive_shares_gate", "newReceiveSharesGate"),
    "SetSendSharesGate(address)": _set("send_shares_gate", "newSendSharesGate"),
    "SetReceiveAssetsGate(address)": _set("receive_assets_gate", "newReceiveAssetsGate"),
    "SetSendAssetsGate(address)": _set("send_assets_gate", "newSendAssetsGate"),
    "Submit(bytes4,bytes,uint256)": says(
        Proposal,
        proposal_id="data",
        step=literal("queued"),
        calls=expr("({data},)"),
        earliest="executableAt",
    ),
    "Accept(bytes4,bytes)": _step("executed", expr("{data}")),
    "Revoke(address,bytes4,bytes)": _step("cancelled", expr("{data}"), "sender"),
}
