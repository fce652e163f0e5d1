"""Colours for categories that stay apart on any picture and for any colour vision."""

from __future__ import annotations

from collections.abc import Collection

# The seven hues of Okabe and Ito (Color Universal Design, 2008), then five more found by search: each the one of 756
# candidates farthest from all before it for normal, protan, deutan and (weighted 1.6, as it is rare) tritan vision.
# tests/annotator/test_palette.py holds the distances.
CATEGORY_COLORS = (
    "#0072b2",  # blue
    "#e69f00",  # orange
    "#009e73",  # green
    "#cc79a7",  # pink
    "#56b4e9",  # sky
    "#d55e00",  # vermilion
    "#f0e442",  # yellow
    "#4a1c2b",  # wine
    "#99ffdd",  # mint
    "#990000",  # dark red
    "#000099",  # navy
    "#006666",  # teal
)


def next_color(used: Collection[str]) -> str:
    """The first colour that is not used yet; when all are, they begin anew."""
    free = [color for color in CATEGORY_COLORS if color not in used]
    return free[0] if free else category_color(len(used))


def category_color(index: int) -> str:
    """The colour of the index-th category, "#rrggbb"; after the last one they begin anew."""
    return CATEGORY_COLORS[index % len(CATEGORY_COLORS)]
