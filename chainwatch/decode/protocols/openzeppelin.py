"""OpenZeppelin: roles and ownership, proxies (ERC-1967), pause, timelocks, Governor and AccessManager.

An owner or admin that changes is two RoleChanges. Roles of AccessManager are numbers, those of AccessControl 32-byte
identifiers. A timelock's batch is one Proposal for each call, all with the id of the batch; a Governor's ids are
decimal. Initialized is a ParameterChange: it is to happen once, and says so when it happens again.
"""

from eth_utils.crypto import keccak

from chainwatch.decode.protocols.base import Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.types import (
    ZERO_ADDRESS,
    Address,
    Event,
    ParameterChange,
    PauseChange,
    Proposal,
    RoleChange,
    Upgrade,
    Vote,
    VotingPower,
)


def handover(protocol: str, role: str) -> Mapper:
    """For an event of two addresses: the old holder loses the role, the new one gains it; zero is nobody."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        for account, granted in zip(args[:2], (False, True), strict=True):
            if account != ZERO_ADDRESS:
                events.append(
                    RoleChange(
                        order=len(events),
                        log_index=log_index,
                        address=address,
                        protocol=protocol,
                        role=role,
                        account=account,
                        granted=granted,
                        actor=None,
                    )
                )

    return say


def full_call(signature: str, data: str) -> str:
    """The call data, where the function may be named apart from its arguments (Compound)."""
    return "0x" + keccak(text=signature)[:4].hex() + data[2:] if signature else data


def proposal_created(protocol: str) -> Mapper:
    """For a Governor's ProposalCreated, which is Compound's."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        proposal_id, proposer, targets, _values, signatures, calldatas, *_ = args
        names = signatures or ("",) * len(calldatas)
        events.append(
            Proposal(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=protocol,
                proposal_id=str(proposal_id),
                step="created",
                actor=proposer,
                targets=targets,
                calls=tuple(full_call(name, data) for name, data in zip(names, calldatas, strict=False)),
            )
        )

    return say


def proposal_step(step: str, parameter: str = "proposalId", earliest: str | None = None) -> Says:
    """A later step of a proposal that a number names."""
    return says(Proposal, proposal_id=expr(f"str({{{parameter}}})"), step=literal(step), earliest=earliest)


VOTE = says(Vote, proposal_id=expr("str({proposalId})"), voter="voter", support="support", weight="weight")


def _change(what: str, after: str | Expr | None, before: str | None = None, subject: str | Expr | None = None) -> Says:
    return says(ParameterChange, what=literal(what), subject=subject, before=before, after=after)


def _old_role(role: str, *, granted: bool) -> Says:
    """A role of OpenZeppelin 2."""
    return says(RoleChange, role=literal(role), account="account", granted=granted, actor=None)


def _operation(step: str) -> Says:
    """A call of a timelocked operation."""
    return says(Proposal, proposal_id="id", step=literal(step), targets=expr("({target},)"), calls=expr("({data},)"))


_ROLE = expr("str({roleId})")

MAPPERS: Mappers = {
    "RoleGranted(bytes32,address,address)": says(
        RoleChange, role="role", account="account", granted=True, actor="sender"
    ),
    "RoleRevoked(bytes32,address,address)": says(
        RoleChange, role="role", account="account", granted=False, actor="sender"
    ),
    "RoleAdminChanged(bytes32,bytes32,bytes32)": _change("role_admin", "newAdminRole", "previousAdminRole", "role"),
    "OwnershipTransferred(address,address)": handover("openzeppelin", "owner"),
    "OwnershipTransferStarted(address,address)": _change("pending_owner", "newOwner", "previousOwner"),
    "DefaultAdminTransferScheduled(address,uint48)": _change("pending_default_admin", "newAdmin"),
    "DefaultAdminTransferCanceled()": _change("pending_default_admin", None),
    "DefaultAdminDelayChangeScheduled(uint48,uint48)": _change("default_admin_delay", "newDelay"),
    "DefaultAdminDelayChangeCanceled()": _change("default_admin_delay", None),
    "MinterAdded(address)": _old_role("minter", granted=True),
    "MinterRemoved(address)": _old_role("minter", granted=False),
    "PauserAdded(address)": _old_role("pauser", granted=True),
    "PauserRemoved(address)": _old_role("pauser", granted=False),
    "SignerAdded(address)": _old_role("signer", granted=True),
    "SignerRemoved(address)": _old_role("signer", granted=False),
    "WhitelistAdminAdded(address)": _old_role("whitelist_admin", granted=True),
    "WhitelistAdminRemoved(address)": _old_role("whitelist_admin", granted=False),
    # Proxies
    "Upgraded(address)": says(Upgrade, implementation="implementation", what=literal("implementation")),
    "BeaconUpgraded(address)": says(Upgrade, implementation="beacon", what=literal("beacon")),
    "AdminChanged(address,address)": says(Upgrade, implementation="newAdmin", what=literal("admin")),
    "Initialized(uint8)": _change("initialized", "version"),
    "Initialized(uint64)": _change("initialized", "version"),
    "Paused(address)": says(PauseChange, paused=True, actor="account"),
    "Unpaused(address)": says(PauseChange, paused=False, actor="account"),
    # TimelockController. When a call may run is not said, only how long after now.
    "CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)": _operation("queued"),
    "CallExecuted(bytes32,uint256,address,uint256,bytes)": _operation("executed"),
    "Cancelled(bytes32)": says(Proposal, proposal_id="id", step=literal("cancelled")),
    "MinDelayChange(uint256,uint256)": _change("min_delay", "newDuration", "oldDuration"),
    # Governor
    "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)": proposal_created(
        "openzeppelin"
    ),
    "ProposalQueued(uint256,uint256)": proposal_step("queued", earliest="etaSeconds"),
    "ProposalExecuted(uint256)": proposal_step("executed"),
    "ProposalCanceled(uint256)": proposal_step("cancelled"),
    "VoteCast(address,uint256,uint8,uint256,string)": VOTE,
    "VoteCastWithParams(address,uint256,uint8,uint256,string,bytes)": VOTE,
    "OverrideVoteCast(address,uint256,uint8,uint256,string)": VOTE,
    "VotingDelaySet(uint256,uint256)": _change("voting_delay", "newVotingDelay", "oldVotingDelay"),
    "VotingPeriodSet(uint256,uint256)": _change("voting_period", "newVotingPeriod", "oldVotingPeriod"),
    "ProposalThresholdSet(uint256,uint256)": _change(
        "proposal_threshold", "newProposalThreshold", "oldProposalThreshold"
    ),
    "QuorumNumeratorUpdated(uint256,uint256)": _change("quorum_numerator", "newQuorumNumerator", "oldQuorumNumerator"),
    "TimelockChange(address,address)": _change("timelock", "newTimelock", "oldTimelock"),
    "LateQuorumVoteExtensionSet(uint64,uint64)": _change(
        "late_quorum_vote_extension", "newVoteExtension", "oldVoteExtension"
    ),
    "ProposalGuardianSet(address,address)": handover("openzeppelin", "proposal_guardian"),
    # AccessManager
    "RoleGranted(uint64,address,uint32,uint48,bool)": says(
        RoleChange, role=_ROLE, account="account", granted=True, actor=None
    ),
    "RoleRevoked(uint64,address)": says(RoleChange, role=_ROLE, account="account", granted=False, actor=None),
    "RoleAdminChanged(uint64,uint64)": _change("role_admin", "admin", subject=_ROLE),
    "RoleGuardianChanged(uint64,uint64)": _change("role_guardian", "guardian", subject=_ROLE),
    "RoleGrantDelayChanged(uint64,uint32,uint48)": _change("role_grant_delay", "delay", subject=_ROLE),
    "TargetClosed(address,bool)": says(PauseChange, paused="closed", actor=None, scope="target"),
    "TargetFunctionRoleUpdated(address,bytes4,uint64)": _change(
        "function_role", "roleId", subject=expr("{target} + ' ' + {selector}")
    ),
    "TargetAdminDelayUpdated(address,uint32,uint48)": _change("target_admin_delay", "delay", subject="target"),
    "AuthorityUpdated(address)": _change("authority", "authority"),
    "OperationScheduled(bytes32,uint32,uint48,address,address,bytes)": says(
        Proposal,
        proposal_id="operationId",
        step=literal("queued"),
        actor="caller",
        targets=expr("({target},)"),
        calls=expr("({data},)"),
        earliest="schedule",
    ),
    "OperationExecuted(bytes32,uint32)": says(Proposal, proposal_id="operationId", step=literal("executed")),
    "OperationCanceled(bytes32,uint32)": says(Proposal, proposal_id="operationId", step=literal("cancelled")),
    "DelegateVotesChanged(address,uint256,uint256)": says(
        VotingPower, account="delegate", before="previousVotes", after="newVotes"
    ),
}
