"""PROJECT on the command line: an id or a name."""

from __future__ import annotations

from django.core.management.base import CommandError

from annotator.models import Project

HELP = "Id or name of a project."


def find_project(text: str) -> Project:
    """The project with this id, else with this name.

    Raises:
        CommandError: there is none, or several have the name; the message lists what there is.
    """
    if text.isdigit() and (project := Project.objects.filter(pk=int(text)).first()):
        return project
    named = list(Project.objects.filter(name=text)[:2]) or list(Project.objects.filter(name__iexact=text)[:2])
    if len(named) == 1:
        return named[0]
    if named:
        raise CommandError(f"several projects are called {text!r}; name one by its id: {_listing(name=text)}")
    raise CommandError(f"there is no project {text!r}; there are: {_listing()}")


def _listing(name: str = "") -> str:
    projects = Project.objects.filter(name__iexact=name) if name else Project.objects.all()
    rows = [f"{pk} {title!r}" for pk, title in projects.order_by("pk").values_list("pk", "name")[:20]]
    return ", ".join(rows) or "none yet"
