"""Votes with what was borrowed for the length of one transaction, read from events and from call trees.

A loan and a vote in one transaction are no proof by themselves. Either the votes are of what was borrowed (the voter
has more of them by that token, or it was locked and came back), or what was voted on is executed there and then.
"""

from collections.abc import Iterator

import msgspec

from chainwatch.decode.flows import token_moves
from chainwatch.types import (
    Address,
    Event,
    Execution,
    Facts,
    FlashLoan,
    Frame,
    Proposal,
    Transfer,
    Vote,
    VotingPower,
)

VOTES = frozenset(
    (
        "0x56781388",  # castVote(uint256,uint8)
        "0x15373e3d",  # castVote(uint256,bool)
        "0x7b3c71d3",  # castVoteWithReason(uint256,uint8,string)
        "0x5f398a14",  # castVoteWithReasonAndParams(uint256,uint8,string,bytes)
        "0x612c56fa",  # submitVote(uint256,bool)
        "0xc9d27afe",  # vote(uint256,bool)
        "0xdf133bca",  # vote(uint256,bool,bool)
        "0x0121b93f",  # vote(uint256)
        "0x9094c763",  # vote(uint32)
        "0xed081329",  # vote(address[])
        "0xa69beaba",  # vote(bytes32)
    )
)
"""How contracts are told a vote where no event that we know says so."""

EXECUTES = frozenset(
    (
        "0xfe0d94c1",  # execute(uint256)
        "0x2656227d",  # execute(address[],uint256[],bytes[],bytes32)
        "0x0d61b519",  # executeProposal(uint256)
        "0xa856f359",  # commit(uint32)
        "0x73015684",  # emergencyCommit(uint32)
        "0x3c278bd5",  # lift(address)
    )
)
"""How the same contracts are told to carry out what was voted on."""

MAX_VOTES = 64
"""Votes of one transaction that are looked at, those on what was executed first: who writes it may vote as often as he
likes."""

DELEGATE = "0x5c19a95c"  # delegate(address): from now on a token counts votes


class Borrowed(msgspec.Struct, frozen=True):
    """`vote` was cast at `governor` under `loan`; `gained` is by what the borrowed `token` became votes (None where it
    is the execution that tells), `executed` the step that carried it out."""

    governor: Address
    loan: FlashLoan
    vote: Event | Frame
    token: Address | None
    gained: Event | Frame | None
    executed: Event | Frame | None


def borrowed_votes(execution: Execution, facts: Facts, protected: frozenset[Address]) -> Borrowed | None:
    """The first vote that was borrowed; one that was executed, too, before any other."""
    loans = [e for e in facts.events if isinstance(e, FlashLoan)]
    if not loans:
        return None
    tx = execution.transaction
    borrowers = {loan.borrower for loan in loans}
    side = frozenset(a for a in {tx.from_, tx.to, *facts.created, *borrowers} if a) - protected
    own = [loan for loan in loans if loan.borrower in side]
    if not own:
        return None
    votes = sorted(_votes(facts, side), key=lambda found: found[2] is None)
    for governor, vote, executed in votes[:MAX_VOTES]:
        token, gained, loan = _of_what_was_borrowed(facts, side, vote, governor, own)
        if gained is not None or executed is not None:
            return Borrowed(governor, loan or own[0], vote, token, gained, executed)
    return None


def _votes(facts: Facts, side: frozenset[Address]) -> Iterator[tuple[Address, Event | Frame, Event | Frame | None]]:
    """The side's first vote on each thing: where, what shows it, and what shows that it was carried out afterwards.

    By events where there are any, else by calls. One vote for one head is not bought: weight 1 is a wallet of several
    owners.
    """
    carried = {(e.address, e.proposal_id): e for e in facts.events if isinstance(e, Proposal) and e.step == "executed"}
    told: set[Address] = set()
    seen: set[tuple[Address, str]] = set()
    for e in facts.events:
        if isinstance(e, Vote):
            told.add(e.address)
            about = e.address, e.proposal_id
            if e.voter in side and e.address not in side and e.weight > 1 and about not in seen:
                seen.add(about)
                done = carried.get(about)
                yield e.address, e, done if done is not None and done.order > e.order else None
    last: dict[Address, Frame] = {}
    for f in facts.frames:
        if f.selector in EXECUTES and f.kind == "CALL" and not f.reverted and f.sender in side:
            last[f.to] = f
    told |= side
    for f in facts.frames:
        if f.selector in VOTES and f.kind == "CALL" and not f.reverted and f.sender in side and f.to not in told:
            told.add(f.to)
            end = last.get(f.to)
            yield f.to, f, end if end is not None and end.index > f.index else None


def _of_what_was_borrowed(
    facts: Facts, side: frozenset[Address], vote: Event | Frame, governor: Address, loans: list[FlashLoan]
) -> tuple[Address | None, Event | Frame | None, FlashLoan | None]:
    """The borrowed token that became votes before `vote`, by what, and its loan; None, None, None where none did.

    It did where the voter had more votes by it, or had it count his votes, or locked it with the governor (or with whom
    the governor asks) and got it back afterwards.
    """
    by_token = {loan.token: loan for loan in loans if loan.token}
    if isinstance(vote, Frame):
        for f in facts.frames[: vote.index]:
            if f.selector == DELEGATE and f.to in by_token and f.sender in side and not f.reverted:
                return f.to, f, by_token[f.to]
    else:
        voter = vote.voter if isinstance(vote, Vote) else None
        for e in facts.events[: vote.order]:
            if isinstance(e, VotingPower) and e.address in by_token and e.account == voter and e.after > e.before:
                return e.address, e, by_token[e.address]
    asked = {governor, *(f.to for f in facts.frames if f.sender == governor)} - {loan.lender for loan in loans}
    locked: dict[tuple[Address, Address], Event | Frame] = {}
    for when, what, token, sender, recipient in _movements(facts, vote):
        if token not in by_token:
            continue
        if when < 0 and sender in side and recipient in asked:
            locked.setdefault((token, recipient), what)
        elif when > 0 and recipient in side and (token, sender) in locked:
            return token, locked[token, sender], by_token[token]
    return None, None, None


def _movements(
    facts: Facts, vote: Event | Frame
) -> Iterator[tuple[int, Event | Frame, Address, Address, Address]]:  # fmt: skip
    """When it was against the vote (negative: before), what shows it, token, sender and recipient."""
    if isinstance(vote, Frame):
        for move in token_moves(facts.frames):
            yield move.frame - vote.index, facts.frames[move.frame], move.token, move.sender, move.recipient
        return
    for e in facts.events:
        if isinstance(e, Transfer) and e.amount:
            yield e.order - vote.order, e, e.token, e.sender, e.recipient
