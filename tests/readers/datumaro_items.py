"""What datumaro reads: FORMAT FOLDER [COPY] -> {"categories": [names], "items": {id: [annotation, ...]}}.

With COPY, it also writes the same in the same format to that folder, with the pictures.

Each annotation has its type, label, and for a mask (a polygon is drawn by datumaro) its pixels' count and COCO's RLE.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import datumaro
import numpy as np
from datumaro.components.annotation import AnnotationType
from pycocotools import mask as coco_mask


def main(format: str, folder: str, copy: str = "") -> None:
    dataset = datumaro.Dataset.import_from(folder, format)
    labels = [label.name for label in dataset.categories().get(AnnotationType.label, [])]
    items = {
        f"{item.subset}/{item.id}": [described(annotation, labels) for annotation in item.annotations]
        for item in dataset
    }
    if copy:
        dataset.export(copy, format, save_media=True)
    print(json.dumps({"categories": labels, "items": items}))


def described(annotation: Any, labels: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"type": annotation.type.name, "label": None}
    if getattr(annotation, "label", None) is not None:
        told["label"] = labels[annotation.label]
    told["attributes"] = {name: str(value) for name, value in annotation.attributes.items()}
    if annotation.type == AnnotationType.mask:
        encoded = coco_mask.encode(np.asfortranarray(annotation.image.astype(np.uint8)))
        told["rle"] = {"size": list(encoded["size"]), "counts": encoded["counts"].decode()}
    elif hasattr(annotation, "points"):
        told["points"] = [float(value) for value in annotation.points]
    if hasattr(annotation, "get_bbox"):
        told["bbox"] = [float(value) for value in annotation.get_bbox()]
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
