"""What every view under a project shares: find it among the visible rows, then ask for the right. And what those share
that are no project's, but the server's."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, cast

from django.db.models import Model
from django.shortcuts import get_object_or_404
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.views import APIView

from annotator.models import Project
from annotator.models.visibility import VisibleQuerySet
from annotator.people import permissions

WRITES = {"POST", "PATCH", "DELETE"}


class StaffWriteMixin(APIView):
    """Everybody who is signed in reads; a request that changes something is for those who run the server."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in WRITES:
            permissions.require_staff(request.user)


class ScopedView(generics.GenericAPIView):
    """A stranger gets 404 from the queryset, a member without the right 403.

    `write_right` is what POST, PATCH and DELETE need ("annotate" or "manage"); reading needs "read".
    """

    write_right = "manage"
    # No PUT: a change names what it changes.
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def right(self) -> str:
        return self.write_right if self.request.method in WRITES else "read"

    def find(self, rows: VisibleQuerySet, **lookup: Any) -> Any:
        """The visible row, once the user has the right this request needs; else Http404 or NotAllowed."""
        row = get_object_or_404(rows.visible_to(self.request.user), **lookup)
        permissions.require(self.request.user, self.right(), project_id_of(row, rows.project_path))
        return row


class ProjectScopedView(ScopedView):
    """What lies at `projects/{project_id}/...`. The right is asked for before anything of the body is looked at."""

    project: Project

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.project = self.find(Project.objects.all(), pk=kwargs["project_id"])


class RowView(ScopedView):
    """One row; `lookup_url_kwarg` names its primary key in the address."""

    def get_object(self) -> Any:
        rows = cast(VisibleQuerySet, self.get_queryset())
        return self.find(rows, pk=self.kwargs[self.lookup_url_kwarg])


def project_id_of(row: Model, project_path: str) -> int:
    """The primary key of the project that a row belongs to.

    Args:
        project_path: the lookup from the row to its project, as `VisibleQuerySet` has it; "" for a project.
    """
    return attrgetter(f"{project_path}_id".replace("__", "."))(row) if project_path else row.pk
