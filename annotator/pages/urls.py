"""HTML pages by address."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from annotator.pages.annotate import annotate, scene
from annotator.pages.images import masks, tiles
from annotator.pages.invitation import invitation
from annotator.pages.listed import listed
from annotator.pages.models import model_card, models
from annotator.pages.passwords import (
    PasswordChangeView,
    PasswordForgottenView,
    PasswordNewView,
    PasswordSentView,
)
from annotator.pages.profile import profile
from annotator.pages.project import TABS, continue_project, project
from annotator.pages.projects import projects
from annotator.pages.sign_in import SignInView


class TabConverter:
    regex = "|".join(TABS)

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


register_converter(TabConverter, "tab")

urlpatterns = [
    path("", projects, name="projects"),
    path("login/", SignInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("invitation/<str:token>/", invitation, name="invitation"),
    path("password/forgotten/", PasswordForgottenView.as_view(), name="password-forgotten"),
    path("password/sent/", PasswordSentView.as_view(), name="password-sent"),
    path("password/new/<str:uidb64>/<str:token>/", PasswordNewView.as_view(), name="password-new"),
    path("me/", profile, name="profile"),
    path("me/password/", PasswordChangeView.as_view(), name="password-change"),
    path("projects/<int:project_id>/", project, name="project"),
    path("projects/<int:project_id>/list/", listed, name="listed"),
    path("projects/<int:project_id>/tiles/", tiles, name="tiles"),
    path("projects/<int:project_id>/continue/", continue_project, name="continue"),
    path("projects/<int:project_id>/<tab:tab>/", project, name="project-tab"),
    path("images/<int:pk>/annotate/", annotate, name="annotate"),
    path("images/<int:pk>/annotate/scene/", scene, name="annotate-scene"),
    path("images/<int:image_id>/masks/", masks, name="masks"),
    path("models/", models, name="models"),
    path("models/<str:name>/card/", model_card, name="model-card"),
]
