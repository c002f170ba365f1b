"""Diamonds (EIP-2535): each facet that a cut adds or puts in another's place is an Upgrade, functions that it takes
away are a ParameterChange without a new value."""

from chainwatch.decode.protocols.base import Args, Mappers
from chainwatch.types import Address, Event, ParameterChange, Upgrade

_REMOVE = 2
_CUT = "(address,uint8,bytes4[])[]"


def _cut(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    for facet, action, selectors in args[0]:
        if action == _REMOVE:
            events.append(
                ParameterChange(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="diamond",
                    what="functions",
                    before=" ".join(selectors),
                )
            )
        else:
            events.append(
                Upgrade(
                    order=len(events),
                    log_index=log_index,
                    address=address,
                    protocol="diamond",
                    implementation=facet,
                    what="implementation",
                )
            )


MAPPERS: Mappers = {f"DiamondCut({_CUT},address,bytes)": _cut}
