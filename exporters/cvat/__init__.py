"""CVAT's XML "CVAT for images 1.1": https://docs.cvat.ai/docs/manual/advanced/xml_format/.

    annotations.xml     meta with the labels and their colours, then each image with its shapes
    images/             of a dataset with splits: images/<subset>/

What one object is:
    masks     <mask rle="3, 5, 7" left top width height>: runs along the rows of its box, background first. Bit for bit.
    polygons  one <polygon> a part; parts of one object have one group_id, as CVAT's own COCO export joins them.

Where a mask came from stands in attributes of the shape, which the labels declare: `uuid`, `author`, `prompt` and the
like.
"""

from exporters.cvat import read, write
from exporters.format import ZIP, Format

FORMAT = Format(
    title="CVAT for images 1.1",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
