"""Django's admin panel, one module for each noun. What it changes goes through the rooms of rules, as the API does."""

from django.contrib import admin

from annotator.admin import (
    annotations,
    api_tokens,
    bundles,
    categories,
    dataset_versions,
    embeddings,
    exports,
    images,
    imports,
    invitations,
    licences,
    login_failures,
    memberships,
    projects,
    users,
    workers,
)
from annotator.admin.base.jobs import LeasedJobAdmin
from annotator.jobs.kinds import KINDS

__all__ = [
    "annotations",
    "api_tokens",
    "bundles",
    "categories",
    "dataset_versions",
    "embeddings",
    "exports",
    "images",
    "imports",
    "invitations",
    "licences",
    "login_failures",
    "memberships",
    "projects",
    "users",
    "workers",
]

admin.site.site_header = "Maskwright"
admin.site.site_title = "Maskwright admin"
admin.site.index_title = "Overview"
admin.site.site_url = "/"

for kind in KINDS.values():
    if not admin.site.is_registered(kind.model):
        admin.site.register(kind.model, LeasedJobAdmin)
