"""A data set that `datasets.load_dataset(folder)` opens, in one of two layouts.

Sources: https://huggingface.co/docs/datasets/image_dataset (folders with metadata.jsonl) and
https://huggingface.co/docs/hub/datasets-image (Parquet, and the card's `configs`).

    parquet      data/<split>-00000-of-00001.parquet, its schema with the features (Image, ClassLabel) as the library
                 writes them under the key "huggingface"
    imagefolder  <split>/metadata.jsonl and <split>/ with the pictures
    both         README.md, the card that names the splits: train, validation, test

A row is an image: image (bytes and path; only with the pictures), image_id, file_name, width, height, digest,
created_at and `objects`, which holds a list for each of id, category, category_id, bbox (x, y, width, height), area,
segmentation (COCO's compressed RLE), uuid, name, author, created_at, bundle_digest, prompt (JSON), predicted_iou and
stability_score. In Parquet `category` is a ClassLabel, in metadata.jsonl a name.
"""

from exporters.format import ZIP, Format
from exporters.hugging_face import read, write

FORMAT = Format(
    title="Hugging Face datasets",
    media_type=ZIP.media_type,
    extension=ZIP.extension,
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    read=read.read,
    recognises=read.recognises,
)
