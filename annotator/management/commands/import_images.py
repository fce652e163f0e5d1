"""`manage.py import_images`: pictures, folders and zips into a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.embeddings import queue as embedding_queue
from annotator.errors import MaskwrightError
from annotator.management import find_project
from annotator.management.progress import ProgressLine
from annotator.media import intake, pixels
from annotator.media.archives import is_zip
from annotator.media.errors import NotAnImage
from annotator.models import Project

WAKE_EVERY = 100


class Command(BaseCommand):
    help = (
        "Imports pictures into a project: files, folders with everything below them, zips. What is there already is "
        "recognised by its pixels, so an import that was stopped can simply be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help=find_project.HELP)
        parser.add_argument("paths", nargs="+", type=Path, metavar="path", help="Picture, folder or zip.")

    def handle(self, *, project: str, paths: list[Path], **options: Any) -> None:
        target = find_project.find_project(project)
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise CommandError(f"there is no {', '.join(missing)}")
        files = [(path, inside) for given in paths for path, inside in _files(given)]
        if not files:
            raise CommandError("there is no file in what was named")

        new = known = failed = skipped = 0
        progress = ProgressLine(self.stdout)
        try:
            for number, (path, in_folder) in enumerate(files, 1):
                report = _import(target, path)
                new += sum(not result.duplicate for result in report.results)
                known += sum(result.duplicate for result in report.results)
                for refused in report.errors:
                    if in_folder and _is_something_else(path, refused.error):
                        skipped += 1
                        continue
                    failed += 1
                    progress.clear()
                    where = path if refused.name == path.name else f"{path}: {refused.name}"
                    self.stderr.write(f"{where}: {refused.error.message}")
                if new and number % WAKE_EVERY == 0:
                    embedding_queue.wake()
                progress.show(f"{number} of {len(files)} files: {new} new, {known} known, {failed} failed")
        except KeyboardInterrupt:
            progress.clear()
            raise CommandError(
                f"stopped after {new} new images; run it again to go on", returncode=130
            ) from None
        finally:
            if new:
                embedding_queue.wake()
        progress.clear()
        self.stdout.write(
            f"{target.name}: {new} new, {known} known already, {skipped} skipped (no pictures), {failed} failed"
        )
        if failed:
            raise CommandError(f"{failed} of the files could not be imported; the others are in")


def _files(path: Path) -> Iterator[tuple[Path, bool]]:
    """(file, whether it was found in a folder), in the order of names; hidden ones are left out."""
    if not path.is_dir():
        yield path, False
        return
    for found in sorted(path.rglob("*")):
        is_hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.is_file() and not is_hidden:
            yield found, True


def _import(project: Project, path: Path) -> intake.UploadReport:
    report = intake.UploadReport()
    try:
        with open(path, "rb") as file:
            if is_zip(file):
                return intake.ingest_files(project, [file])
            report.results.append(intake.ingest_image(project, file, path.name))
    except MaskwrightError as error:
        report.errors.append(intake.RefusedFile(path.name, error))
    except OSError as error:
        unreadable = MaskwrightError(f"cannot be read: {error.strerror}")
        report.errors.append(intake.RefusedFile(path.name, unreadable))
    return report


def _is_something_else(path: Path, error: MaskwrightError) -> bool:
    """In a folder, a file of another kind beside the pictures is nothing to complain about; a .jpg that is none is."""
    return isinstance(error, NotAnImage) and path.suffix.lower() not in {*pixels.suffixes(), ".zip"}
