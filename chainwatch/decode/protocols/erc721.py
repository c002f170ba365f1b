"""ERC-721: items of a collection move, and who may move them."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, expr, says
from chainwatch.types import ALL_ITEMS, Approval, NftTransfer

MAPPERS: Mappers = {
    "Transfer(address,address,uint256)": says(
        NftTransfer, token=EMITTER, sender="from", recipient="to", token_id="tokenId"
    ),
    "Approval(address,address,uint256)": says(
        Approval, token=EMITTER, owner="owner", spender="approved", amount=1, token_id="tokenId"
    ),
    "ApprovalForAll(address,address,bool)": says(
        Approval, token=EMITTER, owner="owner", spender="operator", amount=expr(f"{ALL_ITEMS} if {{approved}} else 0")
    ),
}
