"""Masks as outlines, for the formats that know nothing else, and outlines as masks.

An outline runs along the edges of pixels: pixel (x, y) covers x..x+1 and y..y+1, as in COCO. Without a tolerance
pycocotools draws the mask back bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from shapely.geometry.base import BaseGeometry

from exporters.options import Choice, ChoiceOption, Options
from exporters.records import Rle
from exporters.shapes import cropped
from segmentation import outlines, rle

TOLERANCE = ChoiceOption(
    name="tolerance",
    title="Outlines",
    choices=(
        Choice("0", "Exact", "Every corner of every pixel", "exact outlines"),
        Choice("0.5", "Half a pixel off at most", "", "outlines within half a pixel"),
        Choice("1", "One pixel off at most", "Far fewer corners", "outlines within a pixel"),
        Choice("2", "Two pixels off at most", "", "outlines within two pixels"),
    ),
    default="0.5",
)
HOLES = ChoiceOption(
    name="holes",
    title="Holes",
    choices=(
        Choice("cut", "Cut open", "The mask is cut into parts without holes", "holes cut open"),
        Choice("fill", "Filled", "", "holes filled"),
    ),
    default="cut",
)
TOUCHING = 1e-9
MAX_PAIRS = 2_000_000  # of corners that are compared at a time; some 50 MB


@dataclass(frozen=True)
class Polygon:
    """One part of a mask: its outline and those of its holes, each `[x0, y0, x1, y1, ...]` in image pixels."""

    outer: list[float]
    holes: tuple[list[float], ...] = ()


def polygons_of(segmentation: Rle, tolerance: float = 0.0) -> list[Polygon]:
    """The parts of a mask. None of the rings crosses itself or another.

    Args:
        tolerance: how far an outline may lie from the mask's, in pixels. A part that is smaller may vanish, unless it
            is the only one.
    """
    mask, x, y = cropped(segmentation)
    if not mask.size:
        return []
    exact = _areas(*outlines.to_rings(mask))
    kept = exact
    if tolerance > 0:
        # Parts touch at corners of both at most, so that they need no overlay to be one geometry.
        whole = exact[0] if len(exact) == 1 else shapely.multipolygons(exact)
        simpler = shapely.simplify(whole, tolerance, preserve_topology=True)
        kept = _parts(shapely.make_valid(simpler)) or exact
    return [_polygon(part, x, y) for part in kept]


def rings_of(segmentation: Rle, options: Options) -> list[list[float]]:
    """The outlines of a mask for a format without holes, by the options TOLERANCE and HOLES."""
    polygons = polygons_of(segmentation, float(options[TOLERANCE.name]))
    return (
        without_holes(polygons) if options[HOLES.name] == "cut" else [polygon.outer for polygon in polygons]
    )


def without_holes(polygons: Iterable[Polygon]) -> list[list[float]]:
    """The same area as outlines without holes: a part with holes is cut in two through one of them, and again."""
    rings = []
    waiting = [
        shapely.Polygon(_points(each.outer), [_points(hole) for hole in each.holes]) for each in polygons
    ]
    while waiting:
        part = waiting.pop()
        if not part.interiors:
            rings.append(_flat(part.exterior))
            continue
        left, bottom, right, top = part.bounds
        first, _, last, _ = part.interiors[0].bounds
        # On the edge of a pixel where the hole has one, so that no pixel is cut.
        at = min(max(round((first + last) / 2), first + (last - first) / 4), last - (last - first) / 4)
        for half in (
            shapely.box(left - 1, bottom - 1, at, top + 1),
            shapely.box(at, bottom - 1, right + 1, top + 1),
        ):
            waiting += _parts(shapely.intersection(part, half))
    return rings


def joined(rings: Sequence[Sequence[float]]) -> list[float]:
    """One outline for all, for formats that know no more than one: the rings, tied by bridges of no width.

    The bridges are those of a shortest tree (Prim's), from corner to corner, so that the outline touches itself and
    does not cross itself but where a bridge crosses another ring.
    """
    corners = [_points(ring) for ring in rings]
    if len(corners) < 2:
        return [float(value) for ring in corners for value in ring.ravel()]
    starts = np.cumsum([0, *map(len, corners)])
    points = np.concatenate(corners)  # (N, 2)
    ring_of = np.repeat(np.arange(len(corners)), [len(ring) for ring in corners])
    nearest, distances = np.zeros(len(points), np.intp), np.full(len(points), np.inf)
    tied: dict[int, list[int]] = {}  # by a corner: those to which bridges go from there
    is_waiting = np.ones(len(points), bool)
    ring = 0
    for _ in corners[1:]:
        own = slice(starts[ring], starts[ring + 1])
        is_waiting[own] = False
        waiting = np.flatnonzero(is_waiting)
        # In blocks: two rings of a hundred thousand corners have too many pairs for the memory.
        for block in np.array_split(waiting, max(1, len(waiting) * len(points[own]) // MAX_PAIRS)):
            apart = ((points[block, None] - points[None, own]) ** 2).sum(2)
            closest = apart.argmin(1)
            apart = apart[np.arange(len(block)), closest]
            is_nearer = apart < distances[block]
            distances[block[is_nearer]] = apart[is_nearer]
            nearest[block[is_nearer]] = starts[ring] + closest[is_nearer]
        there = int(waiting[distances[waiting].argmin()])
        tied.setdefault(int(nearest[there]), []).append(there)
        ring = int(ring_of[there])
    return [float(value) for value in points[_round_trip(tied, starts, ring_of)].ravel()]


def rle_of(polygons: Iterable[Polygon], hw: tuple[int, int]) -> Rle:
    """The mask that the parts cover together, drawn by pycocotools' rule; holes are taken out of their part.

    Raises:
        rle.PolygonMalformed: as `rle.from_polygons`.
    """
    parts = []
    for polygon in polygons:
        part = rle.from_polygons([polygon.outer], hw)
        for hole in polygon.holes:
            part = _minus(part, rle.from_polygons([hole], hw))
        parts.append(part)
    if not parts:
        raise rle.PolygonMalformed("no outline has three corners")
    merged = coco_mask.merge([_packed(part) for part in parts])
    return Rle(size=[int(side) for side in merged["size"]], counts=merged["counts"].decode("ascii"))


def iou(one: Rle, other: Rle) -> float:
    """Intersection over union of two masks of one size, 0 to 1."""
    return float(coco_mask.iou([_packed(one)], [_packed(other)], [0])[0, 0])


def _areas(outer: list[list[int]], holes: list[list[int]]) -> list[shapely.Polygon]:
    """Each outline with the holes in it. A ring that touches itself at a corner comes apart there."""
    made = [shapely.Polygon(_points(ring)) for ring in outer]
    if holes:
        whole = [area if area.is_valid else shapely.make_valid(area) for area in made]
        tree = shapely.STRtree(whole)
        inside: dict[int, list[Any]] = {}
        for hole in map(_points, holes):
            # A hole is in its own part and in those that surround that one.
            around = tree.query(_pixel_in(hole), predicate="within")
            owner = min(around, key=lambda index: whole[index].area)
            inside.setdefault(owner, []).append(hole)
        for owner, cut in inside.items():
            made[owner] = shapely.Polygon(made[owner].exterior, cut)
    return [
        part for area in made for part in (_parts(shapely.make_valid(area)) if not area.is_valid else [area])
    ]


def _pixel_in(hole: NDArray[np.float64]) -> shapely.Point:
    """The middle of a pixel of a hole. Any point inside of the ring will not do: an island may lie there."""
    x, y = hole[0]
    step_x, step_y = np.sign(hole[1] - hole[0])
    # Foreground is on the right hand, so the hole is on the left.
    return shapely.Point(x + (step_x + step_y) / 2, y + (step_y - step_x) / 2)


def _parts(geometry: BaseGeometry) -> list[shapely.Polygon]:
    """The polygons in it, without lines and points."""
    return [
        part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and part.area > TOUCHING
    ] + [
        part
        for group in shapely.get_parts(geometry)
        if group.geom_type == "MultiPolygon"
        for part in _parts(group)
    ]


def _polygon(part: shapely.Polygon, x: int, y: int) -> Polygon:
    return Polygon(_flat(part.exterior, x, y), tuple(_flat(ring, x, y) for ring in part.interiors))


def _points(ring: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(ring, float).reshape(-1, 2)


def _flat(ring: shapely.LinearRing, x: int = 0, y: int = 0) -> list[float]:
    """Without the last corner, which is the first again."""
    points = shapely.get_coordinates(ring)[:-1] + (x, y)
    return points.ravel().tolist()


def _round_trip(tied: dict[int, list[int]], starts: NDArray[np.intp], ring_of: NDArray[np.intp]) -> list[int]:
    """The corners in the order of one outline: around each ring, over each bridge and back again where it begins."""
    outline = []
    waiting = [iter(range(starts[1]))]  # the corners that are still to come, of the ring that is walked last
    while waiting:
        corner = next(waiting[-1], None)
        if corner is None:
            waiting.pop()
            continue
        outline.append(corner)
        if tied.get(corner):
            there = tied[corner].pop()
            first, end = starts[ring_of[there]], starts[ring_of[there] + 1]
            # Having come back, the outline goes on from the same corner.
            waiting.append(iter([corner]))
            waiting.append(iter([*range(there, end), *range(first, there), there]))
    return outline


def _minus(part: dict[str, Any], hole: dict[str, Any]) -> dict[str, Any]:
    return rle.encode(rle.decode(part) & ~rle.decode(hole))


def _packed(segmentation: Any) -> dict[str, Any]:
    return {"size": segmentation["size"], "counts": segmentation["counts"].encode("ascii")}
