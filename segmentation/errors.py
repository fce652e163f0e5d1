"""The root of everything this package raises on purpose."""


class SegmentationError(Exception):
    """An error with a stable `code`, so that a caller can answer to it without reading the sentence."""

    code = "segmentation_error"
