"""Datumaro's own format, version 1.0: https://open-edge-platform.github.io/datumaro/latest/docs/data-formats/formats/
datumaro.html

    annotations/<part>.json   labels, and the items with their annotations: masks as RLE, bit for bit
    images/<part>/            the pictures, if they are chosen

<part> is train, val or test, and `default` for images of no part. A label is named by its place in the list; the COCO
ids are in `infos`. An annotation's `attributes` hold what is known of its origin: uuid, name, author, created_at,
bundle_digest, prompt, predicted_iou and stability_score. An image's digest and time stand in its `attr`.
"""

from exporters.datumaro import read, write
from exporters.format import ZIP, Format

FORMAT = Format(
    title="Datumaro",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
)
