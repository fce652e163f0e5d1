"""Masks that the model cannot finish are finished by hand: brush, eraser, polygon, and what mends a mask as a whole."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from segmentation import rle
from tests.e2e.workbench_driver import ON_THE_CUP, Bench, saved


def draw(bench: Bench, *places: tuple[float, float], button: str = "left") -> None:
    """A stroke with the button down through these image pixels."""
    bench.page.mouse.move(*bench.on_page(*places[0]))
    bench.page.mouse.down(button=button)
    for place in places[1:]:
        bench.page.mouse.move(*bench.on_page(*place), steps=4)
    bench.page.mouse.up(button=button)


def mask_of(api, image: dict) -> np.ndarray:
    (annotation,) = saved(api, image)
    return rle.decode(annotation["segmentation"])


@pytest.fixture
def image(make_project) -> dict:
    return make_project("coffee.png").images[0]


def test_a_mask_is_painted_erased_and_saved_to_the_pixel(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '20')")
    bench.open(image).press("b")
    draw(bench, (100, 100), (200, 100))
    draw(bench, (150, 100), (150, 101), button="right")
    bench.wait_until_drawn_on((120, 100))
    bench.save()
    mask = mask_of(api, image)
    rows, columns = np.nonzero(mask)
    assert abs(columns.min() - 80) <= 2 and abs(columns.max() - 220) <= 2
    assert abs(rows.min() - 80) <= 2 and abs(rows.max() - 120) <= 2
    assert mask[100, 100] and not mask[100, 150] and mask[100, 200]
    (annotation,) = saved(api, image)
    assert (annotation["prompt"], annotation["predicted_iou"], annotation["clicks"]) == (None, None, 2)


def test_a_prompts_mask_is_finished_with_the_brush_and_each_stroke_is_undone_by_itself(
    bench: Bench,
    api,
    image,
):
    bench.open(image).click(ON_THE_CUP)
    bench.press("b")
    draw(bench, (30, 350), (60, 350))
    draw(bench, (500, 350), (560, 350))
    bench.press("Control+z")
    bench.save()
    mask = mask_of(api, image)
    assert mask[190, 300], "the prompt's mask"
    assert mask[350, 45] and not mask[350, 530]


def test_a_click_refines_what_was_painted_and_does_not_begin_anew(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '60')")
    bench.open(image).press("b")
    draw(bench, (220, 130), (380, 130), (380, 200), (220, 200), (300, 160))
    bench.press("c")
    bench.click((300, 60))
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("Save as cup")
    bench.save()
    mask = mask_of(api, image)
    painted = [(x, y) for x in range(200, 400, 20) for y in range(110, 220, 10)]
    assert np.mean([mask[y, x] for x, y in painted]) > 0.8, "most of what was painted stays"
    (annotation,) = saved(api, image)
    assert annotation["prompt"] is None and annotation["predicted_iou"] is not None
    bench.objects.get_by_role("button", name="Edit cup 1").click()
    bench.click((180, 300), button="right")
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("Update cup 1")


def test_erasing_from_a_mask_that_is_looked_at_edits_it(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '20')")
    bench.open(image).press("b")
    draw(bench, (100, 100), (200, 100))
    bench.save()
    bench.objects.first.get_by_role("button", name="cup 1").first.click()
    bench.press("Shift+B")
    draw(bench, (100, 100), (101, 100))
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("Editing cup 1")
    bench.press("Enter")
    bench.wait_until_saved()
    mask = mask_of(api, image)
    assert not mask[100, 100] and mask[100, 200]


def test_a_polygon_is_set_corner_by_corner_and_closed_by_enter(bench: Bench, api, image):
    bench.open(image).press("l")
    for corner in ((100, 100), (300, 100), (300, 200), (400, 400)):
        bench.page.mouse.click(*bench.on_page(*corner))
    bench.press("q")  # takes the last corner back
    bench.page.mouse.click(*bench.on_page(100, 200))
    bench.press("Enter")
    bench.wait_until_drawn_on((200, 150))
    bench.save()
    mask = mask_of(api, image)
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max(), rows.max())
    assert np.abs(np.subtract(box, (100, 100, 300, 200))).max() <= 2
    assert abs(mask.sum() - 200 * 100) < 1000


def test_a_lasso_drawn_freely_closes_where_it_began_and_escape_gives_it_up(bench: Bench, api, image):
    bench.open(image).press("l")
    bench.page.mouse.click(*bench.on_page(500, 50))
    bench.press("Escape")
    draw(bench, (100, 100), (250, 100), (250, 220), (100, 220), (100, 102))
    bench.wait_until_drawn_on((180, 160))
    bench.save()
    assert abs(mask_of(api, image).sum() - 150 * 120) < 1500


def test_holes_are_filled_and_crumbs_dropped_by_a_key(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '30')")
    bench.open(image).press("b")
    draw(bench, (100, 150), (250, 150), (250, 300), (100, 300), (100, 150))
    for _ in range(12):
        bench.press("[")
    draw(bench, (500, 50), (501, 50))
    bench.press("Shift+H", "Shift+C")
    bench.save()
    mask = mask_of(api, image)
    assert mask[225, 175], "the hole"
    assert not mask[50, 500], "the crumb"
    bench.press("Control+z", "Control+z", "Control+z")  # the save, and both changes
    bench.save()
    mask = mask_of(api, image)
    assert not mask[225, 175] and mask[50, 500]


# --- marks of the prompt ---


def test_points_are_dragged_and_taken_away_by_a_click_and_boxes_resized(bench: Bench, api, image):
    bench.open(image).click(ON_THE_CUP)
    bench.click((40, 340))
    bench.drag((40, 340), (200, 100))
    bench.click((200, 100))  # on the point: it goes
    bench.save()
    (annotation,) = saved(api, image)
    assert annotation["prompt"]["point_coords"] == [list(ON_THE_CUP)]
    bench.drag((150, 50), (400, 300))
    bench.drag((400, 200), (450, 200))
    bench.press("Control+z", "Control+Shift+z")
    bench.save()
    prompts = [row["prompt"] for row in saved(api, image)]
    x0, y0, x1, y1 = next(prompt["box"] for prompt in prompts if prompt["box"])
    assert np.abs(np.subtract((x0, y0, x1, y1), (150, 50, 450, 300))).max() <= 2


def test_a_mask_is_made_by_the_keyboard_alone_and_its_result_is_said(bench: Bench, api, image):
    bench.open(image)
    bench.page.locator("[data-stage]").focus()
    bench.press("ArrowUp")  # the crosshair stands in the middle
    for _ in range(3):
        bench.press("Shift+ArrowUp")
    before = bench.count("click-to-mask")
    bench.press("j")
    bench.wait_for_masks(before + 1)
    expect(bench.page.locator("[data-announcement]")).to_have_text(
        re.compile(r"^The mask covers \d+\.\d % of the image; predicted IoU [01]\.\d\d, (good|fair|poor)\.$")
    )
    for _ in range(6):
        bench.press("Shift+ArrowLeft")
    bench.press("Shift+J")
    bench.wait_for_masks(before + 2)
    bench.save()
    (annotation,) = saved(api, image)
    (x, y), (left, _) = annotation["prompt"]["point_coords"]
    assert abs(x - image["width"] / 2) <= 1 and y < image["height"] / 2 - 40 and left < x - 80
    assert annotation["prompt"]["point_labels"] == [1, 0]


# --- keys for the left hand ---


def test_space_taps_accept_and_space_drags_move_the_image(bench: Bench, api, image):
    bench.open(image).click(ON_THE_CUP)
    before = bench.view
    bench.page.keyboard.down(" ")
    draw(bench, (300, 200), (340, 220))
    bench.page.keyboard.up(" ")
    assert (bench.view["offsetX"], bench.view["offsetY"]) != (before["offsetX"], before["offsetY"])
    expect(bench.objects).to_have_count(0)
    bench.press(" ")
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()


def test_the_left_hand_takes_back_and_goes_through_candidates_and_images(bench: Bench, make_project):
    first, second = make_project("coffee.png", "chelsea.png").images
    bench.open(first).click(ON_THE_CUP)
    bench.press("w")
    expect(bench.candidates.nth(1)).to_have_attribute("aria-pressed", "true")
    bench.press("q")
    expect(bench.candidates).to_have_count(0)
    bench.press("s")
    bench.page.wait_for_url(f"**/images/{second['id']}/annotate/")
    bench.press("a")
    bench.page.wait_for_url(f"**/images/{first['id']}/annotate/")


def polygon_figures(bench: Bench) -> tuple[int, float]:
    """Corners shown, and how well they stand for the mask."""
    output = bench.page.locator("[data-polygon-figures]")
    expect(output).to_contain_text("IoU")
    corners, iou = re.search(r"→ (\d+) points?, IoU ([\d.]+)", output.inner_text()).groups()
    return int(corners), float(iou)


def test_corners_of_a_saved_mask_are_dragged_and_the_rest_of_it_stays_to_the_pixel(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '60')")
    bench.open(image).press("b")
    draw(bench, (300, 150), (300, 151))
    bench.save()
    before = mask_of(api, image)
    bench.objects.first.click()
    bench.press("Shift+l")
    corners, iou = polygon_figures(bench)
    assert corners >= 8 and iou > 0.97
    slider = bench.page.get_by_label("Fewer corners")
    slider.fill("70")
    fewer, worse = polygon_figures(bench)
    assert fewer < corners and worse < iou
    slider.fill("10")
    polygon_figures(bench)

    # The leftmost point of the disc, pulled out to the left.
    draw(bench, (240, 150), (200, 150))
    expect(bench.page.locator("[data-prompt-bar]")).to_contain_text("Editing cup 1")
    bench.press("Enter")
    bench.wait_until_saved()
    after = mask_of(api, image)
    assert after[150, 210] and not before[150, 210]
    assert (after[:, 300:] == before[:, 300:]).all(), "the right half is as it was"
    bench.press("Control+z")
    bench.press("Control+z")
    bench.wait_until_saved()
    assert (mask_of(api, image) == before).all()


def test_pieces_are_kept_or_dropped_by_the_pointer_and_by_their_size(bench: Bench, api, image):
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '20')")
    bench.open(image).press("b")
    for x in (100, 200, 300):
        draw(bench, (x, 100), (x, 101))
    for _ in range(6):
        bench.press("[")
    draw(bench, (400, 100), (400, 101))
    bench.page.mouse.move(*bench.on_page(200, 100))
    bench.press("Shift+x")
    bench.press("Shift+l")
    polygon_figures(bench)
    bench.page.get_by_label("Pieces under").fill("400")
    bench.page.get_by_role("button", name="Drop", exact=True).click()
    bench.save()
    mask = mask_of(api, image)
    assert [bool(mask[100, x]) for x in (100, 200, 300, 400)] == [True, False, True, False]
    bench.objects.first.click()
    bench.page.mouse.move(*bench.on_page(300, 100))
    bench.press("Shift+p", "Enter")
    expect(bench.page.locator("[data-prompt-bar]")).not_to_contain_text("Editing")
    bench.wait_until_saved()
    mask = mask_of(api, image)
    assert [bool(mask[100, x]) for x in (100, 300)] == [False, True]


def test_scissors_follow_the_rim_of_the_cup_from_click_to_click(bench: Bench, api, image):
    bench.open(image).press("Shift+e")
    rim = [(172, 110), (255, 28), (345, 60), (357, 130)]
    for place in rim:
        bench.page.mouse.click(*bench.on_page(*place))
    bench.press("Enter")
    bench.wait_until_drawn_on((260, 60))
    bench.save()
    by_edges = mask_of(api, image)
    bench.press("Control+z", "Control+z")
    expect(bench.objects).to_have_count(0)
    bench.press("l")
    for place in rim:
        bench.page.mouse.click(*bench.on_page(*place))
    bench.press("Enter")
    bench.save()
    straight = mask_of(api, image)
    # The rim bulges out between the clicks: upper left of the chord there is cup.
    assert by_edges[52, 203] and not straight[52, 203]
    assert by_edges.sum() > 1.05 * straight.sum()


def test_where_the_newer_mask_wins_it_takes_its_pixels_from_the_older_one(bench: Bench, api, image):
    project = image["project"]
    answer = api("manager").patch(f"/api/projects/{project}/", data={"overlap": "newest"})
    assert answer.ok, answer.text()
    bench.page.add_init_script("localStorage.setItem('maskwright.brush', '30')")
    bench.open(image).press("b")
    draw(bench, (200, 100), (201, 100))
    bench.save()
    draw(bench, (230, 100), (231, 100))
    bench.save()
    older, newer = (rle.decode(row["segmentation"]) for row in saved(api, image))
    assert not (older & newer).any()
    assert newer[100, 215] and older[100, 180] and not older[100, 215]
    bench.press("Control+z")
    expect(bench.objects).to_have_count(1)
    bench.wait_until_saved()
    assert mask_of(api, image)[100, 215], "one step takes both back"


def test_a_shape_that_is_not_closed_is_kept_however_it_is_left(bench: Bench, api, make_project):
    first, second = make_project("coffee.png", "chelsea.png").images
    corners = [(100, 100), (180, 100), (180, 180), (100, 180)]

    def draw() -> None:
        bench.press("l")
        for corner in corners:
            bench.page.mouse.click(*bench.on_page(*corner))

    bench.open(first)
    draw()
    expect(bench.page.locator("[data-save-state]")).not_to_contain_text("All changes saved")
    bench.press("b")  # another tool: the shape is closed
    bench.wait_until_drawn_on((140, 140))
    bench.press("Escape")
    draw()
    bench.press("n")  # another image: it is accepted, as any open mask is
    bench.page.wait_for_url(f"**/images/{second['id']}/**")
    bench.wait_until_saved()
    [mask] = saved(api, first)
    assert abs(mask["area"] - 80 * 80) < 200
