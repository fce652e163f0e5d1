"""Users in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from annotator.admin.memberships import MembershipOfUserInline
from annotator.models import User
from annotator.people import members
from annotator.people.errors import LastManager
from annotator.people.permissions import signed_in

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class ProjectCount(TypedDict):
        project_count: int


class PersonForm(UserChangeForm):
    def clean_is_active(self) -> bool:
        is_active = self.cleaned_data["is_active"]
        alone = members.managed_alone_by(self.instance) if self.initial["is_active"] and not is_active else []
        if alone:
            raise ValidationError(f"Make somebody else manager of {', '.join(alone)} first.")
        return is_active


@admin.register(User)
class PersonAdmin(UserAdmin):
    form = PersonForm
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
        chosen = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), is_active=True)
        count = 0
        for user in chosen.exclude(pk=signed_in(request.user).pk):
            try:
                members.deactivate(user)
                count += 1
            except LastManager as error:
                self.message_user(request, error.message, messages.ERROR)
        self.message_user(request, f"{count} deactivated.")

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        rows = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), is_active=False)
        self.message_user(request, f"{rows.update(is_active=True)} activated.")
