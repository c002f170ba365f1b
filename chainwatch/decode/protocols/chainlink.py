"""Chainlink aggregators: AnswerUpdated. The emitter is the aggregator behind a feed's proxy, not the proxy."""

from chainwatch.decode.protocols.base import Args, Mapper
from chainwatch.types import Address, Event, PriceUpdate


def _answer(events: list[Event], log_index: int, address: Address, args: Args) -> None:
    current, _round_id, updated_at = args
    events.append(
        PriceUpdate(
            order=len(events),
            log_index=log_index,
            address=address,
            protocol="chainlink",
            feed=address,
            answer=current,
            updated_at=updated_at,
        )
    )


MAPPERS: dict[tuple[str, str], Mapper] = {("chainlink", "AnswerUpdated(int256,uint256,uint256)"): _answer}
