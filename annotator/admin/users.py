"""Users in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count

from annotator.admin.memberships import MembershipOfUserInline
from annotator.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ["username", "email", "projects", "is_active", "is_staff", "last_login", "date_joined"]
    list_filter = ["is_active", "is_staff", "memberships__role", "groups"]
    actions = ["deactivate", "activate"]
    inlines = [MembershipOfUserInline]

    def get_inlines(self, request, obj):
        return super().get_inlines(request, obj) if obj else []  # first the user, then the projects

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(project_count=Count("memberships", distinct=True))

    @admin.display(ordering="project_count")
    def projects(self, user: User) -> int:
        return user.project_count

    @admin.action(
        description="Deactivate: can no longer sign in, their work keeps their name", permissions=["change"]
    )
    def deactivate(self, request, queryset) -> None:
        others = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))).exclude(
            pk=request.user.pk
        )
        self.message_user(request, f"{others.filter(is_active=True).update(is_active=False)} deactivated.")

    @admin.action(description="Activate selected users", permissions=["change"])
    def activate(self, request, queryset) -> None:
        rows = User.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)), is_active=False)
        self.message_user(request, f"{rows.update(is_active=True)} activated.")
