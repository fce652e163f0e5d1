"""Which bundle a project uses is one rule: its own while that one is there, else the default one."""

from __future__ import annotations

import pytest

from annotator.embeddings import queue as embedding_queue
from annotator.embeddings.errors import NoBundle
from annotator.embeddings.which_bundle import bundle_of
from annotator.models import Bundle, EmbeddingJob, Image
from annotator.models.figures import with_details
from tests.annotator.world import client_of


@pytest.fixture
def other_bundle(bundle) -> Bundle:
    return Bundle.objects.create(
        name="other", digest="c" * 64, family="sam", input_side=64, embedding={}, manifest={}, path="/nowhere"
    )


def take_away(bundle: Bundle, new_default: Bundle) -> None:
    """What `sync_bundles` writes when the bundle's folder is gone."""
    Bundle.objects.filter(pk=bundle.pk).update(is_available=False, is_default=False)
    Bundle.objects.filter(pk=new_default.pk).update(is_default=True)


def test_a_project_uses_its_own_bundle_although_another_one_is_the_default(
    project, image, bundle, other_bundle
):
    take_away(bundle, new_default=other_bundle)
    Bundle.objects.filter(pk=bundle.pk).update(is_available=True)
    project.refresh_from_db()
    assert bundle_of(project) == bundle
    assert with_details(Image.objects.all()).get().embedding_state == "queued"
    assert embedding_queue.ensure_missing() == 0


def test_once_its_bundle_is_gone_everything_speaks_of_the_default_one(
    alice, project, ready_image, bundle, other_bundle
):
    take_away(bundle, new_default=other_bundle)
    project.refresh_from_db()
    assert bundle_of(project) == other_bundle
    state = client_of(alice).get(f"/api/images/{ready_image.pk}/").json()["embedding_state"]
    assert state == "queued", "the embedding of the retired bundle is of no use"

    assert embedding_queue.ensure_missing() == 1
    EmbeddingJob.objects.filter(bundle=other_bundle).update(state="failed", error="no memory")
    assert with_details(Image.objects.all()).get().embedding_state == "failed"


def test_without_a_bundle_of_its_own_a_project_uses_the_default_one(project, image, bundle):
    project.bundle = None
    project.save()
    assert bundle_of(project) == bundle
    assert with_details(Image.objects.all()).get().embedding_state == "queued"


def test_without_any_bundle_there_is_none_to_use(project, image, bundle):
    Bundle.objects.update(is_available=False, is_default=False)
    project.refresh_from_db()
    with pytest.raises(NoBundle, match="install_bundle"):
        bundle_of(project)
    assert with_details(Image.objects.all()).get().embedding_state == "missing"
    assert embedding_queue.ensure_missing() == 0
