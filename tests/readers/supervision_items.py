"""What supervision reads: FORMAT FOLDER SPLIT [TARGET] -> {"classes": [names], "items": {picture: [object, ...]}}.

Each object has its class, its box xyxy, and COCO's RLE where supervision has a mask. With a TARGET, what it read is
written there again by supervision's own exporter of the format.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import supervision
from pycocotools import mask as coco_mask


def main(kind: str, folder: str, split: str, target: str = "") -> None:
    root = Path(folder)
    if kind.startswith("yolo"):
        read = supervision.DetectionDataset.from_yolo(
            images_directory_path=str(root / "images" / split),
            annotations_directory_path=str(root / "labels" / split),
            data_yaml_path=str(root / "data.yaml"),
            force_masks=kind == "yolo_seg",
        )
    else:
        read = supervision.DetectionDataset.from_pascal_voc(
            images_directory_path=str(root / "JPEGImages"),
            annotations_directory_path=str(root / "Annotations"),
        )
    items = {}
    for path, _, found in read:
        items[Path(path).name] = [
            {
                "class": read.classes[found.class_id[index]],
                "xyxy": found.xyxy[index].tolist(),
                "rle": encoded(found.mask[index]) if found.mask is not None else None,
            }
            for index in range(len(found))
        ]
    if target:
        images, labels = f"{target}/images/{split}", f"{target}/labels/{split}"
        if kind.startswith("yolo"):
            read.as_yolo(images, labels, f"{target}/data.yaml", approximation_percentage=0)
        else:
            read.as_pascal_voc(f"{target}/JPEGImages", f"{target}/Annotations")
    print(json.dumps({"classes": read.classes, "items": items}))


def encoded(mask: np.ndarray) -> dict:
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(packed["size"]), "counts": packed["counts"].decode()}


if __name__ == "__main__":
    main(*sys.argv[1:])
