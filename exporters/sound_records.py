"""Goes through records on their way into a file, and stops at one that would make it wrong."""

from __future__ import annotations

from collections.abc import Iterator

from exporters.errors import InvalidRecord
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord


class SoundRecords:
    """The images and annotations of one dataset, checked as they pass.

    Ids of annotations are not compared with each other; a format whose file needs them to differ looks itself
    (`exporters.seen_ids`).

    Raises:
        InvalidRecord: two categories have the same id.
    """

    def __init__(self, dataset: DatasetRecord) -> None:
        self._dataset = dataset
        self.categories: dict[int, CategoryRecord] = {
            category.id: category for category in dataset.categories
        }
        if len(self.categories) != len(dataset.categories):
            raise InvalidRecord("two categories have the same COCO id; ids must differ within a project")

    def images(self) -> Iterator[ImageRecord]:
        """Every image.

        Raises:
            InvalidRecord: an id comes twice.
        """
        seen: set[int] = set()
        for image in self._dataset.images:
            if image.id in seen:
                raise InvalidRecord(f"image id {image.id} comes twice")
            seen.add(image.id)
            yield image

    def annotations(self, image: ImageRecord) -> Iterator[AnnotationRecord]:
        """The annotations of one image.

        Raises:
            InvalidRecord: a category that is not in the dataset, a mask of another size than its image.
        """
        image_hw = [image.height, image.width]
        for annotation in image.annotations:
            told = annotation.uuid or annotation.id
            if annotation.category_id not in self.categories:
                raise InvalidRecord(
                    f"annotation {told} has category {annotation.category_id}, which is not in the dataset"
                )
            if list(annotation.segmentation["size"]) != image_hw:
                raise InvalidRecord(
                    f"annotation {told}: its mask is {annotation.segmentation['size']} (height, width), "
                    f"its image {image_hw}"
                )
            yield annotation

    def category_of(self, annotation: AnnotationRecord) -> CategoryRecord:
        return self.categories[annotation.category_id]
