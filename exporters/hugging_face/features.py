"""The columns: how the library describes them, how Arrow stores them, and what stands in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord
from exporters.streams import dumps, finite

if TYPE_CHECKING:
    import pyarrow as pa

# Beside the library's own key in the schema: ids, supercategories and colors, which ClassLabel has no room for, and
# whether each row has a picture.
OWN_KEY = b"maskwright"
FEATURES_KEY = b"huggingface"
# Other people's words for an object's category, ours first.
CATEGORY = ("category", "categories", "label", "labels", "category_id")


def schema_of(dataset: DatasetRecord, with_pictures: bool) -> pa.Schema:
    """The columns of a Parquet file, with the features in its metadata."""
    import pyarrow as pa

    texts = pa.list_(pa.string())
    objects = {
        "id": pa.list_(pa.int64()),
        "category": pa.list_(pa.int64()),
        "category_id": pa.list_(pa.int64()),
        "bbox": pa.list_(pa.list_(pa.float64(), 4)),
        "area": pa.list_(pa.int64()),
        "segmentation": pa.list_(pa.struct({"size": pa.list_(pa.int32(), 2), "counts": pa.string()})),
        "uuid": texts,
        "name": texts,
        "author": texts,
        "created_at": texts,
        "bundle_digest": texts,
        "prompt": texts,
        "predicted_iou": pa.list_(pa.float64()),
        "stability_score": pa.list_(pa.float64()),
    }
    columns = {
        "image_id": pa.int64(),
        "file_name": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "digest": pa.string(),
        "created_at": pa.string(),
        "objects": pa.struct(objects),
    }
    if with_pictures:
        columns = {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()})} | columns
    features = {name: _feature(kind) for name, kind in columns.items()}
    if with_pictures:
        features["image"] = {"_type": "Image"}
    if dataset.categories:
        names = [category.name for category in dataset.categories]
        features["objects"]["category"] = [{"names": names, "_type": "ClassLabel"}]
    metadata = {
        FEATURES_KEY: dumps({"info": {"features": features}}),
        OWN_KEY: dumps(_own(dataset, with_pictures)),
    }
    return pa.schema(columns, metadata=metadata)


def _feature(kind: pa.DataType) -> Any:
    """An Arrow type in the library's words. A list with brackets is understood by every version of it."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return {part.name: _feature(part.type) for part in kind}
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "Sequence"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}


def _own(dataset: DatasetRecord, with_pictures: bool) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "description": dataset.description,
        "pictures": with_pictures,
        "created_at": dataset.created_at.isoformat() if dataset.created_at else None,
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "supercategory": category.supercategory,
                "color": category.color,
            }
            for category in dataset.categories
        ],
    }


def row_of(
    image: ImageRecord,
    file_name: str,
    annotations: Iterable[AnnotationRecord],
    categories: Mapping[int, CategoryRecord],
    class_labels: Mapping[int, int] | None,
) -> dict[str, Any]:
    """One image without its picture.

    Args:
        class_labels: the number that stands for each category id; None for the names themselves.
    """
    found = list(annotations)
    known = [categories[each.category_id] for each in found]
    objects = {
        "id": [each.id for each in found],
        "category": [class_labels[row.id] for row in known] if class_labels else [row.name for row in known],
        "category_id": [each.category_id for each in found],
        "bbox": [[float(side) for side in each.bbox_xywh] for each in found],
        "area": [each.area for each in found],
        "segmentation": [
            {"size": [image.height, image.width], "counts": each.segmentation["counts"]} for each in found
        ],
        # Texts are never null, so that a column has the same type in every file.
        "uuid": [each.uuid for each in found],
        "name": [each.name for each in found],
        "author": [each.author for each in found],
        "created_at": [each.created_at.isoformat() if each.created_at else "" for each in found],
        "bundle_digest": [each.bundle_digest for each in found],
        "prompt": [dumps(dict(each.prompt)) if each.prompt else "" for each in found],
        "predicted_iou": [finite(each.predicted_iou) for each in found],
        "stability_score": [finite(each.stability_score) for each in found],
    }
    return {
        "image_id": image.id,
        "file_name": file_name,
        "width": image.width,
        "height": image.height,
        "digest": image.digest,
        "created_at": image.created_at.isoformat() if image.created_at else "",
        "objects": objects,
    }


def class_names(metadata: Mapping[bytes, bytes] | None) -> list[str] | None:
    """The names of the ClassLabel in `objects`, from a Parquet file's metadata; None where there is none."""
    features = _json(metadata, FEATURES_KEY)
    for key in ("info", "features", "objects"):
        features = features.get(key) if isinstance(features, dict) else None
    return _names_in(features)


def _names_in(feature: Any) -> list[str] | None:
    """The first ClassLabel in a feature, whichever of the library's versions wrote its lists."""
    if isinstance(feature, list):
        inner = feature
    elif isinstance(feature, dict):
        names = feature.get("names")
        if feature.get("_type") == "ClassLabel" and isinstance(names, list):
            return [name if isinstance(name, str) else str(name) for name in names]
        # An object may have several; the one of its category is meant.
        first = [feature[key] for key in CATEGORY if key in feature]
        inner = first + list(feature.values())
    else:
        return None
    return next((found for part in inner if (found := _names_in(part)) is not None), None)


def own_metadata(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """What `schema_of` wrote beside the features; empty for other people's files."""
    found = _json(metadata, OWN_KEY)
    return found if isinstance(found, dict) else {}


def _json(metadata: Mapping[bytes, bytes] | None, key: bytes) -> Any:
    try:
        return json.loads((metadata or {}).get(key, b"null"))
    except (ValueError, RecursionError):
        return None
