"""`manage.py dataset_version`: named states of a project, made, listed and compared."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.datasets import versions
from annotator.errors import MaskwrightError
from annotator.management import find_project
from annotator.management.find_version import find_version
from annotator.models import DatasetVersion, Project
from exporters.errors import ExportError


class Command(BaseCommand):
    help = "Names the state of a project's dataset, lists the names, and says what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for action, words in (
            ("create", "Names the state as it is now; a worker writes it."),
            ("list", "The versions of a project."),
            ("diff", "What changed from a version to another one, or until now."),
        ):
            added = actions.add_parser(action, help=words)
            added.add_argument("project", help=find_project.HELP)
            if action == "create":
                added.add_argument(
                    "name", nargs="?", default="", help="The next number where it is left out."
                )
                added.add_argument("--note", default="")
            if action == "diff":
                added.add_argument("before", help="A version's name.")
                added.add_argument(
                    "after", nargs="?", help="Another's; the project as it is now where it is left out."
                )

    def handle(self, *, action: str, project: str, **options: Any) -> None:
        found = find_project.find_project(project)
        try:
            {"create": self._create, "list": self._list, "diff": self._diff}[action](found, options)
        except (MaskwrightError, ExportError) as error:
            raise CommandError(str(error)) from error

    def _create(self, project: Project, options: dict[str, Any]) -> None:
        version = versions.create(project, None, name=options["name"], note=options["note"])
        self.stdout.write(
            f"{version.name}: a worker writes it; `dataset_version list` says when it is ready."
        )

    def _list(self, project: Project, options: dict[str, Any]) -> None:
        for version in DatasetVersion.objects.filter(project=project):
            what = (
                f"{version.image_count} images, {version.annotation_count} masks, {version.digest}"
                if version.state == DatasetVersion.State.READY
                else " ".join(filter(None, [version.state, version.error]))
            )
            self.stdout.write(f"{version.name}  {version.created_at:%Y-%m-%d %H:%M}  {what}")

    def _diff(self, project: Project, options: dict[str, Any]) -> None:
        before, after = (
            find_version(project, name) if name else None for name in (options["before"], options["after"])
        )
        if before is None:
            raise CommandError("Name the earlier version.")
        found = versions.difference(before, after)
        counts = ", ".join(f"{found.count(what)} {what}" for what in ("added", "changed", "removed"))
        self.stdout.write(f"images: {counts}")
        for name, change in found.categories.items():
            self.stdout.write(
                f"{name}: {change.added} added, {change.changed} changed, {change.removed} removed"
            )
