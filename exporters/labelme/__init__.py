"""labelme's JSON, one document an image beside its picture.

Source: https://github.com/wkentaro/labelme, labelme/_label_file.py.

    labels.txt    a name a line, as `labelme --labels` takes them; the first two are labelme's own
    a/cat.jpg
    a/cat.json    imagePath "cat.jpg", imageData null, shapes [...]

What one object is:
    masks     one shape of the type "mask" (labelme 5.2 and later): `points` are the first and the last pixel of its
              box, `mask` the box's pixels, 0 or 1, as a PNG in base64. Bit for bit.
    polygons  one shape a part; parts of one object have one `group_id`.

labelme keeps keys of a shape that it does not know, so `uuid`, `author`, `prompt` and the like stand there; the
object's own name is its `description`.
"""

from exporters.format import ZIP, Format
from exporters.labelme import read, write

FORMAT = Format(
    title="LabelMe",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
