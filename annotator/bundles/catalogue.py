"""The bundles of this installation: one by its name, and the one that new projects get."""

from __future__ import annotations

from django.db import transaction

from annotator.bundles.errors import UnknownBundle
from annotator.models import Bundle


def by_name(name: str) -> Bundle:
    """An available bundle. Raises UnknownBundle."""
    bundle = Bundle.objects.available().filter(name=name).first()
    if bundle is None:
        known = ", ".join(Bundle.objects.available().values_list("name", flat=True)) or "none"
        raise UnknownBundle(f"There is no bundle {name!r}; installed: {known}.")
    return bundle


def set_default(bundle: Bundle) -> None:
    """Makes `bundle` the one new projects get."""
    with transaction.atomic():
        Bundle.objects.filter(is_default=True).exclude(pk=bundle.pk).update(is_default=False)
        Bundle.objects.filter(pk=bundle.pk).update(is_default=True)
    bundle.is_default = True
