"""ERC-777: who may move all of a holder's tokens.

Sent, Minted and Burned have no mapper: tokens that are ERC-20 too, which is all that matter, write Transfer beside
them, and it would count twice.
"""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import Approval

UNLIMITED = 2**256 - 1

MAPPERS: Mappers = {
    "AuthorizedOperator(address,address)": says(
        Approval, token=EMITTER, owner="holder", spender="operator", amount=UNLIMITED
    ),
    "RevokedOperator(address,address)": says(Approval, token=EMITTER, owner="holder", spender="operator", amount=0),
}
