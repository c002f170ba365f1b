"""ERC-4626 vaults: Deposit and Withdraw, in the vault's own asset, with the shares made or burnt."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Deposit, Event, Withdraw


def _deposit(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _sender, owner, assets, shares = args
    events.append(
        Deposit(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="erc4626",
            account=owner,
            token=None,
            amount=assets,
            shares=shares,
        )
    )


def _withdraw(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _sender, _receiver, owner, assets, shares = args
    events.append(
        Withdraw(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="erc4626",
            account=owner,
            token=None,
            amount=assets,
            shares=shares,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {
    ("erc4626", "Deposit(address,address,uint256,uint256)"): _deposit,
    ("erc4626", "Withdraw(address,address,address,uint256,uint256)"): _withdraw,
}
