"""What Label Studio's converter reads: TASKS CONFIG -> {"tags": {...}, "tasks": {id: [region, ...]}}.

Each region has its label and, of a brush, its mask as COCO's RLE; of a polygon, its corners in pixels.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from label_studio_sdk.converter import Converter, brush
from pycocotools import mask as coco_mask


def main(tasks: str, config: str) -> None:
    converter = Converter(config, project_dir=".", download_resources=False)
    told = {}
    for item in converter.iter_from_json_file(tasks):
        told[item["id"]] = [described(region) for regions in item["output"].values() for region in regions]
    tags = {name: tag["labels"] for name, tag in converter._schema.items()}
    print(json.dumps({"tags": tags, "tasks": told}))


def described(region: dict[str, Any]) -> dict[str, Any]:
    width, height = region["original_width"], region["original_height"]
    if "rle" in region:
        [mask] = brush.decode_from_annotation("label", [region]).values()
        encoded = coco_mask.encode(np.asfortranarray((mask > 0).astype(np.uint8)))
        rle = {"size": list(encoded["size"]), "counts": encoded["counts"].decode()}
        return {"label": region["brushlabels"], "rle": rle}
    points = [[x * width / 100, y * height / 100] for x, y in region["points"]]
    return {"label": region["polygonlabels"], "points": points}


if __name__ == "__main__":
    main(*sys.argv[1:])
