"""Rules of projects: made, changed, deleted with everything in them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings.errors import NoBundle
from annotator.embeddings.which_bundle import bundle_of
from annotator.files import unowned
from annotator.media import partial_uploads
from annotator.media.removal import delete_images
from annotator.models import Bundle, Image, Membership, Overlap, Project, Role, User


def create_project(
    user: User | None,
    *,
    name: str,
    description: str = "",
    bundle: Bundle | None = None,
    overlap: str = Overlap.ALLOW,
) -> Project:
    """Makes a project with `user` as its manager (None for a command: no members yet).

    Without a bundle it gets the present default one, so that a later default does not change it.
    """
    with transaction.atomic():
        project = Project.objects.create(
            name=name,
            description=description,
            bundle=bundle or Bundle.objects.default(),
            overlap=overlap,
            created_by=user,
        )
        if user is not None:
            Membership.objects.create(project=project, user=user, role=Role.MANAGER)
    return project


def update_project(project: Project, **changes: Any) -> Project:
    """Changes name, description, bundle or overlap.

    Another bundle queues the embeddings it needs; those of the former one that wait are not made.
    """
    former = _bundle_of(project)
    for name, value in changes.items():
        setattr(project, name, value)
    with transaction.atomic():
        project.save(update_fields=[*changes, "updated_at"])
        bundle = _bundle_of(project)
        if "bundle" in changes and bundle:
            embedding_queue.ensure_jobs(project.images.all(), bundle)
            if former and former != bundle:
                embedding_queue.drop_unwanted(former)
            embedding_queue.wake()
    return project


def _bundle_of(project: Project) -> Bundle | None:
    try:
        return bundle_of(project)
    except NoBundle:
        return None


def delete_project(project: Project) -> None:
    """Deletes a project with everything in it; files go once that is committed."""
    with transaction.atomic():
        # From here on nothing comes in, and what is listed below is all there is.
        Project.objects.select_for_update().filter(pk=project.pk).first()
        partial_uploads.give_up(list(project.partial_uploads.all()))
        delete_images(Image.with_deleted.filter(project=project))
        names = [
            *project.exports.select_for_update().values_list("file", flat=True),
            *project.dataset_versions.select_for_update().values_list("file", flat=True),
        ]
        for parts, problems_file in project.imports.select_for_update().values_list("parts", "problems_file"):
            names += [*parts, problems_file]
        unowned.note(names)
        project.delete()
        transaction.on_commit(lambda: partial_uploads.discard(names))
