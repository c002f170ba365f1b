"""Balancer v2: trades, each at the pool whose address its id begins with, and flash loans of the Vault."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, FlashLoan, Swap


def _swap(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """Tokens are ordered by address, as in Uniswap, so that amounts of one pair keep their places."""
    pool_id, token_in, token_out, amount_in, amount_out = args
    amounts = (amount_in, -amount_out) if token_in < token_out else (-amount_out, amount_in)
    events.append(
        Swap(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="balancer_v2",
            pool=pool_id[:42],  # "Pool IDs": the first 20 bytes are the pool's address
            sender=address,
            recipient=address,
            amount0=amounts[0],
            amount1=amounts[1],
        )
    )


def _flash_loan(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    recipient, token, amount, fee = args
    events.append(
        FlashLoan(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="balancer_v2",
            lender=address,
            borrower=recipient,
            token=token,
            amount=amount,
            fee=fee,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("balancer_v2", "Swap(bytes32,address,address,uint256,uint256)"): _swap,
    ("balancer_v2", "FlashLoan(address,address,uint256,uint256)"): _flash_loan,
}
