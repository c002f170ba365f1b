"""Aave's governance and safety module: proposals (v2 and v3), the payloads that v3 executes on each chain, votes, and
stakes. Ids are decimal, those of payloads behind `payload`. A stake's own asset is the staked token; slashing takes
from all stakers alike. The older governance's calls may name the function apart from its arguments."""

from chainwatch.decode.protocols.base import Args, Expr, Mapper, Mappers, Says, expr, literal, says
from chainwatch.decode.protocols.openzeppelin import full_call
from chainwatch.types import Address, Deposit, Event, ParameterChange, Proposal, RewardClaim, RoleChange, Vote, Withdraw

_PROTOCOL = "aave_governance"
_ACTION = "bytes32,address,uint256,string,bytes,uint256,bool"


def _step(step: str, proposal: Expr, actor: str | None = None, earliest: str | None = None) -> Says:
    return says(Proposal, proposal_id=proposal, step=literal(step), actor=actor, earliest=earliest)


def _created(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    proposal_id, creator, _executor, targets, _values, signatures, calldatas, *_ = args
    calls = tuple(full_call(name, data) for name, data in zip(signatures, calldatas, strict=False))
    _append(events, log_index, address, str(proposal_id), "created", creator, targets, calls)


def _payload_created(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    payload_id, creator, actions, _level = args
    targets = tuple(action[0] for action in actions)
    calls = tuple(full_call(action[4], action[5]) for action in actions)
    _append(events, log_index, address, f"payload {payload_id}", "created", creator, targets, calls)


def _action(step: str) -> Mapper:
    """One call in an executor of governance v2."""

    def say(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        action, target, _value, signature, data, earliest, *_ = args
        _append(events, log_index, address, action, step, None, (target,), (full_call(signature, data),), earliest)

    return say


def _append(
    events: list[Event],
    log_index: int,
    address: Address,
    proposal_id: str,
    step: str,
    actor: Address | None,
    targets: tuple[Address, ...],
    calls: tuple[str, ...],
    earliest: int | None = None,
) -> None:
    events.append(
        Proposal(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            proposal_id=proposal_id,
            step=step,  # type: ignore[arg-type]
            actor=actor,
            targets=targets,
            calls=calls,
            earliest=earliest,
        )
    )


_V2, _V3, _PAYLOAD = expr("str({id})"), expr("str({proposalId})"), expr("'payload ' + str({payloadId})")

MAPPERS: Mappers = {
    # Governance v2
    "ProposalCreated(uint256,address,address,address[],uint256[],string[],bytes[],bool[],uint256,uint256,address,"
    "bytes32)": _created,
    "ProposalQueued(uint256,uint256,address)": _step("queued", _V2, "initiatorQueueing", "executionTime"),
    "ProposalExecuted(uint256,address)": _step("executed", _V2, "initiatorExecution"),
    "VoteEmitted(uint256,address,bool,uint256)": says(
        Vote, proposal_id=_V3, voter="voter", support=expr("int({support})"), weight="votingPower"
    ),
    f"QueuedAction({_ACTION})": _action("queued"),
    f"ExecutedAction({_ACTION},bytes)": _action("executed"),
    f"CancelledAction({_ACTION})": _action("cancelled"),
    "ExecutorAuthorized(address)": says(
        RoleChange, role=literal("executor"), account="executor", granted=True, actor=None
    ),
    "ExecutorUnauthorized(address)": says(
        RoleChange, role=literal("executor"), account="executor", granted=False, actor=None
    ),
    "NewAdmin(address)": says(RoleChange, role=literal("admin"), account="newAdmin", granted=True, actor=None),
    "NewPendingAdmin(address)": says(ParameterChange, what=literal("pending_admin"), after="newPendingAdmin"),
    "NewDelay(uint256)": says(ParameterChange, what=literal("min_delay"), after="delay"),
    # Governance v3
    "ProposalCreated(uint256,address,uint8,bytes32)": _step("created", _V3, "creator"),
    "ProposalQueued(uint256,uint128,uint128)": _step("queued", _V3),
    "ProposalExecuted(uint256)": _step("executed", _V3),
    "ProposalCanceled(uint256)": _step("cancelled", _V3),
    "ProposalFailed(uint256,uint128,uint128)": _step("cancelled", _V3),
    "PayloadCreated(uint40,address,(address,bool,uint8,uint256,string,bytes)[],uint8)": _payload_created,
    "PayloadQueued(uint40)": _step("queued", _PAYLOAD),
    "PayloadExecuted(uint40)": _step("executed", _PAYLOAD),
    "PayloadCancelled(uint40)": _step("cancelled", _PAYLOAD),
    # Safety module
    "Staked(address,address,uint256,uint256)": says(
        Deposit, account="to", token=None, amount="assets", shares="shares"
    ),
    "Redeem(address,address,uint256,uint256)": says(
        Withdraw, account="from", token=None, amount="assets", shares="shares"
    ),
    "Slashed(address,uint256)": says(Withdraw, account="destination", token=None, amount="amount"),
    "RewardsClaimed(address,address,uint256)": says(RewardClaim, account="from", token=None, amount="amount"),
    "RewardsClaimed(address,address,address,uint256)": says(RewardClaim, account="user", token=None, amount="amount"),
}
