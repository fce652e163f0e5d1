"""How good the masks of a bundle are: measured by `benchmarks/interactive_quality.py` and kept beside its manifest.

The file is no part of the bundle's digest: to measure a bundle does not make it another one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from segmentation import atomic_file

QUALITY_FILE = "quality.json"


@dataclass(frozen=True)
class Quality:
    """Mean IoU with real masks, 0 to 1, of the mask that is shown for a first prompt."""

    one_click: float
    box: float
    masks: int
    """How many masks were compared."""

    def __post_init__(self) -> None:
        if not (0 <= self.one_click <= 1 and 0 <= self.box <= 1 and self.masks >= 1):
            raise ValueError(f"no mean IoU of any masks: {self}")


def load_quality(directory: Path | str) -> Quality | None:
    """What is known of the bundle in a folder; None: it was not measured, or the file is damaged."""
    try:
        fields = json.loads((Path(directory) / QUALITY_FILE).read_bytes())
        return Quality(float(fields["one_click"]), float(fields["box"]), int(fields["masks"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_quality(directory: Path | str, quality: Quality) -> None:
    """Keeps what was measured beside the manifest."""
    text = json.dumps(asdict(quality), indent=2) + "\n"
    atomic_file.write_bytes(Path(directory) / QUALITY_FILE, text.encode())
