"""The pages around the workbench, as a manager and an annotator use them: real browser, server, worker and files."""

from __future__ import annotations

import io
import re
import shutil
import time
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image as Pillow
from playwright.sync_api import Page, Request, Route, expect

from segmentation import rle
from tests.e2e.conftest import PASSWORD, sign_in_as

PHOTOS = Path(skimage.__file__).parent / "data"
READY_TIMEOUT_MS = 120_000  # the worker loads torch and the model first, beside other tests


@pytest.fixture(autouse=True)
def no_errors_in_the_page(page: Page):
    """A script that fails or a file that is refused by the policy shows up in no assertion of its own."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            # Refused uploads and conflicts are part of the stories; the browser logs each answer from 400 on.
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield
    assert errors == []


@pytest.fixture
def project(api) -> dict:
    """A project of the manager's with two categories, the annotator and one photograph."""
    manager = api("manager")
    project = manager.post("/api/projects/", data={"name": f"Site {uuid.uuid4().hex[:6]}"}).json()
    for name in ("cup", "spoon"):
        manager.post(f"/api/projects/{project['id']}/categories/", data={"name": name})
    manager.post(
        f"/api/projects/{project['id']}/members/", data={"username": "annotator", "role": "annotator"}
    )
    uploaded = manager.post(
        f"/api/projects/{project['id']}/images/",
        multipart={
            "files": {
                "name": "coffee.png",
                "mimeType": "image/png",
                "buffer": (PHOTOS / "coffee.png").read_bytes(),
            }
        },
    )
    assert uploaded.status == 201, uploaded.text()
    return project | {"image": uploaded.json()["results"][0]}


def add_mask(api, project: dict, category: int = 0) -> str:
    manager = api("manager")
    categories = manager.get(f"/api/projects/{project['id']}/categories/").json()["results"]
    image = project["image"]
    mask = np.zeros((image["height"], image["width"]), bool)
    mask[100:300, 200:420] = True
    body = {
        "id": str(uuid.uuid4()),
        "category": categories[category]["id"],
        "segmentation": rle.encode(mask),
        "time_spent_s": 4.0,
        "clicks": 2,
    }
    answer = manager.post(f"/api/images/{image['id']}/annotations/", data=body)
    assert answer.status == 201, answer.text()
    return body["id"]


def test_a_wrong_password_is_said_and_a_right_one_leads_on(page: Page, site):
    page.goto("/models/")
    page.fill("input[name=username]", "manager")
    page.fill("input[name=password]", "not-it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    expect(page.locator("input[name=username]")).to_have_value("manager")
    expect(page.locator("input[name=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/")
    page.goto("/")
    assert "/login/" in page.url


def test_pages_carry_hashed_files_that_browsers_may_keep(page: Page, sign_in, project):
    """The whole chain of modules arrives under hashed names: an import that was not rewritten would be a plain one."""
    scripts: dict[str, dict] = {}
    page.on(
        "response",
        lambda response: (
            scripts.update({response.url: response.headers}) if "/static/" in response.url else None
        ),
    )
    sign_in("manager")
    for tab in ("images", "dashboard", "labels", "people", "imports", "exports", "settings", "trash"):
        page.goto(f"/projects/{project['id']}/{tab}/", wait_until="networkidle")
    modules = [url for url in scripts if url.endswith(".js")]
    assert len(modules) > 10
    for url, headers in scripts.items():
        assert re.search(r"\.[0-9a-f]{12}\.\w+", url), url
        assert "immutable" in headers["cache-control"], url
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_new_project_with_categories(page: Page, sign_in, api):
    sign_in("manager")
    name = f"Kitchen {uuid.uuid4().hex[:6]}"
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Category name").first.fill("cup")
    page.keyboard.press("Enter")
    page.keyboard.type("Cup")
    dialog.get_by_role("button", name="Create project").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Another category above")
    dialog.get_by_label("Category name").nth(1).fill("spoon")
    dialog.get_by_label("Supercategory").nth(1).fill("cutlery")
    dialog.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/projects/*/")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()

    project_id = re.search(r"/projects/(\d+)/", page.url).group(1)
    rows = api("manager").get(f"/api/projects/{project_id}/categories/").json()["results"]
    assert [(row["name"], row["supercategory"]) for row in rows] == [("cup", ""), ("spoon", "cutlery")]
    assert rows[0]["color"] != rows[1]["color"]


def test_uploads_good_broken_and_zipped_and_their_states_go_live(
    page: Page, sign_in, project, tmp_path: Path
):
    broken = tmp_path / "broken.png"
    broken.write_bytes((PHOTOS / "chelsea.png").read_bytes()[:20_000])
    zipped = tmp_path / "more.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(PHOTOS / "rocket.jpg", "trip/rocket.jpg")
        archive.write(broken, "trip/inside.png")
    good = shutil.copy(PHOTOS / "astronaut.png", tmp_path / "astronaut.png")
    again = shutil.copy(PHOTOS / "coffee.png", tmp_path / "coffee-again.png")

    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.set_input_files("[data-files]", [good, str(broken), str(zipped), again])
    tray = page.get_by_role("complementary", name="Uploads")
    expect(tray.get_by_role("status")).to_have_text(
        "2 files uploaded, 1 already here, 1 failed", timeout=30_000
    )

    def line(name: str):
        return tray.locator("li", has_text=name)

    expect(line("astronaut.png")).to_contain_text("added")
    expect(line("broken.png")).to_contain_text("damaged")
    expect(line("more.zip")).to_contain_text("inside.png")
    expect(line("coffee-again.png")).to_contain_text("already here")
    expect(page.locator("[data-image-id]")).to_have_count(3)
    expect(page.get_by_text("0 of 3 done")).to_be_visible()

    # The same bytes would be refused again: there is no Retry for them.
    expect(tray.get_by_role("button", name=re.compile("Retry"))).to_have_count(0)
    broken.write_bytes((PHOTOS / "chelsea.png").read_bytes())
    tray.get_by_role("button", name="Close the list of uploads").click()
    expect(tray).to_be_hidden()
    page.set_input_files("[data-files]", str(broken))
    expect(page.locator("[data-image-id]")).to_have_count(4)

    # Nobody reloads: the badges follow the worker.
    expect(page.locator("[data-embedding-state=ready]")).to_have_count(4, timeout=READY_TIMEOUT_MS)
    names = page.locator(".tile-name").all_text_contents()
    assert names[0] == "coffee.png" and names[-1] == "broken.png"


def test_files_dropped_anywhere_are_uploaded(page: Page, sign_in, project):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.wait_for_load_state("networkidle")
    picture = list((PHOTOS / "rocket.jpg").read_bytes())
    page.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
            for (const type of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        picture,
    )
    expect(page.locator(".tile", has_text="dropped.jpg")).to_be_visible(timeout=30_000)


def test_an_upload_without_a_server_fails_alone_and_can_be_retried(page: Page, sign_in, project, context):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    context.set_offline(True)
    page.set_input_files("[data-files]", [str(PHOTOS / "rocket.jpg")])
    tray = page.get_by_role("complementary", name="Uploads")
    expect(tray.get_by_role("status")).to_have_text("1 failed")
    context.set_offline(False)
    tray.get_by_role("button", name="Retry rocket.jpg").click()
    expect(tray.get_by_role("status")).to_have_text("1 file uploaded", timeout=30_000)
    expect(page.locator("[data-image-id]")).to_have_count(2)


def test_selected_images_are_marked_and_deleted(page: Page, sign_in, project, api):
    add_mask(api, project)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    tile = page.locator("[data-image-id]")
    expect(tile).to_have_attribute("data-state", "in_progress")
    expect(tile.locator(".tile-masks")).to_have_js_property("complete", True)
    assert tile.locator(".tile-masks").evaluate("picture => picture.naturalWidth") > 0
    tile.hover()
    tile.get_by_role("checkbox").check()
    page.get_by_role("button", name="Mark done").click()
    expect(tile).to_have_attribute("data-state", "done")
    expect(page.get_by_text("1 of 1 done")).to_be_visible()
    page.locator(".toast", has_text="1 image marked done.").get_by_role("button", name="Undo").click()
    expect(tile).to_have_attribute("data-state", "in_progress")

    page.keyboard.press("Control+a")
    expect(tile.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 1 image?")
    page.keyboard.press("Escape")
    expect(tile).to_have_count(1)
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(tile).to_have_count(0)
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()


def upload_small(manager, project, count: int, name: str = "small") -> None:
    """Pictures of a few pixels, all different."""

    def picture(k: int) -> bytes:
        written = io.BytesIO()
        Pillow.new("RGB", (8, 6), (k, len(name), 0)).save(written, "PNG")
        return written.getvalue()

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for k in range(count):
            archive.writestr(f"{name}_{k}.png", picture(k))
    file = {"name": "small.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    answer = manager.post(f"/api/projects/{project['id']}/images/", multipart={"files": file})
    assert answer.status == 201, answer.text()


def test_all_that_were_found_are_marked_whatever_page_they_are_on(page: Page, sign_in, project, api):
    upload_small(api("manager"), project, 64)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/?search=small")
    page.locator("[data-image-id]").first.hover()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="All 64 found").click()
    expect(page.locator("[data-selection-count]")).to_have_text("64 selected")
    page.get_by_role("button", name="Mark done").click()
    expect(page.get_by_text("64 images marked done.")).to_be_visible()
    expect(page.get_by_text("64 of 65 done")).to_be_visible()


def test_all_found_is_what_was_found_when_it_was_chosen(page: Page, sign_in, project, api):
    """Another search gives the choice up, and a list that has grown since is not acted on unseen."""
    manager = api("manager")
    upload_small(manager, project, 64)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/?search=small")
    page.locator("[data-image-id]").first.hover()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="All 64 found").click()
    page.get_by_role("searchbox", name="Find by name").fill("")
    expect(page.locator("[data-select-found='65']")).to_be_attached()
    expect(page.locator("[data-selection-bar]")).to_be_hidden()

    page.goto(f"/projects/{project['id']}/?search=small")
    page.locator("[data-image-id]").first.hover()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="All 64 found").click()
    upload_small(manager, project, 1, name="smaller")
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 64 images?")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("[data-toasts]")).to_contain_text("65 images by now")
    assert manager.get(f"/api/projects/{project['id']}/images/").json()["count"] == 66


def test_images_are_found_while_one_types_without_a_new_page(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/")
    page.evaluate("() => { window.isSamePage = true; }")
    name = page.locator(".tile-name").first.text_content()
    field = page.get_by_role("searchbox", name="Find by name")
    field.press_sequentially("nothing like it")
    expect(page.get_by_role("heading", name="No image fits these filters")).to_be_visible()
    expect(page.locator("[data-image-id]")).to_have_count(0)
    assert "search=nothing" in page.url
    field.fill(name[:4].upper())
    expect(page.locator("[data-image-id]")).to_have_count(1)
    assert page.evaluate("() => window.isSamePage")
    expect(field).to_be_focused()


def test_labels_are_edited_ordered_added_and_kept_while_in_use(page: Page, sign_in, project, api):
    add_mask(api, project)  # a cup
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    page.get_by_label("Name of spoon").fill("ladle")
    page.keyboard.press("Enter")
    page.get_by_label("Supercategory of spoon").fill("cutlery")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Move spoon up").click()
    expect(page.locator("[data-toasts]")).to_contain_text("Order saved")
    page.get_by_role("button", name="Delete cup").click()
    dialog = page.get_by_role("dialog", name="Move its masks first?")
    expect(dialog).to_contain_text("1 mask has the category cup")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name of cup")).to_be_visible()
    page.get_by_role("button", name="Delete cup").click()
    expect(dialog.locator("option")).to_have_text(["Choose a category", "ladle"])
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_label("Name", exact=True).fill("LADLE")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("already has a category")
    page.get_by_label("Name", exact=True).fill("plate")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Name of plate")).to_have_value("plate")

    rows = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert [(row["name"], row["supercategory"]) for row in rows] == [
        ("ladle", "cutlery"),
        ("cup", ""),
        ("plate", ""),
    ]
    page.get_by_role("button", name="Delete cup").click()
    dialog.locator("select").select_option("plate")
    dialog.get_by_role("button", name="Move and delete").click()
    expect(page.get_by_label("Name of cup")).to_have_count(0)
    rows = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert [(row["name"], row["annotation_count"]) for row in rows] == [("ladle", 0), ("plate", 1)]


def test_of_two_quick_moves_the_server_has_the_last_order(page: Page, sign_in, project, api):
    url = f"/api/projects/{project['id']}/categories/"
    for name in ("plate", "fork"):
        assert api("manager").post(url, data={"name": name}).ok
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")

    def slowly(route: Route) -> None:
        if route.request.method == "PATCH":
            page.wait_for_timeout(150)
        route.continue_()

    page.route("**/api/categories/*/", slowly)
    page.get_by_role("button", name="Move fork up").click()
    page.get_by_role("button", name="Move fork up").click()
    page.get_by_role("button", name="Move fork down").click()
    wanted = ["cup", "spoon", "fork", "plate"]
    names = page.locator("tr[data-category-id] input[name=name]")
    assert names.evaluate_all("inputs => inputs.map(input => input.value)") == wanted
    page.wait_for_load_state("networkidle")
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        saved = [row["name"] for row in api("manager").get(url).json()["results"]]
        if saved == wanted:
            break
        page.wait_for_timeout(200)
    page.wait_for_timeout(1000)  # nothing comes afterwards that undoes it
    assert [row["name"] for row in api("manager").get(url).json()["results"]] == wanted


def test_escape_during_a_drag_leaves_the_labels_in_their_order(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/labels/")
    requests = []
    page.on("request", lambda request: requests.append(request.method))
    grips = page.locator("[data-labels] .grip")
    first, last = (grips.nth(k).bounding_box() for k in (0, grips.count() - 1))
    x = first["x"] + first["width"] / 2
    page.mouse.move(x, first["y"] + first["height"] / 2)
    page.mouse.down()
    for y in (first["y"] + 30, last["y"], last["y"] + last["height"]):
        page.mouse.move(x, y, steps=5)
    expect(page.get_by_label(re.compile("^Name of ")).first).to_have_value("spoon")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.get_by_label(re.compile("^Name of ")).first).to_have_value("cup")
    page.wait_for_timeout(200)
    assert "PATCH" not in requests


@pytest.mark.parametrize("pointer", ["mouse", "finger"])
def test_labels_are_dragged_into_another_order(browser, site, project, api, pointer):
    with browser.new_context(base_url=site.url, has_touch=pointer == "finger") as context:
        page = context.new_page()
        sign_in_as(page, "manager")
        page.goto(f"/projects/{project['id']}/labels/")
        grips = page.locator("[data-labels] .grip")
        first, last = (grips.nth(k).bounding_box() for k in (0, grips.count() - 1))
        x = first["x"] + first["width"] / 2
        way = [first["y"] + first["height"] / 2, first["y"] + 30, last["y"], last["y"] + last["height"]]
        if pointer == "mouse":
            page.mouse.move(x, way[0])
            page.mouse.down()
            for y in way[1:]:
                page.mouse.move(x, y, steps=5)
            page.mouse.up()
        else:
            touch = context.new_cdp_session(page)
            for kind, y in [("touchStart", way[0]), *(("touchMove", y) for y in way[1:]), ("touchEnd", None)]:
                points = [] if y is None else [{"x": x, "y": y}]
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
                page.wait_for_timeout(100)
        expect(page.locator("[data-toasts]")).to_contain_text("Order saved")
        expect(page.get_by_label(re.compile("^Name of "))).to_have_count(2)
    rows = api("manager").get(f"/api/projects/{project['id']}/categories/").json()["results"]
    assert [row["name"] for row in rows] == ["spoon", "cup"]


def test_people_are_added_changed_removed_and_a_manager_stays(page: Page, sign_in, project, api):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/people/")
    page.get_by_label("User name").fill("nobody-of-that-name")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no user")
    page.get_by_label("Role of manager").select_option("viewer")
    expect(page.locator("[data-form-error]").first).to_contain_text("at least one manager")
    expect(page.get_by_label("Role of manager")).to_have_value("manager")
    page.get_by_label("Role of annotator").select_option("viewer")
    expect(page.locator("[data-toasts]")).to_contain_text("annotator is viewer now")
    page.locator("[data-username=annotator]").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_label("Role of annotator")).to_have_count(0)
    page.get_by_label("User name").fill("annotator")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Role of annotator")).to_have_value("annotator")


def test_an_export_is_started_followed_downloaded_and_deleted(
    page: Page, sign_in, project, api, tmp_path: Path
):
    add_mask(api, project)
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/exports/")
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog")
    coco = dialog.get_by_role("group", name="COCO instances")
    coco.get_by_label("Polygons").check()
    coco.get_by_label("Include the pictures").check()
    dialog.get_by_role("button", name="Export").click()
    expect(dialog).to_be_hidden()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "export.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert any(name.endswith(".json") for name in archive.namelist())
        assert any(name.endswith("coffee.png") for name in archive.namelist())
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No exports yet")).to_be_visible()


def test_the_export_form_shows_and_sends_the_options_of_the_chosen_format_alone(page: Page, sign_in, project):
    """A second format, as the page would write it for another row of the table."""
    fieldset = """<fieldset data-format="toy" hidden disabled><label>
        <input type="checkbox" data-option="with_authors" checked>Name the authors</label>
        <label><input type="radio" name="toy.box" value="size" data-option="box" checked>Size</label>
        <label><input type="radio" name="toy.box" value="corners" data-option="box">Two corners</label></fieldset>"""

    def with_toy(route: Route) -> None:
        if route.request.resource_type != "document":
            return route.continue_()
        response = route.fetch()
        toy = f'<option value="toy">Toy boxes</option></select></div>{fieldset}'
        body, count = re.subn(r"</select>\s*</div>", toy, response.text(), count=1)
        assert count == 1, "the page has no list of formats"
        route.fulfill(response=response, body=body)

    def starts(request: Request) -> bool:
        return request.method == "POST" and request.url.endswith("/exports/")

    sign_in("manager")
    page.route("**/exports/", with_toy)
    page.goto(f"/projects/{project['id']}/exports/")
    page.get_by_role("button", name="New export").click()
    dialog = page.get_by_role("dialog")
    coco = dialog.locator("[data-format=coco]")
    coco.get_by_label("Include the pictures").check()
    dialog.get_by_label("Format", exact=True).select_option("Toy boxes")
    expect(coco.get_by_label("Include the pictures")).to_be_hidden()
    dialog.get_by_label("Two corners").check()
    with page.expect_request(starts) as sent:
        dialog.get_by_role("button", name="Export").click()
    assert sent.value.post_data_json == {"format": "toy", "with_authors": True, "box": "corners"}
    dialog.get_by_label("Format", exact=True).select_option("COCO instances")
    expect(dialog.get_by_label("Two corners")).to_be_hidden()
    with page.expect_request(starts) as sent:
        dialog.get_by_role("button", name="Export").click()
    assert sent.value.post_data_json == {
        "format": "coco",
        "segmentation": "rle",
        "tolerance": "0",
        "holes": "cut",
        "include_images": True,
    }


def test_the_dashboard_draws_its_chart(page: Page, sign_in, project, api):
    add_mask(api, project)
    sign_in("annotator")
    page.goto(f"/projects/{project['id']}/dashboard/")
    chart = page.locator("[data-chart] canvas")
    expect(chart).to_be_visible()
    drawn = chart.evaluate(
        """canvas => new Uint8Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)
            .some(value => value > 0)"""
    )
    assert drawn


def test_settings_are_saved_and_a_project_ends_behind_its_name(page: Page, sign_in, project):
    sign_in("manager")
    page.goto(f"/projects/{project['id']}/settings/")
    name = f"Renamed {uuid.uuid4().hex[:6]}"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    end = page.get_by_role("button", name="Delete project")
    expect(end).to_be_disabled()
    page.get_by_label("Type the project's name").fill(name)
    end.click()
    page.wait_for_url(lambda url: url.endswith("/"))
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    assert page.goto(f"/projects/{project['id']}/").status == 404


def test_a_chosen_theme_stays(page: Page, sign_in):
    page.emulate_media(color_scheme="light")
    sign_in("manager")

    def background() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = background()
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = background()
    assert dark != light
    page.reload()
    assert background() == dark


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180)])
def test_no_page_is_wider_than_a_small_screen(page: Page, sign_in, project, api, width: int, height: int):
    add_mask(api, project)
    page.set_viewport_size({"width": width, "height": height})
    sign_in("manager")
    tabs = ("images", "dashboard", "labels", "people", "imports", "exports", "settings")
    for url in ("/", "/models/", *(f"/projects/{project['id']}/{tab}/" for tab in tabs)):
        page.goto(url, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, url
