"""Large files are sent in parts and go on where they stopped: real browser, server and files."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.annotator.world import encode_image

PART_BYTES = 4 * 2**20


@pytest.fixture
def project(api) -> dict:
    return api("manager").post("/api/projects/", data={"name": f"Large {uuid.uuid4().hex[:6]}"}).json()


@pytest.fixture
def large(tmp_path) -> Path:
    """A PNG of three parts: noise cannot be compressed."""
    path = tmp_path / "large.png"
    path.write_bytes(encode_image((1700, 1800), seed=int(uuid.uuid4().hex[:6], 16)))
    assert 2 * PART_BYTES < path.stat().st_size < 3 * PART_BYTES
    return path


class Parts:
    """The parts that the page sends, by their offsets; `arrived` are those that were acknowledged."""

    def __init__(self, page: Page) -> None:
        self.sent: list[int] = []
        self.arrived: list[int] = []
        page.on("request", lambda request: self._note(request, self.sent))
        page.on(
            "response",
            lambda answer: self._note(answer.request, self.arrived) if answer.status == 204 else None,
        )

    def _note(self, request: Request, into: list[int]) -> None:
        if request.method == "PATCH" and "/api/uploads/" in request.url:
            into.append(int(request.headers["upload-offset"]))


def lose_second_part(route: Route) -> None:
    request = route.request
    if request.method == "PATCH" and int(request.headers["upload-offset"]) > 0:
        route.abort()
    else:
        route.continue_()


def expect_the_image(page: Page, api, project: dict, large: Path) -> None:
    expect(page.locator(".tray-file", has_text="large.png")).to_contain_text("added", timeout=60_000)
    expect(page.locator(".tile", has_text="large.png")).to_be_visible()
    (row,) = api("manager").get(f"/api/projects/{project['id']}/images/").json()["results"]
    assert (row["width"], row["height"]) == (1800, 1700)


def test_a_large_file_arrives_in_parts(page: Page, sign_in, project, api, large):
    parts = Parts(page)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.set_input_files("[data-files]", large)
    expect_the_image(page, api, project, large)
    assert parts.arrived == [0, PART_BYTES, 2 * PART_BYTES]


def test_after_a_reload_the_same_file_goes_on_where_it_stopped(page: Page, sign_in, project, api, large):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.route("**/api/uploads/**", lose_second_part)
    with page.expect_event("requestfailed", lambda request: request.method == "PATCH"):
        page.set_input_files("[data-files]", large)
    line = page.locator(".tray-file", has_text="large.png")
    expect(line).to_have_attribute("data-upload-state", "sending")

    page.on("dialog", lambda dialog: dialog.accept())  # the page asks before it is left
    page.reload()
    page.unroute("**/api/uploads/**")
    parts = Parts(page)
    page.set_input_files("[data-files]", large)
    expect_the_image(page, api, project, large)
    assert parts.sent == [PART_BYTES, 2 * PART_BYTES]


def test_a_killed_server_loses_nothing_that_it_acknowledged(page: Page, sign_in, project, api, site, large):
    parts = Parts(page)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")

    def kill(route: Route) -> None:
        """The first part has arrived; with the second one the server dies."""
        if route.request.method == "PATCH" and int(route.request.headers["upload-offset"]) == PART_BYTES:
            page.unroute("**/api/uploads/**")
            site.kill("web")
        route.continue_()

    page.route("**/api/uploads/**", kill)
    with page.expect_event("requestfailed", lambda request: request.method == "PATCH", timeout=60_000):
        page.set_input_files("[data-files]", large)
    site.start_web()
    expect_the_image(page, api, project, large)
    assert parts.arrived == [0, PART_BYTES, 2 * PART_BYTES]


def test_a_cancelled_upload_leaves_nothing_at_the_server(page: Page, sign_in, project, api, large):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.route("**/api/uploads/**", lose_second_part)
    with page.expect_event("requestfailed", lambda request: request.method == "PATCH"):
        page.set_input_files("[data-files]", large)
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as given_up:
        page.get_by_role("button", name="Cancel large.png").click()
    assert given_up.value.status == 204
    expect(page.locator(".tray-file", has_text="large.png")).to_contain_text("cancelled")


def test_an_upload_that_another_tab_gave_up_begins_anew(page: Page, sign_in, project, api, large):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    given_up: list[str] = []

    def give_up_once(route: Route) -> None:
        request = route.request
        if request.method == "PATCH" and int(request.headers["upload-offset"]) > 0 and not given_up:
            given_up.append(request.url)
            answer = api("manager").delete(request.url, headers={"Tus-Resumable": "1.0.0"})
            assert answer.status == 204
        route.continue_()

    page.route("**/api/uploads/**", give_up_once)
    parts = Parts(page)
    page.set_input_files("[data-files]", large)
    expect_the_image(page, api, project, large)
    assert len(given_up) == 1
    assert parts.arrived == [0, 0, PART_BYTES, 2 * PART_BYTES]
