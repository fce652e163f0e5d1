"""Long lists of ids in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

AT_ONCE = 500  # every database takes so many as parameters of one statement


def in_parts(ids: Sequence[int], most: int = AT_ONCE) -> Iterator[Sequence[int]]:
    """`ids` in their order, at most `most` at once."""
    for start in range(0, len(ids), most):
        yield ids[start : start + most]
