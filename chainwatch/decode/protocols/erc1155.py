"""ERC-1155: pieces of the items of a collection move, one kind or many at once, and who may move them."""

from chainwatch.decode.protocols.base import EMITTER, Args, Mappers, expr, says
from chainwatch.types import ALL_ITEMS, Address, Approval, Event, NftTransfer


def _batch(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """One NftTransfer for each item. Arrays of different lengths are no transfer that the standard knows."""
    _operator, sender, recipient, ids, values = args
    if len(ids) != len(values):
        return
    for token_id, amount in zip(ids, values, strict=True):
        events.append(
            NftTransfer(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol="erc1155",
                token=address,
                token_id=token_id,
                sender=sender,
                recipient=recipient,
                amount=amount,
            )
        )


MAPPERS: Mappers = {
    "TransferSingle(address,address,address,uint256,uint256)": says(
        NftTransfer, token=EMITTER, sender="from", recipient="to", token_id="id", amount="value"
    ),
    "TransferBatch(address,address,address,uint256[],uint256[])": _batch,
    "ApprovalForAll(address,address,bool)": says(
        Approval, token=EMITTER, owner="account", spender="operator", amount=expr(f"{ALL_ITEMS} if {{approved}} else 0")
    ),
}
