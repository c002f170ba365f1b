"""What left the protected contracts within the last hour and day, by the minute, rolled back on a reorganisation."""

from collections.abc import Collection, Mapping

import msgspec

from chainwatch.types import Address, BlockRef, Hash

SECONDS = {"hour": 3_600, "day": 86_400}
_MINUTE = 60
_KEPT_BLOCKS = 2_048  # that can still be rolled back; bounds memory
_KEPT_SECONDS = 2 * SECONDS["day"]  # late blocks look back a day from where they stand


class _Moved(msgspec.Struct, frozen=True):
    hash: Hash | None
    minute: int
    net: Mapping[Address, int]


class Outflows:
    """Of one profile. Owned by the pipeline. Windows end with their block and begin at a full minute."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[Address, int]] = {}
        self._recent: list[_Moved] = []

    def add(self, ref: BlockRef, net: Mapping[Address, int]) -> dict[tuple[str, Address], int]:
        """A block, and what left in it by token (negative: came in). A late one counts where it stands in time.

        Returns the sums by window and token that end with it. Without a timestamp it joins no window but its own.
        """
        found = {("block", token): amount for token, amount in net.items()}
        if ref.timestamp is None:
            return found
        now = ref.timestamp // _MINUTE
        if net:
            self._count(now, net, 1)
            self._recent = [*self._recent[-_KEPT_BLOCKS + 1 :], _Moved(ref.hash, now, net)]
        for minute in [m for m in self._minutes if m < now - _KEPT_SECONDS // _MINUTE]:
            del self._minutes[minute]
        for window, seconds in SECONDS.items():
            first = now - seconds // _MINUTE
            for minute, moved in self._minutes.items():
                if first < minute <= now:
                    for token, amount in moved.items():
                        found[window, token] = found.get((window, token), 0) + amount
        return found

    def orphan(self, hashes: Collection[Hash | None]) -> None:
        """These blocks are no longer part of the chain."""
        for block in self._recent:
            if block.hash in hashes:
                self._count(block.minute, block.net, -1)
        self._recent = [block for block in self._recent if block.hash not in hashes]

    def _count(self, minute: int, net: Mapping[Address, int], sign: int) -> None:
        known = self._minutes.setdefault(minute, {})
        for token, amount in net.items():
            known[token] = known.get(token, 0) + sign * amount
