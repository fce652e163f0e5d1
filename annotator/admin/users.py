"""Users in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from annotator.admin.memberships import MembershipOfUserInline
from annotator.models import User
from annotator.people import members, passwords, tokens
from annotator.people.errors import LastManager, NotAllowed
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
    actions = ["make_password_link", "deactivate", "activate"]
    inlines = [MembershipOfUserInline]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[type[InlineModelAdmin]]:
        return list(super().get_inlines(request, obj)) if obj else []  # first the user, then the projects

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(project_count=Count("memberships", distinct=True))

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            tokens.withdraw_all(obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        # Django tells nobody of a password that is taken away.
        person = User.objects.filter(pk=id).first() if request.method == "POST" else None
        if person and not person.has_usable_password():
            tokens.withdraw_all(person)
        return response

    @admin.action(description="Make a link to set a new password, for one user", permissions=["change"])
    def make_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        chosen = list(queryset[:2])
        if len(chosen) > 1:
            self.message_user(request, "Choose one user: each link is for one person.", messages.ERROR)
            return None
        (person,) = chosen
        try:
            path = passwords.link_path(person, maker=signed_in(request.user))
        except NotAllowed as error:
            self.message_user(request, error.message, messages.ERROR)
            return None
        self.log_change(request, person, "Made a link to set a new password.")
        context = self.admin_site.each_context(request) | {
            "title": f"New password for {person.get_username()}",
            "opts": self.opts,
            "person": person,
            "link": request.build_absolute_uri(path),
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        }
        return TemplateResponse(
            request, "admin/password_link.html", context
        )  # never kept, as all of the admin

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
