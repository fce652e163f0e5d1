"""SA-1B's files: for each image one JSON beside it. Source: the data set's card,
https://github.com/facebookresearch/segment-anything#dataset.

    image        image_id, width, height, file_name
    annotations  id, segmentation (compressed RLE), bbox (x, y, width, height), area, predicted_iou, stability_score,
                 point_coords (the points that were given to the model), crop_box (the part of the image that it saw)

The format has no categories. Beyond it, each annotation has `category` and `category_id`, and of its origin what is
known: uuid, name, author, created_at, bundle_digest and prompt. Images of a part of the dataset lie in a folder of its
name, train, val or test. In a file without `category` each annotation is an "object".
"""

from exporters.format import ZIP, Format
from exporters.sa1b import read, write

FORMAT = Format(
    title="SA-1B",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
)
