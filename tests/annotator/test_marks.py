"""What people say of images: skipped and why, flagged and what for."""

from __future__ import annotations

import io

import pytest

from annotator.media import intake
from annotator.models import Image
from tests.annotator.world import browser_of, client_of, encode_image, html


def patch(user, image: Image, **body):
    return client_of(user).patch(f"/api/images/{image.pk}/", body, format="json")


@pytest.fixture
def album(project) -> list[Image]:
    return [
        intake.ingest_image(project, io.BytesIO(encode_image(seed=seed)), f"{seed}.png").image
        for seed in range(4)
    ]


def test_an_image_is_skipped_with_a_reason_and_it_is_known_who_did_it(bob, image):
    answer = patch(bob, image, state="skipped", skip_reason="blurred")
    assert answer.status_code == 200
    row = answer.json()
    assert (row["state"], row["skip_reason"], row["skip_note"]) == ("skipped", "blurred", "")
    assert row["state_by"] == "bob" and row["state_at"]
    image.refresh_from_db()
    assert image.skipped_because == "Blurred"


def test_another_reason_is_said_in_words(bob, image):
    assert (
        patch(bob, image, state="skipped", skip_reason="other", skip_note=" a test shot ").status_code == 200
    )
    image.refresh_from_db()
    assert image.skipped_because == "a test shot"


def test_another_state_takes_the_reason_away_but_not_the_flag(bob, image):
    patch(
        bob, image, state="skipped", skip_reason="unsure", skip_note="cats?", flagged=True, flag_note="cats?"
    )
    row = patch(bob, image, state="in_progress").json()
    assert (row["state"], row["skip_reason"], row["skip_note"]) == ("in_progress", "", "")
    assert (row["flagged"], row["flag_note"]) == (True, "cats?")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "skipped"}, "skip_reason"),
        ({"state": "skipped", "skip_reason": "dull"}, "skip_reason"),
        ({"state": "skipped", "skip_reason": "other", "skip_note": "  "}, "skip_note"),
        ({"state": "done", "skip_reason": "blurred"}, "skip_reason"),
        ({"skip_reason": "blurred"}, "skip_reason"),
        ({"skip_note": "why"}, "skip_note"),
        ({"state": "skipped", "skip_reason": "other", "skip_note": "x" * 201}, "skip_note"),
        ({"flag_note": "look"}, "flag_note"),
        ({"flagged": False, "flag_note": "look"}, "flag_note"),
        ({"flagged": True, "flag_note": "x" * 501}, "flag_note"),
        ({"flagged": "perhaps"}, "flagged"),
        ({"state": "done", "flagged": True, "skip_note": "why"}, "skip_note"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_nothing_is_changed(bob, project, image, body, field):
    answer = patch(bob, image, **body)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])
    bulk = client_of(bob).post(
        f"/api/projects/{project.pk}/images/mark/", {"ids": [image.pk]} | body, format="json"
    )
    assert bulk.status_code == 400
    image.refresh_from_db()
    assert (image.state, image.skip_reason, image.flagged_at) == ("not_started", "", None)


def test_a_flag_is_set_and_cleared_by_anybody_who_may_annotate(alice, bob, vera, image):
    row = patch(bob, image, flagged=True, flag_note="two cats or one?").json()
    assert (row["flagged"], row["flagged_by"], row["flag_note"]) == (True, "bob", "two cats or one?")
    assert row["state"] == "not_started" and row["state_by"] is None
    assert patch(vera, image, flagged=False).status_code == 403
    row = patch(alice, image, flagged=False).json()
    assert [row[name] for name in ("flagged", "flagged_by", "flagged_at", "flag_note")] == [
        False,
        None,
        None,
        "",
    ]


def test_what_is_left_out_stays_and_an_empty_change_changes_nothing(bob, image):
    patch(bob, image, state="skipped", skip_reason="nothing", flagged=True)
    before = client_of(bob).get(f"/api/images/{image.pk}/").json()
    assert patch(bob, image).json() == before
    assert patch(bob, image, flagged=False).json()["skip_reason"] == "nothing"


def test_many_images_are_skipped_and_flagged_in_one_request(bob, project, album):
    client, address = client_of(bob), f"/api/projects/{project.pk}/images/mark/"
    pks = [image.pk for image in album]
    body = {"ids": pks[:2], "state": "skipped", "skip_reason": "other", "skip_note": "twice", "flagged": True}
    assert client.post(address, body, format="json").json() == {"count": 2}
    rows = list(Image.objects.filter(project=project))
    assert [row.skipped_because for row in rows] == ["twice", "twice", "", ""]
    assert [row.flagged_by for row in rows] == [bob, bob, None, None]
    assert client.post(address, {"filters": {"flagged": "true"}, "flagged": False}, format="json").json() == {
        "count": 2
    }
    assert not Image.objects.filter(flagged_at__isnull=False).exists()
    assert client.post(address, {"ids": pks}, format="json").status_code == 400  # nothing to mark


def test_filters_find_what_is_skipped_or_flagged_on_page_and_api(alice, bob, project, album):
    patch(bob, album[1], state="skipped", skip_reason="blurred")
    patch(bob, album[2], flagged=True)
    found = {
        query: [
            row["id"]
            for row in client_of(alice).get(f"/api/projects/{project.pk}/images/?{query}").json()["results"]
        ]
        for query in (
            "state=skipped",
            "skip_reason=blurred",
            "skip_reason=unsure",
            "flagged=true",
            "flagged=false",
        )
    }
    one, two = album[1].pk, album[2].pk
    others = [image.pk for image in album if image.pk != two]
    assert list(found.values()) == [[one], [one], [], [two], others]
    page = html(browser_of(alice), f"/projects/{project.pk}/?flagged=true")
    assert f'data-image-id="{two}"' in page and f'data-image-id="{one}"' not in page
    page = html(browser_of(alice), f"/projects/{project.pk}/?state=skipped")
    assert f'data-image-id="{one}"' in page and f'data-image-id="{two}"' not in page


def test_tiles_say_why_and_by_whom(alice, bob, project, image):
    patch(bob, image, state="skipped", skip_reason="unsure", flagged=True, flag_note="cats?")
    page = html(browser_of(alice), f"/projects/{project.pk}/")
    assert 'title="Not sure what to annotate"' in page and 'title="Flagged by bob: cats?"' in page


def test_a_skipped_image_counts_as_dealt_with_and_not_as_done(alice, bob, project, album):
    patch(bob, album[0], state="skipped", skip_reason="nothing")
    patch(bob, album[1], state="done")
    patch(bob, album[2], flagged=True)
    row = client_of(alice).get(f"/api/projects/{project.pk}/").json()
    counts = (
        "image_count",
        "done_count",
        "skipped_count",
        "in_progress_count",
        "open_count",
        "flagged_count",
    )
    assert [row[name] for name in counts] == [4, 1, 1, 0, 2, 1]
    browser = browser_of(bob)
    assert browser.get(f"/projects/{project.pk}/continue/").url == f"/images/{album[2].pk}/annotate/"
    siblings = browser.get(f"/images/{album[3].pk}/annotate/scene/").json()["siblings"]
    assert siblings["next_open"] == album[2].pk
    page = html(browser, f"/projects/{project.pk}/")
    assert "1 skipped" in page and "1 flagged" in page and "Continue" in page
    patch(bob, album[2], state="skipped", skip_reason="nothing")
    patch(bob, album[3], state="done")
    assert browser.get(f"/projects/{project.pk}/continue/").url == f"/projects/{project.pk}/"
    assert "Continue" not in html(browser, f"/projects/{project.pk}/")


def test_an_export_of_the_images_that_are_done_has_no_skipped_one(project, image, second_image, bob):
    from annotator.datasets import records
    from annotator.datasets.selection import Selection

    patch(bob, image, state="skipped", skip_reason="blurred")
    patch(bob, second_image, state="done")
    only_done = records.build(project, Selection(states=("done",)))
    assert [record.id for record in only_done.images] == [second_image.pk]
    assert [record.id for record in records.build(project).images] == [image.pk, second_image.pk]


def test_a_mask_saved_on_a_skipped_image_leaves_it_skipped(bob, image, annotation):
    from annotator.projects import progress

    patch(bob, image, state="skipped", skip_reason="unsure")
    progress.mark_in_progress(image)
    image.refresh_from_db()
    assert image.state == "skipped"


def test_the_admin_shows_and_finds_both(image, bob, staff):
    staff.is_superuser = True
    staff.save()
    patch(bob, image, state="skipped", skip_reason="unsure", flagged=True)
    browser = browser_of(staff)
    for query in ("", "state__exact=skipped", "skip_reason__exact=unsure", "flagged_at__isempty=0"):
        assert "photo.png" in html(browser, f"/admin/annotator/image/?{query}")
    assert "photo.png" not in html(browser, "/admin/annotator/image/?flagged_at__isempty=1")
    assert browser.get("/admin/annotator/project/").status_code == 200
    assert browser.get(f"/admin/annotator/image/{image.pk}/change/").status_code == 200
