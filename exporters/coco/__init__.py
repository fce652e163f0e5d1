"""COCO's instances file: https://cocodataset.org/#format-data.

Beyond COCO, each annotation carries `uuid`, `predicted_iou` and `stability_score`, and `name` where it has one of its
own, each category `color`, each image `digest` and `split` where known; readers skip keys they do not know. With the
pictures the file is a zip of `annotations/instances.json` and `images/`; of a dataset in parts, of
`annotations/instances_train.json`, `images/train/` and likewise for the others (`default`: of no part).

What stands in an annotation's `segmentation`:
    rle      compressed RLE. pycocotools gives back the mask bit for bit.
    polygon  a list of outlines [x, y, x, y, ...]. COCO's polygons hold no holes: they are cut open, or filled.
    both     compressed RLE in `segmentation`, as for rle, and the outlines beside it in `polygons`.
"""

from exporters.coco import read, write
from exporters.format import Format

FORMAT = Format(
    title="COCO instances",
    media_type="application/json",
    extension=".json",
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
