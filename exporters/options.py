"""The choices every format shares."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.errors import InvalidOption

SEGMENTATIONS = ("rle", "polygon", "both")


@dataclass(frozen=True)
class ExportOptions:
    """How a dataset is written.

    Attributes:
        segmentation: "rle" keeps every mask bit for bit; "polygon" is what older tools read and loses holes;
            "both" gives the RLE and the polygons beside it.
        include_images: put the picture files in, which makes the export a zip.

    Raises:
        InvalidOption: `segmentation` is none of these.
    """

    segmentation: str = "rle"
    include_images: bool = False

    def __post_init__(self) -> None:
        if self.segmentation not in SEGMENTATIONS:
            raise InvalidOption(
                f"segmentation is {self.segmentation!r}; it must be one of {', '.join(SEGMENTATIONS)}"
            )
