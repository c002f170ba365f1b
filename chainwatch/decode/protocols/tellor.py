"""Tellor: a report is a price where its value is one word; the feed is the first 20 bytes of the query's id."""

from chainwatch.decode.protocols.base import Args, Mappers
from chainwatch.types import Address, Event, PriceUpdate

_WORD = 2 + 64


def _report(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    query, time, value, *_ = args
    if len(value) == _WORD:
        events.append(
            PriceUpdate(
                order=len(events),
                log_index=log_index,
                address=address,
                protocol="tellor",
                feed=query[:42],
                answer=int(value, 16),
                updated_at=time,
            )
        )


MAPPERS: Mappers = {"NewReport(bytes32,uint256,bytes,uint256,bytes,address)": _report}
