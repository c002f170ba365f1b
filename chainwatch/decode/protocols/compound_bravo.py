"""Compound's governance, used by many DAOs: GovernorAlpha and Bravo (ids are decimal), Timelock (ids are hashes).

A call's function may be named apart from its arguments; the Proposal has the whole call.
"""

from chainwatch.decode.protocols.base import Args, Mapper, Mappers, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import full_call, handover, proposal_created, proposal_step
from chainwatch.types import Address, Event, ParameterChange, Proposal, RoleChange, Upgrade, Vote

_PROTOCOL = "compound_bravo"


def _transaction(step: str) -> Mapper:
    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        tx_hash, target, _value, signature, data, eta = args
        events.append(
            Proposal(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                proposal_id=tx_hash,
                step=step,  # type: ignore[arg-type]
                targets=(target,),
                calls=(full_call(signature, data),),
                earliest=eta,
            )
        )

    return say


MAPPERS: Mappers = {
    "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)": proposal_created(
        _PROTOCOL
    ),
    "ProposalQueued(uint256,uint256)": proposal_step("queued", "id", "eta"),
    "ProposalExecuted(uint256)": proposal_step("executed", "id"),
    "ProposalCanceled(uint256)": proposal_step("cancelled", "id"),
    "VoteCast(address,uint256,uint8,uint256,string)": says(
        Vote, proposal_id=expr("str({proposalId})"), voter="voter", support="support", weight="votes"
    ),
    "VoteCast(address,uint256,bool,uint256)": says(
        Vote, proposal_id=expr("str({proposalId})"), voter="voter", support=expr("int({support})"), weight="votes"
    ),
    "VotingDelaySet(uint256,uint256)": says(
        ParameterChange, what=literal("voting_delay"), before="oldVotingDelay", after="newVotingDelay"
    ),
    "VotingPeriodSet(uint256,uint256)": says(
        ParameterChange, what=literal("voting_period"), before="oldVotingPeriod", after="newVotingPeriod"
    ),
    "ProposalThresholdSet(uint256,uint256)": says(
        ParameterChange, what=literal("proposal_threshold"), before="oldProposalThreshold", after="newProposalThreshold"
    ),
    "NewImplementation(address,address)": says(
        Upgrade, implementation="newImplementation", what=literal("implementation")
    ),
    "NewAdmin(address,address)": handover(_PROTOCOL, "admin"),
    "NewPendingAdmin(address,address)": says(
        ParameterChange, what=literal("pending_admin"), before="oldPendingAdmin", after="newPendingAdmin"
    ),
    "WhitelistGuardianSet(address,address)": handover(_PROTOCOL, "whitelist_guardian"),
    "WhitelistAccountExpirationSet(address,uint256)": says(
        ParameterChange, what=literal("whitelist_expiration"), subject="account", after="expiration"
    ),
    # Timelock
    "QueueTransaction(bytes32,address,uint256,string,bytes,uint256)": _transaction("queued"),
    "ExecuteTransaction(bytes32,address,uint256,string,bytes,uint256)": _transaction("executed"),
    "CancelTransaction(bytes32,address,uint256,string,bytes,uint256)": _transaction("cancelled"),
    "NewAdmin(address)": says(RoleChange, role=literal("admin"), account="newAdmin", granted=True, actor=None),
    "NewPendingAdmin(address)": says(ParameterChange, what=literal("pending_admin"), after="newPendingAdmin"),
    "NewDelay(uint256)": says(ParameterChange, what=literal("min_delay"), after="newDelay"),
}
