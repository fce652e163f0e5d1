"""Saving annotations: versions, repeats, conflicts, and everything that is refused."""

from __future__ import annotations

import base64
import json
import uuid

import pytest

from annotator.models import Annotation, Bundle
from annotator.projects import categories, projects
from tests.annotator.world import BUNDLE_DIGEST, annotation_body, client_of, encode_image, rectangle_rle


@pytest.fixture
def client(bob):
    return client_of(bob)


@pytest.fixture
def post(client, image):
    return lambda body: client.post(f"/api/images/{image.pk}/annotations/", body, format="json")


@pytest.fixture
def patch(client):
    return lambda row, **changes: client.patch(
        f"/api/annotations/{row['id']}/", {"version": row["version"]} | changes, format="json"
    )


@pytest.fixture
def saved(post, category) -> dict:
    response = post(annotation_body(category))
    assert response.status_code == 201, response.json()
    return response.json()


def assert_refused(response, code: str, field: str | None = None) -> None:
    assert (response.status_code, response.json()["error"]["code"]) == (400, code), response.json()
    if field:
        assert field in response.json()["error"]["fields"]


# --- create ---
def test_the_server_computes_area_and_box(post, category):
    row = post(annotation_body(category, area=1, bbox=[0, 0, 1, 1])).json()
    assert row["area"] == 6
    assert row["bbox"] == [2, 1, 3, 2]  # x, y, width, height
    assert (row["version"], row["author"], row["category"]) == (1, "bob", category.pk)


def test_numbers_stay_and_are_never_given_twice(post, category, client, image, project, alice):
    rows = [post(annotation_body(category)).json() for _ in range(3)]
    assert [row["number"] for row in rows] == [1, 2, 3]
    for row in rows[1:]:
        assert client.delete(f"/api/annotations/{row['id']}/").status_code == 204
    assert post(annotation_body(category)).json()["number"] == 4
    assert client.post(f"/api/annotations/{rows[2]['id']}/restore/").json()["number"] == 3
    Annotation.objects.filter(pk=rows[2]["id"]).delete()  # for good
    assert post(annotation_body(category)).json()["number"] == 5
    again = annotation_body(category)
    assert [post(again).json()["number"] for _ in range(2)] == [6, 6], "a repeated save is the same object"
    patched = client.patch(f"/api/annotations/{again['id']}/", {"version": 1, "number": 99}, format="json")
    assert patched.json()["number"] == 6


def test_the_first_annotation_starts_the_image(saved, image):
    image.refresh_from_db()
    assert image.state == "in_progress"


def test_an_image_marked_done_stays_done(post, category, image, client):
    client.patch(f"/api/images/{image.pk}/", {"state": "done"}, format="json")
    post(annotation_body(category))
    image.refresh_from_db()
    assert image.state == "done"


def test_a_repeated_save_is_harmless(post, category):
    body = annotation_body(category)
    first, second = post(body), post(body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Annotation.objects.count() == 1


def test_the_same_id_with_another_mask_is_a_conflict_that_shows_the_row(post, category):
    body = annotation_body(category)
    row = post(body).json()
    response = post(body | {"segmentation": rectangle_rle(top=0)})
    assert (response.status_code, response.json()["error"]["code"]) == (409, "version_conflict")
    assert response.json()["current"] == row


def test_a_repeated_save_of_something_deleted_does_not_bring_it_back(post, category, client):
    body = annotation_body(category)
    row = post(body).json()
    client.delete(f"/api/annotations/{row['id']}/")
    response = post(body)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "annotation_deleted")


# --- refused masks ---
@pytest.mark.parametrize("hw", [(8, 6), (6, 9), (7, 8), (1, 1)])
def test_a_mask_of_another_size_is_refused(post, category, hw):
    response = post(annotation_body(category, segmentation=rectangle_rle(hw, 0, 0, 1, 1)))
    assert_refused(response, "mask_size_mismatch", "segmentation")


@pytest.mark.parametrize(
    "counts",
    [
        "",
        "0",
        "é",
        "\n",
        "o",
        "ooooooooo",
        "8000" * 20,
        "1" * 500,
        ["1"],
        [8, 2, 38],
        None,
        5,
        {"a": 1},
    ],
    ids=repr,
)
def test_malformed_counts_are_refused(post, category, counts):
    response = post(annotation_body(category, segmentation={"size": [6, 8], "counts": counts}))
    assert_refused(response, "invalid_rle", "segmentation")


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        "6x8",
        {},
        {"counts": "1"},
        {"size": [6, 8]},
        {"size": "68", "counts": "1"},
        {"size": [6, 8, 1], "counts": "1"},
        {"size": [6.0, 8], "counts": "1"},
        {"size": [True, 8], "counts": "1"},
        {"size": [-6, -8], "counts": "1"},
        {"size": [10**30, 8], "counts": "1"},
        [[1, 1, 5, 1, 5, 5]],
    ],
    ids=repr,
)
def test_what_is_no_rle_is_refused(post, category, segmentation):
    assert post(annotation_body(category, segmentation=segmentation)).status_code == 400


def test_runs_past_the_end_are_refused(post, category):
    larger = rectangle_rle((6, 9), 0, 0, 6, 9)
    response = post(annotation_body(category, segmentation=larger | {"size": [6, 8]}))
    assert_refused(response, "invalid_rle", "segmentation")


def test_an_empty_mask_is_refused(post, category):
    response = post(annotation_body(category, segmentation=rectangle_rle(height=0)))
    assert_refused(response, "empty_mask", "segmentation")


def test_a_full_mask_is_saved(post, category):
    response = post(annotation_body(category, segmentation=rectangle_rle((6, 8), 0, 0, 6, 8)))
    assert (response.status_code, response.json()["area"]) == (201, 48)


# --- refused prompts ---
def test_a_prompts_choices_are_outputs_of_the_bundle_that_the_annotation_names(post, category, bob):
    """SAM's four where the manifest does not say; five of a family with five."""
    five = {"count": 5, "single": 4, "candidates": [0, 1, 2, 3]}
    bundle = Bundle.objects.create(
        name="five", digest="5" * 64, family="five", input_side=64, embedding={}, manifest={"outputs": five}
    )
    fifth = POINT | {"mask_indices": [4]}
    assert_refused(post(annotation_body(category, prompt=fifth)), "invalid_prompt", "prompt")
    response = post(annotation_body(category, prompt=fifth, bundle_digest=bundle.digest))
    assert response.status_code == 201
    sixth = POINT | {"mask_indices": [5]}
    body = annotation_body(category, prompt=sixth, bundle_digest=bundle.digest)
    assert_refused(post(body), "invalid_prompt", "prompt")
    # Another bundle has to have the choices that are there already.
    four = Bundle.objects.create(
        name="four", digest="4" * 64, family="sam", input_side=64, embedding={}, manifest={}
    )
    row = response.json()
    url = f"/api/annotations/{row['id']}/"
    other = {"version": row["version"], "bundle_digest": four.digest}
    assert_refused(client_of(bob).patch(url, other, format="json"), "invalid_prompt", "prompt")


POINT = {"point_coords": [[1, 1]], "point_labels": [1], "box": None, "box_step": None, "mask_indices": [1]}


@pytest.mark.parametrize(
    "changes",
    [
        {"point_coords": [[-5, 1]]},
        {"point_coords": [[1, 7.5]]},
        {"point_coords": [[1e6, 1]]},
        {"point_coords": [["1", 1]]},
        {"point_coords": [[True, 1]]},
        {"point_coords": [[1, 1, 1]]},
        {"point_coords": [1, 1]},
        {"point_coords": "1,1"},
        {"point_coords": [[1, 1], [2, 2]]},
        {"point_labels": [2]},
        {"point_labels": [True]},
        {"point_labels": []},
        {"box": [0, 0, 3, 3]},  # without a step
        {"box": [3, 3, 0, 0], "box_step": 0, "mask_indices": []},
        {"box": [0, 0, 30, 3], "box_step": 0, "mask_indices": []},
        {"box": [0, 0, 3], "box_step": 0, "mask_indices": []},
        {"box": [0, 0, 3, 3], "box_step": 5, "mask_indices": []},
        {"box_step": 0},
        {"mask_indices": [1, 2]},
        {"mask_indices": [4]},
        {"mask_indices": [-1]},
        {"extra": 1},
        {"point_coords": [], "point_labels": [], "mask_indices": []},
        {"point_coords": [[1, 1]] * 1001, "point_labels": [1] * 1001, "mask_indices": []},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_prompt_that_makes_no_sense_is_refused(post, category, changes):
    assert_refused(post(annotation_body(category, prompt=POINT | changes)), "invalid_prompt", "prompt")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + 400 * "0"], ids=lambda n: n[:9]
)
@pytest.mark.parametrize("place", ["point", "predicted_iou", "stability_score", "time_spent_s"])
def test_numbers_that_are_not_finite_are_refused(client, image, category, number, place):
    body = annotation_body(category)
    if place == "point":
        body["prompt"] = POINT | {"point_coords": [["@", 1]]}
    else:
        body[place] = "@"
    text = json.dumps(body).replace('"@"', number)
    response = client.generic(
        "POST", f"/api/images/{image.pk}/annotations/", text, content_type="application/json"
    )
    assert response.status_code == 400, response.json()


@pytest.mark.parametrize("word", ["nan", "inf"])
@pytest.mark.parametrize("field", ["predicted_iou", "time_spent_s"])
def test_numbers_written_as_words_are_refused(post, category, field, word):
    assert post(annotation_body(category, **{field: word})).status_code == 400


def test_a_box_among_points_is_saved_as_sent(post, category):
    prompt = {
        "point_coords": [[1.5, 2.0], [3, 3]],
        "point_labels": [1, 0],
        "box": [0, 0, 7.5, 6.0],
        "box_step": 1,
        "mask_indices": [2, 0, 0],
    }
    assert post(annotation_body(category, prompt=prompt)).json()["prompt"] == prompt


def test_an_object_may_have_a_place_of_its_own_in_the_list(post, patch, category):
    row = post(annotation_body(category)).json()
    assert row["rank"] is None
    assert (row := patch(row, rank=-1.5).json())["rank"] == -1.5
    assert (row := patch(row, name="chair").json())["rank"] == -1.5
    assert patch(row, rank=None).json()["rank"] is None


def test_a_mask_without_a_prompt_is_saved(post, category):
    assert post(annotation_body(category, prompt=None)).status_code == 201


# --- name, color, lock ---
def test_an_object_may_have_a_name_a_color_and_a_lock(post, patch, category):
    row = post(annotation_body(category)).json()
    assert (row["name"], row["color"], row["is_locked"]) == ("", "", False)
    row = patch(row, name="  The old\n  tower ", color="#12ab00", is_locked=True).json()
    assert (row["name"], row["color"], row["is_locked"]) == ("The old tower", "#12ab00", True)
    assert row["version"] == 2
    row = patch(row, name="", color="", is_locked=False).json()
    assert (row["name"], row["color"], row["is_locked"]) == ("", "", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 81 * "x"),
        ("color", "red"),
        ("color", "#12AB00"),
        ("is_locked", "perhaps"),
        ("rank", "top"),
        ("rank", "NaN"),
        ("time_spent_s", "NaN"),
    ],
)
def test_a_name_color_or_lock_that_cannot_be_is_refused(post, patch, category, field, value):
    row = post(annotation_body(category)).json()
    assert_refused(patch(row, **{field: value}), "invalid", field)
    assert_refused(post(annotation_body(category, **{field: value})), "invalid", field)


# --- refused references ---
def test_an_unknown_category_is_refused(post, category):
    assert_refused(post(annotation_body(category) | {"category": 10**9}), "unknown_category", "category")


def test_a_category_of_another_project_is_refused(post, category, alice):
    foreign = categories.create_category(projects.create_project(alice, name="Other"), name="cat")
    assert_refused(post(annotation_body(foreign)), "unknown_category", "category")


def test_an_unknown_bundle_is_refused(post, category):
    assert_refused(post(annotation_body(category, bundle_digest="f" * 64)), "unknown_bundle", "bundle_digest")


def test_the_bundles_digest_is_kept(post, category):
    row = post(annotation_body(category, bundle_digest=BUNDLE_DIGEST)).json()
    assert row["bundle_digest"] == BUNDLE_DIGEST


@pytest.mark.parametrize(
    "changes",
    [{"id": "5"}, {"id": None}, {"category": 10**30}, {"category": "cat"}, {"clicks": -1}, {"clicks": 2**40}],
)
def test_fields_of_the_wrong_kind_are_refused(post, category, changes):
    assert_refused(post(annotation_body(category) | changes), "invalid", next(iter(changes)))


@pytest.mark.parametrize("text", ["", "{", "[1]", '"a"', "null", "\xff"])
def test_a_body_that_is_no_object_is_refused(client, image, text):
    url = f"/api/images/{image.pk}/annotations/"
    response = client.generic("POST", url, text.encode("latin-1"), content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] in {"parse_error", "invalid"}


# --- update ---
def test_an_update_counts_the_version_up(saved, patch):
    response = patch(saved, segmentation=rectangle_rle(top=0))
    assert response.status_code == 200
    assert response.json()["version"] == 2
    assert response.json()["bbox"] == [2, 0, 3, 2]


def test_an_update_of_an_old_version_is_a_conflict_that_shows_the_row(saved, patch, client):
    current = patch(saved, clicks=3).json()
    response = patch(saved, clicks=4)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "version_conflict")
    assert response.json()["current"] == current
    assert client.get(f"/api/annotations/{saved['id']}/").json()["clicks"] == 3


def test_the_same_update_twice_is_harmless(saved, patch):
    first = patch(saved, clicks=3).json()
    second = patch(saved, clicks=3)
    assert (second.status_code, second.json()) == (200, first)


def test_an_update_without_a_version_is_refused(saved, client):
    response = client.patch(f"/api/annotations/{saved['id']}/", {"clicks": 3}, format="json")
    assert_refused(response, "version_required", "version")


def test_an_update_is_checked_like_a_new_one(saved, patch):
    assert_refused(patch(saved, segmentation=rectangle_rle((8, 6))), "mask_size_mismatch")
    assert_refused(patch(saved, category=10**9), "unknown_category")
    assert Annotation.objects.get(pk=saved["id"]).version == 1


# --- delete and restore ---
def test_a_deleted_annotation_is_gone_and_can_come_back(saved, client, image):
    url = f"/api/annotations/{saved['id']}/"
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    assert client.get(f"/api/images/{image.pk}/annotations/").json()["count"] == 0
    assert client.get(f"/api/images/{image.pk}/").json()["annotation_count"] == 0
    restored = client.post(f"{url}restore/")
    assert restored.status_code == 200
    same = {key: value for key, value in saved.items() if key not in {"version", "updated_at"}}
    assert same.items() <= restored.json().items()
    assert client.get(f"/api/images/{image.pk}/annotations/").json()["count"] == 1


def test_the_trash_of_an_image_lists_what_was_deleted_and_by_whom(saved, client, image, bob):
    trash = f"/api/images/{image.pk}/annotations/?deleted=true"
    assert client.get(trash).json()["count"] == 0
    client.delete(f"/api/annotations/{saved['id']}/")
    (row,) = client.get(trash).json()["results"]
    assert (row["id"], row["updated_by"]) == (saved["id"], bob.username)
    assert row["deleted_at"] is not None
    client.post(f"/api/annotations/{saved['id']}/restore/")
    assert client.get(trash).json()["count"] == 0


def test_who_wrote_last_is_said_apart_from_the_author(saved, client, alice):
    assert saved["updated_by"] == saved["author"]
    answer = client_of(alice).patch(
        f"/api/annotations/{saved['id']}/", {"version": saved["version"], "clicks": 9}, format="json"
    )
    assert (answer.json()["author"], answer.json()["updated_by"]) == (saved["author"], alice.username)
    conflict = client.patch(f"/api/annotations/{saved['id']}/", {"version": 1, "clicks": 4}, format="json")
    assert conflict.json()["error"]["code"] == "version_conflict"
    assert conflict.json()["current"]["updated_by"] == alice.username


def test_deleting_twice_and_restoring_twice_are_harmless(saved, client):
    url = f"/api/annotations/{saved['id']}/"
    assert [client.delete(url).status_code for _ in range(2)] == [204, 204]
    first, second = client.post(f"{url}restore/").json(), client.post(f"{url}restore/").json()
    assert first["version"] == second["version"]


def test_deleting_an_old_version_is_a_conflict(saved, patch, client):
    patch(saved, clicks=9)
    response = client.delete(f"/api/annotations/{saved['id']}/?version=1")
    assert (response.status_code, response.json()["current"]["version"]) == (409, 2)
    assert client.delete(f"/api/annotations/{saved['id']}/?version=2").status_code == 204


def test_an_update_of_something_deleted_is_a_conflict(saved, patch, client):
    client.delete(f"/api/annotations/{saved['id']}/")
    response = patch(saved | {"version": 2}, clicks=9)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "annotation_deleted")


# --- at the same time, on a real file ---
def test_of_ten_updates_from_one_version_exactly_one_wins(installation):
    image = base64.b64encode(encode_image()).decode()
    printed = installation.python(
        f"""
import base64, collections, io, threading, uuid
from annotator.models import User
from django.db import connection
from annotator.annotations import saving
from annotator.projects import categories, projects
from annotator.media import intake
from annotator.annotations.errors import VersionConflict
from annotator.models import Annotation, Bundle

alice = User.objects.create(username="alice")
project = projects.create_project(alice, name="Race")
category = categories.create_category(project, name="cat")
image = intake.ingest_image(project, io.BytesIO(base64.b64decode("{image}")), "a.png").image
segmentation, key = {rectangle_rle()!r}, uuid.UUID("{uuid.uuid4()}")
barrier, outcomes = threading.Barrier(10), collections.Counter()

def at_once(work):
    def run(number):
        barrier.wait()
        try:
            outcomes[work(number)] += 1
        except VersionConflict:
            outcomes["conflict"] += 1
        connection.close()
    threads = [threading.Thread(target=run, args=[number]) for number in range(10)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]

def create(number):
    fields = dict(id=key, category=category.pk, segmentation=segmentation)
    return saving.create(image, author=alice, **fields)[1]

def update(number):
    written = saving.update(Annotation.objects.get(pk=key), version=1, clicks=number + 1)
    return "version " + str(written.version)

at_once(create)
at_once(update)
print(outcomes[True], outcomes[False], outcomes["version 2"], outcomes["conflict"], Annotation.objects.get().version)

def another(number):
    fields = dict(id=uuid.uuid4(), category=category.pk, segmentation=segmentation)
    return "made " + str(saving.create(image, author=alice, **fields)[1])

at_once(another)
print(outcomes["made True"], sorted(Annotation.objects.values_list("number", flat=True)) == list(range(1, 12)))
"""
    )
    # Made once, repeated nine times; written once, nine conflicts. Ten others have ten numbers of their own.
    assert printed.split() == ["1", "9", "1", "9", "2", "10", "True"]


# --- asked again and again ---
def test_a_list_that_has_not_changed_is_not_sent_again(bob, image, post, patch, category):
    client, url = client_of(bob), f"/api/images/{image.pk}/annotations/?page_size=500"
    row = post(annotation_body(category)).json()
    tags = [client.get(url).headers["ETag"]]
    again = client.get(url, headers={"if-none-match": tags[0]})
    assert (again.status_code, again.content) == (304, b"")
    patch(row, name="chair")
    changed = client.get(url, headers={"if-none-match": tags[0]})
    assert (changed.status_code, changed.json()["results"][0]["name"]) == (200, "chair")
    client.delete(f"/api/annotations/{row['id']}/?version=2")
    gone = client.get(url, headers={"if-none-match": changed.headers["ETag"]})
    assert (gone.status_code, gone.json()["results"]) == (200, [])
    other = client.get(f"/api/images/{image.pk}/annotations/?deleted=true")
    assert other.headers["ETag"] != gone.headers["ETag"]


def test_a_list_is_sent_again_when_a_mask_of_the_trash_has_gone_for_good(
    bob, image, project, post, patch, category
):
    """What goes for good and what is made anew must not add up to the tag of before."""
    client, url = client_of(bob), f"/api/images/{image.pk}/annotations/"
    post(annotation_body(category))
    other = categories.create_category(project, name="gone soon")
    thrown = post(annotation_body(other)).json()
    client.delete(f"/api/annotations/{thrown['id']}/?version=1")
    tag = client.get(url).headers["ETag"]
    Annotation.objects.filter(pk=thrown["id"]).delete()
    made = post(annotation_body(category)).json()
    client.patch(f"/api/annotations/{made['id']}/", {"version": 1, "name": "chair"}, format="json")
    assert client.get(url, headers={"if-none-match": tag}).status_code == 200
