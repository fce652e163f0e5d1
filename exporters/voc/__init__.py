"""Pascal VOC, in the layout of VOC2012: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/.

    Annotations/<name>.xml           boxes; the n-th object has number n in SegmentationObject
    SegmentationClass/<name>.png     the class of each pixel, with VOC's palette; no border of 255 is drawn
    SegmentationObject/<name>.png    the object of each pixel
    ImageSets/{Main,Segmentation}/{train,val,test}.txt
    JPEGImages/<name>.jpg            the pictures, where they are included, of whatever kind they are
    labelmap.txt                     classes and colours, as datumaro and CVAT write them
    images.csv                       what the pictures were called (`exporters.image_list`)

Provenance stands in each object's <attributes>, where CVAT has them. An object that others hide wholly has a box alone.
"""

from exporters.format import ZIP, Format
from exporters.voc import read, write

FORMAT = Format(
    title="Pascal VOC",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
