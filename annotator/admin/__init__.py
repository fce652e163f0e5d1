"""Django's admin panel, one module per subject. What it changes goes through the domain modules, as the API does."""

from django.contrib import admin

from annotator.admin import annotations, embeddings, exports, images, jobs, projects, users
from annotator.jobs.kinds import KINDS

__all__ = ["annotations", "embeddings", "exports", "images", "jobs", "projects", "users"]

admin.site.site_header = "Maskwright"
admin.site.site_title = "Maskwright admin"
admin.site.index_title = "Overview"
admin.site.site_url = "/"

for kind in KINDS.values():
    if not admin.site.is_registered(kind.model):
        admin.site.register(kind.model, jobs.LeasedJobAdmin)
