"""Label Studio's JSON: https://labelstud.io/guide/export, "Label Studio JSON format of annotated tasks".

    tasks.json          one task an image
    label_config.xml    the labelling interface that fits: paste it into the project's settings before the import
    images/             a task's picture is "/data/local-files/?d=images/cat.jpg": with the folder set as the local
                        storage's root, Label Studio shows it

What one object is:
    masks     one brush region: the picture's RGBA pixels packed in bits (`brush`). Bit for bit.
    polygons  one polygon region a part, in per cent of width and height.

Where a mask came from stands in the region's `meta`: `uuid`, `author`, `prompt` and the like; parts of one object have
one `uuid`. What the image has besides (`width`, `height`, `split`) is in the task's `meta`.
"""

from exporters.format import ZIP, Format
from exporters.label_studio import read, write

FORMAT = Format(
    title="Label Studio",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
