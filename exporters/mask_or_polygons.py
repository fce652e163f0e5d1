"""The choice of formats that hold both masks and outlines."""

from __future__ import annotations

from dataclasses import replace

from exporters.geometry import Geometry
from exporters.options import Choice, ChoiceOption, Options
from exporters.polygons import HOLES, TOLERANCE

SHAPES = ChoiceOption(
    name="shapes",
    title="Objects as",
    choices=(
        Choice("masks", "Masks", "Every pixel, with holes and parts", "objects as masks"),
        Choice("polygons", "Polygons", "Outlines, whose corners can be moved", "objects as polygons"),
    ),
    default="masks",
)
OPTIONS = (
    SHAPES,
    replace(TOLERANCE, only_with=(SHAPES.name, "polygons")),
    replace(HOLES, only_with=(SHAPES.name, "polygons")),
)


def are_masks(options: Options) -> bool:
    return bool(options[SHAPES.name] == "masks")


def geometry(options: Options) -> Geometry:
    return Geometry.RLE if are_masks(options) else Geometry.POLYGONS
