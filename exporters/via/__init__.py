"""VGG Image Annotator (VIA) 1 and 2, read only: https://www.robots.ox.ac.uk/~vgg/software/via/.

    project.json            {"_via_settings", "_via_img_metadata": {...}, "_via_attributes": {...}}
    via_region_data.json    what stands in "_via_img_metadata" alone: "Export annotations (as json)"
    via_region_data.csv     one region a row, its shape and its attributes as JSON: "Export annotations (as csv)"

An image is {"filename", "size" (bytes), "regions", "file_attributes"}, a region has "shape_attributes" ({"name":
"polygon", "all_points_x": [...], ...}) and "region_attributes" ({"class": "cat"}). VIA keeps no size of an image, so
the pictures have to come along.
"""

from exporters.format import ZIP, Format
from exporters.via import read

FORMAT = Format(
    title="VGG Image Annotator (VIA)",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=(),
    losses=(),
    read=read.read,
    recognises=read.recognises,
)
