"""What a format with its options cannot hold of a dataset, measured on the masks themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from pycocotools import mask as coco_mask

from exporters import polygons
from exporters.format import Format
from exporters.geometry import Geometry
from exporters.options import Options
from exporters.overlaps import borders_of, without_overlaps
from exporters.records import AnnotationRecord, DatasetRecord, Rle
from exporters.steps import Progress, Steps
from segmentation import rle

# The option that says whose a pixel is, by its name: formats that have it share one.
OVERLAP = "overlap"
# Its values, and the order in which masks are painted then: the last one is on top.
ORDERS: dict[str, Callable[[Sequence[AnnotationRecord]], Sequence[AnnotationRecord]]] = {
    "later": lambda annotations: annotations,
    "earlier": lambda annotations: annotations[::-1],
    "smaller": lambda annotations: sorted(annotations, key=lambda annotation: -annotation.area),
}
# So many masks are compared with all others of their image at once: rows of a table of numbers.
COMPARED_AT_ONCE = 256


@dataclass(frozen=True)
class Measurement:
    """What was found.

    Attributes:
        geometry: the name of what the format keeps of a mask, a `Geometry`.
        masks, of_masks: how many were looked at, and how many there are.
        findings: by name, numbers for programs; which there are depends on the geometry.
        sentences: the same for people.
    """

    geometry: str
    masks: int
    of_masks: int
    findings: dict[str, float]
    sentences: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return self.masks >= self.of_masks


class Gauge(Protocol):
    """Takes the masks of one image after the other."""

    def add(self, annotations: Sequence[AnnotationRecord]) -> None: ...

    @property
    def findings(self) -> dict[str, float]: ...

    def sentences(self) -> list[str]: ...


def measure(
    dataset: DatasetRecord,
    format: Format,
    options: Options,
    *,
    most_masks: int,
    time_limit_s: float | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Looks at the first masks of a dataset, in memory that does not grow with them.

    Args:
        options: as `Format.options_from` gives them.
        most_masks: no more images are looked at once this many masks were.
        time_limit_s: likewise; None: there is no limit, and the result depends on the dataset alone.
        progress: called after every image; an exception that it raises ends the work.
    """
    geometry = format.geometry(options)
    gauge = GAUGES[geometry](format, options)
    steps = Steps(progress, dataset.image_count)
    until_s = time.monotonic() + time_limit_s if time_limit_s is not None else None
    masks = 0

    def is_enough() -> bool:
        return masks >= most_masks or (until_s is not None and time.monotonic() > until_s)

    if isinstance(gauge, EveryPixel):
        masks = dataset.annotation_count
    else:
        for image in dataset.images:
            annotations = list(image.annotations)
            # What overlaps is known of a whole image only; else an image of thousands is left off in the middle.
            portions = [annotations] if isinstance(gauge, Overlaps) else [[each] for each in annotations]
            for portion in portions:
                gauge.add(portion)
                masks += len(portion)
                if is_enough():
                    break
            steps.advance()
            if is_enough():
                break
    sentences = gauge.sentences() if masks else []
    if masks and masks < dataset.annotation_count:
        sentences.append(f"Measured on the first {masks:,} of {dataset.annotation_count:,} masks.")
    return Measurement(
        geometry.name.lower(), masks, dataset.annotation_count, gauge.findings, tuple(sentences)
    )


@dataclass
class EveryPixel:
    """Nothing is lost, so there is nothing to measure."""

    def add(self, annotations: Sequence[AnnotationRecord]) -> None:
        pass

    @property
    def findings(self) -> dict[str, float]:
        return {}

    def sentences(self) -> list[str]:
        return ["Every pixel of every mask is kept."]


@dataclass
class Overlaps:
    """For formats that give each pixel to one mask.

    Attributes:
        rule: the value of the format's option OVERLAP; "" where there is no choice.
        whose: the mask that has the pixel, as that option says it; "" likewise.
    """

    rule: str = ""
    whose: str = ""
    images: int = 0
    masks: int = 0
    pixels: int = 0
    covered: int = 0

    def add(self, annotations: Sequence[AnnotationRecord]) -> None:
        masks = [annotation.segmentation for annotation in annotations]
        lost = _pixels_lost(masks)
        if lost:
            self.images += 1
            self.masks += _touching(masks)
            self.pixels += lost
            if order := ORDERS.get(self.rule):
                self.covered += len(masks) - len(without_overlaps(order(annotations), "newest"))

    @property
    def findings(self) -> dict[str, float]:
        found: dict[str, float] = {
            "images_with_overlaps": self.images,
            "overlapping_masks": self.masks,
            "pixels_lost": self.pixels,
        }
        if self.rule in ORDERS:
            found["masks_without_a_pixel_left"] = self.covered
        return found

    def sentences(self) -> list[str]:
        if not self.masks:
            return ["No two masks overlap: every pixel is kept."]
        said = [
            f"{_counted(self.masks, 'mask')} on {_counted(self.images, 'image')} overlap: "
            f"{_counted(self.pixels, 'pixel')} of them {_be(self.pixels)} lost, since a pixel is kept in one mask only"
            f"{f': {self.whose}' if self.whose else ''}."
        ]
        if self.covered:
            said.append(
                f"{_counted(self.covered, 'mask')} {_be(self.covered)} covered by others to the last pixel."
            )
        return said


@dataclass
class Outlines:
    """For formats that keep outlines.

    Attributes:
        holes_are_kept: as rings of their own.
        parts_are_kept: several outlines may be one object.
    """

    options: Options
    holes_are_kept: bool
    parts_are_kept: bool
    holes: int = 0
    masks_with_holes: int = 0
    masks_of_parts: int = 0
    parts: int = 0  # of those
    vanished: int = 0
    thin: int = 0
    ious: RunningMean = field(default_factory=lambda: RunningMean())

    def __post_init__(self) -> None:
        self._tolerance = float(self.options.get(polygons.TOLERANCE.name, 0))
        self._holes_are_cut = self.options.get(polygons.HOLES.name) == "cut"

    def add(self, annotations: Sequence[AnnotationRecord]) -> None:
        for annotation in annotations:
            self._add(annotation.segmentation)

    def _add(self, segmentation: Rle) -> None:
        exact = polygons.polygons_of(segmentation)
        holes = sum(len(part.holes) for part in exact)
        self.holes += holes
        self.masks_with_holes += holes > 0
        if len(exact) > 1:
            self.masks_of_parts += 1
            self.parts += len(exact)
        drawn = polygons.polygons_of(segmentation, self._tolerance) if self._tolerance else exact
        self.vanished += max(0, len(exact) - len(drawn))
        self.thin += min(rle.bbox_xywh(segmentation)[2:]) <= self._tolerance
        self.ious.add(self._iou(segmentation, drawn))

    def _iou(self, segmentation: Rle, drawn: Sequence[polygons.Polygon]) -> float:
        """Of the mask and what pycocotools draws of the outlines that are written."""
        height, width = segmentation["size"]
        if not self.holes_are_kept:
            rings = polygons.without_holes(drawn) if self._holes_are_cut else [part.outer for part in drawn]
            drawn = [polygons.Polygon(ring) for ring in rings]
        try:
            return polygons.iou(segmentation, polygons.rle_of(drawn, (height, width)))
        except rle.PolygonMalformed:  # nothing is left that can be drawn
            return 0.0

    @property
    def findings(self) -> dict[str, float]:
        return {
            "holes": self.holes,
            "masks_with_holes": self.masks_with_holes,
            "masks_of_several_parts": self.masks_of_parts,
            "parts_of_these": self.parts,
            "parts_too_small_for_the_tolerance": self.vanished,
            "masks_thinner_than_the_tolerance": self.thin,
        } | self.ious.findings("iou")

    def sentences(self) -> list[str]:
        said = []
        if self.holes and not self.holes_are_kept:
            done = "cut open" if self._holes_are_cut else "filled"
            said.append(
                f"{_counted(self.holes, 'hole')} in {_counted(self.masks_with_holes, 'mask')} "
                f"{_be(self.holes)} {done}."
            )
        if self.masks_of_parts and not self.parts_are_kept:
            said.append(
                f"{_counted(self.masks_of_parts, 'mask')} {_have(self.masks_of_parts)} several parts, "
                f"{self.parts:,} in all; the format has one outline for an object."
            )
        if self.vanished:
            said.append(
                f"{_counted(self.vanished, 'small part')} {_be(self.vanished)} lost to the tolerance."
            )
        if self.thin:
            said.append(f"{_counted(self.thin, 'mask')} {_be(self.thin)} not wider than the tolerance.")
        if self.ious.least == 1:
            said.append("The outlines draw every mask back to the pixel.")
        else:
            said.append(
                f"IoU of the outlines with the masks: {_below_one(self.ious.mean)} on average, "
                f"{_below_one(self.ious.least)} at worst."
            )
        return said


@dataclass
class Boxes:
    """For formats that keep the box alone."""

    filled: RunningMean = field(default_factory=lambda: RunningMean())

    def add(self, annotations: Sequence[AnnotationRecord]) -> None:
        for annotation in annotations:
            _, _, width, height = annotation.bbox_xywh
            self.filled.add(min(1.0, annotation.area / (width * height)) if width * height else 0.0)

    @property
    def findings(self) -> dict[str, float]:
        return self.filled.findings("share_of_box")

    def sentences(self) -> list[str]:
        return [
            f"Only boxes are kept. A mask fills {self.filled.mean:.0%} of its box on average, "
            f"{self.filled.least:.0%} at least."
        ]


def _overlaps(format: Format, options: Options) -> Overlaps:
    option = next((option for option in format.options if option.name == OVERLAP), None)
    if option is None:
        return Overlaps()
    return Overlaps(rule=options[OVERLAP], whose=option.phrase_of(options[OVERLAP]))


GAUGES: dict[Geometry, Callable[[Format, Options], Gauge]] = {
    Geometry.RLE: lambda _, options: EveryPixel(),
    Geometry.LABEL_MAP: _overlaps,
    Geometry.POLYGONS_WITH_HOLES: lambda _, options: Outlines(
        options, holes_are_kept=True, parts_are_kept=True
    ),
    Geometry.POLYGONS: lambda _, options: Outlines(options, holes_are_kept=False, parts_are_kept=True),
    Geometry.ONE_POLYGON: lambda _, options: Outlines(options, holes_are_kept=False, parts_are_kept=False),
    Geometry.BOX: lambda _, options: Boxes(),
}


@dataclass
class RunningMean:
    """Of numbers from 0 to 1."""

    count: int = 0
    total: float = 0.0
    least: float = 1.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least = min(self.least, value)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 1.0

    def findings(self, name: str) -> dict[str, float]:
        """None for no number at all."""
        if not self.count:
            return {}
        return {f"mean_{name}": round(self.mean, 6), f"worst_{name}": round(self.least, 6)}


def _pixels_lost(masks: Sequence[Rle]) -> int:
    """How many pixels the masks of one image have together more than their union."""
    borders = [borders_of(mask) for mask in masks]
    if not borders:
        return 0
    places = np.concatenate(borders)
    # Where foreground begins, one mask more has the pixels that follow; where it ends, one less.
    turns = np.concatenate([np.where(np.arange(len(each)) % 2 == 0, 1, -1) for each in borders])
    order = np.argsort(places, kind="stable")
    depth = np.cumsum(turns[order])[:-1]
    lengths = np.diff(places[order])
    return int((np.maximum(depth - 1, 0) * lengths).sum())


def _touching(masks: Sequence[Rle]) -> int:
    """How many masks of one image share a pixel with another one."""
    packed: list[dict[str, Any]] = [
        {"size": list(mask["size"]), "counts": mask["counts"].encode("ascii")} for mask in masks
    ]
    count = 0
    for start in range(0, len(packed), COMPARED_AT_ONCE):
        rows = packed[start : start + COMPARED_AT_ONCE]
        ious = coco_mask.iou(rows, packed, [0] * len(packed))
        ious[np.arange(len(rows)), start + np.arange(len(rows))] = 0  # with itself
        count += int((ious > 0).any(axis=1).sum())
    return count


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _below_one(value: float) -> str:
    """Three digits, never rounded up to a 1.000 that it is not."""
    return f"{min(value, 0.999) if value < 1 else 1.0:.3f}"
