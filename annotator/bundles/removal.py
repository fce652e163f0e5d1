"""A bundle that nobody uses goes, with weights, decoders and embeddings. Its row stays, and says what made a mask."""

from __future__ import annotations

from django.db import transaction

from annotator.bundles import decoders, encoders, folders
from annotator.bundles.errors import BundleInUse
from annotator.embeddings import store as embedding_store
from annotator.files import unowned
from annotator.models import Bundle, EmbeddingJob, Project


def remove(bundle: Bundle) -> list[str]:
    """Removes an installed bundle with everything that was made from it.

    Its row stays, unavailable, for the annotations that name its digest: installed again, it is the same bundle.
    The files of its embeddings, which may be very many, are left to the worker, or to `delete_embeddings`.

    Returns:
        The storage names of its embeddings.

    Raises:
        BundleInUse: a project uses it, it is the default one, or it lies in a folder that this program does not own.
    """
    with transaction.atomic():
        bundle = Bundle.objects.select_for_update().get(pk=bundle.pk)
        _check_unused(bundle)
        jobs = EmbeddingJob.objects.filter(bundle=bundle)
        names = embedding_store.names_of_jobs(jobs.filter(state=EmbeddingJob.State.READY))
        unowned.note(names)
        jobs.delete()
        decoders.disown(bundle)
        weights_file = bundle.manifest["weights"]["file"]
        unowned.note(folders.stored_names(bundle.digest, weights_file), folders.STORAGE)
        Bundle.objects.filter(pk=bundle.pk).update(is_available=False)
    encoders.forget_choices(bundle)
    decoders.discard(bundle)
    folders.discard(bundle.digest, weights_file)
    return names


def delete_embeddings(names: list[str]) -> None:
    """Deletes at once what `remove` left to the worker; thousands of files take a while."""
    embedding_store.discard(names)


def _check_unused(bundle: Bundle) -> None:
    if bundle.is_default:
        raise BundleInUse(
            f"{bundle.name} is what new projects get. Make another bundle the default one first."
        )
    users = list(Project.objects.filter(bundle=bundle).order_by("name").values_list("name", flat=True)[:4])
    if users:
        more = " and others" if len(users) > 3 else ""
        raise BundleInUse(
            f"{bundle.name} is used by {', '.join(users[:3])}{more}. Give them another model first."
        )
    if bundle.path:
        raise BundleInUse(f"{bundle.name} lies in the folder {bundle.path}; it goes when that folder does.")
