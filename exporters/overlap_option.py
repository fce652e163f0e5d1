"""Whose a pixel is where masks overlap, for the formats that give each pixel to one object."""

from __future__ import annotations

from exporters.options import Choice, ChoiceOption

OVERLAP = ChoiceOption(
    name="overlap",
    title="Where masks overlap",
    choices=(
        Choice("later", "The one made later has the pixel", "As one paints over another", "the later on top"),
        Choice("earlier", "The one made earlier has the pixel", "", "the earlier on top"),
        Choice("smaller", "The smaller one has the pixel", "A hat stays on its head", "the smaller on top"),
    ),
    default="later",
)
