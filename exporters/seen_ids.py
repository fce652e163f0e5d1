"""Which numbers came before, in a bit for each."""

from __future__ import annotations

BLOCK_BITS = 16  # of numbers that share a piece of memory of 8 KiB


class SeenIds:
    """A set of whole numbers of 0 or more: a million that follow each other take 125 kB; a set would take 60 MB."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Keeps a number; False where it came before.

        >>> seen = SeenIds()
        >>> seen.add(7), seen.add(2**62), seen.add(7)
        (True, True, False)
        """
        block = self._blocks.setdefault(number >> BLOCK_BITS, bytearray())
        place, bit = number >> 3 & (1 << BLOCK_BITS - 3) - 1, 1 << (number & 7)
        if len(block) <= place:
            block.extend(bytes(place + 1 - len(block)))
        if block[place] & bit:
            return False
        block[place] |= bit
        return True
