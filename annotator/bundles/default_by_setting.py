"""The setting MODEL makes a model the default as long as nobody has chosen another one since."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from annotator.bundles import catalogue
from annotator.bundles.sync import is_built_in
from annotator.models import Bundle


def apply(bundle: Bundle) -> bool:
    """Makes `bundle` the default where the present one is what came along at first, or what this setting made the
    default; whether it is the default now."""
    present = Bundle.objects.default()
    if present is not None and present.pk != bundle.pk and _is_chosen(present):
        return False
    if present is None or present.pk != bundle.pk:
        catalogue.set_default(bundle)
    _note().write_text(bundle.name, encoding="utf-8")
    return True


def _is_chosen(present: Bundle) -> bool:
    """Whether a person chose the present default."""
    try:
        return present.name != _note().read_text(encoding="utf-8")
    except FileNotFoundError:
        return not is_built_in(present.path)


def _note() -> Path:
    """Holds the name of the model that the setting made the default last."""
    return Path(settings.DATA_DIR) / "model-by-setting"
