"""YOLO boxes, as Ultralytics' detectors are trained with them: https://docs.ultralytics.com/datasets/detect/.

A row of labels/<split>/<name>.txt is `class cx cy w h`, the box's middle and sides in shares of the picture's sides.
The layout of the zip: `exporters.yolo_writing`; what is read: `exporters.yolo_reading`.
"""

from exporters.format import ZIP, Format
from exporters.yolo_boxes import read, write

FORMAT = Format(
    title="YOLO boxes",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
