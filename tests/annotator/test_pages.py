"""The HTML pages: who gets which, what their first state says, and that nobody is offered what they may not do."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Pillow

from annotator import annotations, bundles, mask_thumbnails, projects
from annotator.models import Annotation, EmbeddingJob, Export, Image, WorkerHeartbeat
from annotator.page_urls import urlpatterns
from annotator.templatetags.modules import modules_of
from segmentation import rle
from segmentation.families import FAMILIES
from tests.annotator.conftest import annotation_body

ROLES = ("anonymous", "stranger", "viewer", "annotator", "manager", "staff")
USERS = {"stranger": "charlie", "viewer": "vera", "annotator": "bob", "manager": "alice", "staff": "sam"}

SIGNED_IN = (302, 200, 200, 200, 200, 200)
MEMBERS = (302, 404, 200, 200, 200, 200)
MANAGERS = (302, 404, 403, 403, 200, 200)
TO_AN_IMAGE = (302, 404, 302, 302, 302, 302)

# Address -> what each role gets; anonymous people are sent to sign in.
TABLE = {
    "projects": SIGNED_IN,
    "models": SIGNED_IN,
    "project": MEMBERS,
    "project-tab images": MEMBERS,
    "project-tab dashboard": MEMBERS,
    "project-tab labels": MEMBERS,
    "project-tab people": MEMBERS,
    "project-tab exports": MEMBERS,
    "project-tab settings": MANAGERS,
    "continue": TO_AN_IMAGE,
    "annotate": MEMBERS,
    "annotate-scene": (401, *MEMBERS[1:]),
    "masks": MEMBERS,
    "tiles": (401, *MEMBERS[1:]),
    "login": (200, 302, 302, 302, 302, 302),
}
TABS = ("images", "dashboard", "labels", "people", "exports")
MARKS_OF_MANAGING = ("data-new-category", "data-new-member", "data-delete-", "data-new-export", "data-files")


@pytest.fixture
def everybody(alice, bob, vera, charlie, staff) -> dict[str, User]:
    return {user.username: user for user in (alice, bob, vera, charlie, staff)}


def address(name: str, project, image) -> str:
    name, _, tab = name.partition(" ")
    if name == "project-tab":
        return reverse(name, args=[project.pk, tab])
    if name in ("project", "continue", "tiles"):
        return reverse(name, args=[project.pk])
    if name.startswith(("annotate", "masks")):
        return reverse(name, args=[image.pk])
    return reverse(name)


def browser_of(user: User | None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def html(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", TABLE)
def test_every_page_for_every_role(name, role, everybody, project, image, annotation):
    client = browser_of(everybody.get(USERS.get(role, "")))
    response = client.get(address(name, project, image))
    assert response.status_code == TABLE[name][ROLES.index(role)]
    if role == "anonymous" and response.status_code == 302:
        assert response.url.startswith("/login/?next=")


def test_the_table_names_every_page():
    served = {pattern.name for pattern in urlpatterns} - {"logout"}
    assert {name.partition(" ")[0] for name in TABLE} == served


def test_a_page_that_is_not_there_says_so_in_words(client, alice):
    client.force_login(alice)
    response = client.get("/projects/999999/")
    assert response.status_code == 404
    assert "text/html" in response["Content-Type"]
    assert reverse("projects") in response.content.decode()


def test_a_stranger_and_a_missing_project_look_the_same(charlie, project):
    client = browser_of(charlie)
    hidden = client.get(f"/projects/{project.pk}/")
    missing = client.get("/projects/999999/")
    without_token = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"|content="[A-Za-z0-9]{64}"')
    assert without_token.sub(b"", hidden.content) == without_token.sub(b"", missing.content)


# --- signing in ---
def test_a_wrong_password_is_answered_with_a_sentence_and_keeps_the_name(client, alice):
    alice.set_password("right-horse")
    alice.save()
    page = client.post("/login/", {"username": "alice", "password": "guess-1"}).content.decode()
    assert "is wrong" in page
    assert 'value="alice"' in page
    assert "guess-1" not in page


def test_guessing_is_stopped_even_for_the_right_password(client, alice):
    alice.set_password("right-horse")
    alice.save()
    for _ in range(settings.LOGIN_FAILURES_MAX):
        client.post("/login/", {"username": "alice", "password": "guess"})
    response = client.post("/login/", {"username": "alice", "password": "right-horse"})
    assert "_auth_user_id" not in client.session
    assert "Too many" in response.content.decode()


def test_signing_in_goes_on_to_where_one_wanted_to_go_but_never_elsewhere(client, alice, project):
    alice.set_password("right-horse")
    alice.save()
    credentials = {"username": "alice", "password": "right-horse"}
    assert (
        client.post("/login/", credentials | {"next": f"/projects/{project.pk}/"}).url
        == f"/projects/{project.pk}/"
    )
    client.logout()
    assert client.post("/login/", credentials | {"next": "https://evil.example/"}).url == "/"


def test_signing_out_needs_a_post(client, alice):
    client.force_login(alice)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert "_auth_user_id" not in client.session


# --- what pages say ---
def test_the_projects_page_shows_ones_own_projects_only(charlie, alice, project):
    projects.create_project(charlie, name="Charlie's birds")
    assert "Charlie&#x27;s birds" in html(browser_of(charlie), "/")
    assert "Charlie&#x27;s birds" not in html(browser_of(alice), "/")
    assert "Cats" not in html(browser_of(charlie), "/")


def test_an_empty_list_says_what_to_do(charlie):
    assert "No projects yet" in html(browser_of(charlie), "/")


def test_continue_opens_the_first_image_that_is_not_done(bob, image, second_image):
    client = browser_of(bob)
    url = f"/projects/{image.project_id}/continue/"
    assert client.get(url).url == f"/images/{image.pk}/annotate/"
    Image.objects.filter(pk=image.pk).update(state="done")
    assert client.get(url).url == f"/images/{second_image.pk}/annotate/"
    Image.objects.update(state="done")
    assert client.get(url).url == f"/projects/{image.project_id}/"


@pytest.mark.parametrize("tab", TABS)
def test_only_managers_are_offered_a_managers_controls(tab, alice, bob, vera, project, image, annotation):
    url = f"/projects/{project.pk}/{tab}/"
    for user in (bob, vera):
        page = html(browser_of(user), url)
        assert not [mark for mark in MARKS_OF_MANAGING if mark in page]
    if tab != "dashboard":
        assert [mark for mark in MARKS_OF_MANAGING if mark in html(browser_of(alice), url)]


def test_a_viewer_is_offered_nothing_that_writes(vera, project, image, annotation):
    client = browser_of(vera)
    for tab in TABS:
        page = html(client, f"/projects/{project.pk}/{tab}/")
        for mark in ("data-mark=", "data-select ", "contenteditable"):
            assert mark not in page, (tab, mark)
    assert f"/projects/{project.pk}/continue/" not in html(client, "/")


def test_tiles_tell_both_states(alice, project, image, second_image):
    EmbeddingJob.objects.filter(image=image).update(state="failed")
    Image.objects.filter(pk=second_image.pk).update(state="done")
    page = html(browser_of(alice), f"/projects/{project.pk}/")
    tiles = dict(re.findall(r'data-image-id="(\d+)" ([^>]*)>', page))
    assert 'data-embedding-state="failed"' in tiles[str(image.pk)]
    assert 'data-state="done"' in tiles[str(second_image.pk)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"photo.png", "second.png"}),
        ("?state=done", {"second.png"}),
        ("?state=not_started", set()),
        ("?search=PHOTO", {"photo.png"}),
        ("?person=bob", {"photo.png"}),
        ("?person=alice", set()),
        ("?page=99", {"photo.png", "second.png"}),
        ("?state=nonsense&category=x", {"photo.png", "second.png"}),
    ],
)
def test_filters_show_the_images_they_name(query, expected, alice, project, second_image, annotation):
    Image.objects.filter(pk=second_image.pk).update(state="done")
    page = html(browser_of(alice), f"/projects/{project.pk}/{query}")
    tiles = re.findall(r'<li class="tile".*?</li>', page, re.DOTALL)
    shown = {
        name for tile in tiles if 'data-image-id=""' not in tile for name in re.findall(r"\w+\.png", tile)
    }
    assert shown == expected


def test_the_category_filter_forgets_deleted_masks(alice, project, annotation):
    client = browser_of(alice)
    url = f"/projects/{project.pk}/?category={annotation.category_id}"
    assert f'data-image-id="{annotation.image_id}"' in html(client, url)
    Annotation.objects.update(deleted_at="2026-01-01T00:00Z")
    assert f'data-image-id="{annotation.image_id}"' not in html(client, url)


def test_a_hundred_images_cost_no_more_queries_than_two(
    alice, project, image, second_image, django_assert_max_num_queries
):
    client = browser_of(alice)
    rows = [
        Image(
            project=project,
            name=f"{index}.png",
            width=8,
            height=6,
            digest=f"{index:064x}",
            file="x",
            thumbnail="x",
            size_bytes=1,
        )
        for index in range(100)
    ]
    Image.objects.bulk_create(rows)
    with django_assert_max_num_queries(12):
        html(client, f"/projects/{project.pk}/")


def test_tiles_are_drawn_anew_for_the_asked_images_only(alice, project, image, second_image, charlie):
    other = projects.create_project(charlie, name="Charlie's")
    Image.objects.filter(pk=second_image.pk).update(project=other)
    client = browser_of(alice)
    page = html(
        client, f"/projects/{project.pk}/tiles/?ids={image.pk},{second_image.pk},999999,x,-1,{'9' * 40}"
    )
    assert re.findall(r'data-image-id="(\d+)"', page) == [str(image.pk)]


def test_a_failed_embedding_says_why_and_offers_another_try(bob, vera, project, image):
    EmbeddingJob.objects.filter(image=image).update(state="failed", error="out of <memory>")
    page = html(browser_of(bob), f"/projects/{project.pk}/")
    assert "out of &lt;memory&gt;" in page
    assert "data-retry-embedding" in page
    assert "data-retry-embedding" not in html(browser_of(vera), f"/projects/{project.pk}/")


# --- masks on tiles ---
def test_masks_on_a_tile_have_their_categorys_colour_where_the_mask_is(alice, image, annotation):
    """The mask covers rows 1 and 2, columns 2 to 4 of an image of 6 x 8, which is not enlarged."""
    response = browser_of(alice).get(f"/images/{image.pk}/masks/?version=1")
    picture = np.asarray(Pillow.open(io.BytesIO(response.content)).convert("RGBA"))
    assert picture.shape == (6, 8, 4)
    expected = np.zeros((6, 8), bool)
    expected[1:3, 2:5] = True
    assert ((picture[..., 3] > 0) == expected).all()
    color = bytes.fromhex(annotation.category.color[1:])
    assert (picture[expected][:, :3] == list(color)).all()


def test_a_tiles_masks_get_another_address_when_they_change(alice, project, annotation):
    def address_of_masks() -> str:
        return re.search(r"/masks/\?version=[^\"]+", html(client, f"/projects/{project.pk}/")).group()

    client = browser_of(alice)
    first = address_of_masks()
    annotations.update(annotation, version=1, clicks=7)
    changed = address_of_masks()
    projects.update_category(annotation.category, color="#123456")
    recolored = address_of_masks()
    assert len({first, changed, recolored}) == 3


@pytest.mark.parametrize("hw", [(1, 1), (1, 64), (64, 1), (640, 480), (333, 500)])
def test_a_shrunk_mask_is_what_drawing_and_averaging_gives(hw):
    """Against the mask itself: nothing is moved or turned, whatever the proportions."""
    rows, columns = np.mgrid[: hw[0], : hw[1]]
    mask = (rows * 3 >= hw[0] - 1) & (columns * 2 <= hw[1])
    small_hw = (max(1, hw[0] // 8), max(1, hw[1] // 8))
    small = mask_thumbnails.sample_mask(rle.encode(mask), small_hw)
    picture = Pillow.fromarray(mask.astype(np.uint8) * 255).resize(small_hw[::-1], Pillow.Resampling.BOX)
    assert np.abs(small - np.asarray(picture) / 255).mean() < 0.05  # 4 samples a pixel against all of them


# --- dashboard ---
def test_the_dashboards_figures_are_medians_and_means_of_live_masks(alice, bob, project, image, category):
    for seconds, clicks in ((1.0, 1), (2.0, 3), (60.0, 2)):
        body = annotation_body(category, time_spent_s=seconds, clicks=clicks)
        annotations.create(image, author=bob, **body)
    gone, _ = annotations.create(
        image, author=bob, **annotation_body(category, time_spent_s=500.0, clicks=90)
    )
    annotations.delete(gone)
    page = html(browser_of(alice), f"/projects/{project.pk}/dashboard/")
    figures = [
        re.sub(r"<[^>]+>|\s+", " ", dd).split() for dd in re.findall(r"<dd[^>]*>(.*?)</dd>", page, re.DOTALL)
    ]
    assert figures[0] == ["0", "of", "1"]
    assert figures[1] == ["3"]
    assert figures[2] == ["2.0", "s"]
    assert figures[3] == ["2.0"]


def test_an_empty_dashboard_shows_no_made_up_numbers(alice, project):
    assert "No masks yet" in html(browser_of(alice), f"/projects/{project.pk}/dashboard/")


# --- models, exports ---
def test_the_models_page_says_when_no_worker_lives(alice, staff, bundle):
    page = html(browser_of(alice), "/models/")
    assert "No worker is alive" in page
    assert bundle.digest[:12] in page
    assert "make worker" in html(browser_of(staff), "/models/")


def test_only_staff_see_which_machines_work(alice, staff, bundle):
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="worker-1@gpu-box", hostname="gpu-box", pid=1, last_seen=now)
    assert "gpu-box" in html(browser_of(staff), "/models/")
    assert "gpu-box" not in html(browser_of(alice), "/models/")


def test_names_are_shown_as_text_wherever_they_stand(alice, project, image, category):
    nasty = "<script>alert(1)</script>"
    projects.update_project(project, name=nasty, description=nasty)
    Image.objects.filter(pk=image.pk).update(name=nasty)
    type(category).objects.filter(pk=category.pk).update(name=nasty, supercategory=nasty)
    Export.objects.create(project=project, format="coco", options={}, error=nasty, state="failed")
    client = browser_of(alice)
    for url in ("/", *(f"/projects/{project.pk}/{tab}/" for tab in (*TABS, "settings"))):
        assert nasty not in html(client, url), url


def test_no_page_carries_an_inline_script(alice, project, image, annotation):
    """The policy forbids them, so one would silently not run."""
    client = browser_of(alice)
    for url in ("/", "/models/", *(f"/projects/{project.pk}/{tab}/" for tab in (*TABS, "settings"))):
        page = html(client, url)
        for script in re.findall(r"<script\b[^>]*>", page):
            assert "src=" in script or 'type="application/json"' in script, (url, script)
        assert not re.search(r"\son\w+=", page), url


def test_pages_are_isolated_and_carry_the_policy(client, db):
    response = client.get("/login/")
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert "'unsafe-inline'" not in response["Content-Security-Policy"].split("script-src")[1].split(";")[0]


def test_two_changes_of_a_category_at_one_time_do_not_undo_each_other(category):
    """As the labels page sends them: a name and, before the answer has come, a supercategory."""
    first, second = type(category).objects.get(), type(category).objects.get()
    projects.update_category(first, name="lion")
    projects.update_category(second, supercategory="beast")
    category.refresh_from_db()
    assert (category.name, category.supercategory) == ("lion", "beast")


def test_the_time_per_image_leaves_out_pictures_that_were_computed_before(alice, project, image, bundle):
    twin = projects.create_project(alice, name="Twin", bundle=bundle)
    Image.objects.filter(pk=image.pk).update(digest="d" * 64)
    copied = Image.objects.get(pk=image.pk)
    copied.pk, copied.project = None, twin
    copied.save()
    EmbeddingJob.objects.all().delete()
    now = timezone.now()
    for row, duration_ms, minute in ((image, 400, 0), (copied, 2, 1)):
        EmbeddingJob.objects.create(
            image=row,
            bundle=bundle,
            state="ready",
            duration_ms=duration_ms,
            queued_at=now,
            finished_at=now + timedelta(minutes=minute),
        )
    assert "400 ms (median)" in html(browser_of(alice), "/models/")


# --- what the workbench fetches at once ---
def test_the_workbench_asks_for_embedding_and_decoder_with_its_first_bytes(bob, image):
    answer = browser_of(bob).get(f"/images/{image.pk}/annotate/")
    bundle = answer.context["page_data"]["bundle"]
    text = answer.content.decode()
    assert f'<link rel="preload" href="/api/images/{image.pk}/embedding/?digest={bundle["digest"]}"' in text
    assert f'<link rel="prefetch" href="{bundle["fast_decoder_url"] or bundle["decoder_url"]}"' in text


def test_the_gallery_fetches_the_workbench_ahead(bob, image):
    text = html(browser_of(bob), f"/projects/{image.project_id}/")
    assert re.search(r'<link rel="prefetch" href="/api/bundles/[^"]+/decoder/', text)
    assert '<link rel="prefetch" href="/static/js/pages/annotate.js">' in text


def test_a_viewer_asks_for_neither(vera, image):
    text = html(browser_of(vera), f"/images/{image.pk}/annotate/")
    assert "/embedding/" not in text


def test_the_workbench_preloads_the_session_that_its_bundle_runs_in(bob, image, bundle):
    session = '<link rel="modulepreload" href="/static/js/decoder/worker/sam/session.js">'
    assert session not in html(browser_of(bob), f"/images/{image.pk}/annotate/"), (
        "no decoder package is there"
    )
    path = bundles.fast_decoder_file(bundle)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    text = html(browser_of(bob), f"/images/{image.pk}/annotate/")
    path.unlink()
    assert session in text
    assert '<link rel="modulepreload" href="/static/js/decoder/worker/kernel/threads.js">' in text
    assert "worker/pocket/" not in text


def test_the_workbench_preloads_every_module_that_it_and_its_worker_import():
    sessions = [bundles.session_module(family) for family in FAMILIES]
    paths = [path for entry in ("js/pages/annotate.js", "js/decoder/decoder-worker.js", *sessions)
             for path in modules_of(entry)]  # fmt: skip
    folder = Path(settings.BASE_DIR) / "static"
    assert {"js/core/rle.js", "js/view/stage.js", "js/decoder/worker/files/embedding-file.js"} <= set(paths)
    for path in paths:
        # Read another way than the tag does: every statement's end, whatever its lines.
        for name in re.findall(r'from "(\.[^"]+\.js)";', (folder / path).read_text()):
            assert str((folder / path).parent.joinpath(name).resolve().relative_to(folder.resolve())) in paths
