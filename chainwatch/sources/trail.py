"""The canonical blocks that are remembered, by height, for following reorganisations."""

from collections.abc import Iterable

from chainwatch.types import BlockRef, Hash


class Trail:
    """Block references by height. Heights that were not read are missing; blocks without a number don't belong here."""

    def __init__(self, refs: Iterable[BlockRef], kept: int) -> None:
        self._kept = kept
        self._by_number: dict[int, BlockRef] = {}
        self._by_hash: dict[Hash | None, int] = {}
        self._top = self._low = -1
        for ref in refs:
            self.add(ref)

    def __len__(self) -> int:
        return len(self._by_number)

    def __contains__(self, block_hash: Hash | None) -> bool:
        return block_hash in self._by_hash

    @property
    def tip(self) -> BlockRef | None:
        """The highest."""
        return self._by_number.get(self._top)

    @property
    def lowest(self) -> int:
        """The lowest height remembered; -1 for none."""
        return self._low

    def at(self, number: int) -> BlockRef | None:
        """The block at a height, where it is remembered."""
        return self._by_number.get(number)

    def add(self, ref: BlockRef) -> None:
        """Remember a block; the lowest are forgotten when there are too many."""
        assert ref.number is not None
        self._by_number[ref.number] = ref
        self._by_hash[ref.hash] = ref.number
        self._top = max(self._top, ref.number)
        self._low = ref.number if self._low < 0 else min(self._low, ref.number)
        while len(self._by_number) > self._kept:
            self._forget(self._low)
            while self._low not in self._by_number:
                self._low += 1

    def cut(self, number: int) -> tuple[BlockRef, ...]:
        """Forget every block from this height up; returns them newest first."""
        gone = []
        for height in range(self._top, number - 1, -1):
            if (ref := self._by_number.get(height)) is not None:
                gone.append(ref)
                self._forget(height)
        below = (h for h in range(number - 1, self._low - 1, -1) if h in self._by_number)
        self._top = next(below, -1)
        if self._top < 0:
            self._low = -1
        return tuple(gone)

    def drop(self, number: int) -> None:
        """Forget one block that is not the tip."""
        assert number != self._top
        self._forget(number)

    def _forget(self, number: int) -> None:
        del self._by_hash[self._by_number.pop(number).hash]
