"""One piece of work of benchmarks/datasets.py, in a process of its own: write|read FORMAT FILE MASKS."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.draw import ellipse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from exporters.reading import ReadReport  # noqa: E402
from exporters.records import AnnotationRecord, CategoryRecord, DatasetRecord, ImageRecord  # noqa: E402
from exporters.registry import find_format  # noqa: E402
from exporters.source import source_of  # noqa: E402
from segmentation import rle  # noqa: E402

HEIGHT, WIDTH = 480, 640
MASKS_AN_IMAGE = 10
SHAPES = 97


@dataclass(frozen=True)
class Images:
    """Made up anew in each pass, so that none is held."""

    count: int

    def __iter__(self) -> Iterator[ImageRecord]:
        shapes = made_up_shapes()
        for index in range(self.count):
            first = index * MASKS_AN_IMAGE
            annotations = tuple(
                annotation(number, *shapes[number % SHAPES])
                for number in range(first + 1, first + 1 + MASKS_AN_IMAGE)
            )
            yield ImageRecord(index + 1, f"{index:07}.jpg", WIDTH, HEIGHT, annotations)


def made_up_shapes() -> list[tuple[dict, int, tuple]]:
    random = np.random.default_rng(0)
    shapes = []
    for _ in range(SHAPES):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        y, x = random.uniform(50, HEIGHT - 50), random.uniform(50, WIDTH - 50)
        mask[ellipse(y, x, random.uniform(8, 90), random.uniform(8, 90), shape=mask.shape)] = True
        encoded = rle.encode(mask)
        shapes.append((encoded, int(mask.sum()), tuple(rle.bbox_xywh(encoded))))
    return shapes


def annotation(number: int, encoded: dict, area: int, box: tuple) -> AnnotationRecord:
    return AnnotationRecord(
        number,
        1 + number % 3,
        encoded,
        area,
        box,
        uuid=f"00000000-0000-4000-8000-{number:012}",
        predicted_iou=0.9,
    )


def dataset(masks: int) -> DatasetRecord:
    images = -(-masks // MASKS_AN_IMAGE)
    categories = tuple(CategoryRecord(number, name) for number, name in enumerate(("cat", "dog", "cup"), 1))
    return DatasetRecord("Benchmark", categories, Images(images), images, masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["write", "read"])
    for name in ("format", "file", "masks"):
        parser.add_argument(name)
    options = parser.parse_args()
    work(options.action, options.format, options.file, options.masks)


def work(action: str, name: str, file: str, masks: str) -> None:
    format = find_format(name)
    with measured():
        if action == "write":
            with open(file, "wb") as stream:
                format.writer(dataset(int(masks)), stream, format.options_from({}), None)
            return
        report = ReadReport()
        with open(file, "rb") as stream:
            assert format.read is not None
            read = format.read(source_of(stream, Path(file).name), report)
            found = sum(len(tuple(image.annotations)) for image in read.images)
        assert found == int(masks) and not report.refusals, (found, report.refusals[:3])


@contextmanager
def measured() -> Iterator[None]:
    """Prints what the work within took, as JSON: seconds, the processor's seconds, MiB beyond what was there before."""
    before = peak_mebibytes()
    started, started_cpu = time.perf_counter(), time.process_time()
    yield
    figures = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - started_cpu,
        "mebibytes": peak_mebibytes() - before,
    }
    print(json.dumps(figures))


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
