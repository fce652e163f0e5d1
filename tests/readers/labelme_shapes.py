"""What labelme reads: FOLDER COPIES -> {document: {"picture": path, "size": [h, w], "shapes": [shape, ...]}}.

Each shape has its label, type, group, description, the keys labelme does not know, and its mask as COCO's RLE, drawn
by labelme. Every document is saved by labelme in COPIES too, as its window does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from labelme import utils
from labelme._label_file import LabelFile, read_label_file
from pycocotools import mask as coco_mask


def main(folder: str, copies: str) -> None:
    told = {}
    for path in sorted(Path(folder).rglob("*.json")):
        data = read_label_file(str(path))
        picture = utils.img_data_to_arr(data.image_data)
        name = path.relative_to(folder).as_posix()
        told[name] = {
            "picture": data.image_path,
            "size": list(picture.shape[:2]),
            "shapes": [described(shape, picture.shape[:2]) for shape in data.shapes],
        }
        copy = Path(copies) / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        LabelFile().save(
            filename=str(copy),
            shapes=[saved(shape) for shape in data.shapes],
            image_path=data.image_path,
            image_height=picture.shape[0],
            image_width=picture.shape[1],
            image_data=data.image_data,
        )
    print(json.dumps(told))


def described(shape: Any, hw: tuple[int, int]) -> dict[str, Any]:
    _, instances = utils.shapes_to_label((*hw, 3), [shape], {shape["label"]: 1})
    encoded = coco_mask.encode(np.asfortranarray((instances > 0).astype(np.uint8)))
    return {
        "label": shape["label"],
        "type": shape["shape_type"],
        "group": shape["group_id"],
        "description": shape["description"],
        "other": shape["other_data"],
        "rle": {"size": list(encoded["size"]), "counts": encoded["counts"].decode()},
    }


def saved(shape: Any) -> dict[str, Any]:
    """As labelme's window puts a shape into the file."""
    mask = shape["mask"]
    return shape["other_data"] | {
        "label": shape["label"],
        "points": shape["points"],
        "group_id": shape["group_id"],
        "description": shape["description"],
        "shape_type": shape["shape_type"],
        "flags": shape["flags"],
        "mask": None if mask is None else utils.img_arr_to_b64(mask.astype(np.uint8)),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
