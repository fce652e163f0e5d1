"""Several objects at once, and what is done with a selected one: on the screen, and as it is saved."""

from __future__ import annotations

import base64
import io
import re
import uuid

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, expect

from segmentation import rle
from tests.e2e.workbench_driver import PHOTOS, Bench, Project, saved

# Squares of coffee.png (600 x 400): left, top, side. B lies half on A.
SQUARES = {"a": (100, 100, 80), "b": (140, 100, 80), "c": (300, 250, 60)}


def centre(name: str) -> tuple[float, float]:
    left, top, side = SQUARES[name]
    return (left + side / 2, top + side / 2)


def add(api, project: Project, image: dict, *boxes: tuple[int, int, int], category: int = 0) -> None:
    """Saves a square mask for each."""
    for left, top, side in boxes:
        mask = np.zeros((image["height"], image["width"]), bool)
        mask[top : top + side, left : left + side] = True
        answer = api("annotator").post(
            f"/api/images/{image['id']}/annotations/",
            data={
                "id": str(uuid.uuid4()),
                "category": project.categories[category]["id"],
                "segmentation": rle.encode(mask),
            },
        )
        assert answer.status == 201, answer.text()


def masks(api, image: dict) -> list[np.ndarray]:
    return [rle.decode(row["segmentation"]) for row in saved(api, image)]


@pytest.fixture
def project(make_project, api) -> Project:
    """One image with three squares: cup 1, cup 2 and cup 3."""
    project = make_project("coffee.png")
    add(api, project, project.images[0], *SQUARES.values())
    return project


@pytest.fixture
def image(project: Project) -> dict:
    return project.images[0]


def row(bench: Bench, name: str):
    return bench.objects.locator(".bench-object-main").filter(has_text=re.compile(f"^{name}"))


def selected(bench: Bench) -> list[str]:
    pressed = bench.page.locator(".bench-object-main[aria-pressed=true]")
    return sorted(text.strip() for text in pressed.all_inner_texts())


def expect_selected(bench: Bench, *names: str) -> None:
    expect(bench.page.locator(".bench-object-main[aria-pressed=true]")).to_have_count(len(names))
    assert [" ".join(text.split()) for text in selected(bench)] == sorted(names)


def alpha_on(bench: Bench, place: tuple[float, float]) -> int:
    """How strongly the saved masks' sheet is painted at this image pixel."""
    return bench.page.evaluate(
        """([x, y]) => {
            const stage = document.querySelector("[data-stage]");
            const {scale, offsetX, offsetY} = JSON.parse(stage.dataset.viewFrame);
            const sheet = stage.querySelector("canvas[data-sheet=masks]").getContext("2d");
            const at = [offsetX + (x + 0.5) * scale, offsetY + (y + 0.5) * scale];
            return sheet.getImageData(...at.map((v) => Math.round(v * devicePixelRatio)), 1, 1).data[3];
        }""",
        list(place),
    )


def test_rows_are_selected_as_in_a_list_of_files_and_stand_out_on_the_image(bench: Bench, image):
    bench.open(image)
    expect(bench.objects).to_have_count(3)
    row(bench, "cup 1").click()
    expect_selected(bench, "cup 1")
    row(bench, "cup 3").click(modifiers=["ControlOrMeta"])
    expect_selected(bench, "cup 1", "cup 3")
    strong, weak = alpha_on(bench, centre("c")), alpha_on(bench, (205, 140))  # the part of B that is not A's
    assert strong > weak > 0, "the other mask makes room"
    row(bench, "cup 3").click(modifiers=["Shift"])
    expect_selected(bench, "cup 1", "cup 2", "cup 3")
    row(bench, "cup 3").click(modifiers=["ControlOrMeta"])
    expect_selected(bench, "cup 1", "cup 2")
    bench.press("Escape")
    expect_selected(bench)


def test_masks_are_selected_together_on_the_image_and_by_ctrl_a(bench: Bench, image):
    bench.open(image).press("v")
    expect(bench.objects).to_have_count(3)
    bench.page.mouse.click(*bench.on_page(*centre("c")))
    bench.page.keyboard.down("Shift")
    bench.page.mouse.click(*bench.on_page(110, 110))
    bench.page.mouse.click(*bench.on_page(500, 50))  # no mask is there
    bench.page.keyboard.up("Shift")
    expect_selected(bench, "cup 1", "cup 3")
    bench.press("Control+a")
    expect_selected(bench, "cup 1", "cup 2", "cup 3")
    assert bench.page.evaluate("String(getSelection())") == "", "the page's text is not what was meant"
    bench.page.mouse.click(*bench.on_page(500, 50))
    expect_selected(bench)


def test_fingers_and_keys_alone_select_several_too(bench: Bench, image):
    bench.open(image)
    row(bench, "cup 1").click()
    more = bench.page.get_by_role("button", name="Select more")
    more.click()
    expect(more).to_have_attribute("aria-pressed", "true")
    row(bench, "cup 2").click()
    row(bench, "cup 3").click()
    expect_selected(bench, "cup 1", "cup 2", "cup 3")
    bench.press("Escape")
    expect_selected(bench)
    row(bench, "cup 1").focus()
    bench.press("Enter", "Shift+A")
    expect(row(bench, "cup 1")).to_be_focused()
    row(bench, "cup 3").focus()
    bench.press("Enter")
    expect_selected(bench, "cup 1", "cup 3")


def test_a_digit_relabels_all_that_are_selected_and_one_undo_takes_it_back(bench: Bench, api, image):
    bench.open(image)
    expect(bench.objects).to_have_count(3)
    bench.press("Control+a", "2")
    expect(bench.objects.filter(has_text="person")).to_have_count(3)
    bench.wait_until_saved()
    assert len({row["category"] for row in saved(api, image)}) == 1
    bench.press("Control+z")
    expect(bench.objects.filter(has_text="cup")).to_have_count(3)


def test_all_that_are_selected_are_deleted_with_one_message_and_brought_back_by_it(bench: Bench, api, image):
    bench.open(image)
    row(bench, "cup 1").click()
    row(bench, "cup 2").click(modifiers=["ControlOrMeta"])
    bench.press("Delete")
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 1
    message = bench.page.locator(".toast")
    expect(message).to_have_count(1)
    expect(message).to_contain_text("Deleted 2 objects.")
    message.get_by_role("button", name="Undo").click()
    expect(bench.objects).to_have_count(3)
    bench.wait_until_saved()
    assert len(saved(api, image)) == 3


def test_a_message_brings_deleted_masks_back_to_an_image_that_was_left(bench: Bench, api, make_project):
    project = make_project("coffee.png", "chelsea.png")
    first, second = project.images
    add(api, project, first, *SQUARES.values())
    bench.open(first)
    expect(bench.objects).to_have_count(3)
    bench.press("Control+a", "Delete")
    bench.wait_until_saved()
    assert saved(api, first) == []
    bench.press("n")
    bench.page.wait_for_url(f"**/images/{second['id']}/annotate/")
    bench.page.locator(".toast").get_by_role("button", name="Undo").click()
    bench.wait_until_saved()
    assert len(saved(api, first)) == 3
    expect(bench.objects).to_have_count(0)


def test_h_hides_those_that_are_selected_and_shows_them_again(bench: Bench, image):
    bench.open(image)
    row(bench, "cup 1").click()
    row(bench, "cup 2").click(modifiers=["ControlOrMeta"])
    bench.press("h")
    expect(bench.page.locator(".bench-object.is-hidden")).to_have_count(2)
    bench.press("h")
    expect(bench.page.locator(".bench-object.is-hidden")).to_have_count(0)


def test_selected_masks_are_merged_into_the_first_one_and_taken_apart_again(bench: Bench, api, image):
    before = masks(api, image)
    bench.open(image)
    bar = bench.page.locator("[data-selected]")
    expect(bar).to_be_hidden()
    row(bench, "cup 1").click()
    expect(bar.get_by_role("button", name="Merge")).to_be_hidden()
    row(bench, "cup 3").click(modifiers=["ControlOrMeta"])
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Merge").click()
    expect(bench.objects).to_have_count(2)
    bench.wait_until_saved()
    merged, other = saved(api, image)
    assert np.array_equal(rle.decode(merged["segmentation"]), before[0] | before[2])
    assert np.array_equal(rle.decode(other["segmentation"]), before[1])
    assert (merged["prompt"], merged["predicted_iou"], merged["stability_score"]) == (None, None, None)
    bar.get_by_role("button", name="Split").click()
    expect(bench.objects).to_have_count(3)
    bench.wait_until_saved()
    assert sorted(mask.sum() for mask in masks(api, image)) == [60 * 60, 80 * 80, 80 * 80]
    bench.press("Control+z", "Control+z")
    bench.wait_until_saved()
    assert [mask.sum() for mask in masks(api, image)] == [80 * 80, 80 * 80, 60 * 60]


def test_masks_are_subtracted_and_intersected_by_keys_to_the_pixel(bench: Bench, api, image):
    a, b, c = masks(api, image)
    bench.open(image)
    row(bench, "cup 1").click()
    row(bench, "cup 2").click(modifiers=["ControlOrMeta"])
    bench.press("Shift+U")
    bench.wait_until_saved()
    assert [np.array_equal(*pair) for pair in zip(masks(api, image), (a & ~b, b, c), strict=True)] == [
        True
    ] * 3
    bench.press("Control+z", "Shift+I")
    bench.wait_until_saved()
    assert [np.array_equal(*pair) for pair in zip(masks(api, image), (a & b, b, c), strict=True)] == [
        True
    ] * 3
    bench.press("Escape")
    row(bench, "cup 3").click()
    bench.press("y")
    expect(bench.page.locator(".toast")).to_contain_text("in one piece already")


def test_a_duplicate_lies_beside_its_mask_and_is_selected(bench: Bench, api, image):
    bench.open(image)
    row(bench, "cup 3").click()
    bench.press("Control+d")
    expect(bench.objects).to_have_count(4)
    expect_selected(bench, "cup 4")
    bench.wait_until_saved()
    *_, original, copy = masks(api, image)
    left, top, side = SQUARES["c"]
    rows, columns = np.nonzero(copy)
    assert copy.sum() == original.sum() and (columns.min(), rows.min()) == (left + 12, top + 12)
    bench.press("Delete")
    expect(bench.objects).to_have_count(3)


def test_copied_masks_are_pasted_at_the_same_place_on_another_image(bench: Bench, api, make_project):
    project = make_project("coffee.png", "chelsea.png")  # 600 x 400 and 451 x 300
    first, second = project.images
    add(api, project, first, (100, 100, 80), category=1)
    add(api, project, first, (420, 270, 60))
    bench.open(first)
    expect(bench.objects).to_have_count(2)
    bench.press("Control+a", "Control+c")
    expect(bench.page.locator(".toast")).to_contain_text("Copied 2 objects.")
    bench.press("n")
    bench.page.wait_for_url(f"**/images/{second['id']}/annotate/")
    bench.wait_until_ready()
    bench.press("Control+v")
    expect(bench.objects).to_have_count(2)
    expect(bench.page.locator(".toast").last).to_contain_text("cut off")
    bench.wait_until_saved()
    whole, cut = masks(api, second)
    if whole.sum() < cut.sum():
        whole, cut = cut, whole
    assert whole[100:180, 100:180].all() and whole.sum() == 80 * 80
    assert cut[270:300, 420:451].all() and cut.sum() == 30 * 31
    names = {row["id"]: row["name"] for row in project.categories}
    assert sorted(names[row["category"]] for row in saved(api, second)) == ["cup", "person"]
    bench.page.reload()
    bench.wait_until_ready()
    expect(bench.objects).to_have_count(2)
    bench.press("Control+v")
    expect(bench.objects).to_have_count(4)


def test_an_object_is_repeated_from_image_to_image_by_its_box(bench: Bench, api, make_project):
    project = make_project("coffee.png", "chelsea.png", "astronaut.png")
    first, second, third = project.images
    add(api, project, first, (200, 80, 100), category=1)
    bench.open(first)
    row(bench, "person 1").click()
    bench.press("r")
    bench.page.wait_for_url(f"**/images/{second['id']}/annotate/")
    prompt_bar = bench.page.locator("[data-prompt-bar]")
    expect(prompt_bar).to_contain_text("Save as person", timeout=30_000)
    bench.press("r")  # accepts it, and goes on with its box
    bench.page.wait_for_url(f"**/images/{third['id']}/annotate/")
    expect(prompt_bar).to_contain_text("Save as person", timeout=30_000)
    bench.wait_until_saved()
    (annotation,) = saved(api, second)
    assert annotation["prompt"]["box"] == [200, 80, 300, 180]
    assert annotation["category"] == project.categories[1]["id"]
    assert annotation["predicted_iou"] is not None
    bench.save()
    (last,) = saved(api, third)
    left, top, width, height = annotation["bbox"]
    assert last["prompt"]["box"] == [left, top, left + width, top + height]


def expect_cut_out(picture: np.ndarray) -> None:
    """Of C and A together: the box around both, opaque on them alone, in the photograph's own colours."""
    photo = np.asarray(Image.open(PHOTOS / "coffee.png").convert("RGB"))[100:310, 100:360]
    inside = np.zeros(photo.shape[:2], bool)
    for name in ("a", "c"):
        left, top, side = SQUARES[name]
        inside[top - 100 : top - 100 + side, left - 100 : left - 100 + side] = True
    assert picture.shape == (210, 260, 4)
    assert np.array_equal(picture[..., 3], np.where(inside, 255, 0))
    assert np.array_equal(picture[..., :3][inside], photo[inside])


def select_a_and_c(bench: Bench, image: dict) -> None:
    bench.open(image)
    row(bench, "cup 1").click()
    row(bench, "cup 3").click(modifiers=["ControlOrMeta"])


def test_the_cut_out_of_what_is_selected_is_saved_as_a_picture(bench: Bench, image):
    select_a_and_c(bench, image)
    with bench.page.expect_download() as caught:
        bench.press("Control+Shift+S")
    assert caught.value.suggested_filename == "coffee-2-objects.png"
    expect_cut_out(np.asarray(Image.open(caught.value.path())))


def test_the_cut_out_is_copied_where_the_browser_allows_it(bench: Bench, context: BrowserContext, image):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    select_a_and_c(bench, image)
    bench.page.locator("[data-selected]").get_by_role("button", name="Copy the object's picture").click()
    expect(bench.page.locator(".toast")).to_contain_text("Copied the cut-out of 2 objects.")
    encoded = bench.page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
        }"""
    )
    expect_cut_out(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))))


def test_a_cut_out_that_may_not_be_copied_is_offered_as_a_file(
    bench: Bench, context: BrowserContext, site, image
):
    devtools = context.browser.new_browser_cdp_session()
    select_a_and_c(bench, image)
    session = context.new_cdp_session(bench.page)
    context_id = session.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
    devtools.send(
        "Browser.setPermission",
        {
            "permission": {"name": "clipboard-write", "allowWithoutSanitization": False},
            "setting": "denied",
            "origin": site.url,
            "browserContextId": context_id,
        },
    )
    bench.press("Control+Shift+X")
    message = bench.page.locator(".toast.error")
    expect(message).to_contain_text("does not let this page copy pictures")
    with bench.page.expect_download() as caught:
        message.get_by_role("button", name="Save as a file").click()
    expect_cut_out(np.asarray(Image.open(caught.value.path())))
