"""The one Django app of the project."""

from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"
    verbose_name = "Maskwright"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotator import checks  # noqa: F401  registers the system checks
        from annotator.site import data_folder

        data_folder.prepare()
