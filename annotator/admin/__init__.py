"""Django's admin panel, one module per subject. What it changes goes through the domain modules, as the API does."""

from django.contrib import admin

from annotator.admin import annotations, embeddings, exports, images, projects, users

__all__ = ["annotations", "embeddings", "exports", "images", "projects", "users"]

admin.site.site_header = "Maskwright"
admin.site.site_title = "Maskwright admin"
admin.site.index_title = "Overview"
admin.site.site_url = "/"
