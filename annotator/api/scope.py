"""What every view under a project shares: find it among the visible ones, then ask for the right."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework import generics

from annotator.models import Project
from annotator.people import permissions

WRITES = {"POST", "PUT", "PATCH", "DELETE"}


class ScopedView(generics.GenericAPIView):
    """A stranger gets 404 from the queryset, a member without the right 403.

    `write_right` is what POST, PATCH and DELETE need ("annotate" or "manage"); reading needs "read".
    """

    write_right = "manage"

    def right(self) -> str:
        return self.write_right if self.request.method in WRITES else "read"

    def find(self, queryset, project_of=lambda row: row.project_id, **lookup):
        """The visible row, once the user has the right this request needs; else Http404 or NotAllowed."""
        row = get_object_or_404(queryset.visible_to(self.request.user), **lookup)
        permissions.require(self.request.user, self.right(), project_of(row))
        return row

    def find_project(self, project_id: int) -> Project:
        return self.find(Project.objects.all(), project_of=lambda project: project.pk, pk=project_id)

    def list_rows(self, queryset):
        """One page of a filtered queryset, as a response."""
        page = self.paginate_queryset(self.filter_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
