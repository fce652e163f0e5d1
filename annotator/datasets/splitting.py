"""The part of the dataset that each image of an export belongs to: of a project's rows, and of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from annotator.datasets.selection import Split, SplitBy
from annotator.models import Image
from annotator.models.annotation import AnnotationQuerySet
from annotator.models.image import ImageQuerySet
from exporters.records import DatasetRecord, ImageRecord
from exporters.shares import by_hash, grouped, stratified


class Splitter:
    """Says it of every image of one export.

    Image by image, nothing is kept; by category and by upload, some hundred bytes an image.
    """

    def __init__(self, images: ImageQuerySet, annotations: AnnotationQuerySet, split: Split) -> None:
        self._images, self._annotations, self._split = images, annotations, split

    def part_of(self, image: Image) -> str:
        """One of `exporters.records.SPLITS`; "" where there are no parts. An image that came in meanwhile is in the
        part that its content alone says."""
        if self._split.by == SplitBy.NONE:
            return ""
        alone = by_hash(image.digest, self._split.shares, self._split.seed)
        return alone if self._split.by == SplitBy.IMAGE else self._parts.get(image.pk, alone)

    def counts(self) -> dict[str, int]:
        """Images in each part; none where there are no parts."""
        if self._split.by == SplitBy.NONE:
            return {}
        if self._split.by == SplitBy.IMAGE:
            digests = self._images.order_by().values_list("digest", flat=True).iterator()
            found = Counter(by_hash(key, self._split.shares, self._split.seed) for key in digests)
        else:
            found = Counter(self._parts.values())
        return {name: found[name] for name in self._split.shares.used}

    @cached_property
    def _parts(self) -> dict[int, str]:
        shares, seed = self._split.shares, self._split.seed
        if self._split.by == SplitBy.UPLOAD:
            rows = self._images.order_by("pk").values_list("pk", "name", "batch", "digest")
            return grouped(
                ((pk, _group(name, batch, digest)) for pk, name, batch, digest in rows.iterator()),
                shares,
                seed,
            )
        labels: dict[int, tuple[str, set[int]]] = {
            pk: (digest, set())
            for pk, digest in self._images.order_by("pk").values_list("pk", "digest").iterator()
        }
        found = self._annotations.filter(image__in=self._images).order_by().values_list("image", "category")
        for image, category in found.distinct().iterator():
            if image in labels:
                labels[image][1].add(category)
        return stratified(labels, shares, seed)


def _group(name: str, batch: str, digest: str) -> str:
    """What an image stays together with: its folder, where the name has one, else its upload, else itself."""
    folder = str(PurePosixPath(name).parent)
    return folder if folder != "." else batch or digest


def with_parts(dataset: DatasetRecord, split: Split) -> DatasetRecord:
    """The dataset with its images in parts, for records that no table stands behind; by image or by category."""
    if split.by == SplitBy.NONE:
        return dataset
    return replace(dataset, images=_ImagesInParts(dataset, split))


@dataclass
class _ImagesInParts:
    dataset: DatasetRecord
    split: Split

    def __iter__(self) -> Iterator[ImageRecord]:
        for image in self.dataset.images:
            yield replace(image, split=self._part_of(image))

    def _part_of(self, image: ImageRecord) -> str:
        if self.split.by == SplitBy.CATEGORY:
            return self._parts[image.id]
        return by_hash(image.digest, self.split.shares, self.split.seed)

    @cached_property
    def _parts(self) -> dict[int, str]:
        labels = {
            image.id: (image.digest, {annotation.category_id for annotation in image.annotations})
            for image in self.dataset.images
        }
        return stratified(labels, self.split.shares, self.split.seed)
