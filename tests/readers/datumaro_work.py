"""A piece of work of benchmarks/datasets.py, by datumaro: FORMAT FILE FOLDER MASKS reads|writes."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
import zipfile
from pathlib import Path

import datumaro
from datumaro.components.annotation import AnnotationType


def main(format: str, file: str, folder: str, masks: str, action: str) -> None:
    laid_out(Path(file), Path(folder))
    before = peak_mebibytes()
    started, started_cpu = time.perf_counter(), time.process_time()
    dataset = datumaro.Dataset.import_from(folder, format)
    count = 0
    for item in dataset:
        for annotation in item.annotations:
            # It keeps the box of a mask as an annotation beside the mask.
            if annotation.type == AnnotationType.mask:
                annotation.get_bbox()
                count += 1
    assert count == int(masks), count
    if action == "writes":
        started, started_cpu = time.perf_counter(), time.process_time()
        dataset.export(f"{folder}-written", format, save_media=False)
        shutil.rmtree(f"{folder}-written")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    print(
        json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "mebibytes": peak_mebibytes() - before})
    )


def laid_out(file: Path, folder: Path) -> None:
    """The file where datumaro looks for it."""
    if folder.exists():
        return
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()  # it insists
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    else:
        shutil.copy(file, folder / "annotations" / "instances_default.json")


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
