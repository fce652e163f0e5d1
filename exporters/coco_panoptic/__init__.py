"""COCO's panoptic segmentation, https://cocodataset.org/#format-data ("Panoptic Segmentation"):

    annotations/panoptic_<part>.json    images, categories, and of each image its `segments_info`
    annotations/panoptic_<part>/*.png   of each pixel the id of its segment, R + 256 G + 256^2 B; 0 for none
    images/<part>/                      the pictures, if they are chosen

<part> is train, val or test, and `default` for images of no part, as Datumaro names it. Beyond COCO, a segment has
`attributes`: uuid, name, author, created_at, bundle_digest, prompt, predicted_iou and stability_score as far as they
are known, the last four only where the mask has all its pixels. Segments are numbered from 1 in each image. Every
category is a thing (`isthing` 1), since each annotation is one instance.
"""

from exporters.coco_panoptic import read, write
from exporters.format import ZIP, Format

FORMAT = Format(
    title="COCO panoptic",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
