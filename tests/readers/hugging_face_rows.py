"""What `datasets.load_dataset` opens: FOLDER CACHE [COPY] -> {split: {"features": {...}, "rows": [...]}}.

With COPY, the library also writes a data set of its own to that folder, in Parquet: boxes alone, as CPPE-5 has them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets  # noqa: E402  # reads the environment when it is imported
from PIL import Image  # noqa: E402


def main(folder: str, cache: str, copy: str = "") -> None:
    loaded = datasets.load_dataset(folder, cache_dir=cache)
    told = {
        split: {
            "features": {name: type(feature).__name__ for name, feature in rows.features.items()},
            "classes": classes_of(rows.features["objects"]["category"]),
            "rows": [described(row) for row in rows],
        }
        for split, rows in loaded.items()
    }
    if copy:
        write_boxes(Path(copy))
    print(json.dumps(told))


def classes_of(feature: Any) -> list[str] | None:
    """The names of a list's ClassLabel."""
    while hasattr(feature, "feature"):
        feature = feature.feature
    return getattr(feature, "names", None)


def described(row: dict[str, Any]) -> dict[str, Any]:
    picture = row.pop("image", None)
    return row | {"picture": picture and {"size": list(picture.size), "mode": picture.mode}}


def write_boxes(folder: Path) -> None:
    folder.mkdir()
    picture = Image.new("RGB", (20, 10), "red")
    features = datasets.Features(
        {
            "image_id": datasets.Value("int64"),
            "image": datasets.Image(),
            "objects": {
                "id": datasets.List(datasets.Value("int64")),
                "area": datasets.List(datasets.Value("int64")),
                "bbox": datasets.List(datasets.List(datasets.Value("float32"), length=4)),
                "category": datasets.List(datasets.ClassLabel(names=["Coverall", "Mask"])),
            },
        }
    )
    objects = {"id": [114, 115], "area": [6, 20], "bbox": [[1, 2, 3, 2], [0, 0, 5, 4]], "category": [1, 0]}
    rows = {"image_id": [15], "image": [picture], "objects": [objects]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / "test-00000-of-00001.parquet")


if __name__ == "__main__":
    main(*sys.argv[1:])
