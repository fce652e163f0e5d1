"""Members of projects in the admin, where the rule that a project keeps a manager holds too."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest

from annotator.errors import MaskwrightError
from annotator.models import Membership, Role
from annotator.people import members
from annotator.people.errors import LastManager


class KeepsManagers(forms.BaseInlineFormSet):
    """Several memberships changed in one step: afterwards every project that had a manager has one."""

    def clean(self) -> None:
        super().clean()
        gone = [form for form in self.initial_forms if _leaves(form, _is_deleted(form))]
        managed = {
            form.cleaned_data["project"].pk
            for form in self.forms
            if form.is_valid() and form.cleaned_data.get("role") == Role.MANAGER and not _is_deleted(form)
        }
        for form in gone:
            project_id = form.initial["project"]
            if project_id not in managed:
                _require_manager(project_id, [other.instance.pk for other in gone])


class MembershipForm(forms.ModelForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk and _leaves(self, is_deleted=False):
            _require_manager(self.initial["project"], [self.instance.pk])
        return cleaned


def _is_deleted(form: forms.ModelForm) -> bool:
    return form.cleaned_data.get(DELETION_FIELD_NAME, False)


def _leaves(form: forms.ModelForm, is_deleted: bool) -> bool:
    """Whether a manager's membership ends, or becomes another one."""
    changed = {"role", "project"} & set(form.changed_data)
    # A form for a membership that was deleted meanwhile has no such value.
    return form.initial.get("role") == Role.MANAGER and bool(is_deleted or changed)


def _require_manager(project_id: int, leaving: list[int]) -> None:
    try:
        members.require_manager(project_id, leaving)
    except LastManager as error:
        raise ValidationError(error.message) from error


class MembershipOfProjectInline(admin.TabularInline):
    model = Membership
    formset = KeepsManagers
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    autocomplete_fields = ["user"]
    extra = 0


class MembershipOfUserInline(admin.TabularInline):
    model = Membership
    formset = KeepsManagers
    fields = ["project", "role"]
    autocomplete_fields = ["project"]
    extra = 0


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    form = MembershipForm
    list_display = ["user", "project", "role", "created_at"]
    list_filter = ["role", "project"]
    list_select_related = ["user", "project"]
    search_fields = ["user__username", "project__name"]
    autocomplete_fields = ["user", "project"]

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        is_needed = obj is not None and members.is_last_manager(obj)
        return not is_needed and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, membership: Membership) -> None:
        members.remove_member(membership)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset:
            try:
                members.remove_member(membership)
            except MaskwrightError as error:
                self.message_user(request, error.message, messages.ERROR)
