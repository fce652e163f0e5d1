"""The one Django app of the project."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AnnotatorConfig(AppConfig):
    name = "annotator"
    verbose_name = "Maskwright"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from annotator import checks  # noqa: F401  registers the system checks
        from annotator.site import data_folder

        data_folder.prepare()
        post_migrate.connect(_mark_storage, sender=self)


def _mark_storage(**kwargs: Any) -> None:
    from annotator.site import storage_mark

    storage_mark.put_mark()
