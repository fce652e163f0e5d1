"""A version of a project's dataset by what people call it, for commands."""

from __future__ import annotations

from django.core.management.base import CommandError

from annotator.models import DatasetVersion, Project


def find_version(project: Project, name: str) -> DatasetVersion:
    """The version of that name, small or capital letters aside. Raises CommandError, which lists those there are."""
    version = DatasetVersion.objects.filter(project=project, name__iexact=name).first()
    if version is None:
        known = ", ".join(DatasetVersion.objects.filter(project=project).values_list("name", flat=True))
        raise CommandError(f"{project.name} has no version {name!r}; it has: {known or 'none'}.")
    return version
