"""ERC-20: Transfer. Approvals say nothing in the vocabulary. ERC-721 has no mapper: its tokens are not amounts."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, Transfer


def _transfer(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    sender, recipient, amount = args
    events.append(
        Transfer(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="erc20",
            token=address,
            sender=sender,
            recipient=recipient,
            amount=amount,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {("erc20", "Transfer(address,address,uint256)"): _transfer}
