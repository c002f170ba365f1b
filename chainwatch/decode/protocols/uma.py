"""UMA: the DVM's own governance (proposals are numbered, each transaction of one is executed apart), and who implements
what. What the optimistic oracles are asked, and who disputes it, is decoded and has no word here."""

from chainwatch.decode.protocols.base import Mappers, Says, expr, literal, says
from chainwatch.types import ParameterChange, Proposal, RoleChange

_ID = expr("str({id})")
_SENT = "uint64,uint256,(address,uint256,bytes)[]"


def _proposal(step: str) -> Says:
    return says(
        Proposal,
        proposal_id=_ID,
        step=literal(step),
        targets=expr("tuple(t[0] for t in {transactions})"),
        calls=expr("tuple(t[2] for t in {transactions})"),
    )


def _emergency(step: str, earliest: str | None = None) -> Says:
    return says(
        Proposal,
        proposal_id=expr("'emergency ' + str({id})"),
        step=literal(step),
        actor="caller",
        targets=expr("tuple(t[0] for t in {transactions})"),
        calls=expr("tuple(t[2] for t in {transactions})"),
        earliest=earliest,
    )


def _member(account: str, *, granted: bool) -> Says:
    return says(RoleChange, role=expr("str({roleId})"), account=account, granted=granted, actor="manager")


MAPPERS: Mappers = {
    "NewProposal(uint256,(address,uint256,bytes)[])": _proposal("created"),
    "ProposalExecuted(uint256,uint256)": says(Proposal, proposal_id=_ID, step=literal("executed")),
    f"EmergencyTransactionsProposed(uint256,address,address,{_SENT})": _emergency("created"),
    f"EmergencyProposalExecuted(uint256,address,address,{_SENT})": _emergency("executed"),
    f"EmergencyProposalRemoved(uint256,address,address,{_SENT})": _emergency("cancelled"),
    f"EmergencyProposalSlashed(uint256,address,address,{_SENT})": _emergency("cancelled"),
    "AddedSharedMember(uint256,address,address)": _member("newMember", granted=True),
    "RemovedSharedMember(uint256,address,address)": _member("oldMember", granted=False),
    "ResetExclusiveMember(uint256,address,address)": _member("newMember", granted=True),
    "InterfaceImplementationChanged(bytes32,address)": says(
        ParameterChange, what=literal("implementation"), subject="interfaceName", after="newImplementationAddress"
    ),
    "VotingContractMigrated(address)": says(ParameterChange, what=literal("voting_contract"), after="newAddress"),
    "SlashingLibraryChanged(address)": says(ParameterChange, what=literal("slashing_library"), after="newAddress"),
}
