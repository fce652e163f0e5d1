"""Masks as PNG pictures, for code that knows no format and reads pictures.

    categories.json                      what the numbers of categories mean: [{"id", "name", ...}]
    images.csv                           what the pictures were called (`exporters.image_list`)
    images/<split>/<name>.jpg            the pictures, where they are included; without a split no folder for it
    semantic    masks/<split>/<name>.png           the category's id of each pixel, 8 or 16 bits; 0 is the background
    instance    masks/<split>/<name>.png           the object of each pixel, 16 bits
                masks/<split>/<name>.json          {"width", "height", "instances": [{"value", "category_id", ...}]}
    objects     masks/<split>/<name>/<nnn>_<category>.png    0 and 255
                masks/<split>/<name>/objects.json            likewise, with "file" in the place of "value"

The layout is our own, since the field has none. A folder of masks with a labels.txt, as people make it by hand, is
read as well.
"""

from exporters.format import ZIP, Format
from exporters.png_masks import read, write

FORMAT = Format(
    title="PNG masks",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
