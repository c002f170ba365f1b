"""OpenZeppelin: roles and ownership, proxies (ERC-1967) and pause."""

from chainwatch.decode.protocols.base import Args, Mappers, literal, says
from chainwatch.types import ZERO_ADDRESS, Address, Event, PauseChange, RoleChange, Upgrade


def _ownership(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The old owner loses the role `owner`, the new one gains it; zero is nobody."""
    for account, granted in zip(args, (False, True), strict=True):
        if account != ZERO_ADDRESS:
            events.append(
                RoleChange(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="openzeppelin",
                    role="owner",
                    account=account,
                    granted=granted,
                    actor=None,
                )
            )


MAPPERS: Mappers = {
    "RoleGranted(bytes32,address,address)": says(
        RoleChange, role="role", account="account", granted=True, actor="sender"
    ),
    "RoleRevoked(bytes32,address,address)": says(
        RoleChange, role="role", account="account", granted=False, actor="sender"
    ),
    "OwnershipTransferred(address,address)": _ownership,
    "Upgraded(address)": says(Upgrade, implementation="implementation", what=literal("implementation")),
    "BeaconUpgraded(address)": says(Upgrade, implementation="beacon", what=literal("beacon")),
    "AdminChanged(address,address)": says(Upgrade, implementation="newAdmin", what=literal("admin")),
    "Paused(address)": says(PauseChange, paused=True, actor="account"),
    "Unpaused(address)": says(PauseChange, paused=False, actor="account"),
}
