"""Which bundle a project's images are embedded with. The same rule in SQL: `annotator.models.bundle.used_bundle`."""

from __future__ import annotations

from annotator.embeddings.errors import BundleMismatch, NoBundle
from annotator.embeddings.stand_ins import stand_in_for
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


def asked_bundle(project: Project, digest: str) -> Bundle:
    """The bundle whose embedding is asked for: the project's, or the one that stands in for it.

    Args:
        digest: of the bundle; "": the project's.

    Raises:
        NoBundle: none is installed.
        BundleMismatch: it is neither of the two.
    """
    bundle = bundle_of(project)
    if digest in ("", bundle.digest):
        return bundle
    stand_in = stand_in_for(bundle)
    if stand_in is None or digest != stand_in.digest:
        raise BundleMismatch(
            f"The project's bundle is {bundle.name} {bundle.digest}; reload to get its decoder."
        )
    return stand_in
