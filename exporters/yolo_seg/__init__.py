"""YOLO segmentation, as Ultralytics' models are trained with it: https://docs.ultralytics.com/datasets/segment/.

A row of labels/<split>/<name>.txt is `class x y x y ...`, one outline in shares of the picture's sides. The layout of
the zip: `exporters.yolo_writing`; what is read: `exporters.yolo_reading`.
"""

from exporters.format import ZIP, Format
from exporters.yolo_seg import read, write

FORMAT = Format(
    title="YOLO segmentation",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
