"""Which bundle a project's images are embedded with. The same rule in SQL: `annotator.models.bundle.used_bundle`."""

from __future__ import annotations

from annotator.embeddings.errors import NoBundle
from annotator.models import Bundle, Project


def bundle_of(project: Project) -> Bundle:
    """The bundle a project's images are embedded with: its own while it is available, else the default one.

    Raises:
        NoBundle: none is installed.
    """
    own = project.bundle
    bundle = own if own and own.is_available else Bundle.objects.default()
    if bundle is None:
        raise NoBundle("No model bundle is installed. Run: manage.py install_bundle pocket --default")
    return bundle
