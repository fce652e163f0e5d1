"""`manage.py import_dataset`: a dataset's annotations, with its pictures where they are new, into a project."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.datasets import imports
from annotator.datasets.examination import NEW, SKIP, Examined, examine
from annotator.datasets.taking_in import take_in
from annotator.jobs import queue
from annotator.jobs.errors import JobFailed, LeaseLost
from annotator.jobs.lease import LeaseKeeper
from annotator.management import find_project
from annotator.management.progress import ProgressLine
from annotator.models import Import, Project
from exporters.errors import ExportError
from exporters.registry import import_formats
from exporters.source import Source

PROBLEMS_SHOWN = 20
AS = {"annotations": False, "to-check": True}


class Command(BaseCommand):
    help = (
        "Brings a dataset into a project: a zip, a folder, or one file for images that are there already. First it "
        "says what is new, known and wrong; with --dry-run that is all. What is there already is recognised, so an "
        "import that was stopped can simply be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help=find_project.HELP)
        parser.add_argument("path", type=Path, help="Zip, folder or file.")
        parser.add_argument(
            "--format",
            default="",
            choices=list(import_formats()),
            help="Default: the one that the files look like.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Writes nothing.")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar='"A=B"',
            help="The file's category A becomes the project's B; may be given several times. Default: the one of the "
            "same name, else a new one.",
        )
        parser.add_argument(
            "--skip", action="append", default=[], metavar="A", help="Leaves the file's category A out."
        )
        parser.add_argument(
            "--match",
            default=Import.Match.NAME.value,
            choices=Import.Match.values,
            help="How images are found in the project: by name, by folder and name (path), by their pixels (digest).",
        )
        parser.add_argument(
            "--known-only", action="store_true", help="Takes no pictures that the project does not have."
        )
        parser.add_argument(
            "--as",
            dest="taken_as",
            default="annotations",
            choices=list(AS),
            help="to-check: somebody is still to look at each mask.",
        )

    def handle(self, *, project: str, path: Path, dry_run: bool, **options: Any) -> None:
        target = find_project.find_project(project)
        if not path.exists():
            raise CommandError(f"there is no {path}")
        progress = ProgressLine(self.stdout)
        try:
            with imports.source_at(path) as source:
                examined = examine(
                    source,
                    target,
                    format=options["format"],
                    match=options["match"],
                    new_images=not options["known_only"],
                    progress=lambda done, total: progress.show(f"reading: {done} of {total}"),
                )
                mapping = _mapping(target, examined, options["map"], options["skip"])
                progress.clear()
                self._show(target, path, examined, mapping)
                if not dry_run:
                    self._take_in(target, path, source, examined, mapping, options, progress)
        except ExportError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing was written", returncode=130) from None
        finally:
            progress.clear()

    def _take_in(
        self,
        project: Project,
        path: Path,
        source: Source,
        examined: Examined,
        mapping: dict[str, int | str],
        options: dict[str, Any],
        progress: ProgressLine,
    ) -> None:
        job = imports.begin_here(
            project,
            path,
            examined,
            mapping=mapping,
            match=options["match"],
            new_images=not options["known_only"],
            to_check=AS[options["taken_as"]],
        )
        try:
            with LeaseKeeper(job):
                result = take_in(job, source, lambda done, total: progress.show(f"{done} of {total} images"))
            queue.finish(job, result=result)
        except KeyboardInterrupt:
            imports.cancel_or_delete(job)
            raise CommandError("stopped; whole images stay, run it again to go on", returncode=130) from None
        except Exception as error:
            is_said = isinstance(error, JobFailed | LeaseLost | ExportError)
            queue.fail(job, str(error) if is_said else f"{type(error).__name__}: {error}", permanent=True)
            if is_said:
                raise CommandError(str(error)) from error
            raise
        progress.clear()
        for refused in result["refused"]:
            self.stderr.write(f"{refused['place']}: {refused['message']}")
        self.stdout.write(
            f"{project.name}: {result['annotations']} annotations came in, {result['here']} were there; "
            f"{result['images_new']} new images, {result['images_known']} known ones, "
            f"{result['images_refused']} refused"
        )
        if result["images_refused"]:
            raise CommandError(f"{result['images_refused']} images could not come in; the others are in")

    def _show(self, project: Project, path: Path, examined: Examined, mapping: dict[str, int | str]) -> None:
        found = examined.found
        self.stdout.write(f"{path}: {found['title']}")
        for what in ("images", "annotations"):
            figures = [f"{count} {word.replace('_', ' ')}" for word, count in found[what].items()]
            self.stdout.write(f"{what}: {', '.join(figures)}")
        names = dict(project.categories.values_list("pk", "name"))
        rows = [("category", "new", "here", "becomes")]
        for category in found["categories"]:
            becomes = mapping[str(category["id"])]
            words = {NEW: "a new category", SKIP: "nothing"}
            rows.append(
                (
                    category["name"],
                    str(category["new"]),
                    str(category["here"]),
                    names[becomes] if isinstance(becomes, int) else words[becomes],
                )
            )
        width = max(len(row[0]) for row in rows)
        for name, new, here, becomes in rows:
            self.stdout.write(f"  {name.ljust(width)}  {new:>9}  {here:>9}  {becomes}")
        for name in found["missing"]:
            self.stdout.write(f"no picture, and not in the project: {name}")
        for problem in examined.problems[:PROBLEMS_SHOWN]:
            self.stderr.write(f"{problem.place}: {problem.message}")
        if len(examined.problems) > PROBLEMS_SHOWN:
            self.stderr.write(f"and {len(examined.problems) - PROBLEMS_SHOWN} problems more")


def _mapping(
    project: Project, examined: Examined, pairs: list[str], skipped: list[str]
) -> dict[str, int | str]:
    """What becomes of the file's categories. Raises CommandError for a name that is not there."""
    own = {name.casefold(): pk for pk, name in project.categories.values_list("pk", "name")}
    mapping = dict(examined.mapping)
    for pair in pairs:
        source, equals, target = pair.partition("=")
        if not equals:
            raise CommandError(f'{pair!r} is not of the form "A=B"')
        if target.strip().casefold() not in own:
            known = ", ".join(project.categories.values_list("name", flat=True)) or "none"
            raise CommandError(f"{project.name} has no category {target!r}; it has: {known}")
        for key in _keys(examined, source):
            mapping[key] = own[target.strip().casefold()]
    for name in skipped:
        for key in _keys(examined, name):
            mapping[key] = SKIP
    return mapping


def _keys(examined: Examined, name: str) -> list[str]:
    rows = examined.found["categories"]
    keys = [str(row["id"]) for row in rows if row["name"].strip().casefold() == name.strip().casefold()]
    if not keys:
        names = ", ".join(row["name"] for row in rows) or "none"
        raise CommandError(f"the file has no category {name!r}; it has: {names}")
    return keys
