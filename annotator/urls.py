"""Addresses: the API, the admin panel, the pages."""

from django.contrib import admin
from django.urls import include, path

handler500 = "annotator.pages.errors.server_error"

urlpatterns = [
    path("api/", include("annotator.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("annotator.pages.urls")),
]
