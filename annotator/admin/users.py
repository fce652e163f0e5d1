from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Count

from annotator.admin.read_only import ReadOnlyAdmin
from annotator.models import LoginFailures, Membership, User


class MembershipOfUserInline(admin.TabularInline):
    model = Membership
    fields = ["project", "role"]
    autocomplete_fields = ["project"]
    extra = 0


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


@admin.register(LoginFailures)
class LoginFailuresAdmin(ReadOnlyAdmin):
    """Deleting a row lets that person try again at once."""

    list_display = ["username", "address", "count", "forgotten_at"]
    search_fields = ["username", "address"]
