"""HTML pages by address."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from annotator.pages import annotate as annotate_page
from annotator.pages import projects as pages


class TabConverter:
    regex = "|".join(pages.TABS)

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


register_converter(TabConverter, "tab")

urlpatterns = [
    path("", pages.projects, name="projects"),
    path("login/", pages.SignInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("projects/<int:project_id>/", pages.project, name="project"),
    path("projects/<int:project_id>/tiles/", pages.tiles, name="tiles"),
    path("projects/<int:project_id>/continue/", pages.continue_project, name="continue"),
    path("projects/<int:project_id>/<tab:tab>/", pages.project, name="project-tab"),
    path("images/<int:pk>/annotate/", annotate_page.annotate, name="annotate"),
    path("images/<int:pk>/annotate/scene/", annotate_page.scene, name="annotate-scene"),
    path("images/<int:image_id>/masks/", pages.masks, name="masks"),
    path("models/", pages.models, name="models"),
]
