"""The Gnosis MultiSigWallet of 2017, and its copies: transactions are proposals, owners' confirmations votes of
weight 1.

Its Deposit of native coin has the layout of a wrapped coin's and is read as that; see weth.py.
"""

from chainwatch.decode.mappers import change
from chainwatch.decode.protocols.base import Mappers, expr, literal, says
from chainwatch.types import Proposal, RoleChange, Vote

NUMBER = expr("str({transactionId})")

MAPPERS: Mappers = {
    "Submission(uint256)": says(Proposal, proposal_id=NUMBER, step=literal("created")),
    "Execution(uint256)": says(Proposal, proposal_id=NUMBER, step=literal("executed")),
    "Confirmation(address,uint256)": says(Vote, proposal_id=NUMBER, voter="sender", support=1, weight=1),
    "Revocation(address,uint256)": says(Vote, proposal_id=NUMBER, voter="sender", support=0, weight=1),
    "OwnerAddition(address)": says(RoleChange, role=literal("owner"), account="owner", granted=True, actor=None),
    "OwnerRemoval(address)": says(RoleChange, role=literal("owner"), account="owner", granted=False, actor=None),
    "RequirementChange(uint256)": change("required", "required"),
    "DailyLimitChange(uint256)": change("dailyLimit", "dailyLimit"),
}
