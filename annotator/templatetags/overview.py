"""`{% site_overview as overview %}` and `{{ kind|list_of_jobs }}` for the admin's first page."""

from __future__ import annotations

from django import template
from django.urls import reverse

from annotator.jobs.kinds import KINDS
from annotator.operations import overview

register = template.Library()

register.simple_tag(overview.look, name="site_overview")


@register.filter
def list_of_jobs(kind: str) -> str:
    """The address of the admin's list of a kind's jobs."""
    return reverse(f"admin:{KINDS[kind].model._meta.label_lower.replace('.', '_')}_changelist")
