"""ERC-20: Transfer and Approval. The layouts of ERC-721 are in erc721.py: its tokens are not amounts."""

from chainwatch.decode.protocols.base import EMITTER, Mappers, says
from chainwatch.types import Approval, Transfer

MAPPERS: Mappers = {
    "Transfer(address,address,uint256)": says(Transfer, token=EMITTER, sender="from", recipient="to", amount="value"),
    "Approval(address,address,uint256)": says(
        Approval, token=EMITTER, owner="owner", spender="spender", amount="value"
    ),
}
