"""How far a project is, and one's own figures of the day; nobody else's."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.annotations import saving
from annotator.models import Annotation
from tests.annotator.world import annotation_body, client_of


@pytest.fixture
def save(image, category):
    def do(author, seconds: float, clicks: int, hours_ago: float = 0) -> Annotation:
        body = annotation_body(category, time_spent_s=seconds, clicks=clicks, id=uuid.uuid4())
        row = saving.create(image, author=author, **body)[0]
        made_at = timezone.now() - timedelta(hours=hours_ago)
        Annotation.objects.filter(pk=row.pk).update(created_at=made_at)
        return row

    return do


def ask(user, project, **query):
    return client_of(user).get(f"/api/projects/{project.pk}/progress/", query)


def test_medians_are_of_ones_own_masks_since_the_day_began(alice, bob, project, second_image, save):
    for seconds, clicks in ((2.0, 1), (4.0, 2), (9.0, 5), (0.0, 0)):
        save(bob, seconds, clicks, hours_ago=1)
    save(alice, 100.0, 50, hours_ago=1)
    save(bob, 300.0, 30, hours_ago=5)
    saving.delete(save(bob, 500.0, 40, hours_ago=1))
    since = (timezone.now() - timedelta(hours=2)).isoformat()
    answer = ask(bob, project, since=since).json()
    assert answer == {
        **{"image_count": 2, "done_count": 0, "skipped_count": 0, "open_count": 2},
        "mine": {"mask_count": 4, "median_seconds": 4.0, "median_clicks": 2.0},
    }
    assert ask(alice, project, since=since).json()["mine"]["median_seconds"] == 100.0


def test_who_has_made_nothing_has_no_medians(vera, project, save, bob):
    save(bob, 2.0, 1)
    mine = ask(vera, project).json()["mine"]
    assert mine == {"mask_count": 0, "median_seconds": None, "median_clicks": None}


def test_the_day_begins_at_the_servers_midnight_where_none_is_named(bob, project, save):
    save(bob, 2.0, 1, hours_ago=25)
    assert ask(bob, project).json()["mine"]["mask_count"] == 0


def test_a_moment_that_is_none_is_refused(bob, project):
    answer = ask(bob, project, since="yesterday")
    assert answer.status_code == 400 and "since" in answer.json()["error"]["fields"]


def test_another_projects_masks_do_not_count(bob, project, save, alice):
    from annotator.people import members
    from annotator.projects import projects

    save(bob, 2.0, 1)
    other = projects.create_project(alice, name="Dogs")
    members.add_member(other, username="bob", role="annotator")
    assert ask(bob, other).json()["mine"]["mask_count"] == 0


def test_masks_on_an_image_in_the_trash_do_not_count(bob, alice, project, image, save):
    from annotator.media import trash

    save(bob, 2.0, 1)
    trash.throw_away([image.pk], by=alice)
    answer = ask(bob, project).json()
    assert (answer["image_count"], answer["mine"]["mask_count"]) == (0, 0)
