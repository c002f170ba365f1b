"""Safe (Gnosis Safe) 1.0 to 1.5: owners, modules, guards, and what was approved and executed.

A transaction is named by its Safe transaction hash and counts as a proposal; an owner's ApproveHash as a vote of weight
1. SafeReceived repeats the movement of native coin and has no mapper. Versions differ in what is indexed only.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import Args, Mappers, Says, literal, says
from chainwatch.types import Address, Event, ParameterChange, Proposal, RoleChange, Upgrade, Vote


def _setup(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The first owners and the threshold."""
    initiator, owners, threshold, _initializer, _fallback_handler = args
    for owner in owners:
        events.append(
            RoleChange(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol="safe",
                role="owner",
                account=owner,
                granted=True,
                actor=initiator,
            )
        )
    events.append(
        ParameterChange(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="safe",
            what="threshold",
            after=threshold,
        )
    )


def _role(role: str, account: str, *, granted: bool) -> Says:
    return says(RoleChange, role=literal(role), account=account, granted=granted, actor=None)


MAPPERS: Mappers = {
    "SafeSetup(address,address[],uint256,address,address)": _setup,
    "AddedOwner(address)": _role("owner", "owner", granted=True),
    "RemovedOwner(address)": _role("owner", "owner", granted=False),
    "EnabledModule(address)": _role("module", "module", granted=True),
    "DisabledModule(address)": _role("module", "module", granted=False),
    "ChangedThreshold(uint256)": change("threshold", "threshold"),
    "ChangedGuard(address)": change("guard", "guard"),
    "ChangedModuleGuard(address)": change("moduleGuard", "moduleGuard"),
    "ChangedFallbackHandler(address)": change("fallbackHandler", "handler"),
    "ChangedMasterCopy(address)": says(Upgrade, implementation="masterCopy", what=literal("implementation")),
    "ApproveHash(bytes32,address)": says(Vote, proposal_id="approvedHash", voter="owner", support=1, weight=1),
    "ExecutionSuccess(bytes32,uint256)": says(Proposal, proposal_id="txHash", step=literal("executed")),
}
