"""Cityscapes: https://github.com/mcordts/cityscapesScripts.

    gtFine/<split>/<city>/<name>_gtFine_polygons.json       outlines, to be painted one over the other
    gtFine/<split>/<city>/<name>_gtFine_labelIds.png        8 bits, the label of each pixel
    gtFine/<split>/<city>/<name>_gtFine_labelTrainIds.png   likewise, numbered for training
    gtFine/<split>/<city>/<name>_gtFine_instanceIds.png     16 bits, 1000 times the label and the object's number
    gtFine/<split>/<city>/<name>_gtFine_color.png
    leftImg8bit/<split>/<city>/<name>_leftImg8bit.png       the pictures, where they are included, of whatever kind
    label_colors.txt, categories.json                       where the categories are not Cityscapes' own
    images.csv                                              what the pictures were called (`exporters.image_list`)

The city is the first folder of a picture's name, or "all". Categories whose names are all Cityscapes' get its numbers
and colours; others get numbers from 1 on, the same in labelIds and labelTrainIds, and all of them have instances. Each
object of the polygons carries its number in instanceIds and its provenance beside what Cityscapes has there.
"""

from exporters.cityscapes import read, write
from exporters.format import ZIP, Format

FORMAT = Format(
    title="Cityscapes",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
    geometry=write.geometry,
)
