"""Users in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from annotator.admin.memberships import MembershipOfUserInline
from annotator.models import User
from annotator.people.permissions import signed_in

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class ProjectCount(TypedDict):
        project_count: int


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ["username", "email", "projects", "is_active", "is_staff", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff", "memberships__role", "groups"]
    actions = ["deactivate", "activate"]
    inlines = [MembershipOfUserInline]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[type[InlineModelAdmin]]:
        return list(super().get_inlines(request, obj)) if obj else []  # first the user, then the projects

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(project_count=Count("memberships", distinct=True))

    @admin.display(ordering="project_count")
    def projects(self, user: WithAnnotations[User, ProjectCount]) -> int:
        return user.project_count

    @admin.action(
        description="Deactivate: can no longer sign in, their work keeps their name", permissions=["change"]
    )
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        others = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))).exclude(
            pk=signed_in(request.user).pk
        )
        self.message_user(request, f"{others.filter(is_active=True).update(is_active=False)} deactivated.")

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), is_active=False)
        self.message_user(request, f"{rows.update(is_active=True)} activated.")
