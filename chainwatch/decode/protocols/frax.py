"""Frax Shares: the votes that the token counts."""

from chainwatch.decode.protocols.base import Mappers, says
from chainwatch.types import VotingPower

MAPPERS: Mappers = {
    "VoterVotesChanged(address,uint256,uint256)": says(
        VotingPower, account="voter", before="previousBalance", after="newBalance"
    ),
}
