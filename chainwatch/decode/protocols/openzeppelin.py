"""OpenZeppelin: roles and ownership, proxies (ERC-1967) and pause."""

from typing import Literal

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import ZERO_ADDRESS, Address, Event, PauseChange, RoleChange, Upgrade

_PROTOCOL = "openzeppelin"


def _role(
    events: list[Event], log_index: int, address: Address, role: str, account: Address, *, granted: bool,
    actor: Address | None,
) -> None:  # fmt: skip
    events.append(
        RoleChange(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol=_PROTOCOL,
            role=role,
            account=account,
            granted=granted,
            actor=actor,
        )
    )


def _granted(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _role(events, log_index, address, args[0], args[1], granted=True, actor=args[2])


def _revoked(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    _role(events, log_index, address, args[0], args[1], granted=False, actor=args[2])


def _ownership(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    """The old owner loses the role `owner`, the new one gains it; zero is nobody."""
    previous, current = args
    if previous != ZERO_ADDRESS:
        _role(events, log_index, address, "owner", previous, granted=False, actor=None)
    if current != ZERO_ADDRESS:
        _role(events, log_index, address, "owner", current, granted=True, actor=None)


def _upgrade(what: Literal["implementation", "beacon", "admin"]) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        events.append(
            Upgrade(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                implementation=args[-1],
                what=what,
            )
        )

    return mapper


def _pause(paused: bool) -> Mapper:
    def mapper(events: list[Event], log_index: int, address: Address, args: Args) -> None:
        events.append(
            PauseChange(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol=_PROTOCOL,
                paused=paused,
                actor=args[0],
            )
        )

    return mapper


MAPPERS: dict[tuple[str, str], Mapper] = {
    (_PROTOCOL, "RoleGranted(bytes32,address,address)"): _granted,
    (_PROTOCOL, "RoleRevoked(bytes32,address,address)"): _revoked,
    (_PROTOCOL, "OwnershipTransferred(address,address)"): _ownership,
    (_PROTOCOL, "Upgraded(address)"): _upgrade("implementation"),
    (_PROTOCOL, "BeaconUpgraded(address)"): _upgrade("beacon"),
    (_PROTOCOL, "AdminChanged(address,address)"): _upgrade("admin"),
    (_PROTOCOL, "Paused(address)"): _pause(True),
    (_PROTOCOL, "Unpaused(address)"): _pause(False),
}
