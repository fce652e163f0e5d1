"""One piece of work of benchmarks/datasets.py on the tables of a real project: fill|examine|take_in|export FILE MASKS.

The environment names the data folder and the folder of the file (DATA_DIR, IMPORT_ROOTS). `fill` makes a project with
the images that the file speaks of, without pictures. The others are jobs as a worker does them, one after the other:
    examine  the dry run: the file is gone through and compared with the project.
    take_in  one category is mapped by hand, and the masks come in.
    export   they go out again, as COCO's RLE, into a file in storage.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TypeVar

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")
django.setup()

from annotator.datasets import exports, imports  # noqa: E402
from annotator.jobs import queue  # noqa: E402
from annotator.models import Annotation, Export, Image, Import, LeasedJob, Project  # noqa: E402
from annotator.projects.categories import create_category  # noqa: E402
from annotator.site.name_key import name_key  # noqa: E402
from annotator.worker.runners import exports as export_runner  # noqa: E402
from annotator.worker.runners import imports as import_runner  # noqa: E402
from benchmarks import dataset_work  # noqa: E402

Job = TypeVar("Job", bound=LeasedJob)


def fill(file: Path, masks: int) -> None:
    project = Project.objects.create(name="Benchmark")
    create_category(project, name="animal")
    rows = (
        Image(
            project=project,
            name=image.file_name,
            name_key=name_key(image.file_name),
            file=f"images/{image.file_name}",
            width=image.width,
            height=image.height,
            digest=f"{image.id:064x}",
            position=1,
            size_bytes=1,
        )
        for image in dataset_work.dataset(masks).images
    )
    Image.objects.bulk_create(rows, batch_size=1000)


def examine(file: Path, masks: int) -> None:
    job = imports.begin_with_path(Project.objects.get(), None, file)
    import_runner.run(claimed(Import, job))
    job.refresh_from_db()
    assert job.found and job.found["annotations"]["new"] == masks, job.found


def take_in(file: Path, masks: int) -> None:
    job = Import.objects.get()
    own = job.project.categories.get()
    assert job.found
    first, *_ = job.found["categories"]
    imports.change(job, mapping={str(first["id"]): own.pk})
    imports.start(job)
    import_runner.run(claimed(Import, job))
    assert Annotation.objects.count() == masks


def export(file: Path, masks: int) -> None:
    row = exports.start(Project.objects.get(), None, format="coco")
    export_runner.run(claimed(Export, row))
    row.refresh_from_db()
    assert row.report["annotations"] == masks, row.report


def claimed(model: type[Job], row: Job) -> Job:
    job = queue.claim(model.objects.filter(pk=row.pk), "benchmark")
    assert job, row.state
    return job


ACTIONS = {action.__name__: action for action in (fill, examine, take_in, export)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=list(ACTIONS))
    parser.add_argument("file", type=Path)
    parser.add_argument("masks", type=int)
    chosen = parser.parse_args()
    with dataset_work.measured():
        ACTIONS[chosen.action](chosen.file, chosen.masks)


if __name__ == "__main__":
    main()
